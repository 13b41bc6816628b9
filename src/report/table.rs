//! The report for people: what is broken and what to change first, what is well last, never wider than the terminal.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use super::page::{Page, Tone, span};
use super::problems::{self, head};
use super::{Style, compare, evidence, findings, fold, headline, limits, passed, ways};
use crate::model::{Check, Report, Status, masked};

/// Draws the whole report.
pub(super) fn render(report: &Report, style: &Style) -> String {
    let report = &findings::numbered(report);
    let mut page = Page::new(style);
    header(&mut page, report);
    headline::draw(&mut page, report);
    findings::draw(&mut page, report);
    ways::draw(&mut page, &report.ways);
    problems::draw(&mut page, report);
    waived(&mut page, report);
    findings::notes(&mut page, report);
    skipped(&mut page, report);
    passed::draw(&mut page, report);
    documents(&mut page, report);
    if let Some(comparison) = &report.comparison {
        compare::below(&mut page, comparison);
    }
    page.finish()
}

fn header(page: &mut Page, report: &Report) {
    let (run, tool) = (&report.run, &report.tool);
    let title = format!("{} {}: profile {}, from {},", tool.name, tool.version, run.profile, run.from);
    let when = format!("{}, took {}", run.started, evidence::ms(run.duration_ms as f64));
    page.flow(0, 2, &[span(Tone::Strong, title), span(Tone::Plain, when)]);
    for (role, hosts) in &run.targets {
        page.flow(2, 4, &[span(Tone::Faint, role.as_str()), span(Tone::Plain, fold::ends(hosts))]);
    }
    let options: Vec<String> = run.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !options.is_empty() {
        page.flow(2, 4, &[span(Tone::Faint, "options"), span(Tone::Plain, options.join(" "))]);
    }
    let redacted: Vec<&str> = report.redacted.iter().map(|r| r.as_str()).collect();
    if !redacted.is_empty() {
        page.flow(2, 4, &[span(Tone::Caution, format!("Redacted: {}", redacted.join(", ")))]);
    }
    page.blank();
}

fn waived(page: &mut Page, report: &Report) {
    let mut nothing = true;
    for check in &report.checks {
        let Some(waiver) = &check.waived else { continue };
        if std::mem::take(&mut nothing) {
            heading(page, "WAIVED: THESE DO NOT COUNT", false);
        }
        head(page, check);
        page.flow(2, 2, &[span(Tone::Plain, check.reason.as_str())]);
        problems::moved(page, &[check]);
        let until = waiver.until.as_ref().map(|day| format!(" until {day}")).unwrap_or_default();
        page.flow(2, 4, &[span(Tone::Faint, format!("waived{until}: {}", waiver.reason))]);
    }
}

/// What was not tried, by reason and place.
fn skipped(page: &mut Page, report: &Report) {
    let checks = report.checks.iter().filter(|c| c.status == Status::Skip && c.waived.is_none());
    let reasons = grouped(checks, |c| c.reason.as_str());
    heading(page, "NOT TRIED", reasons.is_empty());
    for (reason, checks) in reasons {
        let mark = mark(page, Status::Skip);
        page.flow(0, 2, &[span(Tone::Faint, mark), span(Tone::Plain, reason)]);
        let places = grouped(checks.iter().copied(), |c| (c.target.as_str(), c.address));
        if places.len() > fold::LISTED {
            skipped_by_role(page, &checks);
            continue;
        }
        for ((target, _), checks) in places {
            let names: Vec<&str> = checks.iter().map(|c| name(c)).collect();
            let address = checks.first().and_then(|c| other_address(c)).map(|a| format!(" {a}")).unwrap_or_default();
            page.flow(2, 4, &[span(Tone::Faint, format!("{target}{address}: {}", names.join(", ")))]);
        }
    }
}

/// Where one reason holds for many hosts: a line a role, with each of its rules once.
fn skipped_by_role(page: &mut Page, checks: &[&Check]) {
    for (role, checks) in grouped(checks.iter().copied(), |c| c.role.as_str()) {
        let mut hosts: Vec<String> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for check in checks {
            if !hosts.contains(&check.target) {
                hosts.push(check.target.clone());
            }
            if !names.contains(&name(check)) {
                names.push(name(check));
            }
        }
        let told = format!("{role} ({}): {}", fold::ends(&hosts), names.join(", "));
        page.flow(2, 4, &[span(Tone::Faint, told)]);
    }
}

/// The documents whose rows stand behind the checks above, and what signs in the limits mean.
fn documents(page: &mut Page, report: &Report) {
    let shown = report.checks.iter().filter(|c| is_problem(c) || !c.limits.is_empty());
    let documents: BTreeSet<&str> = shown.filter_map(|c| c.source.as_ref()).map(|s| s.document.as_str()).collect();
    let footnote = limits::footnote(&report.checks);
    if documents.is_empty() && footnote.is_none() {
        return;
    }
    page.blank();
    for document in documents {
        page.flow(0, 2, &[span(Tone::Faint, format!("Document: {document}"))]);
    }
    if let Some(footnote) = footnote {
        page.flow(0, 2, &[span(Tone::Faint, footnote)]);
    }
}

pub(super) fn heading(page: &mut Page, title: &'static str, nothing_below: bool) {
    if !nothing_below {
        page.blank();
        page.flow(0, 0, &[span(Tone::Strong, title)]);
    }
}

/// Checks with the same key together, in the order in which the keys first come.
pub(super) fn grouped<'a, K: Clone + Eq + Hash>(
    checks: impl Iterator<Item = &'a Check>,
    key: impl Fn(&'a Check) -> K,
) -> Vec<(K, Vec<&'a Check>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<&Check>)> = Vec::new();
    for check in checks {
        let key = key(check);
        let place = *places.entry(key.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(check),
            None => groups.push((key, vec![check])),
        }
    }
    groups
}

/// The address, unless the target is that address itself.
pub(super) fn other_address(check: &Check) -> Option<String> {
    check.address.map(masked::shown).filter(|a| a != check.target.trim_matches(['[', ']']))
}

pub(super) fn is_problem(check: &Check) -> bool {
    matches!(check.status, Status::Fail | Status::Unknown | Status::Warn)
}

/// The rule; of a check that has none, what its id begins with (`quality.rtc`), or its probe.
pub(super) fn name(check: &Check) -> &str {
    check.name()
}

/// `19099-20099/udp`, `443/tcp`, `gre`; empty where the check has no rule.
pub(super) fn port(check: &Check) -> String {
    check.port_words()
}

/// Address and port, or the name that has no address.
pub(super) fn place(check: &Check) -> String {
    let numbered = check.port.is_some() || check.ports.is_some();
    let host = match check.address {
        Some(address) if masked::needs_brackets(address) && numbered => format!("[{address}]"),
        Some(address) => masked::shown(address),
        None => check.target.clone(),
    };
    format!("{host}{}{}", if numbered { ":" } else { " " }, port(check))
}

pub(super) fn mark(page: &Page, status: Status) -> &'static str {
    match status {
        Status::Pass => page.pick("✓", "+"),
        Status::Warn => "!",
        Status::Unknown => "?",
        Status::Fail => page.pick("✗", "X"),
        Status::Skip => "-",
    }
}

pub(super) fn tone(status: Status) -> Tone {
    match status {
        Status::Pass => Tone::Good,
        Status::Warn => Tone::Caution,
        Status::Unknown => Tone::Unsure,
        Status::Fail => Tone::Bad,
        Status::Skip => Tone::Faint,
    }
}
