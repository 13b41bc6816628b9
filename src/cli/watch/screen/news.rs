//! What changed in the last run, and what it found.

use ratatui::text::{Line, Span};

use crate::model::{Change, Status};
use crate::watch::{About, Delta};

use super::View;

/// `01:12:03Z` of an RFC 3339 time.
pub fn clock(time: &str) -> String {
    time.get(11..).unwrap_or(time).to_owned()
}

pub fn changes(view: &View<'_>, width: usize, lines: usize) -> Vec<Line<'static>> {
    let Some(room) = lines.checked_sub(1) else { return Vec::new() };
    let all = view.watch.changes();
    let last = view.watch.history().last();
    let when = last.map(|run| {
        let number = run.number.map(|n| format!(" in run {n}")).unwrap_or_default();
        format!("{number} at {}", clock(&run.finished))
    });
    let title = match (all.len(), when) {
        (_, None) => "changed".to_owned(),
        (0, Some(when)) => format!("nothing changed{when}"),
        (n, Some(when)) => format!("{n} changed{when}"),
    };
    let mut out = vec![view.pen.rule(&title, width)];
    out.extend(some(all, room, |delta| changed(view, delta, width), view, width));
    out.resize(lines, Line::raw(""));
    out
}

fn changed(view: &View<'_>, delta: &Delta, width: usize) -> Line<'static> {
    let pen = view.pen;
    let status = match delta.change {
        Change::Worse => Status::Fail,
        Change::Better => Status::Pass,
        Change::Appeared => Status::Warn,
        Change::Gone | Change::Changed | Change::Same => Status::Skip,
    };
    let arrow = pen.pick("→", "->");
    let became = match (&delta.was, &delta.is) {
        (Some(was), Some(is)) => format!("{was} {arrow} {is}"),
        (None, Some(is)) => is.clone(),
        (Some(was), None) => format!("was {was}"),
        (None, None) => String::new(),
    };
    let what = match delta.about {
        About::Verdict => "the verdict".to_owned(),
        About::Finding => delta.name.clone(),
        About::Check => format!("{} {}", delta.name, delta.place).trim_end().to_owned(),
        About::Way => format!("media of {}", delta.name),
    };
    let says = if delta.says.is_empty() { String::new() } else { format!(": {}", delta.says) };
    Line::from(vec![
        Span::styled(format!("  {:<9}", delta.word()), pen.style(status)),
        Span::raw(pen.cut(&format!("{what}  {became}{says}"), width.saturating_sub(11))),
    ])
}

pub fn findings(view: &View<'_>, width: usize, lines: usize) -> Vec<Line<'static>> {
    let Some(room) = lines.checked_sub(1) else { return Vec::new() };
    let pen = view.pen;
    let all = view.watch.last().map(|r| r.findings.as_slice()).unwrap_or_default();
    let mut out = vec![pen.rule(&format!("{} found", all.len()), width)];
    let line = |finding: &crate::model::Finding| {
        // A finding that passes is a note.
        let mark = if finding.status == Status::Pass { "i" } else { pen.mark(finding.status) };
        Line::from(vec![
            Span::styled(format!("  {mark} "), pen.style(finding.status)),
            Span::raw(pen.cut(&format!("{} [{}]", finding.title, finding.id), width.saturating_sub(4))),
        ])
    };
    out.extend(some(all, room, line, view, width));
    out.resize(lines, Line::raw(""));
    out
}

/// As many as there is room for; the last line says how many more there are.
fn some<T>(
    all: &[T],
    room: usize,
    line: impl Fn(&T) -> Line<'static>,
    view: &View<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let shown = if all.len() > room { room.saturating_sub(1) } else { all.len() };
    let mut out: Vec<_> = all.iter().take(shown).map(line).collect();
    if shown < all.len() && room > 0 {
        let more = format!("  and {} more", all.len() - shown);
        out.push(Line::styled(view.pen.cut(&more, width), view.pen.faint()));
    }
    out
}
