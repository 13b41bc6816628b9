//! What a run is doing, for whoever looks at it now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::{Event, Phase, Sink};

/// Takes a run's events and tells them as one sentence.
#[derive(Default)]
pub struct UnderWay(Mutex<State>);

#[derive(Default)]
struct State {
    /// Checks done and in all, of the phases so far.
    done: usize,
    all: usize,
    /// What each waits for, and ports done and in all of a sweep.
    waits: BTreeMap<String, (Phase, String, Option<(u32, u32)>)>,
}

impl UnderWay {
    /// `3 of 14 checks, waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 2 more`.
    pub fn words(&self) -> String {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = if state.all > 0 { format!("{} of {} checks", state.done, state.all) } else { String::new() };
        let Some((_, what, swept)) = state.waits.values().min_by_key(|w| (w.2.is_none(), w.0 == Phase::Nat)) else {
            return counted;
        };
        let swept = swept.map(|(done, all)| format!(" ({done}/{all})")).unwrap_or_default();
        let more = if state.waits.len() > 1 { format!(" and {} more", state.waits.len() - 1) } else { String::new() };
        format!("{counted}, waiting for {what}{swept}{more}")
    }
}

impl Sink for UnderWay {
    fn event(&self, event: &Event) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { .. } => *state = State::default(),
            Event::PhaseStarted { checks, .. } => state.all += checks,
            Event::CheckStarted { check, phase, waiting_for, .. } => {
                state.waits.insert(check.clone(), (*phase, waiting_for.clone(), None));
            }
            Event::Progress { check, done, total } => {
                if let Some(wait) = state.waits.get_mut(check) {
                    wait.2 = Some((*done, *total));
                }
            }
            Event::CheckDone { check } => {
                state.done += usize::from(state.waits.remove(&check.id).is_some());
            }
            Event::Finished { .. } => state.waits.clear(),
            Event::PhaseDone { .. } | Event::Traced { .. } | Event::Finding { .. } => {}
        }
        state.done = state.done.min(state.all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_a_sweep_first() {
        let under = UnderWay::default();
        let started = |check: &str, what: &str| Event::CheckStarted {
            check: check.to_owned(),
            phase: Phase::Ranges,
            waiting_for: what.to_owned(),
            at_ms: 0,
            until_ms: 4500,
        };
        assert_eq!(under.words(), "");
        under.event(&Event::PhaseStarted { phase: Phase::Ranges, checks: 2, at_ms: 0 });
        under.event(&started("a", "TCP 443 of 203.0.113.10"));
        under.event(&started("b", "UDP 1-9 of 203.0.113.10"));
        under.event(&Event::Progress { check: "b".to_owned(), done: 4, total: 9 });
        assert_eq!(under.words(), "0 of 2 checks, waiting for UDP 1-9 of 203.0.113.10 (4/9) and 1 more");
    }
}
