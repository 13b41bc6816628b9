//! The ways that media can take: relays side by side, then ICE and calls one after the other through those that worked.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::DropGuard;

use crate::model::{Event, Observation, Phase, Planned, Seen, metric, schedule};
use crate::plan::{Item, Plan, TrialKind};
use crate::probe::trial::RelayServer;
use crate::probe::turn;

use super::work::{Crew, ToldLater, Work};
use super::{Context, earlier, names, rules, trials};

/// The ways of one run.
pub struct Ways<'a> {
    plan: &'a Plan,
    context: &'a Arc<Context>,
    names: &'a names::Names,
    /// The rules that lead to a relay.
    relays: Vec<rules::Job>,
}

impl<'a> Ways<'a> {
    pub fn new(plan: &'a Plan, context: &'a Arc<Context>, names: &'a names::Names, relays: Vec<rules::Job>) -> Self {
        Self { plan, context, names, relays }
    }

    /// Tries every relay; `over` is dropped when none is under way any longer.
    pub async fn relays(&self, over: DropGuard) -> Vec<Seen> {
        let (plan, context, names) = (self.plan, self.context, self.names);
        let rule = |job| rules::work(plan, job, Phase::Media, context, names);
        let mut works: Vec<Work> = self.relays.iter().filter_map(rule).collect();
        let mut seen = Vec::new();
        for trial in trials::of(plan, |kind| matches!(kind, TrialKind::Turn(_))) {
            let (more, known) = trials::relay(plan, trial, context, names);
            works.extend(more);
            seen.extend(known);
        }
        let checks = works.len() + trials::of(plan, is_alone).count();
        if checks > 0 {
            context.sink.event(&Event::PhaseStarted { phase: Phase::Media, checks, at_ms: context.since_start() });
        }
        seen.extend(side_by_side(context, works).await);
        drop(over);
        seen
    }

    /// Tries ICE and calls through the relays that worked; `seen` is all that was seen before, and what is seen here is put
    /// behind it.
    pub async fn calls(&self, seen: &mut Vec<Seen>) {
        let (plan, context) = (self.plan, self.context);
        let is_relay = |s: &Seen| match s.of {
            Planned::Item(index) => plan.items.get(index).is_some_and(|i| i.relay().is_some()),
            Planned::Trial(_) => true,
            Planned::Measure(_) | Planned::Machine(_) => false,
        };
        let begun = trials::of(plan, is_alone).next().is_some() || seen.iter().any(is_relay);
        let relays = earlier::relays(plan, &context.settings.proxies, seen);
        high_ports(plan, context, &relays, seen).await;
        if !begun {
            return;
        }
        let tried = one_by_one(plan, context, self.names, (seen, &relays)).await;
        seen.extend(tried);
        context.sink.event(&Event::PhaseDone { phase: Phase::Media, at_ms: context.since_start() });
    }
}

fn is_alone(kind: &TrialKind) -> bool {
    matches!(kind, TrialKind::Ice | TrialKind::Call)
}

async fn side_by_side(context: &Arc<Context>, works: Vec<Work>) -> Vec<Seen> {
    let room = Arc::new(Semaphore::new(schedule::trial::SIDE_BY_SIDE));
    let mut crew = Crew::new(context);
    works.into_iter().for_each(|work| crew.begin(work, Arc::clone(&room).acquire_owned()));
    crew.rest().await
}

/// Each has the wire for itself: what a call sees must not be what another call does to it.
async fn one_by_one(
    plan: &Plan,
    context: &Arc<Context>,
    names: &names::Names,
    earlier: (&[Seen], &[RelayServer]),
) -> Vec<Seen> {
    let mut all = Vec::new();
    for trial in trials::of(plan, is_alone) {
        let (works, known) = trials::at_target(plan, trial, context, names, earlier);
        all.extend(known);
        for work in works {
            let mut crew = Crew::new(context);
            crew.begin(work, std::future::ready(()));
            all.extend(crew.rest().await);
        }
    }
    all
}

/// A relay at the same address gives ports that can be asked; a rule that they may stand in for gets their fact. Tells the
/// end of every rule that waited for it, whether there was such a relay or not.
async fn high_ports(plan: &Plan, context: &Arc<Context>, relays: &[RelayServer], seen: &mut [Seen]) {
    for one in seen.iter_mut() {
        let Planned::Item(index) = one.of else { continue };
        let later = plan.items.get(index).and_then(|item| told_later(plan, item));
        if !later.is_some_and(|later| later(&one.observation)) {
            continue;
        }
        if let Some(relay) = relays.iter().find(|r| Some(r.address.ip()) == one.address).cloned() {
            let context = Arc::clone(context);
            let asking = async move {
                turn::relayed_ports(&relay, &context.settings, &context.cancel, schedule::trial::HIGH_PORTS).await
            };
            // In a task of its own, so that a defect there loses this fact alone.
            if let Ok(ports) = tokio::spawn(asking).await {
                one.observation.facts.set(&metric::RELAYED_PORTS, ports);
            }
        }
        context.done(one);
    }
}

/// Which ends of a rule's checks wait for relays, so that each is told once; `None` where the plan has no relay.
pub fn told_later(plan: &Plan, item: &Item) -> Option<ToldLater> {
    let (service, ports) = (item.rule.service, item.rule.ports);
    let relays = plan.items.iter().any(|item| item.relay().is_some())
        || trials::of(plan, |kind| matches!(kind, TrialKind::Turn(_))).next().is_some();
    relays.then(|| Box::new(move |seen: &Observation| turn::may_stand_in(service, ports, seen)) as ToldLater)
}
