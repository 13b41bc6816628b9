//! `dns.many-addresses`: a name has more addresses than a run tests.

use std::collections::BTreeMap;

use crate::model::{Check, Finding, Status, Who, metric};
use crate::plan::Plan;

/// One finding a name.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let mut names: BTreeMap<&str, (u64, Vec<&Check>)> = BTreeMap::new();
    for check in checks {
        if let Some(count) = check.observed.get::<u64>(&metric::ADDRESSES_LEFT_OUT) {
            names.entry(&check.target).or_insert((count, Vec::new())).1.push(check);
        }
    }
    let finding = |(name, (count, checks)): (&str, (u64, Vec<&Check>))| Finding {
        id: "dns.many-addresses".to_owned(),
        status: Status::Warn,
        title: format!("{name} has more addresses than were tested"),
        detail: format!("The first eight of each family were tested, {count} more were not."),
        remedy: "Give the addresses that matter as targets of their own (--target ROLE=ADDRESS,ADDRESS).".to_owned(),
        who: Some(Who::ThisMachine),
        checks: checks.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    };
    names.into_iter().map(finding).collect()
}
