//! What is tried beside the rules, each as a piece of work. Does not know what a trial means.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::model::{Event, Observation, Phase, Planned, ProbeKind, Seen, StepTiming};
use crate::plan::{Plan, Trial, TrialKind};
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
        TrialKind::Nat { .. } | TrialKind::Turn(_) => return (Vec::new(), Vec::new()),
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
