use serde_json::{Value, json};

use super::*;

/// A failed check of a port with its trace: end, and the distances after and before which it is. The host is at 3.
fn check(transport: &str, port: u16, status: &str, (end, after, before): (&str, Option<u8>, Option<u8>)) -> Check {
    let hop = |d: Option<u8>| d.map(|d| json!({"distance": d, "address": format!("192.0.2.{d}")}));
    let trace = json!({
        "flow": {"carrier": transport, "port": port},
        "control": {"carrier": "tcp", "port": 80},
        "source": "192.0.2.200",
        "host_distance": 3,
        "hops": [hop(Some(1)), hop(Some(2))],
        "end": end, "after": hop(after), "before": hop(before), "rounds": 3,
        "from": (end == "rejected").then_some("192.0.2.1"), "icmp": (end == "rejected").then_some("port unreachable"),
    });
    let id = format!("rtc.{port}/192.0.2.3");
    let value: Value = json!({
        "id": id, "rule": format!("rtc.{port}"), "probe": "tcp", "role": "rtc", "target": "192.0.2.3",
        "address": "192.0.2.3", "transport": transport, "port": port, "need": "required", "status": status,
        "reason": "It failed.", "observed": {"trace": trace}, "limits": [], "started_ms": 0, "duration_ms": 1,
    });
    serde_json::from_value(value).unwrap()
}

fn ids(checks: &[Check]) -> Vec<(String, usize)> {
    let traced = place::all(checks);
    let mut groups: BTreeMap<Cause, Vec<&Traced<'_>>> = BTreeMap::new();
    traced.iter().filter_map(|t| Some((cause(t)?, t))).for_each(|(c, t)| groups.entry(c).or_default().push(t));
    let told = groups.iter().map(|(c, of)| told::cause(of[0].address, c, of));
    told.map(|f| (f.id, f.checks.len())).collect()
}

#[test]
fn flows_that_end_at_one_place_are_told_together_and_others_apart() {
    let silent = |port, after, before| check("tcp", port, "fail", ("silent", after, Some(before)));
    let checks = [silent(443, Some(1), 2), silent(8089, Some(1), 2), silent(8989, Some(2), 3), silent(80, None, 1)];
    let dropped = |n| ("blocked.dropped".to_owned(), n);
    assert_eq!(ids(&checks), [("blocked.local".to_owned(), 1), dropped(2), dropped(1)]);
}

#[test]
fn each_end_has_its_cause() {
    for (transport, end, after, before, id) in [
        ("tcp", "refused", Some(2), Some(3), "service.down"),
        ("tcp", "refused", Some(1), Some(2), "blocked.rejected"),
        ("udp", "rejected", Some(1), Some(2), "blocked.rejected"),
        ("udp", "local", None, None, "blocked.local"),
        ("udp", "silent", Some(1), Some(2), "blocked.dropped"),
    ] {
        assert_eq!(ids(&[check(transport, 5000, "fail", (end, after, before))]), [(id.to_owned(), 1)]);
    }
}

#[test]
fn what_is_only_silence_is_no_cause() {
    for (transport, end, after, before) in [
        ("udp", "silent", Some(2), Some(3)),
        ("udp", "silent", Some(2), None),
        ("tcp", "unknown", None, None),
        ("tcp", "answered", None, Some(3)),
    ] {
        assert_eq!(ids(&[check(transport, 5000, "unknown", (end, after, before))]), []);
    }
}

#[test]
fn what_to_ask_for_is_a_rule_with_both_ends() {
    let one = check("udp", 3478, "fail", ("silent", Some(1), Some(2)));
    let traced = place::all(std::slice::from_ref(&one));
    let told = told::cause(traced[0].address, &Cause::Dropped(Some(1), 2), &[&traced[0]]);
    assert_eq!(told.ask, ["allow UDP 3478 from 192.0.2.200 to 192.0.2.3, and replies"]);
    assert!(
        told.title.ends_with("is dropped by hop 1 (192.0.2.1, your gateway), or between it and hop 2 (192.0.2.2)"),
        "{}",
        told.title
    );
}

#[test]
fn what_may_be_the_servers_own_firewall_is_asked_of_both_by_the_address_that_they_see() {
    let mut one = check("tcp", 443, "fail", ("silent", Some(2), Some(3)));
    one.observed.set(&metric::MAPPED, "203.0.113.2:40000");
    let traced = place::all(std::slice::from_ref(&one));
    let told = told::cause(traced[0].address, &Cause::Dropped(Some(2), 3), &[&traced[0]]);
    assert_eq!(told.ask[0], "allow TCP 443 from 192.0.2.200 (seen there as 203.0.113.2) to 192.0.2.3, and replies");
    assert!(told.ask[1].contains("`tcpdump -ni any 'host 203.0.113.2 and tcp port 443'`"), "{:?}", told.ask);
}
