//! Two reports side by side: what is told, what makes a gate fail, and that reports of every earlier version are read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
mod reports;

use harness::{Run, binary};
use proptest::prelude::*;
use rtc_check::compare::compare;
use rtc_check::model::{Change, Comparison, LimitResult, MatchedBy, Report, Status};
use rtc_check::report::compare::{Format, render};
use rtc_check::report::{self, Style};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The agent's network before its bad night: media flow, another address, one check fewer, a faster line.
fn before() -> Report {
    let mut report = reports::agent();
    report.verdict = Status::Warn;
    report.findings.remove(0);
    for check in report.checks.iter_mut().filter(|c| c.role.as_str() == "rtc" && c.status != Status::Skip) {
        check.id = check.id.replace("203.0.113.10", "10.20.0.10");
        check.address = Some("10.20.0.10".parse().unwrap());
        if check.status == Status::Fail {
            check.status = Status::Pass;
            check.reason = format!("{} at 10.20.0.10 answered", check.port_words());
        }
    }
    report.checks.retain(|c| !(c.name() == "acd.media" && c.status == Status::Unknown));
    let certificate = report.checks.iter_mut().find(|c| c.name() == "acd.https").unwrap();
    (certificate.status, certificate.reason) = (Status::Fail, "the certificate of acd.example.com ended".to_owned());
    report.checks.push(measured(19.2, 20.9));
    report
}

fn after() -> Report {
    let mut report = reports::agent();
    report.checks.push(measured(60.2, 61.9));
    report
}

/// A quality check whose round trip lies between the two.
fn measured(low: f64, high: f64) -> rtc_check::model::Check {
    let mut check = reports::measured().checks.remove(0);
    check.status = Status::Pass;
    check.limits.truncate(2);
    let rtt: &mut LimitResult = &mut check.limits[0];
    (rtt.observed, rtt.ci95) = (Some((low + high) / 2.0), Some([low, high]));
    check
}

fn compared(before: &Report, after: &Report) -> Comparison {
    compare(("office.json", before), ("home.json", after))
}

#[test]
fn what_got_worse_stands_first() {
    let compared = compared(&before(), &after());
    let style = |width, unicode| Style { width, colour: false, unicode };
    insta::assert_snapshot!("compare_80", render(&compared, Format::Table, &style(80, true)));
    insta::assert_snapshot!("compare_60_ascii", render(&compared, Format::Table, &style(60, false)));
    insta::assert_snapshot!("compare_markdown", render(&compared, Format::Markdown, &style(80, true)));
    let back: Comparison = serde_json::from_str(&render(&compared, Format::Json, &style(80, true))).unwrap();
    assert_eq!(back, compared);
}

#[test]
fn the_other_way_round_it_is_better() {
    let compared = compared(&after(), &before());
    // The certificate is worse, so the whole is.
    assert_eq!((compared.result, compared.verdict), (Change::Worse, Change::Better));
    let rtt = compared.figures.iter().find(|f| f.metric == "rtt_ms").unwrap();
    let jitter = compared.figures.iter().find(|f| f.metric == "jitter_ms").unwrap();
    assert_eq!((rtt.change, jitter.change), (Change::Better, Change::Same));
    insta::assert_snapshot!("compare_better", render(&compared, Format::Table, &Style::default()));
}

#[test]
fn a_check_is_recognised_by_its_id_its_host_or_its_rule() {
    let (mut a, mut b) = (reports::healthy(), reports::healthy());
    let matched = |a: &Report, b: &Report| compared(a, b).checks.iter().map(|c| c.matched).collect::<Vec<_>>();
    assert_eq!(matched(&a, &b), []);
    b.checks[0].id = "rtc.http/rtc.example.com/10.0.0.1".to_owned();
    b.checks[0].address = Some("10.0.0.1".parse().unwrap());
    assert_eq!(matched(&a, &b), [Some(MatchedBy::Target)]);
    assert_eq!(compared(&a, &b).result, Change::Changed);
    b.checks[0].target = "inside.example.com".to_owned();
    assert_eq!(matched(&a, &b), [Some(MatchedBy::Rule)]);
    b.checks[0].address = None;
    assert_eq!(matched(&a, &b), [Some(MatchedBy::Rule)]);
    let twin = b.checks[0].clone();
    b.checks.push(rtc_check::model::Check { target: "second.example.com".to_owned(), id: "x".to_owned(), ..twin });
    assert!(matched(&a, &b).iter().all(Option::is_none), "which of two it was is not guessed");
    a.checks.clear();
    assert_eq!(compared(&a, &b).result, Change::Changed, "what came and passes is not worse");
}

#[test]
fn only_what_counts_makes_it_worse() {
    let result = |change: &dyn Fn(&mut Report)| {
        let mut after = reports::healthy();
        change(&mut after);
        compared(&reports::healthy(), &after).result
    };
    assert_eq!(result(&|_| {}), Change::Same);
    assert_eq!(result(&|r| r.checks[0].status = Status::Warn), Change::Worse);
    assert_eq!(result(&|r| r.checks[0].status = Status::Skip), Change::Worse, "tested no more");
    assert_eq!(result(&|r| r.verdict = Status::Unknown), Change::Worse);
    assert_eq!(result(&|r| drop(r.checks.remove(0))), Change::Worse, "tested no more");
    assert_eq!(result(&|r| r.checks.iter_mut().for_each(|c| c.status = Status::Skip)), Change::Worse);
    assert_eq!(result(&|r| r.checks.clear()), Change::Worse);
    let mut undecided = reports::healthy();
    undecided.checks[0].status = Status::Unknown;
    let none = Report { checks: undecided.checks[1..].to_vec(), ..undecided.clone() };
    assert_eq!(compared(&undecided, &none).result, Change::Changed, "what never worked is not lost");
    assert_eq!(result(&|r| r.findings = reports::agent().findings), Change::Worse);
    assert_eq!(result(&|r| r.findings = reports::agent().findings.split_off(1)), Change::Changed, "a note");
    assert_eq!(
        result(&|r| {
            r.checks[0].status = Status::Fail;
            r.checks[0].need = rtc_check::model::Need::Optional;
        }),
        Change::Changed
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_report_is_the_same_as_itself(report in reports::reports()) {
        let same = compared(&report, &report);
        prop_assert_eq!(same.result, Change::Same);
        prop_assert_eq!((same.same as usize, same.checks.len()), (report.checks.len(), 0));
    }

    #[test]
    fn no_check_is_lost_and_nothing_is_better_and_worse_at_once(a in reports::reports(), b in reports::reports()) {
        let there = compared(&a, &b);
        let of_a = there.checks.iter().filter(|c| c.before.is_some()).count() + there.same as usize;
        let of_b = there.checks.iter().filter(|c| c.after.is_some()).count() + there.same as usize;
        prop_assert_eq!((of_a, of_b), (a.checks.len(), b.checks.len()));
        let back = compared(&b, &a);
        let count = |c: &Comparison, change| c.checks.iter().filter(|c| c.change == change).count();
        prop_assert_eq!(count(&there, Change::Appeared), count(&back, Change::Gone));
        for format in Format::ALL {
            for width in [20, 80] {
                let drawn = render(&there, format, &Style { width, colour: false, unicode: true });
                prop_assert!(drawn.ends_with('\n'));
                prop_assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{:?}", drawn);
            }
        }
    }
}

fn rtc_check(args: &[&str]) -> Run {
    let mut command = binary();
    command.args(args);
    harness::run(command)
}

/// Files of reports in a directory of their own.
fn saved(reports: &[(&str, &Report)]) -> (TempDir, Vec<String>) {
    let dir = TempDir::new().unwrap();
    let write = |(name, report): &(&str, &Report)| {
        let path = dir.path().join(name);
        std::fs::write(&path, report::render(report, report::Format::Json, &Style::default())).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let paths = reports.iter().map(write).collect();
    (dir, paths)
}

#[test]
fn a_diff_fails_only_where_it_is_asked_to() {
    let (_dir, paths) = saved(&[("before.json", &before()), ("after.json", &after())]);
    let (a, b) = (paths[0].as_str(), paths[1].as_str());
    rtc_check(&["diff", a, b]).exits(0);
    rtc_check(&["diff", a, b, "--fail-on", "never"]).exits(0);
    let worse = rtc_check(&["diff", a, b, "--fail-on", "worse"]);
    assert!(worse.exits(1).stdout.contains("rtc.media"), "{}", worse.stdout);
    rtc_check(&["diff", a, a, "--fail-on", "any"]).exits(0);
    let json: Value = serde_json::from_str(&rtc_check(&["diff", a, b, "--format", "json"]).exits(0).stdout).unwrap();
    assert_eq!((&json["schema"], &json["result"]), (&json!("rtc-check/comparison/1"), &json!("worse")));
    let schema: Value = serde_json::from_str(&rtc_check(&["schema", "comparison"]).exits(0).stdout).unwrap();
    assert!(jsonschema::draft202012::is_valid(&schema, &json));
    let file = format!("{a}.md");
    assert!(rtc_check(&["diff", a, b, "--format", "markdown", "--output", &file]).exits(0).stdout.is_empty());
    assert!(std::fs::read_to_string(file).unwrap().starts_with("# WORSE"));
}

#[test]
fn a_gate_stays_shut_where_nothing_is_tested_any_more() {
    let healthy = reports::healthy();
    let mut skipped = healthy.clone();
    skipped.checks.iter_mut().for_each(|c| c.status = Status::Skip);
    let gone = Report { checks: Vec::new(), ..healthy.clone() };
    let (_dir, paths) = saved(&[("before.json", &healthy), ("skipped.json", &skipped), ("gone.json", &gone)]);
    for after in &paths[1..] {
        let run = rtc_check(&["diff", &paths[0], after, "--fail-on", "worse"]);
        assert!(run.exits(1).stdout.contains("\nWORSE"), "{}", run.stdout);
    }
}

#[test]
fn a_baseline_is_held_against_a_report_at_once() {
    let healthy = reports::healthy();
    let mut slower = healthy.clone();
    slower.checks[0].status = Status::Warn;
    let (_dir, paths) = saved(&[("before.json", &healthy), ("after.json", &slower)]);
    let (a, b) = (paths[0].as_str(), paths[1].as_str());
    let table = rtc_check(&["report", b, "--baseline", a]);
    let at = |words: &str| table.stdout.find(words).unwrap_or_else(|| panic!("no {words}: {}", table.stdout));
    assert!(at("PASSED") < at("TWO REPORTS COMPARED") && table.code == Some(0));
    rtc_check(&["report", b, "--baseline", a, "--fail-on", "worse"]).exits(1);
    rtc_check(&["report", a, "--baseline", b, "--fail-on", "worse"]).exits(0);
    rtc_check(&["report", a, "--baseline", b, "--fail-on", "any"]).exits(1);
    rtc_check(&["report", a, "--fail-on", "worse"]).exits(2).says(&["--baseline FILE"]);
    let run = rtc_check(&["report", b, "--baseline", a, "--format", "json"]);
    let json: Value = serde_json::from_str(&run.exits(0).stdout).unwrap();
    assert_eq!(json["comparison"]["result"], "worse");
    let schema = report::schema();
    assert!(jsonschema::draft202012::is_valid(&schema, &json));
    // A file of the gate may be its own next baseline.
    rtc_check(&["report", b, "--baseline", a, "--format", "json", "--output", a]).exits(0);
    assert!(std::fs::read_to_string(a).unwrap().contains("\"comparison\""));
}

#[test]
fn a_baseline_that_cannot_be_read_ends_a_run_before_it_begins() {
    let run = rtc_check(&["demo", "--baseline", "/nonexistent/report.json"]);
    assert!(run.exits(2).says(&["/nonexistent/report.json"]).stdout.is_empty());
    let dry = ["--profile", "user", "--target", "rtc=127.0.0.1", "--dry-run"];
    let dry = |more: &[&str]| rtc_check(&[&dry, more].concat());
    dry(&["--baseline", "/nonexistent/report.json"]).exits(2).says(&["/nonexistent/report.json"]);
    dry(&["--fail-on", "worse"]).exits(2).says(&["--baseline FILE"]);
}

#[test]
fn reports_of_earlier_versions_are_read_and_others_named() {
    let old = |name: &str| format!("{}/tests/reports/old/{name}.json", env!("CARGO_MANIFEST_DIR"));
    for name in ["first", "contract"] {
        rtc_check(&["diff", &old(name), &old(name), "--fail-on", "any"]).exits(0);
        let drawn = rtc_check(&["report", &old(name), "--format", "table", "--redact", "all"]);
        assert!(drawn.code.is_some_and(|code| code != 2), "{}", drawn.stderr);
    }
    rtc_check(&["diff", &old("contract"), &old("first"), "--fail-on", "worse"]).exits(1);
    let dir = TempDir::new().unwrap();
    let later = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&std::fs::read_to_string(old("contract")).unwrap()).unwrap();
        change(&mut value);
        let path = dir.path().join("later.json");
        std::fs::write(&path, value.to_string()).unwrap();
        rtc_check(&["diff", &old("contract"), path.to_str().unwrap(), "--fail-on", "any"])
    };
    later(&|v| v["checks"][0]["later"] = json!({ "a": 1 })).exits(0);
    later(&|v| v["later"] = json!([1])).exits(0);
    let words = ["rtc-check/report/2", "rtc-check/report/1"];
    later(&|v| v["schema"] = json!("rtc-check/report/2")).exits(2).says(&words);
    later(&|v| v["schema"] = json!("rtc-check/comparison/1")).exits(2).says(&["rtc-check/comparison/1"]);
    rtc_check(&["diff", &old("contract"), "Cargo.toml"]).exits(2).says(&["is not JSON"]);
    rtc_check(&["diff", "-", "-"]).exits(2).says(&["stdin"]);
}
