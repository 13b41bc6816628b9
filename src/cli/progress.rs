//! What a run says while it runs, drawn on a terminal or written as lines. Knows no probe and no rule: an event says
//! all there is to say.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::model::{Event, Phase, Sink};
use crate::report::{clean, line};

/// The lock's content, also after another thread panicked while it held it: both sinks stay usable then.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line a phase on stderr: how many checks are done, what is being waited for, and how long at the most. Nothing is
/// drawn where stderr is no terminal, and nothing stays when the run has ended or the value is dropped.
pub struct Progress {
    lines: MultiProgress,
    unicode: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bars: Vec<Bar>,
    running: Running,
}

/// The line of a phase.
struct Bar {
    phase: Phase,
    line: ProgressBar,
    /// When the phase began, and when the last check under way ends at the latest, in ms of the run and of the phase.
    began_ms: u64,
    until_ms: Arc<AtomicU64>,
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

    fn begin(&self, state: &mut State, phase: Phase, checks: usize, began_ms: u64) {
        let template = "{spinner} {prefix} {pos}/{len} {left}{wide_msg}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let ticks = if self.unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓" } else { "-\\|/+" };
        let until_ms = Arc::new(AtomicU64::new(0));
        let until = Arc::clone(&until_ms);
        let left = move |now: &ProgressState, out: &mut dyn std::fmt::Write| {
            // A terminal that takes no more is seen elsewhere.
            let _ = out.write_str(&left(now.elapsed(), until.load(Ordering::Relaxed)));
        };
        let style = style.tick_chars(ticks).with_key("left", left);
        let line = self.lines.add(ProgressBar::new(checks as u64).with_style(style).with_prefix(title(phase)));
        line.enable_steady_tick(Duration::from_millis(100));
        state.bars.push(Bar { phase, line, began_ms, until_ms });
    }

    fn clear(&self, state: &mut State) {
        for bar in state.bars.drain(..) {
            bar.line.finish_and_clear();
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
            Event::PhaseStarted { phase, checks, at_ms } => self.begin(&mut state, *phase, *checks, *at_ms),
            Event::PhaseDone { phase, .. } => {
                for bar in state.bars.iter().filter(|b| b.phase == *phase) {
                    bar.until_ms.store(0, Ordering::Relaxed);
                    bar.line.finish_with_message("");
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
        for bar in state.bars.iter().filter(|bar| !bar.line.is_finished()) {
            if Some(bar.phase) == ended {
                bar.line.inc(1);
            }
            let until = state.running.until(bar.phase).map_or(0, |ms| ms.saturating_sub(bar.began_ms));
            bar.until_ms.store(until, Ordering::Relaxed);
            bar.line.set_message(clean(&state.running.message(Some(bar.phase)), self.unicode));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear(&mut locked(&self.state));
    }
}

/// `at most 4 s more, `: until `until_ms` of a phase that has lasted for `elapsed`; nothing where nothing is waited for.
fn left(elapsed: Duration, until_ms: u64) -> String {
    match Duration::from_millis(until_ms).checked_sub(elapsed) {
        Some(left) if !left.is_zero() => format!("at most {} s more, ", left.as_secs() + 1),
        _ => String::new(),
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
pub(super) struct Running(BTreeMap<String, Waiting>);

struct Waiting {
    phase: Phase,
    waiting_for: String,
    until_ms: u64,
    /// Ports done and in all, of a sweep.
    swept: Option<(u32, u32)>,
}

impl Running {
    /// Takes an event; answers whether it ended one of them.
    pub(super) fn event(&mut self, event: &Event) -> bool {
        match event {
            Event::CheckStarted { check, phase, waiting_for, until_ms, .. } => {
                let (phase, waiting_for) = (*phase, waiting_for.clone());
                let waiting = Waiting { phase, waiting_for, until_ms: *until_ms, swept: None };
                self.0.insert(check.clone(), waiting);
            }
            Event::Progress { check, done, total } => {
                if let Some(waiting) = self.0.get_mut(check) {
                    waiting.swept = Some((*done, *total));
                }
            }
            Event::CheckDone { check } => return self.0.remove(&check.id).is_some(),
            Event::Finished { .. } => self.0.clear(),
            Event::Started { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseDone { .. }
            | Event::Traced { .. }
            | Event::Finding { .. } => {}
        }
        false
    }

    /// When the last check of a phase that is under way ends at the latest.
    fn until(&self, phase: Phase) -> Option<u64> {
        self.0.values().filter(|w| w.phase == phase).map(|w| w.until_ms).max()
    }

    /// What a phase, or the whole run, waits for: `waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 2 more`, a sweep
    /// first and NAT, which waits for nobody, last.
    pub(super) fn message(&self, phase: Option<Phase>) -> String {
        let all = || self.0.values().filter(|w| phase.is_none_or(|phase| w.phase == phase));
        let Some(shown) = all().min_by_key(|w| (w.swept.is_none(), w.phase == Phase::Nat)) else {
            return String::new();
        };
        let swept = shown.swept.map(|(done, total)| format!(" ({done}/{total})")).unwrap_or_default();
        let more = match all().count() {
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
        Event::CheckStarted { check, phase: Phase::Ranges, waiting_for, at_ms: 0, until_ms: 4500 }
    }

    #[test]
    fn the_message_says_what_is_waited_for_sweeps_first() {
        let mut running = Running::default();
        assert_eq!(running.message(Some(Phase::Ranges)), "");
        running.event(&started("a", "TCP 443 of 203.0.113.10"));
        assert_eq!(running.message(Some(Phase::Ranges)), "waiting for TCP 443 of 203.0.113.10");
        running.event(&started("b", "UDP 19099-20099 of 203.0.113.10"));
        running.event(&Event::Progress { check: "b".to_owned(), done: 420, total: 1001 });
        running.event(&Event::Progress { check: "unheard of".to_owned(), done: 1, total: 2 });
        assert_eq!(
            running.message(Some(Phase::Ranges)),
            "waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 1 more"
        );
        assert_eq!(running.message(Some(Phase::Names)), "", "another phase waits for nothing");
        assert_eq!((running.until(Phase::Ranges), running.until(Phase::Names)), (Some(4500), None));
    }

    #[test]
    fn what_is_left_is_rounded_up_and_never_negative() {
        let left = |ms, until| left(Duration::from_millis(ms), until);
        assert_eq!(left(0, 4500), "at most 5 s more, ");
        assert_eq!(left(4499, 4500), "at most 1 s more, ");
        assert_eq!((left(4500, 4500), left(9000, 4500), left(7, 0)), (String::new(), String::new(), String::new()));
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
