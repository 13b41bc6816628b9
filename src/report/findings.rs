//! What is wrong, in the order of mending, and notes: each with what shows it, who is to do what, and the lines to put
//! into a ticket.

use std::collections::BTreeSet;

use super::page::{Page, Span, Tone, span};
use super::table::{heading, mark, name, tone};
use crate::model::{Finding, Report, Status};

/// More lines of evidence, or names of checks, are counted; the JSON report has them all.
const SHOWN: usize = 5;

/// What to change: causes that several checks share, the worst first, and of those what hides the rest.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let mut findings: Vec<&Finding> = report.findings.iter().filter(|f| f.status != Status::Pass).collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.status));
    let title = if findings.len() > 1 { "WHAT IS WRONG, IN THE ORDER OF MENDING" } else { "WHAT IS WRONG" };
    heading(page, title, findings.is_empty());
    for (n, finding) in findings.iter().enumerate() {
        if n > 0 {
            page.blank();
        }
        let (mark, tone) = (mark(page, finding.status), tone(finding.status));
        let mark = if findings.len() > 1 { format!("{mark} {}.", n + 1) } else { mark.to_owned() };
        page.flow(0, 2, &[span(tone, mark), span(Tone::Strong, finding.title.as_str()), id(finding)]);
        body(page, report, finding);
    }
    if let Some(first) = findings.first() {
        page.blank();
        let more = match findings.len() {
            1 => "How to confirm it by hand:",
            _ => "How to confirm each by hand:",
        };
        let command = format!("rtc-check explain {}", first.id);
        page.flow(0, 2, &[span(Tone::Faint, more), span(Tone::Plain, command)]);
    }
}

/// Findings with nothing to mend.
pub(super) fn notes(page: &mut Page, report: &Report) {
    let notes: Vec<&Finding> = report.findings.iter().filter(|f| f.status == Status::Pass).collect();
    heading(page, "NOTES", notes.is_empty());
    for note in notes {
        page.flow(0, 2, &[span(Tone::Plain, "-"), span(Tone::Strong, note.title.as_str()), id(note)]);
        body(page, report, note);
    }
}

fn body(page: &mut Page, report: &Report, finding: &Finding) {
    page.flow(2, 2, &[span(Tone::Plain, finding.detail.as_str())]);
    evidence(page, &finding.evidence);
    remedy(page, finding);
    ask(page, &finding.ask);
    let check = |id: &String| report.checks.iter().find(|c| c.id == *id);
    let rules: BTreeSet<&str> = finding.checks.iter().map(|id| check(id).map_or(id.as_str(), name)).collect();
    if !rules.is_empty() {
        page.flow(2, 4, &[span(Tone::Faint, format!("seen in: {}", some(rules.into_iter())))]);
    }
}

/// `[path.mtu]`: the word for `rtc-check explain`.
fn id(finding: &Finding) -> Span<'static> {
    span(Tone::Faint, format!("[{}]", finding.id))
}

fn evidence(page: &mut Page, lines: &[String]) {
    for line in lines.iter().take(SHOWN) {
        page.flow(2, 4, &[span(Tone::Faint, "-"), span(Tone::Plain, line.as_str())]);
    }
    let more = lines.len().saturating_sub(SHOWN);
    if more > 0 {
        page.flow(2, 4, &[span(Tone::Faint, format!("- and {more} more in the JSON report"))]);
    }
}

/// `=> To do (the administrator of the firewall): …`.
fn remedy(page: &mut Page, finding: &Finding) {
    let who = finding.who.map(|who| format!(" ({})", who.words())).unwrap_or_default();
    let arrow = page.pick("→ To do", "=> To do");
    if !finding.remedy.is_empty() {
        let head = span(Tone::Good, format!("{arrow}{who}:"));
        page.flow(2, 4, &[head, span(Tone::Strong, finding.remedy.as_str())]);
    }
}

/// One line each with nothing before it, so that a block can be copied into a ticket.
fn ask(page: &mut Page, lines: &[String]) {
    if !lines.is_empty() {
        page.flow(4, 4, &[span(Tone::Good, "To ask for:")]);
    }
    for line in lines {
        page.flow(6, 8, &[span(Tone::Strong, line.as_str())]);
    }
}

/// The first of them, and how many more there are; never "and 1 more".
fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let shown = if all > SHOWN + 1 { SHOWN } else { all };
    let listed = names.take(shown).collect::<Vec<_>>().join(", ");
    if shown < all { format!("{listed} and {} more", all - shown) } else { listed }
}
