//! One thing that is carried out, whatever it is: when it begins and ends is told, how long it takes is measured, and
//! nothing of it is lost. Does not know what is carried out.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::{Id, JoinSet};

use crate::model::{Event, Observation, Phase, Planned, ProbeKind, Seen};
use crate::net::clock;
use crate::probe::Progress;

use super::{Context, guard, names};

/// What looks at the network.
pub type Probing = Box<dyn FnOnce(Arc<Context>, Progress) -> BoxFuture<'static, Observation> + Send>;

/// Whether something seen is not yet told as done.
pub type ToldLater = Box<dyn Fn(&Observation) -> bool + Send>;

/// One planned thing on one address.
pub struct Work {
    pub of: Planned,
    /// `None` where the name does not resolve here.
    pub address: Option<IpAddr>,
    pub phase: Phase,
    pub kind: ProbeKind,
    /// The check's id, for events.
    pub check: String,
    /// What it waits for, in a few words.
    pub waiting_for: String,
    /// No longer than this.
    pub deadline: Duration,
    /// The look-up of its host, for the evidence.
    pub name: Option<names::Resolved>,
    pub probing: Probing,
    /// Whether more may be seen of it afterwards: whoever adds that tells its end, once.
    pub told_later: Option<ToldLater>,
}

/// Work under way.
pub struct Crew {
    context: Arc<Context>,
    tasks: JoinSet<Seen>,
    places: HashMap<Id, (Planned, Option<IpAddr>, ProbeKind)>,
}

impl Crew {
    pub fn new(context: &Arc<Context>) -> Self {
        Self { context: Arc::clone(context), tasks: JoinSet::new(), places: HashMap::new() }
    }

    /// Begins once `admitted` is there, and holds it until it is done; begins in any case once the run ends, to say so.
    pub fn begin<Held: Send + 'static>(&mut self, work: Work, admitted: impl Future<Output = Held> + Send + 'static) {
        let place = (work.of, work.address, work.kind);
        let handle = self.tasks.spawn(carry_out(work, Arc::clone(&self.context), admitted));
        self.places.insert(handle.id(), place);
    }

    /// The next that is done; `None` when all are.
    pub async fn next(&mut self) -> Option<Seen> {
        Some(match self.tasks.join_next().await? {
            Ok(seen) => seen,
            // `guarded` reports a probe that panics, and this one whatever else did.
            Err(error) => {
                let (of, address, kind) = self.places.get(&error.id()).copied()?;
                let (observation, started_ms) = (guard::crashed(kind, &error), self.context.since_start());
                let lost = Seen { of, address, observation, started_ms, duration_ms: 0 };
                self.context.done(&lost);
                lost
            }
        })
    }

    /// All that are left.
    pub async fn rest(mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        while let Some(seen) = self.next().await {
            all.push(seen);
        }
        all
    }
}

async fn carry_out<Held>(work: Work, context: Arc<Context>, admitted: impl Future<Output = Held>) -> Seen {
    let _held = tokio::select! {
        held = admitted => Some(held),
        () = context.cancel.cancelled() => None,
    };
    let Work { of, address, phase, kind, check, waiting_for, deadline, name, probing, told_later } = work;
    let (begun, started_ms, progress) = (clock::now(), context.since_start(), context.progress(&check));
    let until_ms = started_ms.saturating_add(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
    context.sink.event(&Event::CheckStarted { check, phase, waiting_for, at_ms: started_ms, until_ms });
    let probing = probing(Arc::clone(&context), progress);
    let mut observation = guard::guarded(kind, deadline, &context.cancel, probing).await;
    if let Some(name) = &name {
        name.put_before(&mut observation);
    }
    let duration_ms = u64::try_from(clock::now().saturating_duration_since(begun).as_millis()).unwrap_or(u64::MAX);
    let seen = Seen { of, address, observation, started_ms, duration_ms };
    if !told_later.is_some_and(|later| later(&seen.observation)) {
        context.done(&seen);
    }
    seen
}

/// `rtc.example.com (203.0.113.10)`, or the address alone.
pub fn place(host: &str, address: IpAddr) -> String {
    if host == address.to_string() { host.to_owned() } else { format!("{host} ({address})") }
}
