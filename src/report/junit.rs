//! The report as JUnit XML: a role a suite, a check a case. A check that fails is a failure, one that could not be
//! decided an error, a waived one skipped; a warning passes, with its sentence in the case's output.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Property, Report as Suites, TestCase, TestCaseStatus, TestSuite};

use super::cases::{self, Case};
use super::text::clean;
use crate::model::{Report, Status};

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    let mut suites = Suites::new(text(&format!("{} {}", report.tool.name, report.run.profile)));
    suites.set_time(Duration::from_millis(report.run.duration_ms));
    let cases = cases::of(report);
    for (role, cases) in by_role(&cases) {
        suites.add_test_suite(suite(report, role, &cases));
    }
    match suites.to_string() {
        Ok(written) => without_skipped(written),
        // Nothing in it can fail to be written; should that change, a reader must not take it for a good run.
        Err(e) => format!("<testsuites><!-- {} --></testsuites>\n", text(&e.to_string()).replace('-', " ")),
    }
}

/// Without an attribute of the root that the schemas of CI servers do not know.
fn without_skipped(written: String) -> String {
    let root = written.split_once("<testsuites ").and_then(|(_, root)| Some(root.split_once('>')?.0));
    let skipped =
        root.and_then(|root| Some(format!(" skipped=\"{}\"", root.split_once(" skipped=\"")?.1.split_once('"')?.0)));
    skipped.map_or_else(|| written.clone(), |skipped| written.replacen(&skipped, "", 1))
}

/// The cases of each role, in the order in which roles first come.
fn by_role<'a, 'b>(cases: &'b [Case<'a>]) -> Vec<(&'a str, Vec<&'b Case<'a>>)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut roles: Vec<(&str, Vec<&Case<'_>>)> = Vec::new();
    for case in cases {
        let place = *places.entry(case.role).or_insert(roles.len());
        match roles.get_mut(place) {
            Some((_, of_role)) => of_role.push(case),
            None => roles.push((case.role, vec![case])),
        }
    }
    roles
}

fn suite(report: &Report, role: &str, cases: &[&Case<'_>]) -> TestSuite {
    let mut suite = TestSuite::new(text(role));
    suite.add_properties(properties(report));
    let checks = || cases.iter().filter_map(|c| c.check);
    let begins = checks().map(|c| c.started_ms).min().unwrap_or(0);
    let ends = checks().map(|c| c.started_ms.saturating_add(c.duration_ms)).max().unwrap_or(0);
    suite.set_time(Duration::from_millis(ends.saturating_sub(begins)));
    let started = report.run.started.parse::<Timestamp>().ok();
    let started = started.and_then(|at| at.checked_add(Duration::from_millis(begins)).ok());
    if let Some(at) = started.and_then(|at| at.round(jiff::Unit::Second).ok()) {
        suite.extra.insert("timestamp".into(), at.to_string().into());
    }
    for case in cases {
        suite.add_test_case(test_case(report, case));
    }
    suite
}

fn test_case(report: &Report, case: &Case<'_>) -> TestCase {
    let mut status = match case.status {
        Status::Pass | Status::Warn => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::Skip => TestCaseStatus::skipped(),
    };
    let body = body(case);
    status.set_message(text(&case.message));
    if matches!(case.status, Status::Fail | Status::Unknown) {
        status.set_type(case.status.as_str()).set_description(body.as_str());
    }
    let mut test = TestCase::new(text(case.name), status);
    test.set_classname(text(&format!("{}.{}", report.run.profile, case.role)));
    test.set_time(Duration::from_millis(case.check.map_or(0, |c| c.duration_ms)));
    match case.status {
        Status::Pass => test.set_system_out(body),
        Status::Warn => test.set_system_out(format!("warning: {body}")),
        _ => &mut test,
    };
    test
}

/// The sentence, what shows it, the row that asks for it, and what is behind it.
fn body(case: &Case<'_>) -> String {
    let mut lines = vec![case.message.clone()];
    let lists = [("seen", case.seen()), ("limit", case.limits()), ("asks", case.rows())];
    lines
        .extend(lists.into_iter().flat_map(|(head, list)| list.into_iter().map(move |line| format!("{head}: {line}"))));
    lines.extend(case.check.map(|check| format!("need: {}", check.need)));
    lines.extend(case.group.clone());
    if case.status != Status::Pass {
        lines.extend(case.causes.iter().flat_map(|finding| cases::cause(finding)));
    }
    characters(&lines.join("\n"))
}

fn properties(report: &Report) -> Vec<Property> {
    let (run, s) = (&report.run, &report.summary);
    let mut all = vec![
        ("verdict".to_owned(), report.verdict.to_string()),
        ("complete".to_owned(), report.complete.to_string()),
        ("profile".to_owned(), run.profile.clone()),
        ("from".to_owned(), run.from.clone()),
        ("run".to_owned(), run.id.clone()),
        ("started".to_owned(), run.started.clone()),
        ("finished".to_owned(), run.finished.clone()),
        ("version".to_owned(), report.tool.version.clone()),
    ];
    let counts = [("pass", s.pass), ("warn", s.warn), ("fail", s.fail), ("unknown", s.unknown), ("skip", s.skip)];
    all.extend(counts.map(|(status, count)| (format!("checks.{status}"), count.to_string())));
    all.extend(run.targets.iter().map(|(role, hosts)| (format!("target.{role}"), hosts.join(" "))));
    all.extend(run.options.iter().map(|(name, value)| (format!("option.{name}"), value.to_string())));
    let redacted: Vec<&str> = report.redacted.iter().map(|r| r.as_str()).collect();
    if !redacted.is_empty() {
        all.push(("redacted".to_owned(), redacted.join(" ")));
    }
    all.into_iter().map(|(name, value)| Property::new(text(&name), text(&value))).collect()
}

/// One line in characters that XML 1.0 has.
fn text(words: &str) -> String {
    characters(&clean(words, true))
}

/// XML 1.0 section 2.2 leaves out, beside control characters, the last two of the first plane.
fn characters(words: &str) -> String {
    words.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
