//! The limits of a check, a line each: what was measured, how sure that is, what it is held against and who asks for it.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::Style;
use super::evidence::significant as short;
use super::page::{Page, Tone, span};
use super::table::{mark, tone};
use super::text::{clean, width as columns};
use crate::model::{Check, LimitResult, LimitSource, Source};

/// Bytes of memory are told in units of this.
const GIB: f64 = 1_073_741_824.0;

/// Room in which the longest source can be read, on several lines if need be.
const LEAST_ROOM: usize = 17;

/// Draws the limits as columns that stand below each other, the last of which takes what room is left; as sentences
/// where there is no room for columns.
pub(super) fn draw(page: &mut Page, indent: usize, limits: &[LimitResult]) {
    let Style { width, unicode, .. } = *page.style();
    let row = |l: &LimitResult| row(l, shared(limits, l).is_some()).map(|text| clean(&text, unicode));
    let rows: Vec<[String; 5]> = limits.iter().map(row).collect();
    let widest = |n: usize| rows.iter().filter_map(|r| r.get(n)).map(|t| columns(t)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(|n| widest(n) + 2).collect();
    let room = width.saturating_sub(indent + 2);
    if widths.iter().sum::<usize>() + LEAST_ROOM > room {
        return sentences(page, indent, limits, &rows);
    }
    for (limit, row) in limits.iter().zip(&rows) {
        let mut table = Table::new();
        // Colour is added below: the table's own would ask the environment.
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
        table.set_width(u16::try_from(room).unwrap_or(u16::MAX)).add_row(row);
        for (n, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if n < 4 { 2 } else { 0 }));
            if let Some(width) = widths.get(n).and_then(|w| u16::try_from(*w).ok()) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        let mark = mark(page, limit.status);
        for (n, line) in table.lines().enumerate() {
            match n {
                0 => page.ready_line(indent, tone(limit.status), mark, &format!(" {line}")),
                _ => page.ready_line(indent + 2, Tone::Plain, "", &line),
            }
        }
    }
}

fn sentences(page: &mut Page, indent: usize, limits: &[LimitResult], rows: &[[String; 5]]) {
    for (limit, [name, value, interval, bound, source]) in limits.iter().zip(rows) {
        let words = format!("{name} {value} {interval}, must be {bound} ({source})").replace(" ,", ",");
        let mark = mark(page, limit.status);
        page.flow(indent, indent + 2, &[span(tone(limit.status), mark), span(Tone::Plain, words)]);
    }
}

/// The row that more than one of the limits repeats, if `limit` is one of them: it is told once, below them.
fn shared<'a>(limits: &[LimitResult], limit: &'a LimitResult) -> Option<&'a Source> {
    let LimitSource::Document(source) = &limit.source else { return None };
    (limits.iter().filter(|l| l.source == limit.source).count() > 1).then_some(source)
}

/// Rows of documents that stand behind several of the limits, each once.
pub(super) fn rows_behind(limits: &[LimitResult]) -> Vec<&Source> {
    let mut rows = Vec::new();
    for row in limits.iter().filter_map(|l| shared(limits, l)) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

/// `round trip`, `12.3 ms`, `(12.1-12.5)`, `< 300 ms`, who asks for it.
pub(super) fn row(limit: &LimitResult, shared: bool) -> [String; 5] {
    let unit = match limit.unit.as_str() {
        "pct" => "%",
        "kbps" => "kbit/s",
        "bytes" => "GiB",
        other => other,
    };
    let scale = if limit.unit == "bytes" { GIB } else { 1.0 };
    // A rise is a difference, which may be below nothing by chance: nobody reads its hundredths.
    let coarse = limit.metric.starts_with("delay_rise");
    let number = |n: f64| short(if coarse { (n * 10.0).round() / 10.0 + 0.0 } else { n / scale });
    let value = limit.observed.map_or("not measured".to_owned(), |v| format!("{} {unit}", number(v)));
    let between = |low: f64| if number(low).starts_with('-') { " to " } else { "-" };
    let interval = limit.ci95.map(|[low, high]| format!("({}{}{})", number(low), between(low), number(high)));
    let source = match &limit.source {
        LimitSource::Document(_) if shared => "document".to_owned(),
        LimitSource::Document(source) => source.row.clone(),
        LimitSource::Own(words) => words.clone(),
    };
    let bound = format!("{} {} {unit}", limit.op, short(limit.limit / scale));
    [name(limit), value, interval.unwrap_or_default(), bound, source]
}

/// What the brackets mean, for the end of a page; `None` where there are none.
pub(super) fn footnote(checks: &[Check]) -> Option<&'static str> {
    let bracketed = checks.iter().flat_map(|c| &c.limits).any(|l| l.ci95.is_some());
    bracketed.then_some("In brackets: the interval that holds the truth 95 times in 100, looks before the end allowed for; it decides, not the value.")
}

/// The metric without its unit, as people say it.
fn name(limit: &LimitResult) -> String {
    let bare = limit.metric.strip_suffix(&format!("_{}", limit.unit)).unwrap_or(&limit.metric);
    match bare {
        "rtt" => "round trip".to_owned(),
        other => other.replace('_', " "),
    }
}
