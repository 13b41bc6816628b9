//! Observations in, verdicts out: the contract's sentences, one by one.

mod groups;

use std::net::IpAddr;

use super::*;
use crate::model::{Failure, FailureKind, Host, Observation, PortSet, ProbeKind, RuleId, Step};
use crate::plan::Request;
use crate::profile::Profile;

const A: &str = "192.0.2.1";
const SOURCE: &str = r#"source = { document = "D", section = "S", row = "R" }"#;

/// What a report says of a run that has nothing to say of itself.
pub(super) fn meta(strict: bool) -> Meta {
    Meta {
        version: "0".into(),
        id: "t".into(),
        started: String::new(),
        finished: String::new(),
        duration_ms: 0,
        seed: 1,
        ended: None,
        strict,
    }
}

fn profile(only_alternative: &str) -> Profile {
    let text = format!(
        r#"
name = "p"
title = "P"
vantages = ["client"]
[roles.rtc]
description = "the gateway"
[roles.ice]
description = "relays"
optional = true
[groups.media]
only-alternative = "{only_alternative}"
[wss.gateway]
to = "rtc"
port = 8989
need = "recommended"
group = "signalling"
{SOURCE}
[https.api]
to = "rtc"
port = 8089
need = "alternative"
group = "signalling"
{SOURCE}
[rtp.media]
to = "rtc"
ports = "1000-1099"
need = "required"
group = "media"
{SOURCE}
[turn.relay]
to = "ice"
port = 443
transport = "tcp"
need = "alternative"
group = "media"
{SOURCE}
[ssh.ssh]
to = "rtc"
port = 22
need = "optional"
{SOURCE}
[stun.stun]
to = "rtc"
port = 3478
need = "required"
{SOURCE}
[ike.ike]
to = "rtc"
port = 500
need = "required"
{SOURCE}
[ike.ike-nat]
to = "rtc"
port = 4500
need = "required"
{SOURCE}
"#
    );
    crate::profile::load("p.toml", &text).unwrap_or_else(|e| panic!("{e}"))
}

/// A plan of some of the rules, and what was seen of each.
struct Bench {
    plan: Plan,
    seen: Vec<Seen>,
    strict: bool,
}

impl Bench {
    fn new(rules: &[&str]) -> Self {
        Self::with("warn", rules)
    }

    fn with(only_alternative: &str, rules: &[&str]) -> Self {
        let host: Host = A.parse().unwrap();
        let mut targets = std::collections::BTreeMap::from([("rtc".into(), vec![host.clone()])]);
        if rules.contains(&"relay") {
            targets.insert("ice".into(), vec![host]);
        }
        let request = Request { targets, ..Request::default() };
        let mut plan = Plan::new(&profile(only_alternative), &request).unwrap();
        plan.items.retain(|i| rules.contains(&i.rule.id.as_str()));
        Self { plan, seen: Vec::new(), strict: false }
    }

    fn saw(mut self, rule: &str, observation: Observation) -> Self {
        let item = self.plan.items.iter().position(|i| i.rule.id == RuleId::from(rule)).unwrap();
        let address = Some(A.parse::<IpAddr>().unwrap());
        let of = Planned::Item(item);
        self.seen.push(Seen { of, address, observation, started_ms: 0, duration_ms: 0 });
        self
    }

    fn report(&self) -> Report {
        judge(&self.plan, &self.seen, &meta(self.strict))
    }

    fn verdict(&self) -> Status {
        self.report().verdict
    }
}

/// An answer, whatever was asked for.
fn ok() -> Observation {
    let mut o = Observation::new(ProbeKind::Tcp);
    o.facts.set(&metric::HTTP_STATUS, 200);
    o.facts.set(&metric::BANNER, "SSH-2.0-OpenSSH_9.2");
    let one = |name: &str| vec![name.to_owned()];
    let (kex, keys) = (one("curve25519-sha256"), one("ssh-ed25519"));
    let (ciphers, macs) = (one("aes128-ctr"), one("hmac-sha2-256"));
    let offer = serde_json::json!({ "kex": kex, "host_keys": keys, "ciphers": ciphers, "macs": macs });
    o.facts.set(&metric::SSH_OFFER, offer);
    o.facts.set(&metric::RECEIVED, 50);
    o
}

fn failed(kind: FailureKind) -> Observation {
    Observation::failed(ProbeKind::Tcp, Failure::new(Step::Connect, kind, "it was so"))
}

fn ports(list: &[u16]) -> PortSet {
    list.iter().copied().collect()
}

/// A sample or sweep of `media` with these ports answered, refused, silent and prohibited.
fn range(answered: &[u16], refused: &[u16], silent: &[u16], prohibited: &[u16]) -> Observation {
    let mut o = Observation::new(ProbeKind::UdpRange);
    let probed = answered.len() + refused.len() + silent.len() + prohibited.len();
    o.facts.set(&metric::ANSWERED, ports(answered));
    o.facts.set(&metric::REFUSED, ports(refused));
    o.facts.set(&metric::SILENT, ports(silent));
    o.facts.set(&metric::PROHIBITED, ports(prohibited));
    o.facts.set(&metric::PROBED, probed);
    o.facts.set(&metric::TOTAL, 100);
    o.facts.set(&metric::COVERAGE_PCT, probed as f64);
    o.facts.set(&metric::SAMPLED, probed < 100);
    o
}

fn on_responder(mut o: Observation) -> Observation {
    o.facts.set(&metric::RESPONDER, "1");
    o
}

fn only(b: &Bench) -> (Status, String) {
    let report = b.report();
    (report.checks[0].status, report.checks[0].reason.clone())
}

#[test]
fn silence_over_udp_is_unknown_unless_the_far_end_is_known_to_answer() {
    let mut silent = Observation::failed(ProbeKind::Stun, Failure::new(Step::Stun, FailureKind::TimedOut, "no answer"));
    assert_eq!(only(&Bench::new(&["stun"]).saw("stun", silent.clone())).0, Status::Unknown);
    silent.facts.set(&metric::RESPONDER_PAGE, false);
    assert_eq!(only(&Bench::new(&["stun"]).saw("stun", silent.clone())).0, Status::Unknown);
    silent.facts.set(&metric::RESPONDER_PAGE, true);
    assert_eq!(only(&Bench::new(&["stun"]).saw("stun", silent)).0, Status::Fail);
    let all: Vec<u16> = (1000..1100).collect();
    let mut range = range(&[], &[], &all, &[]);
    range.facts.set(&metric::RESPONDER_PAGE, true);
    assert_eq!(only(&Bench::new(&["media"]).saw("media", range)).0, Status::Fail);
}

#[test]
fn a_sample_passes_when_every_port_was_reached_and_says_how_much_that_is() {
    let b = Bench::new(&["media"]).saw("media", range(&[1000], &[1050, 1099], &[], &[]));
    let (status, reason) = only(&b);
    assert_eq!(status, Status::Pass);
    assert!(reason.contains("3 of 100 ports asked, 3.0 %"), "{reason}");
    assert_eq!(only(&Bench { strict: true, ..b }).0, Status::Unknown);
}

#[test]
fn a_silent_port_of_a_sample_fails_only_while_others_were_refused() {
    let fail = Bench::new(&["media"]).saw("media", range(&[], &[1000, 1099], &[1050], &[]));
    let (status, reason) = only(&fail);
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("UDP 1050 to 192.0.2.1 did not answer while the other 2 ports were reached"), "{reason}");
    let answered = Bench::new(&["media"]).saw("media", range(&[1000, 1099], &[], &[1050], &[]));
    assert_eq!(only(&answered).0, Status::Unknown);
    let nothing = Bench::new(&["media"]).saw("media", range(&[], &[], &[1000, 1050], &[]));
    assert_eq!(only(&nothing).0, Status::Unknown);
}

#[test]
fn on_a_responder_a_single_silent_port_fails_by_name() {
    let rest: Vec<u16> = (1000..1100).filter(|p| *p != 1042).collect();
    let b = Bench::new(&["media"]).saw("media", on_responder(range(&rest, &[], &[1042], &[])));
    let (status, reason) = only(&b);
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("UDP 1042 to 192.0.2.1 did not answer while the other 99 ports did"), "{reason}");
    let partly = Bench::new(&["media"]).saw("media", on_responder(range(&rest, &[], &[], &[])));
    assert_eq!(only(&partly).0, Status::Unknown, "a port that was not asked is not passed");
}

#[test]
fn closed_ports_of_a_full_sweep_are_not_told_from_dropped_ones() {
    let (refused, silent): (Vec<u16>, Vec<u16>) = (1000..1100).partition(|p| p % 10 == 0);
    let b = Bench::new(&["media"]).saw("media", range(&[], &refused, &silent, &[]));
    assert_eq!(only(&b).0, Status::Unknown);
}

#[test]
fn a_silence_that_loss_explains_is_not_blamed_on_a_firewall() {
    let rest: Vec<u16> = (1000..1100).filter(|p| *p != 1042).collect();
    let judged = |expected: f64| {
        let mut o = on_responder(range(&rest, &[], &[1042], &[]));
        o.facts.set(&metric::EXPECTED_MISSED, expected);
        only(&Bench::new(&["media"]).saw("media", o)).0
    };
    assert_eq!(judged(0.001), Status::Fail);
    assert_eq!(judged(0.2), Status::Unknown);
}

#[test]
fn a_prohibition_fails_wherever_it_comes_from() {
    let mut o = range(&[1000], &[], &[], &[1050]);
    o.facts.set(&metric::ICMP_FROM, "198.51.100.1");
    let (status, reason) = only(&Bench::new(&["media"]).saw("media", o));
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("rejected by the firewall at 198.51.100.1"), "{reason}");
}

#[test]
fn a_range_of_which_a_router_rejects_some_aloud_is_named_whole() {
    let mut o = range(&[1000], &[], &[1050, 1052, 1053], &[1051, 1054]);
    o.facts.set(&metric::ICMP_FROM, "198.51.100.1");
    let (status, reason) = only(&Bench::new(&["media"]).saw("media", on_responder(o)));
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("UDP 1050-1054 to"), "{reason}");
    assert!(reason.contains("198.51.100.1 rejected 2 of these ports and the rest stayed silent"), "{reason}");
}

#[test]
fn a_router_without_a_way_is_no_firewall_and_a_refusal_by_the_target_accuses_none() {
    let told = |meaning: &str, words: &str, from: &str, silent: &[u16]| {
        let mut o = range(&[1000], &[], silent, &[1050]);
        o.facts.set(&metric::ICMP, format!("{words} (type 3 code 1) from {from}"));
        o.facts.set(&metric::ICMP_MEANING, meaning);
        o.facts.set(&metric::ICMP_FROM, from);
        only(&Bench::new(&["media"]).saw("media", o)).1
    };
    let reason = told("unreachable", "ICMP host unreachable", "198.51.100.1", &[]);
    assert!(reason.contains("198.51.100.1 says that there is no way to it (ICMP host unreachable); mend"), "{reason}");
    let reason = told("unreachable", "ICMP host unreachable", "198.51.100.1", &[1051]);
    assert!(reason.contains("UDP 1050-1051") && reason.contains("says of 1 of these ports that"), "{reason}");
    let reason = told("prohibited", "ICMP administratively prohibited", "198.51.100.1", &[]);
    assert!(reason.contains("rejected by the firewall at 198.51.100.1"), "{reason}");
    let reason = told("refused", "ICMP port unreachable", "192.0.2.1", &[]);
    assert!(reason.contains("a firewall (perhaps this machine's own)") && !reason.contains("firewall at"), "{reason}");
}

#[test]
fn answers_from_elsewhere_are_told_beside_the_silent_ports() {
    let told = |mut o: Observation| {
        o.facts.set(&metric::STRAY_ANSWERS, 3);
        o.facts.set(&metric::STRAY_FROM, "198.51.100.7:1051");
        only(&Bench::new(&["media"]).saw("media", o)).1
    };
    let words = "(3 answers came from 198.51.100.7:1051 instead:";
    for o in [
        range(&[], &[], &[1050], &[]),
        range(&[1000], &[], &[1050], &[]),
        on_responder(range(&[1000], &[], &[1050], &[])),
    ] {
        let reason = told(o);
        assert!(reason.contains(words), "{reason}");
    }
    let reason = told(range(&[1000, 1050], &[], &[], &[]));
    assert!(!reason.contains(words), "nothing is silent: {reason}");
}

#[test]
fn what_the_host_itself_refuses_has_no_ike_on_either_port() {
    for rule in ["ike", "ike-nat"] {
        let (status, reason) = only(&Bench::new(&[rule]).saw(rule, failed(FailureKind::Refused)));
        assert_eq!(status, Status::Fail);
        assert!(reason.contains("nothing listens there"), "{reason}");
    }
}

#[test]
fn a_sip_service_that_says_nothing_behind_a_websocket_is_a_warning() {
    let upgraded = |facts: &[(&crate::model::metric::Metric, serde_json::Value)]| {
        let mut o = Observation::new(ProbeKind::Ws);
        o.facts.set(&metric::HTTP_STATUS, 101);
        o.facts.set(&metric::SUBPROTOCOL, "sip");
        o.facts.set(&metric::PING_RTT_MS, 4.0);
        facts.iter().for_each(|(m, value)| o.facts.set(m, value));
        o
    };
    let answered = |code: u16| {
        let facts = [
            (&metric::SIP_STATUS, code.into()),
            (&metric::SIP_RTT_MS, 12.34.into()),
            (&metric::SIP_SERVER, "kamailio".into()),
        ];
        only(&Bench::new(&["gateway"]).saw("gateway", upgraded(&facts)))
    };
    let (status, reason) = answered(200);
    assert_eq!(status, Status::Pass);
    assert!(reason.ends_with("SIP OPTIONS answered 200 in 12.3 ms by kamailio."), "{reason}");
    assert_eq!((answered(404).0, answered(501).0, answered(503).0), (Status::Pass, Status::Pass, Status::Warn));
    let mut silent = upgraded(&[]);
    let none = Failure::new(Step::Options, FailureKind::TimedOut, "no answer in 2.0 s");
    silent.step_noted(&none, std::time::Duration::from_secs(2));
    let (status, reason) = only(&Bench::new(&["gateway"]).saw("gateway", silent));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("SIP OPTIONS got no answer (timed-out: no answer in 2.0 s)"), "{reason}");
    let failed = Observation::failed(ProbeKind::Ws, none);
    let (status, reason) = only(&Bench::new(&["gateway"]).saw("gateway", failed));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("look at the SIP service behind it"), "{reason}");
    assert_eq!(only(&Bench::new(&["gateway"]).saw("gateway", upgraded(&[]))).0, Status::Pass, "it was not asked");
}

#[test]
fn a_certificate_close_to_its_end_is_a_warning() {
    let left = |days: f64| {
        let mut o = ok();
        o.facts.set(&metric::CERT_DAYS_LEFT, days);
        Bench::new(&["gateway"]).saw("gateway", o)
    };
    assert_eq!(only(&left(14.0)).0, Status::Pass);
    let (status, reason) = only(&left(13.2));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("ends in 13 days"), "{reason}");
}

#[test]
fn a_check_of_a_moved_port_keeps_the_document_s() {
    let mut b = Bench::new(&["gateway", "stun"]).saw("gateway", ok()).saw("stun", failed(FailureKind::TimedOut));
    let documented = |b: &Bench| -> Vec<Option<String>> {
        b.report().checks.iter().map(|c| c.observed.get(&metric::DOCUMENTED_PORTS)).collect()
    };
    assert_eq!(documented(&b), [None, None]);
    b.plan.items.iter_mut().for_each(|i| i.documented_ports = "19099-20099".parse().ok());
    assert_eq!(documented(&b), vec![Some("19099-20099".to_owned()); 2], "whether it was reached or not");
}
