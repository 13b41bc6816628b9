//! The ways that media can take, side by side: a line each where there is room for all columns, two where there is room
//! for the figures alone, sentences where there is none.

use super::Style;
use super::evidence::{ms, significant};
use super::page::{Page, Tone, span};
use super::table::{mark, tone};
use super::text::{clean, width as columns};
use crate::model::{Way, WayRow, masked};

/// Names of the columns; those of [`PLACES`] move to a line of their own where there is little room.
const HEAD: [&str; 9] = ["way", "server", "connect", "RTT", "jitter", "loss", "MOS", "seen as", "status"];

/// Columns of addresses.
const PLACES: [usize; 2] = [1, 7];

/// The columns that are drawn, from much room to little; the mark before a line tells the status too.
const LAYOUTS: [&[usize]; 3] = [&[0, 1, 2, 3, 4, 5, 6, 7, 8], &[0, 2, 3, 4, 5, 6, 8], &[0, 2, 3, 4, 5, 6]];

/// Spaces between columns.
const GAP: usize = 2;

/// Draws the table under its heading; nothing where no way was tried.
pub(super) fn draw(page: &mut Page, rows: &[WayRow]) {
    if rows.is_empty() {
        return;
    }
    page.blank();
    page.flow(0, 0, &[span(Tone::Strong, "WAYS FOR MEDIA")]);
    let Style { width, unicode, .. } = *page.style();
    let none = page.pick("–", "-");
    let cells: Vec<[String; 9]> = rows.iter().map(|r| cells(r, none).map(|text| clean(&text, unicode))).collect();
    let fits = |shown: &&[usize]| lead(page) + line(shown, &cells, &HEAD.map(str::to_owned)).1 <= width;
    match LAYOUTS.into_iter().find(fits) {
        Some(shown) => table(page, rows, &cells, shown),
        None => sentences(page, rows, &cells, none),
    }
    if rows.iter().any(|row| row.used) {
        let arrow = arrow(page);
        page.flow(2, 4, &[span(Tone::Faint, format!("{arrow} the way that a call from here would take"))]);
    }
}

fn arrow(page: &Page) -> &'static str {
    page.pick("→", ">")
}

/// Columns before the first: indent, mark of the status, and mark of the way that is used.
fn lead(page: &Page) -> usize {
    "  ".len() + columns(mark(page, crate::model::Status::Pass)) + " > ".len()
}

fn table(page: &mut Page, rows: &[WayRow], cells: &[[String; 9]], shown: &[usize]) {
    let (head, _) = line(shown, cells, &HEAD.map(str::to_owned));
    page.ready_line(lead(page), Tone::Plain, "", &head);
    for (row, of_row) in rows.iter().zip(cells) {
        let (text, _) = line(shown, cells, of_row);
        let used = if row.used { arrow(page) } else { " " };
        let mark = mark(page, row.status);
        page.ready_line(2, tone(row.status), mark, &format!(" {used} {text}"));
        if let ([_, server, ..], false) = (of_row, PLACES.iter().any(|n| shown.contains(n))) {
            let seen_as = row.seen_as.as_deref().map(|a| format!(", seen as {}", without_port(a))).unwrap_or_default();
            let lead = lead(page);
            page.flow(lead, lead + 2, &[span(Tone::Faint, format!("{server}{seen_as}"))]);
        }
    }
}

/// One line of the columns that are shown, and how wide the widest of all would be.
fn line(shown: &[usize], all: &[[String; 9]], cells: &[String; 9]) -> (String, usize) {
    let widest = |n: usize| {
        let head = HEAD.get(n).map_or(0, |h| columns(h));
        all.iter().filter_map(|r| r.get(n)).map(|c| columns(c)).max().unwrap_or(0).max(head)
    };
    let mut text = String::new();
    let mut used = 0;
    for (place, n) in shown.iter().enumerate() {
        let cell = cells.get(*n).map_or("", String::as_str);
        let gap = if place == 0 { 0 } else { GAP };
        let fill = widest(*n).saturating_sub(columns(cell));
        text.push_str(&format!("{}{cell}{}", " ".repeat(gap), " ".repeat(fill)));
        used += gap + widest(*n);
    }
    (text.trim_end().to_owned(), used)
}

fn sentences(page: &mut Page, rows: &[WayRow], cells: &[[String; 9]], none: &str) {
    for (row, of_row) in rows.iter().zip(cells) {
        let used = if row.used { arrow(page) } else { "" };
        let known = HEAD.iter().zip(of_row).skip(1).filter(|(_, cell)| *cell != none);
        let told: Vec<String> = known.map(|(name, cell)| format!("{name} {cell}")).collect();
        let words = format!("{used} {}: {}", row.way.words(), told.join(", "));
        let mark = mark(page, row.status);
        page.flow(2, 4, &[span(tone(row.status), mark), span(Tone::Plain, words)]);
    }
}

pub(super) fn cells(row: &WayRow, none: &str) -> [String; 9] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| none.to_owned());
    let millis = |value: Option<f64>| or_none(value.map(|v| format!("{} ms", significant(v))));
    [
        row.way.words().to_owned(),
        server(row),
        or_none(row.connect_ms.map(ms)),
        millis(row.rtt_ms),
        millis(row.jitter_ms),
        or_none(row.loss_pct.map(|v| format!("{} %", significant(v)))),
        or_none(row.mos.map(significant)),
        or_none(row.seen_as.as_deref().map(without_port)),
        row.status.to_string(),
    ]
}

/// The target's role and address, or the relay's address and port.
pub(super) fn server(row: &WayRow) -> String {
    let address = row.address.map_or_else(|| row.target.clone(), masked::shown);
    match (row.way, row.port) {
        (Way::DirectUdp, _) => format!("{} {address}", row.role),
        (_, Some(port)) if address.contains(':') => format!("[{}]:{port}", address.trim_matches(['[', ']'])),
        (_, Some(port)) => format!("{address}:{port}"),
        (_, None) => address,
    }
}

/// Each way has its own socket: its port says nothing here.
pub(super) fn without_port(address: &str) -> String {
    address.parse::<std::net::SocketAddr>().map_or_else(|_| address.to_owned(), |a| a.ip().to_string())
}
