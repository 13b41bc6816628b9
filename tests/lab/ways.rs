//! Which way media can take: the whole run of an agent and of a user before nginx, Janus and coturn, with a router that
//! leaves ever fewer ways open.

use serde_json::Value;

use crate::harness::{Report, Run, Started};
use crate::namespaces::{CLIENT4, Daemon, ICE4, Lab, Place, RTC4, RTC6, note};
use crate::relay::{LOGIN, LONG_TERM, relay, relay_with};
use crate::servers::{janus, nginx, responder};

const MEDIA: &str = "udp 19099-20099";
const ICE: &str = "ice=198.51.100.30";
const RTC: &str = "rtc=198.51.100.10";

/// What is dropped where nothing but the ports of HTTPS is left.
const ALL_BUT_443: &str = "meta l4proto udp drop\ntcp dport != 443 tcp flags & (syn | ack) == syn drop";

/// Runs the profile's rules and trials on IPv4 with the relay's login; `agent` without its other server.
#[track_caller]
fn run(lab: &Lab, profile: &str, more: &[&str]) -> Run {
    let args =
        ["--profile", profile, "--target", RTC, "--target", ICE, "--duration", "2", "--skip", "bandwidth,ice.media"];
    let acd = ["--target", "acd=198.51.100.20", "--skip", "acd"];
    let acd: &[&str] = if profile == "agent" { &acd } else { &[] };
    lab.check_with(&LOGIN, &[&args[..], acd, more].concat())
}

/// The row of the comparison for `way`, of the relay on `port`.
#[track_caller]
fn row<'a>(report: &'a Report, way: &str, port: u64) -> &'a Value {
    let rows = report.0["ways"].as_array().unwrap_or_else(|| panic!("no ways: {report}"));
    let found = rows.iter().find(|r| r["way"] == way && (way == "direct-udp" || r["port"] == port));
    found.unwrap_or_else(|| panic!("no row of {way}: {rows:#?}"))
}

/// Asserts that the row has its figures.
#[track_caller]
fn has_figures(row: &Value) {
    for key in ["connect_ms", "rtt_ms", "mos"] {
        assert!(row[key].as_f64().is_some_and(|v| v > 0.0), "no {key}: {row}");
    }
    assert_eq!(row["loss_pct"], 0.0, "{row}");
    assert!(row["seen_as"].to_string().contains(CLIENT4), "{row}");
}

/// The way that a call would use, which must be one alone.
#[track_caller]
fn used(report: &Report) -> &str {
    let rows: Vec<&Value> = report.0["ways"].as_array().into_iter().flatten().filter(|r| r["used"] == true).collect();
    assert_eq!(rows.len(), 1, "one way is used: {}", report.0["ways"]);
    rows[0]["way"].as_str().unwrap()
}

fn platform(lab: &Lab) -> [Daemon; 3] {
    [nginx(lab), janus(lab), relay(lab)]
}

#[test]
fn on_an_open_path_every_way_is_compared_and_the_direct_one_used() {
    let Some(lab) = Lab::with(&["nginx", "janus", "turnserver"]) else { return };
    let _servers = platform(&lab);
    let run = run(&lab, "user", &["--skip", "quality"]);
    let report = run.exits(0).report();
    assert_eq!((report.verdict(), used(&report)), ("pass", "direct-udp"), "{report}");
    for (way, port) in [("turn-udp", 80), ("turn-tcp", 80), ("turn-dtls", 443), ("turn-tls", 443)] {
        has_figures(row(&report, way, port));
    }
    note(&format!("an open path, ways and call: {:?}", run.took));
    assert!(run.took.as_secs() < 15, "took {:?}", run.took);
}

#[test]
fn without_udp_an_agent_falls_back_to_turn_over_tls_with_a_warning() {
    let Some(lab) = Lab::with(&["nginx", "janus", "turnserver"]) else { return };
    // A relay as it often is: TURN in the clear over UDP alone, and over TLS.
    let _servers = [nginx(&lab), janus(&lab), relay_with(&lab, LONG_TERM, "no-tcp")];
    lab.forward("meta l4proto udp drop");
    let run = run(&lab, "agent", &["--skip", "quality"]);
    let report = run.exits(0).report();
    assert_eq!((report.verdict(), used(&report)), ("warn", "turn-tls"), "{report}");
    has_figures(row(&report, "turn-tls", 443));
    assert_ne!(row(&report, "direct-udp", 0)["status"], "pass", "{}", report.0["ways"]);
    let calls = report.probed(RTC4, "janus-call");
    assert_eq!(calls[0].is("pass").seen("call")["pair"]["local"]["type"], "relay", "{}", calls[0]);
    note(&format!("an agent without UDP: {:?}", run.took));
}

#[test]
fn with_443_alone_media_take_turn_over_tls() {
    let Some(lab) = Lab::with(&["nginx", "janus", "turnserver"]) else { return };
    let _servers = platform(&lab);
    lab.forward(ALL_BUT_443);
    let run = run(&lab, "agent", &["--skip", "quality"]);
    // The gateway's own ports are closed too, and that is a failure whatever media can do.
    let report = run.exits(1).report();
    assert_eq!(used(&report), "turn-tls", "{report}");
    has_figures(row(&report, "turn-tls", 443));
    report.at(ICE4, "tcp 443").is("pass");
    report.at(RTC4, "tcp 8989").is("fail");
    note(&format!("an agent with 443 alone: {:?}", run.took));
}

#[test]
fn a_closed_media_range_with_a_relay_warns_an_agent_and_passes_a_user() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _servers = (responder(&lab, "rtc", RTC4, RTC6), relay(&lab));
    lab.forward(&format!("ip daddr {RTC4} udp dport 19099-20099 drop"));
    for (profile, verdict) in [("agent", "warn"), ("user", "pass")] {
        let run = run(&lab, profile, &["--skip", "quality"]);
        let report = run.exits(0).report();
        assert_eq!((report.verdict(), used(&report)), (verdict, "turn-udp"), "{profile}: {report}");
        report.at(RTC4, MEDIA).is("fail");
        has_figures(row(&report, "turn-udp", 80));
    }
}

#[test]
fn with_neither_the_range_nor_a_relay_there_is_no_way() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.forward(&format!("ip daddr {RTC4} udp dport 19099-20099 drop"));
    lab.unlimited_icmp(Place::Server);
    // Nobody listens where the relay should be, and its host says so.
    let run = run(&lab, "user", &["--skip", "quality"]);
    let report = run.exits(1).report();
    assert_eq!(report.verdict(), "fail", "{report}");
    assert!(report.0["ways"].as_array().is_some_and(|w| w.iter().all(|r| r["used"] == false)), "{}", report.0["ways"]);
}

#[test]
fn no_secret_is_in_any_output_nor_in_the_process_list() {
    let Some(lab) = Lab::with(&["nginx", "janus", "turnserver"]) else { return };
    let _servers = platform(&lab);
    let secrets =
        ["battery staple 7", "a shared word of many letters", "a gate's word 9", "token of ten 10", "api word 11"];
    let variables = [
        "RTC_CHECK_TURN_PASSWORD",
        "RTC_CHECK_RESPONDER_KEY",
        "RTC_CHECK_PROXY_PASSWORD",
        "RTC_CHECK_JANUS_TOKEN",
        "RTC_CHECK_JANUS_APISECRET",
    ];
    for format in ["table", "json", "ndjson"] {
        let mut command = lab.command(Place::Client, env!("CARGO_BIN_EXE_rtc-check"));
        command.envs(variables.into_iter().zip(secrets)).env("RTC_CHECK_TURN_USERNAME", "caller");
        command.env("RTC_CHECK_PROXY_USERNAME", "gate").arg("--ca").arg(&lab.pki.root);
        command.args(["--profile", "user", "--target", RTC, "--target", ICE, "--skip", "quality,bandwidth,rtp"]);
        command.args(["--format", format, "--proxy", "http://198.51.100.20:3128"]);
        let started = Started::new(command);
        let listed = command_lines();
        let run = started.finish();
        assert!(!run.stdout.is_empty(), "{}", run.stderr);
        for secret in secrets {
            assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{format} has {secret:?}");
            assert!(!listed.contains(secret), "the process list has {secret:?}");
        }
    }
}

/// Every process's arguments.
fn command_lines() -> String {
    let of = |e: std::fs::DirEntry| std::fs::read(e.path().join("cmdline")).ok();
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(of);
    all.map(|c| String::from_utf8_lossy(&c).replace('\0', " ") + "\n").collect()
}
