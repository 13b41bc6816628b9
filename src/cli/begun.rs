//! When a run began and what it is called: the same for the network's and the machine's.

use std::time::Instant;

use crate::judge::Meta;
use crate::model::{Ended, Event};
use crate::net::clock;

/// A run that has begun.
pub struct Begun {
    pub start: Instant,
    id: String,
    started: String,
    seed: u64,
}

impl Begun {
    /// Now, with an id that tells two runs of a day apart.
    pub fn now(seed: u64) -> Self {
        let (start, started) = (clock::now(), clock::utc());
        let id = format!("{}-{:08x}", clock::compact(&started), seed as u32 ^ std::process::id());
        Self { start, id, started: clock::rfc3339(&started), seed }
    }

    /// What is told first.
    pub fn event(&self, profile: &str) -> Event {
        Event::Started { run: self.id.clone(), profile: profile.to_owned(), started: self.started.clone() }
    }

    /// What a report says of the run, which ends now.
    pub fn ends(self, ended: Option<Ended>, strict: bool) -> Meta {
        let duration = clock::now().saturating_duration_since(self.start);
        Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            id: self.id,
            started: self.started,
            finished: clock::rfc3339(&clock::utc()),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            seed: self.seed,
            ended,
            strict,
        }
    }
}
