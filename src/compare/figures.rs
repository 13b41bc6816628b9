//! What became of each measured quantity: better or worse only where both intervals are apart.

use std::collections::BTreeMap;

use super::matching::Pair;
use crate::model::{Change, Check, Estimates, Figure, FigureChange, LimitResult, metric};

/// The figures of every check that both reports have.
pub(super) fn changes(pairs: &[Pair<'_>]) -> Vec<FigureChange> {
    pairs.iter().filter_map(|p| Some((p.before?, p.after?))).flat_map(|(a, b)| of_check(a, b)).collect()
}

/// A figure, what it is held against, and whether more of it is better.
struct Measured {
    figure: Figure,
    unit: String,
    limit: Option<String>,
    more_is_better: bool,
}

fn of_check(before: &Check, after: &Check) -> Vec<FigureChange> {
    let (ours, mut theirs) = (measured(before), measured(after));
    let both = ours.into_iter().filter_map(|(name, ours)| Some((theirs.remove(&name)?, name, ours)));
    let change = |(theirs, metric, ours): (Measured, String, Measured)| FigureChange {
        change: between(&ours.figure, &theirs.figure, theirs.more_is_better),
        check: after.id.clone(),
        metric,
        unit: theirs.unit,
        before: ours.figure,
        after: theirs.figure,
        limit: theirs.limit,
    };
    both.map(change).collect()
}

/// Figures by metric: those with limits, or the estimates of a check that is held against none.
fn measured(check: &Check) -> BTreeMap<String, Measured> {
    if check.limits.is_empty() {
        return estimates(check);
    }
    check.limits.iter().filter_map(of_limit).collect()
}

fn of_limit(limit: &LimitResult) -> Option<(String, Measured)> {
    let measured = Measured {
        figure: Figure { value: limit.observed?, ci95: limit.ci95 },
        unit: limit.unit.clone(),
        limit: Some(format!("{} {}", limit.op, limit.limit)),
        more_is_better: limit.op.starts_with('>'),
    };
    Some((limit.metric.clone(), measured))
}

fn estimates(check: &Check) -> BTreeMap<String, Measured> {
    let Estimates(all) = check.observed.get(&metric::ESTIMATES).unwrap_or_default();
    let measured = all.into_iter().map(|(name, e)| {
        let unit = ["ms", "pct", "kbps"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        let figure = Figure { value: e.value, ci95: Some([e.low, e.high]) };
        let unit = unit.unwrap_or_default().to_owned();
        let more_is_better = unit == "kbps" || name.contains("mos");
        (name, Measured { figure, unit, limit: None, more_is_better })
    });
    measured.collect()
}

/// Intervals that touch are within the noise.
fn between(before: &Figure, after: &Figure, more_is_better: bool) -> Change {
    let ((low, high), (low_now, high_now)) = (before.span(), after.span());
    match (low_now > high, high_now < low) {
        (false, false) => Change::Same,
        (grew, _) if grew == more_is_better => Change::Better,
        _ => Change::Worse,
    }
}
