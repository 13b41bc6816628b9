//! `quality.without-responder`: the far end is no responder, so some figures are those of the round trip.

use crate::model::measure::names;
use crate::model::{Check, Estimates, Finding, ProbeKind, Status, metric};
use crate::plan::Plan;

/// One note for all trains that were measured so.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let by_round_trip = |c: &&Check| {
        let estimates: Estimates = c.observed.get(&metric::ESTIMATES).unwrap_or_default();
        c.probe == ProbeKind::Quality && !estimates.0.is_empty() && estimates.get(names::LOSS_UP_PCT).is_none()
    };
    let found: Vec<&Check> = checks.iter().filter(by_round_trip).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let list: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
    vec![Finding {
        id: "quality.without-responder".to_owned(),
        status: Status::Pass,
        title: "No responder: loss by direction and bandwidth were not measured".to_owned(),
        detail: format!(
            "The figures of {} are those of the round trip, as any server shows them. Run `rtc-check serve` on the server's address to have each direction and the rates measured.",
            list.join(", ")
        ),
        remedy: String::new(),
        checks: found.iter().map(|c| c.id.clone()).collect(),
    }]
}
