//! `media.cameras`: more cameras than VALT's document gives to one media server.

use std::collections::BTreeSet;

use crate::model::{Check, Finding, RoleName, Status, Who};
use crate::plan::Plan;

/// "For applications requiring more than 50 cameras or consisting of different departments the software can be broken
/// out and additional Media Servers can be added" (IVS Wiki, VALT: Network Requirements, Media Server).
const MOST: usize = 50;

/// One finding a run.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let by_document = |check: &&Check| {
        let document = check.source.as_ref().map(|s| s.document.as_str()).unwrap_or_default();
        check.role == RoleName::from("camera") && document.contains("VALT")
    };
    let cameras: Vec<&Check> = checks.iter().filter(by_document).collect();
    let count = cameras.iter().map(|c| c.target.as_str()).collect::<BTreeSet<_>>().len();
    // The media server that this machine is taken to be, unless several were named.
    let servers = plan.targets.get(&RoleName::from("media")).map_or(1, |hosts| hosts.len().max(1));
    if count <= MOST * servers {
        return Vec::new();
    }
    let on = if servers == 1 { "one media server".to_owned() } else { format!("{servers} media servers") };
    vec![Finding {
        id: "media.cameras".to_owned(),
        status: Status::Warn,
        title: format!("{count} cameras on {on}"),
        detail: format!(
            "The document adds media servers for applications requiring more than {MOST} cameras; {count} were given for {on}."
        ),
        remedy: format!("Have {} media servers, each with its own cameras.", count.div_ceil(MOST)),
        who: Some(Who::Server),
        checks: cameras.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    }]
}
