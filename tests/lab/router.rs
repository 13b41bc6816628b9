//! Our responder behind the router: everything open, and every way in which a router may stop something.

use serde_json::json;

use crate::harness::{Check, Report};
use crate::namespaces::{ACD, ACD4, ACD6, CLIENT4, CLIENT6, Lab, Place, ROUTER4, ROUTER6, RTC, RTC4, RTC6};
use crate::servers::responder;

const MEDIA: &str = "udp 19099-20099";
const AUDIO: &str = "udp 10000-20000";
/// The rows of the documents for the two hosts.
const RTC_PORTS: [&str; 5] = ["tcp 80", "tcp 443", "tcp 8989", "tcp 8089", MEDIA];
const ACD_PORTS: [&str; 4] = ["tcp 80", "tcp 443", "tcp 8089", AUDIO];

const RTC_HOSTS: [&str; 2] = [RTC4, RTC6];
const ACD_HOSTS: [&str; 2] = [ACD4, ACD6];

/// A name with an address in either family.
const BOTH_FAMILIES: &str = "198.51.100.10 rtc.example\n2001:db8:2::10 rtc.example\n";

/// Asserts what a sweep found, list by list.
#[track_caller]
fn swept(check: Check<'_>, answered: &[&str], silent: &[&str], prohibited: &[&str]) {
    assert_eq!(check.ranges("answered"), answered, "answered: {check}");
    assert_eq!(check.ranges("silent"), silent, "silent: {check}");
    assert_eq!(check.ranges("prohibited"), prohibited, "prohibited: {check}");
    assert_eq!(check.ranges("refused"), [""; 0], "refused: {check}");
    assert_eq!(check.seen("probed"), check.seen("total"), "{check}");
}

/// Asserts how a TCP rule failed at its handshake, and which router said so.
#[track_caller]
fn stopped(report: &Report, address: &str, port: &str, kind: &str, by: &str) {
    let check = report.at(address, port);
    assert_eq!(check.failure(), ("connect", kind), "{check}");
    assert_eq!(check.seen("icmp_from"), by, "{check}");
    assert!(check.reason().contains(by), "the reason does not name {by}: {check}");
    assert_ne!(check.status(), "pass", "{check}");
}

#[test]
fn an_open_path_passes_on_every_rule_of_both_families() {
    let Some(lab) = Lab::up() else { return };
    let _servers = [responder(&lab, "rtc", RTC4, RTC6), responder(&lab, "acd", ACD4, ACD6)];
    let run = lab.reach(&["--profile", "agent", "--target", RTC, "--target", ACD]);
    let report = run.exits(0).report();
    assert_eq!((report.verdict(), &report.0["complete"]), ("pass", &json!(true)), "{report}");
    for address in RTC_HOSTS {
        report.passes(address, &RTC_PORTS, &[]);
        swept(report.at(address, MEDIA), &["19099-20099"], &[], &[]);
        assert_eq!(report.at(address, MEDIA).seen("total"), 1001);
        assert_eq!(report.at(address, "tcp 8989").seen("subprotocol"), "janus-protocol");
    }
    for address in ACD_HOSTS {
        report.passes(address, &ACD_PORTS, &[]);
        swept(report.at(address, AUDIO), &["10000-20000"], &[], &[]);
        assert_eq!(report.at(address, AUDIO).seen("total"), 10001);
        assert_eq!(report.at(address, "tcp 8089").seen("subprotocol"), "sip");
    }
    for address in RTC_HOSTS.into_iter().chain(ACD_HOSTS) {
        let page = report.at(address, "tcp 443");
        assert_eq!(page.seen("cert_chain").as_array().map(Vec::len), Some(2), "{page}");
        let redirect = report.at(address, "tcp 80").seen("redirect").to_string();
        assert!(redirect.contains("https://"), "{redirect}");
    }
}

#[test]
fn a_dropped_sub_range_is_named_exactly() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19500-19599 drop");
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(1).report();
    assert_eq!(report.verdict(), "fail");
    for address in RTC_HOSTS {
        report.passes(address, &RTC_PORTS, &[MEDIA]);
        let media = report.at(address, MEDIA).is("fail").says(&["19500-19599", "901", address]);
        swept(media, &["19099-19499", "19600-20099"], &["19500-19599"], &[]);
    }
}

#[test]
fn single_dropped_ports_and_both_ends_of_the_range_are_found() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "acd", ACD4, ACD6);
    lab.forward("udp dport { 10000, 12345, 19998-20000 } drop");
    let run = lab.reach(&["--profile", "acd", "--target", ACD]);
    let report = run.exits(1).report();
    for address in ACD_HOSTS {
        report.passes(address, &ACD_PORTS, &[AUDIO]);
        let audio = report.at(address, AUDIO).is("fail").says(&["12345"]);
        swept(audio, &["10001-12344", "12346-19997"], &["10000", "12345", "19998-20000"], &[]);
    }
}

#[test]
fn each_icmp_code_on_tcp_is_told_apart_and_the_router_is_named() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.unlimited_icmp(Place::Router);
    lab.forward(
        "ip6 nexthdr tcp tcp dport 80 reject with icmpv6 no-route
         ip6 nexthdr tcp tcp dport 443 reject with icmpv6 addr-unreachable
         ip6 nexthdr tcp tcp dport 8989 reject with icmpv6 admin-prohibited
         ip6 nexthdr tcp tcp dport 8089 reject with icmpv6 port-unreachable
         tcp dport 80 reject with icmp host-unreachable
         tcp dport 443 reject with icmp net-unreachable
         tcp dport 8989 reject with icmp admin-prohibited
         tcp dport 8089 reject with icmp host-prohibited",
    );
    let run = lab.reach(&["--profile", "user", "--target", RTC, "--skip", "rtp"]);
    let report = run.exits(1).report();
    stopped(&report, RTC4, "tcp 80", "unreachable", ROUTER4);
    stopped(&report, RTC4, "tcp 443", "unreachable", ROUTER4);
    stopped(&report, RTC4, "tcp 8989", "prohibited", ROUTER4);
    stopped(&report, RTC4, "tcp 8089", "prohibited", ROUTER4);
    stopped(&report, RTC6, "tcp 80", "unreachable", ROUTER6);
    stopped(&report, RTC6, "tcp 443", "unreachable", ROUTER6);
    stopped(&report, RTC6, "tcp 8989", "prohibited", ROUTER6);
    // Port unreachable is the target's to say; from the router it is a firewall's refusal.
    stopped(&report, RTC6, "tcp 8089", "prohibited", ROUTER6);

    lab.forward(
        "meta nfproto ipv4 tcp dport 80 reject with icmp port-unreachable
         meta nfproto ipv4 tcp dport 443 reject with icmp net-prohibited",
    );
    let run = lab.reach(&["--profile", "user", "--target", RTC, "--skip", "rtp"]);
    let report = run.exits(1).report();
    stopped(&report, RTC4, "tcp 80", "prohibited", ROUTER4);
    stopped(&report, RTC4, "tcp 443", "prohibited", ROUTER4);
    report.at(RTC4, "tcp 8989").is("pass");
    report.at(RTC6, "tcp 80").is("pass");
}

#[test]
fn each_icmp_code_on_a_udp_sub_range_counts_as_prohibited_there() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.unlimited_icmp(Place::Router);
    lab.forward(
        "meta nfproto ipv6 udp dport 19200-19209 reject with icmpv6 no-route
         meta nfproto ipv6 udp dport 19300-19309 reject with icmpv6 addr-unreachable
         meta nfproto ipv6 udp dport 19400-19409 reject with icmpv6 admin-prohibited
         meta nfproto ipv6 udp dport 19500-19509 reject with icmpv6 port-unreachable
         meta nfproto ipv4 udp dport 19200-19209 reject with icmp net-unreachable
         meta nfproto ipv4 udp dport 19300-19309 reject with icmp host-unreachable
         meta nfproto ipv4 udp dport 19400-19409 reject with icmp admin-prohibited
         meta nfproto ipv4 udp dport 19500-19509 reject with icmp port-unreachable
         meta nfproto ipv4 udp dport 19600-19609 reject with icmp host-prohibited
         meta nfproto ipv4 udp dport 19700-19709 reject with icmp net-prohibited",
    );
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(1).report();
    let four = ["19200-19209", "19300-19309", "19400-19409", "19500-19509"];
    for (address, router, stopped) in
        [(RTC4, ROUTER4, [&four[..], &["19600-19609", "19700-19709"]].concat()), (RTC6, ROUTER6, four.to_vec())]
    {
        report.passes(address, &RTC_PORTS, &[MEDIA]);
        let media = report.at(address, MEDIA).is("fail").says(&[router]);
        assert_eq!(media.ranges("prohibited"), stopped, "{media}");
        assert_eq!(media.ranges("silent"), [""; 0], "{media}");
        assert_eq!(media.ranges("refused"), [""; 0], "{media}");
        assert_eq!(media.ports("answered").len(), 1001 - 10 * stopped.len(), "{media}");
    }
}

#[test]
fn a_router_that_limits_its_icmp_errors_is_not_taken_for_half_open() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward(
        "meta nfproto ipv4 udp dport 19500-19599 reject with icmp admin-prohibited
         meta nfproto ipv6 udp dport 19500-19599 reject with icmpv6 admin-prohibited",
    );
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(1).report();
    for (address, router) in [(RTC4, ROUTER4), (RTC6, ROUTER6)] {
        let media = report.at(address, MEDIA).is("fail").says(&["19500", "19599", router]);
        let mut stopped = [media.ports("prohibited"), media.ports("silent")].concat();
        stopped.sort_unstable();
        assert!(!media.ports("prohibited").is_empty(), "{media}");
        assert_eq!(stopped, (19500..=19599).collect::<Vec<u16>>(), "{media}");
        assert_eq!(media.ranges("answered"), ["19099-19499", "19600-20099"], "{media}");
    }
}

#[test]
fn a_reset_of_the_preferred_gateway_leaves_the_alternative_as_a_warning() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("tcp dport 8989 reject with tcp reset");
    let args = ["--profile", "user", "--target", RTC, "--skip", "rtp"];
    let run = lab.reach(&args);
    let report = run.exits(0).report();
    assert_eq!(report.verdict(), "warn", "{report}");
    for address in RTC_HOSTS {
        let gateway = report.at(address, "tcp 8989");
        assert_ne!(gateway.status(), "pass", "{gateway}");
        assert_eq!(gateway.failure(), ("connect", "refused"), "{gateway}");
        assert!(gateway.seen("icmp_from").is_null(), "a reset is no ICMP error: {gateway}");
        report.at(address, "tcp 8089").is("pass");
    }
    lab.reach(&[&args[..], &["--strict"]].concat()).exits(1);
}

#[test]
fn a_silent_preferred_gateway_warns_and_both_silent_fail() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let args = ["--profile", "user", "--target", RTC, "--skip", "rtp"];
    lab.forward("tcp dport 8989 drop");
    let run = lab.reach(&args);
    let report = run.exits(0).report();
    assert_eq!(report.verdict(), "warn", "{report}");
    for address in RTC_HOSTS {
        assert_eq!(report.at(address, "tcp 8989").failure(), ("connect", "timed-out"));
        report.at(address, "tcp 8089").is("pass");
    }

    lab.forward("tcp dport { 8989, 8089 } drop");
    let run = lab.reach(&args);
    let report = run.exits(1).report();
    assert_eq!(report.verdict(), "fail", "{report}");
    for address in RTC_HOSTS {
        report.at(address, "tcp 8989").is("fail");
        report.at(address, "tcp 8089").is("fail");
        report.at(address, "tcp 443").is("pass");
    }
}

#[test]
fn a_host_that_is_wholly_dropped_fails_on_tcp_and_is_unknown_on_udp() {
    let Some(lab) = Lab::up() else { return };
    let _servers = [responder(&lab, "rtc", RTC4, RTC6), responder(&lab, "acd", ACD4, ACD6)];
    lab.forward(&format!("ip daddr {ACD4} drop\nip6 daddr {ACD6} drop"));
    let run = lab.reach(&["--profile", "agent", "--target", RTC, "--target", ACD]);
    let report = run.exits(1).report();
    assert_eq!(report.verdict(), "fail", "{report}");
    for address in RTC_HOSTS {
        report.passes(address, &RTC_PORTS, &[]);
    }
    for address in ACD_HOSTS {
        for port in ["tcp 80", "tcp 443", "tcp 8089"] {
            assert_eq!(report.at(address, port).is("fail").failure(), ("connect", "timed-out"));
        }
        // Nothing ever answered there, so nothing proves that silence is the path's doing.
        let audio = report.at(address, AUDIO).is("unknown");
        assert_eq!(audio.ranges("answered"), [""; 0], "{audio}");
    }
}

#[test]
fn all_udp_dropped_fails_where_the_far_end_is_known_to_answer() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("meta l4proto udp drop");
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(1).report();
    for address in RTC_HOSTS {
        report.passes(address, &RTC_PORTS, &[MEDIA]);
        let media = report.at(address, MEDIA).is("fail");
        assert_eq!(media.ranges("answered"), [""; 0], "{media}");
        assert_eq!(media.ranges("prohibited"), [""; 0], "{media}");
    }
}

#[test]
fn replies_dropped_on_their_way_back_are_silence_too() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp sport 19700-19709 drop");
    let run = lab.reach(&["--profile", "user", "--target", "rtc=198.51.100.10"]);
    let report = run.exits(1).report();
    swept(report.at(RTC4, MEDIA).is("fail"), &["19099-19699", "19710-20099"], &["19700-19709"], &[]);
}

#[test]
fn a_lossy_path_hides_no_port_and_invents_none() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    // The first datagram to every eighth port of each address is lost: the same loss in every run.
    lab.forward_with(
        "set lost4 { type ipv4_addr . inet_service; flags dynamic; size 4096; }
         set lost6 { type ipv6_addr . inet_service; flags dynamic; size 4096; }",
        "udp dport 19500-19509 drop
         udp dport & 7 == 3 ip daddr . udp dport != @lost4 add @lost4 { ip daddr . udp dport } drop
         udp dport & 7 == 3 ip6 daddr . udp dport != @lost6 add @lost6 { ip6 daddr . udp dport } drop",
    );
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(1).report();
    for address in RTC_HOSTS {
        let media = report.at(address, MEDIA).is("fail");
        swept(media, &["19099-19499", "19510-20099"], &["19500-19509"], &[]);
        assert!(media.seen("round_trip_loss_pct").as_f64().is_some_and(|p| p > 10.0), "no loss on the way: {media}");
    }
}

#[test]
fn broken_ipv6_is_not_hidden_by_ipv4_nor_the_other_way_round() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    for (dropped, broken, whole) in [("ipv6", RTC6, RTC4), ("ipv4", RTC4, RTC6)] {
        lab.forward(&format!("meta nfproto {dropped} drop"));
        let run = lab.reach(&["--profile", "user", "--target", RTC]);
        let report = run.exits(1).report();
        report.passes(whole, &RTC_PORTS, &[]);
        report.at(broken, "tcp 443").is("fail");
        report.at(broken, "tcp 80").is("fail");
        report.at(broken, MEDIA).is("unknown");
    }
    lab.hosts(BOTH_FAMILIES);
    for (family, address) in [("4", RTC4), ("6", RTC6)] {
        lab.forward(if family == "4" { "meta nfproto ipv6 drop" } else { "meta nfproto ipv4 drop" });
        let run = lab.reach(&["--profile", "user", "--target", "rtc=rtc.example", "--ip", family]);
        run.exits(0).report().passes(address, &RTC_PORTS, &[]);
    }
}

#[test]
fn a_family_without_an_address_is_skipped_and_without_both_everything_fails() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.hosts(BOTH_FAMILIES);
    lab.without_address(Place::Client, CLIENT6);
    let run = lab.reach(&["--profile", "user", "--target", "rtc=rtc.example"]);
    let report = run.exits(0).report();
    report.passes(RTC4, &RTC_PORTS, &[]);
    for port in RTC_PORTS {
        report.at(RTC6, port).is("skip");
    }

    lab.without_address(Place::Client, CLIENT4);
    let run = lab.reach(&["--profile", "user", "--target", "rtc=rtc.example"]);
    let report = run.exits(1).report();
    assert_eq!(report.verdict(), "fail", "{report}");
    assert!(report.all().iter().all(|c| c.status() == "fail"), "{report}");
}

#[test]
fn a_name_is_tested_on_every_address_it_has() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.hosts(BOTH_FAMILIES);
    let run = lab.reach(&["--profile", "user", "--target", "rtc=rtc.example", "--skip", "rtp"]);
    let report = run.exits(0).report();
    for address in RTC_HOSTS {
        let page = report.at(address, "tcp 443").is("pass");
        assert_eq!(page.value["target"], "rtc.example");
    }

    let run = lab.reach(&["--profile", "user", "--target", "rtc=missing.example"]);
    let report = run.exits(1).report();
    let rules: Vec<_> = report.all().into_iter().filter(|c| !c.rule().is_empty()).collect();
    assert_eq!(rules.len(), RTC_PORTS.len(), "{report}");
    for check in rules {
        assert!(check.value["address"].is_null(), "{check}");
        check.is("fail").says(&["missing.example"]);
    }
}

#[test]
fn a_restricted_responder_answers_holders_of_the_key_alone() {
    let Some(lab) = Lab::up() else { return };
    let _server = crate::servers::restricted(&lab, "rtc", RTC4, "correct horse battery staple");
    let args = ["--profile", "user", "--target", "rtc=198.51.100.10", "--skip", "quality,bandwidth"];
    let holder = lab.check_with(&[("RTC_CHECK_RESPONDER_KEY", "correct horse battery staple")], &args);
    holder.exits(0).report().passes(RTC4, &RTC_PORTS, &[]);
    for stranger in [
        lab.check(&args),
        lab.check_with(&[("RTC_CHECK_RESPONDER_KEY", "a wrong guess of sixteen bytes and more")], &args),
    ] {
        let report = stranger.report();
        let media = report.at(RTC4, MEDIA);
        assert!(["fail", "unknown"].contains(&media.status()), "{media}");
        assert_eq!(media.ranges("answered"), [""; 0], "{media}");
        assert!(!(stranger.stdout + &stranger.stderr).contains("wrong guess"), "a secret was printed");
    }
}

#[test]
fn a_firewall_that_forgets_idle_connections_is_found_by_holding_one() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    // What every stateful firewall does after its idle time, here one second: packets of a flow it no longer knows go.
    lab.forward("tcp dport 8989 tcp flags & (syn | ack) == ack ct state new drop");
    lab.sysctl(Place::Router, "net/netfilter/nf_conntrack_tcp_timeout_established", "1");
    let args = ["--profile", "user", "--target", RTC, "--only", "rtc.gateway"];
    lab.reach(&args).exits(0);
    let run = lab.reach(&[&args[..], &["--hold", "4"]].concat());
    let report = run.exits(1).report();
    for address in RTC_HOSTS {
        let gateway = report.at(address, "tcp 8989").is("fail");
        let (step, kind) = gateway.failure();
        assert!(["hold", "ping"].contains(&step) && ["hold-cut", "timed-out"].contains(&kind), "{gateway}");
    }
}
