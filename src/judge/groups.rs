//! Alternatives count once, by their group; the verdict is the worst of groups and lone checks that count.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::{Check, Failure, FailureKind, Finding, Need, ProbeKind, RoleName, Status, Step, Transport, metric};
use crate::plan::Plan;
use crate::profile::OnlyAlternative;

/// The judgement of groups and lone required checks together.
pub fn verdict(plan: &Plan, checks: &[Check]) -> Status {
    let tried: Vec<&Check> = checks.iter().filter(|c| c.status != Status::Skip).collect();
    let lone = tried.iter().filter(|c| c.group.is_none() && c.waived.is_none()).filter_map(|c| lone(c));
    let groups: BTreeSet<&str> = tried.iter().filter_map(|c| c.group.as_deref()).collect();
    let grouped = groups.iter().flat_map(|name| {
        let only = plan.groups.get(*name).copied().unwrap_or_default();
        units(&tried, name).into_iter().filter_map(move |u| u.status(only))
    });
    match lone.chain(grouped).reduce(Status::worst) {
        Some(worst) => worst,
        // Nothing counts: what was tried is waived or optional, which is well; nothing tried at all shows nothing.
        None if tried.is_empty() => Status::Unknown,
        None => Status::Pass,
    }
}

/// The judgement of checks of which none is in a group.
pub fn of_lone(checks: &[Check]) -> Status {
    let tried: Vec<&Check> = checks.iter().filter(|c| c.status != Status::Skip && c.waived.is_none()).collect();
    let nothing = if tried.is_empty() { Status::Unknown } else { Status::Pass };
    tried.iter().filter_map(|c| lone(c)).reduce(Status::worst).unwrap_or(nothing)
}

/// Asks every unit of every group for a finding.
pub fn each(
    plan: &Plan,
    checks: &[Check],
    find: impl Fn(&Unit<'_>, OnlyAlternative) -> Option<Finding>,
) -> Vec<Finding> {
    let tried: Vec<&Check> = checks.iter().filter(|c| c.status != Status::Skip).collect();
    let names: BTreeSet<&str> = tried.iter().filter_map(|c| c.group.as_deref()).collect();
    let of_group = |name: &&str| {
        let only = plan.groups.get(*name).copied().unwrap_or_default();
        units(&tried, name).iter().filter_map(|unit| find(unit, only)).collect::<Vec<_>>()
    };
    names.iter().flat_map(of_group).collect()
}

/// The unit in which a check is what its group prefers, and what the group is worth by an alternative alone.
pub fn unit_of<'a>(plan: &Plan, checks: &'a [Check], check: &Check) -> Option<(Unit<'a>, OnlyAlternative)> {
    let group = check.group.as_deref()?;
    let tried: Vec<&Check> = checks.iter().filter(|c| c.status != Status::Skip).collect();
    let unit = units(&tried, group).into_iter().find(|u| u.preferred.iter().any(|c| c.id == check.id))?;
    Some((unit, plan.groups.get(group).copied().unwrap_or_default()))
}

/// What to ask for: `Allow TCP 8989 outbound to 203.0.113.10.`
pub fn open(check: &Check) -> String {
    let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
    let below = |step| matches!(step, Step::Name | Step::Connect | Step::Proxy);
    if check.transport == Some(Transport::Tcp) && failure.is_some_and(|f| !below(f.step)) {
        return format!(
            "Mend what {} says: its port is open, and what is behind it is not as the document means.",
            check.id
        );
    }
    let transport = check.transport.map(|t| t.as_str().to_uppercase()).unwrap_or_default();
    let ports = check.port.map(|p| p.to_string()).or(check.ports.map(|p| p.to_string())).unwrap_or_default();
    let to = check.address.map_or_else(|| check.target.clone(), |a| a.to_string());
    format!("Allow {transport} {ports} outbound to {to}.")
}

/// A lone check's part in the verdict: a recommended one that fails is a warning, an optional one is nothing.
fn lone(check: &Check) -> Option<Status> {
    match check.need {
        Need::Required => Some(check.status),
        Need::Recommended if check.status == Status::Pass => Some(Status::Pass),
        Need::Recommended => Some(Status::Warn),
        Need::Alternative | Need::Optional => None,
    }
}

/// The preferred checks of a group on one address, and the alternatives that could stand in for them.
pub struct Unit<'a> {
    /// Rules that the group prefers, on one address of one role.
    pub preferred: Vec<&'a Check>,
    /// Alternatives on the same address, and those of other roles (a relay serves every role).
    pub alternatives: Vec<&'a Check>,
}

/// What is to be said of checks that do not hold: `a does not work, b was not shown to work`. Silence is no proof.
pub fn words_of_broken(checks: &[&Check]) -> String {
    let of = |failed: bool| {
        let ids: Vec<&str> =
            checks.iter().filter(|c| (c.status == Status::Fail) == failed).map(|c| c.id.as_str()).collect();
        (ids.len(), ids.join(", "))
    };
    let clause = |(count, ids): (usize, String), one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("{ids} {one}")),
        _ => Some(format!("{ids} {more}")),
    };
    let clauses = [
        clause(of(true), "does not work", "do not work"),
        clause(of(false), "was not shown to work", "were not shown to work"),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Splits a group by role and address.
pub fn units<'a>(checks: &[&'a Check], group: &str) -> Vec<Unit<'a>> {
    let members: Vec<&Check> = checks.iter().copied().filter(|c| c.group.as_deref() == Some(group)).collect();
    let is_alternative = |c: &Check| c.need == Need::Alternative;
    let mut places: BTreeMap<Place<'_>, Vec<&Check>> = BTreeMap::new();
    for check in members.iter().filter(|c| !is_alternative(c)) {
        places.entry(place(check)).or_default().push(check);
    }
    if places.is_empty() {
        // The preferred rules were waived or left out: what remains is judged by itself.
        let mut by_place: BTreeMap<Place<'_>, Vec<&Check>> = BTreeMap::new();
        members.iter().for_each(|c| by_place.entry(place(c)).or_default().push(c));
        return by_place.into_values().map(|alternatives| Unit { preferred: Vec::new(), alternatives }).collect();
    }
    let alternatives_of = |here: &Place<'_>| {
        let serves = |c: &&Check| is_alternative(c) && (place(c) == *here || c.role != *here.0);
        members.iter().copied().filter(serves).collect()
    };
    places.into_iter().map(|(here, preferred)| Unit { alternatives: alternatives_of(&here), preferred }).collect()
}

type Place<'a> = (&'a RoleName, &'a str, Option<IpAddr>);

fn place(check: &Check) -> Place<'_> {
    (&check.role, &check.target, check.address)
}

impl<'a> Unit<'a> {
    /// What the unit is worth; `None` when all that does not hold in it is waived.
    pub fn status(&self, only_alternative: OnlyAlternative) -> Option<Status> {
        let preferred = self.preferred.iter().map(|c| c.status).reduce(Status::worst);
        let best = self.alternatives.iter().map(|c| worth(c)).min();
        if preferred.or(best).is_some_and(|s| !s.holds()) && self.broken().iter().all(|c| c.waived.is_some()) {
            return best.filter(|b| b.holds());
        }
        match (preferred, best) {
            (Some(status), _) if status.holds() => Some(status),
            (Some(_), Some(best)) if best.holds() => Some(match only_alternative {
                OnlyAlternative::Warn => Status::Warn,
                OnlyAlternative::Pass => best,
            }),
            // One way may still work: the group is open as long as one of its members is.
            (Some(status), Some(best)) => Some(status.min(best)),
            (Some(status), None) => Some(status),
            (None, best) => best,
        }
    }

    /// What the group prefers and does not hold; the alternatives where nothing preferred was tried.
    pub fn broken(&self) -> Vec<&'a Check> {
        let wanted = if self.preferred.is_empty() { &self.alternatives } else { &self.preferred };
        wanted.iter().copied().filter(|c| !c.status.holds()).collect()
    }

    /// Alternatives that work.
    pub fn working(&self) -> Vec<&'a Check> {
        self.alternatives.iter().copied().filter(|c| worth(c).holds()).collect()
    }

    /// Alternatives that were seen only as an open port.
    pub fn unproven(&self) -> Vec<&'a Check> {
        let open = |c: &&Check| c.observed.has(&metric::FALLBACK) && worth(c) == Status::Unknown;
        self.alternatives.iter().copied().filter(open).collect()
    }
}

/// An alternative that was seen only as an open port, or as a relay that asks for credentials, is not shown to carry
/// anything. A relay that stays silent to the end of its schedule carries nothing: it would have answered whatever it was
/// asked, and only whose fault that is stays open. One whose time was cut short may have answered yet.
fn worth(check: &Check) -> Status {
    let silent = || check.observed.get::<Failure>(&metric::FAILURE).is_some_and(|f| f.kind == FailureKind::TimedOut);
    match check.status {
        status if status.holds() && check.observed.has(&metric::FALLBACK) => Status::Unknown,
        Status::Unknown if check.probe == ProbeKind::Turn && silent() => Status::Fail,
        status => status,
    }
}
