//! `responder.found`: the far end is rtc-check's own responder, so paths were proven and no platform was.

use crate::model::web::{Product, ProductKind};
use crate::model::{Check, Facts, Finding, Status, metric};
use crate::plan::Plan;

/// One note a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let found: Vec<&Check> = checks.iter().filter(|c| is_ours(&c.observed)).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let mut places: Vec<String> =
        found.iter().map(|c| c.address.map_or_else(|| c.target.clone(), |a| a.to_string())).collect();
    places.sort();
    places.dedup();
    vec![Finding {
        id: "responder.found".to_owned(),
        status: Status::Pass,
        title: "The far end is an rtc-check responder".to_owned(),
        detail: format!(
            "At {} the responder answered: this run proves the paths and firewalls, not the platform.",
            places.join(", ")
        ),
        remedy: String::new(),
        checks: found.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    }]
}

/// It answered over UDP, or its HTTP server gave its name.
fn is_ours(observed: &Facts) -> bool {
    let product: Option<Product> = observed.get(&metric::SERVICE);
    observed.has(&metric::RESPONDER) || product.is_some_and(|p| p.kind == ProductKind::Responder)
}
