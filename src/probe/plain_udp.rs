//! Services over UDP whose own probe is not built yet: a STUN Binding stands in, and the observation says what that
//! leaves open. Silence stays silence, because most of these services need not answer it.

use tokio_util::sync::CancellationToken;

use super::{Settings, Task, service_name, stun};
use crate::model::{FailureKind, Observation, Outcome, Service, Transport, metric};

/// Sends a STUN Binding to the port of `service`.
pub async fn probe(task: &Task, service: Service, settings: &Settings, cancel: &CancellationToken) -> Observation {
    label(stun::probe(task, settings, cancel).await, service)
}

/// Says what stood in for `service`.
fn label(mut observation: Observation, service: Service) -> Observation {
    observation.facts.set(&metric::FALLBACK, fallback(service));
    // A service that is not STUN and answers in its own way has shown that the path is open.
    let own_words = observation.failure().is_some_and(|f| f.kind == FailureKind::Garbage);
    if own_words && !matches!(service, Service::Stun | Service::Turn | Service::Turns) {
        observation.outcome = Outcome::Measured;
    }
    observation
}

/// What stood in and what it leaves open.
fn fallback(service: Service) -> String {
    let open = match service {
        Service::Turn => "an allocation with its credentials was not tried",
        Service::Turns => "DTLS and an allocation with its credentials were not tried",
        _ => "only an answer or a refusal shows the path open",
    };
    format!("a STUN Binding stood in for {}: {open}", service_name(service, Transport::Udp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Failure, ProbeKind, Step};

    fn labelled(kind: FailureKind, service: Service) -> Observation {
        label(Observation::failed(ProbeKind::Stun, Failure::new(Step::Stun, kind, "…")), service)
    }

    #[test]
    fn an_answer_in_the_services_own_words_shows_the_path_open_where_the_service_is_not_stun() {
        assert_eq!(labelled(FailureKind::Garbage, Service::Sip).outcome, Outcome::Measured);
        assert!(labelled(FailureKind::Garbage, Service::Turn).failure().is_some());
    }

    #[test]
    fn silence_stays_silence_and_says_what_is_left_open() {
        for service in [Service::Sip, Service::Ike, Service::Turn, Service::Turns] {
            let seen = labelled(FailureKind::TimedOut, service);
            assert_eq!(seen.failure().map(|f| f.kind), Some(FailureKind::TimedOut));
            assert!(seen.facts.get::<String>(&metric::FALLBACK).is_some_and(|f| f.contains("STUN Binding stood in")));
        }
    }

    #[test]
    fn services_are_named_as_people_write_them() {
        assert!(fallback(Service::Turns).starts_with("a STUN Binding stood in for TURN over DTLS: DTLS and an"));
        assert!(fallback(Service::Sip).starts_with("a STUN Binding stood in for SIP: only an answer"));
    }
}
