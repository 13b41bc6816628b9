//! ICE with the agent of our responder, across routers that translate or drop.

use serde_json::Value;

use crate::harness::{Check, Report};
use crate::namespaces::{CLIENT4, ICE4, Lab, RTC, RTC4, RTC6, note};
use crate::nat::{INSIDE4, Nat, OUTSIDE4};
use crate::relay::{LOGIN, measured, relay};
use crate::servers::{limited, responder};

const RTC_V4: &str = "rtc=198.51.100.10";

/// Asks for ICE, with the relay's rule that it may take.
#[track_caller]
fn asked(lab: &Lab, more: &[&str]) -> Report {
    let args = ["--profile", "user", "--only", "ice.rtc", "--duration", "2"];
    let run = lab.check_with(&LOGIN, &[&args[..], more].concat());
    note(&format!("ICE took {:?}", run.took));
    run.report()
}

#[track_caller]
fn ice<'a>(report: &'a Report, address: &str) -> Check<'a> {
    let found = report.probed(address, "ice");
    assert_eq!(found.len(), 1, "one ICE check of {address}: {report}");
    found[0]
}

/// Asserts that the pair's local candidate is of one of the types, and tells its address.
#[track_caller]
fn pair<'a>(ice: &'a Value, types: &[&str]) -> &'a str {
    let local = &ice["pair"]["local"];
    assert!(types.iter().any(|t| local["type"] == *t), "{ice}");
    assert!(ice["connected_ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 5000.0), "{ice}");
    assert!(ice["rtt_ms"]["min"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 50.0), "{ice}");
    local["address"].as_str().unwrap_or_else(|| panic!("no address: {ice}"))
}

#[test]
fn host_candidates_win_on_an_open_path_of_either_family() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let report = asked(&lab, &["--target", RTC]);
    for address in [RTC4, RTC6] {
        let check = ice(&report, address).is("pass");
        let seen = check.seen("ice");
        let local = pair(seen, &["host"]);
        assert!(address == RTC6 || local.starts_with(CLIENT4), "{check}");
        assert_eq!(seen["pair"]["remote"]["type"], "host", "{check}");
        let left_out = seen["left_out"].to_string();
        assert!(left_out.contains("fe80") || left_out.contains("127.0.0.1"), "{check}");
        measured(check);
        note(&format!("{address}: connected after {} ms", seen["connected_ms"]));
    }
}

#[test]
fn behind_a_nat_the_agent_sees_the_outer_address_and_the_relay_is_tried_too() {
    for nat in [Nat::PortRestricted, Nat::Symmetric] {
        let Some(lab) = Lab::with(&["turnserver"]) else { return };
        let _servers = [limited(&lab, RTC4, &[]), relay(&lab)];
        lab.translated(nat);
        let ice_target = format!("ice={ICE4}");
        let report = asked(&lab, &["--target", RTC_V4, "--target", &ice_target, "--only", "ice.turn-udp-80"]);
        let check = ice(&report, RTC4).is("pass");
        let local = pair(check.seen("ice"), &["host", "srflx", "prflx"]);
        assert!(local.starts_with(INSIDE4) || local.starts_with(OUTSIDE4), "{check}");
        let relayed = pair(check.seen("ice_relay_only"), &["relay"]);
        assert!(relayed.starts_with(ICE4), "{check}");
    }
}

#[test]
fn with_the_media_range_forbidden_the_relay_wins_over_every_transport() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _servers = [limited(&lab, RTC4, &[]), relay(&lab)];
    lab.forward(&format!("ip saddr {CLIENT4} ip daddr {RTC4} meta l4proto udp drop"));
    for rule in ["ice.turn-udp-80", "ice.turn-tcp-80", "ice.turns-udp-443", "ice.turns-tcp-443"] {
        let ice_target = format!("ice={ICE4}");
        let report = asked(&lab, &["--target", RTC_V4, "--target", &ice_target, "--only", rule]);
        let check = ice(&report, RTC4);
        let relayed = pair(check.seen("ice"), &["relay"]);
        assert!(relayed.starts_with(ICE4), "{rule}: {check}");
        note(&format!("{rule}: connected after {} ms", check.seen("ice")["connected_ms"]));
    }
}

#[test]
fn without_any_way_ice_fails_in_words_and_in_time() {
    let Some(lab) = Lab::up() else { return };
    let _server = limited(&lab, RTC4, &[]);
    lab.forward("meta l4proto udp drop");
    let report = asked(&lab, &["--target", RTC_V4]);
    let check = ice(&report, RTC4);
    assert_ne!(check.status(), "pass", "{check}");
    assert!(check.seen("ice")["failed"].is_string() || !check.seen("failure").is_null(), "{check}");
}

#[test]
fn a_server_that_is_no_responder_has_no_agent() {
    let Some(lab) = Lab::with(&["nginx"]) else { return };
    let _server = crate::servers::nginx(&lab);
    let report = asked(&lab, &["--target", RTC_V4]);
    assert!(["skip", "unknown"].contains(&ice(&report, RTC4).status()), "{report}");
}
