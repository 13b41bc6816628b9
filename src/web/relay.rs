//! Data that a page sent to the responder through a relay, as an observation.

use serde_json::json;

use super::told::{self, PeerEnd};
use super::tried::{not_reached, took};
use super::{Around, ask, train};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, RelayTransport, Step, metric};
use crate::plan::Plan;
use crate::probe::figures;
use crate::stats;

/// What came of one relay; `None` where the page did not come to it.
pub fn seen(transport: RelayTransport, relay: Option<&told::Relay>, plan: &Plan, around: &Around) -> Observation {
    let probe = ProbeKind::Turn;
    if transport == RelayTransport::Dtls {
        let words = "a browser cannot speak TURN over DTLS; run rtc-check on this machine to have it tested";
        return Observation::skipped(probe, words);
    }
    match relay {
        Some(relay) => tried(relay, around),
        None if around.peer && ask::media(plan, around).is_none() => {
            Observation::skipped(probe, "this responder serves no media here, to which a relay could be tried")
        }
        None if around.peer => not_reached(probe, Step::Allocate),
        None => {
            let words = "this responder was built without the feature `media`, to which a relay could be tried";
            Observation::skipped(probe, words)
        }
    }
}

fn tried(relay: &told::Relay, around: &Around) -> Observation {
    let mut observation = Observation::new(ProbeKind::Turn);
    let peer = &relay.peer;
    let local = peer.pair.as_ref().map(|p| p.local.address.clone()).filter(|a| !a.is_empty());
    let gathered = || peer.candidates.iter().find(|c| c.kind == "relay").map(|c| c.address.clone());
    let to = around.address.zip(peer.port).map(|(a, p)| format!("{a} port {p}"));
    let facts = &mut observation.facts;
    let relayed = json!({ "relayed": local.or_else(gathered), "peer": to.as_deref().unwrap_or("the responder") });
    facts.set(&metric::RELAY, relayed);
    if let Some(failure) = failure(relay) {
        if let (FailureKind::NoCredentials | FailureKind::TurnError, Some(e)) = (failure.kind, refusal(relay)) {
            facts.set(&metric::TURN_ERROR, json!({ "code": e.code, "reason": e.text, "method": "Allocate" }));
        }
        facts.set(&metric::SENT, relay.sent.max(u32::from(failure.kind == FailureKind::NoRelay)));
        observation.step_failed(failure, took(relay.span));
        return observation;
    }
    facts.set(&metric::SENT, relay.sent);
    facts.set(&metric::RECEIVED, relay.received.min(relay.sent));
    if let Some(ms) = peer.connected_ms {
        facts.set(&metric::READY_MS, ms);
    }
    let rtts: Vec<f64> = relay.rtt_ms.iter().copied().map(told::time).collect();
    if let Some(rtt) = stats::distribution(&rtts) {
        facts.set(&metric::RTT_MS, figures::distribution(rtt));
    }
    observation.step_ok(Step::Relay, took(relay.span));
    observation
}

/// The relay's own answer that it will not.
fn refusal(relay: &told::Relay) -> Option<&told::CandidateError> {
    relay.peer.errors.iter().find(|e| (300..700).contains(&e.code))
}

fn failure(relay: &told::Relay) -> Option<Failure> {
    let nothing = |words: String| Some(Failure::new(Step::Relay, FailureKind::NoRelay, words));
    match (relay.peer.failed, refusal(relay)) {
        (Some(PeerEnd::NoRelay), Some(e)) => {
            let kind = if e.code == 401 { FailureKind::NoCredentials } else { FailureKind::TurnError };
            Some(Failure::new(Step::Allocate, kind, format!("the relay answered {} {}", e.code, e.text)))
        }
        (Some(PeerEnd::NotConnected), _) => nothing("nothing came back through it".to_owned()),
        (Some(_), _) => Some(train::failure(&relay.peer)),
        (None, _) if relay.received == 0 => nothing(format!("none of {} messages came back", relay.sent)),
        (None, _) => None,
    }
}
