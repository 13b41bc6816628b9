//! RTSP: OPTIONS, which any server answers, and DESCRIBE of a path where one is given (RFC 2326 sections 10.1, 10.2). One
//! connection. A camera gets one try at a login in a run: many lock a user out after a few wrong ones.

mod describe;
mod discreet;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::layers::Climb;
use super::{Settings, Task};
use discreet::Discreet;

use crate::model::{Failure, FailureKind, Observation, ProbeKind, Secret, Step, metric, millis};
use crate::net::clock;
use crate::net::talk::{self, Awaited, NotSpoken, Talk};
use crate::profile::RtspSpec;
use crate::wire::rtsp::{self, Answer, NotRtsp, Request};

const AGENT: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));
/// Provisional answers (RFC 2326 section 7.1.1) that are passed over before the last one.
const MOST_PROVISIONAL: usize = 4;

/// What is asked beyond OPTIONS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtspAsk {
    /// Path to describe, in place of the rule's own.
    pub path: Option<String>,
    pub login: Option<RtspLogin>,
}

/// Of the environment: `RTC_CHECK_RTSP_USERNAME` and `RTC_CHECK_RTSP_PASSWORD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtspLogin {
    pub username: String,
    pub password: Secret,
}

/// Hosts and addresses that a login was tried at in one run.
#[derive(Debug, Default)]
pub struct LoginTries(Mutex<BTreeSet<String>>);

impl LoginTries {
    /// Whether nobody in this run has tried a login at this camera, by whatever address; from now on, somebody has.
    fn may_try(&self, task: &Task) -> bool {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = [task.host.to_ascii_lowercase(), task.address.to_string()];
        let is_new = !names.iter().any(|name| tried.contains(name));
        tried.extend(names);
        is_new
    }
}

/// Connects, asks for OPTIONS, and describes the path.
pub async fn probe(task: &Task, settings: &Settings, tries: &LoginTries, spec: &RtspSpec) -> Observation {
    let mut climb = Climb::new(ProbeKind::Rtsp, task);
    let Some(stream) = climb.connect().await else { return climb.obs };
    let discreet = Discreet::of(settings.rtsp.login.as_ref());
    let mut dialog = Dialog { talk: Talk::new(stream, rtsp::LONGEST), cseq: 0, discreet };
    let path = settings.rtsp.path.as_ref().or(spec.path.as_ref());
    if options(&mut climb, &mut dialog).await
        && let Some(path) = path
    {
        describe::describe(&mut climb, &mut dialog, (&settings.rtsp, tries), path).await;
    }
    climb.obs
}

/// `true` where the server answered what it was asked, so that it can be asked more.
async fn options(climb: &mut Climb<'_>, dialog: &mut Dialog) -> bool {
    let start = clock::now();
    let uri = climb.task.uri("/");
    match dialog.ask(Step::Options, "OPTIONS", &uri, None, climb.remaining()).await {
        Ok(Heard { answer, took }) => {
            climb.obs.step_ok(Step::Options, took);
            let facts = &mut climb.obs.facts;
            facts.set(&metric::RTSP_STATUS, answer.status);
            facts.set(&metric::RTSP_RTT_MS, millis(took));
            server_and_methods(climb, &dialog.discreet, &answer);
            true
        }
        Err(Unheard::Astray(answer, failure)) => {
            // RTSP lives there; what it says is not about this request.
            climb.obs.step_noted(&failure, clock::now().duration_since(start));
            server_and_methods(climb, &dialog.discreet, &answer);
            false
        }
        Err(Unheard::Not(not)) => {
            climb.met(not, clock::now().duration_since(start));
            false
        }
    }
}

fn server_and_methods(climb: &mut Climb<'_>, discreet: &Discreet, answer: &Answer) {
    let facts = &mut climb.obs.facts;
    if let Some(server) = answer.header("server").map(|s| discreet.text(s, 100)).filter(|s| !s.is_empty()) {
        facts.set(&metric::RTSP_SERVER, server);
    }
    let methods: Vec<String> = answer.methods().iter().map(|method| discreet.text(method, 32)).collect();
    if !methods.is_empty() {
        facts.set(&metric::RTSP_METHODS, methods);
    }
}

impl Task {
    fn uri(&self, path: &str) -> String {
        rtsp::uri(&self.host, self.socket().port(), path)
    }
}

/// Requests and answers on one connection.
struct Dialog {
    talk: Talk<TcpStream>,
    cseq: u32,
    discreet: Discreet,
}

/// An answer to what was asked, and the time to it.
struct Heard {
    answer: Answer,
    took: Duration,
}

/// Why there is none.
enum Unheard {
    Not(NotSpoken),
    /// An answer to another request.
    Astray(Box<Answer>, Failure),
}

impl From<NotSpoken> for Unheard {
    fn from(not: NotSpoken) -> Self {
        Self::Not(not)
    }
}

impl Unheard {
    fn failure(self) -> Failure {
        match self {
            Self::Not(not) => not.failure,
            Self::Astray(_, failure) => failure,
        }
    }

    /// Without what must not be told.
    fn told_by(mut self, discreet: &Discreet) -> Self {
        let (Self::Not(NotSpoken { failure, .. }) | Self::Astray(_, failure)) = &mut self;
        failure.detail = discreet.sentence(&failure.detail);
        self
    }
}

impl Dialog {
    async fn ask(
        &mut self,
        step: Step,
        method: &str,
        uri: &str,
        authorization: Option<&str>,
        timeout: Duration,
    ) -> Result<Heard, Unheard> {
        self.cseq += 1;
        let request = Request { method, uri, cseq: self.cseq, agent: AGENT, authorization };
        let heard = self.answer(step, &request.encode(), timeout).await;
        heard.map_err(|unheard| unheard.told_by(&self.discreet))
    }

    async fn answer(&mut self, step: Step, request: &str, timeout: Duration) -> Result<Heard, Unheard> {
        let awaited = Awaited { step, protocol: "RTSP", timeout };
        let start = clock::now();
        self.talk.send(request.as_bytes(), awaited).await?;
        let mut provisional = 0;
        loop {
            let left = timeout.saturating_sub(clock::now().duration_since(start));
            let read = self.talk.read(Awaited { timeout: left, ..awaited }, reading).await?;
            let answer = read.map_err(|why| malformed(step, why))?;
            if answer.status >= 200 {
                return self.belongs(step, answer, clock::now().duration_since(start));
            }
            provisional += 1;
            if provisional > MOST_PROVISIONAL {
                let detail =
                    format!("{provisional} provisional answers, the last {}, and none that counts", answer.status);
                return Err(NotSpoken::from(Failure::new(step, FailureKind::Garbage, detail)).into());
            }
        }
    }

    /// An answer is to what bears its number (RFC 2326 section 12.17).
    fn belongs(&self, step: Step, answer: Answer, took: Duration) -> Result<Heard, Unheard> {
        if answer.cseq() == Some(self.cseq) {
            return Ok(Heard { answer, took });
        }
        let says = match answer.header("cseq") {
            Some(other) => format!("\"{}\"", self.discreet.text(other, 20)),
            None => "none".to_owned(),
        };
        let detail = format!("its CSeq should be {} and is {says}, so it answers something else", self.cseq);
        Err(Unheard::Astray(Box::new(answer), Failure::new(step, FailureKind::Garbage, detail)))
    }
}

fn reading(bytes: &[u8]) -> talk::Reading<Result<Answer, NotRtsp>> {
    match rtsp::read(bytes) {
        rtsp::Reading::More => talk::Reading::More,
        rtsp::Reading::Answer(answer, used) => talk::Reading::Done(Ok(answer), used),
        rtsp::Reading::Malformed(why) => talk::Reading::Done(Err(why), bytes.len()),
        rtsp::Reading::Foreign => talk::Reading::Foreign,
    }
}

fn malformed(step: Step, why: NotRtsp) -> NotSpoken {
    let kind = if why == NotRtsp::TooLong { FailureKind::TooLarge } else { FailureKind::Garbage };
    Failure::new(step, kind, format!("the answer begins as RTSP's do and is malformed: {why}")).into()
}

#[cfg(test)]
mod tests;
