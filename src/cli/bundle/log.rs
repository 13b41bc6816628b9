//! The log of a run for its bundle: every event, in memory and bounded. It is drawn when the run is over, so that names
//! which came up late are replaced in early lines too.

use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Event, Sink};
use crate::redact::Redactor;
use crate::report;

/// A run of 11,000 ports has some thousands of events.
const MOST_EVENTS: usize = 200_000;

/// Keeps events, and hands them on.
pub struct Log {
    kept: Mutex<Kept>,
    next: Arc<dyn Sink>,
}

/// The events of a run.
#[derive(Default)]
pub struct Kept {
    events: Vec<Event>,
    /// There were more.
    pub is_cut: bool,
}

impl Kept {
    /// A line of JSON each, with tokens where the redactor is asked for any.
    pub fn lines(&self, redactor: &mut Redactor) -> String {
        self.events.iter().map(|event| report::line_of(&redactor.event(event))).collect()
    }
}

impl Log {
    /// Keeps what it is told, and tells `next`.
    pub fn new(next: Arc<dyn Sink>) -> Self {
        Self { kept: Mutex::default(), next }
    }

    /// What was kept.
    pub fn take(&self) -> Kept {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Log {
    fn event(&self, event: &Event) {
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            match kept.events.len() < MOST_EVENTS {
                true => kept.events.push(event.clone()),
                false => kept.is_cut = true,
            }
        }
        self.next.event(event);
    }
}
