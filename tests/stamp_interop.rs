//! STAMP against an implementation from elsewhere, `stamp-suite` of the Rust crate registry, on loopback: its sender
//! against our responder, and our packets against its reflector, open and authenticated. Where it is not installed
//! (`cargo install --locked stamp-suite@1.0.0`) each test says so, and fails in CI.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, clippy::disallowed_methods, reason = "what is not run is said, and a failure in CI")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::fs::Permissions;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use harness::{Started, clean, run};
use rtc_check::model::{Service, Transport};
use rtc_check::net::ResponderKey;
use rtc_check::serve::{Config, Counters, Limits, Ports, Responder, ServeRule, self_signed};
use rtc_check::wire::stamp::{
    ClassOfService, ErrorEstimate, Report, Request, Timestamp, kind, read_reply, write_request,
};
use serde_json::Value;
use tempfile::TempDir;

/// Sixteen bytes at least, which is what stamp-suite wants.
const KEY: &str = "a shared key of the test";

/// The program, or `None`, loudly, where it is missing.
fn stamp_suite() -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found: Option<PathBuf> = std::env::split_paths(&path).map(|d| d.join("stamp-suite")).find(|p| p.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "stamp-suite is missing");
        eprintln!("NOT RUN: stamp-suite is missing (cargo install --locked stamp-suite@1.0.0)");
    }
    found.map(Command::new).map(clean)
}

/// The key as stamp-suite reads it: hexadecimal, in a file of the owner's alone.
fn key_file(dir: &TempDir) -> PathBuf {
    let path = dir.path().join("key");
    let digits: String = KEY.bytes().map(|b| format!("{b:02x}")).collect();
    std::fs::write(&path, digits).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    path
}

/// stamp-suite's reflector on a free port of `address`, and where it is; stops with what is returned.
fn reflector(mut command: Command, address: &str, key: Option<&TempDir>) -> (Started, SocketAddr) {
    let at = UdpSocket::bind((address, 0)).unwrap().local_addr().unwrap();
    command.args(["--is-reflector", "--stateful-reflector", "--local-addr", address]);
    command.args(["--local-port", &at.port().to_string()]);
    if let Some(dir) = key {
        command.args(["--auth-mode", "A", "--verify-tlv-hmac", "--hmac-key-file"]).arg(key_file(dir));
    }
    let mut started = Started::new(command);
    started.stderr_says("listening on");
    (started, at)
}

/// Our responder with one UDP port, asked by stamp-suite's sender with these arguments: the sender's summary and what
/// the responder counted.
fn asked(bind: &str, key: Option<&TempDir>, args: &[&str]) -> Option<(Value, Counters)> {
    let mut command = stamp_suite()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_, tls) = self_signed(&["localhost".to_owned()]).unwrap();
    let rule = ServeRule {
        id: "rtc.stamp".into(),
        role: "rtc".into(),
        bind: vec![bind.parse().unwrap()],
        ports: Ports::Free,
        service: Service::Stun,
        transport: Transport::Udp,
        subprotocol: None,
    };
    let shared = key.map(|_| Arc::new(ResponderKey::new(KEY.as_bytes().to_vec())));
    let config = Config {
        services: vec![rule],
        tls,
        key: shared,
        limits: Limits::default(),
        alternate: Default::default(),
        tool_version: "0".to_owned(),
    };
    let responder = runtime.block_on(Responder::start(config)).unwrap();
    let port = responder.bound()[0].ports.ranges()[0].first();
    let local = if bind.contains(':') { "::1" } else { "127.0.0.1" };
    command.args(["--remote-addr", bind, "--local-addr", local, "--remote-port", &port.to_string()]);
    command.args(["--count", "20", "--send-delay", "5ms", "--timeout", "2", "--output-format", "json"]).args(args);
    if let Some(dir) = key {
        command.args(["--auth-mode", "A", "--verify-tlv-hmac", "--hmac-key-file"]).arg(key_file(dir));
    }
    let ran = run(command);
    let counters = runtime.block_on(responder.stop());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let summary = ran.stdout.lines().rfind(|l| l.contains("\"summary\"")).expect("a summary");
    Some((serde_json::from_str(summary).unwrap(), counters))
}

/// Every packet was answered once, by numbers of the responder's own, and every answer held what it must.
fn all_answered(summary: &Value, counters: &Counters) {
    assert_eq!((&summary["packets_sent"], &summary["packets_received"]), (&20.into(), &20.into()), "{summary}");
    let seen = &summary["measurements"];
    assert_eq!((&seen["answered_probes"], &seen["unknown_replies"]), (&20.into(), &0.into()), "{summary}");
    assert_eq!(seen["last_reflector_sequence"], 19, "{summary}");
    let tlvs = &seen["tlv_validation"];
    assert_eq!(tlvs["rejected_replies"], 0, "{summary}");
    assert_eq!((&tlvs["flags"]["malformed"], &tlvs["flags"]["integrity_failed"]), (&0.into(), &0.into()), "{summary}");
    assert!(summary["owd"]["forward_min_ms"].as_f64().unwrap() >= 0.0, "{summary}");
    assert_eq!((counters.answered, counters.dropped.len()), (20, 0), "{counters}");
}

/// How many answers of a type of extension came, and how many of them said that it was not understood.
fn extension(summary: &Value, kind: u8) -> (u64, u64) {
    let seen = &summary["measurements"]["tlv_validation"]["by_type"][kind.to_string()];
    (seen["observed"].as_u64().unwrap(), seen["flags"]["unrecognized"].as_u64().unwrap())
}

const EXTENSIONS: [&str; 7] = ["--ssid", "77", "--cos", "--dscp", "46", "--extra-padding", "60"];

#[test]
fn its_sender_measures_our_responder() {
    for bind in ["127.0.6.30", "::1"] {
        let Some((summary, counters)) = asked(bind, None, &[]) else { return };
        all_answered(&summary, &counters);
    }
}

#[test]
fn its_senders_extensions_are_answered() {
    let more = ["--location", "--timestamp-info"];
    let Some((summary, counters)) = asked("127.0.6.31", None, &[&EXTENSIONS[..], &more[..]].concat()) else { return };
    all_answered(&summary, &counters);
    assert_eq!((extension(&summary, kind::CLASS_OF_SERVICE), extension(&summary, 1)), ((20, 0), (20, 0)));
    assert_eq!((extension(&summary, 2), extension(&summary, 3)), ((20, 20), (20, 20)), "not ours, and said so");
}

#[test]
fn its_sender_measures_our_responder_with_a_key() {
    let dir = TempDir::new().unwrap();
    let Some((summary, counters)) = asked("127.0.6.32", Some(&dir), &EXTENSIONS) else { return };
    all_answered(&summary, &counters);
    assert_eq!(summary["measurements"]["tlv_validation"]["hmac"]["verified"], 20, "{summary}");
}

/// A malformed extension is answered, marked as such.
#[test]
fn its_senders_broken_extensions_are_answered_as_malformed() {
    let Some((summary, counters)) = asked("127.0.6.33", None, &["--cos", "--malformed", "bad-length"]) else { return };
    assert_eq!((counters.answered, counters.dropped.len()), (20, 0), "{counters}");
    let flags = &summary["measurements"]["tlv_validation"]["flags"];
    assert_eq!(flags["malformed"], 20, "{summary}");
}

#[test]
fn our_packets_are_answered_by_its_reflector() {
    let dir = TempDir::new().unwrap();
    for keyed in [false, true] {
        let Some(command) = stamp_suite() else { return };
        let (_running, to) = reflector(command, "127.0.6.34", keyed.then_some(&dir));
        let key = keyed.then_some(KEY.as_bytes());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        for seq in [0, 1, 5] {
            let sent = Timestamp::ntp(rtc_check::net::clock::wall());
            let request = Request { seq, sent, error: ErrorEstimate::UNSYNCHRONISED, ssid: 9 };
            let cos = Some(ClassOfService { wanted_dscp: 10, ..ClassOfService::default() });
            let mut buf = [0; 1500];
            let n = write_request(&mut buf, &request, cos, Some(&Report::default()), key, 240).unwrap();
            socket.send_to(&buf[..n], to).unwrap();
            let n = socket.recv(&mut buf).unwrap();
            let (reply, mut tlvs) = read_reply(&buf[..n], key).unwrap();
            assert_eq!((n, reply.request_seq, reply.request_sent, reply.ssid), (240, seq, sent, 9));
            assert_eq!(reply.seq, if seq == 5 { 2 } else { seq }, "a number of its own");
            assert!(tlvs.all(|t| t.understood() == (t.kind != kind::REPORT)), "ours is unknown there");
        }
    }
}
