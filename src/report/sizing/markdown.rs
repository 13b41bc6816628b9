//! The answer as Markdown with tables (GitHub Flavored Markdown), for an offer or a ticket: every cell escaped, so that
//! no text of a profile becomes markup.

use super::cited::Cited;
use super::grid::{self, Grid};
use super::words::{assumptions, channels, heading, platform, span, together};
use crate::model::Source;
use crate::model::sizing::{About, Sizes};
use crate::report::text::clean;

/// The whole answer.
pub(super) fn render(sizes: &Sizes) -> String {
    let mut cited = Cited::default();
    let mut out = String::new();
    header(&mut out, sizes, &mut cited);
    server(&mut out, sizes, &mut cited);
    bandwidth(&mut out, sizes, &mut cited);
    recording(&mut out, sizes, &mut cited);
    rows(&mut out, &cited);
    out
}

fn header<'s>(out: &mut String, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    let (tool, mode) = (&sizes.tool, &sizes.mode);
    let title = format!("Sizes for {}, mode {}", channels(sizes.asked.channels), mode.name);
    *out += &format!("# {}\n\n", escaped(&title));
    let what = format!(
        "Recorded {}. Profile {}; {}: {}{} kbit/s a stream, {} @ {} fps, \"{}\" {}. {} {}.",
        span(&sizes.asked),
        sizes.profile,
        mode.name,
        mode.op.as_str(),
        mode.stream_kbps,
        mode.resolution,
        mode.fps,
        mode.quality,
        cited.marks([&mode.source]),
        tool.name,
        tool.version
    );
    *out += &format!("{}\n", escaped(&what));
}

fn server<'s>(out: &mut String, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    part(out, About::Server, &grid::servers(sizes));
    let machines = &sizes.server.machines;
    let models = machines.iter().flat_map(|m| &m.models).map(|m| &m.source);
    let mut lines = vec![format!("Rows: {}", cited.marks(machines.iter().map(|m| &m.source).chain(models)))];
    if sizes.server.servers > 1 {
        lines.insert(0, together(&sizes.server));
    }
    if !sizes.platform.is_empty() {
        lines.push(format!("{} {}", platform(sizes), cited.marks(sizes.platform.iter().map(|row| &row.source))));
    }
    list(out, &lines);
    notes(out, sizes, &[About::Server, About::Platform], cited);
}

fn bandwidth<'s>(out: &mut String, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    part(out, About::Bandwidth, &grid::bandwidth(sizes));
    let rates = [Some(&sizes.bandwidth.mode), sizes.bandwidth.recommended.as_ref()];
    let mut lines = vec![format!("Rows: {}", cited.marks(rates.into_iter().flatten().map(|r| &r.source)))];
    lines.extend(assumptions(sizes));
    list(out, &lines);
    notes(out, sizes, &[About::Bandwidth], cited);
}

fn recording<'s>(out: &mut String, sizes: &'s Sizes, cited: &mut Cited<'s>) {
    part(out, About::Recording, &grid::recordings(sizes));
    let shown = sizes.recording.documented.as_ref().unwrap_or(&sizes.recording.by_rate);
    let mut lines = vec![format!("Rows: {}", cited.marks(&shown.sources))];
    lines.extend(shown.steps.iter().cloned());
    list(out, &lines);
    notes(out, sizes, &[About::Recording], cited);
}

/// A heading and its table.
fn part(out: &mut String, about: About, grid: &Grid) {
    *out += &format!("\n## {}\n\n", heading(about));
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| escaped(c)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    *out += &line(&grid.head);
    *out += &line(&vec!["---".to_owned(); grid.head.len()]);
    for row in &grid.rows {
        *out += &line(row);
    }
}

fn list(out: &mut String, lines: &[String]) {
    out.push('\n');
    for line in lines {
        *out += &format!("- {}\n", escaped(line));
    }
}

fn notes<'s>(out: &mut String, sizes: &'s Sizes, about: &[About], cited: &mut Cited<'s>) {
    for note in sizes.notes.iter().filter(|n| about.contains(&n.about)) {
        let marks = cited.marks(&note.sources);
        *out += &format!("\n> {}\n", escaped(&format!("{} {marks}", note.text)));
    }
}

/// The rows of the documents behind the numbers in brackets.
fn rows(out: &mut String, cited: &Cited<'_>) {
    *out += "\n## Rows of the documents\n";
    for (document, rows) in cited.documents() {
        *out += &format!("\n{}\n", escaped(document));
        let row = |(n, s): &(usize, &Source)| format!("[{n}] {}: {}", s.section, s.row);
        list(out, &rows.iter().map(row).collect::<Vec<_>>());
    }
}

/// Text in which nothing is markup (CommonMark section 2.4), on one line.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text, true).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
