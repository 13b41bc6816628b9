//! What became of each check.

use super::matching::Pair;
use super::status;
use crate::model::{Change, Check, CheckChange, CheckState, Failure, MatchedBy, Status, metric};

/// The checks that differ, and how many do not.
pub(super) fn changes(pairs: &[Pair<'_>]) -> (Vec<CheckChange>, u32) {
    let all: Vec<CheckChange> = pairs.iter().filter_map(change).collect();
    let is_same = |c: &CheckChange| c.change == Change::Same && !c.moved();
    let same = all.iter().filter(|c| is_same(c)).count();
    (all.into_iter().filter(|c| !is_same(c)).collect(), u32::try_from(same).unwrap_or(u32::MAX))
}

fn change(pair: &Pair<'_>) -> Option<CheckChange> {
    let counts = |c: &Check| c.counts();
    let (change, named, counts) = match (pair.before, pair.after) {
        (Some(before), Some(after)) => {
            // What is waived or optional in one of the two is not held against the other.
            (between(before, after, pair.matched), after, counts(before) && counts(after))
        }
        (None, Some(after)) => (Change::Appeared, after, counts(after)),
        (Some(before), None) => (Change::Gone, before, counts(before)),
        (None, None) => return None,
    };
    Some(CheckChange {
        change,
        check: named.name().to_owned(),
        matched: pair.matched,
        counts,
        before: pair.before.map(state),
        after: pair.after.map(state),
    })
}

fn between(before: &Check, after: &Check, matched: Option<MatchedBy>) -> Change {
    match status(before.status, after.status) {
        Change::Same if before.status == Status::Fail && way_to_fail(before) != way_to_fail(after) => Change::Changed,
        Change::Same if matched == Some(MatchedBy::Id) && before.waived.is_some() != after.waived.is_some() => {
            Change::Changed
        }
        change => change,
    }
}

/// Step and kind of the failure: refused before and silent now is another fault.
fn way_to_fail(check: &Check) -> Option<(&'static str, &'static str)> {
    check.observed.get::<Failure>(&metric::FAILURE).map(|f| (f.step.as_str(), f.kind.as_str()))
}

fn state(check: &Check) -> CheckState {
    CheckState {
        id: check.id.clone(),
        role: check.role.clone(),
        target: check.target.clone(),
        address: check.address,
        port: check.port_words(),
        need: check.need,
        status: check.status,
        reason: check.reason.clone(),
    }
}
