use serde_json::{Value, json};

use super::*;
use crate::profile::built_in;

/// A check of `agent` that failed with a step and kind.
fn failed(rule: &str, port: Value, transport: &str, step: &str, kind: &str) -> Value {
    let mut check = json!({
        "id": format!("{rule}/192.0.2.10"), "rule": rule, "probe": "tcp", "role": "rtc", "target": "rtc.example",
        "address": "192.0.2.10", "transport": transport, "need": "required", "status": "fail", "reason": "r",
        "observed": { "failure": { "step": step, "kind": kind, "detail": "d" } }, "limits": [],
        "source": { "document": "D", "section": "S", "row": "R" }, "started_ms": 0, "duration_ms": 1,
    });
    let key = if port.is_string() { "ports" } else { "port" };
    check[key] = port;
    check
}

fn report(checks: &[Value]) -> Report {
    let report = json!({
        "schema": "rtc-check/report/1", "complete": true, "tool": { "name": "rtc-check", "version": "0" },
        "run": { "id": "1", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:01Z", "duration_ms": 1,
                 "profile": "agent", "from": "client", "options": {}, "targets": {} },
        "verdict": "fail", "summary": { "pass": 0, "warn": 0, "fail": 0, "unknown": 0, "skip": 0 },
        "findings": [], "checks": checks,
    });
    serde_json::from_value(report).unwrap()
}

fn mended(checks: &[Value], unknown: bool) -> Mended {
    from_report(&report(checks), built_in("agent").as_ref(), unknown)
}

#[test]
fn only_what_a_firewall_can_mend_is_asked_for() {
    let tcp = |step, kind| failed("rtc.https", json!(443), "tcp", step, kind);
    for (check, want) in [
        (tcp("connect", "timed-out"), None),
        (tcp("connect", "prohibited"), None),
        (tcp("connect", "refused"), None),
        (tcp("tls", "reset"), None),
        (tcp("tls", "tls-cut-off"), None),
        (tcp("request", "timed-out"), Some(LeftOut::Hangs)),
        (tcp("tls", "cert-expired"), Some(LeftOut::Certificate)),
        (tcp("tls", "not-tls"), Some(LeftOut::Service)),
        (tcp("upgrade", "upgrade-refused"), Some(LeftOut::Service)),
        (tcp("banner", "garbage"), Some(LeftOut::Service)),
        (tcp("name", "nx-domain"), Some(LeftOut::Name)),
        (tcp("connect", "unreachable"), Some(LeftOut::Route)),
        (tcp("connect", "no-route"), Some(LeftOut::Route)),
        (failed("rtc.media", json!(3478), "udp", "stun", "refused"), Some(LeftOut::PathOpen)),
        (failed("rtc.media", json!(3478), "udp", "stun", "timed-out"), None),
    ] {
        let mended = mended(std::slice::from_ref(&check), false);
        assert_eq!(mended.left_out.keys().next().copied(), want, "{check}");
        assert_eq!(mended.request.opened.len(), usize::from(want.is_none()), "{check}");
    }
}

#[test]
fn a_range_that_failed_in_part_is_asked_for_whole() {
    let mut media = failed("rtc.media", json!("19099-20099"), "udp", "sweep", "timed-out");
    media["probe"] = json!("udp-range");
    media["observed"] =
        json!({ "answered": ["19099-19499"], "silent": ["19500-20099"], "refused": [], "prohibited": [] });
    let opened = mended(&[media.clone()], false).request.opened;
    assert_eq!(opened[0].ports.unwrap().to_string(), "19099-20099");
    assert_eq!(opened[0].addresses, ["192.0.2.10".parse::<IpAddr>().unwrap()]);
    assert_eq!(opened[0].reasons[0].service, "RTP media");
    media["observed"] = json!({ "answered": [], "silent": [], "refused": ["19099"], "prohibited": [] });
    assert_eq!(mended(&[media], false).left_out.keys().next(), Some(&LeftOut::PathOpen));
}

#[test]
fn unknown_and_waived_checks_are_left_out_until_they_are_asked_for() {
    let mut silent = failed("rtc.media", json!(5099), "udp", "options", "timed-out");
    silent["status"] = json!("unknown");
    let without = mended(&[silent.clone()], false);
    assert_eq!((without.request.opened.len(), without.left_out.get(&LeftOut::Undecided)), (0, Some(&1)));
    assert_eq!(mended(&[silent.clone()], true).request.opened.len(), 1);
    silent["waived"] = json!({ "reason": "known" });
    assert_eq!(mended(&[silent], true).left_out.get(&LeftOut::Waived), Some(&1));
}

#[test]
fn gre_is_asked_for_unless_ours_came_to_the_host() {
    let gre = |observed: Value| {
        let mut check = failed("rtc.gre", Value::Null, "gre", "gre", "no-privilege");
        (check["probe"], check["status"]) = (json!("gre"), json!("unknown"));
        if !observed.is_null() {
            check["observed"] = json!({ "gre": { "answer": observed, "from": "192.0.2.10", "ms": null } });
        }
        check
    };
    for (observed, want) in
        [(Value::Null, None), (json!("packet"), None), (json!("no-tunnel"), Some(LeftOut::PathOpen))]
    {
        let mended = mended(&[gre(observed.clone())], true);
        assert_eq!(mended.left_out.keys().next().copied(), want, "{observed}");
        assert_eq!(mended.request.opened.len(), usize::from(want.is_none()), "{observed}");
    }
}

#[test]
fn addresses_of_one_name_are_one_opening_and_a_refusal_is_noted() {
    let first = failed("rtc.https", json!(443), "tcp", "connect", "refused");
    let mut second = first.clone();
    second["address"] = json!("2001:db8::10");
    let request = mended(&[first, second], false).request;
    assert_eq!((request.opened.len(), request.opened[0].addresses.len()), (1, 2));
    assert!(request.notes.iter().any(|n| n.starts_with("Refused: rtc.https.")), "{:?}", request.notes);
    assert!(request.notes.iter().any(|n| n.contains("2026-01-01T00:00:00Z and may change")), "{:?}", request.notes);
}

#[test]
fn resolvers_that_did_not_answer_are_asked_for() {
    let mut check = failed("rtc.https", json!(443), "tcp", "name", "resolver-timeout");
    check["address"] = Value::Null;
    check["observed"]["dns_servers"] = json!([
        { "server": "192.0.2.53:53", "type": "A", "addresses": [], "error": "resolver-timeout" },
        { "server": "127.0.0.53:53", "type": "A", "addresses": [], "error": "resolver-timeout" },
    ]);
    let mended = mended(&[check], false);
    assert_eq!(mended.request.opened.len(), 2, "{:?}", mended.request.opened);
    assert!(mended.request.opened.iter().all(|o| o.host == "192.0.2.53".parse().unwrap()));
    assert_eq!(mended.left_out.get(&LeftOut::Name), Some(&1));
}

#[test]
fn a_relay_of_the_operator_is_known_by_what_it_used() {
    let mut relay = failed("x", json!(1), "tcp", "connect", "timed-out");
    let check = relay.as_object_mut().unwrap();
    for key in ["rule", "transport", "port", "source"] {
        check.remove(key);
    }
    relay["probe"] = json!("turn");
    relay["role"] = json!("turn");
    relay["observed"]["via"] = json!({ "method": "turn", "transport": "tls", "address": "192.0.2.30", "port": 5349 });
    let opened = mended(&[relay], false).request.opened;
    assert_eq!((opened[0].protocol, opened[0].ports), (Protocol::Tcp, PortRange::single(5349)));
}

#[test]
fn nonsense_in_a_report_is_counted_and_breaks_nothing() {
    let mut no_host = failed("rtc.https", json!(443), "tcp", "connect", "timed-out");
    no_host["target"] = json!("; rm -rf /");
    no_host["address"] = Value::Null;
    let no_port = failed("rtc.https", json!(0), "tcp", "connect", "timed-out");
    assert_eq!(mended(&[no_host, no_port], false).left_out, BTreeMap::from([(LeftOut::Unreadable, 2)]));
    let many: Vec<Value> = (0..5_100)
        .map(|n| {
            let mut check = failed("rtc.https", json!(443), "tcp", "connect", "timed-out");
            check["target"] = json!(format!("h{n}.example"));
            check
        })
        .collect();
    let mended = mended(&many, false);
    assert_eq!((mended.request.opened.len(), mended.left_out.get(&LeftOut::TooMany)), (5_000, Some(&100)));
}
