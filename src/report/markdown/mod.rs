//! The report as Markdown for a ticket or a CI step's summary, as GitHub, GitLab and CommonMark read it: the verdict,
//! what is wrong with what to ask for ready to copy, the checks that do not pass, and all of them folded away. A page
//! stays below what these take as one text.

mod words;

use std::fmt::Write;

use super::group::Groups;
use super::table::{is_problem, other_address, place};
use super::text::clean;
use super::{cases, evidence, findings, headline};
use crate::model::{Check, Finding, LimitSource, Report, Status, Way};

use words::{cell, fence, text};

/// More findings, checks that do not pass and checks in all are counted rather than drawn: a step's summary takes 1 MiB.
const FINDINGS: usize = 20;
const PROBLEMS: usize = 100;
const CHECKS: usize = 500;
/// Lines of evidence, and lines to ask for, of one finding.
const EVIDENCE: usize = 5;
const ASKED: usize = 40;

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    let run = &report.run;
    let mut out = format!("## {} {}: {}\n\n", mark(report.verdict), report.verdict, text(&headline::counts(report)));
    let _ = writeln!(out, "{}\n", text(&capital(&headline::meaning(report))));
    let _ = writeln!(
        out,
        "- Profile {}, from {}, {}, took {} s",
        text(&run.profile),
        text(&run.from),
        text(&run.started),
        run.duration_ms as f64 / 1000.0
    );
    for (role, hosts) in &run.targets {
        let _ = writeln!(out, "- {}", text(&format!("{role}: {}", super::fold::ends(hosts))));
    }
    if let Some(why) = headline::incomplete(report) {
        let _ = writeln!(out, "- **Incomplete:** {}", text(why));
    }
    let redacted: Vec<&str> = report.redacted.iter().map(|r| r.as_str()).collect();
    if !redacted.is_empty() {
        let _ = writeln!(out, "- Redacted: {}", redacted.join(", "));
    }
    causes(&mut out, report);
    ways(&mut out, report);
    problems(&mut out, report);
    limits(&mut out, report);
    notes(&mut out, report);
    all(&mut out, report);
    let _ = writeln!(out, "\n{} {}, run {}", text(&report.tool.name), text(&report.tool.version), text(&run.id));
    out
}

fn causes(out: &mut String, report: &Report) {
    let causes = findings::causes(report);
    if causes.is_empty() {
        return;
    }
    out.push_str("\n### What is wrong\n");
    for (n, cause) in causes.iter().take(FINDINGS).enumerate() {
        let _ = writeln!(out, "\n#### {}. {} {}\n", n + 1, mark(cause.status), text(&cause.title));
        finding(out, cause);
    }
    more(out, causes.len(), FINDINGS, "findings");
}

fn finding(out: &mut String, cause: &Finding) {
    let _ = writeln!(out, "{}", text(&cause.detail));
    if !cause.evidence.is_empty() {
        out.push('\n');
        cause.evidence.iter().take(EVIDENCE).for_each(|line| {
            let _ = writeln!(out, "- {}", text(line));
        });
        more(out, cause.evidence.len(), EVIDENCE, "lines of evidence");
    }
    if !cause.remedy.is_empty() {
        let who = cause.who.map(|who| format!(" ({})", who.words())).unwrap_or_default();
        let _ = writeln!(out, "\n**To do{who}:** {}", text(&cause.remedy));
    }
    if !cause.ask.is_empty() {
        let lines: Vec<String> = cause.ask.iter().take(ASKED).map(|line| clean(line, true)).collect();
        let _ = writeln!(out, "\nTo ask for:\n\n{}", fence(&lines));
        more(out, cause.ask.len(), ASKED, "lines to ask for");
    }
    let _ = writeln!(out, "\nConfirm it by hand: {}", words::code(&format!("rtc-check explain {}", cause.id)));
}

/// The ways of media side by side.
fn ways(out: &mut String, report: &Report) {
    if report.ways.is_empty() {
        return;
    }
    out.push_str("\n### Ways of media\n\n");
    out.push_str("| Way | To | Status | Used | Ready ms | RTT ms | Jitter ms | Loss % | MOS |\n");
    out.push_str("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
    for way in report.ways.iter().take(PROBLEMS) {
        let number = |n: Option<f64>| n.map(evidence::significant).unwrap_or_default();
        let figures = [way.connect_ms, way.rtt_ms, way.jitter_ms, way.loss_pct, way.mos].map(number);
        let used = if way.used { "yes" } else { "" };
        let status = format!("{} {}", mark(way.status), way.status);
        let name = Way::words(way.way);
        let _ = writeln!(out, "| {name} | {} | {status} | {used} | {} |", cell(&way.target), figures.join(" | "));
    }
    more(out, report.ways.len(), PROBLEMS, "ways");
}

fn problems(out: &mut String, report: &Report) {
    let mut checks: Vec<&Check> = report.checks.iter().filter(|c| is_problem(c) && c.waived.is_none()).collect();
    checks.sort_by_key(|c| std::cmp::Reverse(c.status));
    if checks.is_empty() {
        return;
    }
    out.push_str("\n### Checks that do not pass\n\n");
    table(out, &Groups::of(report), &checks, PROBLEMS);
}

/// What was measured, against what the documents ask for.
fn limits(out: &mut String, report: &Report) {
    let measured: Vec<&Check> = report.checks.iter().filter(|c| !c.limits.is_empty()).take(CHECKS).collect();
    if measured.is_empty() {
        return;
    }
    out.push_str("\n### Measured\n\n| Status | Check | Measured | Asked by |\n| --- | --- | --- | --- |\n");
    for (check, limit) in measured.iter().flat_map(|c| c.limits.iter().map(move |l| (c, l))).take(CHECKS) {
        let by = match &limit.source {
            LimitSource::Document(source) => format!("{}: {}", source.section, source.row),
            LimitSource::Own(words) => words.clone(),
        };
        let status = limit.status;
        let words = cell(cases::limit(limit).trim_end_matches(&format!(": {status}")));
        let _ = writeln!(out, "| {} {status} | {} | {words} | {} |", mark(status), cell(check.name()), cell(&by));
    }
}

fn notes(out: &mut String, report: &Report) {
    let notes: Vec<&Finding> = report.findings.iter().filter(|f| f.status == Status::Pass).collect();
    if notes.is_empty() {
        return;
    }
    out.push_str("\n### Notes\n\n");
    for note in notes.iter().take(FINDINGS) {
        let _ = writeln!(out, "- **{}** {}", text(&note.title), text(&note.detail));
    }
    more(out, notes.len(), FINDINGS, "notes");
}

/// Every check, folded away.
fn all(out: &mut String, report: &Report) {
    let checks: Vec<&Check> = report.checks.iter().collect();
    if checks.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n<details>\n<summary>All {} checks</summary>\n", checks.len());
    table(out, &Groups::of(report), &checks, CHECKS);
    out.push_str("\n</details>\n");
}

fn table(out: &mut String, groups: &Groups<'_>, checks: &[&Check], most: usize) {
    out.push_str("| Status | Check | Where | Need | What was seen |\n| --- | --- | --- | --- | --- |\n");
    for check in checks.iter().take(most) {
        let waived = check.waived.as_ref().map(|waived| format!("Waived ({}). ", waived.reason)).unwrap_or_default();
        // Cut by themselves where they are long, so that a long reason does not hide them.
        let beside = [groups.told(check), evidence::moved(check)];
        let beside: String = beside.iter().flatten().map(|told| format!("; {}", cell(told))).collect();
        let reason = if beside.is_empty() { check.reason.as_str() } else { check.reason.trim_end_matches('.') };
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {} | {}{beside} |",
            mark(check.status),
            check.status,
            cell(check.name()),
            cell(&whereabouts(check)),
            check.need,
            cell(&format!("{waived}{reason}"))
        );
    }
    more(out, checks.len(), most, "checks");
}

/// The name beside the address, where there are both.
fn whereabouts(check: &Check) -> String {
    match other_address(check) {
        Some(_) => format!("{} {}", check.target, place(check)),
        None => place(check),
    }
}

/// `And 12 more checks; the JSON report has them all.`
fn more(out: &mut String, all: usize, drawn: usize, what: &str) {
    if all > drawn {
        let _ = writeln!(out, "\nAnd {} more {what}; the JSON report has them all.", all - drawn);
    }
}

/// A sign beside the word, for those who look before they read.
fn mark(status: Status) -> &'static str {
    match status {
        Status::Pass => "✅",
        Status::Warn => "⚠️",
        Status::Fail => "❌",
        Status::Unknown => "❔",
        Status::Skip => "⏭️",
    }
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
