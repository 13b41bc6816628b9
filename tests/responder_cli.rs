//! `rtc-check serve` as a process: what an operator types, sets and stops. Loopback, on ports that the kernel chooses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;

use harness::{Run, Started, binary, run};
use tempfile::TempDir;

const PROFILE: &str = r#"
name = "site"
title = "A web server"
vantages = ["client"]

[documents]
d = "A document"

[roles.web]
description = "Web server"

[https."web.https"]
to = "web"
port = 443
need = "required"
source = { document = "d", section = "1", row = "443" }

[http."web.http"]
to = "web"
port = 80
need = "required"
source = { document = "d", section = "1", row = "80" }
"#;

/// A directory with the profile.
fn site() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    std::fs::write(&path, PROFILE).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

/// `--port` for both rules, to ports that are free on `address`.
fn moved(address: &str) -> (u16, String) {
    let free = || TcpListener::bind((address.parse::<IpAddr>().unwrap(), 0)).unwrap();
    let (https, http) = (free(), free());
    let port = |l: &TcpListener| l.local_addr().unwrap().port();
    (port(&http), format!("web.https={},web.http={}", port(&https), port(&http)))
}

/// Starts the responder and waits until it serves.
fn started(command: Command) -> Started {
    let mut responder = Started::new(command);
    responder.stderr_says("ready");
    responder
}

fn stopped(responder: Started) -> Run {
    assert!(Command::new("kill").arg(responder.id().to_string()).status().unwrap().success());
    let run = responder.finish();
    run.exits(0).says(&["stopped; answered=0"]);
    run
}

#[test]
fn bound_to_every_address_its_certificate_is_good_for_each() {
    let (dir, profile) = site();
    let (_, ports) = moved("0.0.0.0");
    let ca = dir.path().join("ca.pem");
    let mut serve = binary();
    serve.args(["serve", "--profile", &profile, "--port", &ports, "--ca-out"]).arg(&ca);
    let responder = started(serve);
    let mut check = binary();
    check.args(["--profile", &profile, "--port", &ports, "--target", "web=127.0.0.1", "--format", "json", "--ca"]);
    check.arg(&ca).args(["--skip", "quality,bandwidth"]);
    let report = run(check).exits(0).report();
    assert_eq!(report.of("web.https")[0].status(), "pass", "{report}");
    stopped(responder).says(&["127.0.0.1", "localhost", "add it with --name"]);
}

/// A command with all the variables that `serve` reads, for a responder on 127.0.6.30.
fn with_environment(mut command: Command, profile: &str, ports: &str, ca: &str) -> Command {
    for (name, value) in [
        ("PROFILE", profile),
        ("ROLE", "web"),
        ("BIND", "web=127.0.6.30"),
        ("FROM", "client"),
        ("PORT", ports),
        ("CA_OUT", ca),
        ("NAME", "web.example,203.0.113.7"),
        ("LOG_JSON", "0"),
    ] {
        command.env(format!("RTC_CHECK_{name}"), value);
    }
    command
}

#[test]
fn the_environment_alone_is_enough_and_disturbs_no_other_command() {
    let (dir, profile) = site();
    let (_, ports) = moved("127.0.6.30");
    let ca = dir.path().join("ca.pem").to_str().unwrap().to_owned();
    let command = |args: &[&str]| {
        let mut command = with_environment(binary(), &profile, &ports, &ca);
        command.args(args);
        command
    };
    let responder = started(command(&["serve"]));
    let rules = ["--skip", "quality,bandwidth"];
    let report = run(command(&[&["--target", "web=127.0.6.30", "--ca", &ca, "--format", "json"][..], &rules].concat()));
    assert_eq!(report.exits(0).report().of("web.https")[0].status(), "pass");
    std::fs::write(dir.path().join("report.json"), &report.stdout).unwrap();
    let saved = dir.path().join("report.json").to_str().unwrap().to_owned();
    for other in
        [&["profiles", "list"][..], &["schema", "report"], &["report", &saved], &["demo", "--profile", "dlegate"]]
    {
        run(command(other)).exits(0).says(&[]);
    }
    stopped(responder).says(&["203.0.113.7", "web.example"]);
    // The certificate's key is a file, and needs its certificate, which excludes what is made for a throw-away one.
    let mut serve = command(&["serve"]);
    serve.env("RTC_CHECK_KEY", "/nonexistent/key.pem");
    run(serve).exits(2).says(&["--cert", "RTC_CHECK_CERT"]);
    let mut serve = command(&["serve"]);
    serve.env("RTC_CHECK_KEY", "/nonexistent/key.pem").env("RTC_CHECK_CERT", "/nonexistent/cert.pem");
    run(serve).exits(2).says(&["--cert", "--ca-out"]);
    // Logs are JSON from the first line on.
    let mut json = command(&["serve"]);
    json.env("RTC_CHECK_LOG_JSON", "yes").env("RTC_CHECK_BIND", "203.0.113.99");
    let run = run(json);
    let lines = run.exits(2).stderr.lines().filter(|l| !l.starts_with("rtc-check: "));
    lines.for_each(|l| drop(serde_json::from_str::<serde_json::Value>(l).unwrap_or_else(|e| panic!("{e}: {l}"))));
}

#[test]
fn a_responder_that_was_stopped_starts_again_at_once() {
    let (_dir, profile) = site();
    let (http, ports) = moved("127.0.6.31");
    let serve = || {
        let mut serve = binary();
        // STAMP's own port needs a privilege.
        serve.args(["serve", "--profile", &profile, "--port", &ports, "--bind", "127.0.6.31", "--stamp-port", "0"]);
        serve
    };
    let responder = started(serve());
    let mut client = TcpStream::connect(("127.0.6.31", http)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(client.read(&mut [0; 12]).unwrap(), 12);
    // The responder ends this connection first, so that the port stays in use in its last states.
    stopped(responder);
    let run = stopped(started(serve()));
    assert!(!run.stderr.contains("NOT SERVED"), "{}", run.stderr);
}

#[test]
fn stamp_has_a_port_of_its_own_that_may_be_moved_taken_or_left_out() {
    let (_dir, profile) = site();
    let (_, ports) = moved("127.0.6.33");
    let held = UdpSocket::bind("127.0.6.33:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let serve = |stamp: &str, more: &[&str]| {
        let mut serve = binary();
        serve.args(["serve", "--profile", &profile, "--port", &ports, "--bind", "127.0.6.33", "--stamp-port", stamp]);
        serve.args(more);
        stopped(started(serve)).stderr
    };
    let taken = serve(&port, &[]);
    let not_served = format!("NOT SERVED web.stamp on 127.0.6.33 {port}: in use by another program");
    assert!(taken.contains(&not_served), "{taken}");
    drop(held);
    let limits = ["--max-sessions", "5", "--max-session-kbps", "100", "--max-kbps", "200", "--no-dscp"];
    let served = serve(&port, &limits);
    let line = served.lines().find(|l| l.starts_with("web.stamp")).unwrap_or_default();
    assert!(line.ends_with(&format!("127.0.6.33 {port}")), "{served}");
    assert!(!serve("0", &[]).contains("web.stamp"));
}
