//! The answer of `rtc-check doctor`: for people and as JSON. Judges nothing.

mod schema;

use super::Style;
use super::json;
use super::page::{Page, Tone, span};
use super::text::clean;
use crate::model::doctor::{Doctor, Interface, Line, Standing};
use crate::model::machine::LinkKind;

pub use schema::schema;

/// The formats of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One document, `rtc-check/doctor/1`.
    Json,
}

/// Draws it; `style` matters to the table only.
pub fn render(doctor: &Doctor, format: Format, style: &Style) -> String {
    match format {
        Format::Table => table(doctor, style),
        Format::Json => json::pretty(doctor),
    }
}

/// Where the text of a line begins.
const INDENT: usize = 10;

fn table(doctor: &Doctor, style: &Style) -> String {
    let mut page = Page::new(style);
    let tool = &doctor.tool;
    let features = match tool.features.as_slice() {
        [] => "without features".to_owned(),
        features => format!("with {}", features.join(", ")),
    };
    let title = format!("{} {} ({features}): this machine and how it stands to the network,", tool.name, tool.version);
    page.flow(0, 2, &[span(Tone::Strong, title), span(Tone::Plain, doctor.taken.as_str())]);
    page.flow(
        0,
        2,
        &[span(
            Tone::Faint,
            "Nothing was sent to the network: files of the system were read, and sockets tried on loopback.",
        )],
    );
    if !doctor.redacted.is_empty() {
        let words: Vec<&str> = doctor.redacted.iter().map(|r| r.as_str()).collect();
        page.flow(0, 2, &[span(Tone::Plain, format!("Redacted: {}", words.join(", ")))]);
    }
    page.blank();
    for line in &doctor.lines {
        draw(&mut page, line);
    }
    interfaces(&mut page, &doctor.environment.interfaces);
    if !doctor.environment.not_told.is_empty() {
        heading(&mut page, "NOT READ");
        for why in &doctor.environment.not_told {
            page.flow(2, 4, &[span(Tone::Plain, why.as_str())]);
        }
    }
    closing(&mut page, &doctor.lines);
    page.finish()
}

fn draw(page: &mut Page, line: &Line) {
    let unicode = page.style().unicode;
    let (tone, word) = match line.status {
        Standing::Ok => (Tone::Good, "ok      "),
        Standing::Limited => (Tone::Caution, "limited "),
        Standing::Missing => (Tone::Bad, "missing "),
    };
    page.ready_line(
        0,
        tone,
        word.trim_end(),
        &format!("{}{}", &word[word.trim_end().len()..], pad(&clean(&line.title, unicode))),
    );
    page.flow(INDENT, INDENT, &[span(Tone::Plain, format!("{}.", line.found))]);
    page.flow(INDENT, INDENT, &[span(Tone::Faint, "Means:"), span(Tone::Plain, format!("{}.", line.meaning))]);
    if let Some(change) = &line.change {
        page.flow(INDENT, INDENT, &[span(Tone::Faint, "Change:"), span(Tone::Plain, format!("{change}."))]);
    }
}

/// Two columns before the title, so that it stands where the text below it does.
fn pad(title: &str) -> String {
    format!("  {title}")
}

fn interfaces(page: &mut Page, all: &[Interface]) {
    heading(page, "INTERFACES");
    for interface in all {
        let through = match interface.through.as_slice() {
            [] => String::new(),
            through => format!(" over {}", through.join(", ")),
        };
        let mtu = interface.mtu.map(|mtu| format!(", MTU {mtu}")).unwrap_or_default();
        let addresses = match interface.addresses.as_slice() {
            [] => "no address".to_owned(),
            all => all.join(", "),
        };
        let text = format!("{}{through}, {}{mtu}: {addresses}", kind(interface.kind), interface.state);
        page.flow(2, 4, &[span(Tone::Strong, interface.interface.as_str()), span(Tone::Plain, text)]);
    }
    if all.is_empty() {
        page.flow(2, 4, &[span(Tone::Plain, "none was told")]);
    }
}

fn kind(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Loopback => "loopback",
        LinkKind::Wired => "wire",
        LinkKind::Virtual => "virtual",
        LinkKind::Unknown => "unknown kind",
        LinkKind::Tunnel => "tunnel",
        LinkKind::Wifi => "Wi-Fi",
        LinkKind::Mobile => "mobile",
    }
}

fn closing(page: &mut Page, lines: &[Line]) {
    let of = |standing| lines.iter().filter(|l| l.status == standing).count();
    page.blank();
    let (ok, limited, missing) = (of(Standing::Ok), of(Standing::Limited), of(Standing::Missing));
    page.flow(0, 2, &[span(Tone::Strong, format!("{ok} ok, {limited} limited, {missing} missing"))]);
}

fn heading(page: &mut Page, title: &'static str) {
    page.blank();
    page.flow(0, 0, &[span(Tone::Strong, title)]);
}

#[cfg(test)]
mod tests;
