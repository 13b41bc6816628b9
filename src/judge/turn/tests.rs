//! What relays say, in sentences, and what each is worth.

use serde_json::json;

use crate::judge::bench::{Bench, failed, figures, relay, relayed, seen, silence};
use crate::model::{Estimate, Estimates, FailureKind, Observation, ProbeKind, Status, Step, metric};

const TLS: &str = "turns:203.0.113.40:5349";
const UDP: &str = "turn:203.0.113.40";

fn of_rule(observation: Observation) -> (Status, String) {
    Bench::new("user", &[]).rule("ice.turns-tcp-443", observation).told("ice.turns-tcp-443")
}

fn over_udp(observation: Observation) -> (Status, String) {
    Bench::new("user", &[UDP]).trial("turn.udp-3478", observation).told("turn.udp-3478")
}

fn error(code: u16, at: &str, login: &str) -> (Status, String) {
    let facts = [
        (&metric::RELAY, relay("turn-tls", login)),
        (&metric::TURN_ERROR, json!({ "code": code, "reason": "", "at": at, "retried": false })),
    ];
    of_rule(failed(ProbeKind::Turn, Step::Allocate, FailureKind::TurnError, "the relay refused", &facts))
}

#[test]
fn a_relay_that_carried_data_passes_with_all_that_is_known_of_the_way() {
    let (status, reason) = of_rule(relayed("turn-tls", 52.3));
    assert_eq!(status, Status::Pass);
    insta::assert_snapshot!(reason, @"TURN/TLS on TCP 443 at 203.0.113.30 relays media, ready in 52.3 ms; 50 of 50 packets came back, round trip 40.1 ms, which varies by 0.42 ms, loss 0 %, MOS 4.4; relayed address 198.51.100.5:50123, this machine is seen as 192.0.2.7:41000.");
}

#[test]
fn a_relay_named_by_the_operator_is_no_rule_and_says_what_it_used() {
    let bench = Bench::new("user", &[TLS]).trial("turn.tls-5349", relayed("turn-tls", 52.3));
    let check = bench.check("turn.tls-5349");
    assert_eq!((check.status, check.rule.as_ref(), check.transport, check.port), (Status::Pass, None, None, None));
    assert_eq!(check.group.as_deref(), Some("media"));
    let via: serde_json::Value = check.observed.get(&metric::VIA).unwrap();
    assert_eq!((via["method"].as_str(), via["port"].as_u64()), (Some("turn"), Some(5349)));
}

#[test]
fn a_relay_that_loses_more_than_a_call_bears_is_a_warning_once_that_is_sure() {
    let with = |low: f64| {
        let mut observation = relayed("turn-tls", 52.3);
        let loss = Estimate { value: low + 4.0, low, high: low + 9.0 };
        let all = [("loss_pct".to_owned(), loss)].into_iter().collect();
        observation.facts.set(&metric::ESTIMATES, Estimates(all));
        of_rule(observation)
    };
    assert_eq!(with(0.5).0, Status::Pass);
    let (status, reason) = with(5.0);
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("it loses more than a call bears"), "{reason}");
}

#[test]
fn without_credentials_it_is_open_and_carries_nothing_yet() {
    let words = "it asks for credentials (realm example.org) and none were given, so nothing was relayed: set RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD";
    let (status, reason) = of_rule(seen(ProbeKind::Turn, &[(&metric::FALLBACK, json!(words))]));
    assert_eq!((status, reason), (Status::Unknown, format!("TURN/TLS on TCP 443 at 203.0.113.30: {words}.")));
    let refused = failed(ProbeKind::Turn, Step::Allocate, FailureKind::NoCredentials, "it asks for credentials", &[]);
    assert_eq!(of_rule(refused).0, Status::Unknown);
}

#[test]
fn every_error_has_its_own_sentence_and_remedy() {
    let codes = [300, 400, 401, 403, 420, 437, 438, 440, 441, 442, 443, 486, 500, 508];
    let told: Vec<String> = codes
        .iter()
        .map(|code| {
            let (status, reason) = error(*code, "allocate", "long-term");
            assert_eq!(status, Status::Fail, "{code}");
            assert!(reason.contains(&format!("the relay answered {code} (")), "{reason}");
            reason
        })
        .collect();
    let mut remedies: Vec<&str> =
        told.iter().filter_map(|r| r.split_once(") to the allocation: ")).map(|(_, words)| words).collect();
    remedies.sort_unstable();
    remedies.dedup();
    assert_eq!(remedies.len(), codes.len());
    insta::assert_snapshot!(told[11], @"TURN/TLS on TCP 443 at 203.0.113.30: the relay answered 486 (Allocation Quota Reached) to the allocation: this user holds as many allocations as are allowed: wait until older ones end (ten minutes at most by default), or have the relay's operator raise the quota (coturn: user-quota, total-quota).");
}

#[test]
fn wrong_credentials_are_told_by_what_they_are() {
    assert!(error(401, "allocate", "long-term").1.contains("password is wrong in the realm example.org"));
    assert!(error(401, "allocate", "rest").1.contains("RTC_CHECK_TURN_SECRET is the relay's own"));
    let mut of = relay("turn-tls", "rest");
    of["expired_s"] = json!(7200);
    let turn_error = json!({ "code": 401, "reason": "Unauthorized", "at": "allocate", "retried": true });
    let facts = [(&metric::RELAY, of), (&metric::TURN_ERROR, turn_error)];
    let (_, reason) = of_rule(failed(ProbeKind::Turn, Step::Allocate, FailureKind::TurnError, "401", &facts));
    assert!(reason.contains("the time in the user name ended 2 h ago"), "{reason}");
}

#[test]
fn a_relay_that_forbids_itself_as_a_peer_is_not_shown_to_fail() {
    let (status, reason) = error(403, "permission", "long-term");
    assert_eq!(status, Status::Unknown);
    assert!(reason.contains("forbids its own address as a peer"), "{reason}");
    assert_eq!(error(403, "allocate", "long-term").0, Status::Fail);
}

#[test]
fn a_relay_that_relays_nothing_fails_by_the_address_it_gave() {
    let mut facts = figures(0.0);
    facts.push((&metric::RELAY, relay("turn-tls", "long-term")));
    let (status, reason) = of_rule(failed(ProbeKind::Turn, Step::Relay, FailureKind::NoRelay, "nothing", &facts));
    assert_eq!(status, Status::Fail);
    let words = "allocated 198.51.100.5:50123, and none of 50 packets came back: the relay's firewall";
    assert!(reason.contains(words), "{reason}");
}

#[test]
fn silence_over_udp_is_unknown_until_the_relay_has_answered() {
    let (status, reason) = over_udp(silence(ProbeKind::Turn));
    assert_eq!(status, Status::Unknown);
    assert!(reason.contains("silence over UDP decides nothing: allow UDP 3478 outbound to 203.0.113.40"), "{reason}");
    let after = [(&metric::RELAY, json!({ "realm": "example.org" }))];
    let late = failed(ProbeKind::Turn, Step::Allocate, FailureKind::TimedOut, "no answer in 5.5 s", &after);
    let (status, reason) = over_udp(late);
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("the relay had answered before"), "{reason}");
    assert_eq!(of_rule(silence(ProbeKind::Turn)).0, Status::Fail, "over TCP the connection was there");
    let dtls = failed(ProbeKind::Turn, Step::Dtls, FailureKind::TimedOut, "no answer in 5.5 s", &[]);
    let told = Bench::new("user", &[]).rule("ice.turns-udp-443", dtls).told("ice.turns-udp-443");
    assert_eq!(told.0, Status::Unknown);
    assert!(told.1.starts_with("TURN/DTLS on UDP 443 at 203.0.113.30"), "{}", told.1);
}

#[test]
fn the_wrong_protocol_on_a_port_is_told_with_the_right_one() {
    let told = |rule: &str, step, kind| {
        let seen = failed(ProbeKind::Turn, step, kind, "it was so", &[]);
        let (status, reason) = Bench::new("user", &[]).rule(rule, seen).told(rule);
        assert_eq!(status, Status::Fail);
        reason
    };
    for (rule, step, kind, words) in [
        ("ice.turns-tcp-443", Step::Tls, FailureKind::NotTls, "no TLS is spoken there"),
        ("ice.turns-tcp-443", Step::Tls, FailureKind::TlsCutOff, "may speak TURN without TLS"),
        ("ice.turns-tcp-443", Step::Tls, FailureKind::CertExpired, "renew the certificate of 203.0.113.30"),
        ("ice.turns-tcp-443", Step::Allocate, FailureKind::Garbage, "no TURN server"),
        ("ice.turn-tcp-80", Step::Allocate, FailureKind::Closed, "it may want TLS (turns:…)"),
        ("ice.turn-tcp-80", Step::Allocate, FailureKind::TimedOut, "says nothing to TURN"),
        ("ice.turn-tcp-80", Step::Connect, FailureKind::TimedOut, "allow TCP 80 outbound to 203.0.113.30"),
        ("ice.turn-udp-80", Step::Allocate, FailureKind::Prohibited, "allow UDP 80 outbound to 203.0.113.30"),
    ] {
        let reason = told(rule, step, kind);
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_proxy_that_refuses_is_told_by_its_answer() {
    for (code, words) in [
        (403, "allow CONNECT to 203.0.113.30:443"),
        (503, "could not reach 203.0.113.30:443 itself (503)"),
        (405, "ask the proxy's operator"),
    ] {
        let facts = [(&metric::PROXY_STATUS, json!(code))];
        let seen = failed(ProbeKind::Turn, Step::Proxy, FailureKind::ProxyRefused, "the proxy answered so", &facts);
        let (status, reason) = of_rule(seen);
        assert_eq!(status, Status::Fail);
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn what_did_not_come_to_its_end_is_unknown_and_what_was_not_tried_is_skipped() {
    let budget = failed(ProbeKind::Turn, Step::Allocate, FailureKind::OutOfTime, "the budget was up", &[]);
    assert_eq!(of_rule(budget).0, Status::Unknown);
    assert_eq!(of_rule(Observation::skipped(ProbeKind::Turn, "no route")).0, Status::Skip);
    let name = failed(ProbeKind::Turn, Step::Name, FailureKind::NxDomain, "it does not exist", &[]);
    let (status, reason) = of_rule(name);
    assert_eq!(status, Status::Fail);
    assert!(reason.starts_with("The name 203.0.113.30 could not be used"), "{reason}");
}
