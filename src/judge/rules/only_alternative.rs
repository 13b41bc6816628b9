//! `group.only-alternative`: what the document prefers does not work, its alternative does.

use std::collections::BTreeSet;

use crate::judge::groups;
use crate::model::{Check, Finding, Status};
use crate::plan::Plan;

/// One finding a group and address.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let counted: Vec<&Check> = checks.iter().filter(|c| c.waived.is_none() && c.status != Status::Skip).collect();
    let names: BTreeSet<&str> = counted.iter().filter_map(|c| c.group.as_deref()).collect();
    let of_group = |name: &&str| -> Vec<Finding> {
        let only = plan.groups.get(*name).copied().unwrap_or_default();
        let units = groups::units(&counted, name);
        units.iter().filter(|u| u.leans_on_alternative()).map(|u| finding(u, u.status(only))).collect()
    };
    names.iter().flat_map(of_group).collect()
}

fn finding(unit: &groups::Unit<'_>, status: Status) -> Finding {
    let broken: Vec<&Check> = unit.preferred.iter().copied().filter(|c| !c.status.holds()).collect();
    let working: Vec<&Check> = unit.alternatives.iter().copied().filter(|c| c.status.holds()).collect();
    let ids = |checks: &[&Check]| checks.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    Finding {
        id: "group.only-alternative".to_owned(),
        status,
        title: "Only the alternative works".to_owned(),
        detail: format!(
            "{} does not work, {} does; the document prefers the former.",
            ids(&broken).join(", "),
            ids(&working).join(", ")
        ),
        remedy: broken.first().map_or_else(String::new, |c| c.reason.clone()),
        checks: ids(&broken).into_iter().chain(ids(&working)).collect(),
    }
}
