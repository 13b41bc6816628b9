//! RTMP and RTMP over TLS: the handshake and one `connect`. Where something else listens, says what, as far as it can be
//! told within the task's deadline.

use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};

use super::layers::Climb;
use super::stranger::{self, Stranger};
use super::{Settings, Task};
use crate::model::{Facts, Failure, FailureKind, Observation, ProbeKind, RtmpSaid, Step, metric};
use crate::net::classify::clean;
use crate::net::http::Authority;
use crate::net::talk::{self, Awaited, NotSpoken, Reading, Talk};
use crate::net::{chance, clock};
use crate::profile::RtmpSpec;
use crate::wire::greeting;
use crate::wire::rtmp::chunk::{self, Broken};
use crate::wire::rtmp::handshake::{self, Hello, PACKET, VERSION};
use crate::wire::rtmp::{Answer, Connect};

const PROTOCOL: &str = "RTMP";
const AGENT: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));
/// Bytes that tell another protocol from RTMP, if they are of one.
const TELLING: usize = 16;

/// How long S2 is waited for before C2, where S1 is C1 again.
const REPEATED: Duration = Duration::from_secs(1);

/// Shakes hands, over TLS where `spec` asks for it, and connects to its application.
pub async fn probe(task: &Task, settings: &Settings, spec: &RtmpSpec) -> Observation {
    let mut climb = Climb::new(ProbeKind::Rtmp, task);
    let left = climb.remaining();
    let opening = climb.open(spec.tls.then_some((&*settings.tls, &[][..])));
    let (stream, stranger) = match spec.tls {
        true => stranger::meanwhile(opening, left, stranger::in_plain(task)).await,
        false => (opening.await, None),
    };
    let Some(stream) = stream else { return without_tls(climb, stranger).await };
    let start = clock::now();
    let mut talk = Talk::new(stream, chunk::MOST_BYTES);
    let left = climb.remaining();
    let shaking = shake_hands(&mut talk, left);
    let (shaken, stranger) = stranger::meanwhile(shaking, left, stranger::in_other_words(task, spec.tls)).await;
    let echoed = match shaken {
        Ok(echoed) => echoed,
        Err(unshaken) => return not_shaken(climb, unshaken, stranger, spec.tls, start).await,
    };
    climb.obs.step_ok(Step::Handshake, clock::now().duration_since(start));
    let start = clock::now();
    let answer = connect(&mut talk, task, spec, climb.remaining()).await;
    let took = clock::now().duration_since(start);
    match answer {
        Ok(answer) => {
            climb.obs.step_ok(Step::Command, took);
            record(&mut climb.obs.facts, echoed, Some(&answer));
        }
        // Whoever repeats what we sent has read it as RTMP; anybody can send a 3 and noise.
        Err(not) if !echoed && not.failure.kind == FailureKind::Garbage => climb.met(not, took),
        Err(NotSpoken { failure, .. }) => {
            climb.obs.step_noted(&failure, took);
            record(&mut climb.obs.facts, echoed, None);
        }
    }
    climb.obs
}

fn record(facts: &mut Facts, echoed: bool, answer: Option<&Answer>) {
    let text = |of: fn(&Answer) -> &Option<String>| {
        answer.and_then(|a| of(a).as_deref()).map(|text| clean(text, 120)).filter(|text| !text.is_empty())
    };
    let said = RtmpSaid {
        version: VERSION,
        echoed,
        accepted: answer.map(|a| a.accepted),
        code: text(|a| &a.code),
        description: text(|a| &a.description),
        server: text(|a| &a.server),
        capabilities: answer.and_then(|a| a.capabilities),
    };
    facts.set(&metric::RTMP, said);
}

/// A handshake that did not come about.
pub struct Unshaken {
    pub not: NotSpoken,
    /// Not a byte came.
    pub silent: bool,
}

/// Shakes hands: whether S2 repeats C1, which servers that shake hands with a digest may not do.
///
/// # Errors
/// Step `handshake`.
pub async fn shake_hands<S>(talk: &mut Talk<S>, timeout: Duration) -> Result<bool, Unshaken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = clock::now() + timeout;
    let awaited = || awaited(Step::Handshake, end.saturating_duration_since(clock::now()));
    let hello = Hello::new(chance::bytes());
    let mut silent = true;
    let read = |bytes: &[u8]| {
        silent = bytes.is_empty();
        greeting(&hello, bytes)
    };
    let greeting = async {
        talk.send(&hello.encode(), awaited()).await?;
        talk.read(awaited(), read).await?.map_err(|words| garbage(Step::Handshake, words))
    };
    let greeting = greeting.await.map_err(|not| Unshaken { not, silent })?;
    let s2 = |bytes: &[u8]| hello.echoed(bytes).map_or(Reading::More, |echoed| Reading::Done(echoed, PACKET));
    let rest = async {
        if hello.is_repeated_by(&greeting) {
            let awaited = awaited();
            let awaited = Awaited { timeout: awaited.timeout.min(REPEATED), ..awaited };
            let echoed = talk.read(awaited, s2).await.map_err(|not| match not.failure.kind {
                FailureKind::TimedOut => talk::echo(Step::Handshake, PROTOCOL),
                _ => halfway(not),
            })?;
            talk.send(&greeting.answer(), awaited).await?;
            return Ok(echoed);
        }
        talk.send(&greeting.answer(), awaited()).await.map_err(halfway)?;
        talk.read(awaited(), s2).await.map_err(halfway)
    };
    rest.await.map_err(|not| Unshaken { not, silent: false })
}

fn awaited(step: Step, timeout: Duration) -> Awaited {
    Awaited { step, protocol: PROTOCOL, timeout }
}

fn garbage(step: Step, words: String) -> NotSpoken {
    Failure::new(step, FailureKind::Garbage, words).into()
}

/// S0 and S1 came, and nothing after them.
fn halfway(not: NotSpoken) -> NotSpoken {
    let detail = format!("half of RTMP's handshake came (S0 and S1), and not S2: {}", not.failure.detail);
    NotSpoken { failure: Failure { detail, ..not.failure }, ..not }
}

/// The server's half of the handshake, or in words why it is none.
fn greeting(hello: &Hello, bytes: &[u8]) -> Reading<Result<handshake::Greeting, String>> {
    let done = |words: String| Reading::Done(Err(words), 0);
    match hello.read(bytes) {
        handshake::Reading::More => Reading::More,
        handshake::Reading::Greeting(greeting, used) => Reading::Done(Ok(greeting), used),
        handshake::Reading::Version(_) if greeting::protocol(bytes).is_some() => Reading::Foreign,
        // Versions that RTMP keeps for itself (section 5.2.2).
        handshake::Reading::Version(version @ 4..=31) if bytes.len() > PACKET => done(format!(
            "the server answered with version {version} of RTMP's handshake{}, and version 3 was asked for",
            if version == 6 { " (RTMPE)" } else { "" }
        )),
        handshake::Reading::Version(4..=31) => Reading::More,
        handshake::Reading::Version(_) if bytes.len() >= TELLING => Reading::Foreign,
        handshake::Reading::Version(_) => Reading::More,
    }
}

/// Sends `connect` and reads until it is answered.
async fn connect<S>(talk: &mut Talk<S>, task: &Task, spec: &RtmpSpec, timeout: Duration) -> Result<Answer, NotSpoken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let end = clock::now() + timeout;
    // A port that is not HTTP's own stands in the header's form too.
    let host = Authority { host: &task.host, port: task.socket().port(), tls: spec.tls }.header();
    let scheme = if spec.tls { "rtmps" } else { "rtmp" };
    let url = format!("{scheme}://{host}/{}", spec.app);
    let command = Connect { app: &spec.app, url: &url, agent: AGENT };
    talk.send(&command.encode(), awaited(Step::Command, timeout)).await?;
    let mut chunks = chunk::Reader::default();
    loop {
        let awaited = awaited(Step::Command, end.saturating_duration_since(clock::now()));
        let message = talk.read(awaited, |bytes| match chunks.next(bytes) {
            Ok(Some((message, used))) => Reading::Done(Ok(message), used),
            Ok(None) => Reading::More,
            Err(Broken::Malformed) => Reading::Foreign,
            Err(Broken::TooLarge) => Reading::Done(Err(()), 0),
        });
        let message = message.await?.map_err(|()| {
            let words = format!("more than {} bytes without an answer to connect", chunk::MOST_BYTES);
            Failure::new(Step::Command, FailureKind::TooLarge, words)
        })?;
        if let Some(answer) = message.as_ref().and_then(Answer::read) {
            return Ok(answer);
        }
    }
}

/// A port that said nothing to the handshake is asked in other words.
async fn not_shaken(
    mut climb: Climb<'_>,
    unshaken: Unshaken,
    found: Option<Stranger>,
    tls: bool,
    start: Instant,
) -> Observation {
    let took = clock::now().duration_since(start);
    let Unshaken { not: NotSpoken { mut failure, mut met }, silent } = unshaken;
    let found = match found {
        None if silent => stranger::at_once(climb.remaining(), stranger::in_other_words(climb.task, tls)).await,
        found => found.filter(|_| silent),
    };
    if let Some(found) = found {
        failure = Failure::new(Step::Handshake, FailureKind::Garbage, found.words("and not RTMP", &failure));
        met = Some(found.name);
    }
    climb.met(NotSpoken { failure, met }, took);
    climb.obs
}

/// TLS did not come about: what speaks there without it is told.
async fn without_tls(mut climb: Climb<'_>, found: Option<Stranger>) -> Observation {
    let spoken_to = |kind| {
        use FailureKind::{Closed, Garbage, NotTls, Reset, TimedOut, TlsCutOff, TlsRefused};
        matches!(kind, Closed | Garbage | NotTls | Reset | TimedOut | TlsCutOff | TlsRefused)
    };
    let Some(failure) = climb.obs.failure().filter(|f| f.step == Step::Tls && spoken_to(f.kind)).cloned() else {
        return climb.obs;
    };
    let found = match found {
        None => stranger::at_once(climb.remaining(), stranger::in_plain(climb.task)).await,
        found => found,
    };
    let Some(found) = found else { return climb.obs };
    let (name, detail) = (found.name, found.words("without TLS", &failure));
    let took = climb.obs.steps.pop().map_or(0.0, |s| s.ms);
    let kind = if matches!(name, PROTOCOL | "HTTP") { FailureKind::NotTls } else { FailureKind::Garbage };
    let not = NotSpoken { failure: Failure::new(Step::Tls, kind, detail), met: Some(name) };
    climb.met(not, Duration::from_secs_f64(took / 1e3));
    climb.obs
}

#[cfg(test)]
mod tests;
