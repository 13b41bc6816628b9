//! How reports are drawn: snapshots of each format, and what must hold for every report there can be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod reports;

use proptest::prelude::*;
use rtc_check::explain::TOPICS;
use rtc_check::model::{Event, Report, Status};
use rtc_check::report::{Format, Style, explain, line, render};
use unicode_width::UnicodeWidthStr;

fn style(width: usize, colour: bool, unicode: bool) -> Style {
    Style { width, colour, unicode }
}

fn table(report: &Report, style: Style) -> String {
    render(report, Format::Table, &style)
}

#[test]
fn an_agents_bad_night_in_a_table() {
    insta::assert_snapshot!("table_80", table(&reports::agent(), style(80, false, true)));
    insta::assert_snapshot!("table_120", table(&reports::agent(), style(120, false, true)));
    insta::assert_snapshot!("table_60_ascii", table(&reports::agent(), style(60, false, false)));
    insta::assert_snapshot!("table_80_colour", table(&reports::agent(), style(80, true, true)).replace('\x1b', "␛"));
}

#[test]
fn other_nights_in_a_table() {
    insta::assert_snapshot!("table_healthy", table(&reports::healthy(), style(80, false, true)));
    insta::assert_snapshot!("table_unresolved", table(&reports::unresolved(), style(80, false, true)));
    insta::assert_snapshot!("table_measured_60", table(&reports::measured(), style(60, false, false)));
    insta::assert_snapshot!("table_measured_80", table(&reports::measured(), style(80, false, true)));
    insta::assert_snapshot!("table_measured_120", table(&reports::measured(), style(120, false, true)));
    insta::assert_snapshot!("table_empty", table(&reports::empty(), style(80, false, true)));
}

#[test]
fn ten_causes_at_once_in_the_order_of_mending() {
    insta::assert_snapshot!("table_diagnosed_80", table(&reports::diagnosed(), style(80, false, true)));
    insta::assert_snapshot!("table_diagnosed_60", table(&reports::diagnosed(), style(60, false, false)));
}

#[test]
fn a_text_that_explains() {
    let topic = |word| rtc_check::explain::topic(word).unwrap();
    let drawn = |word, width| explain::topic(topic(word), None, explain::Format::Table, &style(width, false, false));
    insta::assert_snapshot!("explain_path_mtu", drawn("path.mtu", 80));
    let about = "rtc.media is a rule of profile agent.";
    let ranged = explain::topic(topic("rtp"), Some(about), explain::Format::Table, &style(60, false, false));
    insta::assert_snapshot!("explain_udp_range_60", ranged);
    for topic in TOPICS {
        for width in [60, 80, 120] {
            let drawn = explain::topic(topic, None, explain::Format::Table, &style(width, true, false));
            assert!(drawn.lines().all(|l| columns(l) <= width.min(100)), "{} is wider than {width}", topic.name);
        }
        let json = explain::topic(topic, None, explain::Format::Json, &Style::default());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["name"], topic.name);
    }
    let list = explain::list(TOPICS, explain::Format::Table, &style(80, false, false));
    assert!(list.lines().all(|l| columns(l) <= 80), "{list}");
    assert!(TOPICS.iter().all(|t| list.contains(t.name)));
}

#[test]
fn ways_side_by_side() {
    insta::assert_snapshot!("table_ways_60", table(&reports::fallback(), style(60, false, false)));
    insta::assert_snapshot!("table_ways_80", table(&reports::fallback(), style(80, false, true)));
    insta::assert_snapshot!("table_ways_120", table(&reports::fallback(), style(120, false, true)));
    let six = reports::fallback_to("2001:db8:85a3:8d3:1319:8a2e:370:7330");
    insta::assert_snapshot!("table_ways_ipv6", table(&six, style(120, false, true)));
    insta::assert_snapshot!("table_ways_narrow", table(&six, style(40, false, false)));
}

#[test]
fn an_agents_bad_night_for_machines() {
    insta::assert_snapshot!("json", render(&reports::agent(), Format::Json, &Style::default()));
    insta::assert_snapshot!("ndjson", render(&reports::agent(), Format::Ndjson, &Style::default()));
}

#[test]
fn a_saved_report_can_be_drawn_again() {
    let report = reports::agent();
    let json = render(&report, Format::Json, &Style::default());
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn a_report_of_a_version_without_ways_can_be_drawn() {
    let json = render(&reports::agent(), Format::Json, &Style::default());
    assert!(!json.contains("\"ways\""));
    assert!(serde_json::from_str::<Report>(&json).unwrap().ways.is_empty());
}

#[test]
fn an_event_is_one_line() {
    let event = Event::Finished { verdict: Status::Unknown, at_ms: 12 };
    assert_eq!(line(&event), "{\"event\":\"finished\",\"verdict\":\"unknown\",\"at_ms\":12}\n");
}

/// The columns of a line without its colours.
fn columns(line: &str) -> usize {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = escape.split_once('m').expect("only colours escape").1;
    }
    plain.push_str(rest);
    plain.width()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_line_is_wider_than_the_terminal(report in reports::reports(), colour: bool, unicode: bool) {
        for width in [60, 80, 120] {
            let drawn = table(&report, style(width, colour, unicode));
            for line in drawn.lines() {
                prop_assert!(columns(line) <= width, "{} columns of {width}: {line}", columns(line));
            }
            prop_assert!(colour || !drawn.contains('\x1b'));
            prop_assert!(unicode || drawn.is_ascii());
            prop_assert!(!drawn.contains(|c: char| c.is_control() && c != '\n' && c != '\x1b'));
            prop_assert!(drawn.ends_with('\n'));
        }
    }

    #[test]
    fn any_width_is_survived(report in reports::reports(), width in 0usize..30) {
        prop_assert!(table(&report, style(width, true, true)).ends_with('\n'));
    }

    #[test]
    fn json_and_ndjson_are_whole_and_hold_no_control_character(report in reports::reports()) {
        let json = render(&report, Format::Json, &Style::default());
        prop_assert!(!json.contains(|c: char| c.is_control() && c != '\n'));
        let back: Report = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back.checks.len(), report.checks.len());
        let ndjson = render(&report, Format::Ndjson, &Style::default());
        prop_assert_eq!(ndjson.lines().count(), report.checks.len() + report.findings.len() + 2);
        prop_assert!(ndjson.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok()));
    }
}
