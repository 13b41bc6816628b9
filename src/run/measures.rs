//! The last phase: trains and flows, when nothing else is on the wire. Those whose rates add up to little share it; what
//! is more has it alone. Does not know what a figure is worth: that is asked of a closure that was handed in.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::model::schedule::measure::SIDE_BY_SIDE_KBPS;
use crate::model::{Event, Phase, Planned, ProbeKind, Seen};
use crate::plan::{Measure, Plan};
use crate::probe::measure::{self, MeasureTask, Way};
use crate::probe::trial::RelayServer;

use super::work::{Crew, Work, place};
use super::{Context, earlier, names};

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
    let relays = earlier::relays(plan, &context.settings.proxies, seen);
    for (index, measure) in plan.measures.iter().enumerate() {
        let (test, mut known) = names::place_measure(plan, measure, names);
        for address in test {
            let ways = earlier::ways(plan, &measure.ways, address, seen);
            match earlier::unreached(KIND, &ways) {
                Some(observation) => known.push((Some(address), observation)),
                None => jobs.push(job(index, measure, address, (ways, &relays), context, names)),
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

fn job(
    index: usize,
    measure: &Measure,
    address: IpAddr,
    (ways, relays): (Vec<Way>, &[RelayServer]),
    context: &Context,
    names: &names::Names,
) -> Job {
    let v6 = address.is_ipv6();
    let share = if measure.is_alone(v6) { SIDE_BY_SIDE_KBPS } else { measure.ip_kbps(v6).ceil() as u32 };
    let host = measure.host.bare();
    let place = place(&host, address);
    let settings = &measure.measuring;
    let task = MeasureTask {
        check: measure.id(Some(address)),
        host,
        address,
        ways,
        relays: relays.to_vec(),
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
    let phase = Phase::Quality;
    if jobs.is_empty() {
        return Vec::new();
    }
    context.sink.event(&Event::PhaseStarted { phase, checks: jobs.len(), at_ms: context.since_start() });
    let wire = Arc::new(Semaphore::new(SIDE_BY_SIDE_KBPS as usize));
    let mut crew = Crew::new(context);
    for job in jobs {
        // In their order: the next waits for its share before the one behind it may have any.
        let share = tokio::select! {
            share = Arc::clone(&wire).acquire_many_owned(job.share) => share.ok(),
            () = context.cancel.cancelled() => None,
        };
        crew.begin(work(job, context), std::future::ready(share));
    }
    let all = crew.rest().await;
    context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
    all
}

fn work(job: Job, context: &Context) -> Work {
    let Job { index, task, waiting_for, name, .. } = job;
    let stands = Arc::clone(&context.stands);
    let stands = Arc::new(move |load: &_, estimates: &_| stands(index, load, estimates));
    Work {
        of: Planned::Measure(index),
        address: Some(task.address),
        phase: Phase::Quality,
        kind: KIND,
        check: task.check.clone(),
        waiting_for,
        deadline: task.deadline,
        name,
        probing: Box::new(move |context, progress| {
            Box::pin(async move { measure::measure(&task, &context.settings, stands, &context.cancel, progress).await })
        }),
        told_later: None,
    }
}
