//! `group.alternative-unproven`: what the document prefers was not shown to work, and its alternative was seen only as
//! an open port, or as a relay that asks for credentials.

use crate::judge::{groups, opening};
use crate::model::{Check, Finding, ProbeKind, Status, Who};
use crate::plan::Plan;

/// One finding a group and address.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    groups::each(plan, checks, |unit, only| {
        let (broken, unproven) = (unit.broken(), unit.unproven());
        let open = !unit.preferred.is_empty() && !broken.is_empty() && unit.working().is_empty();
        (open && !unproven.is_empty() && unit.status(only).is_some()).then(|| finding(checks, &broken, &unproven))
    })
}

fn named(checks: &[&Check], relays: bool) -> Option<String> {
    let taken = checks.iter().filter(|c| (c.probe == ProbeKind::Turn) == relays);
    Some(taken.map(|c| c.id.as_str()).collect::<Vec<_>>().join(", ")).filter(|ids| !ids.is_empty())
}

/// Relays were spoken to, up to their demand.
fn relays(checks: &[&Check]) -> Option<String> {
    let ids = named(checks, true)?;
    Some(format!("{ids} answers and asks for credentials; what it relays was not tested"))
}

fn ports(checks: &[&Check]) -> Option<String> {
    let ids = named(checks, false)?;
    Some(format!("{ids} answers on its port, but whether its service would carry the traffic was not tested"))
}

fn finding(all: &[Check], broken: &[&Check], unproven: &[&Check]) -> Finding {
    let ask = opening::asks(broken.iter().copied(), all);
    let ids = |checks: &[&Check]| checks.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    Finding {
        id: "group.alternative-unproven".to_owned(),
        status: Status::Unknown,
        title: "The alternative answers, and is not shown to work".to_owned(),
        detail: format!(
            "{}; {}.",
            groups::words_of_broken(broken),
            [relays(unproven), ports(unproven)].into_iter().flatten().collect::<Vec<_>>().join("; ")
        ),
        remedy: match unproven.iter().any(|c| c.probe == ProbeKind::Turn) {
            true => "Open what the document prefers, or set RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD (or RTC_CHECK_TURN_SECRET), so that the relay is tried.".to_owned(),
            false => "Open what the document prefers, or try a call through the alternative.".to_owned(),
        },
        who: Some(if ask.is_empty() { Who::Server } else { Who::Firewall }),
        ask,
        evidence: broken.iter().chain(unproven).map(|c| format!("{}: {}", c.id, c.reason)).collect(),
        checks: ids(broken).into_iter().chain(ids(unproven)).collect(), ..Finding::default() }
}
