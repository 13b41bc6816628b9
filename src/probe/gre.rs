//! GRE (IP protocol 47): knocks with a keepalive and a plain packet over a raw socket, and tells what came back. Judges
//! nothing.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Settings, Task};
use crate::model::schedule::Schedule;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::udp::Stop;
use crate::net::{gre, icmp};
use crate::session::Meaning;
use crate::session::gre::{Ending, Outcome};

/// Knocks at the task's address.
pub async fn probe(task: &Task, settings: &Settings, cancel: &CancellationToken) -> Observation {
    let mut observation = Observation::new(ProbeKind::Gre);
    let schedule = if settings.thorough { Schedule::THOROUGH } else { Schedule::QUICK };
    match gre::knock(task.address, schedule, task.deadline, cancel).await {
        Ok((outcome, stop)) => record(&mut observation, task, &outcome, stop),
        Err(failure) => observation.step_failed(failure, std::time::Duration::ZERO),
    }
    observation
}

/// Facts, and the failure if it is one.
fn record(observation: &mut Observation, task: &Task, seen: &Outcome, stop: Stop) {
    let facts = &mut observation.facts;
    facts.set(&metric::PACKETS_SENT, seen.sent);
    if let Some(error) = &seen.icmp {
        icmp::record(error, facts);
    }
    let ms = |d: std::time::Duration| (d.as_secs_f64() * 1e6).round() / 1e3;
    let told = match &seen.ending {
        Some(Ending::Keepalive(rtt)) => Some(("keepalive", Some(ms(*rtt)))),
        Some(Ending::Packet) => Some(("packet", None)),
        Some(Ending::NoTunnel(_)) => Some(("no-tunnel", None)),
        _ => None,
    };
    match told {
        Some((answer, ms)) => {
            facts.set(&metric::GRE, json!({ "answer": answer, "from": task.address, "ms": ms }));
            observation.step_ok(Step::Gre, seen.took);
        }
        None => observation.step_failed(failure(task, seen, stop), seen.took),
    }
}

fn failure(task: &Task, seen: &Outcome, stop: Stop) -> Failure {
    let fail = |kind, detail: String| Failure::new(Step::Gre, kind, detail);
    let packets = format!("{} packet{}", seen.sent, if seen.sent == 1 { "" } else { "s" });
    match (&seen.ending, &seen.icmp) {
        (Some(Ending::NoProtocol(error)), _) => {
            fail(FailureKind::Refused, format!("the path is open and the host has no GRE: {error}"))
        }
        (Some(Ending::Prohibited(error)), _) => fail(FailureKind::Prohibited, error.to_string()),
        (Some(Ending::NotSent(error)), _) => icmp::not_sent(Step::Gre, *error, task.address),
        (None, _) => {
            let how = if stop == Stop::Cancelled { "interrupted" } else { "out of time" };
            fail(FailureKind::OutOfTime, format!("{how} with {packets} unanswered"))
        }
        (Some(_), icmp) => {
            let silence = format!("nothing came back for {packets} in {:.1} s", seen.took.as_secs_f64());
            // A loop that one packet met may be gone for the next: it is told and does not decide.
            let decides =
                icmp.filter(|e| e.meaning() != Meaning::TimeExceeded).and_then(|e| e.meaning().failure_kind());
            let told = icmp.map(|e| format!(", and {e}")).unwrap_or_default();
            fail(decides.unwrap_or(FailureKind::TimedOut), silence + &told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::layers;
    use crate::session::IcmpError;
    use serde_json::Value;
    use std::time::Duration;

    fn recorded(ending: Option<Ending>, icmp: Option<IcmpError>) -> Observation {
        let task = layers::fixture::task("localhost", "192.0.2.1:0".parse().unwrap());
        let mut observation = Observation::new(ProbeKind::Gre);
        let seen = Outcome { ending, sent: 8, took: Duration::from_secs(5), icmp };
        record(&mut observation, &task, &seen, Stop::Finished);
        observation
    }

    fn error(kind: u8, code: u8, from: &str) -> IcmpError {
        IcmpError { kind, code, from: from.parse().ok(), to: "192.0.2.1:0".parse().unwrap() }
    }

    #[test]
    fn what_came_back_is_told_with_its_time() {
        let told = |ending| recorded(Some(ending), None).facts.get::<Value>(&metric::GRE).unwrap();
        let back = told(Ending::Keepalive(Duration::from_micros(1234)));
        assert_eq!(back, json!({ "answer": "keepalive", "from": "192.0.2.1", "ms": 1.234 }));
        assert_eq!(told(Ending::Packet)["answer"], "packet");
        assert_eq!(told(Ending::NoTunnel(error(3, 3, "192.0.2.1")))["answer"], "no-tunnel");
    }

    #[test]
    fn failures_are_told_apart() {
        let of = |ending, icmp| recorded(ending, icmp).failure().cloned().unwrap();
        let none = of(Some(Ending::NoProtocol(error(3, 2, "192.0.2.1"))), None);
        assert_eq!(none.kind, FailureKind::Refused);
        assert!(none.detail.contains("protocol unreachable"), "{none}");
        let stopped = of(Some(Ending::Prohibited(error(3, 13, "10.0.0.1"))), None);
        assert_eq!(stopped.kind, FailureKind::Prohibited);
        assert_eq!(of(Some(Ending::Silence), None).detail, "nothing came back for 8 packets in 5.0 s");
        assert_eq!(of(Some(Ending::Silence), Some(error(3, 1, "10.0.0.1"))).kind, FailureKind::Unreachable);
        assert_eq!(of(Some(Ending::Silence), Some(error(11, 0, "10.0.0.1"))).kind, FailureKind::TimedOut);
        assert_eq!(of(None, None).kind, FailureKind::OutOfTime);
    }
}
