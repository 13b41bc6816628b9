//! The checks and the strip of what each came to over the last runs.

use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use crate::model::Need;
use crate::watch::Row;

use super::{Looked, View};

/// Columns before the name: the pointer and the status.
const MARKS: usize = 4;

pub fn lines(view: &View<'_>, looked: &Looked, width: usize, lines: usize) -> Vec<Line<'static>> {
    let rows = view.watch.history().rows();
    let Some(page) = lines.checked_sub(1) else { return Vec::new() };
    let last = (looked.top + page).min(rows.len());
    let title = match rows.len() {
        0 => "checks".to_owned(),
        all if all <= page => format!("{all} checks, newest run at the right"),
        all => format!("checks {}-{last} of {all}, newest run at the right", looked.top + 1),
    };
    let mut out = vec![view.pen.rule(&title, width)];
    let shown = rows.get(looked.top..last).unwrap_or_default();
    let (name, place) = widths(rows, width);
    out.extend(
        shown.iter().enumerate().map(|(n, row)| line(view, row, looked.top + n == looked.row, (name, place), width)),
    );
    if rows.is_empty() && page > 0 {
        out.push(Line::styled("  the first run is under way", view.pen.faint()));
    }
    out.resize(lines, Line::raw(""));
    out
}

/// Columns of the name and of the place: what they need, and no more than leaves a third for the strip.
fn widths(rows: &[Row], width: usize) -> (usize, usize) {
    let need = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row).width()).max().unwrap_or(0);
    let room = width.saturating_sub(MARKS + 2) * 2 / 3;
    let name = need(|row| &row.name).min(room * 9 / 20);
    (name, need(|row| &row.place).min(room.saturating_sub(name)))
}

fn line(view: &View<'_>, row: &Row, chosen: bool, (name, place): (usize, usize), width: usize) -> Line<'static> {
    let pen = view.pen;
    let room = width.saturating_sub(MARKS + name + place + 2);
    let style = if row.here { pen.style(row.status) } else { pen.faint() };
    let mark = if row.here { pen.mark(row.status) } else { pen.pick("·", ".") };
    let words = if row.here && row.need != Need::Optional { ratatui::style::Style::new() } else { pen.faint() };
    let words = if chosen { words.add_modifier(Modifier::REVERSED) } else { words };
    let mut spans = vec![
        Span::raw(if chosen { "> " } else { "  " }),
        Span::styled(mark, style),
        Span::raw(" "),
        Span::styled(pen.pad(&row.name, name), words),
        Span::styled(format!(" {}", pen.pad(&row.place, place)), words),
        Span::raw(" ".repeat(1 + room.saturating_sub(row.cells.len()))),
    ];
    spans.extend(row.cells.iter().skip(row.cells.len().saturating_sub(room)).map(|cell| pen.cell(*cell)));
    Line::from(spans)
}

/// All that is known of the chosen check.
pub fn sentence(view: &View<'_>, looked: &Looked) -> Vec<Line<'static>> {
    let pen = view.pen;
    let Some(row) = view.watch.history().rows().get(looked.row) else { return vec![Line::raw("there is none yet")] };
    let status = if row.here { row.status.to_string() } else { format!("not in the last run; before: {}", row.status) };
    vec![
        Line::styled(pen.clean(&format!("{} at {} ({}): {status}", row.name, row.place, row.need)), pen.bold()),
        Line::raw(pen.clean(&row.reason)),
        Line::styled(pen.clean(&format!("rtc-check explain {}", row.name)), pen.faint()),
    ]
}
