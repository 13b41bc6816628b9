//! A real call: Janus's EchoTest through the router, directly and through relays.

use crate::harness::{Check, Report, Run};
use crate::namespaces::{ICE4, Lab, RTC, RTC4, RTC6, note};
use crate::relay::{LOGIN, measured, relay};
use crate::servers::{janus, janus_with};

const RTC_V4: &str = "rtc=198.51.100.10";

/// Makes the call alone.
#[track_caller]
fn called(lab: &Lab, environment: &[(&str, &str)], more: &[&str]) -> Run {
    let args = ["--profile", "user", "--only", "call", "--duration", "2"];
    lab.check_with(environment, &[&args[..], more].concat())
}

/// The check of the call to `address`.
#[track_caller]
fn call<'a>(report: &'a Report, address: &str) -> Check<'a> {
    let found = report.probed(address, "janus-call");
    assert_eq!(found.len(), 1, "one call to {address}: {report}");
    found[0]
}

/// Asserts that both media came back, by which port, and prints how fast the call was there.
#[track_caller]
fn is_whole(check: Check<'_>, way: &str, within_ms: f64) {
    let call = check.is("pass").seen("call");
    let number = |key: &str| call[key].as_f64().unwrap_or_else(|| panic!("no {key}: {check}"));
    let parts = ["signalling_ms", "ice_ms", "dtls_ms"].map(|k| format!("{k} {}", number(k)));
    note(&format!("{way}: a call was there after {} ms ({})", number("setup_ms"), parts.join(", ")));
    assert!(number("setup_ms") < within_ms, "{check}");
    assert!((19099.0..=20099.0).contains(&number("remote_port")), "{check}");
    assert_eq!(check.seen("janus")["version_string"], "1.1.2", "{check}");
    assert!(check.seen("janus")["plugins"].to_string().contains("janus.plugin.echotest"), "{check}");
    let codecs = [&call["audio_codec"], &call["video_codec"]].map(|c| c.as_str().unwrap_or("").to_lowercase());
    assert!(codecs[0].contains("opus") && codecs[1].contains("vp8"), "{check}");
    assert!(number("sent_kbps") > 20.0 && number("received_kbps") > 20.0, "{check}");
    measured(check);
    assert_eq!(check.seen("call_video")["loss_pct"], 0.0, "{check}");
}

#[test]
fn media_come_back_in_both_families() {
    let Some(lab) = Lab::with(&["janus"]) else { return };
    let _janus = janus(&lab);
    let run = called(&lab, &[], &["--target", RTC]);
    let report = run.exits(0).report();
    for address in [RTC4, RTC6] {
        let check = call(&report, address);
        is_whole(check, address, 1000.0);
        assert_eq!(check.seen("janus")["api"], "wss", "{check}");
    }
}

#[test]
fn without_udp_a_call_takes_the_relay_over_tls() {
    let Some(lab) = Lab::with(&["janus", "turnserver"]) else { return };
    let _servers = [janus(&lab), relay(&lab)];
    lab.forward("meta l4proto udp drop");
    let ice = format!("ice={ICE4}");
    let run = called(&lab, &LOGIN, &["--target", RTC_V4, "--target", &ice, "--only", "ice.turns-tcp-443"]);
    let report = run.exits(0).report();
    let check = call(&report, RTC4);
    is_whole(check, "TURN/TLS", 1500.0);
    let local = &check.seen("call")["pair"]["local"];
    assert_eq!(local["type"], "relay", "{check}");
    assert!(local["address"].to_string().contains(ICE4), "{check}");
}

#[test]
fn without_udp_and_without_a_relay_the_call_fails_at_ice() {
    let Some(lab) = Lab::with(&["janus"]) else { return };
    let _janus = janus(&lab);
    lab.forward("meta l4proto udp drop");
    let run = called(&lab, &[], &["--target", RTC_V4]);
    let report = run.exits(1).report();
    let check = call(&report, RTC4).is("fail");
    assert_eq!(check.failure().0, "checks", "{check}");
    assert!(run.took.as_secs() < 40, "took {:?}", run.took);
}

#[test]
fn the_https_api_carries_a_call_where_the_websocket_is_closed() {
    let Some(lab) = Lab::with(&["janus"]) else { return };
    let _janus = janus(&lab);
    lab.forward("tcp dport 8989 reject with tcp reset");
    let run = called(&lab, &[], &["--target", RTC_V4, "--only", "rtc.gateway", "--only", "rtc.api"]);
    let report = run.report();
    let check = call(&report, RTC4);
    is_whole(check, "HTTPS API", 1500.0);
    assert_eq!(check.seen("janus")["api"], "https", "{check}");
}

#[test]
fn no_call_is_made_where_none_is_wanted_or_none_is_offered() {
    let Some(lab) = Lab::with(&["janus"]) else { return };
    let server = janus(&lab);
    let args = ["--profile", "user", "--target", RTC_V4, "--skip", "quality,bandwidth,rtp"];
    let run = lab.check(&[&args[..], &["--no-call"]].concat());
    assert!(run.report().all().iter().all(|c| c.seen("call").is_null()), "{}", run.report());
    drop(server);
    let _server = janus_with(&lab, "", &["echotest"]);
    let run = lab.check(&args);
    let report = run.report();
    assert_ne!(call(&report, RTC4).status(), "fail", "{report}");
    let run = called(&lab, &[], &["--target", RTC_V4, "--call"]);
    let report = run.exits(1).report();
    call(&report, RTC4).is("fail").says(&["EchoTest"]);
}

#[test]
fn a_gateway_with_secrets_takes_those_who_know_them() {
    let Some(lab) = Lab::with(&["janus"]) else { return };
    // A token that the secret signs until 2033.
    let token = "2000000000,janus,janus.plugin.echotest:IQUEtutMFn3s1k3GBA8+WwhnIVo=";
    let settings = [
        (", token_auth = true, token_auth_secret = \"signs tokens\"", "RTC_CHECK_JANUS_TOKEN", token),
        (", api_secret = \"open sesame\"", "RTC_CHECK_JANUS_APISECRET", "open sesame"),
    ];
    for (general, variable, secret) in settings {
        let _janus = janus_with(&lab, general, &[]);
        let run = called(&lab, &[(variable, secret)], &["--target", RTC_V4]);
        is_whole(call(&run.exits(0).report(), RTC4), variable, 1000.0);
        // Who gives none learns which to give, and nothing of the network; a wrong one is the operator's own mistake.
        for (environment, status, exit) in [(vec![], "unknown", 3), (vec![(variable, "a guess of mine")], "fail", 1)] {
            let run = called(&lab, &environment, &["--target", RTC_V4]);
            let report = run.exits(exit).report();
            call(&report, RTC4).is(status).says(&["403", variable]);
            assert!(!(run.stdout + &run.stderr).contains("a guess of mine"), "a secret was printed");
        }
    }
}

#[test]
fn the_media_that_a_line_loses_are_missed() {
    let Some(lab) = Lab::with(&["janus"]) else { return };
    let _janus = janus(&lab);
    lab.forward("iifname sv0 udp sport 19099-20099 udp length > 60 numgen inc mod 10 == 0 drop");
    let run = called(&lab, &[], &["--target", RTC_V4]);
    let report = run.report();
    let check = call(&report, RTC4);
    assert!((5.0..15.0).contains(&check.number("loss_pct")), "{check}");
}
