//! The screen of `watch`: draws what the watching knows into a frame. It reads no key, no clock and no terminal, so the
//! same state is always the same picture.

mod checks;
mod head;
mod news;
mod pen;
mod shares;
mod trips;

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Clear, Paragraph, Wrap};

use crate::watch::Watch;

pub use pen::Pen;

/// What somebody types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Open,
    Close,
    Help,
    Pause,
    Run,
}

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// The row, by its place.
    pub row: usize,
    /// Its sentence is shown.
    pub open: bool,
    pub help: bool,
    /// The first row in view, and how many are.
    top: usize,
    page: usize,
}

impl Looked {
    /// Moves about; answers whether the key was for this.
    pub fn take(&mut self, key: Key, rows: usize) {
        let page = self.page.max(1);
        self.row = match key {
            Key::Up => self.row.saturating_sub(1),
            Key::Down => self.row + 1,
            Key::PageUp => self.row.saturating_sub(page),
            Key::PageDown => self.row + page,
            Key::First => 0,
            Key::Last => rows,
            _ => self.row,
        };
        self.row = self.row.min(rows.saturating_sub(1));
        match key {
            Key::Open => (self.open, self.help) = (!self.open, false),
            Key::Help => (self.help, self.open) = (!self.help, false),
            Key::Close => (self.open, self.help) = (false, false),
            _ => {}
        }
    }

    /// Keeps the row in view of `page` rows out of `rows`.
    fn frame(&mut self, rows: usize, page: usize) {
        self.page = page;
        self.row = self.row.min(rows.saturating_sub(1));
        self.top = self.top.clamp((self.row + 1).saturating_sub(page), self.row).min(rows.saturating_sub(page));
    }
}

/// What is drawn.
pub struct View<'a> {
    pub watch: &'a Watch,
    /// Profile and vantage.
    pub title: &'a str,
    /// Roles and hosts.
    pub targets: &'a str,
    /// By the clock of the watching.
    pub now: Duration,
    /// What the run under way waits for.
    pub waits: &'a str,
    /// How long a run may take.
    pub longest: Duration,
    /// What went wrong with the log, for one.
    pub notice: Option<&'a str>,
    pub pen: Pen,
}

const KEYS: &str = "q quit  arrows PgUp PgDn scroll  Enter sentence  space pause  r run now  ? help";
const KEYS_SHORT: &str = "q quit  Enter sentence  space pause  r run  ? help";

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>, looked: &mut Looked) {
    let area = frame.area();
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let wanted = shares::Wanted {
        rows: view.watch.history().rows().len(),
        trips: trips::count(view),
        changes: view.watch.changes().len(),
        findings: view.watch.last().map_or(0, |r| r.findings.len()),
    };
    let shares = wanted.of(height.saturating_sub(head::LINES + 1));
    looked.frame(wanted.rows, shares.rows.saturating_sub(1));
    let mut lines = head::lines(view, width);
    lines.extend(checks::lines(view, looked, width, shares.rows));
    lines.extend(trips::lines(view, width, shares.trips));
    lines.extend(news::changes(view, width, shares.changes));
    lines.extend(news::findings(view, width, shares.findings));
    lines.truncate(height.saturating_sub(1));
    frame.render_widget(Text::from(lines), area);
    let keys = if width >= KEYS.len() { KEYS } else { KEYS_SHORT };
    let foot = Rect { y: area.bottom().saturating_sub(1), height: area.height.min(1), ..area };
    frame.render_widget(Line::styled(view.pen.cut(keys, width), view.pen.faint()), foot);
    match (looked.help, looked.open) {
        (true, _) => panel(frame, view, "keys and signs", help(view.pen)),
        (_, true) => panel(frame, view, "check", checks::sentence(view, looked)),
        _ => {}
    }
}

/// A panel over the lower part of the screen.
fn panel(frame: &mut Frame<'_>, view: &View<'_>, title: &str, text: Vec<Line<'static>>) {
    let area = frame.area();
    let width = usize::from(area.width).max(1);
    let lines: usize = text.iter().map(|line| line.width().max(1).div_ceil(width)).sum();
    // Words wrap earlier than columns end.
    let wanted = u16::try_from(lines + lines / 4 + 2).unwrap_or(u16::MAX);
    let height = wanted.min(area.height.saturating_sub(1));
    let place = Rect { y: area.bottom().saturating_sub(height + 1), height, ..area };
    let mut all = vec![view.pen.rule(title, width)];
    all.extend(text);
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(all).wrap(Wrap { trim: false }), place);
}

fn help(pen: Pen) -> Vec<Line<'static>> {
    let signs = format!(
        "signs    {} pass  ! warn  ? unknown  {} fail  - not tried  {} no such check in that run  {} no run",
        pen.pick("✓", "+"),
        pen.pick("✗", "X"),
        pen.pick("·", "."),
        pen.pick("│", "|")
    );
    [
        "q        quit; the exit code is that of the last run that ended".to_owned(),
        "arrows   choose a check (PgUp, PgDn, Home, End)".to_owned(),
        "Enter    the sentence of the chosen check, and back".to_owned(),
        "space    pause: nothing begins by itself; again to go on".to_owned(),
        "r        run now".to_owned(),
        "?        this".to_owned(),
        signs,
        "A strip has the newest run at its right end; times are UTC.".to_owned(),
    ]
    .into_iter()
    .map(Line::raw)
    .collect()
}
