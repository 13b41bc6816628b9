//! The answer for people, on a terminal: figures first, how they were reckoned below them, never wider than the terminal.

use std::collections::BTreeSet;

use comfy_table::{ContentArrangement, Table, presets};

use super::grid::{self, Grid};
use super::words::{channels, span as time, together};
use crate::model::Source;
use crate::model::sizing::{About, Sizes};
use crate::report::Style;
use crate::report::page::{Page, Tone, span};
use crate::report::text::clean;

/// Draws the answer.
pub(super) fn render(sizes: &Sizes, style: &Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, sizes);
    server(&mut page, sizes);
    bandwidth(&mut page, sizes);
    recording(&mut page, sizes);
    documents(&mut page, sizes);
    page.finish()
}

fn header(page: &mut Page, sizes: &Sizes) {
    let (tool, mode) = (&sizes.tool, &sizes.mode);
    let title = format!("{} {}: sizes for {},", tool.name, tool.version, channels(sizes.asked.channels));
    let rest = format!("mode {}, recorded {}; profile {}", mode.name, time(&sizes.asked), sizes.profile);
    page.flow(0, 2, &[span(Tone::Strong, title), span(Tone::Plain, rest)]);
    let picture = format!("{} @ {} fps, {} in the document", mode.resolution, mode.fps, mode.quality);
    page.flow(2, 4, &[span(Tone::Faint, picture)]);
}

fn server(page: &mut Page, sizes: &Sizes) {
    heading(page, "SERVER");
    draw(page, &grid::servers(sizes));
    if sizes.server.servers > 1 {
        page.flow(2, 4, &[span(Tone::Plain, together(&sizes.server))]);
    }
    for row in &sizes.platform {
        page.flow(2, 4, &[span(Tone::Faint, format!("{}:", row.name)), span(Tone::Plain, row.need.as_str())]);
    }
    asks(page, sizes.server.machines.iter().map(|m| &m.source));
    notes(page, sizes, &[About::Server, About::Platform]);
}

fn bandwidth(page: &mut Page, sizes: &Sizes) {
    heading(page, "BANDWIDTH");
    draw(page, &grid::bandwidth(sizes));
    for assumption in &sizes.bandwidth.assumptions {
        page.flow(2, 4, &[span(Tone::Faint, assumption.as_str())]);
    }
    let rates = [Some(&sizes.bandwidth.mode), sizes.bandwidth.recommended.as_ref()];
    asks(page, rates.into_iter().flatten().map(|r| &r.source));
    notes(page, sizes, &[About::Bandwidth]);
}

fn recording(page: &mut Page, sizes: &Sizes) {
    heading(page, "RECORDING");
    draw(page, &grid::recordings(sizes));
    let need = &sizes.recording;
    let shown = need.documented.as_ref().unwrap_or(&need.by_rate);
    for step in &shown.steps {
        page.flow(2, 4, &[span(Tone::Faint, step.as_str())]);
    }
    asks(page, shown.sources.iter());
    notes(page, sizes, &[About::Recording]);
}

/// The rows of the documents behind the figures above.
fn asks<'s>(page: &mut Page, sources: impl Iterator<Item = &'s Source>) {
    for source in sources {
        page.flow(2, 4, &[span(Tone::Faint, format!("asks: {}: {}", source.section, source.row))]);
    }
}

fn notes(page: &mut Page, sizes: &Sizes, about: &[About]) {
    for note in sizes.notes.iter().filter(|n| about.contains(&n.about)) {
        page.flow(2, 4, &[span(Tone::Caution, "!"), span(Tone::Plain, note.text.as_str())]);
        for source in &note.sources {
            page.flow(4, 6, &[span(Tone::Faint, format!("{}: {}", source.section, source.row))]);
        }
    }
}

fn documents(page: &mut Page, sizes: &Sizes) {
    let of_notes = sizes.notes.iter().flat_map(|n| &n.sources);
    let all: BTreeSet<&str> = of_notes.chain([&sizes.mode.source]).map(|s| s.document.as_str()).collect();
    page.blank();
    for document in all {
        page.flow(0, 2, &[span(Tone::Faint, format!("Document: {document}"))]);
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
