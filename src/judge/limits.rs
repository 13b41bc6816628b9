//! Estimates against limits: an interval that lies on one side of its limit decides it, one that spans it does not.
//! Whoever measures is told by the same comparison when to stop.

use crate::model::measure::names;
use crate::model::shape::LOSS_ALLOWED;
use crate::model::{Estimate, Estimates, LimitResult, LimitSource, Load, Standing, Status, default_source};
use crate::plan::{Measure, Plan};

/// rtc-check's own limits, for what the document does not limit: those of the documents that do.
const DEFAULTS: [(&str, f64); 3] = [("rtt_ms", 300.0), ("jitter_ms", 50.0), ("loss_pct", 100.0 * LOSS_ALLOWED)];

/// A rate whose delay rises by this much while it is on only fills a queue.
const FLAT_MS: f64 = 50.0;

/// On which side of the limit the interval lies.
fn side(op: &str, estimate: Estimate, limit: f64) -> Status {
    let Estimate { low, high, .. } = estimate;
    let (holds, fails) = match op {
        "<" => (high < limit, low >= limit),
        "<=" => (high <= limit, low > limit),
        _ => (low >= limit, high < limit),
    };
    match (holds, fails) {
        (true, _) => Status::Pass,
        (_, true) => Status::Fail,
        // A figure that is no number decides nothing either.
        _ => Status::Unknown,
    }
}

/// A quantity that each direction must keep within its limit, and what may be said of it from the round trip alone.
struct ByDirection {
    up: Option<Estimate>,
    down: Option<Estimate>,
    round_trip: Option<Estimate>,
    /// A round trip above this shows that one of the directions is above the limit.
    too_much: f64,
}

impl ByDirection {
    /// The status, and the estimate that decides it: the worse direction's.
    fn judge(&self, op: &str, limit: f64) -> (Status, Option<Estimate>) {
        let ways = [self.up, self.down].into_iter().flatten();
        let worst =
            ways.map(|e| (side(op, e, limit), e)).max_by(|(a, x), (b, y)| a.cmp(b).then(x.value.total_cmp(&y.value)));
        match worst {
            Some((status, e)) if status == Status::Fail || (self.up.is_some() && self.down.is_some()) => {
                (status, Some(e))
            }
            _ => self.of_round_trip(op, limit),
        }
    }

    /// One direction is never worse than both together, so what holds for both holds for each.
    fn of_round_trip(&self, op: &str, limit: f64) -> (Status, Option<Estimate>) {
        let Some(e) = self.round_trip else { return (Status::Unknown, None) };
        let status = match side(op, e, limit) {
            Status::Pass => Status::Pass,
            _ if op != ">=" && e.low > self.too_much => Status::Fail,
            _ => Status::Unknown,
        };
        (status, Some(e))
    }
}

/// The status of one of the documents' quantities, and the estimate that decides it.
fn judge(metric: &str, op: &str, limit: f64, estimates: &Estimates) -> (Status, Option<Estimate>) {
    let get = |name| estimates.get(name);
    match metric {
        "jitter_ms" => {
            let (up, down) = (get(names::JITTER_UP_MS), get(names::JITTER_DOWN_MS));
            ByDirection { up, down, round_trip: get(names::RTT_VARIATION_MS), too_much: 2.0 * limit }.judge(op, limit)
        }
        "loss_pct" => {
            let (up, down) = (get(names::LOSS_UP_PCT), get(names::LOSS_DOWN_PCT));
            // Two ways that each keep the limit pass at least (1 - l)² of what was sent.
            let too_much = 100.0 * (1.0 - (1.0 - limit / 100.0).powi(2));
            ByDirection { up, down, round_trip: get(names::LOSS_PCT), too_much }.judge(op, limit)
        }
        name => {
            let estimate = get(name);
            (estimate.map_or(Status::Unknown, |e| side(op, e, limit)), estimate)
        }
    }
}

/// More is lost, beyond doubt, than rtc-check's own limit bears.
pub fn loses_too_much(estimates: &Estimates) -> bool {
    judge("loss_pct", "<", 100.0 * LOSS_ALLOWED, estimates).0 == Status::Fail
}

/// What rtc-check's own limits are worth: they can only warn.
fn own(status: Status) -> Status {
    if status == Status::Fail { Status::Warn } else { status }
}

/// The limit is rtc-check's own.
pub fn is_own(limit: &LimitResult) -> bool {
    matches!(limit.source, LimitSource::Own(_))
}

/// The limits on quality, the document's or rtc-check's own, against the estimates.
pub fn quality(measure: &Measure, estimates: &Estimates) -> Vec<LimitResult> {
    let one = |(metric, default): (&str, f64)| {
        let (op, limit, source) = match measure.limits.iter().find(|l| l.metric == metric) {
            Some(l) => (l.op.as_str(), l.value, LimitSource::Document(l.source.clone())),
            None => ("<", default, default_source()),
        };
        let (status, estimate) = judge(metric, op, limit, estimates);
        let status = if matches!(source, LimitSource::Own(_)) { own(status) } else { status };
        result(metric, op, limit, status, estimate, source)
    };
    DEFAULTS.into_iter().map(one).collect()
}

fn result(
    metric: &str,
    op: &str,
    limit: f64,
    status: Status,
    estimate: Option<Estimate>,
    source: LimitSource,
) -> LimitResult {
    let unit = metric.rsplit('_').next().unwrap_or_default().to_owned();
    LimitResult {
        metric: metric.to_owned(),
        op: op.to_owned(),
        limit,
        observed: estimate.map(|e| e.value),
        ci95: estimate.map(|e| [e.low, e.high]),
        unit,
        status,
        source,
    }
}

/// No way's delay rises by more than the round trip's does; which way's rose it does not tell.
fn flat_by_round_trip(estimates: &Estimates) -> Status {
    let flat = estimates.get(names::RTT_RISE_MS).is_some_and(|e| side("<", e, FLAT_MS) == Status::Pass);
    if flat { Status::Pass } else { Status::Unknown }
}

/// Whether a load's rates flow: the rate that arrives, each way, and a delay that stays flat. A rate that only fills a
/// queue is not carried, so a delay that rises decides the rate's limit too; `prefix` goes before the rates' names.
pub fn rates(need: &Load, estimates: &Estimates, prefix: &str, source: &LimitSource) -> Vec<LimitResult> {
    let ways = [
        (names::UP_KBPS, names::DELAY_RISE_UP_MS, need.total_up_kbps()),
        (names::DOWN_KBPS, names::DELAY_RISE_DOWN_MS, need.total_down_kbps()),
    ];
    let mut limits = Vec::new();
    for (rate, rise, kbps) in ways.into_iter().filter(|(.., kbps)| *kbps > 0.0) {
        let (arrives, rises) = (estimates.get(rate), estimates.get(rise));
        let flat = rises.map_or_else(|| flat_by_round_trip(estimates), |e| side("<", e, FLAT_MS));
        let status = arrives.map_or(Status::Unknown, |e| side(">=", e, kbps)).worst(flat);
        limits.push(result(&format!("{prefix}{rate}"), ">=", kbps, status, arrives, source.clone()));
        if rises.is_some() {
            limits.push(result(rise, "<", FLAT_MS, own(flat), rises, default_source()));
        }
    }
    limits
}

/// How figures under a load stand, for what the plan asks of a measure. A figure that the way of measuring cannot give
/// is not waited for.
pub fn stands(plan: &Plan, measure: usize, load: &Load, estimates: &Estimates) -> Standing {
    let Some(measure) = plan.measures.get(measure) else { return Standing::Undecided };
    let mut limits = Vec::new();
    if measure.quality.selected {
        limits.extend(quality(measure, estimates));
    }
    if measure.bandwidth.selected {
        limits.extend(rates(load, estimates, "", &default_source()));
        // What does not arrive is not offered on the way back: that way stays open however long is measured.
        if limits.iter().any(|l| l.metric == names::UP_KBPS && l.status == Status::Fail) {
            limits.retain(|l| l.metric != names::DOWN_KBPS || l.status != Status::Unknown);
        }
    }
    let statuses: Vec<Status> = limits.iter().filter(|l| l.observed.is_some()).map(|l| l.status).collect();
    match statuses.iter().copied().reduce(Status::worst) {
        // Nothing is asked for that this way of measuring could tell.
        None if limits.is_empty() => Standing::Holds,
        None => Standing::Undecided,
        _ if statuses.contains(&Status::Unknown) => Standing::Undecided,
        Some(Status::Pass) => Standing::Holds,
        Some(_) => Standing::Fails,
    }
}

/// The status of a check by its limits: rtc-check's own can only warn, count only where something was measured, and do
/// not leave a check undecided that the document's limits decide.
pub fn status(limits: &[LimitResult]) -> Status {
    let by_document = limits.iter().any(|l| !is_own(l));
    let part = |l: &LimitResult| match (is_own(l), l.status) {
        (true, Status::Unknown) if l.observed.is_none() => None,
        (true, Status::Unknown) if by_document => Some(Status::Warn),
        (_, status) => Some(status),
    };
    limits.iter().filter_map(part).reduce(Status::worst).unwrap_or(Status::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e(low: f64, value: f64, high: f64) -> Option<Estimate> {
        Some(Estimate { value, low, high })
    }

    #[test]
    fn an_interval_decides_only_on_one_side_of_its_limit() {
        let at = |op, low, high| side(op, Estimate { value: low, low, high }, 300.0);
        assert_eq!(
            (at("<", 1.0, 299.9), at("<", 1.0, 300.0), at("<", 300.0, 301.0)),
            (Status::Pass, Status::Unknown, Status::Fail)
        );
        assert_eq!((at("<=", 1.0, 300.0), at("<=", 300.0, 301.0)), (Status::Pass, Status::Unknown));
        assert_eq!(
            (at(">=", 300.0, 400.0), at(">=", 200.0, 299.9), at(">=", 299.0, 301.0)),
            (Status::Pass, Status::Fail, Status::Unknown)
        );
        assert_eq!(at("<", f64::NAN, f64::NAN), Status::Unknown);
    }

    #[test]
    fn the_worse_direction_decides() {
        let loss = |up: Option<Estimate>, down: Option<Estimate>, round_trip: Option<Estimate>| {
            let mut estimates = Estimates::default();
            for (name, estimate) in
                [(names::LOSS_UP_PCT, up), (names::LOSS_DOWN_PCT, down), (names::LOSS_PCT, round_trip)]
            {
                estimates.0.extend(estimate.map(|e| (name.to_owned(), e)));
            }
            let (status, estimate) = judge("loss_pct", "<", 1.5, &estimates);
            (status, estimate.map(|e| e.value))
        };
        let (none, much, some) = (e(0.0, 0.0, 0.9), e(2.2, 3.1, 4.3), e(0.9, 1.3, 1.9));
        assert_eq!(loss(much, none, much), (Status::Fail, Some(3.1)));
        assert_eq!(loss(none, some, some), (Status::Unknown, Some(1.3)));
        assert_eq!(loss(none, none, none), (Status::Pass, Some(0.0)));
        // The round trip alone: both ways may share 2.2 to 2.9 %.
        assert_eq!(loss(None, None, e(2.2, 2.5, 2.9)).0, Status::Unknown);
        assert_eq!(loss(None, None, e(3.0, 3.5, 4.0)).0, Status::Fail);
        assert_eq!(loss(None, None, e(0.0, 0.0, 1.4)).0, Status::Pass);
        // One way alone may show a failure, and never that the other holds.
        assert_eq!(loss(much, None, None).0, Status::Fail);
        assert_eq!(loss(none, None, e(1.0, 1.3, 2.0)).0, Status::Unknown);
        assert_eq!(loss(None, None, None), (Status::Unknown, None));
    }

    #[test]
    fn jitter_of_the_round_trip_may_be_that_of_both_ways() {
        let round_trip = |low, high| {
            let all = [(names::RTT_VARIATION_MS.to_owned(), Estimate { value: low, low, high })];
            judge("jitter_ms", "<", 50.0, &Estimates(all.into_iter().collect())).0
        };
        assert_eq!(
            (round_trip(1.0, 49.0), round_trip(60.0, 99.0), round_trip(101.0, 120.0)),
            (Status::Pass, Status::Unknown, Status::Fail)
        );
    }

    #[test]
    fn a_rate_that_fills_a_queue_is_not_carried() {
        let load = Load { media: Default::default(), up_kbps: 80.0, down_kbps: 0.0, sessions: 1, down_streams: 1 };
        let judged = |rise: (f64, f64)| {
            let rise = Estimate { value: rise.0, low: rise.0, high: rise.1 };
            let arrives = Estimate { value: 81.0, low: 80.5, high: 81.0 };
            let all = [(names::UP_KBPS.to_owned(), arrives), (names::DELAY_RISE_UP_MS.to_owned(), rise)];
            let limits = rates(&load, &Estimates(all.into_iter().collect()), "", &default_source());
            (limits[0].status, limits[1].status)
        };
        assert_eq!(judged((1.0, 3.0)), (Status::Pass, Status::Pass));
        assert_eq!(judged((160.0, 190.0)), (Status::Fail, Status::Warn));
        assert_eq!(judged((40.0, 60.0)), (Status::Unknown, Status::Unknown));
    }
}
