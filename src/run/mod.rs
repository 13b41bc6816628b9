//! Carries out a plan: names, then every rule side by side with the media ranges, then what is measured with nothing
//! beside it, under the budget and until Ctrl-C.
//! Does not know what any kind of probe means, and judges nothing: how a finished check reads is handed in.

mod guard;
mod measures;
mod names;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::schedule;
use crate::model::{Check, Estimates, Event, Load, Phase, Planned, Seen, Service, Sink, Standing};
use crate::net::clock;
use crate::plan::{Item, Plan, Tuning};
use crate::probe::{self, Progress, Settings, Task};

/// How the checks of something seen read, by themselves.
pub type Judge = Arc<dyn Fn(&Seen) -> Vec<Check> + Send + Sync>;

/// How figures under a load stand, for a measure of the plan by its index.
pub type Stands = Arc<dyn Fn(usize, &Load, &Estimates) -> Standing + Send + Sync>;

/// What a run needs beside its plan.
pub struct Context {
    /// How every probe is carried out.
    pub settings: Settings,
    /// How long each check may take.
    pub tuning: Tuning,
    /// Further resolvers to ask.
    pub dns: Vec<SocketAddr>,
    /// Takes the events.
    pub sink: Arc<dyn Sink>,
    /// Ends the run: Ctrl-C or the budget.
    pub cancel: CancellationToken,
    /// How a finished check reads.
    pub judge: Judge,
    /// How figures stand while they are measured.
    pub stands: Stands,
    /// The run's start.
    pub start: Instant,
}

/// One check that is to be made: an item of the plan on one address.
struct Job {
    item: usize,
    address: IpAddr,
}

/// Carries out the plan; answers one [`Seen`] for each rule and each measure on each address, in the order of the plan.
pub async fn run(plan: &Plan, context: Arc<Context>) -> Vec<Seen> {
    let names = names::resolve(plan, &context).await;
    let mut seen = Vec::new();
    let mut jobs = Vec::new();
    for (index, item) in plan.items.iter().enumerate() {
        let (test, known) = names::place(plan, item, &names);
        jobs.extend(test.into_iter().map(|address| Job { item: index, address }));
        let started_ms = context.since_start();
        let known = known.into_iter();
        seen.extend(known.map(|(address, observation)| Seen {
            of: Planned::Item(index),
            address,
            observation,
            started_ms,
            duration_ms: 0,
        }));
    }
    for one in &seen {
        context.done(one);
    }
    seen.extend(probe_all(plan, &context, jobs, &names).await);
    let measured = measures::measure_all(plan, &context, &names, &seen).await;
    seen.extend(measured);
    seen.sort_by_key(|s| (s.of, s.address));
    seen
}

impl Context {
    fn done(&self, seen: &Seen) {
        for check in (self.judge)(seen) {
            self.sink.event(&Event::CheckDone { check: Box::new(check) });
        }
    }

    /// Tells how far a check is.
    fn progress(&self, check: &str) -> Progress {
        let (sink, check) = (Arc::clone(&self.sink), check.to_owned());
        Arc::new(move |done, total| sink.event(&Event::Progress { check: check.clone(), done, total }))
    }

    fn since_start(&self) -> u64 {
        u64::try_from(clock::now().saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Runs every job; ranges of one family follow one another, because they may share a host's budget of ICMP errors.
async fn probe_all(plan: &Plan, context: &Arc<Context>, jobs: Vec<Job>, names: &names::Names) -> Vec<Seen> {
    let is_range = |job: &Job| plan.items.get(job.item).is_some_and(|i| i.rule.service == Service::Rtp);
    let ranges = jobs.iter().filter(|j| is_range(j)).count();
    let phases = [(Phase::Reachability, jobs.len() - ranges), (Phase::Ranges, ranges)];
    for (phase, checks) in phases.into_iter().filter(|(_, checks)| *checks > 0) {
        context.sink.event(&Event::PhaseStarted { phase, checks, at_ms: context.since_start() });
    }
    let room = Arc::new(Semaphore::new(schedule::SIDE_BY_SIDE));
    // One turn a family: two addresses may be one host, and its budget of ICMP errors is for us, not for its addresses.
    let mut turns: BTreeMap<bool, Arc<Mutex<()>>> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut places = HashMap::new();
    for job in jobs {
        let Some(item) = plan.items.get(job.item) else { continue };
        let turn = is_range(&job).then(|| turns.entry(job.address.is_ipv6()).or_default().clone());
        let phase = if turn.is_some() { Phase::Ranges } else { Phase::Reachability };
        let work =
            Work { item: job.item, phase, task: task(item, job.address, context), name: names.report(&item.host) };
        let kind = probe::kind(&item.rule.spec, item.rule.transport);
        let handle = tasks.spawn(carry_out(work, Arc::clone(context), Arc::clone(&room), turn));
        places.insert(handle.id(), (job.item, job.address, kind));
    }
    let (mut left, mut left_ranges) = (tasks.len() - ranges, ranges);
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let seen = match done {
            Ok(seen) => seen,
            // No check is lost: `guarded` reports a probe that panics, and this one whatever else did.
            Err(error) => match places.get(&error.id()) {
                Some((item, address, kind)) => {
                    let of = Planned::Item(*item);
                    guard::lost(of, *address, guard::crashed(*kind, &error), context.since_start())
                }
                None => continue,
            },
        };
        let item = |of: Planned| if let Planned::Item(index) = of { plan.items.get(index) } else { None };
        let range = item(seen.of).is_some_and(|i| i.rule.service == Service::Rtp);
        let (count, phase) = if range { (&mut left_ranges, Phase::Ranges) } else { (&mut left, Phase::Reachability) };
        *count = count.saturating_sub(1);
        context.done(&seen);
        if *count == 0 {
            context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
        }
        all.push(seen);
    }
    all
}

fn task(item: &Item, address: IpAddr, context: &Context) -> Task {
    Task {
        check: item.check_id(Some(address)),
        spec: item.rule.spec.clone(),
        host: item.host.bare(),
        address,
        ports: item.rule.ports,
        transport: item.rule.transport,
        deadline: context.tuning.cost(item).longest,
    }
}

struct Work {
    item: usize,
    phase: Phase,
    task: Task,
    name: Option<names::Resolved>,
}

/// Waits for room and turn, probes, and survives a probe that panics.
async fn carry_out(work: Work, context: Arc<Context>, room: Arc<Semaphore>, turn: Option<Arc<Mutex<()>>>) -> Seen {
    let begin = || async {
        let turn = match turn {
            Some(t) => Some(t.lock_owned().await),
            None => None,
        };
        (turn, room.acquire_owned().await)
    };
    let _held = tokio::select! {
        held = begin() => Some(held),
        () = context.cancel.cancelled() => None,
    };
    let started_ms = context.since_start();
    let begun = clock::now();
    let waiting_for = waiting_for(&work.task);
    let (check, phase) = (work.task.check.clone(), work.phase);
    context.sink.event(&Event::CheckStarted { check, phase, waiting_for, at_ms: started_ms });
    let (task, context2) = (work.task.clone(), Arc::clone(&context));
    let progress = context.progress(&work.task.check);
    let probing = async move { probe::probe(&task, &context2.settings, &context2.cancel, progress).await };
    let kind = probe::kind(&work.task.spec, work.task.transport);
    let mut observation = guard::guarded(kind, work.task.deadline, &context.cancel, probing).await;
    if let Some(name) = &work.name {
        name.put_before(&mut observation);
    }
    let duration_ms = u64::try_from(clock::now().saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX);
    let of = Planned::Item(work.item);
    Seen { of, address: Some(work.task.address), observation, started_ms, duration_ms }
}

fn waiting_for(task: &Task) -> String {
    let ports = task.ports.map_or_else(String::new, |p| format!(" {p}"));
    let host = match task.host.parse::<IpAddr>() {
        Ok(_) => task.address.to_string(),
        Err(_) => format!("{} ({})", task.host, task.address),
    };
    format!("{}{ports} at {host}", task.transport)
}
