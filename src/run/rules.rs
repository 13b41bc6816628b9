//! Every rule of the plan on every address of its host, side by side, and media ranges in turn. Does not know what a rule
//! means.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::model::{
    Event, Failure, FailureKind, Observation, Phase, Planned, PortRange, Seen, Service, Step, schedule,
};
use crate::plan::{Item, Plan, TrialKind};
use crate::probe::{self, Task};

use super::work::{Crew, Work, place};
use super::{Context, media, names};

/// One check that is to be made: an item of the plan on one address.
pub struct Job {
    pub item: usize,
    /// `None` where the name does not resolve here, and a proxy is asked by it.
    pub address: Option<IpAddr>,
    /// Why it does not.
    pub unresolved: Option<Failure>,
}

/// The checks that are to be made, and what is known of the others, told to the sink.
pub fn place_all(plan: &Plan, context: &Context, names: &names::Names) -> (Vec<Job>, Vec<Seen>) {
    let (mut jobs, mut seen) = (Vec::new(), Vec::new());
    for (index, item) in plan.items.iter().enumerate() {
        let (test, known) = names::place(plan, item, names);
        jobs.extend(test.into_iter().map(|address| Job { item: index, address: Some(address), unresolved: None }));
        let port = item.rule.ports.map_or(0, PortRange::first);
        let proxy = context.settings.proxy_to(&item.rule.spec, item.rule.transport, &item.host.bare(), port);
        let (by_proxy, known): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|(_, seen)| proxy.is_some() && lacks_a_way(seen));
        jobs.extend(by_proxy.into_iter().map(|(address, seen)| {
            let unresolved = seen.failure().filter(|_| address.is_none()).cloned();
            Job { item: index, address, unresolved }
        }));
        let (of, started_ms) = (Planned::Item(index), context.since_start());
        let known = known.into_iter();
        seen.extend(known.map(|(address, observation)| Seen { of, address, observation, started_ms, duration_ms: 0 }));
    }
    seen.iter().for_each(|one| context.done(one));
    (jobs, seen)
}

/// Nothing can be sent there from here, by which a proxy is not held.
fn lacks_a_way(seen: &Observation) -> bool {
    seen.failure().is_some_and(|f| f.step == Step::Name || f.kind == FailureKind::NoRoute)
}

/// Runs every job; ranges of one family follow one another, because they may share a host's budget of ICMP errors, and
/// all of them wait for a while until `relays` are over.
pub async fn probe_all(
    plan: &Plan,
    context: &Arc<Context>,
    jobs: Vec<Job>,
    names: &names::Names,
    relays: &CancellationToken,
) -> Vec<Seen> {
    let is_range = |index: usize| plan.items.get(index).is_some_and(|i| i.rule.service == Service::Rtp);
    let mut left = [(Phase::Reachability, 0usize), (Phase::Ranges, 0)];
    let (single, ranges): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| !is_range(job.item));
    let room = Arc::new(Semaphore::new(schedule::SIDE_BY_SIDE));
    // One turn a family: two addresses may be one host, and its budget of ICMP errors is for us, not for its addresses.
    let mut turns: BTreeMap<bool, Arc<Mutex<()>>> = BTreeMap::new();
    let mut crew = Crew::new(context);
    for ((phase, count), jobs) in left.iter_mut().zip([single, ranges]) {
        let works: Vec<Work> = jobs.iter().filter_map(|job| work(plan, job, *phase, context, names)).collect();
        *count = works.len();
        if works.is_empty() {
            continue;
        }
        let (phase, checks) = (*phase, works.len());
        context.sink.event(&Event::PhaseStarted { phase, checks, at_ms: context.since_start() });
        for work in works {
            let turn = (phase == Phase::Ranges)
                .then(|| (turns.entry(work.address.is_some_and(|a| a.is_ipv6())).or_default().clone(), relays.clone()));
            crew.begin(work, admitted(turn, Arc::clone(&room)));
        }
    }
    let mut all = Vec::new();
    while let Some(seen) = crew.next().await {
        let range = matches!(seen.of, Planned::Item(index) if is_range(index));
        let [reachability, ranges] = &mut left;
        let (phase, count) = if range { ranges } else { reachability };
        *count = count.saturating_sub(1);
        if *count == 0 {
            context.sink.event(&Event::PhaseDone { phase: *phase, at_ms: context.since_start() });
        }
        all.push(seen);
    }
    all
}

async fn admitted(turn: Option<(Arc<Mutex<()>>, CancellationToken)>, room: Arc<Semaphore>) -> impl Send {
    let turn = match turn {
        Some((turn, relays)) => {
            // Whichever comes first.
            let _ = tokio::time::timeout(schedule::trial::RELAYS_FIRST, relays.cancelled()).await;
            Some(turn.lock_owned().await)
        }
        None => None,
    };
    (turn, room.acquire_owned().await)
}

/// A job as work; `None` for an item that the plan does not have.
pub fn work(plan: &Plan, job: &Job, phase: Phase, context: &Context, names: &names::Names) -> Option<Work> {
    let item = plan.items.get(job.item)?;
    let stun = job.address.map(|address| stun_servers(plan, item, address, names)).unwrap_or_default();
    let task = Task { stun, ..task(item, job, context) };
    Some(Work {
        of: Planned::Item(job.item),
        address: job.address,
        phase,
        kind: probe::kind(&item.rule.spec),
        check: task.check.clone(),
        waiting_for: waiting_for(&task),
        deadline: task.deadline,
        name: names.report(&item.host),
        probing: Box::new(move |context, progress| {
            Box::pin(
                async move { probe::probe(&task, &context.settings, &context.tries, &context.cancel, progress).await },
            )
        }),
        told_later: media::told_later(plan, item),
    })
}

/// Where a SIP rule's probe may ask how this machine looks from outside: the STUN rules of its host, then the servers that
/// the NAT check asks.
fn stun_servers(plan: &Plan, item: &Item, address: IpAddr, names: &names::Names) -> Vec<SocketAddr> {
    if item.rule.service != Service::Sip {
        return Vec::new();
    }
    let beside = |other: &&Item| other.host == item.host && other.rule.service == Service::Stun;
    let ports = plan.items.iter().filter(beside).filter_map(|other| other.rule.ports);
    let mut servers: Vec<SocketAddr> = ports.map(|ports| SocketAddr::new(address, ports.first())).collect();
    for trial in &plan.trials {
        let TrialKind::Nat { servers: given } = &trial.kind else { continue };
        let families = names::place_nat(plan, trial, given, names).families;
        servers.extend(families.into_iter().flatten().map(|(_, at)| at).filter(|at| at.is_ipv6() == address.is_ipv6()));
    }
    servers.dedup();
    // The SIP server's own port is one of them.
    servers.truncate(schedule::SIP_STUN - 1);
    servers
}

fn task(item: &Item, job: &Job, context: &Context) -> Task {
    Task {
        check: item.check_id(job.address),
        spec: item.rule.spec.clone(),
        host: item.host.bare(),
        address: job.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        ports: item.rule.ports,
        transport: item.rule.transport,
        stun: Vec::new(),
        proxy: None,
        unresolved: job.unresolved.clone(),
        deadline: context.tuning.cost(item).longest,
    }
}

fn waiting_for(task: &Task) -> String {
    let ports = task.ports.map_or_else(String::new, |p| format!(" {p}"));
    match task.unresolved {
        Some(_) => format!("{}{ports} at {}", task.transport, task.host),
        None => format!("{}{ports} at {}", task.transport, place(&task.host, task.address)),
    }
}
