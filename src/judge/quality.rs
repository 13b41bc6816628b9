//! The check of quality: round trip, jitter and loss of one train against their limits.

use crate::model::measure::names;
use crate::model::{Estimates, Facts, LimitResult, LimitSource, Load, Need, Source, Status, metric};
use crate::plan::Measure;

use super::{figures, limits};

/// One load that was tried, and its figures.
pub struct Tried {
    pub load: Load,
    pub estimates: Estimates,
    pub facts: Facts,
}

impl Tried {
    fn read(facts: Facts) -> Option<Self> {
        let estimates = facts.get(&metric::ESTIMATES).unwrap_or_default();
        Some(Self { load: facts.get(&metric::LOAD)?, estimates, facts })
    }

    /// Its rates arrive and no queue fills.
    fn is_carried(&self) -> bool {
        let rates = limits::rates(&self.load, &self.estimates, "", &crate::model::default_source());
        !rates.is_empty() && rates.iter().all(|l| l.status == Status::Pass)
    }
}

/// Every load that was tried, the highest first.
pub fn tried(facts: &Facts) -> Vec<Tried> {
    let all: Vec<Facts> = facts.get(&metric::LOADS).unwrap_or_default();
    let all: Vec<Tried> = all.into_iter().filter_map(Tried::read).collect();
    if all.is_empty() { Tried::read(facts.clone()).into_iter().collect() } else { all }
}

/// The facts that quality is judged on: those of the highest load that is carried, else of the lowest that was tried.
pub fn facts_of_quality(facts: &Facts) -> Facts {
    let mut all = tried(facts);
    let chosen = all.iter().position(Tried::is_carried).unwrap_or(all.len().saturating_sub(1));
    let mut own = facts.clone();
    for m in OF_BANDWIDTH {
        own.remove(m);
    }
    if chosen < all.len() {
        let chosen = all.swap_remove(chosen);
        // An entry that bears no figures of its own has them beside it.
        if chosen.facts.has(&metric::SENT) || chosen.facts.has(&metric::RTT_MS) {
            own.extend(chosen.facts);
        }
    }
    without_loss_no_mos(&mut own);
    once_in_time(&mut own);
    own
}

/// Of all loads that were tried only the train is told in time that the check's own figures are of: a report stays small.
fn once_in_time(facts: &mut Facts) {
    let Some(mut loads) = facts.get::<Vec<Facts>>(&metric::LOADS) else { return };
    for load in &mut loads {
        load.remove(&metric::TIMELINE);
        load.remove(&metric::RTT_HISTOGRAM);
    }
    facts.set(&metric::LOADS, loads);
}

/// A call's quality is not computed from a loss that nobody may judge.
pub fn without_loss_no_mos(facts: &mut Facts) {
    let estimates: Estimates = facts.get(&metric::ESTIMATES).unwrap_or_default();
    let losses = [names::LOSS_PCT, names::LOSS_UP_PCT, names::LOSS_DOWN_PCT];
    if losses.iter().all(|name| estimates.get(name).is_none()) {
        facts.remove(&metric::MOS);
        facts.remove(&metric::MOS_DETAIL);
    }
}

/// Facts that belong to bandwidth and capacity.
const OF_BANDWIDTH: [&metric::Metric; 9] = [
    &metric::REQUIRED,
    &metric::CARRIED,
    &metric::IMPLIED_BY,
    &metric::UP_ALONE,
    &metric::DOWN_ALONE,
    &metric::CAPACITY,
    &metric::LOADED_LATENCY,
    &metric::MODES,
    &metric::BYTES_USED,
];

/// Required where the document limits anything; rtc-check's own limits can only warn.
pub fn need(measure: &Measure) -> Need {
    if measure.limits.is_empty() { Need::Recommended } else { Need::Required }
}

/// The row of the document's limit that is held worst, the first of such.
pub fn source(measure: &Measure, limits: &[LimitResult]) -> Option<Source> {
    let rows = limits.iter().filter_map(|limit| match &limit.source {
        LimitSource::Document(source) => Some((limit.status, source.clone())),
        LimitSource::Own(_) => None,
    });
    let worst = rows.reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
    worst.map(|(_, source)| source).or_else(|| measure.limits.first().map(|l| l.source.clone()))
}

/// Limits, status and reason of a train whose facts are `facts`.
pub fn judge(measure: &Measure, facts: &Facts, place: &str, v6: bool) -> (Vec<LimitResult>, Status, String) {
    let estimates: Estimates = facts.get(&metric::ESTIMATES).unwrap_or_default();
    let limits = limits::quality(measure, &estimates);
    let status = limits::status(&limits);
    let reason = reason(&limits, status, facts, &estimates, place, v6);
    (limits, status, reason)
}

fn reason(
    limits: &[LimitResult],
    status: Status,
    facts: &Facts,
    estimates: &Estimates,
    place: &str,
    v6: bool,
) -> String {
    let mut worst_first: Vec<&LimitResult> = limits.iter().collect();
    worst_first.sort_by_key(|l| std::cmp::Reverse(l.status));
    let clauses: Vec<String> = worst_first.into_iter().map(|l| clause(l, estimates)).collect();
    let via = figures::via(facts);
    let with = if via.is_empty() { String::new() } else { format!(" with {via}") };
    let under = facts.get::<Load>(&metric::LOAD);
    let under = under.map(|l| format!(" under {}", figures::load(&l, v6))).unwrap_or_default();
    let action = match status {
        Status::Unknown if figures::died(facts) => "; start the responder again and measure again".to_owned(),
        Status::Unknown if limits.iter().any(|l| l.observed.is_some() && l.status == Status::Unknown) => {
            format!("; {}", figures::more(facts))
        }
        Status::Unknown => "; run `rtc-check serve` at the far end to have all of it measured".to_owned(),
        Status::Fail | Status::Warn => "; look for what loads, limits or lengthens the path".to_owned(),
        _ => String::new(),
    };
    let extent = figures::extent(facts);
    let caveats = figures::caveats(facts);
    format!("Quality to {place}: {}{action}. Measured{with}{under}{extent}.{caveats}", clauses.join("; "))
}

/// One limit in words: what was seen, in which direction, and how it stands.
fn clause(limit: &LimitResult, estimates: &Estimates) -> String {
    let what = subject(limit, estimates);
    let Some(value) = figures::value(limit) else {
        return format!("{what} cannot be measured this way ({})", figures::bound(limit));
    };
    match limit.status {
        Status::Pass => format!("{what} is {value}, {}", figures::bound(limit)),
        Status::Unknown => format!("{what} is {value}, which spans the limit: {}", figures::bound(limit)),
        _ => format!("{what} is {value}, beyond its limit: {}{}", figures::bound(limit), other_way(limit, estimates)),
    }
}

/// What the limit's value is of: `the loss towards the target`.
fn subject(limit: &LimitResult, estimates: &Estimates) -> String {
    let is = |name: &str| estimates.get(name).is_some_and(|e| Some(e.value) == limit.observed);
    let both = |up: &str, down: &str| estimates.get(up).is_some() && estimates.get(down).is_some();
    let (what, up, down, of_both) = match limit.metric.as_str() {
        "rtt_ms" => return "the round trip".to_owned(),
        "loss_pct" => ("the loss", names::LOSS_UP_PCT, names::LOSS_DOWN_PCT, "the loss of the round trip"),
        "jitter_ms" => ("the jitter", names::JITTER_UP_MS, names::JITTER_DOWN_MS, "the variation of the round trip"),
        other => return other.to_owned(),
    };
    match () {
        () if limit.observed.is_none() => what.to_owned(),
        () if both(up, down) && is(up) && is(down) => format!("{what} each way"),
        () if is(up) => format!("{what} towards the target"),
        () if is(down) => format!("{what} on the way back"),
        () => of_both.to_owned(),
    }
}

/// How the other direction fared, where one is beyond the limit.
fn other_way(limit: &LimitResult, estimates: &Estimates) -> String {
    let (up, down) = match limit.metric.as_str() {
        "loss_pct" => (names::LOSS_UP_PCT, names::LOSS_DOWN_PCT),
        "jitter_ms" => (names::JITTER_UP_MS, names::JITTER_DOWN_MS),
        _ => return String::new(),
    };
    let Some((up, down)) = estimates.get(up).zip(estimates.get(down)) else { return String::new() };
    let (other, way) = match Some(up.value) == limit.observed {
        true => (down, "on the way back"),
        false => (up, "towards the target"),
    };
    match limit.metric.as_str() {
        "loss_pct" if other.value == 0.0 => format!(", and nothing was lost {way}"),
        _ => format!(", and {} {} {way}", figures::number(other.value), figures::unit(&limit.unit)),
    }
}
