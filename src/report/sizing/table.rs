//! The answer for people, on a terminal: figures first, how they were reckoned below them, never wider than the terminal.

use super::cited::Cited;
use super::grid::{self, Grid};
use super::words::{assumptions, channels, platform, span as time, together};
use crate::model::sizing::{About, Sizes};
use crate::report::Style;
use crate::report::page::{Page, Tone, span};
use crate::report::text::{clean, width as columns};

/// Spaces before a table, and between its columns.
const INDENT: usize = 2;
const GAP: usize = 2;

/// Draws the answer.
pub(super) fn render(sizes: &Sizes, style: &Style) -> String {
    let mut page = Page::new(style);
    let mut cited = Cited::default();
    header(&mut page, sizes, &mut cited);
    server(&mut page, sizes, &mut cited);
    bandwidth(&mut page, sizes, &mut cited);
    recording(&mut page, sizes, &mut cited);
    rows(&mut page, &cited);
    page.finish()
}

fn header<'s>(page: &mut Page, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    let (tool, mode) = (&sizes.tool, &sizes.mode);
    let title =
        format!("{} {}: sizes for {}, mode {},", tool.name, tool.version, channels(sizes.asked.channels), mode.name);
    let rest = format!("recorded {}", time(&sizes.asked));
    page.flow(0, 2, &[span(Tone::Strong, title), span(Tone::Plain, rest)]);
    let mode = format!(
        "profile {}; {}: {}{} kbit/s a stream, {} @ {} fps, \"{}\"",
        sizes.profile,
        mode.name,
        mode.op.as_str(),
        mode.stream_kbps,
        mode.resolution,
        mode.fps,
        mode.quality
    );
    page.flow(2, 4, &[span(Tone::Plain, mode), span(Tone::Faint, cited.marks([&sizes.mode.source]))]);
}

fn server<'s>(page: &mut Page, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    heading(page, "SERVER");
    draw(page, &grid::servers(sizes));
    if sizes.server.servers > 1 {
        page.flow(2, 4, &[span(Tone::Strong, together(&sizes.server))]);
    }
    let machines = &sizes.server.machines;
    let models = machines.iter().flat_map(|m| &m.models).map(|m| &m.source);
    page.flow(
        2,
        4,
        &[span(Tone::Faint, "rows"), span(Tone::Faint, cited.marks(machines.iter().map(|m| &m.source).chain(models)))],
    );
    if !sizes.platform.is_empty() {
        let marks = cited.marks(sizes.platform.iter().map(|row| &row.source));
        page.flow(2, 4, &[span(Tone::Plain, platform(sizes)), span(Tone::Faint, marks)]);
    }
    notes(page, sizes, &[About::Server, About::Platform], cited);
}

fn bandwidth<'s>(page: &mut Page, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    heading(page, "BANDWIDTH");
    draw(page, &grid::bandwidth(sizes));
    let rates = [Some(&sizes.bandwidth.mode), sizes.bandwidth.recommended.as_ref()];
    page.flow(
        2,
        4,
        &[span(Tone::Faint, "rows"), span(Tone::Faint, cited.marks(rates.into_iter().flatten().map(|r| &r.source)))],
    );
    for assumption in assumptions(sizes) {
        page.flow(2, 4, &[span(Tone::Plain, "-"), span(Tone::Plain, assumption)]);
    }
    notes(page, sizes, &[About::Bandwidth], cited);
}

fn recording<'s>(page: &mut Page, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    heading(page, "RECORDING");
    draw(page, &grid::recordings(sizes));
    let need = &sizes.recording;
    let shown = need.documented.as_ref().unwrap_or(&need.by_rate);
    page.flow(2, 4, &[span(Tone::Faint, "rows"), span(Tone::Faint, cited.marks(&shown.sources))]);
    for step in &shown.steps {
        page.flow(2, 4, &[span(Tone::Plain, "-"), span(Tone::Plain, step.as_str())]);
    }
    notes(page, sizes, &[About::Recording], cited);
}

fn notes<'s>(page: &mut Page, sizes: &'s Sizes, about: &[About], cited: &mut Cited<'s>) {
    for note in sizes.notes.iter().filter(|n| about.contains(&n.about)) {
        let marks = cited.marks(&note.sources);
        let spans = [span(Tone::Caution, "!"), span(Tone::Plain, note.text.as_str()), span(Tone::Faint, marks)];
        page.flow(2, 4, &spans);
    }
}

/// The rows of the documents behind the numbers in brackets.
fn rows(page: &mut Page, cited: &Cited<'_>) {
    heading(page, "ROWS OF THE DOCUMENTS");
    for (document, rows) in cited.documents() {
        page.flow(2, 4, &[span(Tone::Plain, document)]);
        for (number, source) in rows {
            let row = format!("[{number}] {}: {}", source.section, source.row);
            page.flow(4, 8, &[span(Tone::Faint, row)]);
        }
    }
}

fn heading(page: &mut Page, title: &'static str) {
    page.blank();
    page.flow(0, 0, &[span(Tone::Strong, title)]);
}

/// A table without lines, or where there is no room for it, a sentence a row.
fn draw(page: &mut Page, grid: &Grid) {
    let Style { width, unicode, .. } = *page.style();
    let clean = |row: &Vec<String>| row.iter().map(|text| clean(text, unicode)).collect::<Vec<String>>();
    let (head, rows): (Vec<String>, Vec<Vec<String>>) = (clean(&grid.head), grid.rows.iter().map(clean).collect());
    let widest = |n: usize| rows.iter().chain([&head]).filter_map(|row| row.get(n)).map(|t| columns(t)).max();
    let widths: Vec<usize> = (0..head.len()).map(|n| widest(n).unwrap_or(0)).collect();
    let fits = INDENT + widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) <= width;
    if !fits {
        return rows.iter().for_each(|row| sentence(page, &head, row));
    }
    page.ready_line(INDENT, Tone::Faint, &padded(&head, &widths), "");
    for row in &rows {
        page.ready_line(INDENT, Tone::Plain, "", &padded(row, &widths));
    }
}

/// The cells below each other's heads, without spaces at the end.
fn padded(cells: &[String], widths: &[usize]) -> String {
    let cell =
        |(text, width): (&String, &usize)| format!("{text}{}", " ".repeat(width - columns(text).min(*width) + GAP));
    cells.iter().zip(widths).map(cell).collect::<String>().trim_end().to_owned()
}

/// `at the server: mode high, stream >256 kbit/s, …`.
fn sentence(page: &mut Page, head: &[String], row: &[String]) {
    let mut named = head.iter().zip(row).map(|(name, value)| format!("{name} {value}"));
    let first = named.next().unwrap_or_default();
    let rest: Vec<String> = named.collect();
    page.flow(INDENT, INDENT + 2, &[span(Tone::Strong, format!("{first}:")), span(Tone::Plain, rest.join(", "))]);
}
