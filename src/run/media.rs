//! The ways that media can take: relays side by side, then ICE and calls one after the other through those that worked.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::model::{Event, Phase, Seen, schedule};
use crate::plan::{Plan, TrialKind};
use crate::probe::trial::RelayServer;

use super::work::{Crew, Work};
use super::{Context, earlier, names, rules, trials};

/// Tries all ways; `seen` is what the rules' checks saw, and `relays` are rules that lead to one, as work.
pub async fn try_ways(
    plan: &Plan,
    context: &Arc<Context>,
    names: &names::Names,
    relays: Vec<rules::Job>,
    seen: &[Seen],
) -> Vec<Seen> {
    let (mut works, mut all): (Vec<Work>, Vec<Seen>) = (Vec::new(), Vec::new());
    works.extend(relays.iter().filter_map(|job| rules::work(plan, job, Phase::Media, context, names)));
    for trial in trials::of(plan, |kind| matches!(kind, TrialKind::Turn(_))) {
        let (more, known) = trials::relay(plan, trial, context, names);
        works.extend(more);
        all.extend(known);
    }
    let alone = trials::of(plan, is_alone).count();
    if works.is_empty() && alone == 0 {
        return all;
    }
    let (phase, checks) = (Phase::Media, works.len() + alone);
    context.sink.event(&Event::PhaseStarted { phase, checks, at_ms: context.since_start() });
    all.extend(side_by_side(context, works).await);
    let mut seen = seen.to_vec();
    seen.extend(all.iter().cloned());
    let relays = earlier::relays(plan, &seen);
    all.extend(one_by_one(plan, context, names, (&seen, &relays)).await);
    context.sink.event(&Event::PhaseDone { phase, at_ms: context.since_start() });
    all
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
