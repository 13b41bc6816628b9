//! `icmp.filtered`: no router on the way says when a packet's time is over, so places of blocks cannot be told.

use crate::judge::place;
use crate::model::{Check, Finding, Status};
use crate::plan::Plan;

/// One note a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let traced = place::all(checks);
    // The control flow came to the host, and none of the routers before it answered.
    let mute: Vec<_> =
        traced.iter().filter(|t| t.trace.hops.is_empty() && t.trace.host_distance.is_some_and(|d| d > 1)).collect();
    let Some(first) = mute.first() else { return Vec::new() };
    let hops = first.trace.host_distance.unwrap_or_default().saturating_sub(1);
    vec![Finding {
        id: "icmp.filtered".to_owned(),
        status: Status::Pass,
        title: "ICMP errors of routers are filtered".to_owned(),
        detail: format!(
            "{hops} routers lie before {}, and no ICMP time exceeded of any came back: where a flow is stopped cannot be told from here, and path MTU discovery may fail the same way.",
            first.address
        ),
        remedy: String::new(),
        checks: mute.iter().map(|t| t.check.id.clone()).collect(),
        ..Finding::default()
    }]
}
