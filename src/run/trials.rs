//! What is tried beside the rules, each as a piece of work. Does not know what a trial means.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::model::{Event, Observation, Outcome, Phase, Planned, ProbeKind, Seen, StepTiming, metric};
use crate::plan::{Plan, Trial, TrialKind};
use crate::probe::resolver::Resolver;
use crate::probe::trial::{self, RelayServer, TrialTask, What};

use super::work::{Crew, Work, place};
use super::{Context, earlier, names};

/// Every trial of the plan that `takes`, with its index.
pub fn of(plan: &Plan, takes: fn(&TrialKind) -> bool) -> impl Iterator<Item = (usize, &Trial)> {
    plan.trials.iter().enumerate().filter(move |(_, trial)| takes(&trial.kind))
}

/// Asks about NAT, one family beside the other; takes no part in the phases of the others.
pub async fn nat(plan: &Plan, context: &Arc<Context>, names: &names::Names) -> Vec<Seen> {
    let (phase, mut works, mut all) = (Phase::Nat, Vec::new(), Vec::new());
    for (index, trial) in of(plan, |kind| matches!(kind, TrialKind::Nat { .. })) {
        let TrialKind::Nat { servers } = &trial.kind else { continue };
        let asked = names::place_nat(plan, trial, servers, names);
        all.extend(known(context, Planned::Trial(index), asked.known));
        for servers in asked.families {
            let Some((_, first)) = servers.first().cloned() else { continue };
            let waiting_for = format!("STUN at {}", place_of(&servers));
            let unresolved = asked.unresolved.clone();
            let task = task(trial, first.ip(), What::Nat(servers), context);
            let mut work = work(index, phase, task, waiting_for, names.report(&trial.host));
            work.probing = noting(work.probing, unresolved);
            works.push(work);
        }
    }
    if works.is_empty() {
        return all;
    }
    context.sink.event(&Event::PhaseStarted { phase, checks: works.len(), at_ms: context.since_start() });
    let mut crew = Crew::new(context);
    works.into_iter().for_each(|work| crew.begin(work, std::future::ready(())));
    all.extend(crew.rest().await);
    context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
    all
}

/// Asks each resolver by itself, from the run's first moment and beside all of it: nothing waits for them.
pub async fn resolvers(plan: &Plan, context: &Arc<Context>) -> Vec<Seen> {
    let mut crew = Crew::new(context);
    for (index, trial) in of(plan, |kind| matches!(kind, TrialKind::Resolver { .. })) {
        let TrialKind::Resolver { server, name, configured } = &trial.kind else { continue };
        let what = What::Resolver(Resolver { server: *server, name: name.clone(), configured: *configured });
        let bare = task(trial, server.ip(), what, context);
        // What the estimate adds to it is for the machine's own delays.
        let task = TrialTask { deadline: context.tuning.timeout, ..bare };
        crew.begin(work(index, Phase::Names, task, format!("the resolver {server}"), None), std::future::ready(()));
    }
    crew.rest().await
}

/// What is asked beside all phases and takes no part in them: control names, and pages whose answer is known.
pub async fn beside(plan: &Plan, context: &Arc<Context>, names: &names::Names) -> Vec<Seen> {
    let (mut crew, mut all) = (Crew::new(context), Vec::new());
    for (index, trial) in plan.trials.iter().enumerate() {
        let (what, words) = match &trial.kind {
            TrialKind::Control(port) => (What::Control(*port), format!("TLS on TCP {port} at {}", trial.host)),
            TrialKind::Portal(page) => (What::Portal(page.clone()), page.to_string()),
            _ => continue,
        };
        let (test, known_before) = names::place_trial(plan, trial::kind(&what), trial, names);
        all.extend(known(context, Planned::Trial(index), known_before));
        for address in test {
            let bare = task(trial, address, what.clone(), context);
            let task = TrialTask { deadline: context.tuning.timeout, ..bare };
            let waiting_for = format!("{words} ({address})");
            let work = work(index, Phase::Reachability, task, waiting_for, names.report(&trial.host));
            crew.begin(work, std::future::ready(()));
        }
    }
    all.extend(crew.rest().await);
    all
}

fn place_of(servers: &[(String, SocketAddr)]) -> String {
    let Some((host, first)) = servers.first() else { return String::new() };
    let more = if servers.len() > 1 { format!(" and {} more", servers.len() - 1) } else { String::new() };
    format!("{}{more}", place(host, first.ip()))
}

/// Servers whose names did not resolve are told with what the others gave.
fn noting(probing: super::work::Probing, unresolved: Vec<StepTiming>) -> super::work::Probing {
    Box::new(move |context, progress| {
        let seen = probing(context, progress);
        Box::pin(async move {
            let mut observation = seen.await;
            observation.steps.splice(0..0, unresolved);
            observation
        })
    })
}

/// A relay that the operator names, on each address of its host.
pub fn relay(
    plan: &Plan,
    (index, trial): (usize, &Trial),
    context: &Arc<Context>,
    names: &names::Names,
) -> (Vec<Work>, Vec<Seen>) {
    let TrialKind::Turn(uri) = &trial.kind else { return (Vec::new(), Vec::new()) };
    let (test, known_before) = names::place_trial(plan, ProbeKind::Turn, trial, names);
    let at = |address: IpAddr| {
        let host = trial.host.bare();
        let waiting_for = format!("{} at {}", uri, place(&host, address));
        let address = SocketAddr::new(address, uri.port);
        let what = What::Turn(RelayServer { host, address, transport: uri.transport, proxy: None, seen: None });
        let task = task(trial, address.ip(), what, context);
        work(index, Phase::Media, task, waiting_for, names.report(&trial.host))
    };
    (test.into_iter().map(at).collect(), known(context, Planned::Trial(index), known_before))
}

/// ICE or a call on each address of its target that a check reached; `seen` is what the checks before saw, and `relays`
/// those that work.
pub fn at_target(
    plan: &Plan,
    (index, trial): (usize, &Trial),
    context: &Arc<Context>,
    names: &names::Names,
    (seen, relays): (&[Seen], &[RelayServer]),
) -> (Vec<Work>, Vec<Seen>) {
    let (what, words) = match trial.kind {
        TrialKind::Ice => (What::Ice, "ICE with"),
        TrialKind::Call => (What::Call, "a call to"),
        _ => return (Vec::new(), Vec::new()),
    };
    let kind = trial::kind(&what);
    let (test, mut known_before) = names::place_trial(plan, kind, trial, names);
    let mut works = Vec::new();
    for address in test {
        let ways = earlier::ways(plan, &trial.ways, address, seen);
        if let Some(observation) = earlier::unreached(kind, &ways) {
            known_before.push((Some(address), observation));
            continue;
        }
        let bare = task(trial, address, what.clone(), context);
        let waiting_for = format!("{words} {}", place(&bare.host, address));
        let task = TrialTask { ways, relays: relays.to_vec(), ..bare };
        works.push(work(index, Phase::Media, task, waiting_for, names.report(&trial.host)));
    }
    (works, known(context, Planned::Trial(index), known_before))
}

/// Looks at the way to each target, beside the phases of the others; routers of a target at which nothing answers are looked
/// for once `quiet` is over, because the looking may use up what the target sends of ICMP errors.
pub async fn paths(plan: &Plan, context: &Arc<Context>, names: &names::Names, quiet: &CancellationToken) -> Vec<Seen> {
    let (phase, mut works, mut all) = (Phase::Path, Vec::new(), Vec::new());
    for (index, trial) in of(plan, |kind| matches!(kind, TrialKind::Path { .. })) {
        let TrialKind::Path { ports } = &trial.kind else { continue };
        let (test, known_before) = names::place_trial(plan, ProbeKind::Path, trial, names);
        all.extend(known(context, Planned::Trial(index), known_before));
        for address in test {
            let task = task(trial, address, What::Path(ports.clone()), context);
            let waiting_for = format!("the way to {}", place(&task.host, address));
            let work = work(index, phase, task, waiting_for, names.report(&trial.host));
            works.push(Work { told_later: Some(Box::new(lacks_hops)), ..work });
        }
    }
    if works.is_empty() {
        return all;
    }
    context.sink.event(&Event::PhaseStarted { phase, checks: works.len(), at_ms: context.since_start() });
    let mut crew = Crew::new(context);
    works.into_iter().for_each(|work| crew.begin(work, std::future::ready(())));
    let mut seen = crew.rest().await;
    if seen.iter().any(|s| lacks_hops(&s.observation)) {
        tokio::select! { () = quiet.cancelled() => (), () = context.cancel.cancelled() => () }
        join_all(seen.iter_mut().filter(|s| lacks_hops(&s.observation)).map(|s| add_hops(s, context))).await;
    }
    context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
    all.extend(seen);
    all
}

fn lacks_hops(seen: &Observation) -> bool {
    seen.outcome == Outcome::Measured && !seen.facts.has(&metric::HOPS)
}

async fn add_hops(seen: &mut Seen, context: &Context) {
    if let Some(address) = seen.address {
        trial::hops(address, &mut seen.observation, &context.cancel).await;
    }
    context.done(seen);
}

/// What is known without trying, told to the sink.
fn known(context: &Context, of: Planned, known: names::Known) -> Vec<Seen> {
    let started_ms = context.since_start();
    let seen = |(address, observation): (Option<IpAddr>, Observation)| Seen {
        of,
        address,
        observation,
        started_ms,
        duration_ms: 0,
    };
    let all: Vec<Seen> = known.into_iter().map(seen).collect();
    all.iter().for_each(|one| context.done(one));
    all
}

fn task(trial: &Trial, address: IpAddr, what: What, context: &Context) -> TrialTask {
    TrialTask {
        check: trial.check_id(Some(address)),
        what,
        host: trial.host.bare(),
        address,
        ways: Vec::new(),
        relays: Vec::new(),
        length: context.tuning.call_length,
        deadline: context.tuning.longest_trial(trial),
    }
}

fn work(index: usize, phase: Phase, task: TrialTask, waiting_for: String, name: Option<names::Resolved>) -> Work {
    Work {
        of: Planned::Trial(index),
        address: Some(task.address),
        phase,
        kind: trial::kind(&task.what),
        check: task.check.clone(),
        waiting_for,
        deadline: task.deadline,
        name,
        probing: Box::new(move |context, progress| {
            Box::pin(async move { trial::attempt(&task, &context.settings, &context.cancel, progress).await })
        }),
        told_later: None,
    }
}
