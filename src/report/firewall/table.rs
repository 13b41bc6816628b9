//! A request for people, on a terminal: a block a destination's flow, never wider than the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::comment::{place, service_ports};
use crate::model::firewall::{Group, Request};
use crate::report::Style;
use crate::report::page::{Page, Tone, span};
use crate::report::text::clean;

/// Hosts and addresses listed in one cell.
const LISTED: usize = 60;

/// Draws it.
pub(super) fn draw(request: &Request, style: &Style) -> String {
    let mut page = Page::new(style);
    page.flow(0, 2, &[span(Tone::Strong, "Firewall request:"), span(Tone::Strong, request.title.as_str())]);
    request.about.iter().for_each(|line| page.flow(2, 4, &[span(Tone::Plain, line.as_str())]));
    page.blank();
    match request.opened.is_empty() {
        true => page.flow(0, 0, &[span(Tone::Good, "Nothing to ask for.")]),
        false => {
            page.flow(0, 0, &[span(Tone::Plain, "Please allow outbound:")]);
            rows(&mut page, &request.groups());
        }
    }
    if !request.notes.is_empty() {
        page.blank();
    }
    request.notes.iter().for_each(|note| page.flow(0, 2, &[span(Tone::Plain, "-"), span(Tone::Plain, note.as_str())]));
    documents(&mut page, request);
    page.finish()
}

fn rows(page: &mut Page, groups: &[Group<'_>]) {
    let Style { width, unicode, .. } = *page.style();
    let fit = |text: &str| clean(text, unicode);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(["destination", "protocol, port", "why", "need", "row"]);
    for group in groups {
        let lines = |of: &dyn Fn(usize) -> Option<String>| {
            let mut all: Vec<String> = Vec::new();
            for line in (0..group.reasons.len()).filter_map(of).map(|line| fit(&line)) {
                if !all.contains(&line) {
                    all.push(line);
                }
            }
            all.join("\n")
        };
        let reason = |n: usize| group.reasons.get(n);
        table.add_row([
            hosts(group, unicode),
            service_ports(group.protocol, group.ports),
            lines(&|n| {
                reason(n).map(|r| r.rule.as_ref().map_or_else(|| r.why.clone(), |id| format!("{} ({id})", r.service)))
            }),
            lines(&|n| {
                reason(n).map(|r| r.group.as_ref().map_or_else(|| r.need.to_string(), |g| format!("{}, {g}", r.need)))
            }),
            lines(&|n| reason(n).and_then(|r| r.source.as_ref()).map(|s| s.row.clone())),
        ]);
    }
    let widths = table.column_max_content_widths();
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    // Protocol and port stand unbroken.
    if let (Some(column), Some(width)) = (table.column_mut(1), widths.get(1)) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed((*width).min(20) + 2)));
    }
    for (n, line) in table.lines().enumerate() {
        page.ready_line(0, if n == 0 { Tone::Faint } else { Tone::Plain }, line.trim_end(), "");
    }
}

/// Each host on a line, its addresses below it.
fn hosts(group: &Group<'_>, unicode: bool) -> String {
    let mut lines = Vec::new();
    for opening in &group.openings {
        let (host, addresses) = place(opening);
        lines.push(clean(&host, unicode));
        lines.extend(addresses.iter().map(|address| format!("  {address}")));
    }
    let more = lines.len().saturating_sub(LISTED);
    if more > 0 {
        lines.truncate(LISTED);
        lines.push(format!("and {more} more lines"));
    }
    lines.join("\n")
}

fn documents(page: &mut Page, request: &Request) {
    let mut documents: Vec<&str> = Vec::new();
    for source in request.opened.iter().flat_map(|o| &o.reasons).filter_map(|r| r.source.as_ref()) {
        if !documents.contains(&source.document.as_str()) {
            documents.push(&source.document);
        }
    }
    if !documents.is_empty() {
        page.blank();
    }
    for document in documents {
        page.flow(0, 2, &[span(Tone::Faint, format!("Document: {document}"))]);
    }
}
