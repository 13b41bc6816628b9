//! A request for people, on a terminal: a block a destination, never wider than the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::comment::{place, service_ports};
use crate::model::firewall::{Group, Opening, Reason, Request};
use crate::report::Style;
use crate::report::page::{Page, Tone, span};
use crate::report::text::clean;

/// Hosts listed above one flow.
const LISTED: usize = 60;
/// `recommended` and `alternative`.
const LONGEST_NEED: usize = 11;

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

/// Each destination above what is asked for there.
fn rows(page: &mut Page, groups: &[Group<'_>]) {
    let ports = groups.iter().map(|g| service_ports(g.protocol, g.ports).len()).max().unwrap_or(0);
    let mut rest = groups;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|g| hosts(g) == hosts(first)).count();
        let (block, after) = rest.split_at(count.max(1));
        page.blank();
        hosts(first).iter().for_each(|host| page.flow(0, 2, &[span(Tone::Strong, host.as_str())]));
        flows(page, block, ports);
        rest = after;
    }
}

/// Hosts with their addresses, a line each.
fn hosts(group: &Group<'_>) -> Vec<String> {
    let line = |opening: &&Opening| match place(opening) {
        (host, addresses) if addresses.is_empty() => host,
        (host, addresses) => format!("{host} ({})", addresses.join(", ")),
    };
    let mut lines: Vec<String> = group.openings.iter().take(LISTED).map(line).collect();
    let more = group.openings.len().saturating_sub(LISTED);
    lines.extend((more > 0).then(|| format!("and {more} more hosts, which the other formats list")));
    lines
}

/// Protocol and ports, need, service; below each the document's row.
fn flows(page: &mut Page, groups: &[Group<'_>], ports: usize) {
    let Style { width, unicode, .. } = *page.style();
    let indent = 2;
    let mut table = Table::new();
    // Colour is the page's: the table's own would ask the environment.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_width(u16::try_from(width.saturating_sub(indent)).unwrap_or(u16::MAX));
    for group in groups {
        for (n, reason) in group.reasons.iter().enumerate() {
            let flow = if n == 0 { service_ports(group.protocol, group.ports) } else { String::new() };
            table.add_row([flow, reason.need.to_string(), wanted(reason, unicode)]);
        }
    }
    let columns = [ports, LONGEST_NEED];
    for (n, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if let Some(width) = columns.get(n).and_then(|w| u16::try_from(w + 2).ok()) {
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
    }
    for line in table.lines() {
        page.ready_line(indent, Tone::Plain, "", line.trim_end());
    }
}

/// Service and rule, then the row of the document.
fn wanted(reason: &Reason, unicode: bool) -> String {
    let group = reason.group.as_ref().map_or_else(String::new, |g| format!(", group {g}"));
    let head = match &reason.rule {
        Some(rule) => format!("{} ({rule}){group}", reason.service),
        None => format!("{}{group}", reason.why),
    };
    let row = reason.source.as_ref().map(|s| clean(&s.row, unicode));
    let lines: Vec<String> = std::iter::once(clean(&head, unicode)).chain(row).collect();
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
