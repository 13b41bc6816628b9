//! `rtc-check serve` as a process: what an operator types, sets and stops. Loopback, on ports that the kernel chooses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
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
    check.arg(&ca);
    let report = run(check).exits(0).report();
    assert_eq!(report.of("web.https")[0].status(), "pass", "{report}");
    stopped(responder).says(&["127.0.0.1", "localhost", "add it with --name"]);
}
