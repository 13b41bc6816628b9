//! What is wrong, in the order of mending, and notes: each with what shows it, who is to do what, and the lines to put
//! into a ticket.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::page::{Page, Span, Tone, span};
use super::table::{heading, mark, name, tone};
use crate::model::{Check, Finding, Report, Status};

/// More lines of evidence, or names of checks, are counted; the JSON report has them all.
const SHOWN: usize = 5;

/// What to change: causes that several checks share, the worst first, and of those what hides the rest.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let causes = causes(report);
    let several = causes.len() > 1;
    let title = if several { "WHAT IS WRONG, IN THE ORDER OF MENDING" } else { "WHAT IS WRONG" };
    heading(page, title, causes.is_empty());
    for (n, finding) in causes.iter().enumerate() {
        if n > 0 {
            page.blank();
        }
        let (mark, tone) = (mark(page, finding.status), tone(finding.status));
        let mark = if several { format!("{mark} {}.", n + 1) } else { mark.to_owned() };
        page.flow(0, 2, &[span(tone, mark), span(Tone::Strong, finding.title.as_str()), id(finding)]);
        body(page, report, finding);
        effects(page, report, &causes, n);
    }
    confirm(page, &causes);
}

/// What is wrong by itself, in order.
pub(super) fn causes(report: &Report) -> Vec<&Finding> {
    let mut causes: Vec<&Finding> =
        report.findings.iter().filter(|f| f.status != Status::Pass && !follows(report, f)).collect();
    causes.sort_by_key(|f| std::cmp::Reverse(f.status));
    causes
}

/// It follows from what is told as wrong.
pub(super) fn follows(report: &Report, finding: &Finding) -> bool {
    let is_cause = |f: &Finding| f.status != Status::Pass && f.follows.is_empty() && finding.follows.contains(&f.id);
    report.findings.iter().any(is_cause)
}

/// The numbers of the causes that a finding follows from: of those of one id, the ones whose checks it shares.
pub(super) fn numbers(causes: &[&Finding], finding: &Finding) -> Vec<usize> {
    let named: Vec<usize> =
        (0..causes.len()).filter(|n| causes.get(*n).is_some_and(|c| finding.follows.contains(&c.id))).collect();
    let shares = |n: &usize| causes.get(*n).is_some_and(|c| c.checks.iter().any(|id| finding.checks.contains(id)));
    let shared: Vec<usize> = named.iter().copied().filter(shares).collect();
    if shared.is_empty() { named } else { shared }
}

/// What follows from causes of which this is the last.
fn effects(page: &mut Page, report: &Report, causes: &[&Finding], cause: usize) {
    for finding in report.findings.iter().filter(|f| follows(report, f)) {
        let numbers = numbers(causes, finding);
        if numbers.last() != Some(&cause) {
            continue;
        }
        let list: Vec<String> = numbers.iter().map(|n| (n + 1).to_string()).collect();
        let lead = match causes.len() > 1 {
            _ if finding.id == "icmp.filtered" => "What makes the place unsure:".to_owned(),
            true => format!("Follows from {}:", list.join(" and ")),
            false => "Follows from it:".to_owned(),
        };
        let mut spans = vec![span(Tone::Faint, lead), span(Tone::Plain, format!("{}.", finding.title)), id(finding)];
        let of_calls = ["media.", "group.", "range."].iter().any(|family| finding.id.starts_with(family));
        if of_calls || finding.status == Status::Pass {
            spans.push(span(Tone::Faint, finding.detail.as_str()));
        }
        spans.push(span(Tone::Faint, finding.remedy.as_str()));
        page.flow(2, 4, &spans);
    }
}

/// The words that tell how each is confirmed by hand.
fn confirm(page: &mut Page, causes: &[&Finding]) {
    let mut commands: Vec<String> = Vec::new();
    for cause in causes {
        let command = format!("rtc-check explain {}", cause.id);
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return;
    }
    page.blank();
    commands.truncate(SHOWN);
    page.flow(0, 2, &[span(Tone::Faint, "How to confirm it by hand:"), span(Tone::Plain, commands.join("; "))]);
}

/// The report with its checks pointing to the numbers that findings have here.
pub(super) fn numbered(report: &Report) -> Report {
    let causes = causes(report);
    let mut numbered = report.clone();
    for check in &mut numbered.checks {
        let pointed = |(n, cause): (usize, &&Finding)| {
            let (before, _) = check.reason.split_once(&format!("; {}: ", cause.pointer()))?;
            let has = cause.checks.contains(&check.id);
            Some((!has, n, before.to_owned()))
        };
        let Some((_, n, before)) = causes.iter().enumerate().filter_map(pointed).min() else { continue };
        let place = if causes.len() > 1 { format!("see {} above", n + 1) } else { "see above".to_owned() };
        check.reason = format!("{before}; {place}.");
    }
    numbered
}

/// Findings with nothing to mend.
pub(super) fn notes(page: &mut Page, report: &Report) {
    let notes: Vec<&Finding> =
        report.findings.iter().filter(|f| f.status == Status::Pass && !follows(report, f)).collect();
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
    let named: HashSet<&str> = finding.checks.iter().map(String::as_str).collect();
    let checks: HashMap<&str, &Check> =
        report.checks.iter().rev().map(|c| (c.id.as_str(), c)).filter(|(id, _)| named.contains(id)).collect();
    let name_of = |id: &'_ String| checks.get(id.as_str()).map(|c| name(c));
    let rules: BTreeSet<&str> = finding.checks.iter().map(|id| name_of(id).unwrap_or(id)).collect();
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
