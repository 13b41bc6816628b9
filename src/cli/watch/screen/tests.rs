//! Pictures of the screen, as a terminal would show them.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::model::{
    Check, Facts, Finding, Need, ProbeKind, Report, RunInfo, SCHEMA, Status, Summary, ToolInfo, Transport, metric,
};
use crate::watch::{End, Reading};

fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn at(secs: u64) -> Reading {
    Reading { monotonic: s(secs), boot: s(secs), wall: s(1_800_000_000 + secs) }
}

fn check(rule: &str, address: &str, port: u16, status: Status) -> Check {
    Check {
        id: format!("{rule}/rtc.example/{address}"),
        rule: Some(rule.into()),
        probe: ProbeKind::Ws,
        role: "rtc".into(),
        target: "rtc.example".to_owned(),
        address: address.parse().ok(),
        transport: Some(Transport::Tcp),
        port: Some(port),
        ports: None,
        need: Need::Required,
        status,
        reason: match status {
            Status::Fail => {
                "TCP 8989 of 203.0.113.10 is refused: nothing listens there, or a firewall rejects it".to_owned()
            }
            _ => "it answers".to_owned(),
        },
        observed: Facts::new(),
        limits: Vec::new(),
        source: None,
        group: None,
        waived: None,
        started_ms: 0,
        duration_ms: 1,
    }
}

fn quality(ms: f64) -> Check {
    let mut check = check("quality.rtc", "203.0.113.10", 1, Status::Pass);
    (check.rule, check.transport, check.port, check.probe) = (None, None, None, ProbeKind::Quality);
    check.observed.set(&metric::RTT_MS, serde_json::json!({ "p50": ms }));
    check
}

fn report(n: u64, checks: Vec<Check>) -> Report {
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: ToolInfo { name: "rtc-check".to_owned(), version: "0".to_owned() },
        run: RunInfo {
            id: n.to_string(),
            started: format!("2026-11-22T01:{:02}:00Z", n % 60),
            finished: format!("2026-11-22T01:{:02}:04Z", n % 60),
            duration_ms: 4000,
            profile: "agent".to_owned(),
            from: "client".to_owned(),
            options: Default::default(),
            targets: Default::default(),
            seed: 1,
            ended: None,
        },
        verdict: checks.iter().map(|c| c.status).max().unwrap_or_default(),
        summary: Summary::default(),
        findings: Vec::new(),
        checks,
        ways: Vec::new(),
        comparison: None,
        redacted: Vec::new(),
    };
    report.checks.iter().for_each(|c| report.summary.count(c.status));
    if report.verdict == Status::Fail {
        let (id, title) = ("blocked.refused".to_owned(), "TCP 8989 is refused on the way".to_owned());
        report.findings.push(Finding { id, title, status: Status::Fail, ..Finding::default() });
    }
    report
}

/// A night: good runs, a suspend, a clock that is set, and a gateway that goes away in the last run.
fn night() -> Watch {
    let mut watch = Watch::new(s(60), End::default(), at(1000));
    for n in 0..14u64 {
        let mut now = at(1000 + n * 60);
        if n >= 6 {
            now.boot += s(2100);
        }
        if n >= 9 {
            now.wall += s(10_800);
        }
        now.wall += now.boot - now.monotonic;
        while !matches!(watch.tick(now).1, crate::watch::Do::Begin(_)) {
            (now.boot, now.monotonic, now.wall) = (now.boot + s(1), now.monotonic + s(1), now.wall + s(1));
        }
        let gateway = if n == 13 || n == 4 { Status::Fail } else { Status::Pass };
        let trip = 12.0 + if n == 5 { 30.0 } else { (n % 3) as f64 };
        let checks = vec![
            check("rtc.https", "203.0.113.10", 443, Status::Pass),
            check("rtc.gateway", "203.0.113.10", 8989, gateway),
            check(
                "rtc.media-range",
                "2001:db8:85a3:8d3:1319:8a2e:370:7348",
                19_099,
                if n > 7 { Status::Unknown } else { Status::Warn },
            ),
            quality(trip),
        ];
        watch.finished(report(n, checks), now);
    }
    watch
}

fn drawn(watch: &Watch, size: (u16, u16), looked: &mut Looked, unicode: bool, now: u64) -> String {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let view = View {
        watch,
        title: "agent from client",
        targets: "acd 203.0.113.20  rtc rtc.example",
        now: s(now),
        waits: "3 of 14 checks, waiting for UDP 19099-20099 of 203.0.113.10 (420/1001) and 2 more",
        longest: s(95),
        notice: None,
        pen: Pen { colour: unicode, unicode },
    };
    terminal.draw(|frame| draw(frame, &view, looked)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn at_80_by_24() {
    insta::assert_snapshot!(drawn(&night(), (80, 24), &mut Looked::default(), true, 3893));
}

#[test]
fn at_60_by_20_in_ascii() {
    let text = drawn(&night(), (60, 20), &mut Looked::default(), false, 3893);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_first_run() {
    let mut watch = Watch::new(s(60), End::default(), at(1000));
    watch.tick(at(1000));
    insta::assert_snapshot!(drawn(&watch, (80, 14), &mut Looked::default(), true, 1003));
}

#[test]
fn a_sentence_and_the_keys() {
    let mut looked = Looked::default();
    looked.take(Key::Down, 4);
    looked.take(Key::Open, 4);
    let open = drawn(&night(), (60, 20), &mut looked, true, 3893);
    looked.take(Key::Help, 4);
    insta::assert_snapshot!(open + &drawn(&night(), (60, 20), &mut looked, true, 3893));
}

#[test]
fn many_checks_scroll() {
    let mut watch = Watch::new(s(60), End::default(), at(1000));
    watch.tick(at(1000));
    let checks = (0..200).map(|n| check(&format!("rtc.rule-{n}"), "203.0.113.10", 443, Status::Pass)).collect();
    watch.finished(report(1, checks), at(1003));
    let mut looked = Looked::default();
    let mut shown = |key: Key| {
        looked.take(key, 200);
        let text = drawn(&watch, (80, 24), &mut looked, true, 1010);
        text.lines().find(|l| l.contains("> ")).unwrap().split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_eq!(
        [Key::Up, Key::Last, Key::Down, Key::First].map(&mut shown),
        ["rtc.rule-0", "rtc.rule-199", "rtc.rule-199", "rtc.rule-0"]
    );
    let page = shown(Key::PageDown);
    assert!(page != "rtc.rule-0" && shown(Key::PageUp) == "rtc.rule-0", "{page}");
}

#[test]
fn every_size_is_drawn_without_a_panic() {
    let watch = night();
    for width in [1, 2, 5, 10, 20, 30, 59, 200] {
        for height in [1, 2, 3, 5, 8, 12, 60] {
            for key in [Key::Close, Key::Open, Key::Help] {
                let mut looked = Looked::default();
                looked.take(key, 4);
                drawn(&watch, (width, height), &mut looked, true, 3893);
            }
        }
    }
}
