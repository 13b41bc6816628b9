//! `group.only-alternative`: what the document prefers does not work, its alternative does. Ways of media have a finding
//! of their own.

use crate::judge::{groups, opening, ways};
use crate::model::{Check, Finding, Status, Who};
use crate::plan::Plan;

/// One finding a group and address.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    groups::each(plan, checks, |unit, only| {
        let (broken, working) = (unit.broken(), unit.working());
        let media = unit.preferred.iter().any(|c| ways::is_direct(plan, c));
        let leans = !media && !unit.preferred.is_empty() && !broken.is_empty() && !working.is_empty();
        leans.then(|| finding(checks, &broken, &working, unit.status(only).unwrap_or(Status::Pass)))
    })
}

fn finding(all: &[Check], broken: &[&Check], working: &[&Check], status: Status) -> Finding {
    let is_note = status == Status::Pass;
    let ask = if is_note { Vec::new() } else { opening::asks(broken.iter().copied(), all) };
    let who = if ask.is_empty() { Who::Server } else { Who::Firewall };
    let ids = |checks: &[&Check]| checks.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    Finding {
        id: "group.only-alternative".to_owned(),
        status,
        title: "Only the alternative works".to_owned(),
        detail: format!(
            "{}, {} {}; the document prefers the former.",
            groups::words_of_broken(broken),
            ids(working).join(", "),
            if working.iter().any(|c| c.status == Status::Pass) {
                "works"
            } else {
                "answers with a warning of its own"
            },
        ),
        remedy: broken.first().map_or_else(String::new, |c| groups::open(c)),
        who: (!is_note).then_some(who),
        ask,
        evidence: broken.iter().map(|c| format!("{}: {}", c.id, c.reason)).collect(),
        checks: ids(broken).into_iter().chain(ids(working)).collect(),
        ..Finding::default()
    }
}
