use std::collections::HashSet;

use serde_json::{Value, json};

use super::render;
use crate::model::Report;

fn report(checks: Value) -> Report {
    let run = json!({
        "id": "", "started": "", "finished": "2026-11-21T03:12:13Z", "duration_ms": 6213, "profile": "a\"b\\c\nd",
        "from": "client", "options": {}, "targets": {}
    });
    let report = json!({
        "schema": "rtc-check/report/1", "complete": true, "tool": {"name": "rtc-check", "version": "0.1.0"}, "run": run,
        "verdict": "warn", "summary": {"pass": 1, "warn": 0, "fail": 0, "unknown": 0, "skip": 0}, "findings": [],
        "checks": checks
    });
    serde_json::from_value(report).unwrap()
}

fn check(observed: Value, limits: Value) -> Value {
    json!({
        "id": "quality.rtc/h/192.0.2.1", "probe": "quality", "role": "rtc", "target": "h", "address": "192.0.2.1",
        "need": "required", "status": "pass", "reason": "", "observed": observed, "limits": limits, "started_ms": 0,
        "duration_ms": 1500
    })
}

fn values(text: &str, family: &str) -> Vec<String> {
    let of = |line: &&str| line.starts_with(&format!("{family}{{"));
    let value = |line: &str| {
        let (labels, value) = line.rsplit_once("} ").unwrap();
        format!("{} {value}", labels.rsplit(',').next().unwrap())
    };
    text.lines().filter(of).map(value).collect()
}

#[test]
fn quantities_are_in_base_units_and_what_was_not_seen_has_no_series() {
    let limit = |metric, limit, observed: Option<f64>| json!({"metric": metric, "op": "<", "limit": limit, "observed": observed, "ci95": null, "unit": "", "status": "pass", "source": "rtc-check default"});
    let observed = json!({
        "rtt_ms": {"min": 39.0, "mean": 40.12}, "jitter_ms": 2.02, "jitter_detail": {"up": {"mean": 2.02}},
        "loss_pct": 3.1, "loss_up_pct": null, "mos": 4.12, "carried": {"up_kbps": 80.0, "down_kbps": null},
        "cert_chain": [{"subject": "", "issuer": "", "names": [], "not_before": "", "not_after": "2026-11-30T00:00:00Z", "key": "", "sha256": ""}],
        "answered": ["19099-19109", "19200"], "silent": [], "probed": 12, "total": 1001,
        "steps": [{"step": "connect", "ms": 12.31, "result": "ok"}, {"step": "connect", "ms": 1.0, "result": "ok"}]
    });
    let limits =
        json!([limit("rtt_ms", 300.0, Some(40.12)), limit("loss_pct", 1.5, None), limit("mos", 3.5, Some(4.12))]);
    let text = render(&report(json!([check(observed, limits)])));
    let of = |family: &str| values(&text, family);
    assert_eq!(of("rtc_check_rtt_seconds"), ["stat=\"min\" 0.039", "stat=\"mean\" 0.04012"]);
    assert_eq!(of("rtc_check_jitter_seconds"), ["direction=\"both\" 0.00202", "direction=\"up\" 0.00202"]);
    assert_eq!(of("rtc_check_loss_ratio"), ["direction=\"both\" 0.031"]);
    assert_eq!(of("rtc_check_throughput_bytes_per_second"), ["direction=\"up\" 10000"]);
    assert_eq!(of("rtc_check_step_duration_seconds"), ["step=\"connect\" 0.01331"]);
    assert_eq!(of("rtc_check_certificate_not_after_timestamp_seconds"), ["need=\"required\" 1795996800"]);
    let ports = ["answered\" 12", "silent\" 0", "probed\" 12", "total\" 1001"].map(|s| format!("state=\"{s}"));
    assert_eq!(of("rtc_check_ports"), ports);
    assert!(text.contains("metric=\"rtt_seconds\",op=\"<\",source=\"default\"} 0.3\n"), "{text}");
    assert_eq!(of("rtc_check_limit_observed").len(), 2);
    assert!(of("rtc_check_run_success").iter().all(|v| v.ends_with(" 1")));
    assert!(!values(&render(&report(json!([check(json!({}), json!([]))]))), "rtc_check_mos").iter().any(|_| true));
}

#[test]
fn labels_are_escaped_and_no_series_comes_twice() {
    let one = check(json!({}), json!([]));
    let text = render(&report(json!([one, one, one])));
    assert!(text.contains(r#"profile="a\"b\\c d",from="client""#), "{text}");
    let series: Vec<&str> =
        text.lines().filter(|l| !l.starts_with('#')).map(|l| l.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(series.iter().collect::<HashSet<_>>().len(), series.len());
    assert!(text.contains("check=\"quality.rtc/h/192.0.2.1#3\""));
}
