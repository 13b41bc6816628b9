//! `rules.not-given`: rules of some installations only, left out because nobody named a host for their role.

use std::collections::BTreeMap;

use crate::model::{Check, Finding, Status};
use crate::plan::Plan;

/// One note a role.
pub fn find(plan: &Plan, _: &[Check]) -> Vec<Finding> {
    let mut roles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (rule, role) in &plan.not_given {
        roles.entry(role.as_str()).or_default().push(rule.as_str());
    }
    let finding = |(role, rules): (&str, Vec<&str>)| Finding {
        id: "rules.not-given".to_owned(),
        status: Status::Pass,
        title: format!("`{role}` was not tested"),
        detail: format!(
            "The document asks for {} only where `{role}` is a machine of its own, and no host was given for it: add --target {role}=HOST if it is.",
            rules.join(", ")
        ),
        remedy: String::new(),
        checks: Vec::new(),
        ..Finding::default()
    };
    roles.into_iter().map(finding).collect()
}
