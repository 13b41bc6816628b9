//! One request over UDP and what became of it, for the probes whose service answers a datagram: drives the session and
//! puts its failures into words. Knows no protocol and judges nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Settings, Task};
use crate::model::schedule::Schedule;
use crate::model::{Facts, Failure, FailureKind, Step, metric};
use crate::net::icmp;
use crate::net::udp::{Drive, Stop};
use crate::session::Meaning;
use crate::session::ask::{Ask, Ending, Heard, Outcome};

/// Sends a request to the task's first port until a datagram is taken for its answer. `make` gives the request and what
/// reads datagrams, from the address and port that the socket sends from.
///
/// # Errors
/// No socket could be opened.
pub async fn ask<T: Send + 'static, F: FnMut(&[u8]) -> Heard<T> + Send + 'static>(
    task: &Task,
    settings: &Settings,
    cancel: &CancellationToken,
    step: Step,
    make: impl FnOnce(SocketAddr) -> (Vec<u8>, F) + Send + 'static,
) -> Result<(Outcome<T>, Stop), Failure> {
    let schedule = if settings.thorough { Schedule::THOROUGH } else { Schedule::QUICK };
    Asking { target: task.socket(), deadline: task.deadline, schedule, step }.ask(cancel, make).await
}

/// Whom to ask one thing, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    pub target: SocketAddr,
    pub deadline: Duration,
    pub schedule: Schedule,
    pub step: Step,
}

impl Asking {
    /// Sends the request until a datagram is taken for its answer. `make` gives the request and what reads datagrams, from
    /// the address and port that the socket sends from.
    ///
    /// # Errors
    /// No socket could be opened.
    pub async fn ask<T: Send + 'static, F: FnMut(&[u8]) -> Heard<T> + Send + 'static>(
        self,
        cancel: &CancellationToken,
        make: impl FnOnce(SocketAddr) -> (Vec<u8>, F) + Send + 'static,
    ) -> Result<(Outcome<T>, Stop), Failure> {
        let Self { target, deadline, schedule, step } = self;
        let drive = Drive { target: target.ip(), sockets: 1, deadline, cancel: cancel.clone(), step };
        let make = move |now, local| {
            let (request, read) = make(local);
            Ask::new(now, target, schedule, request, read)
        };
        let (session, stop) = drive.run_from(make).await?;
        Ok((session.finish(), stop))
    }
}

/// The answer, or the failure that it did not come; what was met on the way goes into `facts`.
pub fn answer<T>(outcome: Outcome<T>, stop: Stop, step: Step, target: IpAddr, facts: &mut Facts) -> Result<T, Failure> {
    if let Some(error) = &outcome.icmp {
        icmp::record(error, facts);
    }
    if let Some((_, Some(met))) = &outcome.garbage {
        facts.set(&metric::MET, met);
    }
    let fail = |kind, detail| Err(Failure::new(step, kind, detail));
    match &outcome.ending {
        Some(Ending::Icmp(error)) => {
            fail(error.meaning().failure_kind().unwrap_or(FailureKind::TimedOut), error.to_string())
        }
        Some(Ending::NotSent(error)) => Err(icmp::not_sent(step, *error, target)),
        Some(Ending::Silence) => Err(silence(&outcome, step)),
        Some(Ending::Answered(_)) => match outcome.ending {
            Some(Ending::Answered(answer)) => Ok(answer),
            _ => fail(FailureKind::Internal, "an answer that is none".to_owned()),
        },
        None => {
            let how = if stop == Stop::Cancelled { "interrupted" } else { "out of time" };
            fail(FailureKind::OutOfTime, format!("{how} with {} unanswered", requests(outcome.sent)))
        }
    }
}

/// No answer: and what came in its place.
fn silence<T>(seen: &Outcome<T>, step: Step) -> Failure {
    let unanswered = format!("no answer to {} in {:.1} s", requests(seen.sent), seen.took.as_secs_f64());
    let (kind, mut detail) = match (&seen.garbage, &seen.icmp) {
        (Some((words, _)), _) => (FailureKind::Garbage, format!("answered with {words}")),
        (None, Some(error)) => {
            // A loop that one datagram met may be gone for the next: it is told and does not decide.
            let decides = Some(error.meaning()).filter(|m| *m != Meaning::TimeExceeded);
            (
                decides.and_then(Meaning::failure_kind).unwrap_or(FailureKind::TimedOut),
                format!("{unanswered}, and {error}"),
            )
        }
        (None, None) => (FailureKind::TimedOut, unanswered),
    };
    if seen.wrong_source > 0 {
        detail.push_str(&format!(" ({} came from another address or port)", seen.wrong_source));
    }
    Failure::new(step, kind, detail)
}

fn requests(count: u8) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}
