//! Carries out a plan: names, then every rule and relay side by side and the media ranges, then ICE and calls, then what is
//! measured with nothing beside it, then where what failed is stopped; under the budget and until Ctrl-C. NAT, resolvers, known
//! pages and the ways to the targets are asked about beside all of them.
//! Does not know what any kind of probe means, and judges nothing: how a finished check reads is handed in.

mod earlier;
mod guard;
pub mod host;
mod measures;
mod media;
mod names;
mod rules;
mod tracing;
mod trials;
mod work;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::model::{Check, Estimates, Event, Host, Load, Seen, Silent, Sink, Standing};
use crate::net::clock;
use crate::plan::{Item, Plan, Tuning};
use crate::probe::{LoginTries, Progress, Settings};

/// How the checks of something seen read, by themselves.
pub type Judge = Arc<dyn Fn(&Seen) -> Vec<Check> + Send + Sync>;

/// How figures under a load stand, for a measure of the plan by its index.
pub type Stands = Arc<dyn Fn(usize, &Load, &Estimates) -> Standing + Send + Sync>;

/// Whether an address may be asked that a host of the plan has.
pub type Permit = Arc<dyn Fn(&Host, IpAddr) -> bool + Send + Sync>;

/// What a run needs beside its plan.
pub struct Context {
    /// How every probe is carried out.
    pub settings: Settings,
    /// Logins that were tried at cameras: none at first.
    pub tries: LoginTries,
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
    /// Who may be asked; everybody without it. One refused address ends the run before anything is sent to any target.
    pub permit: Option<Permit>,
    /// The run's start.
    pub start: Instant,
}

impl Context {
    /// A run that begins now, tells nobody of its events, and is ended by nobody; its fields can be set before it is used.
    pub fn new(settings: Settings, tuning: Tuning, judge: Judge, stands: Stands) -> Self {
        Self {
            settings,
            tries: LoginTries::default(),
            tuning,
            dns: Vec::new(),
            sink: Arc::new(Silent),
            cancel: CancellationToken::new(),
            judge,
            stands,
            start: clock::now(),
            permit: None,
        }
    }
}

/// Carries out the plan; answers one [`Seen`] for each rule, trial and measure on each address, in the order of the plan.
pub async fn run(plan: &Plan, context: Arc<Context>) -> Vec<Seen> {
    let (resolvers, mut seen) = tokio::join!(trials::resolvers(plan, &context), named(plan, &context));
    seen.extend(resolvers);
    seen.sort_by_key(|s| (s.of, s.address));
    tracing::trace_all(plan, &context, &mut seen).await;
    seen
}

/// What needs names.
async fn named(plan: &Plan, context: &Arc<Context>) -> Vec<Seen> {
    let names = names::resolve(plan, context).await;
    let quiet = CancellationToken::new();
    let (nat, beside, paths, mut seen) = tokio::join!(
        trials::nat(plan, context, &names),
        trials::beside(plan, context, &names),
        trials::paths(plan, context, &names, &quiet),
        phases(plan, context, &names, quiet.clone().drop_guard())
    );
    seen.extend(nat.into_iter().chain(beside).chain(paths));
    seen
}

/// What builds on one another; `quiet` is dropped when rules and ranges are over.
async fn phases(plan: &Plan, context: &Arc<Context>, names: &names::Names, quiet: DropGuard) -> Vec<Seen> {
    let (jobs, mut seen) = rules::place_all(plan, context, names);
    let is_relay = |job: &rules::Job| plan.items.get(job.item).is_some_and(|i: &Item| i.relay().is_some());
    let (relays, jobs) = jobs.into_iter().partition(is_relay);
    let ways = media::Ways::new(plan, context, names, relays);
    let over = CancellationToken::new();
    let (probed, relayed) =
        tokio::join!(rules::probe_all(plan, context, jobs, names, &over), ways.relays(over.clone().drop_guard()));
    drop(quiet);
    seen.extend(probed.into_iter().chain(relayed));
    ways.calls(&mut seen).await;
    let measured = measures::measure_all(plan, context, names, &seen).await;
    seen.extend(measured);
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
