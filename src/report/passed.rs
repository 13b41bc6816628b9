//! What passed: a line a check, with what the service said.

use std::collections::HashMap;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::page::{Page, Tone, span};
use super::table::{grouped, heading, mark, name, other_address, port, tone};
use super::text::clean;
use super::{Style, both, capacity, evidence, fold, limits, told};
use crate::model::{Check, ProbeKind, Report, Status, metric};

/// What holds, by role and address, a line each; hosts of which the same holds together.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let checks = || report.checks.iter().filter(|c| c.status == Status::Pass && c.waived.is_none());
    let groups = grouped(checks(), |c| (c.role.as_str(), c.target.as_str(), c.address));
    heading(page, "PASSED", groups.is_empty());
    let name_width = checks().map(|c| name(c).len()).max().unwrap_or(0);
    for hosts in alike(groups.into_iter().map(|(_, checks)| checks).collect()) {
        match hosts.as_slice() {
            [one] => on_one_host(page, one, name_width),
            many => on_many_hosts(page, many, name_width),
        }
    }
}

/// What passed on hosts of one role together where it is the same but for its times, and the hosts are many.
fn alike(hosts: Vec<Vec<&Check>>) -> Vec<Vec<Vec<&Check>>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<Vec<Vec<&Check>>> = Vec::new();
    for checks in hosts {
        let place = key(&checks).map_or(all.len(), |key| *places.entry(key).or_insert(all.len()));
        match all.get_mut(place) {
            Some(alike) => alike.push(checks),
            None => all.push(vec![checks]),
        }
    }
    let apart = |hosts: Vec<Vec<_>>| match hosts.len() > fold::LISTED {
        true => vec![hosts],
        false => hosts.into_iter().map(|one| vec![one]).collect(),
    };
    all.into_iter().flat_map(apart).collect()
}

/// The role and all that is told of a host but the times; `None` where it has figures of its own.
fn key(checks: &[&Check]) -> Option<String> {
    if checks.iter().any(|c| is_limited(c)) {
        return None;
    }
    let rows: Vec<String> =
        checks.iter().map(|c| format!("{} {} {}", name(c), port(c), fold::mask(&seen(c)))).collect();
    checks.first().map(|c| format!("{} {rows:?}", c.role))
}

fn on_one_host(page: &mut Page, checks: &[&Check], name_width: usize) {
    let Some(first) = checks.first() else { return };
    let address = other_address(first).unwrap_or_default();
    let connects = connects(checks.iter().copied());
    page.flow(
        0,
        2,
        &[
            span(Tone::Strong, first.role.as_str()),
            span(Tone::Plain, first.target.as_str()),
            span(Tone::Plain, address),
            span(Tone::Faint, connects),
        ],
    );
    let (limited, plain): (Vec<&Check>, Vec<&Check>) = checks.iter().partition(|c| is_limited(c));
    let told: Vec<(&Check, String)> = plain.into_iter().map(|c| (c, seen(c))).collect();
    rows(page, &told, name_width);
    for check in limited {
        let spans = [
            span(tone(Status::Pass), mark(page, Status::Pass)),
            span(Tone::Plain, name(check)),
            span(Tone::Plain, of_limited(check)),
        ];
        page.flow(2, 4, &spans);
        limits::draw(page, 4, &check.limits);
        capacity::draw(page, 4, check);
        for source in limits::rows_behind(&check.limits) {
            page.flow(4, 6, &[span(Tone::Faint, format!("document: {}: {}", source.section, source.row))]);
        }
    }
}

/// A row a rule for all hosts, with the slowest of them.
fn on_many_hosts(page: &mut Page, hosts: &[Vec<&Check>], name_width: usize) {
    let firsts: Vec<&Check> = hosts.iter().filter_map(|checks| checks.first().copied()).collect();
    let (Some(first), Some(of_first)) = (firsts.first(), hosts.first()) else { return };
    let listed: Vec<String> = firsts.iter().map(|c| fold::host(c)).collect();
    let head = format!("{} hosts: {}", listed.len(), fold::all(&listed));
    let connects = connects(hosts.iter().flatten().copied());
    page.flow(0, 2, &[span(Tone::Strong, first.role.as_str()), span(Tone::Plain, head), span(Tone::Faint, connects)]);
    let of_all = |n: usize| hosts.iter().filter_map(move |checks| checks.get(n).copied());
    let told = of_first.iter().enumerate().map(|(n, check)| {
        let said: Vec<String> = of_all(n).map(seen).collect();
        let times = of_all(n).filter_map(|c| Some((told::took(c)?, c)));
        let slowest = times.max_by(|a, b| a.0.total_cmp(&b.0));
        let slowest = slowest.map(|(ms, c)| format!(", slowest {} ({})", evidence::ms(ms), fold::host(c)));
        (*check, fold::merge(&said) + &slowest.unwrap_or_default())
    });
    rows(page, &told.collect::<Vec<_>>(), name_width);
}

/// How long the TCP handshakes took, from the least to the most: `(connect 12-14 ms)`; empty where the rows tell it, or
/// none was made.
fn connects<'a>(checks: impl Iterator<Item = &'a Check>) -> String {
    let untold = checks.filter(|c| told::told(c).is_some());
    let mut times: Vec<f64> = untold.filter_map(|c| c.observed.get::<f64>(&metric::RTT_CONNECT_MS)).collect();
    times.sort_by(f64::total_cmp);
    let texts: Vec<String> = times.iter().map(|t| format!("connect {}", evidence::ms(*t))).collect();
    match (texts.first(), texts.last()) {
        (Some(least), Some(most)) => format!("({})", fold::merge(&[least.clone(), most.clone()])),
        _ => String::new(),
    }
}

fn is_limited(check: &Check) -> bool {
    !check.limits.is_empty() || check.observed.has(&metric::CAPACITY)
}

/// Passed checks as a table without lines: mark, rule, port, what was seen.
fn rows(page: &mut Page, checks: &[(&Check, String)], name_width: usize) {
    let Style { width, unicode, .. } = *page.style();
    let indent = 2;
    let mut table = Table::new();
    // Colour is added below: the table's own would ask the environment.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_width(u16::try_from(width - indent).unwrap_or(u16::MAX));
    let mark = mark(page, Status::Pass);
    for (check, seen) in checks {
        table.add_row([mark, name(check), &port(check), seen].map(|text| clean(text, unicode)));
    }
    // A third of the line at most, and the same in every table, so that the columns of all stand below each other.
    let name_width = u16::try_from(name_width.min(width / 3) + 1).unwrap_or(u16::MAX);
    if let Some(column) = table.column_mut(1) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(name_width)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for line in table.lines() {
        let (mark, rest) = line.strip_prefix(mark).map_or(("", line.as_str()), |rest| (mark, rest));
        page.ready_line(indent, tone(Status::Pass), mark, rest);
    }
}

/// What a passed check was told, else what it saw, or its reason where it recorded nothing short.
pub(super) fn seen(check: &Check) -> String {
    let way = both::passed(check).map(|way| format!(", {way}")).unwrap_or_default();
    let moved = evidence::moved(check).map(|moved| format!(" ({moved})")).unwrap_or_default();
    seen_there(check) + &way + &moved
}

fn seen_there(check: &Check) -> String {
    if let Some(told) = told::told(check) {
        return told;
    }
    let mut clauses = evidence::clauses(check);
    clauses.extend(evidence::fallback(check));
    if clauses.is_empty() { check.reason.clone() } else { clauses.join(", ") }
}

/// What a passed check with limits saw: the figures are in these, and what a machine has is a sentence.
fn of_limited(check: &Check) -> String {
    if check.probe == ProbeKind::Host { check.reason.clone() } else { evidence::clauses(check).join(", ") }
}
