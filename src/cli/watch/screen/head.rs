//! The head: what is watched, when the next run is, the verdict and since when, and what is going on.

use ratatui::text::{Line, Span};

use crate::model::{Status, Summary};
use crate::watch::{Column, span};

use super::View;

/// Lines of the head.
pub const LINES: usize = 4;

pub fn lines(view: &View<'_>, width: usize) -> Vec<Line<'static>> {
    let pen = view.pen;
    let mut first = pen.ends(&format!("rtc-check watch  {}", view.title), &next(view), width);
    first.style = pen.bold();
    let every = format!("every {}", span(view.watch.interval()));
    vec![first, pen.ends(view.targets, &every, width), verdict(view, width), going_on(view, width)]
}

fn next(view: &View<'_>) -> String {
    let paused = view.watch.is_paused();
    match (view.watch.running(view.now), view.watch.due_in(view.now)) {
        (Some((number, since)), _) => {
            format!("run {number}: {} s{}", since.as_secs(), if paused { ", then paused" } else { "" })
        }
        (None, None) => format!("{}PAUSED", ran(view)),
        // The last part of a second is a second: `in 0 s` would seem late.
        (None, Some(wait)) => format!("{}next in {}", ran(view), seconds(wait)),
    }
}

fn seconds(wait: std::time::Duration) -> String {
    let up = wait.as_millis().div_ceil(1000);
    span(std::time::Duration::from_secs(u64::try_from(up).unwrap_or(u64::MAX)))
}

fn ran(view: &View<'_>) -> String {
    match view.watch.count() {
        0 => String::new(),
        n => format!("run {n}, "),
    }
}

fn verdict(view: &View<'_>, width: usize) -> Line<'static> {
    let pen = view.pen;
    let Some((standing, last)) = view.watch.history().standing().zip(view.watch.history().last()) else {
        return Line::raw(pen.cut("no run has ended yet", width));
    };
    let word = format!("{} {}", pen.mark(standing.verdict), standing.verdict.as_str().to_uppercase());
    let runs = if standing.runs == 1 { "1 run".to_owned() } else { format!("{} runs", standing.runs) };
    let missed = match view.watch.missed() {
        0 => String::new(),
        n => format!(", {n} missed"),
    };
    let since = super::news::clock(&standing.since);
    let rest = format!(" since {since} ({runs}{missed}): {}", counts(&last.summary));
    let room = width.saturating_sub(word.chars().count());
    Line::from(vec![
        Span::styled(word, pen.style(standing.verdict).patch(pen.bold())),
        Span::raw(pen.cut(&rest, room + 1)),
    ])
}

fn counts(summary: &Summary) -> String {
    let s = summary;
    let all = [
        (s.fail, Status::Fail),
        (s.unknown, Status::Unknown),
        (s.warn, Status::Warn),
        (s.pass, Status::Pass),
        (s.skip, Status::Skip),
    ];
    let said: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, status)| format!("{n} {status}")).collect();
    if said.is_empty() { "no checks".to_owned() } else { said.join(", ") }
}

/// What is waited for; else what went wrong, or what happened to the clocks since the last run.
fn going_on(view: &View<'_>, width: usize) -> Line<'static> {
    let pen = view.pen;
    if let Some(notice) = view.notice {
        return Line::styled(pen.cut(notice, width), pen.style(Status::Fail));
    }
    if view.watch.running(view.now).is_some() {
        let limit = format!("at most {}", span(view.longest));
        return pen.ends(view.waits, &limit, width);
    }
    match view.watch.history().columns().next_back() {
        Some(Column::Gap(words)) => Line::raw(pen.cut(words, width)),
        Some(Column::Run(run)) if !run.complete => {
            Line::raw(pen.cut("the last run ended before its time: its budget was used up", width))
        }
        _ => Line::raw(""),
    }
}
