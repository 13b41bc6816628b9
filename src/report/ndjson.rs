//! Events, one JSON document a line: live ones as they happen, and those that could have led to a saved report.

use super::json::one_line;
use crate::model::{Event, Report};

/// One event as one line with its newline.
pub fn line(event: &Event) -> String {
    one_line(event)
}

/// An event that is JSON already, as one line with its newline.
pub fn line_of(event: &serde_json::Value) -> String {
    one_line(event)
}

/// `started`, a `check-done` for each check, a `finding` for each finding, `finished`.
pub(super) fn render(report: &Report) -> String {
    let run = &report.run;
    let started = Event::Started { run: run.id.clone(), profile: run.profile.clone(), started: run.started.clone() };
    let finished = Event::Finished { verdict: report.verdict, at_ms: run.duration_ms };
    let done = report.checks.iter().map(|c| Event::CheckDone { check: Box::new(c.clone()) });
    let findings = report.findings.iter().map(|f| Event::Finding { finding: Box::new(f.clone()) });
    std::iter::once(started)
        .chain(done)
        .chain(findings)
        .chain(std::iter::once(finished))
        .map(|event| line(&event))
        .collect()
}

/// A whole report as one line with its newline.
pub fn line_of_report(report: &Report) -> String {
    one_line(report)
}
