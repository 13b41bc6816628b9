//! Quality and bandwidth between two namespaces: what the router does to the packets, in that direction and to that
//! amount, is what the report says.

use serde_json::Value;

use crate::emulator::truth::{self, OneWay, Tool};
use crate::emulator::{self, Emulator, Scenario};
use crate::harness::{Check, Report, STUN_PROFILE};
use crate::namespaces::{EMULATED4, Lab, Listens, Place, RTC, RTC4, RTC6};
use crate::servers::{coturn, limited, responder};

const RTC_V4: &str = "rtc=198.51.100.10";

/// Runs profile `user` for the checks of `only` on the server's IPv4 address.
#[track_caller]
fn measured(lab: &Lab, only: &str, more: &[&str], exit: i32) -> Report {
    let args = ["--profile", "user", "--target", RTC_V4, "--only", only];
    lab.check(&[&args[..], more].concat()).exits(exit).report()
}

/// Asserts that the limit was decided so, by its whole interval, and that a document says it.
#[track_caller]
fn decided(check: Check<'_>, metric: &str, status: &str) {
    let limit = check.limit(metric);
    assert_eq!(limit["status"], status, "{metric}: {limit} {check}");
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| panic!("{metric}: {limit} {check}"));
    let (low, high, bound) = (number(&limit["ci95"][0]), number(&limit["ci95"][1]), number(&limit["limit"]));
    assert!(low <= number(&limit["observed"]) && number(&limit["observed"]) <= high, "{limit}");
    let is_held = match limit["op"].as_str().unwrap() {
        "<" => high < bound,
        "<=" => high <= bound,
        _ => low >= bound,
    };
    assert_eq!(is_held, status == "pass", "{limit}");
    assert!(limit["source"]["document"].is_string(), "no document says so: {limit}");
}

#[test]
fn every_limit_is_judged_with_its_interval_in_both_families() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let run = lab.check(&["--profile", "user", "--target", RTC]);
    let report = run.exits(0).report();
    assert_eq!(report.verdict(), "pass", "{report}");
    assert!(run.took.as_secs() < 30, "took {:?}", run.took);
    for address in [RTC4, RTC6] {
        let quality = report.quality(address).is("pass");
        ["rtt_ms", "jitter_ms", "loss_pct"].iter().for_each(|m| decided(quality, m, "pass"));
        assert_eq!((quality.number("loss_up_pct"), quality.number("loss_down_pct")), (0.0, 0.0), "{quality}");
        assert_eq!((quality.number("duplicated"), quality.number("reordered")), (0.0, 0.0), "{quality}");
        assert!(quality.number("mos") > 4.0 && quality.number("sent") >= 250.0, "{quality}");
        let rtt = quality.seen("rtt_ms");
        assert!(rtt["min"].as_f64() > Some(0.0) && rtt["p50"].as_f64() < Some(20.0), "{quality}");
        assert_eq!(quality.seen("via")["method"], "stamp", "{quality}");
        for (row, kbps) in [("audio", 40), ("audio-video", 80)] {
            let bandwidth = report.bandwidth(address, row).is("pass");
            for metric in ["up_kbps", "down_kbps"] {
                decided(bandwidth, metric, "pass");
                assert_eq!(bandwidth.limit(metric)["limit"].as_f64(), Some(kbps.into()), "{bandwidth}");
            }
        }
    }
}

#[test]
fn loss_towards_the_server_is_told_as_such() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19099-20099 numgen inc mod 33 == 0 drop");
    let report = measured(&lab, "quality", &["--duration", "10"], 1);
    let quality = report.quality(RTC4).is("fail").says(&["%"]);
    let (up, down) = (quality.number("loss_up_pct"), quality.number("loss_down_pct"));
    assert!((2.5..3.5).contains(&up) && down == 0.0, "up {up} %, down {down} %: {quality}");
    decided(quality, "loss_pct", "fail");
    decided(quality, "rtt_ms", "pass");
    decided(quality, "jitter_ms", "pass");
}

#[test]
fn loss_from_the_server_is_told_as_such() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp sport 19099-20099 numgen inc mod 20 == 0 drop");
    let report = measured(&lab, "quality", &["--duration", "6"], 1);
    let quality = report.quality(RTC4).is("fail");
    let (up, down) = (quality.number("loss_up_pct"), quality.number("loss_down_pct"));
    assert!((4.0..6.0).contains(&down) && up == 0.0, "up {up} %, down {down} %: {quality}");
}

#[test]
fn a_line_of_75_kbps_carries_audio_and_no_video() {
    let Some(lab) = Lab::with(&["tc"]) else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    // The audio's packets have some 142 bytes.
    lab.shaped(75, 142);
    let report = measured(&lab, "quality,bandwidth", &["--duration", "6"], 1);
    report.bandwidth(RTC4, "audio").is("pass");
    report.bandwidth(RTC4, "audio-video").is("fail");
    // What the audio met, not what the video did to the line.
    let quality = report.quality(RTC4).is("pass");
    assert_eq!(quality.number("loss_pct"), 0.0, "{quality}");
}

#[test]
fn a_stun_server_tells_the_round_trip_alone() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _server = coturn(&lab);
    let source = r#"source = { document = "here", section = "none", row = "as asked for" }"#;
    let profile = lab.dir().join("stun.toml");
    let limits = format!(
        "{STUN_PROFILE}\n[[limits]]\nmetric = \"rtt_ms\"\nop = \"<\"\nvalue = 300\n{source}\n\
         [[bandwidth]]\nname = \"audio\"\nup_kbps = 40\ndown_kbps = 40\n{source}\n"
    );
    std::fs::write(&profile, limits).unwrap();
    let target = format!("stun={RTC4}");
    let run = lab.check(&["--profile", profile.to_str().unwrap(), "--target", &target]);
    let report = run.exits(3).report();
    let quality = report.quality(RTC4);
    assert_eq!(quality.seen("via")["method"], "stun", "{quality}");
    for unseen in ["loss_up_pct", "loss_down_pct", "jitter_ms"] {
        assert!(quality.seen(unseen).is_null(), "{unseen}: {quality}");
    }
    assert_eq!(quality.number("loss_pct"), 0.0, "{quality}");
    assert!(quality.number("rtt_variation_ms") < 20.0, "{quality}");
    assert!(quality.seen("rtt_ms")["min"].as_f64() > Some(0.0), "{quality}");
    decided(quality, "rtt_ms", "pass");
    assert_ne!(quality.status(), "fail", "{quality}");
    assert_eq!(quality.limit("loss_pct")["source"], "rtc-check default", "{quality}");
    report.bandwidth(RTC4, "audio").is("unknown").says(&["rtc-check serve"]);
}

#[test]
fn without_udp_the_websocket_tells_the_round_trip() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("meta l4proto udp drop");
    let run = lab.check(&["--profile", "user", "--target", RTC_V4]);
    let report = run.exits(1).report();
    let quality = report.quality(RTC4);
    assert_ne!(quality.status(), "pass", "{quality}");
    assert_eq!(quality.seen("via")["transport"], "tcp", "{quality}");
    assert!(quality.seen("rtt_ms")["min"].as_f64() > Some(0.0), "{quality}");
    assert!(quality.seen("loss_pct").is_null(), "loss over TCP: {quality}");
    assert_ne!(report.bandwidth(RTC4, "audio").status(), "pass", "{report}");
}

#[test]
fn a_code_point_changed_on_the_way_is_seen() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("ip daddr 198.51.100.10 udp dport 19099-20099 ip dscp set cs1");
    let report = measured(&lab, "quality", &["--duration", "6", "--dscp", "46"], 0);
    let quality = report.quality(RTC4);
    assert_eq!(quality.seen("dscp_sent"), 46, "{quality}");
    assert_eq!(quality.seen("dscp_received_up"), 8, "{quality}");
    assert_eq!(quality.seen("dscp_received_down"), 46, "{quality}");
}

#[test]
fn a_session_refused_is_unknown_in_the_responders_words() {
    for limit in [["--max-sessions", "0"], ["--max-session-kbps", "10"]] {
        let Some(lab) = Lab::up() else { return };
        let _server = limited(&lab, RTC4, &limit);
        let report = measured(&lab, "quality,bandwidth", &["--duration", "4"], 3);
        let bandwidth = report.bandwidth(RTC4, "audio-video").is("unknown");
        let why = bandwidth.seen("responder_refused").as_str().unwrap_or_else(|| panic!("no words: {bandwidth}"));
        assert!(!why.is_empty() && bandwidth.reason().contains(why), "{bandwidth}");
    }
}

#[test]
fn a_train_lasts_as_long_as_was_asked() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let report = measured(&lab, "quality", &["--duration", "6"], 0);
    let quality = report.quality(RTC4);
    assert!((5.9..6.1).contains(&quality.number("duration_s")), "{quality}");
    // 3 % of loss is undecided for long; it may not take longer than was allowed.
    lab.forward("udp dport 19099-20099 numgen inc mod 66 == 0 drop");
    let report = measured(&lab, "quality", &["--max-duration", "5"], 3);
    let quality = report.quality(RTC4).is("unknown");
    assert!((4.9..5.2).contains(&quality.number("duration_s")), "{quality}");
    assert!(quality.number("packets_to_decide") > 0.0, "{quality}");
}

#[test]
fn a_session_that_dies_half_way_is_no_pass_and_blames_nobody() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward("udp dport 19099-20099 numgen inc mod 1000000 >= 200 drop");
    let report = measured(&lab, "quality,bandwidth", &["--duration", "6"], 3);
    let quality = report.quality(RTC4).is("unknown");
    assert!(quality.warns_of("nothing came back"), "{quality}");
    for row in ["audio", "audio-video"] {
        assert_ne!(report.bandwidth(RTC4, row).status(), "pass", "{report}");
    }
}

// Against the emulator's log: the counts are exact -------------------------------------------------------------------

#[test]
fn the_emulator_does_what_it_is_told() {
    let mut dry = std::process::Command::new(emulator::program());
    dry.args(["--dry-run", "100000:20ms", "--both", "delay=20ms,loss=1.5%"]);
    let said: Value = serde_json::from_slice(&dry.output().unwrap().stdout).unwrap();
    for way in ["ab", "ba"] {
        let lost = said[way]["loss_pct"].as_f64().unwrap();
        assert!((1.3..1.7).contains(&lost), "{said}");
    }
}

/// Runs a train through `scenario` and gives the quality check and the truth to `compare`.
fn against_truth(scenario: Scenario, seconds: &str, exits: &[i32], compare: impl Fn(Check<'_>, &truth::Truth)) {
    let Some(lab) = Lab::up() else { return };
    let emulator = Emulator::between(&lab, scenario, 1, 60);
    let profile = lab.dir().join("train.toml");
    std::fs::write(&profile, include_str!("../../benches/accuracy/train.toml")).unwrap();
    let mut serve = lab.command(Place::Server, env!("CARGO_BIN_EXE_rtc-check"));
    serve.args(["serve", "--bind", EMULATED4, "--profile"]).arg(&profile);
    serve.arg("--cert").arg(&lab.pki.chain).arg("--key").arg(&lab.pki.key);
    let _server = lab.start(serve, "responder", &[Listens::Tcp(EMULATED4, 443), Listens::Udp(EMULATED4, 5003)]);
    let target = format!("media={EMULATED4}");
    let only = ["--only", "quality", "--duration", seconds];
    let run = lab.check(&[&["--profile", profile.to_str().unwrap(), "--target", &target][..], &only].concat());
    assert!(exits.contains(&run.code.unwrap()), "exit {:?}: {}{}", run.code, run.stdout, run.stderr);
    let report = run.report();
    let truth = truth::of(&emulator.finish(), Tool::Stamp(5000, 5003));
    let quality = report.quality(EMULATED4);
    assert_eq!(quality.number("sent"), f64::from(truth.up.sent), "{quality}");
    assert_eq!(quality.number("received"), f64::from(truth.answered), "{quality}");
    for (way, so) in [("up", &truth.up), ("down", &truth.down)] {
        counted(quality, way, so);
    }
    compare(quality, &truth);
}

#[track_caller]
fn counted(quality: Check<'_>, way: &str, so: &OneWay) {
    let said = (
        quality.seen("loss_detail")[way]["lost"].as_u64(),
        quality.seen(&format!("duplicated_{way}")).as_u64(),
        quality.seen(&format!("reordered_{way}")).as_u64(),
    );
    let so = (Some(so.lost.into()), Some(so.duplicated.into()), Some(so.reordered.into()));
    assert_eq!(said, so, "lost, duplicated, reordered {way}: {quality}");
}

#[test]
fn loss_of_one_direction_is_counted_to_the_packet() {
    against_truth(emulator::ASYMMETRIC, "6", &[0, 1, 3], |quality, truth| {
        assert!(truth.up.lost > 0 && truth.down.lost == 0, "{truth:?}");
        let rtt = quality.seen("rtt_ms")["min"].as_f64().unwrap();
        let error = rtt - truth::percentile(&truth.rtt, 0.0);
        assert!((-0.05..2.0).contains(&error), "minimum {rtt} ms is off by {error} ms");
    });
}

#[test]
fn duplicates_and_reordering_are_counted_to_the_packet() {
    let impairment = "delay=20ms,reorder=4%:50ms,dup=4%";
    let scenario = Scenario { name: "disorder", up: impairment, down: impairment };
    against_truth(scenario, "6", &[0], |_, truth| {
        for way in [&truth.up, &truth.down] {
            assert!(way.duplicated > 0 && way.reordered > 0 && way.lost == 0, "{truth:?}");
        }
    });
}
