//! The first phase: every host's addresses, once, and which of them this machine can reach at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use futures_util::future::join_all;

use crate::model::schedule;
use crate::model::{
    Event, Failure, FailureKind, Host, Observation, Phase, ProbeKind, RoleName, Service, Step, StepTiming, metric,
};
use crate::net::{icmp, resolve};
use crate::plan::{Families, Item, Measure, Plan, Trial};
use crate::probe;

use super::Context;

/// What is known of every host.
pub struct Names {
    hosts: BTreeMap<Host, Resolved>,
    /// Roles of which this machine can reach at least one address.
    reachable: BTreeSet<RoleName>,
    /// Families in which this machine has a way to at least one address of the plan.
    families: BTreeSet<bool>,
}

/// What is known of one host.
#[derive(Clone)]
pub struct Resolved {
    /// Addresses, or why there are none.
    addresses: Result<Vec<IpAddr>, Failure>,
    /// Addresses that this machine has no way to, with the reason.
    no_route: Vec<(IpAddr, Failure)>,
    /// Addresses beyond the first few of each family, which are not tested.
    left_out: usize,
    /// The look-up, absent for an address literal.
    report: Option<resolve::NameReport>,
}

impl Names {
    /// The look-up of a name, for the evidence of its checks.
    pub fn report(&self, host: &Host) -> Option<Resolved> {
        self.hosts.get(host).filter(|r| r.report.is_some()).cloned()
    }
}

impl Names {
    /// Skips addresses of a family in which this machine has no address or route, and fails them where the role has no
    /// other. An address that is out of reach in a family that works is probed, and fails by itself.
    fn split(&self, kind: ProbeKind, wanted: &[IpAddr], resolved: &Resolved, reachable: bool) -> (Vec<IpAddr>, Known) {
        let lost = |a: &IpAddr| {
            let found = resolved.no_route.iter().find(|(b, _)| a == b && !self.families.contains(&a.is_ipv6()));
            found.map(|(_, failure)| failure.clone())
        };
        let observation = |failure: Failure| match reachable {
            true => Observation::skipped(kind, failure.detail),
            false => Observation::failed(kind, failure),
        };
        let test = wanted.iter().copied().filter(|a| lost(a).is_none()).collect();
        (test, wanted.iter().filter_map(|a| Some((Some(*a), observation(lost(a)?)))).collect())
    }
}

impl Resolved {
    /// At least one address of the families to test that this machine has a route to.
    fn has_a_way(&self, families: Families) -> bool {
        self.addresses.iter().flatten().any(|a| families.takes(*a) && !self.is_lost(a))
    }

    fn is_lost(&self, address: &IpAddr) -> bool {
        self.no_route.iter().any(|(lost, _)| lost == address)
    }

    fn why_lost(&self, address: IpAddr) -> Option<Failure> {
        self.no_route.iter().find(|(lost, _)| *lost == address).map(|(_, failure)| failure.clone())
    }

    /// The look-up that gave no address, as a step.
    fn unresolved(&self, host: &Host) -> Option<StepTiming> {
        let (report, failure) = (self.report.as_ref()?, self.addresses.as_ref().err()?);
        let result = format!("{host}: {}: {}", failure.kind.as_str(), failure.detail);
        Some(StepTiming { step: Step::Name, ms: report.ms, result })
    }

    /// Puts the look-up's step and answers into an observation, before its own steps.
    pub fn put_before(&self, observation: &mut Observation) {
        let Some(report) = &self.report else { return };
        let result = match &report.failure {
            None => "ok".to_owned(),
            Some(f) => format!("{}: {}", f.kind.as_str(), f.detail),
        };
        if observation.steps.first().is_none_or(|s| s.step != Step::Name) {
            observation.steps.insert(0, StepTiming { step: Step::Name, ms: report.ms, result });
        }
        observation.facts.set(&metric::DNS_SERVERS, &report.servers);
        observation.facts.set(&metric::DNS_DIFFER, report.differ);
        if self.left_out > 0 {
            observation.facts.set(&metric::ADDRESSES_LEFT_OUT, self.left_out);
        }
    }
}

/// What is already known of an item without a probe: by address, `None` where there is none.
pub type Known = Vec<(Option<IpAddr>, Observation)>;

/// Looks up every host of the plan that a selected rule, a trial or a measure needs, side by side.
pub async fn resolve(plan: &Plan, context: &Context) -> Names {
    let mut hosts: Vec<&Host> = plan.hosts().map(|(_, host)| host).collect();
    hosts.sort();
    hosts.dedup();
    let checks = hosts.iter().filter(|h| matches!(h, Host::Name(_))).count();
    if checks > 0 {
        context.sink.event(&Event::PhaseStarted { phase: Phase::Names, checks, at_ms: context.since_start() });
    }
    let resolved = join_all(hosts.into_iter().map(|h| one(h, context))).await;
    if checks > 0 {
        context.sink.event(&Event::PhaseDone { phase: Phase::Names, at_ms: context.since_start() });
    }
    let hosts: BTreeMap<Host, Resolved> = resolved.into_iter().collect();
    let reached = plan.hosts().filter(|(_, host)| hosts.get(host).is_some_and(|r| r.has_a_way(plan.families)));
    let reachable = reached.map(|(role, _)| role.clone()).collect();
    let routed = hosts.values().flat_map(|r| r.addresses.iter().flatten().filter(|a| !r.is_lost(a)));
    let families = routed.map(IpAddr::is_ipv6).collect();
    Names { hosts, reachable, families }
}

async fn one(host: &Host, context: &Context) -> (Host, Resolved) {
    let (addresses, report) = match host {
        Host::Address(address) => (Ok(vec![*address]), None),
        Host::Name(name) => {
            let look_up = resolve::look_up(name, &context.dns, context.tuning.timeout);
            let report = tokio::select! {
                report = look_up => report,
                () = context.cancel.cancelled() => cut_short(),
            };
            let addresses = match &report.failure {
                Some(failure) => Err(failure.clone()),
                None => Ok(first_of_each_family(&report.addresses)),
            };
            (addresses, Some(report))
        }
    };
    let addresses = addresses.and_then(|all| permitted(host, all, context));
    let no_route = addresses
        .iter()
        .flatten()
        .filter_map(|a| icmp::family_usable(*a).err().filter(|f| f.kind == FailureKind::NoRoute).map(|f| (*a, f)))
        .collect();
    let tested = addresses.as_ref().map_or(0, Vec::len);
    let left_out = report.as_ref().map_or(0, |r| r.addresses.len().saturating_sub(tested));
    (host.clone(), Resolved { addresses, no_route, left_out, report })
}

/// The addresses, if all of them may be asked; else the run ends here, since a part of a host would pass for all of it.
fn permitted(host: &Host, all: Vec<IpAddr>, context: &Context) -> Result<Vec<IpAddr>, Failure> {
    let Some(permit) = &context.permit else { return Ok(all) };
    let Some(refused) = all.iter().find(|address| !permit(host, **address)) else { return Ok(all) };
    context.cancel.cancel();
    let detail = format!("{host} leads to {refused}, which may not be asked from here");
    Err(Failure::new(Step::Name, FailureKind::OutOfTime, detail))
}

/// In their order; what a resolver names beyond that is counted and left out.
fn first_of_each_family(all: &[IpAddr]) -> Vec<IpAddr> {
    let (mut v4, mut v6) = (0, 0);
    let mut taken = |address: &&IpAddr| {
        let count = if address.is_ipv4() { &mut v4 } else { &mut v6 };
        *count += 1;
        *count <= schedule::ADDRESSES
    };
    all.iter().filter(|a| taken(a)).copied().collect()
}

/// What stands for a look-up that the run's end cut short.
fn cut_short() -> resolve::NameReport {
    let failure = Failure::new(Step::Name, FailureKind::OutOfTime, "the run ended before the name was resolved");
    resolve::NameReport { addresses: Vec::new(), ms: 0.0, failure: Some(failure), servers: Vec::new(), differ: false }
}

/// The addresses on which an item is to be probed, and what is known of the others.
pub fn place(plan: &Plan, item: &Item, names: &Names) -> (Vec<IpAddr>, Known) {
    let kind = probe::kind(&item.rule.spec);
    if let Some(because) = &item.not_selected {
        return (Vec::new(), vec![(literal(&item.host), Observation::skipped(kind, because.clone()))]);
    }
    let resolved = names.hosts.get(&item.host);
    if let (Service::Dns, Some(resolved), Some(all)) =
        (item.rule.service, resolved, resolved.and_then(|r| r.addresses.as_ref().ok()))
    {
        return (Vec::new(), vec![(None, the_name_itself(item, resolved, all))]);
    }
    of_role(plan, kind, &item.rule.to, &item.host, names)
}

/// The addresses on which a measure is to be carried out, and what is known of the others.
pub fn place_measure(plan: &Plan, measure: &Measure, names: &Names) -> (Vec<IpAddr>, Known) {
    of_role(plan, ProbeKind::Quality, &measure.role, &measure.host, names)
}

/// The addresses on which a trial that asks one host is to be carried out, and what is known of the others.
pub fn place_trial(plan: &Plan, kind: ProbeKind, trial: &Trial, names: &Names) -> (Vec<IpAddr>, Known) {
    of_role(plan, kind, &trial.role, &trial.host, names)
}

/// The STUN servers to ask about NAT, family by family.
pub struct Asked {
    /// Host and address of those that this machine has a way to; a list for each family that has any.
    pub families: Vec<Vec<(String, SocketAddr)>>,
    /// Families that can not be asked about.
    pub known: Known,
    /// Look-ups that gave no address.
    pub unresolved: Vec<StepTiming>,
}

/// The first addresses of each server, which show as much as all of them.
pub fn place_nat(plan: &Plan, trial: &Trial, servers: &[(Host, u16)], names: &Names) -> Asked {
    let mut asked = Asked { families: Vec::new(), known: Vec::new(), unresolved: Vec::new() };
    let resolved: Vec<_> = servers.iter().filter_map(|(h, port)| Some((h, *port, names.hosts.get(h)?))).collect();
    for (host, _, resolved) in &resolved {
        asked.unresolved.extend(resolved.unresolved(host));
    }
    let mut lost = Vec::new();
    for v6 in [false, true] {
        let of_family = |a: &&IpAddr| a.is_ipv6() == v6 && plan.families.takes(**a);
        let all = resolved.iter().flat_map(|(host, port, resolved)| {
            let some = resolved.addresses.iter().flatten().filter(of_family).take(2);
            some.map(|a| (host.bare(), SocketAddr::new(*a, *port)))
        });
        let all: Vec<(String, SocketAddr)> = all.collect();
        let why = |address: IpAddr| resolved.iter().find_map(|(_, _, r)| r.why_lost(address));
        let (gone, there): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, a)| why(a.ip()).is_some());
        match (there.is_empty(), gone.first()) {
            (false, _) => asked.families.push(there),
            (true, Some((_, first))) => lost.extend(why(first.ip()).map(|failure| (first.ip(), failure))),
            (true, None) => {}
        }
    }
    let reachable = !asked.families.is_empty();
    let nothing = |failure: Failure| match reachable {
        true => Observation::skipped(ProbeKind::Nat, failure.detail),
        false => Observation::failed(ProbeKind::Nat, failure),
    };
    asked.known = lost.into_iter().map(|(address, failure)| (Some(address), nothing(failure))).collect();
    if asked.families.is_empty() && asked.known.is_empty() {
        asked.known = of_role(plan, ProbeKind::Nat, &trial.role, &trial.host, names).1;
    }
    asked
}

fn of_role(plan: &Plan, kind: ProbeKind, role: &RoleName, host: &Host, names: &Names) -> (Vec<IpAddr>, Known) {
    let address = literal(host);
    let Some(resolved) = names.hosts.get(host) else {
        return (Vec::new(), vec![(address, Observation::skipped(kind, "its host was not looked up"))]);
    };
    let failed = |failure: Failure| {
        let mut observation = Observation::failed(kind, failure);
        resolved.put_before(&mut observation);
        (Vec::new(), vec![(address, observation)])
    };
    let all = match &resolved.addresses {
        Ok(all) => all,
        Err(failure) => return failed(failure.clone()),
    };
    let wanted: Vec<IpAddr> = all.iter().copied().filter(|a| plan.families.takes(*a)).collect();
    if let (true, Some(address)) = (wanted.is_empty(), address) {
        let skipped = Observation::skipped(kind, "its family is not the one that --ip asks for");
        return (Vec::new(), vec![(Some(address), skipped)]);
    }
    if wanted.is_empty() {
        let detail = format!("{host} has no address of the family that --ip asks for");
        return failed(Failure::new(Step::Name, FailureKind::NoAddress, detail));
    }
    names.split(kind, &wanted, resolved, names.reachable.contains(role))
}

/// The address where the host is one.
fn literal(host: &Host) -> Option<IpAddr> {
    match host {
        Host::Address(a) => Some(*a),
        Host::Name(_) => None,
    }
}

/// A `dns` rule is about the name, and the look-up of the first phase is its probe.
fn the_name_itself(item: &Item, resolved: &Resolved, all: &[IpAddr]) -> Observation {
    if matches!(item.host, Host::Address(_)) {
        return Observation::skipped(ProbeKind::Dns, "the target is an address, so there is no name to resolve");
    }
    let mut observation = Observation::new(ProbeKind::Dns);
    resolved.put_before(&mut observation);
    observation.facts.set(&metric::ADDRESSES, all);
    observation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_that_names_thousands_is_cut_to_the_first_of_each_family() {
        let v4 = (0..2000u32).map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
        let v6 = (0..3u128).map(|n| IpAddr::from(n.to_be_bytes()));
        let all: Vec<IpAddr> = v4.chain(v6).collect();
        let taken = first_of_each_family(&all);
        assert_eq!(taken.iter().filter(|a| a.is_ipv4()).count(), 8);
        assert_eq!(taken.iter().filter(|a| a.is_ipv6()).count(), 3);
        assert_eq!(taken.first(), all.first());
    }
}
