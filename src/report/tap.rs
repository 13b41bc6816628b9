//! The report in the Test Anything Protocol, version 14: a check a test point with its evidence as YAML. What could not
//! be decided is `not ok`; what is waived or was not tried is skipped, and nothing is ever a TODO.

use std::fmt::Write;

use super::cases::{self, Case};
use super::text::{clean, escape_controls};
use crate::model::{Report, Status, masked};

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    let cases = cases::of(report);
    let (run, s) = (&report.run, &report.summary);
    let mut out = format!("TAP version 14\n1..{}\n", cases.len());
    comment(
        &mut out,
        &format!("{} {}: profile {}, from {}", report.tool.name, report.tool.version, run.profile, run.from),
    );
    comment(&mut out, &format!("started {}, took {} ms", run.started, run.duration_ms));
    for (n, case) in cases.iter().enumerate() {
        point(&mut out, n + 1, case);
    }
    let complete = if report.complete { "" } else { ", not complete" };
    let counts = format!("{} pass, {} warn, {} fail, {} unknown, {} skip", s.pass, s.warn, s.fail, s.unknown, s.skip);
    comment(&mut out, &format!("verdict {}{complete}: {counts}", report.verdict));
    out
}

fn comment(out: &mut String, words: &str) {
    let _ = writeln!(out, "# {}", clean(words, true));
}

fn point(out: &mut String, number: usize, case: &Case<'_>) {
    let ok = if matches!(case.status, Status::Fail | Status::Unknown) { "not ok" } else { "ok" };
    let _ = write!(out, "{ok} {number} - {}", description(case.name));
    match case.status {
        Status::Skip => {
            let _ = writeln!(out, " # SKIP {}", description(&case.message));
        }
        _ => {
            out.push_str("\n  ---\n");
            yaml(out, case);
            out.push_str("  ...\n");
        }
    }
}

/// A description in which no sign begins a directive.
fn description(words: &str) -> String {
    clean(words, true).replace('\\', "\\\\").replace('#', "\\#")
}

fn yaml(out: &mut String, case: &Case<'_>) {
    value(out, "message", &case.message);
    value(out, "severity", case.status.as_str());
    if let Some(check) = case.check {
        let address = check.address.map(masked::shown).unwrap_or_default();
        let pairs = [
            ("probe", check.probe.as_str()),
            ("role", check.role.as_str()),
            ("target", &check.target),
            ("address", &address),
            ("port", &check.port_words()),
            ("need", check.need.as_str()),
        ];
        pairs.into_iter().filter(|(_, text)| !text.is_empty()).for_each(|(key, text)| value(out, key, text));
        let _ = writeln!(out, "  duration_ms: {}", check.duration_ms);
    }
    case.group.iter().for_each(|told| value(out, "group", told));
    list(out, "seen", case.seen());
    list(out, "limits", case.limits());
    list(out, "asks", case.rows());
    if case.status != Status::Pass {
        list(out, "causes", case.causes.iter().flat_map(|finding| cases::cause(finding)).collect());
    }
}

fn value(out: &mut String, key: &str, text: &str) {
    let _ = writeln!(out, "  {key}: {}", quoted(text));
}

fn list(out: &mut String, key: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        let _ = writeln!(out, "  {key}:");
        lines.iter().for_each(|line| {
            let _ = writeln!(out, "    - {}", quoted(line));
        });
    }
}

/// A double-quoted scalar: JSON's strings are YAML's too. What YAML leaves out of its characters is not in it.
fn quoted(text: &str) -> String {
    let printable = text.replace(['\u{feff}', '\u{fffe}', '\u{ffff}'], "\u{fffd}");
    escape_controls(serde_json::Value::from(printable).to_string())
}
