//! The formats for other programs: snapshots of each, each read by a program from elsewhere, and that no text of a
//! report gets out of its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "tests read the environment")]

#[path = "formats/read.rs"]
mod read;
#[path = "harness/readers.rs"]
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod readers;
mod reports;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rtc_check::model::{Ended, Finding, Report, Status};
use rtc_check::report::{Format, Style, render};

/// The formats of this file: the others have tests of their own.
const FORMATS: [Format; 6] =
    [Format::Junit, Format::Markdown, Format::Prometheus, Format::Csv, Format::Tap, Format::Nagios];

fn drawn(report: &Report, format: Format) -> String {
    render(report, format, &Style::default())
}

/// Reports as they are, by name.
fn plain() -> Vec<(String, Report)> {
    let all = [
        ("agent", reports::agent()),
        ("healthy", reports::healthy()),
        ("diagnosed", reports::diagnosed()),
        ("measured", reports::measured()),
        ("empty", reports::empty()),
    ];
    all.map(|(name, report)| (name.to_owned(), report)).into()
}

/// Those, odd ones, and reports full of any text, the same in every run.
fn all() -> Vec<(String, Report)> {
    let mut all = plain();
    all.push(("unresolved".to_owned(), reports::unresolved()));
    all.push(("fallback".to_owned(), reports::fallback()));
    all.push(("cut".to_owned(), cut_short()));
    all.push(("untold".to_owned(), untold()));
    all.push(("hostile".to_owned(), hostile()));
    let mut runner = TestRunner::deterministic();
    let generated =
        (0..40).map(|n| (format!("generated-{n}"), reports::reports().new_tree(&mut runner).unwrap().current()));
    all.extend(generated);
    all
}

/// Ended by Ctrl-C before anything was known.
fn cut_short() -> Report {
    let mut report = Report { complete: false, verdict: Status::Unknown, ..reports::empty() };
    report.run.ended = Some(Ended::Interrupted);
    report
}

/// A cause with no check beside it, in a run whose checks all pass.
fn untold() -> Report {
    let mut report = reports::healthy();
    report.verdict = Status::Fail;
    let ask = vec!["allow GRE (IP protocol 47) to 203.0.113.10".to_owned()];
    report.findings.push(Finding {
        id: "media.no-way".to_owned(),
        status: Status::Fail,
        title: "No way for media".to_owned(),
        detail: "Nothing carries it.".to_owned(),
        ask,
        ..Finding::default()
    });
    report
}

/// What somebody writes who knows the formats.
fn hostile() -> Report {
    const EVIL: &str = "x]]></failure></testcase>&lt;\" ok 1 - y # SKIP no | z=1 @everyone <script>alert(1)</script> \
        <!-- --> [a](https://evil.example) https://evil.example/ www.evil.example ![i](http://e) #1 !1 :100: $a$ ``` \
        </details> *b* _c_ \n\n# h\n---\n/close\n=cmd|' /C calc'!A0\u{fffe}\u{1b}[31m'{}\\";
    let mut report = reports::agent();
    report.run.profile = EVIL.to_owned();
    report.run.from = EVIL.to_owned();
    report.run.targets.insert(EVIL.into(), vec![EVIL.to_owned()]);
    for check in &mut report.checks {
        check.reason = EVIL.to_owned();
        check.target = EVIL.to_owned();
        check.role = EVIL.into();
        check.id = format!("{EVIL}{}", check.id);
        check.group = Some(EVIL.to_owned());
    }
    for finding in &mut report.findings {
        for text in [&mut finding.id, &mut finding.title, &mut finding.detail, &mut finding.remedy] {
            *text = EVIL.to_owned();
        }
        (finding.evidence, finding.ask) = (vec![EVIL.to_owned(); 3], vec![EVIL.to_owned(), "````".to_owned()]);
        finding.checks = vec![report.checks[0].id.clone()];
    }
    report
}

#[test]
fn snapshots() {
    for (name, report) in plain() {
        for format in FORMATS {
            insta::assert_snapshot!(format!("{format}_{name}"), drawn(&report, format));
        }
    }
}

#[test]
fn every_format_ends_with_a_newline_and_commands_no_terminal() {
    for (name, report) in all() {
        for format in FORMATS {
            let text = drawn(&report, format);
            assert!(text.ends_with('\n'), "{format} of {name}");
            let obeyed = |c: char| c.is_control() && c != '\n' && !(format == Format::Csv && c == '\r');
            assert!(!text.contains(obeyed), "{format} of {name}: {text}");
        }
    }
}

#[test]
fn a_large_report_stays_within_what_its_readers_take() {
    let mut report = reports::agent();
    let check = report.checks[4].clone();
    report.findings.clear();
    report.checks = (0..3000).map(|n| rtc_check::model::Check { id: format!("c{n}"), ..check.clone() }).collect();
    assert!(drawn(&report, Format::Markdown).len() < 1 << 20, "a step's summary takes 1 MiB");
    assert!(drawn(&report, Format::Nagios).len() < 8192);
    assert_eq!(drawn(&report, Format::Junit).matches("<testcase ").count(), 3000);
    assert_eq!(drawn(&report, Format::Csv).lines().count(), 3001);
}

/// A case of JUnit or a point of TAP by itself, and a row of Markdown.
fn alone(report: &Report, format: Format, id: &str) -> String {
    let text = drawn(report, format);
    let (begins, ends) = match format {
        Format::Junit => (format!("<testcase name=\"{id}\""), "</testcase>"),
        Format::Tap => (format!(" - {id}\n"), "\n  ...\n"),
        _ => (format!(" {} | ", id.split('/').next().unwrap()), " |\n"),
    };
    let (_, from) = text.split_once(&begins).unwrap_or_else(|| panic!("{id} in {text}"));
    from.split_once(ends).unwrap().0.to_owned()
}

#[test]
fn who_sees_one_check_alone_reads_that_its_group_holds_by_another() {
    const FORMATS: [Format; 3] = [Format::Junit, Format::Tap, Format::Markdown];
    let place = "rtc.example.com/203.0.113.10";
    let (gateway, api) = (format!("rtc.gateway/{place}"), format!("rtc.api/{place}"));
    let said = "rtc.signalling holds by its alternative alone: ";
    let works = format!("{said}{api} works (pass)");
    let mut report = reports::agent();
    // The finding may follow from another, or be a note where the profile takes the alternative as well.
    report.findings.clear();
    FORMATS.iter().for_each(|f| assert!(alone(&report, *f, &gateway).contains(&works), "{f}"));
    let place_of = |report: &Report, id: &str| report.checks.iter().position(|c| c.id == id).unwrap();
    let (gateway_at, api_at) = (place_of(&report, &gateway), place_of(&report, &api));

    let mut elsewhere = report.clone();
    elsewhere.checks[api_at].address = Some("203.0.113.99".parse().unwrap());
    let mut unproven = report.clone();
    unproven.checks[api_at].observed.set(&rtc_check::model::metric::FALLBACK, "only connected");
    let mut broken = report.clone();
    broken.checks[api_at].status = Status::Unknown;
    for report in [&elsewhere, &unproven, &broken] {
        FORMATS.iter().for_each(|f| assert!(!alone(report, *f, &gateway).contains("works ("), "{f}"));
    }

    let mut other_way = report.clone();
    (other_way.checks[gateway_at].status, other_way.checks[api_at].status) = (Status::Pass, Status::Fail);
    let works = format!("of group rtc.signalling, {gateway} works (pass)");
    FORMATS.iter().for_each(|f| assert!(alone(&other_way, *f, &api).contains(&works), "{f}"));
}

#[test]
fn every_format_tells_that_a_port_is_not_the_document_s() {
    let moved = |status: Status| {
        let mut report = reports::healthy();
        let at = report.checks.iter().position(|c| c.id == "rtc.https/rtc.example.com/203.0.113.10").unwrap();
        let check = &mut report.checks[at];
        (check.port, check.status) = (Some(8443), status);
        check.observed.set(&rtc_check::model::metric::DOCUMENTED_PORTS, "443");
        report
    };
    for format in Format::ALL {
        let told = match format {
            Format::Json => "\"documented_ports\": \"443\"",
            Format::Ndjson => "\"documented_ports\":\"443\"",
            Format::Csv => ",443\r\n",
            Format::Prometheus => "documented_port=\"443\"",
            Format::Nagios => "1 check on another port than the document's",
            _ => "the document says TCP 443; TCP 8443 was tested instead",
        };
        for status in [Status::Pass, Status::Warn, Status::Fail, Status::Unknown] {
            let text = render(&moved(status), *format, &Style { width: 200, ..Style::default() });
            assert!(text.contains(told), "{format}, {status}: {text}");
        }
        // A skipped check tested no port.
        for text in [drawn(&reports::healthy(), *format), drawn(&moved(Status::Skip), *format)] {
            let words = ["the document says", "the document's", "documented_port="];
            assert!(!words.iter().any(|told| text.contains(told)), "{format}: {text}");
        }
    }
}
