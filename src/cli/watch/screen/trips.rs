//! Round trips over the last runs, as a line of bars for each place that was timed.

use ratatui::text::{Line, Span};

use crate::model::ProbeKind;
use crate::watch::Row;

use super::View;

const NAME: usize = 30;
const VALUES: usize = 24;

/// Places that were timed.
pub fn count(view: &View<'_>) -> usize {
    timed(view).len()
}

/// Trains, where there are any; else one check of each address, the first that was timed.
fn timed<'a>(view: &View<'a>) -> Vec<&'a Row> {
    let rows = view.watch.history().rows().iter().filter(|row| row.here && row.round_trips().any(|t| t.is_some()));
    let rows: Vec<&Row> = rows.collect();
    let trains: Vec<&Row> = rows.iter().copied().filter(|row| row.probe == ProbeKind::Quality).collect();
    if !trains.is_empty() {
        return trains;
    }
    let host = |row: &Row| row.place.split(' ').next().unwrap_or_default().to_owned();
    let mut seen = std::collections::BTreeSet::new();
    rows.into_iter().filter(|row| seen.insert(host(row))).collect()
}

pub fn lines(view: &View<'_>, width: usize, lines: usize) -> Vec<Line<'static>> {
    let Some(most) = lines.checked_sub(1) else { return Vec::new() };
    let mut out = vec![view.pen.rule("round trip", width)];
    out.extend(timed(view).into_iter().take(most).map(|row| line(view, row, width)));
    out.resize(lines, Line::raw(""));
    out
}

fn line(view: &View<'_>, row: &Row, width: usize) -> Line<'static> {
    let pen = view.pen;
    let name = NAME.min(width / 3);
    let room = width.saturating_sub(name + VALUES + 4);
    let all: Vec<Option<f32>> = row.round_trips().collect();
    let shown = all.get(all.len().saturating_sub(room)..).unwrap_or_default();
    let known: Vec<f32> = shown.iter().flatten().copied().collect();
    let low = known.iter().copied().fold(f32::INFINITY, f32::min);
    let high = known.iter().copied().fold(0.0, f32::max);
    let bars: String = shown.iter().map(|trip| bar(pen.unicode, *trip, low, high)).collect();
    let last = all.iter().rev().flatten().next();
    let values = match last {
        Some(last) if known.len() > 1 => format!("{} ms ({}-{})", short(*last), short(low), short(high)),
        Some(last) => format!("{} ms", short(*last)),
        None => String::new(),
    };
    Line::from(vec![
        Span::raw(format!("  {} ", pen.pad(&format!("{} {}", row.name, row.place), name))),
        Span::raw(bars),
        Span::raw(format!(" {}", pen.cut(&values, VALUES))),
    ])
}

/// A bar between the lowest and the highest; what differs by a fifth at the most looks level. A space where nothing was
/// timed.
fn bar(unicode: bool, trip: Option<f32>, low: f32, high: f32) -> char {
    let bars = if unicode {
        ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        ['_', '.', ':', '-', '=', '+', '*', '#']
    };
    let Some(trip) = trip else { return ' ' };
    let span = (high - low).max(high * 0.2).max(0.01);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
    let level = ((trip - low) / span * 7.0).round().clamp(0.0, 7.0) as usize;
    bars.get(level).copied().unwrap_or('?')
}

fn short(ms: f32) -> String {
    match ms {
        ms if ms >= 99.5 => format!("{ms:.0}"),
        ms if ms >= 9.95 => format!("{ms:.1}"),
        _ => format!("{ms:.2}"),
    }
}
