//! The binary as a command: what it says when it is used wrongly, what it exits with, what it writes where.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/flags.rs"]
mod flags;
#[path = "cli/formats.rs"]
mod formats;
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
#[path = "cli/shell.rs"]
mod shell;

use std::net::TcpListener;
use std::path::Path;

use harness::{Report, Run, Started, binary, run};
use tempfile::TempDir;

const BUILT_IN: [&str; 6] = ["agent", "user", "acd", "rtc-server", "valt", "dlegate"];

#[track_caller]
fn rtc_check(args: &[&str]) -> Run {
    let mut command = binary();
    command.args(args);
    run(command)
}

/// Runs with `args` in `dir`, where a configuration file may lie.
#[track_caller]
fn rtc_check_in(dir: &Path, args: &[&str]) -> Run {
    let mut command = binary();
    command.current_dir(dir).args(args);
    run(command)
}

/// Asserts an exit with 2, a message with `words` on stderr, and nothing on stdout: nothing was probed.
#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    let run = rtc_check(args);
    assert_eq!(run.exits(2).says(words).stdout, "", "{args:?} printed a report");
}

fn written(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_missing_role_is_named_with_the_command_to_type() {
    refused(&["--profile", "agent"], &["rtc", "acd", "--target rtc=", "--target acd=", "rtc-check --profile agent"]);
    refused(&["--profile", "agent", "--target", "rtc=127.0.0.1"], &["acd", "ACD server", "--target acd="]);
    refused(&["--profile", "valt"], &["application", "--target application="]);
}

#[test]
fn what_is_not_there_is_named_with_what_there_is() {
    refused(&["--profile", "agnet", "--target", "rtc=127.0.0.1"], &["agnet", "agent"]);
    refused(&["--profile", "user", "--target", "rct=127.0.0.1"], &["rct", "rtc"]);
    refused(&["--profile", "user", "--target", "rtc=127.0.0.1", "--option", "sssl=true"], &["sssl"]);
    refused(&["--profile", "valt", "--from", "clinet"], &["clinet", "client"]);
    refused(&["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.gatewy"], &["rtc.gatewy"]);
    refused(&["--profile", "user", "--target", "rtc=127.0.0.1", "--format", "yaml"], &["yaml", "json"]);
}

#[test]
fn ports_are_checked() {
    let user = ["--profile", "user", "--target", "rtc=127.0.0.1", "--port"];
    for (port, word) in [
        ("rtc.https=0", "rtc.https"),
        ("rtc.https=65536", "65536"),
        ("rtc.media=20099-19099", "20099-19099"),
        ("rtc.gateway=8000-9000", "rtc.gateway"),
        ("rtc.nothing=80", "rtc.nothing"),
        ("rtc.https", "--port rtc.https"),
    ] {
        refused(&[&user[..], &[port]].concat(), &[word]);
    }
}

#[test]
fn a_port_behind_a_target_is_an_error_with_a_hint_at_the_right_flag() {
    refused(&["--profile", "user", "--target", "rtc=rtc.example:8989"], &["8989", "--port"]);
    refused(&["--profile", "user", "--target", "rtc="], &["rtc"]);
    refused(&["--profile", "user", "--target", "rtc.example"], &["--target rtc.example"]);
}

#[test]
fn a_wrong_profile_file_shows_every_error_at_its_place() {
    let dir = TempDir::new().unwrap();
    let file = written(
        &dir,
        "bad.toml",
        "name = \"bad\"\ntitle = \"x\"\nextend = \"user\"\nvantages = [\"client\"]\n\n[wss.\"rtc.gateway\"]\nport = \"eight\"\nned = \"required\"\n",
    );
    refused(&["--profile", &file, "--target", "rtc=127.0.0.1"], &["bad.toml:7:8", "bad.toml:8:1", "port = \"eight\""]);
    let run = rtc_check(&["profiles", "validate", &file]);
    assert_eq!(run.code, Some(2), "{}{}", run.stdout, run.stderr);
    assert!((run.stdout + &run.stderr).contains("bad.toml:7:8"));
    refused(&["--profile", "nowhere/missing.toml", "--target", "rtc=127.0.0.1"], &["nowhere/missing.toml"]);
}

#[test]
fn files_that_cannot_be_read_or_written_are_found_before_anything_is_sent() {
    let dir = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = format!("rtc.https={}", listener.local_addr().unwrap().port());
    let user = ["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--port", &port];
    let no_pem = written(&dir, "no.pem", "no certificate here\n");
    let directory = dir.path().to_str().unwrap();
    for (more, word) in [
        (&["--ca", "/nonexistent/ca.pem"][..], "/nonexistent/ca.pem"),
        (&["--ca", &no_pem], "no.pem"),
        (&["--output", "/nonexistent/report.json"], "/nonexistent/report.json"),
        (&["--output", directory], directory),
        (&["--report", "json=/nonexistent/report.json"], "/nonexistent/report.json"),
        (&["--config", "/nonexistent/rtc-check.toml"], "/nonexistent/rtc-check.toml"),
    ] {
        refused(&[&user[..], more].concat(), &[word]);
    }
    assert!(listener.accept().is_err(), "something was probed although the run was refused");
}

#[test]
fn usage_errors_exit_with_2_and_help_with_0() {
    refused(&["--no-such-flag"], &["--no-such-flag"]);
    refused(&[], &["--profile"]);
    for args in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["profiles", "--help"],
        &["demo", "--help"],
        &["size", "--help"],
        &["host", "--help"],
        &["firewall", "--help"],
    ] {
        let run = rtc_check(args);
        assert!(!run.exits(0).stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn an_expired_or_wrong_waiver_is_an_error_and_a_good_one_counts() {
    let dir = TempDir::new().unwrap();
    let closed = closed_port();
    let port = format!("rtc.https={closed}");
    let args = ["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--port", &port];
    let args = [&args[..], &["--format", "json", "--quiet"]].concat();
    rtc_check_in(dir.path(), &args).exits(1);

    let waiver =
        |until: &str| format!("[[waive]]\nrule = \"rtc.https\"\nreason = \"moves in spring\"\nuntil = {until}\n");
    written(&dir, "rtc-check.toml", &waiver("\"2999-12-31\""));
    let run = rtc_check_in(dir.path(), &args);
    let report = run.exits(0).report();
    let check = report.of("rtc.https")[0].is("fail");
    assert_eq!(check.value["waived"]["reason"], "moves in spring", "{check}");

    written(&dir, "rtc-check.toml", &waiver("\"2020-01-31\""));
    rtc_check_in(dir.path(), &args).exits(2).says(&["rtc.https", "2020-01-31", "rtc-check.toml"]);
    written(&dir, "rtc-check.toml", "[[waive]]\nrule = \"rtc.httsp\"\nreason = \"x\"\nuntil = \"2999-12-31\"\n");
    rtc_check_in(dir.path(), &args).exits(2).says(&["rtc.httsp"]);
    written(&dir, "rtc-check.toml", "profle = \"user\"\n");
    rtc_check_in(dir.path(), &args).exits(2).says(&["profle", "rtc-check.toml:1:1"]);
}

#[test]
fn an_allowed_unknown_does_not_count_and_a_failure_still_does() {
    // A socket that is bound and never read from: silence, and no ICMP error.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let media = format!("rtc.media={port}");
    let args = ["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.media", "--port", &media];
    let args = [&args[..], &["--format", "json", "--quiet"]].concat();
    let run = rtc_check(&args);
    run.exits(3).report().of("rtc.media")[0].is("unknown");
    let run = rtc_check(&[&args[..], &["--allow-unknown", "rtc.media"]].concat());
    let report = run.exits(0).report();
    assert!(report.of("rtc.media")[0].is("unknown").value["waived"].is_object(), "{report}");

    let https = format!("rtc.https={}", closed_port());
    let args = ["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--port", &https];
    rtc_check(&[&args[..], &["--allow-unknown", "rtc.https"]].concat()).exits(1);
}

#[test]
fn every_built_in_profile_has_a_demo_that_passes_with_a_report_that_keeps_the_schema() {
    let schema = serde_json::from_str(&rtc_check(&["schema", "report"]).stdout).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    for profile in BUILT_IN {
        let run = rtc_check(&["demo", "--profile", profile, "--format", "json", "--quiet"]);
        let report = run.exits(0).report();
        let errors: Vec<_> = validator.iter_errors(&report.0).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{profile}: {errors:#?}");
        assert!(!report.all().is_empty(), "{profile}: {report}");
        assert_eq!((&report.0["complete"], report.verdict()), (&true.into(), "pass"), "{profile}: {report}");
    }
}

#[test]
fn an_interrupted_run_exits_130_and_writes_what_it_has() {
    // A listener that never accepts: TCP connects, TLS is never answered, so the run waits until it is interrupted.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("report.json");
    let mut command = binary();
    command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--format", "ndjson"]);
    command.arg("--port").arg(format!("rtc.https={}", listener.local_addr().unwrap().port()));
    command.arg("--report").arg(format!("json={}", file.display()));
    let mut started = Started::new(command);
    started.stdout_says("check-started");
    assert!(std::process::Command::new("kill").args(["-INT", &started.id().to_string()]).status().unwrap().success());
    let run = started.finish();
    run.exits(130).says(&[]);
    let report = Report::checked(serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap());
    assert_eq!(report.0["complete"], false, "{report}");
    report.of("rtc.https")[0].is("unknown");
    let events: Vec<serde_json::Value> = run.stdout.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert_eq!(events.first().map(|e| &e["event"]), Some(&"started".into()), "{}", run.stdout);
}

#[test]
fn a_run_out_of_its_budget_is_unknown_and_not_complete() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("rtc.https={}", listener.local_addr().unwrap().port());
    let args =
        ["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--port", &port, "--budget", "1"];
    let run = rtc_check(&[&args[..], &["--format", "json", "--quiet"]].concat());
    let report = run.exits(3).report();
    assert_eq!(report.0["complete"], false, "{report}");
    report.of("rtc.https")[0].is("unknown");
}

#[test]
fn a_saved_report_is_drawn_again_without_probing() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("report.json");
    let file = file.to_str().unwrap();
    rtc_check(&["demo", "--profile", "user", "--format", "json", "--output", file, "--quiet"]).exits(0);
    let table = rtc_check(&["report", file, "--format", "table"]);
    assert!(table.exits(0).stdout.contains("rtc.gateway") && table.stdout.contains("19099-20099"), "{}", table.stdout);
    assert!(table.stdout.lines().all(|l| l.chars().count() <= 80), "wider than 80 columns:\n{}", table.stdout);
    assert!(!table.stdout.contains('\u{1b}'), "colours without a terminal:\n{}", table.stdout);
    let again = rtc_check(&["report", file, "--format", "json"]);
    let saved: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(again.exits(0).report().0, saved);
    let not_one = written(&dir, "not.json", "{\"schema\": \"something/else\"}");
    rtc_check(&["report", &not_one]).exits(2).says(&["not.json"]);
    rtc_check(&["report", "/nonexistent.json"]).exits(2).says(&["/nonexistent.json"]);
}

#[test]
fn relays_come_before_media_ranges_and_calls_and_nat_waits_for_nobody() {
    let closed = closed_port();
    let moved = ["https", "http", "gateway", "api", "media"].map(|rule| format!("rtc.{rule}={closed}"));
    let relays = ["turn-udp-80", "turn-tcp-80", "turns-udp-443", "turns-tcp-443", "media"];
    let moved = [moved, relays.map(|rule| format!("ice.{rule}={closed}"))].concat().join(",");
    let args = ["--profile", "user", "--target", "rtc=127.0.0.1", "--target", "ice=127.0.0.1", "--port", &moved];
    let run = rtc_check(&[&args[..], &["--skip", "quality,bandwidth", "--format", "ndjson"]].concat());
    let events: Vec<serde_json::Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |event: &str, key: &str, value: &str| {
        let is_it = |e: &serde_json::Value| e["event"] == event && (e[key] == value || e["check"]["id"] == value);
        let found = events.iter().position(is_it);
        found.unwrap_or_else(|| panic!("no {event} with {key} = {value}: {}", run.stdout))
    };
    let started = |id: &str| at("check-started", "check", id);
    let done = |id: &str| at("check-done", "check", id);
    for relay in ["turn-udp-80", "turn-tcp-80", "turns-udp-443", "turns-tcp-443"] {
        let relay = format!("ice.{relay}/127.0.0.1");
        assert!(
            at("phase-started", "phase", "media") < started(&relay) && started(&relay) < done("rtc.media/127.0.0.1")
        );
        assert!(done(&relay) < started("ice.rtc/127.0.0.1"), "ICE gets the relays that worked");
    }
    assert!(started("nat.ice/127.0.0.1") < started("ice.rtc/127.0.0.1"));
    assert!(at("phase-done", "phase", "ranges") < started("ice.rtc/127.0.0.1"));
    assert!(done("ice.rtc/127.0.0.1") < started("call.rtc/127.0.0.1"), "each alone on the wire");
    at("phase-done", "phase", "nat");
    at("phase-done", "phase", "media");
}

/// What is known of the way without an answer from the far end.
fn is_way(check: &harness::Check<'_>) -> bool {
    check.value["id"].as_str().is_some_and(|id| id.starts_with("path."))
}

#[test]
fn an_address_that_no_check_reached_is_not_measured_and_a_search_is_announced() {
    // Nobody accepts here, and nobody reads there: every check waits until the run's time is up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp, udp) = (listener.local_addr().unwrap().port(), silent.local_addr().unwrap().port());
    let moved = ["http", "https", "gateway", "api"].map(|rule| format!("rtc.{rule}={tcp}")).join(",");
    let moved = format!("{moved},rtc.media={udp}");
    let args = ["--profile", "user", "--target", "rtc=127.0.0.1", "--port", &moved, "--format", "json"];
    let run = rtc_check(&[&args[..], &["--budget", "1", "--capacity", "--skip", "nat"]].concat());
    let report = run.report();
    assert!(run.stderr.contains("--capacity: at most 100 MB"), "{}", run.stderr);
    let measured: Vec<_> = report.all().into_iter().filter(|c| c.rule().is_empty() && !is_way(c)).collect();
    assert_eq!(measured.len(), 6, "ICE and a call too: {report}");
    for check in measured {
        let check = check.is("unknown");
        assert!(check.value["id"].as_str().is_some_and(|id| id.ends_with(".rtc/127.0.0.1") || id.contains("audio")));
        assert!(["transport", "port", "ports", "rule"].iter().all(|key| check.value.get(*key).is_none()), "{check}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let secret = "c0rrect-h0rse-battery-staple";
    let https = format!("rtc.https={}", closed_port());
    for format in ["json", "table", "ndjson"] {
        let mut command = binary();
        command.env("RTC_CHECK_RESPONDER_KEY", secret).env("RTC_CHECK_TURN_PASSWORD", secret).env("RUST_LOG", "trace");
        command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--format", format]);
        let run = run({
            command.args(["--port", &https]);
            command
        });
        run.exits(1).says(&[]);
        assert!(!(run.stdout.clone() + &run.stderr).contains(secret), "{}\n{}", run.stdout, run.stderr);
    }
    let help = rtc_check(&["--help"]);
    assert!(!help.stdout.contains("--responder-key"), "a key on the command line stands in the process list");
}

#[test]
fn profiles_are_listed_shown_and_validated() {
    let list = rtc_check(&["profiles", "list"]);
    let json = rtc_check(&["profiles", "list", "--format", "json"]);
    for name in BUILT_IN {
        assert!(list.exits(0).stdout.contains(name) && json.exits(0).stdout.contains(name), "{name}");
        let shown = rtc_check(&["profiles", "show", name, "--format", "json"]);
        let profile: serde_json::Value = serde_json::from_str(&shown.exits(0).stdout).unwrap();
        assert_eq!(profile["name"], name);
        assert!(profile["rules"].as_array().is_some_and(|r| !r.is_empty()), "{name}");
        rtc_check(&["profiles", "show", name]).exits(0);
    }
    rtc_check(&["profiles", "show", "nothing"]).exits(2).says(&["nothing"]);
}

/// A TCP port of 127.0.0.1 on which nobody listens: it was the kernel's choice a moment ago.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
