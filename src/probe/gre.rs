//! GRE (IP protocol 47): knocks with a keepalive and a plain packet over a raw socket, and tells what came back. Judges
//! nothing.

use tokio_util::sync::CancellationToken;

use super::{Settings, Task, asked};
use crate::model::schedule::Schedule;
use crate::model::{Failure, FailureKind, Gre, GreAnswer, Observation, ProbeKind, Step, metric, millis};
use crate::net::udp::Stop;
use crate::net::{gre, icmp};
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
    let told = match &seen.ending {
        Some(Ending::Keepalive(rtt)) => Some((GreAnswer::Keepalive, Some(millis(*rtt)))),
        Some(Ending::Packet) => Some((GreAnswer::Packet, None)),
        Some(Ending::NoTunnel(_)) => Some((GreAnswer::NoTunnel, None)),
        _ => None,
    };
    match told {
        Some((answer, ms)) => {
            facts.set(&metric::GRE, Gre { answer, from: task.address, ms });
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
        (None, _) => asked::unfinished(Step::Gre, stop, &packets),
        (Some(_), icmp) => {
            let what = if seen.returned > 0 { "nothing but the packets themselves" } else { "nothing" };
            let silence = format!("{what} came back for {packets} in {:.1} s", seen.took.as_secs_f64());
            asked::silence(Step::Gre, silence, icmp.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::layers;
    use crate::session::IcmpError;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn recorded(ending: Option<Ending>, icmp: Option<IcmpError>) -> Observation {
        of(&Outcome { ending, sent: 8, took: Duration::from_secs(5), icmp, heard: 0, returned: 0 })
    }

    fn of(seen: &Outcome) -> Observation {
        let task = layers::fixture::task("localhost", "192.0.2.1:0".parse().unwrap());
        let mut observation = Observation::new(ProbeKind::Gre);
        record(&mut observation, &task, seen, Stop::Finished);
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

    #[test]
    fn packets_that_come_back_as_they_left_are_told_and_are_no_answer() {
        let took = Duration::from_secs(5);
        let seen = of(&Outcome { ending: Some(Ending::Silence), sent: 8, took, icmp: None, heard: 0, returned: 8 });
        let failure = seen.failure().unwrap();
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert_eq!(failure.detail, "nothing but the packets themselves came back for 8 packets in 5.0 s");
        assert!(!seen.facts.has(&metric::GRE));
    }
}
