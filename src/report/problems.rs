//! The checks that do not pass, each with what to change; those that say the same of many hosts are told once.

use std::collections::HashMap;

use super::page::{Page, Span, Tone, span};
use super::table::{grouped, heading, is_problem, mark, name, other_address, place, port, tone};
use super::{both, capacity, evidence, fold, limits};
use crate::model::{Check, Failure, Need, Report, Source, Status, WayRow, metric};

/// So many hosts have a block each, although these say the same.
const FEW: usize = 2;

/// Checks that do not pass, the worst and most needed first; those of one host with one reason share a block.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let mut checks: Vec<&Check> = report.checks.iter().filter(|c| is_problem(c) && c.waived.is_none()).collect();
    checks.sort_by_key(|c| (std::cmp::Reverse(c.status), c.need != Need::Required));
    let blocks = grouped(checks.into_iter(), |c| (c.status, c.target.as_str(), c.reason.as_str()));
    let blocks: Vec<Vec<&Check>> = blocks.into_iter().map(|(_, block)| block).collect();
    heading(page, "CHECKS THAT DO NOT PASS", blocks.is_empty());
    for (n, alike) in alike(report, blocks).iter().enumerate() {
        if n > 0 {
            page.blank();
        }
        match alike.as_slice() {
            [one] => problem(page, report, one),
            many => on_many_hosts(page, report, many),
        }
    }
}

/// Blocks that say the same of more hosts than [`FEW`] together, in the order in which they first come.
fn alike<'a>(report: &Report, blocks: Vec<Vec<&'a Check>>) -> Vec<Vec<Vec<&'a Check>>> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<Vec<Vec<&Check>>> = Vec::new();
    for block in blocks {
        let place = key(report, &block).map_or(all.len(), |key| *places.entry(key).or_insert(all.len()));
        match all.get_mut(place) {
            Some(alike) => alike.push(block),
            None => all.push(vec![block]),
        }
    }
    let apart = |blocks: Vec<Vec<&'a Check>>| match blocks.len() > FEW {
        true => vec![blocks],
        false => blocks.into_iter().map(|block| vec![block]).collect(),
    };
    all.into_iter().flat_map(apart).collect()
}

/// All that a block says but its host and its times; `None` where it has figures of its own.
fn key(report: &Report, block: &[&Check]) -> Option<String> {
    let first = block.first()?;
    let measured = |c: &&Check| c.observed.has(&metric::CAPACITY) || c.limits.iter().any(|l| l.observed.is_some());
    if block.iter().any(measured) {
        return None;
    }
    let heads: Vec<String> = block.iter().map(|c| format!("{} {} {}", name(c), port(c), c.need)).collect();
    let kind = first.observed.get::<Failure>(&metric::FAILURE).map(|f| f.kind);
    let limits: Vec<&str> = first.limits.iter().map(|l| l.metric.as_str()).collect();
    let others = (evidence::fallback(first), alternatives(report, first), &first.source);
    let said = fold::mask(&fold::without_host(first));
    Some(format!("{} {} {heads:?} {kind:?} {limits:?} {others:?} {said}", first.status, first.role))
}

/// What holds for many hosts: once, with the hosts below.
fn on_many_hosts(page: &mut Page, report: &Report, blocks: &[Vec<&Check>]) {
    let firsts: Vec<&Check> = blocks.iter().filter_map(|b| b.first().copied()).collect();
    let (Some(block), Some(first)) = (blocks.first(), firsts.first()) else { return };
    for check in block {
        let numbered = check.port.is_some() || check.ports.is_some();
        let place = format!("HOST{}{}", if numbered { ":" } else { " " }, port(check));
        let count = format!("({} hosts)", blocks.len());
        let (mark, tone) = (mark(page, check.status), tone(check.status));
        let status = check.status.as_str().to_uppercase();
        let mut spans = vec![
            span(tone, format!("{mark} {status}")),
            span(Tone::Strong, name(check)),
            span(Tone::Plain, place.trim_end().to_owned()),
            span(Tone::Plain, count),
        ];
        spans.extend(need(check));
        page.flow(0, 4, &spans);
    }
    let reasons: Vec<String> = firsts.iter().map(|c| fold::without_host(c)).collect();
    page.flow(2, 2, &[span(Tone::Plain, fold::merge(&reasons))]);
    let hosts: Vec<String> = firsts.iter().map(|c| fold::host(c)).collect();
    page.flow(2, 4, &[span(Tone::Plain, format!("HOST: {}", fold::all(&hosts)))]);
    limits::draw(page, 2, &first.limits);
    below(page, report, block);
}

/// Checks with one reason: their names, the reason, what was seen, and the rows of the documents that ask for them.
fn problem(page: &mut Page, report: &Report, block: &[&Check]) {
    for check in block {
        head(page, check);
    }
    let Some(first) = block.first() else { return };
    page.flow(2, 2, &[span(Tone::Plain, first.reason.as_str())]);
    limits::draw(page, 2, &first.limits);
    capacity::draw(page, 2, first);
    let clauses = evidence::clauses(first).join(", ");
    if !clauses.is_empty() && block.len() == 1 {
        page.flow(2, 4, &[span(Tone::Faint, format!("seen: {clauses}"))]);
    }
    both::draw(page, first);
    below(page, report, block);
}

/// What stands below the reason of a block: what stood in, what else works, and the rows that ask for it.
fn below(page: &mut Page, report: &Report, block: &[&Check]) {
    let Some(first) = block.first() else { return };
    if let Some(fallback) = evidence::fallback(first) {
        page.flow(2, 4, &[span(Tone::Faint, format!("note: {fallback}"))]);
    }
    if let Some(others) = alternatives(report, first) {
        page.flow(2, 4, &[span(Tone::Plain, others)]);
    }
    moved(page, block);
    let mut rows: Vec<&Source> = limits::rows_behind(&first.limits);
    for source in block.iter().filter_map(|c| c.source.as_ref()) {
        if !rows.contains(&source) {
            rows.push(source);
        }
    }
    for source in rows {
        page.flow(2, 4, &[span(Tone::Faint, format!("asks: {}: {}", source.section, source.row))]);
    }
}

/// Which ports the document has, where checks are of others.
pub(super) fn moved(page: &mut Page, checks: &[&Check]) {
    let mut told: Vec<String> = Vec::new();
    for check in checks {
        let Some(moved) = evidence::moved(check) else { continue };
        let words = if checks.len() == 1 { moved } else { format!("{}: {moved}", name(check)) };
        if !told.contains(&words) {
            page.flow(2, 4, &[span(Tone::Plain, words.as_str())]);
            told.push(words);
        }
    }
}

/// One check by its status, name and place.
pub(super) fn head(page: &mut Page, check: &Check) {
    let (mark, tone) = (mark(page, check.status), tone(check.status));
    let status = check.status.as_str().to_uppercase();
    let mut spans =
        vec![span(tone, format!("{mark} {status}")), span(Tone::Strong, name(check)), span(Tone::Plain, place(check))];
    if other_address(check).is_some() {
        spans.push(span(Tone::Faint, format!("({})", check.target)));
    }
    spans.extend(need(check));
    page.flow(0, 4, &spans);
}

/// `[optional]`; nothing where the check is required.
fn need(check: &Check) -> Option<Span<'_>> {
    (check.need != Need::Required).then(|| span(Tone::Faint, format!("[{}]", check.need)))
}

/// The other ways of the check's group at the same kind of address, and how they fare.
fn alternatives(report: &Report, check: &Check) -> Option<String> {
    let group = check.group.as_ref()?;
    let others: Vec<&Check> = report.checks.iter().filter(|c| c.group.as_ref() == Some(group)).collect();
    alternatives_among(&others, &report.ways, check)
}

/// The same, of all checks of the group.
pub(super) fn alternatives_among(group: &[&Check], ways: &[WayRow], check: &Check) -> Option<String> {
    // The table of ways has them side by side.
    if ways.iter().any(|way| group.iter().any(|c| way.check == c.id)) {
        return None;
    }
    let family = |c: &Check| c.address.map(|a| a.is_ipv4());
    // A rule that is required itself stands in for nobody.
    let stands_in = |c: &&Check| c.need == Need::Alternative || check.need == Need::Alternative;
    let mut others: Vec<(&str, Status, bool)> = Vec::new();
    for other in group.iter().copied().filter(|c| c.rule != check.rule).filter(stands_in) {
        let told = (name(other), other.status, other.observed.has(&metric::FALLBACK));
        if family(other) == family(check) && !others.contains(&told) {
            others.push(told);
        }
    }
    let told = others.iter().map(|(rule, status, fallback)| match (status.holds(), fallback) {
        (true, false) => format!("{rule} works in its place ({status})"),
        (true, true) => format!("its alternative {rule} is open, and not shown to work"),
        (false, _) => format!("its alternative {rule}: {status}"),
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}
