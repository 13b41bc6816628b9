//! `range.sampled`: a range passed on a sample, which is all that can be asked of a platform's own servers.

use crate::model::{Check, Finding, Status, metric};
use crate::plan::Plan;

/// One note for all sampled ranges that passed.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let sampled = |c: &&Check| c.status == Status::Pass && c.observed.get(&metric::SAMPLED) == Some(true);
    let found: Vec<&Check> = checks.iter().filter(sampled).collect();
    if found.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        id: "range.sampled".to_owned(),
        status: Status::Pass,
        title: "Media ranges were sampled".to_owned(),
        detail: format!(
            "{} passed on a sample of its ports: a single blocked port elsewhere in it would not show, nor does a refusal tell a closed port from a firewall on the server itself. Run `rtc-check serve` on the server's address to ask every port.",
            found.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ")
        ),
        remedy: String::new(),
        checks: found.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    }]
}
