//! The checks that come of one measure: quality, a row of bandwidth each, and capacity.

use crate::model::{
    Check, Facts, FailureKind, LimitResult, Need, Outcome, ProbeKind, Seen, Source, Status, Step, metric,
};
use crate::plan::{Asked, Measure, Plan};

use super::bandwidth::{self, Judged};
use super::{capacity, figures, quality, reason, waived};

/// Every check that the plan asks for of this measure.
pub fn checks(plan: &Plan, measure: &Measure, seen: &Seen) -> Vec<Check> {
    let place = place(measure, seen);
    let undone = undone(measure, seen, &place);
    let mut checks = Vec::new();
    if measure.quality.selected {
        let judged = undone.clone().unwrap_or_else(|| judge_quality(measure, seen, &place));
        let head = Head {
            id: measure.quality_id(seen.address),
            probe: ProbeKind::Quality,
            need: quality::need(measure),
            source: quality::source(measure, &judged.limits),
            asked: &measure.quality,
        };
        checks.push(check(plan, measure, seen, head, judged));
    }
    for row in measure.rows.iter().filter(|_| measure.bandwidth.selected) {
        let judged = undone.clone().unwrap_or_else(|| bandwidth::judge(plan, measure, row, seen, &place));
        let head = Head {
            id: measure.bandwidth_id(row, seen.address),
            probe: ProbeKind::Bandwidth,
            need: bandwidth::need(row),
            source: Some(row.source.clone()),
            asked: &measure.bandwidth,
        };
        checks.push(check(plan, measure, seen, head, judged));
    }
    if measure.measuring.capacity.is_some() {
        let judged = undone.unwrap_or_else(|| capacity::judge(measure, seen, &place));
        let asked = Asked::default();
        let (id, probe) = (measure.capacity_id(seen.address), ProbeKind::Bandwidth);
        let head = Head { id, probe, need: Need::Optional, source: None, asked: &asked };
        checks.push(check(plan, measure, seen, head, judged));
    }
    checks
}

/// What a check has beside its judgement.
struct Head<'a> {
    id: String,
    probe: ProbeKind,
    need: Need,
    source: Option<Source>,
    asked: &'a Asked,
}

fn check(plan: &Plan, measure: &Measure, seen: &Seen, head: Head<'_>, judged: Judged) -> Check {
    let asked = plan.accepted.of_check(&head.id, head.asked);
    let mut observed = judged.facts;
    observed.set(&metric::STEPS, &seen.observation.steps);
    if let Some(failure) = seen.observation.failure() {
        observed.set(&metric::FAILURE, failure);
    }
    Check {
        id: head.id,
        rule: None,
        probe: head.probe,
        role: measure.role.clone(),
        target: measure.host.to_string(),
        address: seen.address,
        transport: None,
        port: None,
        ports: None,
        need: head.need,
        status: judged.status,
        reason: judged.reason,
        observed,
        limits: judged.limits,
        source: head.source,
        group: None,
        waived: waived(&asked.waived, asked.allow_unknown, judged.status, seen),
        started_ms: seen.started_ms,
        duration_ms: seen.duration_ms,
    }
}

fn judge_quality(measure: &Measure, seen: &Seen, place: &str) -> Judged {
    let facts = quality::facts_of_quality(&seen.observation.facts);
    let v6 = seen.address.is_some_and(|a| a.is_ipv6());
    let (limits, status, reason) = quality::judge(measure, &facts, place, v6);
    Judged { facts, limits, status, reason }
}

/// What every check of a measure says that was not carried out; `None` where there are figures.
fn undone(measure: &Measure, seen: &Seen, place: &str) -> Option<Judged> {
    let (status, reason) = match &seen.observation.outcome {
        Outcome::Measured => return None,
        Outcome::Skipped(because) => (Status::Skip, reason::skipped(because)),
        Outcome::Failed(failure) => {
            let refused = (failure.kind == FailureKind::SessionRefused).then_some(failure.detail.as_str());
            let by_refusal = refused.and_then(figures::unlike_refusal);
            let change = match (failure.kind, failure.step) {
                _ if by_refusal.is_some() => by_refusal.as_deref().unwrap_or_default(),
                (FailureKind::OutOfTime, _) => "run it again and let it end, with a longer --budget if one was set",
                (FailureKind::Internal, _) => "the other checks stand",
                (_, Step::Name) => "mend the name first",
                _ => "mend what the other checks of this address say, or run `rtc-check serve` there",
            };
            let what = measure.kinds().join(" and ");
            let reason = format!("The {what} of {place} could not be measured: {}; {change}.", failure.detail);
            (Status::Unknown, reason)
        }
    };
    let facts: Facts = seen.observation.facts.clone();
    let limits: Vec<LimitResult> = Vec::new();
    Some(Judged { facts, limits, status, reason })
}

/// The address, with the name it belongs to.
fn place(measure: &Measure, seen: &Seen) -> String {
    match (seen.address, &measure.host) {
        (Some(address), crate::model::Host::Name(name)) => format!("{name} ({address})"),
        (_, host) => host.to_string(),
    }
}

#[cfg(test)]
mod tests;
