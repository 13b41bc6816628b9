//! `dns.differ`: resolvers do not agree on a name. Normal where a name has an inside and an outside answer.

use std::collections::BTreeMap;

use crate::model::{Check, Finding, Status, metric};
use crate::plan::Plan;

/// One note a name.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let mut names: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in checks.iter().filter(|c| c.observed.get(&metric::DNS_DIFFER) == Some(true)) {
        names.entry(&check.target).or_default().push(check);
    }
    let note = |(name, checks): (&str, Vec<&Check>)| Finding {
        id: "dns.differ".to_owned(),
        status: Status::Pass,
        title: format!("Resolvers disagree on {name}"),
        detail: format!(
            "The resolvers of this machine, asked one by one, do not give {name} the same addresses; observed.dns_servers of its checks has each answer. An inside and an outside answer are normal."
        ),
        remedy: String::new(),
        checks: checks.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    };
    names.into_iter().map(note).collect()
}
