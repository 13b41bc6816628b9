//! The comparison for people: what got worse first, what stayed last, never wider than the terminal.

use super::Part;
use super::words::{self, Line};
use crate::model::Comparison;
use crate::report::page::{Page, Tone, span};
use crate::report::table::{heading, mark, tone};

pub(super) fn draw(page: &mut Page, comparison: &Comparison) {
    page.flow(0, 2, &[span(Tone::Strong, "TWO REPORTS COMPARED")]);
    page.flow(2, 4, &[span(Tone::Faint, "before"), span(Tone::Plain, words::side(&comparison.before))]);
    page.flow(2, 4, &[span(Tone::Faint, "after "), span(Tone::Plain, words::side(&comparison.after))]);
    page.blank();
    let (word, status) = words::result(comparison);
    let word = format!("{} {word}:", mark(page, status));
    page.flow(0, 2, &[span(tone(status), word), span(Tone::Strong, words::summary(comparison))]);
    for note in &comparison.notes {
        page.flow(0, 2, &[span(Tone::Caution, "!"), span(Tone::Plain, note.as_str())]);
    }
    let items = words::items(comparison);
    for part in Part::ALL {
        heading(page, part.heading(), !items.iter().any(|item| item.part == part));
        let mut after_lines = false;
        for (n, item) in items.iter().filter(|item| item.part == part).enumerate() {
            if n > 0 && (after_lines || !item.lines.is_empty()) {
                page.blank();
            }
            after_lines = !item.lines.is_empty();
            let mark = mark(page, item.status);
            page.flow(0, 2, &[span(tone(item.status), mark), span(Tone::Strong, item.head.as_str())]);
            item.lines.iter().for_each(|l| line(page, l));
        }
    }
    if let Some(noise) = words::noise(comparison) {
        page.blank();
        page.flow(0, 0, &[span(Tone::Faint, noise)]);
    }
}

fn line(page: &mut Page, line: &Line) {
    match line {
        Line::Plain(text) => page.flow(2, 2, &[span(Tone::Plain, text.as_str())]),
        Line::Faint(text) => page.flow(2, 4, &[span(Tone::Faint, text.as_str())]),
        Line::Do(text) => {
            let arrow = page.pick("→ To do:", "=> To do:");
            page.flow(2, 4, &[span(Tone::Good, arrow), span(Tone::Strong, text.as_str())]);
        }
    }
}
