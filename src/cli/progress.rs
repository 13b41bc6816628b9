//! What a run says while it runs, drawn on a terminal or written as lines. Knows no probe and no rule: an event says
//! all there is to say.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::{Event, Phase, Sink};
use crate::report::{clean, line};

/// The lock's content, also after another thread panicked while it held it: both sinks stay usable then.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line a phase on stderr: how many checks are done, and what is being waited for. Nothing is drawn where stderr is
/// no terminal, and nothing stays when the run has ended or the value is dropped.
pub struct Progress {
    lines: MultiProgress,
    unicode: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bars: Vec<(Phase, ProgressBar)>,
    running: Running,
}

impl Progress {
    /// Draws on stderr; `unicode` says whether anything but ASCII can be shown there.
    pub fn stderr(unicode: bool) -> Self {
        Self::on(ProgressDrawTarget::stderr(), unicode)
    }

    /// Draws on `target`.
    pub fn on(target: ProgressDrawTarget, unicode: bool) -> Self {
        Self { lines: MultiProgress::with_draw_target(target), unicode, state: Mutex::default() }
    }

    fn begin(&self, state: &mut State, phase: Phase, checks: usize) {
        let template = "{spinner} {prefix} {pos}/{len} {wide_msg}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let ticks = if self.unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓" } else { "-\\|/+" };
        let bar = ProgressBar::new(checks as u64).with_style(style.tick_chars(ticks)).with_prefix(title(phase));
        let bar = self.lines.add(bar);
        bar.enable_steady_tick(Duration::from_millis(100));
        state.bars.push((phase, bar));
    }

    fn clear(&self, state: &mut State) {
        for (_, bar) in state.bars.drain(..) {
            bar.finish_and_clear();
        }
        // A terminal that is gone needs no clearing.
        let _ = self.lines.clear();
    }
}

impl Sink for Progress {
    fn event(&self, event: &Event) {
        let mut state = locked(&self.state);
        let ended = match event {
            Event::CheckDone { check } => state.running.0.get(&check.id).map(|w| w.phase),
            Event::Traced { .. } => Some(Phase::Tracing),
            _ => None,
        };
        state.running.event(event);
        match event {
            Event::PhaseStarted { phase, checks, .. } => self.begin(&mut state, *phase, *checks),
            Event::PhaseDone { phase, .. } => {
                for (_, bar) in state.bars.iter().filter(|(p, _)| p == phase) {
                    bar.finish_with_message("");
                }
            }
            Event::Finished { .. } => self.clear(&mut state),
            Event::Started { .. }
            | Event::CheckStarted { .. }
            | Event::Progress { .. }
            | Event::CheckDone { .. }
            | Event::Traced { .. }
            | Event::Finding { .. } => {}
        }
        for (phase, bar) in state.bars.iter().filter(|(_, bar)| !bar.is_finished()) {
            if Some(*phase) == ended {
                bar.inc(1);
            }
            bar.set_message(clean(&state.running.message(*phase), self.unicode));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear(&mut locked(&self.state));
    }
}

fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Names => "names",
        Phase::Nat => "NAT",
        Phase::Path => "ways to the targets",
        Phase::Reachability => "reachability",
        Phase::Ranges => "media ranges",
        Phase::Media => "relays, ICE and calls",
        Phase::Quality => "quality and bandwidth",
        Phase::Tracing => "where it is blocked",
    }
}

/// The checks under way.
#[derive(Default)]
struct Running(BTreeMap<String, Waiting>);

struct Waiting {
    phase: Phase,
    waiting_for: String,
    /// Ports done and in all, of a sweep.
    swept: Option<(u32, u32)>,
}

impl Running {
    fn event(&mut self, event: &Event) {
        match event {
            Event::CheckStarted { check, phase, waiting_for, .. } => {
                let waiting = Waiting { phase: *phase, waiting_for: waiting_for.clone(), swept: None };
                self.0.insert(check.clone(), waiting);
            }
            Event::Progress { check, done, total } => {
                if let Some(waiting) = self.0.get_mut(check) {
                    waiting.swept = Some((*done, *total));
                }
            }
            Event::CheckDone { check } => {
                self.0.remove(&check.id);
            }
            Event::Started { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseDone { .. }
            | Event::Traced { .. }
            | Event::Finding { .. }
            | Event::Finished { .. } => {}
        }
    }

    /// What a phase waits for: `waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 2 more`, a sweep first.
    fn message(&self, phase: Phase) -> String {
        let of_phase = || self.0.values().filter(|w| w.phase == phase);
        let Some(shown) = of_phase().min_by_key(|w| w.swept.is_none()) else { return String::new() };
        let swept = shown.swept.map(|(done, total)| format!(" ({done}/{total})")).unwrap_or_default();
        let more = match of_phase().count() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        format!("waiting for {}{swept}{more}", shown.waiting_for)
    }
}

/// Each event as a line of JSON, at once. A reader that has gone ends the writing, never the run.
pub struct Ndjson<W> {
    out: Mutex<Out<W>>,
}

struct Out<W> {
    writer: W,
    failed: Option<io::ErrorKind>,
}

impl<W: Write + Send> Ndjson<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self { out: Mutex::new(Out { writer, failed: None }) }
    }

    /// Why writing ended early, if it did; `BrokenPipe` where the reader has gone.
    pub fn failed(&self) -> Option<io::ErrorKind> {
        locked(&self.out).failed
    }

    /// The writer.
    pub fn into_inner(self) -> W {
        self.out.into_inner().unwrap_or_else(PoisonError::into_inner).writer
    }
}

impl<W: Write + Send> Ndjson<W> {
    /// Writes one line, which has its newline.
    pub fn line(&self, line: &str) {
        let mut out = locked(&self.out);
        if out.failed.is_none() {
            let written = out.writer.write_all(line.as_bytes()).and_then(|()| out.writer.flush());
            out.failed = written.err().map(|e| e.kind());
        }
    }
}

impl<W: Write + Send> Sink for Ndjson<W> {
    fn event(&self, event: &Event) {
        self.line(&line(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    fn started(check: &str, waiting_for: &str) -> Event {
        let (check, waiting_for) = (check.to_owned(), waiting_for.to_owned());
        Event::CheckStarted { check, phase: Phase::Ranges, waiting_for, at_ms: 0 }
    }

    #[test]
    fn the_message_says_what_is_waited_for_sweeps_first() {
        let mut running = Running::default();
        assert_eq!(running.message(Phase::Ranges), "");
        running.event(&started("a", "TCP 443 of 203.0.113.10"));
        assert_eq!(running.message(Phase::Ranges), "waiting for TCP 443 of 203.0.113.10");
        running.event(&started("b", "UDP 19099-20099 of 203.0.113.10"));
        running.event(&Event::Progress { check: "b".to_owned(), done: 420, total: 1001 });
        running.event(&Event::Progress { check: "unheard of".to_owned(), done: 1, total: 2 });
        assert_eq!(running.message(Phase::Ranges), "waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 1 more");
        assert_eq!(running.message(Phase::Names), "", "another phase waits for nothing");
    }

    #[test]
    fn every_event_is_taken_in_any_order_and_nothing_stays() {
        let progress = Progress::on(ProgressDrawTarget::hidden(), true);
        let finished = Event::Finished { verdict: Status::Pass, at_ms: 9 };
        let begin = |phase| Event::PhaseStarted { phase, checks: 2, at_ms: 0 };
        let end = |phase| Event::PhaseDone { phase, at_ms: 5 };
        progress.event(&end(Phase::Names));
        for event in [begin(Phase::Names), begin(Phase::Ranges), started("a", "x"), end(Phase::Names), finished] {
            progress.event(&event);
        }
        assert!(locked(&progress.state).bars.is_empty());
    }

    #[test]
    fn a_reader_that_has_gone_ends_the_writing_only() {
        struct Gone(u32);
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let sink = Ndjson::new(Gone(0));
        sink.event(&started("a", "x"));
        sink.event(&started("b", "y"));
        assert_eq!(sink.failed(), Some(io::ErrorKind::BrokenPipe));
        assert_eq!(sink.into_inner().0, 1);
    }

    #[test]
    fn events_become_lines_in_order() {
        let sink = Ndjson::new(Vec::new());
        sink.event(&started("a", "x"));
        sink.event(&Event::Progress { check: "a".to_owned(), done: 1, total: 2 });
        assert_eq!(sink.failed(), None);
        let text = String::from_utf8(sink.into_inner()).unwrap();
        let events: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(events.len(), 2);
        assert!(events.iter().all(|e| e.get("check") == Some(&"a".into())));
    }
}
