//! What became of each finding. One id may stand for several hosts, so those that name the same checks, or have the same
//! title, are the same first.

use std::collections::BTreeSet;

use super::status;
use crate::model::{Change, Finding, FindingChange, Status};

/// The findings that differ, in the order of the second report, then those that are gone.
pub(super) fn changes(before: &[Finding], after: &[Finding]) -> Vec<FindingChange> {
    let mut left: Vec<Option<&Finding>> = before.iter().map(Some).collect();
    let mut partners: Vec<Option<&Finding>> = vec![None; after.len()];
    let alike: [fn(&Finding, &Finding) -> bool; 3] =
        [|a, b| a.title == b.title && a.checks == b.checks, |a, b| a.title == b.title, |_, _| true];
    for alike in alike {
        for (partner, finding) in partners.iter_mut().zip(after).filter(|(partner, _)| partner.is_none()) {
            let fits = |other: &Option<&Finding>| other.is_some_and(|o| o.id == finding.id && alike(o, finding));
            *partner = left.iter_mut().find(|other| fits(other)).and_then(Option::take);
        }
    }
    let came = partners.into_iter().zip(after).map(|(before, after)| change(before, Some(after)));
    let went = left.into_iter().flatten().map(|before| change(Some(before), None));
    came.chain(went).flatten().filter(|c| c.change != Change::Same).collect()
}

fn change(before: Option<&Finding>, after: Option<&Finding>) -> Option<FindingChange> {
    let change = match (before, after) {
        (Some(before), Some(after)) => between(before, after),
        (None, _) => Change::Appeared,
        (_, None) => Change::Gone,
    };
    let problem = |finding: Option<&Finding>| finding.is_some_and(|f| f.status != Status::Pass);
    Some(FindingChange {
        change,
        finding: after.or(before)?.id.clone(),
        counts: problem(before) || problem(after),
        before: before.cloned(),
        after: after.cloned(),
    })
}

/// The same cause is changed where it shows in checks of other rules; of the same rules elsewhere, it is not.
fn between(before: &Finding, after: &Finding) -> Change {
    match status(before.status, after.status) {
        Change::Same if before.status != Status::Pass && rules(before) != rules(after) => Change::Changed,
        change => change,
    }
}

fn rules(finding: &Finding) -> BTreeSet<&str> {
    finding.checks.iter().filter_map(|id| id.split('/').next()).collect()
}
