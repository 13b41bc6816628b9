//! The head of the verdict: the judgement in words that hold for all that stands below it.

use super::page::{Page, Tone, span};
use super::table::{mark, tone};
use crate::model::{Check, Ended, Need, Report, Status};

/// The judgement, how many checks there are of each kind, and what the exit code means.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let meaning = meaning(report);
    let word = format!("{} {}:", mark(page, report.verdict), report.verdict.as_str().to_uppercase());
    page.flow(0, 2, &[span(tone(report.verdict), word), span(Tone::Strong, counts(report))]);
    page.flow(2, 2, &[span(Tone::Plain, meaning)]);
    if let Some(why) = incomplete(report) {
        page.flow(0, 2, &[span(Tone::Caution, "! INCOMPLETE:"), span(Tone::Plain, why)]);
    }
}

/// Why not all was done; `None` where it was.
pub(super) fn incomplete(report: &Report) -> Option<&'static str> {
    let why = match report.run.ended {
        Some(Ended::Interrupted) => "Ctrl-C or SIGTERM ended it; what did not finish is unknown",
        Some(Ended::Budget) => "the time of --budget was up; what did not finish is unknown",
        None => "it ended before its time; what did not finish is unknown",
    };
    (!report.complete).then_some(why)
}

/// `2 fail, 1 warn, 8 pass, 1 waived`.
pub(super) fn counts(report: &Report) -> String {
    let s = &report.summary;
    let waived = report.checks.iter().filter(|c| c.waived.is_some()).count();
    let all = [
        (u64::from(s.fail), failures(report)),
        (u64::from(s.unknown), "unknown"),
        (u64::from(s.warn), "warn"),
        (u64::from(s.pass), "pass"),
        (u64::from(s.skip), "skip"),
        (waived as u64, "waived"),
    ];
    let told: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if told.is_empty() { "no checks".to_owned() } else { told.join(", ") }
}

/// What failures are where the verdict is none.
pub(super) fn failures(report: &Report) -> &'static str {
    match report.verdict {
        Status::Fail | Status::Unknown | Status::Skip => "fail",
        _ if counted(report, Status::Fail).any(|c| c.need == Need::Required) => "fail (an alternative works)",
        _ => "fail (not required)",
    }
}

/// What the exit code means, and what the body below it says that the verdict does not.
pub(super) fn meaning(report: &Report) -> String {
    if report.run.ended == Some(Ended::Interrupted) {
        return "exit 130: interrupted".to_owned();
    }
    let (required, beside) = (of_required(report), beside(report));
    match report.verdict {
        Status::Pass => format!("exit 0: {required}{beside}{}", findings(report)),
        Status::Warn => format!("exit 0 (1 with --strict): {required}{beside}; look at {}", what(report)),
        Status::Fail if counted(report, Status::Fail).any(|c| c.need == Need::Required) => {
            "exit 1: a required check failed".to_owned()
        }
        Status::Fail => "exit 1: what is required does not work in any of its ways".to_owned(),
        Status::Unknown => format!("exit 3: what is required could not be decided{beside}"),
        Status::Skip => "nothing was tested".to_owned(),
    }
}

/// How what is required fares where the verdict is no failure.
fn of_required(report: &Report) -> &'static str {
    let required = |status| counted(report, status).any(|c| c.need == Need::Required);
    let other = [Status::Fail, Status::Unknown, Status::Warn].iter().any(|s| counted(report, *s).next().is_some());
    match (required(Status::Fail), other || report.verdict != Status::Pass) {
        (true, _) => "what is required works, some of it only by an alternative",
        (false, true) => "no required check failed",
        (false, false) => "every required check passed",
    }
}

/// Failures of what is not required: `; 1 optional did`.
fn beside(report: &Report) -> String {
    let of = |need: Need| (need, counted(report, Status::Fail).filter(|c| c.need == need).count());
    let needs = [Need::Recommended, Need::Alternative, Need::Optional].map(of);
    let told: Vec<String> = needs.iter().filter(|(_, n)| *n > 0).map(|(need, n)| format!("{n} {need}")).collect();
    match (told.is_empty(), report.verdict == Status::Unknown || of_required(report) != "no required check failed") {
        (true, _) => String::new(),
        (false, true) => format!("; {} failed", told.join(" and ")),
        (false, false) => format!("; {} did", told.join(" and ")),
    }
}

/// What a warning points at.
fn what(report: &Report) -> &'static str {
    let warned = counted(report, Status::Warn).next().is_some();
    if warned { "the warnings" } else { "what does not pass" }
}

/// Findings that a verdict of `pass` stands above.
fn findings(report: &Report) -> String {
    match report.findings.iter().filter(|f| f.status != Status::Pass).count() {
        0 => String::new(),
        1 => "; look at the finding below".to_owned(),
        n => format!("; look at the {n} findings below"),
    }
}

/// Checks of a status that count.
fn counted(report: &Report, status: Status) -> impl Iterator<Item = &Check> {
    report.checks.iter().filter(move |c| c.status == status && c.waived.is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Summary;

    fn said(verdict: Status, checks: &[(&str, &str)], findings: usize) -> String {
        let check = |(need, status): &(&str, &str)| {
            json!({
                "id": "a/b", "probe": "tcp", "role": "a", "target": "b", "address": null, "need": need, "status": status,
                "reason": "", "observed": {}, "limits": [], "started_ms": 0, "duration_ms": 1
            })
        };
        let finding = json!({"id": "f", "status": "warn", "title": "", "detail": "", "remedy": "", "checks": []});
        let run = json!({
            "id": "", "started": "", "finished": "", "duration_ms": 1, "profile": "p", "from": "c", "options": {}, "targets": {}
        });
        let report = json!({
            "schema": "", "complete": true, "tool": {"name": "", "version": ""}, "run": run, "verdict": verdict,
            "summary": Summary::default(), "findings": vec![finding; findings],
            "checks": checks.iter().map(check).collect::<Vec<_>>()
        });
        meaning(&serde_json::from_value(report).unwrap())
    }

    #[test]
    fn the_head_never_contradicts_the_body() {
        let (good, optional) = (("required", "pass"), ("optional", "fail"));
        for (verdict, checks, findings, expected) in [
            (Status::Pass, &[good][..], 0, "exit 0: every required check passed"),
            (Status::Pass, &[good], 2, "exit 0: every required check passed; look at the 2 findings below"),
            (
                Status::Pass,
                &[good, optional],
                1,
                "exit 0: no required check failed; 1 optional did; look at the finding below",
            ),
            (
                Status::Warn,
                &[("required", "warn")],
                1,
                "exit 0 (1 with --strict): no required check failed; look at the warnings",
            ),
            (
                Status::Warn,
                &[good, ("recommended", "fail")],
                0,
                "exit 0 (1 with --strict): no required check failed; 1 recommended did; look at what does not pass",
            ),
            (
                Status::Warn,
                &[("required", "fail"), ("alternative", "pass")],
                0,
                "exit 0 (1 with --strict): what is required works, some of it only by an alternative; look at what does not pass",
            ),
            (Status::Fail, &[("required", "fail"), optional], 0, "exit 1: a required check failed"),
            (
                Status::Unknown,
                &[("required", "unknown"), optional],
                0,
                "exit 3: what is required could not be decided; 1 optional failed",
            ),
        ] {
            assert_eq!(said(verdict, checks, findings), expected);
        }
    }
}
