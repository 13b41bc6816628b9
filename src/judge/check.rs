//! The status of one check.

use crate::model::{Facts, Failure, FailureKind, Outcome, Seen, Status, Step, Transport, metric};
use crate::plan::Item;
use crate::profile::{RefusedUpgrade, Spec};

use super::aim::Aim;
use super::range::{self, Swept};
use super::reason::{self, CERT_WARN_DAYS};
use super::{proxied, services, turn};

/// A status and the sentence that goes with it.
pub struct Judgement {
    pub status: Status,
    pub reason: String,
}

/// Judges one observation against its rule.
pub fn judge(item: &Item, seen: &Seen, strict: bool) -> Judgement {
    if let Spec::Turn(transport) = item.rule.spec {
        return turn::judge(&Aim::of_item(item, seen.address), transport, seen);
    }
    match &seen.observation.outcome {
        Outcome::Skipped(because) => Judgement { status: Status::Skip, reason: reason::skipped(because) },
        Outcome::Failed(failure) => failed(item, seen, failure),
        Outcome::Measured if item.rule.spec == Spec::Range => {
            let range = Swept::read(&seen.observation.facts);
            let status = range::status(&range, strict);
            Judgement { status, reason: reason::range(item, seen, &range, status) }
        }
        Outcome::Measured => measured(item, seen),
    }
}

fn failed(item: &Item, seen: &Seen, failure: &Failure) -> Judgement {
    // Silence over UDP, and GRE, is evidence only where the far end says that it answers there.
    let served = seen.observation.facts.get(&metric::RESPONDER_PAGE) == Some(true);
    let silent_udp = matches!(item.rule.transport, Transport::Udp | Transport::Gre)
        && failure.kind == FailureKind::TimedOut
        && !served;
    let upgrade_may_fail = matches!(&item.rule.spec, Spec::Ws(ws) if ws.refused == RefusedUpgrade::Warn);
    let status = match failure.kind {
        FailureKind::OutOfTime | FailureKind::Internal => Status::Unknown,
        _ if silent_udp => Status::Unknown,
        FailureKind::UpgradeRefused if upgrade_may_fail => Status::Warn,
        // Upgraded as asked for; the document's row is about the WebSocket.
        _ if failure.step == Step::Options && matches!(item.rule.spec, Spec::Ws(_)) => Status::Warn,
        // Nothing left this machine, so nothing is known of the way.
        FailureKind::NoPrivilege => Status::Unknown,
        _ => Status::Fail,
    };
    Judgement { status, reason: reason::failed(item, seen, failure, status) }
}

fn measured(item: &Item, seen: &Seen) -> Judgement {
    let facts = &seen.observation.facts;
    let status = services::status(item, seen).worst(status_of_certificate(facts)).worst(proxied::status(facts));
    Judgement { status, reason: reason::measured(item, seen, days_left(facts)) }
}

/// A certificate that ends soon is a warning.
pub fn status_of_certificate(facts: &Facts) -> Status {
    match days_left(facts) {
        Some(days) if days < CERT_WARN_DAYS => Status::Warn,
        _ => Status::Pass,
    }
}

/// How long the server's certificate is still valid.
pub fn days_left(facts: &Facts) -> Option<f64> {
    facts.get(&metric::CERT_DAYS_LEFT)
}
