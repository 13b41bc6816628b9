//! DESCRIBE of one path, and the one try at a login that it may take. Whatever comes of it, the server is alive: it has
//! answered OPTIONS.

use super::{Dialog, Heard, LoginTries, RtspAsk, RtspLogin};
use crate::model::{Failure, FailureKind, RtspDescribed, RtspLoginState, RtspMedia, RtspScheme, Step, hidden, metric};
use crate::net::classify::clean;
use crate::net::{chance, clock};
use crate::probe::layers::Climb;
use crate::wire::rtsp::login::{Challenge, Login, Scheme};
use crate::wire::rtsp::media::{Media, media};
use crate::wire::rtsp::{Answer, Body};

/// Most characters of a medium's kind and of a codec.
const LONGEST_WORD: usize = 32;

/// Asks, logs in where that is asked for, and records what came.
pub async fn describe(climb: &mut Climb<'_>, dialog: &mut Dialog, (ask, tries): (&RtspAsk, &LoginTries), path: &str) {
    // The path is the user's own, and some cameras want the password in it.
    let shown = hidden(path.split('?').next().unwrap_or_default(), ask.login.as_ref().map(|l| &l.password));
    let mut told = RtspDescribed { path: clean(&shown, 200), ..RtspDescribed::default() };
    let start = clock::now();
    let result = talk(climb, dialog, (ask, tries), path, &mut told).await;
    let took = clock::now().duration_since(start);
    match result {
        Ok(answer) => {
            climb.obs.step_ok(Step::Describe, took);
            record(&mut told, dialog, &answer);
        }
        Err(failure) => climb.obs.step_noted(&failure, took),
    }
    climb.obs.facts.set(&metric::RTSP_DESCRIBE, told);
}

/// The last answer.
async fn talk(
    climb: &Climb<'_>,
    dialog: &mut Dialog,
    (ask, tries): (&RtspAsk, &LoginTries),
    path: &str,
    told: &mut RtspDescribed,
) -> Result<Answer, Failure> {
    let uri = climb.task.uri(path);
    let first = asked(climb, dialog, &uri, None).await?;
    if first.status != 401 {
        told.login = Some(RtspLoginState::None);
        return Ok(first);
    }
    let Some(challenge) = Challenge::best(first.values("www-authenticate")) else {
        told.login = Some(RtspLoginState::Unsupported);
        return Ok(first);
    };
    let scheme = match challenge.scheme() {
        Scheme::Digest => RtspScheme::Digest,
        Scheme::Basic => RtspScheme::Basic,
    };
    told.scheme = Some(scheme);
    told.realm = Some(dialog.discreet.text(challenge.realm(), 100));
    let Some(RtspLogin { username, password }) = &ask.login else {
        told.login = Some(RtspLoginState::Asked);
        return Ok(first);
    };
    if !tries.may_try(climb.task) {
        told.login = Some(RtspLoginState::Spared);
        return Ok(first);
    }
    let nonce = format!("{:032x}", u128::from_ne_bytes(chance::bytes()));
    let login = Login { username, password: password.expose(), method: "DESCRIBE", uri: &uri };
    let Ok(authorization) = challenge.answer(login, &nonce) else {
        told.login = Some(RtspLoginState::Unsupported);
        return Ok(first);
    };
    // Until it is answered, all that is known is that it was sent.
    told.login = Some(RtspLoginState::Sent);
    let second = asked(climb, dialog, &uri, Some(&authorization)).await?;
    told.login = Some(if second.status == 401 { RtspLoginState::Refused } else { scheme.taken() });
    Ok(second)
}

async fn asked(
    climb: &Climb<'_>,
    dialog: &mut Dialog,
    uri: &str,
    authorization: Option<&str>,
) -> Result<Answer, Failure> {
    let heard = dialog.ask(Step::Describe, "DESCRIBE", uri, authorization, climb.remaining()).await;
    match heard.map_err(super::Unheard::failure)? {
        Heard { answer, .. } if matches!(answer.body, Body::TooLong(_)) && answer.status == 200 => {
            let Body::TooLong(bytes) = answer.body else { return Ok(answer) };
            let detail = format!("the description claims {bytes} bytes, more than any stream needs");
            Err(Failure::new(Step::Describe, FailureKind::TooLarge, detail))
        }
        heard => Ok(heard.answer),
    }
}

fn record(told: &mut RtspDescribed, dialog: &Dialog, answer: &Answer) {
    told.status = Some(answer.status);
    let Body::Whole(sdp) = &answer.body else { return };
    if answer.status == 200 {
        let word = |text: &String| dialog.discreet.text(text, LONGEST_WORD);
        let one = |m: &Media| RtspMedia { kind: word(&m.kind), codecs: m.codecs.iter().map(word).collect() };
        told.media = Some(media(sdp).iter().map(one).collect());
    }
}
