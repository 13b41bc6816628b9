//! Observations against rules: one status and one sentence a check, groups of alternatives, one verdict, findings.
//! Sees no socket and no renderer, and never measures; the same observations always give the same report.

mod check;
mod groups;
mod range;
mod reason;
mod rules;

use crate::model::{Check, Ended, Facts, Report, RunInfo, SCHEMA, Seen, Status, Summary, ToolInfo, metric};
use crate::plan::{Item, Plan};

/// What a report says of the run beside its checks.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The program's version.
    pub version: String,
    /// Id of the run.
    pub id: String,
    /// RFC 3339 in UTC.
    pub started: String,
    /// RFC 3339 in UTC.
    pub finished: String,
    /// Whole milliseconds.
    pub duration_ms: u64,
    /// Seed of every random choice.
    pub seed: u64,
    /// Why the run ended before its time.
    pub ended: Option<Ended>,
    /// A sampled pass is unknown.
    pub strict: bool,
}

/// Judges a whole run.
pub fn judge(plan: &Plan, seen: &[Seen], meta: &Meta) -> Report {
    let checks: Vec<Check> = seen.iter().filter_map(|s| judge_one(plan, s, meta.strict)).collect();
    let mut summary = Summary::default();
    checks.iter().filter(|c| c.waived.is_none()).for_each(|c| summary.count(c.status));
    let verdict = groups::verdict(plan, &checks);
    let findings = rules::all(plan, &checks);
    let run = RunInfo {
        id: meta.id.clone(),
        started: meta.started.clone(),
        finished: meta.finished.clone(),
        duration_ms: meta.duration_ms,
        profile: plan.profile.clone(),
        from: plan.from.join(","),
        options: plan.options.clone(),
        targets: plan
            .targets
            .iter()
            .map(|(role, hosts)| (role.clone(), hosts.iter().map(ToString::to_string).collect()))
            .collect(),
        seed: meta.seed,
        ended: meta.ended,
    };
    Report {
        schema: SCHEMA.to_owned(),
        complete: meta.ended.is_none(),
        tool: ToolInfo { name: "rtc-check".to_owned(), version: meta.version.clone() },
        run,
        verdict,
        summary,
        findings,
        checks,
    }
}

/// Judges one check, as soon as it is done; a check's status does not depend on others. `None` for an item that the plan
/// does not have.
pub fn judge_one(plan: &Plan, seen: &Seen, strict: bool) -> Option<Check> {
    Some(one(plan.items.get(seen.item)?, seen, strict))
}

fn one(item: &Item, seen: &Seen, strict: bool) -> Check {
    let rule = &item.rule;
    let judgement = check::judge(item, seen, strict);
    let ports = rule.ports;
    let allowed = item.allow_unknown && judgement.status == Status::Unknown;
    let by_flag = || crate::model::Waived { reason: "may stay unknown (--allow-unknown)".to_owned(), until: None };
    let waived = item.waived.clone().or_else(|| allowed.then(by_flag));
    Check {
        id: item.check_id(seen.address),
        rule: Some(rule.id.clone()),
        probe: seen.observation.probe,
        role: rule.to.clone(),
        target: item.host.to_string(),
        address: seen.address,
        transport: Some(rule.transport),
        port: ports.filter(|p| p.is_single()).map(|p| p.first()),
        ports: ports.filter(|p| !p.is_single()),
        need: rule.need,
        status: judgement.status,
        reason: judgement.reason,
        observed: observed(seen),
        limits: Vec::new(),
        source: Some(rule.source.clone()),
        group: rule.group.clone(),
        waived,
        started_ms: seen.started_ms,
        duration_ms: seen.duration_ms,
    }
}

/// The probe's facts, with its steps and its failure among them.
fn observed(seen: &Seen) -> Facts {
    let mut facts = seen.observation.facts.clone();
    facts.set(&metric::STEPS, &seen.observation.steps);
    if let Some(failure) = seen.observation.failure() {
        facts.set(&metric::FAILURE, failure);
    }
    facts
}

#[cfg(test)]
mod tests;
