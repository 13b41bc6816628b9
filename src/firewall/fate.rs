//! Whether a firewall's rule can mend a check that did not pass, and why not.

use crate::model::firewall::Protocol;
use crate::model::{Check, Failure, FailureKind, Gre, GreAnswer, PortSet, ProbeKind, Status, Step, WayTaken, metric};

use super::from_report::{Kept, LeftOut};

/// What becomes of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A rule is asked for; where a firewall is one cause of two, which.
    Ask(Option<Kept>),
    /// No rule can mend it.
    Leave(LeftOut),
}

/// The fate of a check that failed, or that is unknown.
pub fn of(check: &Check, protocol: Protocol) -> Fate {
    // A firewall is asked for the direct way, whatever a proxy said.
    if let Some(direct) = check.observed.get::<WayTaken>(&metric::DIRECT) {
        return match direct.failure {
            Some(failure) if failure.step == Step::Name => Fate::Leave(LeftOut::Name),
            Some(failure) => of_failure(check, protocol, &failure),
            None => Fate::Leave(LeftOut::PathOpen),
        };
    }
    match check.observed.get::<Failure>(&metric::FAILURE) {
        Some(failure) if failure.step == Step::Name => Fate::Leave(LeftOut::Name),
        Some(failure) => of_failure(check, protocol, &failure),
        None if check.probe == ProbeKind::UdpRange => of_range(check),
        None if is_told_of_no_tunnel(check) => Fate::Leave(LeftOut::PathOpen),
        // What was seen decides nothing: GRE that comes from there, and ours that was not shown to arrive.
        None if check.status == Status::Unknown => Fate::Ask(None),
        None => Fate::Leave(LeftOut::Service),
    }
}

/// Ports that nothing came back from, or that something on the way stopped.
fn of_range(check: &Check) -> Fate {
    let ports = |fact| check.observed.get::<PortSet>(fact).unwrap_or_default();
    let stopped = !ports(&metric::SILENT).is_empty() || !ports(&metric::PROHIBITED).is_empty();
    let reached = !ports(&metric::ANSWERED).is_empty() || !ports(&metric::REFUSED).is_empty();
    match stopped || !reached {
        true => Fate::Ask(None),
        false => Fate::Leave(LeftOut::PathOpen),
    }
}

fn of_failure(check: &Check, protocol: Protocol, failure: &Failure) -> Fate {
    let tcp = protocol == Protocol::Tcp;
    let at_the_door = failure.step == Step::Connect;
    match failure.kind {
        FailureKind::Prohibited => Fate::Ask(None),
        FailureKind::TimedOut if tcp && at_the_door => Fate::Ask(None),
        FailureKind::TimedOut if tcp => Fate::Leave(LeftOut::Hangs),
        FailureKind::TimedOut if is_answered(check, failure.step) => Fate::Leave(LeftOut::PathOpen),
        FailureKind::TimedOut | FailureKind::OutOfTime | FailureKind::Internal => Fate::Ask(None),
        // A firewall resets in the target's name; an ICMP error in its name is hardly ever forged.
        FailureKind::Refused if tcp && at_the_door => Fate::Ask(Some(Kept::Refused)),
        FailureKind::Refused => Fate::Leave(LeftOut::PathOpen),
        FailureKind::Unreachable if has_sender(check) => Fate::Ask(Some(Kept::Unreachable)),
        FailureKind::Reset | FailureKind::TlsCutOff => Fate::Ask(Some(Kept::Cut)),
        FailureKind::Unreachable | FailureKind::NoRoute | FailureKind::TooBig => Fate::Leave(LeftOut::Route),
        kind if is_certificate(kind) => Fate::Leave(LeftOut::Certificate),
        // Nothing left this machine, so the way may be closed as well as open.
        FailureKind::NoPrivilege => Fate::Ask(None),
        _ => Fate::Leave(LeftOut::Service),
    }
}

/// The ICMP error's sender is known.
fn has_sender(check: &Check) -> bool {
    let direct: Option<WayTaken> = check.observed.get(&metric::DIRECT);
    direct.map_or(check.observed.has(&metric::ICMP_FROM), |way| way.facts.has(&metric::ICMP_FROM))
}

/// Our GRE came to the host, whose own stack knows no tunnel for it.
fn is_told_of_no_tunnel(check: &Check) -> bool {
    check.observed.get::<Gre>(&metric::GRE).is_some_and(|seen| seen.answer == GreAnswer::NoTunnel)
}

/// Something had come back over UDP before the silence.
fn is_answered(check: &Check, step: Step) -> bool {
    let heard = |relay: serde_json::Value| {
        ["realm", "relayed"].iter().any(|key| relay.get(key).is_some_and(|value| !value.is_null()))
    };
    matches!(step, Step::Permission | Step::Channel | Step::Relay | Step::Release)
        || check.observed.get(&metric::RELAY).is_some_and(heard)
}

fn is_certificate(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::CertExpired
            | FailureKind::CertNotYetValid
            | FailureKind::CertWrongName
            | FailureKind::CertUnknownIssuer
            | FailureKind::CertIncompleteChain
            | FailureKind::CertInvalid
    )
}
