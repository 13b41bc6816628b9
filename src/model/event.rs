//! What a run says while it runs. A [`Sink`] draws it; the run neither knows nor waits for what a sink does.

use serde::Serialize;

use super::report::{Check, Finding};

/// A stage of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Names to addresses.
    Names,
    /// What NATs do, beside all that follows.
    Nat,
    /// What the way to each target lets through, beside all that follows.
    Path,
    /// Every rule with one port, side by side.
    Reachability,
    /// Media ranges.
    Ranges,
    /// Relays, ICE and calls: the ways that media can take.
    Media,
    /// Trains and flows, alone on the wire.
    Quality,
    /// Where what failed is stopped.
    Tracing,
}

/// Something happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run began.
    Started { run: String, profile: String, started: String },
    /// A phase began, with so many checks.
    PhaseStarted { phase: Phase, checks: usize, at_ms: u64 },
    /// A check of a phase is under way; `waiting_for` says what it waits for, in a few words, and `until_ms` until when at
    /// the latest.
    CheckStarted { check: String, phase: Phase, waiting_for: String, at_ms: u64, until_ms: u64 },
    /// A sweep has heard from or given up on so many of its ports.
    Progress { check: String, done: u32, total: u32 },
    /// A check was judged.
    CheckDone { check: Box<Check> },
    /// Where the flow of a check that was told as done is stopped.
    Traced { check: String, trace: Box<super::trace::Trace>, at_ms: u64 },
    /// A phase ended.
    PhaseDone { phase: Phase, at_ms: u64 },
    /// A cause was inferred from several checks.
    Finding { finding: Box<Finding> },
    /// The run ended.
    Finished { verdict: super::Status, at_ms: u64 },
}

/// Takes events in order.
pub trait Sink: Send + Sync {
    /// Takes one event; must not block for long.
    fn event(&self, event: &Event);
}

/// Draws nothing.
pub struct Silent;

impl Sink for Silent {
    fn event(&self, _: &Event) {}
}
