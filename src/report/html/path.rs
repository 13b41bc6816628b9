//! The way to a target, router by router, and the place where a flow ends. Reads addresses as text, because those of a
//! redacted report are tokens.

use maud::{Markup, html};
use serde::Deserialize;

use super::picture::{frame, short};
use super::text;
use crate::model::trace::{Carrier, TraceEnd};
use crate::model::{Check, masked, metric};

/// Height of a row.
const ROW: f64 = 26.0;
/// Routers near either end, and near the place, that are drawn one by one on a long way.
const NEAR: usize = 2;
/// A way has no more routers than a TTL can count.
const MOST: usize = 255;

/// `observed.trace`, as far as it is drawn.
#[derive(Deserialize)]
struct Traced {
    flow: Flow,
    source: Option<String>,
    #[serde(default)]
    hops: Vec<Hop>,
    host_distance: Option<u8>,
    end: TraceEnd,
    after: Option<Hop>,
    before: Option<Hop>,
    from: Option<String>,
    icmp: Option<String>,
    why_unknown: Option<String>,
}

#[derive(Deserialize)]
struct Flow {
    carrier: Carrier,
    port: u16,
}

#[derive(Clone, Deserialize)]
struct Hop {
    distance: u8,
    address: String,
}

/// A row of the picture.
enum Row {
    Station { number: String, name: String, reached: bool },
    Left { count: usize, reached: bool },
    Block(String),
}

/// Nothing for a check that was not traced.
pub(super) fn figure(id: &str, check: &Check) -> Markup {
    let Some(traced) = check.observed.get::<Traced>(&metric::TRACE) else { return Markup::default() };
    let rows = rows(&traced, check);
    let flow = flow(&traced);
    let ends = ends(&traced);
    let told: Vec<String> = rows.iter().map(words).collect();
    html! {
        figure {
            figcaption { "The way of " (flow) }
            (frame(id, &format!("The way of {flow}"), &format!("{}.", told.join("; ")), ROW * rows.len() as f64 + 4.0, &drawn(&rows)))
            p.legend { (text(&ends)) @if let Some(why) = &traced.why_unknown { " " (text(why)) "." } }
        }
    }
}

/// What tells one way from another, so that a page draws each once.
pub(super) fn key(check: &Check) -> Option<String> {
    let traced: Traced = check.observed.get(&metric::TRACE)?;
    let hop = |hop: &Option<Hop>| hop.as_ref().map(|h| h.address.clone());
    let place = format!("{:?} {:?}", hop(&traced.after), hop(&traced.before));
    Some(format!("{:?} {:?} {place} {}", check.address, traced.end, traced.flow.carrier.words()))
}

fn flow(traced: &Traced) -> String {
    format!("{} {}", traced.flow.carrier.words(), traced.flow.port)
}

/// How the flow ends, in a sentence.
fn ends(traced: &Traced) -> String {
    let flow = flow(traced);
    let by = traced.from.as_deref().map(|from| format!(" by {from}")).unwrap_or_default();
    let icmp = traced.icmp.as_deref().map(|icmp| format!(" ({icmp})")).unwrap_or_default();
    match traced.end {
        TraceEnd::Silent => {
            format!("{flow} ends here: nothing comes back from further on, where other packets are answered.")
        }
        TraceEnd::Rejected => format!("{flow} is rejected here{by}{icmp}."),
        TraceEnd::Refused => format!("{flow} is refused here{by}{icmp}."),
        TraceEnd::Cut => format!("{flow} is cut off here when it names the host."),
        TraceEnd::Local => format!("This machine itself does not send {flow}{icmp}."),
        TraceEnd::Answered => format!("{flow} was answered when the way was traced."),
        TraceEnd::Unknown => format!("Where {flow} ends cannot be told."),
    }
}

fn rows(traced: &Traced, check: &Check) -> Vec<Row> {
    let station = |number: String, name: String, reached| Row::Station { number, name, reached };
    let block_after = block_after(traced);
    let source = traced.source.as_deref().map(|s| format!("this machine ({s})")).unwrap_or("this machine".to_owned());
    let address = check.address.map(masked::shown).unwrap_or_default();
    let host = traced.host_distance.map(|d| d.to_string()).unwrap_or_default();
    let mut hops: Vec<Hop> =
        traced.hops.iter().take(MOST).filter(|h| Some(h.distance) != traced.host_distance).cloned().collect();
    hops.sort_by_key(|hop| hop.distance);
    let mut rows = vec![station(String::new(), source, true)];
    let block = |rows: &mut Vec<Row>| rows.push(Row::Block(format!("{} {}", flow(traced), stops(traced.end))));
    let mut blocked = block_after == Some(0);
    if blocked {
        block(&mut rows);
    }
    let near = |n: usize, hop: &Hop| {
        let of_place = block_after.is_some_and(|at| hop.distance.abs_diff(at) <= NEAR as u8);
        hops.len() <= NEAR * 3 || n < NEAR || n + NEAR >= hops.len() || of_place
    };
    for (n, hop) in hops.iter().enumerate() {
        if !blocked && block_after.is_some_and(|at| hop.distance > at) {
            block(&mut rows);
            blocked = true;
        }
        match (near(n, hop), rows.last_mut()) {
            (true, _) => rows.push(station(hop.distance.to_string(), hop.address.clone(), !blocked)),
            (false, Some(Row::Left { count, .. })) => *count += 1,
            (false, _) => rows.push(Row::Left { count: 1, reached: !blocked }),
        }
    }
    if !blocked && block_after.is_some() {
        block(&mut rows);
        blocked = true;
    }
    let name = if check.target == address { address } else { format!("{} {address}", check.target) };
    let by_host = by_host(traced);
    rows.push(station(host, name, by_host || !blocked && traced.end == TraceEnd::Answered));
    // What the host itself refuses is stopped nowhere on the way.
    if by_host {
        block(&mut rows);
    }
    rows
}

/// The distance after which the flow is not seen any more; `None` where there is no such place.
fn block_after(traced: &Traced) -> Option<u8> {
    match traced.end {
        TraceEnd::Answered | TraceEnd::Unknown => None,
        TraceEnd::Refused if by_host(traced) => None,
        TraceEnd::Local => Some(0),
        _ => {
            let after = traced.after.as_ref().map(|hop| hop.distance);
            after.or(traced.before.as_ref().map(|hop| hop.distance.saturating_sub(1)))
        }
    }
}

/// Whether the host itself refuses, rather than something nearer that answers in its place.
fn by_host(traced: &Traced) -> bool {
    let nearer = traced.before.as_ref().zip(traced.host_distance).map(|(before, host)| before.distance < host);
    traced.end == TraceEnd::Refused && nearer == Some(false)
}

fn stops(end: TraceEnd) -> &'static str {
    match end {
        TraceEnd::Rejected => "is rejected here",
        TraceEnd::Refused => "is refused here",
        TraceEnd::Cut => "is cut off here",
        TraceEnd::Local => "is not sent",
        _ => "ends here",
    }
}

fn words(row: &Row) -> String {
    match row {
        Row::Station { number, name, .. } if number.is_empty() => name.trim().to_owned(),
        Row::Station { number, name, .. } => format!("hop {number}: {}", name.trim()),
        Row::Left { count, .. } => format!("{count} more routers"),
        Row::Block(words) => words.clone(),
    }
}

fn drawn(rows: &[Row]) -> Markup {
    let middle = |n: usize| short(ROW * n as f64 + ROW / 2.0 + 2.0);
    let baseline = |n: usize| short(ROW * n as f64 + ROW / 2.0 + 6.5);
    let reached = |row: &Row| matches!(row, Row::Station { reached: true, .. } | Row::Left { reached: true, .. });
    html! {
        @for (n, pair) in rows.windows(2).enumerate() {
            @let on = pair.iter().all(reached);
            line class=(if on { "way" } else { "way cut" }) x1="12" x2="12" y1=(middle(n)) y2=(middle(n + 1)) {}
        }
        @for (n, row) in rows.iter().enumerate() {
            @match row {
                Row::Station { number, name, reached } => {
                    circle class=(if *reached { "station" } else { "station cut" }) cx="12" cy=(middle(n)) r="5" {}
                    text.number x="40" y=(baseline(n)) { (number) }
                    text.station-name x="48" y=(baseline(n)) { (text(name)) }
                },
                Row::Left { count, .. } => text.label x="48" y=(baseline(n)) { "… " (count) " more" },
                Row::Block(words) => {
                    rect.block x="2" y=(short(ROW * n as f64 + ROW / 2.0 - 2.0)) width="20" height="8" rx="2" {}
                    text.blocked x="48" y=(baseline(n)) { "✗ " (words) }
                },
            }
        }
    }
}
