//! What a NAT means for a call.

use serde_json::{Value, json};

use crate::judge::bench::{Bench, failed, relayed, seen};
use crate::model::metric::Metric;
use crate::model::{FailureKind, Observation, ProbeKind, Status, Step, metric};

fn told(observation: Observation) -> (Status, String) {
    Bench::new("user", &[]).trial("nat.ice", observation).told("nat.ice")
}

fn nat(mapping: &str, filtering: &str, more: &[(&Metric, Value)]) -> Observation {
    let mut observation = seen(
        ProbeKind::Nat,
        &[
            (&metric::MAPPING, json!(mapping)),
            (&metric::FILTERING, json!(filtering)),
            (&metric::MAPPED, json!("192.0.2.7:41000")),
            (&metric::VIA, json!({ "method": "rfc5780", "servers": ["203.0.113.30:3478"] })),
        ],
    );
    more.iter().for_each(|(m, value)| observation.facts.set(m, value));
    observation
}

#[test]
fn mapping_decides_as_the_contract_says() {
    for (mapping, status, words) in [
        ("none", Status::Pass, "No address translation (seen as 192.0.2.7:41000): direct media work"),
        ("endpoint-independent", Status::Pass, "direct media work with most peers"),
        ("address-dependent", Status::Warn, "towards peers behind other NATs only a relay does"),
        ("address-and-port-dependent", Status::Warn, "only towards a public far end"),
        ("unknown", Status::Unknown, "The mapping (seen as 192.0.2.7:41000) was not told: the server cannot tell;"),
    ] {
        let (seen, reason) = told(nat(mapping, "address-and-port-dependent", &[]));
        assert_eq!(seen, status, "{mapping}");
        assert!(reason.contains(words), "{reason}");
        assert!(reason.contains("only what was sent to may answer"), "{reason}");
    }
}

#[test]
fn the_server_that_cannot_tell_is_told_why_and_two_servers_may_still_show_that_it_varies() {
    let why = (&metric::NAT_WHY_UNKNOWN, json!("the server cannot tell: its OTHER-ADDRESS is its own address"));
    let (status, reason) = told(nat("unknown", "unknown", std::slice::from_ref(&why)));
    assert_eq!(status, Status::Unknown);
    assert!(reason.contains("its OTHER-ADDRESS is its own address; name a STUN server"), "{reason}");
    assert_eq!(reason.matches("OTHER-ADDRESS").count(), 1, "{reason}");
    let (status, reason) = told(nat("endpoint-independent", "unknown", &[why]));
    assert_eq!(status, Status::Pass);
    assert!(reason.contains("The filtering was not told: the server cannot tell"), "{reason}");
    let varies = (&metric::VIA, json!({ "method": "two-servers", "servers": [], "varies": true }));
    let (status, reason) = told(nat("unknown", "unknown", &[varies]));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("the mapping depends on the destination") || reason.contains("The mapping depends"));
}

#[test]
fn a_memory_shorter_than_the_keepalive_is_a_warning() {
    let with = |lifetime: Value| told(nat("endpoint-independent", "none", &[(&metric::NAT_LIFETIME, lifetime)]));
    let (status, reason) = with(json!({ "alive_s": 5, "gone_s": 10, "tested": [] }));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("gone after 10 s, before the 15 s keepalive renews it"), "{reason}");
    for (lifetime, words) in [
        (json!({ "alive_s": 20, "gone_s": 30 }), "though one that is lost may cut the media"),
        (json!({ "alive_s": 60, "gone_s": 120 }), "which the 15 s keepalive holds"),
        (json!({ "alive_s": 120, "gone_s": null }), "outlived every silence that was tried, up to 120 s"),
        (json!({ "alive_s": 10, "gone_s": 20 }), "leaves open whether the 15 s keepalive holds it"),
    ] {
        let (status, reason) = with(lifetime);
        assert_eq!(status, Status::Pass, "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn what_could_not_be_asked_is_unknown_and_changes_no_verdict() {
    let silent = failed(ProbeKind::Nat, Step::Mapping, FailureKind::TimedOut, "no STUN server answered", &[]);
    let (status, reason) = told(silent);
    assert_eq!(status, Status::Unknown);
    assert!(reason.contains("name others with --stun"), "{reason}");
    let verdict = |bench: Bench| bench.report().verdict;
    let relay = || Bench::new("user", &[]).rule("ice.turns-tcp-443", relayed("turn-tls", 50.0));
    assert_eq!(verdict(relay()), verdict(relay().trial("nat.ice", nat("address-dependent", "none", &[]))));
}

#[test]
fn findings_tell_what_lies_in_between() {
    let signs = json!([
        { "sign": "carrier-grade", "detail": "this machine's own address 100.64.1.7 is of the range for carrier-grade NAT" },
        { "sign": "vpn", "detail": "the route to 203.0.113.10 leaves through wg0" },
    ]);
    let more = [(&metric::NAT_SIGNS, signs), (&metric::NAT_LIFETIME, json!({ "alive_s": 5, "gone_s": 10 }))];
    let bench = Bench::new("user", &[]).trial("nat.ice", nat("address-dependent", "none", &more));
    let report = bench.report();
    let ids: Vec<(&str, Status)> = report.findings.iter().map(|f| (f.id.as_str(), f.status)).collect();
    let expected = [
        ("nat.symmetric", Status::Warn),
        ("nat.short-lifetime", Status::Warn),
        ("nat.carrier-grade", Status::Pass),
        ("nat.vpn", Status::Pass),
    ];
    assert_eq!(ids, expected);
    assert!(report.findings[2].detail.ends_with("for carrier-grade NAT."));
    let with_relay = Bench::new("user", &[])
        .trial("nat.ice", nat("address-dependent", "none", &[]))
        .rule("ice.turns-tcp-443", relayed("turn-tls", 50.0));
    assert!(!with_relay.report().findings.iter().any(|f| f.id == "nat.symmetric"));
}
