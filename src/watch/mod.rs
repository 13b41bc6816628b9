//! Runs repeated: when the next is due, what the last ones found and what changed between them, what happened to the
//! clocks, and the arithmetic of a log that rotates. Everything is told the time and handed finished reports; it knows
//! no file, terminal, socket or clock.

mod change;
mod clocks;
mod history;
mod line;
mod rotation;
mod schedule;
mod tail;
mod words;

use std::time::Duration;

use crate::compare;
use crate::model::{Report, Status};

pub use change::{About, Delta};
pub use clocks::{Jump, Reading};
pub use history::{Cell, Column, History, KEPT, Row, RunSummary, Standing, round_trip};
pub use line::lines;
pub use rotation::{Limits, Move};
pub use schedule::Schedule;
pub use tail::{Tail, tail};
pub use words::span;

use clocks::Clocks;

/// A machine that has just woken has no network yet; a run that began at once would say so, and be right, and help nobody.
pub const SETTLE: Duration = Duration::from_secs(5);

/// What ends the watching by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// After so many runs.
    pub runs: Option<u64>,
    /// At the first run that holds (`true`: pass or warn) or fails (`false`).
    pub until: Option<bool>,
    /// A warning is a failure.
    pub strict: bool,
}

impl End {
    fn is_reached(self, verdict: Status) -> bool {
        let is_strict_warning = self.strict && verdict == Status::Warn;
        self.until.is_some_and(|holds| match holds {
            true => verdict.holds() && !is_strict_warning,
            false => verdict == Status::Fail || is_strict_warning,
        })
    }
}

/// What is told, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A clock jumped.
    Jump(Jump),
    /// So many runs were due and could not begin, because one before them was under way or the machine slept.
    Missed(u64),
    /// A run during which the machine slept: it is not judged, and is done again.
    Cut { run: u64 },
    /// A run ended.
    Ran(Box<RunSummary>),
    /// The run that was told last is the first of this watching, and finds this wrong.
    Found(Box<Delta>),
    /// The run that was told last differs in this from the one before.
    Changed(Box<Delta>),
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Nothing before so long; `None` while paused.
    Wait(Option<Duration>),
    /// Begin the run of this number.
    Begin(u64),
    /// Let the run go on.
    Go,
    /// Break the run off, it was cut by a suspend, and tell [`Watch::dropped`].
    Break,
    /// End.
    Over,
}

/// A run that is under way.
#[derive(Clone, Copy, Debug)]
struct Running {
    number: u64,
    since: Duration,
    cut: bool,
}

/// The watching of one plan.
pub struct Watch {
    schedule: Schedule,
    clocks: Clocks,
    end: End,
    history: History,
    changes: Vec<Delta>,
    before: Option<Report>,
    running: Option<Running>,
    finished: u64,
    missed: u64,
    paused: bool,
    wanted: bool,
    not_before: Option<Duration>,
    over: bool,
}

impl Watch {
    /// Begins at `now`, with a run that is due at once.
    pub fn new(interval: Duration, end: End, now: Reading) -> Self {
        Self {
            schedule: Schedule::new(interval, now.boot),
            clocks: Clocks::new(now),
            end,
            history: History::default(),
            changes: Vec::new(),
            before: None,
            running: None,
            finished: 0,
            missed: 0,
            paused: false,
            wanted: false,
            not_before: None,
            over: false,
        }
    }

    /// Takes a run of an earlier watching, oldest first; the first run of this one is held against the last of them.
    pub fn remember(&mut self, report: Report) {
        let comparison = self.before.as_ref().map(|before| compare::compare(("before", before), ("after", &report)));
        self.history.push(None, &report, comparison.as_ref());
        self.before = Some(report);
    }

    /// Marks the time between the runs that were remembered and now.
    pub fn resume(&mut self, gap: &str) {
        self.history.gap(gap);
    }

    /// What has happened by `now`, and what to do.
    pub fn tick(&mut self, now: Reading) -> (Vec<Said>, Do) {
        let mut said = self.look(now);
        let next = self.next(now.boot, &mut said);
        (said, next)
    }

    fn look(&mut self, now: Reading) -> Vec<Said> {
        let jumps = self.clocks.read(now);
        for jump in &jumps {
            if let Jump::Suspended(_) = jump {
                self.not_before = Some(now.boot + SETTLE);
                self.running.iter_mut().for_each(|running| running.cut = true);
            }
            self.history.gap(&jump.words());
        }
        jumps.into_iter().map(Said::Jump).collect()
    }

    fn next(&mut self, now: Duration, said: &mut Vec<Said>) -> Do {
        match self.running {
            _ if self.over => return Do::Over,
            Some(Running { cut: true, .. }) => return Do::Break,
            Some(_) => return Do::Go,
            None => {}
        }
        let settled = self.not_before.map_or(Duration::ZERO, |at| at.saturating_sub(now));
        let due = if self.wanted { Duration::ZERO } else { self.schedule.due().saturating_sub(now) };
        if self.paused && !self.wanted {
            return Do::Wait(None);
        }
        if !settled.max(due).is_zero() {
            return Do::Wait(Some(settled.max(due)));
        }
        let missed = self.schedule.begins(now);
        if missed > 0 {
            self.missed += missed;
            said.push(Said::Missed(missed));
        }
        (self.wanted, self.not_before) = (false, None);
        let number = self.finished + 1;
        self.running = Some(Running { number, since: now, cut: false });
        Do::Begin(number)
    }

    /// Takes the report of the run that was begun; one that was cut by a suspend is dropped and due again.
    pub fn finished(&mut self, report: Report, now: Reading) -> Vec<Said> {
        let mut said = self.look(now);
        let Some(running) = self.running else { return said };
        if running.cut {
            said.extend(self.dropped());
            return said;
        }
        self.running = None;
        self.finished += 1;
        let comparison = self.before.as_ref().map(|before| compare::compare(("before", before), ("after", &report)));
        self.changes = comparison.as_ref().map(change::deltas).unwrap_or_default();
        let summary = self.history.push(Some(running.number), &report, comparison.as_ref());
        self.over = self.end.is_reached(report.verdict) || self.end.runs.is_some_and(|runs| self.finished >= runs);
        let mut first = if self.finished == 1 { change::found(&report) } else { Vec::new() };
        self.before = Some(report);
        said.push(Said::Ran(Box::new(summary)));
        said.extend(self.changes.iter().cloned().map(|delta| Said::Changed(Box::new(delta))));
        // A log of an earlier watching may have told the run apart already.
        first.retain(|delta| !self.changes.iter().any(|change| change.is_of(delta)));
        said.extend(first.into_iter().map(|delta| Said::Found(Box::new(delta))));
        said
    }

    /// The run under way was broken off: it is judged by nobody and done again as soon as may be.
    pub fn dropped(&mut self) -> Vec<Said> {
        let Some(running) = self.running.take() else { return Vec::new() };
        self.wanted = true;
        vec![Said::Cut { run: running.number }]
    }

    /// Runs as soon as may be, also while paused.
    pub fn run_now(&mut self) {
        self.wanted |= self.running.is_none();
    }

    /// Stops what is due from beginning, or lets it begin again; what was due meanwhile is not made up for.
    pub fn pause(&mut self, now: Duration) {
        self.paused = !self.paused;
        if !self.paused {
            self.schedule.skip_to(now);
        }
    }

    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// The number of the run under way, and how long it has been.
    pub fn running(&self, now: Duration) -> Option<(u64, Duration)> {
        self.running.map(|r| (r.number, now.saturating_sub(r.since)))
    }

    /// How long until the next run begins by itself; `None` while paused.
    pub fn due_in(&self, now: Duration) -> Option<Duration> {
        let settled = self.not_before.map_or(Duration::ZERO, |at| at.saturating_sub(now));
        (!self.paused).then(|| self.schedule.due().saturating_sub(now).max(settled))
    }

    pub fn interval(&self) -> Duration {
        self.schedule.interval()
    }

    /// Runs that have ended, by this watching.
    pub fn count(&self) -> u64 {
        self.finished
    }

    /// Runs that were due and never began.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// In what the last run differs from the one before.
    pub fn changes(&self) -> &[Delta] {
        &self.changes
    }

    /// The last report, one of an earlier watching too.
    pub fn last(&self) -> Option<&Report> {
        self.before.as_ref()
    }
}

#[cfg(test)]
mod tests;
