//! The real binary against peers that lie, stall, cut off and talk nonsense, on loopback. Whatever they do, the run ends
//! inside its deadline with a classified failure, and nothing passes that did not work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

mod cameras;
mod datagrams;
#[path = "../harness/mod.rs"]
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
mod janus;
mod nat;
mod pages;
mod peer;
mod reflector;
mod relay;
mod relayed;
mod services;
mod streams;
mod turn;

use std::time::Duration;

use harness::{Check, Report, binary};

/// Runs rtc-check for one rule of a profile against a peer's port on 127.0.0.1.
#[track_caller]
fn ask(profile: &str, rule: &str, port: u16, more: &[&str]) -> Report {
    let mut command = binary();
    command.args(["--profile", profile, "--target", "rtc=127.0.0.1", "--only", rule, "--format", "json", "--quiet"]);
    command.arg("--port").arg(format!("{rule}={port}")).args(more);
    let run = harness::run(command);
    assert!(run.took < Duration::from_secs(40), "{rule} took {:?}", run.took);
    run.says(&[]).exits(1).report()
}

/// The one check of `report`, whose failure must be at `step` and of one of `kinds`.
#[track_caller]
fn failed<'a>(report: &'a Report, rule: &str, step: &str, kinds: &[&str]) -> Check<'a> {
    let checks = report.of(rule);
    assert_eq!(checks.len(), 1, "{report}");
    let (at, kind) = checks[0].failure();
    assert_eq!(at, step, "{}", checks[0]);
    assert!(kinds.contains(&kind), "{kind} is none of {kinds:?}: {}", checks[0]);
    checks[0].is("fail")
}

/// Runs rtc-check with a profile of the test's own for its one rule on 127.0.0.1.
#[track_caller]
fn ask_of(profile: &str, role: &str, rule: &str, port: u16, exit: i32) -> Report {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), profile).unwrap();
    let mut command = binary();
    command.arg("--profile").arg(file.path()).args(["--format", "json", "--quiet", "--skip", "quality,bandwidth"]);
    command.arg("--target").arg(format!("{role}=127.0.0.1")).arg("--port").arg(format!("{rule}={port}"));
    let run = harness::run(command);
    assert!(run.took < Duration::from_secs(40), "{rule} took {:?}", run.took);
    run.says(&[]).exits(exit).report()
}
