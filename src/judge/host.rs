//! What this machine said of itself against the rows of the document: one status and one sentence a subject. Sees no file
//! of the machine, and never reads any.

mod link;
mod platform;
mod ports;
mod size;
mod state;

use crate::model::machine::Destination;
use crate::model::{
    Check, Failure, FailureKind, Finding, LimitResult, Observation, Outcome, Planned, ProbeKind, Report, Seen, Status,
    Subject, Summary, metric,
};
use crate::plan::{HostItem, HostPlan};

use super::{About, Meta, groups, observed};

/// A status, its sentence, and the numbers that were compared.
struct Judged {
    status: Status,
    reason: String,
    limits: Vec<LimitResult>,
}

impl Judged {
    fn new(status: Status, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), limits: Vec::new() }
    }
}

/// Judges a whole look at a machine.
pub fn report(plan: &HostPlan, seen: &[Seen], meta: &Meta) -> Report {
    let checks: Vec<Check> = seen.iter().filter_map(|s| check(plan, seen, s)).collect();
    let mut summary = Summary::default();
    checks.iter().for_each(|c| summary.count(c.status));
    let targets = plan.roles.iter().map(|role| (role.clone(), vec![plan.name.clone()]));
    let of = About {
        profile: &plan.profile,
        from: if plan.is_server() { "host".to_owned() } else { plan.from.join(",") },
        options: &plan.options,
        targets: targets.collect(),
    };
    let (verdict, findings) = (groups::of_lone(&checks), container(&checks).into_iter().collect());
    Report { verdict, summary, findings, ..meta.report(of, checks) }
}

fn check(plan: &HostPlan, all: &[Seen], seen: &Seen) -> Option<Check> {
    let Planned::Machine(index) = seen.of else { return None };
    let item = plan.items.get(index)?;
    let Judged { status, reason, limits } = judge(plan, item, all, seen);
    let target = target(plan, item);
    let address = seen.address.map(|a| format!("/{a}")).unwrap_or_default();
    Some(Check {
        id: format!("{}/{target}{address}", item.name()),
        rule: None,
        probe: ProbeKind::Host,
        role: item.role.clone(),
        target,
        address: seen.address,
        transport: None,
        port: None,
        ports: None,
        need: item.need,
        status,
        reason,
        observed: observed(seen),
        limits,
        source: item.source.clone(),
        group: None,
        waived: None,
        started_ms: seen.started_ms,
        duration_ms: seen.duration_ms,
    })
}

/// This machine, but for the way to another.
fn target(plan: &HostPlan, item: &HostItem) -> String {
    match &item.subject {
        Subject::WayOut(Destination::Host(host)) => host.to_string(),
        _ => plan.name.clone(),
    }
}

fn judge(plan: &HostPlan, item: &HostItem, all: &[Seen], seen: &Seen) -> Judged {
    let facts = &seen.observation.facts;
    match &seen.observation.outcome {
        Outcome::Skipped(because) => Judged::new(Status::Skip, because.as_str()),
        Outcome::Failed(failure) => failed(failure, plan, item, all),
        Outcome::Measured => {
            let told = match &item.subject {
                Subject::Distribution => facts.get(&metric::DISTRIBUTION).map(|d| platform::distribution(plan, &d)),
                Subject::Architecture => {
                    facts.get::<String>(&metric::ARCHITECTURE).map(|a| platform::architecture(plan, &a))
                }
                Subject::Cores => facts.get(&metric::CORES_DETAIL).map(|p| size::cores(plan, &p)),
                Subject::Memory => facts.get(&metric::MEMORY_DETAIL).map(|m| size::memory(plan, &m)),
                Subject::Disk(_) => facts.get(&metric::DISK).map(|d| state::disk(plan, &d)),
                Subject::Clock => facts.get(&metric::CLOCK).map(|c| state::clock(&c)),
                Subject::Ports(of) => ports::judge(plan.expect, of, facts),
                Subject::WayOut(_) => facts.get(&metric::WAY_OUT).map(|l| link::judge(plan.wired(), &l, facts)),
            };
            told.unwrap_or_else(|| Judged::new(Status::Unknown, "the machine's answer is not in the report"))
        }
    }
}

/// What could not be read decides nothing.
fn failed(failure: &Failure, plan: &HostPlan, item: &HostItem, all: &[Seen]) -> Judged {
    let detail = &failure.detail;
    match failure.kind {
        FailureKind::NoRoute => no_route(detail, plan, item, all),
        FailureKind::NotTold | FailureKind::OutOfTime | FailureKind::Internal => {
            Judged::new(Status::Unknown, detail.as_str())
        }
        _ if matches!(item.subject, Subject::WayOut(_)) => Judged::new(Status::Fail, detail.as_str()),
        _ => Judged::new(Status::Unknown, detail.as_str()),
    }
}

/// No route in a family is no fault where there is one to the same destination in the other.
fn no_route(detail: &str, plan: &HostPlan, item: &HostItem, all: &[Seen]) -> Judged {
    let is_same =
        |s: &&Seen| matches!(s.of, Planned::Machine(i) if plan.items.get(i).is_some_and(|i| leads_alike(i, item)));
    let same = || all.iter().filter(is_same).map(|s| &s.observation);
    let is_without = |o: &Observation| o.failure().is_some_and(|f| f.kind == FailureKind::NoRoute);
    if same().any(|o| o.facts.has(&metric::LOCAL) || o.facts.has(&metric::WAY_OUT)) {
        return Judged::new(Status::Skip, detail);
    }
    match same().all(is_without) {
        true => Judged::new(Status::Fail, format!("{detail}: connect it to a network, or give it a default route")),
        false => Judged::new(Status::Unknown, format!("{detail}, and the other family was not looked at to the end")),
    }
}

/// Both lead to the same host, or to anywhere.
fn leads_alike(one: &HostItem, other: &HostItem) -> bool {
    match (&one.subject, &other.subject) {
        (Subject::WayOut(Destination::Host(one)), Subject::WayOut(Destination::Host(other))) => one == other,
        (Subject::WayOut(one), Subject::WayOut(other)) => {
            [one, other].iter().all(|to| matches!(to, Destination::Anywhere { .. }))
        }
        _ => false,
    }
}

/// `host.container`: what is said here is what a container sees.
fn container(checks: &[Check]) -> Option<Finding> {
    let kind = |c: &Check| c.observed.get::<String>(&metric::CONTAINER);
    let found = checks.iter().find_map(kind)?;
    Some(Finding {
        id: "host.container".to_owned(),
        status: Status::Pass,
        title: format!("This is the inside of a container ({found})"),
        detail:
            "Distribution, processors, memory and ports are those that the container has; the kernel and its clock \
                 are those of the machine below it, and so may be ports that it hands in."
                .to_owned(),
        remedy: String::new(),
        checks: checks.iter().filter(|c| kind(c).is_some()).map(|c| c.id.clone()).collect(),
        ..Finding::default()
    })
}

/// `8.6 GB`, in units of 1,000,000,000 bytes, as disks and the documents count.
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// `7.8 GiB`, in units of 1,073,741,824 bytes, as memory is sold.
fn gibibytes(bytes: f64) -> String {
    format!("{:.1} GiB", bytes / GIB)
}

const GIB: f64 = 1_073_741_824.0;

/// The noun with its number.
fn counted(n: u32, one: &str, more: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {more}") }
}

#[cfg(test)]
mod tests;
