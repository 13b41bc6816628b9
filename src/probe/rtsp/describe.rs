//! DESCRIBE of one path, and the one try at a login that it may take. Whatever comes of it, the server is alive: it has
//! answered OPTIONS.

use serde_json::{Map, Value, json};

use super::{Dialog, Heard, RtspAsk, RtspLogin};
use crate::model::{Failure, FailureKind, Secret, Step, hidden, metric};
use crate::net::classify::clean;
use crate::net::{chance, clock};
use crate::probe::layers::Climb;
use crate::wire::rtsp::login::{Challenge, Login};
use crate::wire::rtsp::media::media;
use crate::wire::rtsp::{Answer, Body};

/// What is told of a description, as it stands in `observed.rtsp_describe`.
struct Told<'a> {
    fields: Map<String, Value>,
    secret: Option<&'a Secret>,
}

impl Told<'_> {
    /// Text of the server, or of the user, that may hold the password.
    fn text(&mut self, name: &str, text: &str, max: usize) {
        self.fields.insert(name.to_owned(), clean(&hidden(text, self.secret), max).into());
    }

    fn login(&mut self, word: &str) {
        self.fields.insert("login".to_owned(), word.into());
    }
}

/// Asks, logs in where that is asked for, and records what came.
pub async fn describe(climb: &mut Climb<'_>, dialog: &mut Dialog, ask: &RtspAsk, path: &str) {
    let mut told = Told { fields: Map::new(), secret: ask.login.as_ref().map(|l| &l.password) };
    told.text("path", path.split('?').next().unwrap_or_default(), 200);
    let start = clock::now();
    let result = talk(climb, dialog, ask, path, &mut told).await;
    let took = clock::now().duration_since(start);
    match result {
        Ok(answer) => {
            climb.obs.step_ok(Step::Describe, took);
            record(&mut told, &answer);
        }
        Err(failure) => climb.obs.step_noted(&failure, took),
    }
    climb.obs.facts.set(&metric::RTSP_DESCRIBE, told.fields);
}

/// The last answer.
async fn talk(
    climb: &Climb<'_>,
    dialog: &mut Dialog,
    ask: &RtspAsk,
    path: &str,
    told: &mut Told<'_>,
) -> Result<Answer, Failure> {
    let uri = climb.task.uri(path);
    let first = asked(climb, dialog, &uri, None).await?;
    if first.status != 401 {
        told.login("none");
        return Ok(first);
    }
    let Some(challenge) = Challenge::best(first.values("www-authenticate")) else {
        told.login("unsupported");
        return Ok(first);
    };
    let scheme = challenge.scheme().as_str();
    told.fields.insert("scheme".to_owned(), scheme.into());
    told.text("realm", challenge.realm(), 100);
    let Some(RtspLogin { username, password }) = &ask.login else {
        told.login("asked");
        return Ok(first);
    };
    if !ask.may_try(climb.task) {
        told.login("spared");
        return Ok(first);
    }
    let nonce = format!("{:032x}", u128::from_ne_bytes(chance::bytes()));
    let login = Login { username, password: password.expose(), method: "DESCRIBE", uri: &uri };
    let Ok(authorization) = challenge.answer(login, &nonce) else {
        told.login("unsupported");
        return Ok(first);
    };
    // Until it is answered, all that is known is that it was sent.
    told.login("sent");
    let second = asked(climb, dialog, &uri, Some(&authorization)).await?;
    told.login(if second.status == 401 { "refused" } else { scheme });
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

fn record(told: &mut Told<'_>, answer: &Answer) {
    told.fields.insert("status".to_owned(), answer.status.into());
    let Body::Whole(sdp) = &answer.body else { return };
    if answer.status == 200 {
        let words = |text: &str| clean(text, 32);
        let all = media(sdp).into_iter().map(
            |m| json!({ "kind": words(&m.kind), "codecs": m.codecs.iter().map(|c| words(c)).collect::<Vec<_>>() }),
        );
        told.fields.insert("media".to_owned(), all.collect());
    }
}
