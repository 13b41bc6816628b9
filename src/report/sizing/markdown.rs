//! The answer as Markdown with tables (GitHub Flavored Markdown), for an offer or a ticket: every cell escaped, so that
//! no text of a profile becomes markup.

use super::grid::{self, Grid};
use super::words::{channels, heading, span, together};
use crate::model::Source;
use crate::model::sizing::{About, Sizes};
use crate::report::text::clean;

/// The whole answer.
pub(super) fn render(sizes: &Sizes) -> String {
    let mode = &sizes.mode;
    let mut out = format!("# Sizes for {}, mode {}\n\n", channels(sizes.asked.channels), escaped(&mode.name));
    let picture = format!(
        "Recorded {}. Profile {}; {} at {} frames a second, {} in the document. {} {}.",
        span(&sizes.asked),
        sizes.profile,
        mode.resolution,
        mode.fps,
        mode.quality,
        sizes.tool.name,
        sizes.tool.version
    );
    out += &format!("{}\n", escaped(&picture));
    part(&mut out, About::Server, &grid::servers(sizes));
    if sizes.server.servers > 1 {
        out += &format!("\n{}.\n", together(&sizes.server));
    }
    list(&mut out, sizes.platform.iter().map(|row| format!("{}: {}", row.name, row.need)));
    rows(&mut out, sizes.server.machines.iter().map(|m| &m.source));
    notes(&mut out, sizes, &[About::Server, About::Platform]);
    part(&mut out, About::Bandwidth, &grid::bandwidth(sizes));
    list(&mut out, sizes.bandwidth.assumptions.iter().cloned());
    let rates = [Some(&sizes.bandwidth.mode), sizes.bandwidth.recommended.as_ref()];
    rows(&mut out, rates.into_iter().flatten().map(|r| &r.source));
    notes(&mut out, sizes, &[About::Bandwidth]);
    part(&mut out, About::Recording, &grid::recordings(sizes));
    let shown = sizes.recording.documented.as_ref().unwrap_or(&sizes.recording.by_rate);
    list(&mut out, shown.steps.iter().cloned());
    rows(&mut out, shown.sources.iter());
    notes(&mut out, sizes, &[About::Recording]);
    out
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

fn list(out: &mut String, items: impl Iterator<Item = String>) {
    for (n, item) in items.enumerate() {
        *out += if n == 0 { "\n- " } else { "- " };
        *out += &format!("{}\n", escaped(&item));
    }
}

/// The documents' rows behind a part.
fn rows<'s>(out: &mut String, sources: impl Iterator<Item = &'s Source>) {
    list(out, sources.map(|s| format!("Row: {}", told(s))));
}

fn told(source: &Source) -> String {
    format!("{}, {}: {}", source.document, source.section, source.row)
}

fn notes(out: &mut String, sizes: &Sizes, about: &[About]) {
    for note in sizes.notes.iter().filter(|n| about.contains(&n.about)) {
        *out += &format!("\n> {}\n", escaped(&note.text));
        for source in &note.sources {
            *out += &format!("> - {}\n", escaped(&told(source)));
        }
    }
}

/// Text in which nothing is markup (CommonMark section 2.4), on one line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text, true).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
