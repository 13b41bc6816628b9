//! `quality.without-responder`: the far end is no responder, so some figures are those of the round trip.
//! `quality.udp-silent`: it is one, and nothing of it came back over UDP.

use crate::judge::opening;
use crate::model::measure::names;
use crate::model::{Check, Estimates, Finding, ProbeKind, Status, Transport, Who, metric};
use crate::plan::Plan;

/// One finding each for all trains that were measured so.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let by_round_trip = |c: &&Check| {
        let estimates: Estimates = c.observed.get(&metric::ESTIMATES).unwrap_or_default();
        c.probe == ProbeKind::Quality && !estimates.0.is_empty() && estimates.get(names::LOSS_UP_PCT).is_none()
    };
    let via = |c: &Check, key: &str, value: &str| {
        let via: serde_json::Value = c.observed.get(&metric::VIA).unwrap_or_default();
        via.get(key).and_then(|s| s.as_str()) == Some(value)
    };
    // A train of packets that a responder answered for a while is neither: it says itself what became of it.
    let ended = |c: &&Check| via(c, "session", "granted") && via(c, "transport", "udp");
    let granted = |c: &&Check| {
        let granted = |c: &Check| via(c, "session", "granted");
        let beside = |o: &&Check| o.role == c.role && o.target == c.target && o.address == c.address;
        checks.iter().filter(beside).any(granted)
    };
    let (silent, none): (Vec<&Check>, Vec<&Check>) =
        checks.iter().filter(by_round_trip).filter(|c| !ended(c)).partition(granted);
    [udp_silent(&silent, checks), without(&none)].into_iter().flatten().collect()
}

/// The responder is there, and UDP to it is silent.
fn udp_silent(found: &[&Check], checks: &[Check]) -> Option<Finding> {
    let beside = |o: &&Check| found.iter().any(|c| o.role == c.role && o.target == c.target && o.address == c.address);
    let ports = checks.iter().filter(|c| c.transport == Some(Transport::Udp) && !c.status.holds()).filter(beside);
    let ask = opening::asks(ports, checks);
    let list: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
    (!list.is_empty()).then(|| Finding {
        id: "quality.udp-silent".to_owned(),
        status: Status::Warn,
        title: "UDP answered nothing although the session was granted: loss was not measured".to_owned(),
        detail: format!(
            "The responder granted a session, and none of its UDP answers arrived; the figures of {} were taken over what did answer.",
            list.join(", ")
        ),
        remedy: "Open UDP both ways between this machine and the responder, on the ports that its media checks name."
            .to_owned(),
        who: Some(Who::Firewall),
        ask,
        evidence: found.iter().map(|c| format!("{}: {}", c.id, c.reason)).collect(),
        checks: found.iter().map(|c| c.id.clone()).collect(), ..Finding::default() })
}

fn without(found: &[&Check]) -> Option<Finding> {
    if found.is_empty() {
        return None;
    }
    let list: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
    Some(Finding {
        id: "quality.without-responder".to_owned(),
        status: Status::Pass,
        title: "No responder: loss by direction and bandwidth were not measured".to_owned(),
        detail: format!(
            "The figures of {} are those of the round trip, as any server shows them. Run `rtc-check serve` on the server's address to have each direction and the rates measured.",
            list.join(", ")
        ),
        remedy: String::new(),
        checks: found.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    })
}
