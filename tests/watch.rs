//! The real binary watching servers on loopback: what it prints, what its log has, and what is left of the terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
#[allow(dead_code, reason = "each test crate uses its part of the receiver")]
#[path = "push/receiver.rs"]
mod receiver;
#[path = "watch/sent.rs"]
mod sent;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use harness::{Run, STUN_PROFILE, Started, binary, run};
use serde_json::Value;
use tempfile::TempDir;

/// A STUN server on loopback that can be silenced; it ends with the test.
struct Stun {
    port: u16,
    /// Binding requests that it still answers.
    left: Arc<AtomicU16>,
    ended: Arc<AtomicBool>,
}

impl Stun {
    fn answering(left: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let stun =
            Self { port: socket.local_addr().unwrap().port(), left: Arc::new(left.into()), ended: Arc::default() };
        let (left, ended) = (Arc::clone(&stun.left), Arc::clone(&stun.ended));
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !ended.load(Ordering::Relaxed) {
                let Ok((n, from)) = socket.recv_from(&mut buffer) else { continue };
                if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() && n >= 20 {
                    let _ = socket.send_to(&answer(&buffer[..20], from), from);
                }
            }
        });
        stun
    }
}

impl Drop for Stun {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// A success response with XOR-MAPPED-ADDRESS (RFC 8489 section 14.2).
fn answer(request: &[u8], from: std::net::SocketAddr) -> Vec<u8> {
    let std::net::IpAddr::V4(ip) = from.ip() else { panic!("{from}") };
    let mut out = vec![0x01, 0x01, 0, 12];
    out.extend(&request[4..20]);
    out.extend([0x00, 0x20, 0, 8, 0, 1]);
    out.extend((from.port() ^ 0x2112).to_be_bytes());
    out.extend(ip.octets().iter().zip([0x21, 0x12, 0xa4, 0x42]).map(|(a, b)| a ^ b));
    out
}

/// `rtc-check watch` of the one rule of a profile in `dir`.
fn watch(dir: &Path, port: u16, further: &[&str]) -> Command {
    fs::write(dir.join("profile.toml"), STUN_PROFILE).unwrap();
    let mut command = binary();
    command.current_dir(dir).args(["watch", "--profile", "./profile.toml", "--target", "stun=127.0.0.1"]);
    command.args(["--port", &format!("stun.binding={port}"), "--only", "stun.binding", "--no-trace"]);
    if !further.contains(&"--interval") {
        command.args(["--interval", "100ms"]);
    }
    command.args(further);
    command
}

fn events<'a>(run: &'a Run, kind: &str) -> Vec<&'a str> {
    run.stdout.lines().filter(|l| l.contains(&format!(" event={kind} "))).collect()
}

fn log(dir: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(dir.join(name)).unwrap_or_default();
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

#[test]
fn three_runs_are_three_lines() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let run = run(watch(dir.path(), stun.port, &["--runs", "3", "--log", "log.ndjson"]));
    run.exits(0);
    let lines = events(&run, "run");
    assert_eq!(lines.len(), 3, "{}", run.stdout);
    assert!(
        lines[0].contains(" run=1 verdict=pass pass=1 warn=0 fail=0 unknown=0 skip=0 duration_ms="),
        "{}",
        lines[0]
    );
    let reports = log(dir.path(), "log.ndjson");
    assert_eq!(reports.len(), 3);
    let seeds: std::collections::BTreeSet<_> = reports.iter().map(|r| r["run"]["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds.len(), 3, "each run has its own");
    reports.into_iter().for_each(|r| drop(harness::Report::checked(r)));
}

#[test]
fn the_first_run_says_what_fails() {
    let dir = TempDir::new().unwrap();
    let run = run(watch(dir.path(), 9, &["--runs", "2"]));
    let found = events(run.exits(1), "found");
    let check =
        " event=found about=check name=stun.binding check=stun.binding/127.0.0.1 at=127.0.0.1:9/udp is=fail says=\"";
    assert_eq!(found.iter().filter(|line| line.contains(check)).count(), 1, "{}", run.stdout);
    assert!(run.stdout.lines().position(|l| l.contains(check)) < run.stdout.lines().position(|l| l.contains("run=2")));
}

#[test]
fn a_server_that_goes_away_is_a_change_and_the_exit_code() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let mut started =
        Started::new(watch(dir.path(), stun.port, &["--until", "fail", "--runs", "50", "--report", "json=last.json"]));
    started.stdout_says("event=run run=2 verdict=pass");
    // The port is closed: refused, which is a failure.
    drop(stun);
    let run = started.finish();
    run.exits(1);
    let changes = events(&run, "change");
    assert!(changes.iter().any(|l| l.contains("change=worse about=verdict was=pass is=fail")), "{}", run.stdout);
    let check = "change=worse about=check name=stun.binding check=stun.binding/127.0.0.1 ";
    assert!(changes.iter().any(|l| l.contains(check) && l.contains("was=pass is=fail says=\"")), "{}", run.stdout);
    let last: Value = serde_json::from_str(&fs::read_to_string(dir.path().join("last.json")).unwrap()).unwrap();
    assert_eq!(last["verdict"], "fail");
    assert!(!dir.path().join("last.json.new").exists());
}

#[test]
fn reports_go_to_stdout_where_they_are_asked_for() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let run = run(watch(dir.path(), stun.port, &["--runs", "2", "--format", "ndjson", "--redact", "all"]));
    let reports: Vec<Value> = run.exits(0).stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(reports.iter().map(|r| r["schema"].as_str().unwrap()).collect::<Vec<_>>(), ["rtc-check/report/1"; 2]);
    assert!(!run.stdout.contains("127.0.0.1"), "{}", run.stdout);
}

#[test]
fn a_log_rotates_and_goes_on_after_a_kill() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let further = ["--log", "log.ndjson", "--log-size", "2k", "--log-files", "40"];
    let mut started = Started::new(watch(dir.path(), stun.port, &further));
    started.stdout_says("event=run run=6 ");
    let killed = Command::new("kill").args(["-9", &started.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let before = events(&started.finish(), "run").len();
    // What a kill in the middle of a line leaves.
    let half = fs::read_to_string(dir.path().join("log.ndjson")).unwrap() + "{\"schema\":\"rtc-check/rep";
    fs::write(dir.path().join("log.ndjson"), half).unwrap();
    run(watch(dir.path(), stun.port, &[&further[..], &["--runs", "3"]].concat())).exits(0);
    let names = (1..=40).rev().map(|n| format!("log.ndjson.{n}")).chain(["log.ndjson".to_owned()]);
    let files: Vec<_> = names.map(|name| log(dir.path(), &name)).filter(|f| !f.is_empty()).collect();
    assert!(files.len() > 2, "{} files", files.len());
    let ids: Vec<String> = files.concat().iter().map(|r| r["run"]["id"].as_str().unwrap().to_owned()).collect();
    assert!(
        ids.len() == before + 3 || ids.len() == before + 4,
        "{} in the log, {before} told before the kill",
        ids.len()
    );
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "no line twice");
}

#[test]
fn a_disk_that_is_full_is_said_and_watching_goes_on() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let inner = watch(dir.path(), stun.port, &["--runs", "6", "--log", "log.ndjson"]);
    // No file may grow beyond 2 blocks; the shell hands the ignored signal on.
    let mut limited = harness::clean(Command::new("sh"));
    limited.current_dir(dir.path()).args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh"]);
    limited.arg(inner.get_program()).args(inner.get_args());
    let run = run(limited);
    // The last run is lost to whoever reads the log.
    run.exits(2).says(&["this run is not in the log", "log.ndjson"]);
    assert_eq!(events(&run, "run").len(), 6, "{}", run.stdout);
    log(dir.path(), "log.ndjson");
}

#[test]
fn what_watching_has_no_use_for_is_refused_and_another_file_is_no_log() {
    let dir = TempDir::new().unwrap();
    let refused = |further: &[&str], words: &str| {
        let run = run(watch(dir.path(), 9, further));
        assert_eq!(run.exits(2).says(&[words]).stdout, "", "{further:?}");
    };
    refused(&["--format", "json"], "--report json=FILE");
    refused(&["--output", "x"], "--log");
    refused(&["--baseline", "x"], "the one before");
    refused(&["--upload", "ftp://127.0.0.1:9"], "--upload");
    fs::write(dir.path().join("mine"), "a diary\n").unwrap();
    refused(&["--log", "mine"], "is no log");
    assert_eq!(fs::read_to_string(dir.path().join("mine")).unwrap(), "a diary\n");
}

#[test]
fn the_terminal_is_as_it_was_after_q_and_ctrl_c() {
    let Some(mut python) = harness::readers::system("python3") else { return };
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let inner = watch(dir.path(), stun.port, &[]);
    python
        .current_dir(dir.path())
        .arg(harness::readers::root().join("tests/readers/watch.py"))
        .arg(inner.get_program());
    let run = run({
        python.args(inner.get_args());
        python
    });
    run.exits(0);
}
