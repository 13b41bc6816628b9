//! How long each format takes to draw a large report: one of 11,000 checks, and one whose ranges name 11,000 ports one by
//! one. Prints the median of several runs; `cargo bench --bench render`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use rtc_check::model::Report;
use rtc_check::report::{Format, Style, render};
use serde_json::{Value, json};

const CHECKS: usize = 11_000;
const RUNS: usize = 9;
const AIM: Duration = Duration::from_millis(50);

fn check(number: usize, ports: Value, observed: Value) -> Value {
    let (status, need) = match number % 10 {
        0 => ("fail", "required"),
        1 => ("unknown", "optional"),
        2 => ("warn", "recommended"),
        _ => ("pass", "required"),
    };
    let host = format!("camera-{number}.example.com");
    let mut check = json!({
        "id": format!("camera.rtsp/{host}/203.0.113.{}", number % 250), "rule": "camera.rtsp", "probe": "rtsp",
        "role": "camera", "target": host, "address": format!("203.0.113.{}", number % 250), "transport": "tcp",
        "need": need, "status": status, "observed": observed, "limits": [], "started_ms": number, "duration_ms": 40,
        "reason": format!("RTSP on TCP 554 at {host} answered OPTIONS with 200, methods OPTIONS DESCRIBE SETUP PLAY."),
        "source": { "document": "A document (2024-01-01)", "section": "Ports of cameras", "row": "RTSP | TCP | 554" }
    });
    let ports = ports.as_object().unwrap().clone();
    check.as_object_mut().unwrap().extend(ports);
    check
}

fn report(checks: Vec<Value>) -> Report {
    let ids: Vec<Value> = checks.iter().filter(|c| c["status"] == "fail").map(|c| c["id"].clone()).collect();
    let report = json!({
        "schema": "rtc-check/report/1", "complete": true, "tool": { "name": "rtc-check", "version": "0.1.0" },
        "run": {
            "id": "bench", "started": "2026-11-21T03:12:07Z", "finished": "2026-11-21T03:12:13Z", "duration_ms": 6213,
            "profile": "valt", "from": "client", "options": {}, "targets": { "camera": ["camera.example.com"] }
        },
        "verdict": "fail", "summary": { "pass": 7700, "warn": 1100, "fail": 1100, "unknown": 1100, "skip": 0 },
        "findings": [{
            "id": "blocked.dropped", "status": "fail", "title": "TCP 554 is dropped", "detail": "After hop 2.",
            "remedy": "Let TCP 554 out.", "who": "firewall", "ask": ["allow TCP 554"], "checks": ids
        }],
        "checks": checks
    });
    serde_json::from_value(report).unwrap()
}

/// As many checks as a large site has cameras and ports.
fn many_checks() -> Report {
    let steps = json!({ "steps": [{ "step": "connect", "ms": 12.3, "result": "ok" }, { "step": "request", "ms": 9.1, "result": "ok" }] });
    report((0..CHECKS).map(|n| check(n, json!({ "port": 554 }), steps.clone())).collect())
}

/// Ranges in which every second port is silent, so that nothing folds.
fn many_ports() -> Report {
    let every_second = |first: u32| (0..5500u32).map(|n| (first + 4 * n).to_string()).collect::<Vec<_>>();
    let observed = json!({
        "answered": every_second(10_000), "silent": every_second(10_002), "refused": [], "prohibited": [],
        "probed": 11_000, "total": 22_000, "coverage_pct": 50.0
    });
    report(vec![check(0, json!({ "ports": "10000-31999", "transport": "udp" }), observed)])
}

fn median(report: &Report, format: Format) -> (Duration, usize) {
    let style = Style { width: 120, colour: true, unicode: true };
    let mut bytes = 0;
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            bytes = render(report, format, &style).len();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    (times.get(RUNS / 2).copied().unwrap_or_default(), bytes)
}

fn main() {
    for (name, report) in [("11,000 checks", many_checks()), ("11,000 single ports in a range", many_ports())] {
        println!("{name}");
        for format in Format::ALL {
            let (median, bytes) = median(&report, *format);
            let slow = if median > AIM { "  more than the aim of 50 ms" } else { "" };
            println!("  {:<11} {:>8.2} ms  {:>9} bytes{slow}", format.as_str(), median.as_secs_f64() * 1e3, bytes);
        }
    }
}
