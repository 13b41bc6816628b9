//! The answer for people, on a terminal: figures first, how they were reckoned below them, never wider than the terminal.

use comfy_table::{ContentArrangement, Table, presets};

use super::cited::Cited;
use super::grid::{self, Grid};
use super::words::{assumptions, channels, platform, span as time, together};
use crate::model::sizing::{About, Sizes};
use crate::report::Style;
use crate::report::page::{Page, Tone, span};
use crate::report::text::clean;

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

/// A table without lines, its columns broken where they do not fit.
fn draw(page: &mut Page, grid: &Grid) {
    let Style { width, unicode, .. } = *page.style();
    let indent = 2;
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_width(u16::try_from(width - indent).unwrap_or(u16::MAX));
    for row in std::iter::once(&grid.head).chain(&grid.rows) {
        table.add_row(row.iter().map(|text| clean(text, unicode)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for (n, line) in table.lines().enumerate() {
        let line = line.trim_end();
        if n == 0 {
            page.ready_line(indent, Tone::Faint, line, "")
        } else {
            page.ready_line(indent, Tone::Plain, "", line)
        }
    }
}
