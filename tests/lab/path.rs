//! What the way between two namespaces lets through: sizes, rates, protocols and marks, and what the report says of it.

use serde_json::Value;

use crate::harness::Report;
use crate::namespaces::{CLIENT4, Lab, Place, RTC4, RTC6, ip};
use crate::servers::responder;

const RTC_V4: &str = "rtc=198.51.100.10";

/// Ids of the findings that say something of the way.
fn of_path(report: &Report) -> Vec<&str> {
    let ids = report.0["findings"].as_array().unwrap().iter().filter_map(|f| f["id"].as_str());
    ids.filter(|id| ["path.", "udp.policed", "range.as-tcp"].iter().any(|own| id.starts_with(own))).collect()
}

#[track_caller]
fn finding<'a>(report: &'a Report, id: &str) -> &'a Value {
    let found = report.0["findings"].as_array().unwrap().iter().find(|f| f["id"] == id);
    found.unwrap_or_else(|| panic!("no {id}: {} {report}", report.0["findings"]))
}

/// The way's check at the server's address, and the report.
#[track_caller]
fn looked(lab: &Lab, only: &str, more: &[&str]) -> Report {
    let args = ["--profile", "user", "--target", RTC_V4, "--only", only];
    lab.check(&[&args[..], more].concat()).report()
}

/// What became of each size, towards the server and back.
fn sizes(report: &Report) -> Vec<(u64, String, String)> {
    let checks = report.probed(RTC4, "path");
    let word = |v: &Value| v.as_str().unwrap_or("?").to_owned();
    let sizes = checks[0].seen("mtu")["sizes"].as_array().cloned().unwrap_or_default();
    sizes.iter().map(|s| (s["bytes"].as_u64().unwrap(), word(&s["up"]), word(&s["down"]))).collect()
}

fn narrow(lab: &Lab, mtu: &str) {
    ip(&["-n", &lab.namespace(Place::Router), "link", "set", "sv0", "mtu", mtu]);
}

#[test]
fn a_clean_way_has_nothing_to_say_in_both_families() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let run = lab.check(&["--profile", "user", "--target", "rtc=198.51.100.10,[2001:db8:2::10]", "--only", "path"]);
    let report = run.report();
    assert!(of_path(&report).is_empty(), "{}", report.0["findings"]);
    assert!(run.took.as_secs_f64() < 3.0, "took {:?}", run.took);
    for (address, router) in [(RTC4, "192.0.2.1"), (RTC6, "2001:db8:1::1")] {
        let check = report.probed(address, "path")[0].is("pass");
        assert_eq!(check.seen("hops")[0]["address"], router, "{check}");
        assert_eq!(check.seen("way_out")["interface"], "up0", "{check}");
        let fates = check.seen("mtu")["sizes"].as_array().unwrap();
        assert!(fates.iter().all(|s| s["up"] == "passed" && s["down"] == "passed"), "{check}");
    }
}

#[test]
fn a_narrow_link_whose_router_says_so_is_a_note() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    narrow(&lab, "1280");
    let report = looked(&lab, "path", &[]);
    assert_eq!(of_path(&report), ["path.mtu-small"], "{report}");
    let sizes = sizes(&report);
    assert_eq!((sizes[0].1.as_str(), sizes[1].1.as_str()), ("passed", "too-big"), "{sizes:?}");
    let told = &report.probed(RTC4, "path")[0].seen("mtu")["too_big"];
    assert_eq!((&told["from"], &told["mtu"]), (&"192.0.2.1".into(), &1280.into()));
}

#[test]
fn a_narrow_link_that_says_nothing_is_a_black_hole_and_the_hanging_tls_belongs_to_it() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    narrow(&lab, "1280");
    lab.table(
        Place::Router,
        "inet mute",
        "chain out {\ntype filter hook output priority 0; policy accept;\nicmp type destination-unreachable drop\n}",
    );
    let report = looked(&lab, "path", &[]);
    let sizes = sizes(&report);
    assert_eq!((sizes[0].1.as_str(), sizes[1].1.as_str()), ("passed", "silent"), "{sizes:?}");
    let found = finding(&report, "path.mtu");
    assert_eq!(found["who"], "firewall");
    let ask = found["ask"].as_array().unwrap();
    assert!(
        ask[0].as_str().unwrap().contains("ICMP type 3 code 4") && ask[0].as_str().unwrap().contains(CLIENT4),
        "{found}"
    );
    assert!(ask[1].as_str().unwrap().contains("1188"), "{found}");
}

#[test]
fn udp_that_is_policed_is_told_with_its_rate() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19099-20099 limit rate over 50/second burst 5 packets drop");
    let report = looked(&lab, "rtc.media,path", &[]);
    let found = finding(&report, "udp.policed");
    assert_eq!(found["who"], "firewall");
    assert!(found["ask"][0].as_str().unwrap().contains("UDP 19099-20099 from 192.0.2.2 to 198.51.100.10"), "{found}");
    assert!(found["evidence"][0].as_str().unwrap().contains("at 10 a second 8 of 8"), "{found}");
}

#[test]
fn loss_alone_is_not_policing() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19099-20099 numgen random mod 100 < 15 drop");
    let report = looked(&lab, "rtc.media,path", &[]);
    assert!(!of_path(&report).contains(&"udp.policed"), "{}", report.0["findings"]);
    assert!(!of_path(&report).contains(&"path.mtu"), "{}", report.0["findings"]);
}

#[test]
fn a_range_that_was_opened_for_tcp_is_named_as_such() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward(
        "ct state established,related accept\ntcp dport { 80, 443, 8089, 8989, 19099-20099 } accept\nip daddr 198.51.100.10 drop",
    );
    let report = looked(&lab, "rtc.media,path", &[]);
    let found = finding(&report, "range.as-tcp");
    assert_eq!(found["ask"][0], "allow UDP, not TCP, 19099-20099 from 192.0.2.2 to 198.51.100.10, and replies");
    assert_eq!(of_path(&report), ["range.as-tcp"]);
}

#[test]
fn a_range_that_is_shut_for_all_is_not() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19099-20099 drop\ntcp dport 19000-20200 drop");
    assert!(of_path(&looked(&lab, "rtc.media,path", &[])).is_empty());
    lab.forward("udp dport 19099-20099 drop");
    assert!(of_path(&looked(&lab, "rtc.media,path", &[])).is_empty(), "all of TCP is open");
}

#[test]
fn bleached_marks_are_told_with_their_direction_where_they_were_asked_for() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19099-20099 ip dscp set cs0");
    let report = looked(&lab, "quality", &["--dscp", "46", "--duration", "2"]);
    let found = finding(&report, "path.dscp");
    assert_eq!((&found["status"], &found["ask"][0]), (&"warn".into(), &"keep DSCP 46 of UDP to 198.51.100.10".into()));
    lab.forward("");
    assert!(of_path(&looked(&lab, "quality", &["--dscp", "46", "--duration", "2"])).is_empty());
}

#[test]
fn a_tunnel_as_the_way_out_is_a_note() {
    let Some(lab) = Lab::up() else { return };
    let client = lab.namespace(Place::Client);
    ip(&["-n", &client, "tuntap", "add", "dev", "tun7", "mode", "tun"]);
    lab.interface(Place::Client, "tun7", &["10.9.0.2/24"], &[]);
    ip(&["-n", &client, "route", "add", "198.51.100.10/32", "dev", "tun7"]);
    let report = looked(&lab, "path", &[]);
    assert_eq!(of_path(&report), ["path.tunnel"], "{report}");
    assert_eq!(report.probed(RTC4, "path")[0].seen("way_out")["kind"], "tunnel");
}
