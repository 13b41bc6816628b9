//! Observations against rules: one status and one sentence a check, groups of alternatives, one verdict, findings.
//! Sees no socket and no renderer, and never measures; the same observations always give the same report.

mod aim;
mod bandwidth;
mod call;
mod capacity;
mod check;
mod control;
mod diagnosed;
pub mod doctor;
mod figures;
mod groups;
pub mod host;
mod ice;
mod limits;
mod measured;
mod nat;
mod opening;
mod pair;
mod path;
mod place;
mod portal;
mod proxied;
mod quality;
mod range;
mod reason;
mod remedy;
mod resolver;
mod rules;
mod services;
mod trial;
mod turn;
mod ways;

use std::collections::BTreeMap;

use crate::model::{
    Check, Ended, Facts, FailureKind, Planned, Report, RoleName, RunInfo, SCHEMA, Seen, Status, Summary, ToolInfo,
    Waived, metric,
};
use crate::plan::{Item, Plan};

pub use limits::stands;
pub use rules::ids as finding_ids;

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
    let mut checks: Vec<Check> = seen.iter().flat_map(|s| judge_one(plan, s, meta.strict)).collect();
    path::without_end(&mut checks);
    let mut summary = Summary::default();
    checks.iter().filter(|c| c.waived.is_none()).for_each(|c| summary.count(c.status));
    let verdict = groups::verdict(plan, &checks);
    let findings = rules::all(plan, &checks);
    let ways = ways::of(plan, &checks).rows.into_iter().map(|row| row.shown).collect();
    diagnosed::tell(&mut checks, &findings);
    let of = About {
        profile: &plan.profile,
        from: plan.from.join(","),
        options: &plan.options,
        targets: plan
            .targets
            .iter()
            .map(|(role, hosts)| (role.clone(), hosts.iter().map(ToString::to_string).collect()))
            .collect(),
    };
    Report { verdict, summary, findings, ways, ..meta.report(of, checks) }
}

/// What a run was about.
struct About<'a> {
    profile: &'a str,
    from: String,
    options: &'a BTreeMap<String, bool>,
    targets: BTreeMap<RoleName, Vec<String>>,
}

impl Meta {
    /// The report of a run, whose conclusions are still to be drawn.
    fn report(&self, of: About<'_>, checks: Vec<Check>) -> Report {
        let run = RunInfo {
            id: self.id.clone(),
            started: self.started.clone(),
            finished: self.finished.clone(),
            duration_ms: self.duration_ms,
            profile: of.profile.to_owned(),
            from: of.from,
            options: of.options.clone(),
            targets: of.targets,
            seed: self.seed,
            ended: self.ended,
        };
        Report {
            schema: SCHEMA.to_owned(),
            complete: self.ended.is_none(),
            tool: ToolInfo { name: "rtc-check".to_owned(), version: self.version.clone() },
            run,
            verdict: Status::Unknown,
            summary: Summary::default(),
            findings: Vec::new(),
            ways: Vec::new(),
            checks,
            comparison: None,
            redacted: Vec::new(),
        }
    }
}

/// Judges what was seen of one planned thing, as soon as it is done; a check's status does not depend on others. Empty
/// for what the plan does not have.
pub fn judge_one(plan: &Plan, seen: &Seen, strict: bool) -> Vec<Check> {
    match seen.of {
        Planned::Item(index) => plan.items.get(index).map(|item| one(item, seen, strict)).into_iter().collect(),
        Planned::Trial(index) => {
            plan.trials.get(index).map(|trial| trial::check(plan, trial, seen)).into_iter().collect()
        }
        Planned::Measure(index) => {
            plan.measures.get(index).map(|measure| measured::checks(plan, measure, seen)).unwrap_or_default()
        }
        // Of a plan of its own: `host::report` judges it.
        Planned::Machine(_) => Vec::new(),
    }
}

/// What the operator waives of a check: all that it says, or that it stays unknown although it was asked to the end.
fn waived(waived: &Option<Waived>, allow_unknown: bool, status: Status, seen: &Seen) -> Option<Waived> {
    let out_of_time = seen.observation.failure().is_some_and(|f| f.kind == FailureKind::OutOfTime);
    let allowed = allow_unknown && status == Status::Unknown && !out_of_time;
    let by_flag = || Waived { reason: "may stay unknown (--allow-unknown)".to_owned(), until: None };
    waived.clone().or_else(|| allowed.then(by_flag))
}

fn one(item: &Item, seen: &Seen, strict: bool) -> Check {
    let rule = &item.rule;
    let judgement = check::judge(item, seen, strict);
    let ports = rule.ports;
    let waived = waived(&item.waived, item.allow_unknown, judgement.status, seen);
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
        reason: proxied::told(
            place::told(&judgement.reason, &seen.observation.facts, judgement.status.holds()),
            &seen.observation,
        ),
        observed: moved(item, observed(seen)),
        limits: Vec::new(),
        source: Some(rule.source.clone()),
        group: rule.group.clone(),
        waived,
        started_ms: seen.started_ms,
        duration_ms: seen.duration_ms,
    }
}

/// With the document's ports, where the check is of others.
fn moved(item: &Item, mut facts: Facts) -> Facts {
    if let Some(ports) = item.documented_ports {
        facts.set(&metric::DOCUMENTED_PORTS, ports);
    }
    facts
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
mod bench;
#[cfg(test)]
mod tests;
