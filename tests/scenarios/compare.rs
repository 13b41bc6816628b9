//! What a report says beside what it must say.

use serde_json::Value;

use crate::case::{Expected, Truth};
use crate::harness::{Check, Report};

/// Everything that is wrong with the run; nothing where it is right.
pub fn differences(truth: &Truth, exit: Option<i32>, report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    if exit != Some(truth.exit) {
        wrong.push(format!("exit {exit:?} in place of {}", truth.exit));
    }
    if !truth.verdict.split('|').any(|v| v == report.verdict()) {
        wrong.push(format!("verdict {} in place of {}", report.verdict(), truth.verdict));
    }
    let findings = findings(report);
    wrong.extend(truth.findings.iter().filter_map(|expected| missing(expected, findings)));
    for finding in findings {
        let id = text(finding, "id");
        let is_expected = truth.findings.iter().any(|e| e.id == id) || truth.may.iter().any(|m| m == id);
        if truth.absent.iter().any(|a| a == id) || (!is_expected && text(finding, "status") != "pass") {
            wrong.push(format!("finding that should not be there: {}", all_text(finding)));
        }
    }
    wrong.extend(truth.checks.iter().flat_map(|(key, status)| unlike(report, key, status)));
    wrong
}

/// The findings of a report.
pub fn findings(report: &Report) -> &[Value] {
    report.0["findings"].as_array().map_or(&[], Vec::as_slice)
}

/// A string of a finding.
pub fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or("")
}

/// Every word of a finding.
fn all_text(finding: &Value) -> String {
    let lists =
        ["ask", "evidence"].into_iter().filter_map(|k| finding[k].as_array()).flatten().filter_map(Value::as_str);
    let words = ["id", "status", "who", "title", "detail", "remedy"].map(|k| text(finding, k));
    words.into_iter().chain(lists).collect::<Vec<_>>().join(" | ")
}

fn missing(expected: &Expected, findings: &[Value]) -> Option<String> {
    let same: Vec<&Value> = findings.iter().filter(|f| text(f, "id") == expected.id).collect();
    let is_it = |f: &&&Value| {
        let words = all_text(f);
        expected.says.iter().all(|s| words.contains(s.as_str()))
            && expected.who.as_ref().is_none_or(|who| text(f, "who") == who)
            && expected.status.as_ref().is_none_or(|status| text(f, "status") == status)
    };
    if same.iter().any(|f| is_it(&f)) {
        return None;
    }
    if same.is_empty() {
        return Some(format!("no finding {}", expected.id));
    }
    let there = same.iter().map(|f| format!("\n      {}", all_text(f))).collect::<String>();
    Some(format!(
        "no finding {} that says {:?} (status {:?}, who {:?}); there is:{there}",
        expected.id, expected.says, expected.status, expected.who
    ))
}

/// The checks of `key` that have another status, or that there are none.
fn unlike(report: &Report, key: &str, status: &str) -> Vec<String> {
    let (what, address) = key.split_once(" on ").map_or((key, None), |(what, address)| (what, Some(address)));
    let is_meant = |c: &Check<'_>| {
        let id = c.value["id"].as_str().unwrap_or("");
        let is_named = c.wire() == what
            || c.rule() == what
            || id == what
            || id.split_once('/').is_some_and(|(name, _)| name == what);
        is_named && c.status() != "skip" && address.is_none_or(|a| c.value["address"] == a)
    };
    let checks: Vec<_> = report.all().into_iter().filter(is_meant).collect();
    if checks.is_empty() {
        return vec![format!("no check {key}")];
    }
    let is_other = |c: &&Check<'_>| !status.split('|').any(|s| s == c.status());
    let told = |c: &Check<'_>| format!("check {key} is {} in place of {status}: {}", c.status(), c.reason());
    checks.iter().filter(is_other).map(told).collect()
}
