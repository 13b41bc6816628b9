//! Renderers of the longer texts: one topic, or the list of all. They know no report.

use serde_json::{Value, json};

use super::Style;
use super::page::{Page, Tone, span};
use super::text::{escape_controls, width};
use crate::explain::{Block, Kind, Topic};

/// The widest line of prose: longer ones are hard to read, however wide the terminal is.
const WIDEST: usize = 100;

/// How a text is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// `kind`, `name`, `title`, `about` where a rule led here, and `blocks`.
    Json,
    /// For a ticket or a wiki.
    Markdown,
}

/// Draws one topic; `about` says which rule or check led to it, where it was not named itself.
pub fn topic(topic: &Topic, about: Option<&str>, format: Format, style: &Style) -> String {
    match format {
        Format::Table => table(topic, about, style),
        Format::Markdown => {
            let about = about.map(|a| format!("{a}\n\n")).unwrap_or_default();
            let (title, rest) = topic.markdown().split_once('\n').unwrap_or((topic.markdown(), ""));
            format!("{title}\n\n{about}`{}`\n{rest}", topic.name)
        }
        Format::Json => {
            let text = topic.text();
            pretty(&json!({
                "kind": topic.kind, "name": topic.name, "title": text.title, "about": about, "blocks": text.blocks
            }))
        }
    }
}

/// Draws the list of all topics.
pub fn list(topics: &[Topic], format: Format, style: &Style) -> String {
    let row = |t: &Topic| json!({ "kind": t.kind, "name": t.name, "also": t.also, "title": t.title() });
    match format {
        Format::Table => list_table(topics, style),
        Format::Json => pretty(&Value::Array(topics.iter().map(row).collect())),
        Format::Markdown => {
            let line = |t: &Topic| format!("- `{}`: {}\n", t.name, t.title());
            let part = |kind: Kind| {
                let lines: String = topics.iter().filter(|t| t.kind == kind).map(line).collect();
                format!("## {}\n\n{lines}\n", kind.plural())
            };
            Kind::ALL.map(part).concat().trim_end().to_owned() + "\n"
        }
    }
}

/// Draws what a fact of a check's `observed` is: a clause, for there is no longer text.
pub fn fact(name: &str, help: &str, format: Format, style: &Style) -> String {
    match format {
        Format::Table => {
            let mut page = Page::new(style);
            page.flow(0, 2, &[span(Tone::Strong, format!("observed.{name}:")), span(Tone::Plain, help)]);
            page.finish()
        }
        Format::Markdown => format!("`observed.{name}`: {help}\n"),
        Format::Json => pretty(&json!({ "kind": "fact", "name": name, "title": help })),
    }
}

fn pretty(value: &Value) -> String {
    escape_controls(serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

fn table(topic: &Topic, about: Option<&str>, style: &Style) -> String {
    let text = topic.text();
    let mut page = Page::new(&Style { width: style.width.min(WIDEST), ..*style });
    page.flow(0, 2, &[span(Tone::Strong, text.title), span(Tone::Faint, format!("[{}]", topic.name))]);
    if let Some(about) = about {
        page.flow(0, 2, &[span(Tone::Plain, about)]);
    }
    let mut above: Option<&Block> = None;
    for block in &text.blocks {
        let is_close = matches!((above, block), (Some(Block::Heading(_)), _) | (Some(Block::Item(_)), Block::Item(_)));
        if !is_close {
            page.blank();
        }
        draw(&mut page, block);
        above = Some(block);
    }
    page.finish()
}

fn draw(page: &mut Page, block: &Block) {
    match block {
        Block::Heading(words) => page.flow(0, 0, &[span(Tone::Strong, words.to_uppercase())]),
        Block::Paragraph(words) => page.flow(2, 2, &[span(Tone::Plain, prose(words))]),
        Block::Item(words) => page.flow(2, 4, &[span(Tone::Plain, "-"), span(Tone::Plain, prose(words))]),
        Block::Command(lines) => commands(page, lines),
    }
}

/// Without the marks of code, which a terminal does not need.
fn prose(words: &str) -> String {
    words.replace('`', "")
}

/// As they are to be typed, white space kept where the line fits.
fn commands(page: &mut Page, lines: &[String]) {
    for line in lines {
        if 4 + width(line) <= page.style().width {
            let begins = line.len() - line.trim_start().len();
            let (indent, rest) = line.split_at(begins);
            page.ready_line(4 + indent.len(), Tone::Good, rest, "");
        } else {
            page.flow(4, 8, &[span(Tone::Good, line.as_str())]);
        }
    }
}

fn list_table(topics: &[Topic], style: &Style) -> String {
    let mut page = Page::new(style);
    let widest = topics.iter().map(|t| width(t.name)).max().unwrap_or(0).min(style.width / 2);
    for kind in Kind::ALL {
        page.flow(0, 0, &[span(Tone::Strong, kind.plural().to_uppercase())]);
        for topic in topics.iter().filter(|t| t.kind == kind) {
            entry(&mut page, topic, widest);
        }
        page.blank();
    }
    page.flow(0, 2, &[span(Tone::Plain, "Each of them:"), span(Tone::Strong, "rtc-check explain WORD")]);
    let more = "WORD may also be a rule of a profile, or a check's id from a report.";
    page.flow(0, 2, &[span(Tone::Faint, more)]);
    page.finish()
}

/// `udp.blocked   All UDP is stopped`, the titles in one column.
fn entry(page: &mut Page, topic: &Topic, widest: usize) {
    let title = topic.title();
    let title = title.strip_prefix(topic.name).and_then(|t| t.strip_prefix(": ")).unwrap_or(title);
    let gap = " ".repeat(widest.saturating_sub(width(topic.name)) + 2);
    if 2 + width(topic.name) + gap.len() + width(title) <= page.style().width {
        page.ready_line(2, Tone::Good, topic.name, &format!("{gap}{title}"));
    } else {
        page.flow(2, 6, &[span(Tone::Good, topic.name), span(Tone::Plain, title)]);
    }
}
