//! The last phase: trains and flows, when nothing else is on the wire. Those whose rates add up to little share it; what
//! is more has it alone. Does not know what a figure is worth: that is asked of a closure that was handed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::model::schedule::measure::SIDE_BY_SIDE_KBPS;
use crate::model::{Event, FailureKind, Observation, Outcome, Phase, Planned, PortSet, ProbeKind, Seen, Step, metric};
use crate::net::clock;
use crate::plan::{Measure, Plan};
use crate::probe::measure::{self, MeasureTask, Way};

use super::{Context, guard, names};

const KIND: ProbeKind = ProbeKind::Quality;

/// One measure of the plan on one address.
struct Job {
    index: usize,
    task: MeasureTask,
    /// Its share of the wire, in kbit/s.
    share: u32,
    waiting_for: String,
    name: Option<names::Resolved>,
}

/// Carries out every measure of the plan; `seen` is what the rules' checks saw.
pub async fn measure_all(plan: &Plan, context: &Arc<Context>, names: &names::Names, seen: &[Seen]) -> Vec<Seen> {
    let (mut jobs, mut all) = (Vec::new(), Vec::new());
    for (index, measure) in plan.measures.iter().enumerate() {
        let (test, mut known) = names::place_measure(plan, measure, names);
        for address in test {
            let ways = ways(plan, measure, address, seen);
            match unreached(&ways) {
                Some(observation) => known.push((Some(address), observation)),
                None => jobs.push(job(index, measure, address, ways, context, names)),
            }
        }
        let (of, started_ms) = (Planned::Measure(index), context.since_start());
        let known = known.into_iter();
        all.extend(known.map(|(address, observation)| Seen { of, address, observation, started_ms, duration_ms: 0 }));
    }
    all.iter().for_each(|one| context.done(one));
    // What shares the wire goes first, so that nothing waits beside an empty one.
    jobs.sort_by_key(|job| job.share);
    share_out(&mut jobs);
    all.extend(carry_out_all(context, jobs).await);
    all
}

/// The rules of the role on this address, and what their checks saw.
fn ways(plan: &Plan, measure: &Measure, address: IpAddr, seen: &[Seen]) -> Vec<Way> {
    let observed = |index: usize| {
        let found = seen.iter().find(|s| s.of == Planned::Item(index) && s.address == Some(address));
        found.map(|s| s.observation.clone()).filter(|o| !matches!(o.outcome, Outcome::Skipped(_)))
    };
    let way = |index: &usize| {
        let rule = &plan.items.get(*index)?.rule;
        Some(Way {
            rule: rule.id.clone(),
            spec: rule.spec.clone(),
            service: rule.service,
            transport: rule.transport,
            ports: rule.ports,
            seen: observed(*index),
        })
    };
    measure.ways.iter().filter_map(way).collect()
}

/// What stands for an address that no check reached, so that there is nothing to measure; `None` where there is.
fn unreached(ways: &[Way]) -> Option<Observation> {
    let tried: Vec<&Observation> = ways.iter().filter_map(|w| w.seen.as_ref()).collect();
    if tried.is_empty() || tried.iter().any(|o| is_alive(o)) {
        return None;
    }
    // The first failure stands for all: it has the words of the network.
    let failure = tried.iter().find_map(|o| o.failure()).cloned();
    Some(match failure {
        Some(failure) => Observation::failed(KIND, failure),
        None => Observation::failed(
            KIND,
            crate::model::Failure::new(Step::Sweep, FailureKind::TimedOut, "none of its ports answered"),
        ),
    })
}

/// Something at the address answered, were it only to refuse.
fn is_alive(observation: &Observation) -> bool {
    match &observation.outcome {
        Outcome::Skipped(_) => false,
        Outcome::Failed(failure) => match failure.kind {
            FailureKind::TimedOut => !matches!(failure.step, Step::Name | Step::Connect | Step::Stun | Step::Sweep),
            FailureKind::Unreachable
            | FailureKind::Prohibited
            | FailureKind::NoRoute
            | FailureKind::OutOfTime
            | FailureKind::Internal => false,
            _ => failure.step != Step::Name,
        },
        Outcome::Measured if observation.facts.has(&metric::PROBED) => {
            let reached = |m| observation.facts.get::<PortSet>(m).is_some_and(|set| !set.is_empty());
            reached(&metric::ANSWERED) || reached(&metric::REFUSED)
        }
        // Nothing was sent over GRE.
        Outcome::Measured => observation.probe != ProbeKind::Gre,
    }
}

fn job(
    index: usize,
    measure: &Measure,
    address: IpAddr,
    ways: Vec<Way>,
    context: &Context,
    names: &names::Names,
) -> Job {
    let v6 = address.is_ipv6();
    let share = if measure.is_alone(v6) { SIDE_BY_SIDE_KBPS } else { measure.ip_kbps(v6).ceil() as u32 };
    let host = measure.host.bare();
    let place = if host == address.to_string() { host.clone() } else { format!("{host} ({address})") };
    let settings = &measure.measuring;
    let task = MeasureTask {
        check: measure.id(Some(address)),
        host,
        address,
        ways,
        loads: measure.loads.clone(),
        length: settings.length,
        dscp: settings.dscp,
        capacity: settings.capacity,
        deadline: context.tuning.longest_measure(measure),
    };
    let name = names.report(&measure.host);
    Job { index, task, share: share.clamp(1, SIDE_BY_SIDE_KBPS), waiting_for: format!("figures of {place}"), name }
}

/// The bytes that all searches may use together, in equal parts.
fn share_out(jobs: &mut [Job]) {
    let count = jobs.len().max(1) as u64;
    for job in jobs {
        job.task.capacity = job.task.capacity.map(|bytes| bytes / count);
    }
}

async fn carry_out_all(context: &Arc<Context>, jobs: Vec<Job>) -> Vec<Seen> {
    let (phase, mut all) = (Phase::Quality, Vec::new());
    if jobs.is_empty() {
        return all;
    }
    context.sink.event(&Event::PhaseStarted { phase, checks: jobs.len(), at_ms: context.since_start() });
    let wire = Arc::new(Semaphore::new(SIDE_BY_SIDE_KBPS as usize));
    let mut tasks = JoinSet::new();
    let mut places = HashMap::new();
    for job in jobs {
        let place = (Planned::Measure(job.index), job.task.address);
        let share = tokio::select! {
            share = Arc::clone(&wire).acquire_many_owned(job.share) => share.ok(),
            () = context.cancel.cancelled() => None,
        };
        let handle = tasks.spawn(carry_out(job, Arc::clone(context), share));
        places.insert(handle.id(), place);
        while let Some(done) = tasks.try_join_next() {
            all.extend(finished(context, &places, done));
        }
    }
    while let Some(done) = tasks.join_next().await {
        all.extend(finished(context, &places, done));
    }
    context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
    all
}

/// What a task left, told to the sink.
fn finished(
    context: &Context,
    places: &HashMap<tokio::task::Id, (Planned, IpAddr)>,
    done: Result<Seen, tokio::task::JoinError>,
) -> Option<Seen> {
    let seen = match done {
        Ok(seen) => seen,
        Err(error) => {
            let (of, address) = places.get(&error.id())?;
            guard::lost(*of, *address, guard::crashed(KIND, &error), context.since_start())
        }
    };
    context.done(&seen);
    Some(seen)
}

/// Measures, with its share of the wire in hand.
async fn carry_out(job: Job, context: Arc<Context>, _share: Option<OwnedSemaphorePermit>) -> Seen {
    let (index, address, started_ms) = (job.index, job.task.address, context.since_start());
    let (begun, check) = (clock::now(), job.task.check.clone());
    let progress = context.progress(&check);
    let waiting_for = job.waiting_for;
    context.sink.event(&Event::CheckStarted { check, phase: Phase::Quality, waiting_for, at_ms: started_ms });
    let stands = {
        let stands = Arc::clone(&context.stands);
        Arc::new(move |load: &_, estimates: &_| stands(index, load, estimates))
    };
    let (deadline, context2) = (job.task.deadline, Arc::clone(&context));
    let measuring =
        async move { measure::measure(&job.task, &context2.settings, stands, &context2.cancel, progress).await };
    let mut observation = guard::guarded(KIND, deadline, &context.cancel, measuring).await;
    if let Some(name) = &job.name {
        name.put_before(&mut observation);
    }
    let duration_ms = u64::try_from(clock::now().saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX);
    Seen { of: Planned::Measure(index), address: Some(address), observation, started_ms, duration_ms }
}
