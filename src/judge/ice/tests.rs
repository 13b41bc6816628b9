//! ICE in sentences.

use serde_json::{Value, json};

use crate::judge::bench::{Bench, failed, figures, seen};
use crate::model::{FailureKind, Observation, ProbeKind, Status, Step, metric};

fn told(observation: Observation) -> (Status, String) {
    Bench::new("user", &[]).trial("ice.rtc", observation).told("ice.rtc")
}

fn pair(local: &str, via: &str) -> Value {
    json!({
        "connected_ms": 45.2, "gathered_ms": 12.0, "rtt_ms": { "mean": 41.0 },
        "pair": {
            "local": { "type": local, "address": "192.0.2.7:40001", "via": via },
            "remote": { "type": "host", "address": "203.0.113.10:19504" },
        },
    })
}

fn connected(ice: Value, more: &[(&'static crate::model::metric::Metric, Value)]) -> Observation {
    let mut facts = figures(40.1);
    facts.push((&metric::ICE, ice));
    facts.extend_from_slice(more);
    seen(ProbeKind::Ice, &facts)
}

#[test]
fn a_direct_pair_passes_with_its_time_and_figures_and_the_fallback_is_told() {
    let (status, reason) = told(connected(pair("host", ""), &[(&metric::ICE_RELAY_ONLY, pair("relay", "turn-tls"))]));
    assert_eq!(status, Status::Pass);
    insta::assert_snapshot!(reason, @"ICE with 203.0.113.10: host 192.0.2.7:40001 to host 203.0.113.10:19504 connected in 45.2 ms; 50 of 50 packets came back, round trip 40.1 ms, which varies by 0.42 ms, loss 0 %, MOS 4.4. With direct UDP left out: relay 192.0.2.7:40001 by TURN/TLS to host 203.0.113.10:19504 connected in 45.2 ms, round trip 41 ms.");
}

#[test]
fn a_relayed_pair_is_a_warning() {
    let (status, reason) = told(connected(pair("relay", "turn-tcp"), &[]));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("relay 192.0.2.7:40001 by TURN/TCP to host 203.0.113.10:19504"), "{reason}");
    assert!(reason.contains("no direct pair worked"), "{reason}");
}

#[test]
fn a_pair_of_unknown_kind_is_not_taken_for_direct() {
    let (status, reason) = told(connected(pair("", ""), &[]));
    assert_eq!(status, Status::Unknown);
    assert!(reason.contains("directly or through a relay is not known"), "{reason}");
    for kind in ["srflx", "prflx"] {
        assert_eq!(told(connected(pair(kind, ""), &[])).0, Status::Pass);
    }
}

#[test]
fn a_pair_that_loses_more_than_a_call_bears_is_a_warning() {
    let loss = json!({ "loss_pct": { "value": 6.0, "low": 5.0, "high": 7.0 } });
    let (status, reason) = told(connected(pair("host", ""), &[(&metric::ESTIMATES, loss)]));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("it loses more than a call bears"), "{reason}");
}

#[test]
fn a_failure_says_what_each_candidate_and_relay_said_and_changes_no_verdict() {
    let ice = json!({
        "failed": "no pair answered in 10 s",
        "candidates": [{ "type": "host", "address": "192.0.2.7:40001" }, { "type": "srflx", "address": "198.51.100.1:9" }],
        "left_out": [{ "address": "127.0.0.1", "why": "loopback" }],
        "relay_errors": [{ "server": "203.0.113.30:443", "code": 401, "reason": "Unauthorized" }, "TURN/UDP: silent"],
    });
    let (status, reason) = told(seen(ProbeKind::Ice, &[(&metric::ICE, ice.clone())]));
    assert_eq!(status, Status::Fail);
    insta::assert_snapshot!(reason, @"ICE with 203.0.113.10: no pair answered in 10 s; candidates: host 192.0.2.7:40001, srflx 198.51.100.1:9; left out: 127.0.0.1 (loopback); relays: 203.0.113.30:443 401 Unauthorized, TURN/UDP: silent; allow UDP to the target's media ports, or mend the relays that were tried: the check of each says how.");
    let by_kind = |kind| told(failed(ProbeKind::Ice, Step::Checks, kind, "so", &[(&metric::ICE, ice.clone())]));
    assert_eq!(by_kind(FailureKind::IceFailed).0, Status::Fail);
    assert!(by_kind(FailureKind::IceFailed).1.contains("left out: 127.0.0.1 (loopback)"));
    let said = "nothing in 5.0 s: tried host 192.0.2.7:40001, srflx 198.51.100.1:9 against UDP 19504; TURN/UDP: silent";
    let once = failed(ProbeKind::Ice, Step::Checks, FailureKind::IceFailed, said, &[(&metric::ICE, ice.clone())]);
    let (_, reason) = told(once);
    assert_eq!((reason.matches("40001").count(), reason.matches("TURN/UDP").count()), (1, 1), "{reason}");
    assert_eq!(by_kind(FailureKind::SessionRefused).0, Status::Unknown);
    assert_eq!(by_kind(FailureKind::OutOfTime).0, Status::Unknown);
    let bench = Bench::new("user", &[]).trial("ice.rtc", seen(ProbeKind::Ice, &[(&metric::ICE, ice)]));
    assert_eq!(bench.report().verdict, Status::Pass);
}

#[test]
fn a_relay_is_asked_for_only_where_none_was_tried() {
    let alone = json!({ "failed": "so", "candidates": [{ "type": "host", "address": "192.0.2.7:4" }] });
    let (_, reason) = told(seen(ProbeKind::Ice, &[(&metric::ICE, alone)]));
    assert!(reason.ends_with("or give a relay that works with --turn."), "{reason}");
    let relay = json!({ "failed": "so", "candidates": [{ "type": "relay", "address": "198.51.100.5:4" }] });
    let (_, reason) = told(seen(ProbeKind::Ice, &[(&metric::ICE, relay)]));
    assert!(!reason.contains("--turn") && reason.contains("relays that were tried"), "{reason}");
}

#[test]
fn a_pair_that_carries_nothing_fails() {
    let mut observation = connected(pair("host", ""), &[]);
    observation.facts.set(&metric::RECEIVED, 0);
    let (status, reason) = told(observation);
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("none of its packets came back"), "{reason}");
}
