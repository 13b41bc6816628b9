//! What a run is doing, for whoever looks at it now and then.

use std::sync::{Mutex, PoisonError};

use crate::cli::progress::Running;
use crate::model::{Event, Sink};

/// Takes a run's events and tells them as one sentence.
#[derive(Default)]
pub struct UnderWay(Mutex<State>);

#[derive(Default)]
struct State {
    /// Checks done and in all, of the phases so far.
    done: usize,
    all: usize,
    running: Running,
}

impl UnderWay {
    /// `3 of 14 checks, waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 2 more`.
    pub fn words(&self) -> String {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = (state.all > 0).then(|| format!("{} of {} checks", state.done, state.all));
        let waiting = Some(state.running.message(None)).filter(|words| !words.is_empty());
        counted.into_iter().chain(waiting).collect::<Vec<_>>().join(", ")
    }
}

impl Sink for UnderWay {
    fn event(&self, event: &Event) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { .. } => *state = State::default(),
            Event::PhaseStarted { checks, .. } => state.all += checks,
            _ => {}
        }
        let ended = state.running.event(event);
        state.done = (state.done + usize::from(ended)).min(state.all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Phase;

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
