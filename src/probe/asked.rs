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
use crate::session::IcmpError;
use crate::session::ask::{Ask, Ending, Heard, Outcome};

/// Whom to ask one thing, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    pub target: SocketAddr,
    pub deadline: Duration,
    pub schedule: Schedule,
    pub step: Step,
}

impl Asking {
    /// The task's first port, until its deadline.
    pub fn of(task: &Task, settings: &Settings, step: Step) -> Self {
        let schedule = if settings.thorough { Schedule::THOROUGH } else { Schedule::QUICK };
        Self { target: task.socket(), deadline: task.deadline, schedule, step }
    }

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
pub fn answer<T>(
    mut outcome: Outcome<T>,
    stop: Stop,
    step: Step,
    target: IpAddr,
    facts: &mut Facts,
) -> Result<T, Failure> {
    if let Some(error) = &outcome.icmp {
        icmp::record(error, facts);
    }
    let failure = match outcome.ending.take() {
        Some(Ending::Answered(answer)) => return Ok(answer),
        Some(Ending::Icmp(error)) => {
            let kind = error.meaning().failure_kind().unwrap_or(FailureKind::TimedOut);
            Failure::new(step, kind, error.to_string())
        }
        Some(Ending::NotSent(error)) => icmp::not_sent(step, error, target),
        Some(Ending::Silence) => in_place_of(&outcome, step),
        None => noting_others(unfinished(step, stop, &requests(outcome.sent)), &outcome),
    };
    if let Some((_, Some(met))) = &outcome.garbage {
        facts.set(&metric::MET, met);
    }
    Err(failure)
}

/// No answer came: and what came in its place.
fn in_place_of<T>(seen: &Outcome<T>, step: Step) -> Failure {
    let failure = match &seen.garbage {
        Some((words, _)) => Failure::new(step, FailureKind::Garbage, format!("answered with {words}")),
        None => {
            let took = seen.took.as_secs_f64();
            silence(step, format!("no answer to {} in {took:.1} s", requests(seen.sent)), seen.icmp.as_ref())
        }
    };
    noting_others(failure, seen)
}

/// Adds what anybody may have sent: it is told and decides nothing.
fn noting_others<T>(mut failure: Failure, seen: &Outcome<T>) -> Failure {
    if seen.wrong_source > 0 {
        failure.detail.push_str(&format!(" ({} came from another address or port)", seen.wrong_source));
    }
    if let Some((words, count)) = seen.other {
        failure.detail.push_str(&format!(" ({count} {words})"));
    }
    failure
}

/// Nothing answered, in words, and the ICMP error that came meanwhile.
pub fn silence(step: Step, unanswered: String, icmp: Option<&IcmpError>) -> Failure {
    let Some(error) = icmp else { return Failure::new(step, FailureKind::TimedOut, unanswered) };
    let kind = error.meaning().decides().unwrap_or(FailureKind::TimedOut);
    Failure::new(step, kind, format!("{unanswered}, and {error}"))
}

/// It was stopped before there was an answer or the last wait was over.
pub fn unfinished(step: Step, stop: Stop, unanswered: &str) -> Failure {
    let how = if stop == Stop::Cancelled { "interrupted" } else { "out of time" };
    Failure::new(step, FailureKind::OutOfTime, format!("{how} with {unanswered} unanswered"))
}

fn requests(count: u8) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unanswered() -> Outcome<u8> {
        Outcome {
            ending: Some(Ending::Silence),
            sent: 4,
            rtt: None,
            took: Duration::from_millis(5500),
            icmp: None,
            garbage: None,
            other: None,
            wrong_source: 0,
        }
    }

    fn failed(seen: Outcome<u8>) -> (Failure, Facts) {
        let mut facts = Facts::new();
        let failure = answer(seen, Stop::Deadline, Step::Options, "192.0.2.1".parse().unwrap(), &mut facts);
        (failure.expect_err("no answer came"), facts)
    }

    #[test]
    fn silence_says_what_came_in_its_place() {
        let silence = "no answer to 4 requests in 5.5 s";
        let (failure, _) = failed(unanswered());
        assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::TimedOut, silence));
        let (failure, _) = failed(Outcome { wrong_source: 2, other: Some(("carried half of it", 3)), ..unanswered() });
        let others = "(2 came from another address or port) (3 carried half of it)";
        assert_eq!(failure.detail, format!("{silence} {others}"));
        assert_eq!(failure.kind, FailureKind::TimedOut, "anybody may have sent these");
        let garbage = Some(("HTTP and not SIP".to_owned(), Some("HTTP")));
        let (failure, facts) = failed(Outcome { garbage, ..unanswered() });
        assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Garbage, "answered with HTTP and not SIP"));
        assert_eq!(facts.get::<String>(&metric::MET).as_deref(), Some("HTTP"));
    }

    #[test]
    fn an_icmp_error_in_silence_is_told_and_decides_unless_it_may_be_gone() {
        let to = "192.0.2.1:9".parse().unwrap();
        for (kind, code, class) in [
            (3, 1, FailureKind::Unreachable),
            (3, 4, FailureKind::TooBig),
            (11, 0, FailureKind::TimedOut),
            (12, 0, FailureKind::TimedOut),
        ] {
            let icmp = Some(IcmpError { kind, code, from: "10.0.0.1".parse().ok(), to });
            let (failure, facts) = failed(Outcome { icmp, ..unanswered() });
            assert_eq!(failure.kind, class);
            assert!(failure.detail.ends_with(&format!("(type {kind} code {code}) from 10.0.0.1")), "{failure}");
            assert_eq!(facts.get::<String>(&metric::ICMP_FROM).as_deref(), Some("10.0.0.1"));
        }
    }

    #[test]
    fn what_came_before_it_was_stopped_is_told() {
        let seen = Outcome { ending: None, sent: 1, other: Some(("carried half of it", 1)), ..unanswered() };
        let (failure, _) = failed(seen);
        assert_eq!(failure.kind, FailureKind::OutOfTime);
        assert_eq!(failure.detail, "out of time with 1 request unanswered (1 carried half of it)");
    }

    #[test]
    fn of_an_answer_nothing_that_came_before_it_is_met_in_its_place() {
        let mut facts = Facts::new();
        let garbage = Some(("HTTP and not SIP".to_owned(), Some("HTTP")));
        let seen = Outcome { ending: Some(Ending::Answered(7)), garbage, ..unanswered() };
        let told = answer(seen, Stop::Finished, Step::Options, "192.0.2.1".parse().unwrap(), &mut facts);
        assert_eq!((told, facts.has(&metric::MET)), (Ok(7), false));
    }
}
