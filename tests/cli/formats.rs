//! Formats and exit codes as other programs meet them: a monitoring system, a CI job, a pipe.

use std::net::TcpListener;

use rtc_check::report::Format;
use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Run, binary, run};
use super::{rtc_check, written};

/// A run of one rule against a port where nobody listens, so that it fails; `more` flags.
fn refused_port(more: &[&str]) -> Run {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = format!("rtc.https={port}");
    let run = ["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.https", "--no-trace", "--port", &port];
    rtc_check(&[&run[..], more].concat())
}

/// A saved report of such a run whose verdict is another.
fn saved(dir: &TempDir, verdict: &str) -> String {
    let mut report: Value = serde_json::from_str(&refused_port(&["--format", "json"]).exits(1).stdout).unwrap();
    report["verdict"] = verdict.into();
    written(dir, &format!("{verdict}.json"), &report.to_string())
}

#[test]
fn a_monitoring_system_gets_its_line_and_its_codes() {
    let run = refused_port(&["--format", "nagios", "--exit-codes", "nagios"]);
    assert!(
        run.exits(2).stdout.starts_with("RTC-CHECK CRITICAL - user from client: 1 fail, 4 skip; rtc.https fail: "),
        "{}",
        run.stdout
    );
    assert_eq!(run.stdout.lines().count(), 1);
    let dir = TempDir::new().unwrap();
    for (verdict, state, code, own) in
        [("pass", "OK", 0, 0), ("warn", "WARNING", 1, 0), ("fail", "CRITICAL", 2, 1), ("unknown", "UNKNOWN", 3, 3)]
    {
        let file = saved(&dir, verdict);
        let drawn = rtc_check(&["report", &file, "--format", "nagios", "--exit-codes", "nagios"]);
        assert!(drawn.exits(code).stdout.starts_with(&format!("RTC-CHECK {state} - ")), "{}", drawn.stdout);
        rtc_check(&["report", &file]).exits(own);
    }
}

#[test]
fn a_plugin_s_line_says_what_strict_and_a_baseline_make_of_the_run() {
    let dir = TempDir::new().unwrap();
    let (warned, good) = (saved(&dir, "warn"), saved(&dir, "pass"));
    let nagios = ["--format", "nagios", "--exit-codes", "nagios"];
    let strict = rtc_check(&[&["report", &warned, "--strict"][..], &nagios].concat());
    let said = &strict.exits(2).stdout;
    assert!(said.starts_with("RTC-CHECK CRITICAL - ") && said.contains("; warnings are failures here; "), "{said}");
    for (on, state, code, why) in
        [("worse", "CRITICAL", 2, "; worse than the baseline; "), ("never", "WARNING", 1, "fail (not required)")]
    {
        let against = ["report", &warned, "--baseline", &good, "--fail-on", on];
        let run = rtc_check(&[&against[..], &nagios].concat());
        let said = &run.exits(code).stdout;
        let is_right = said.starts_with(&format!("RTC-CHECK {state} - ")) && (on == "never" || said.contains(why));
        assert!(is_right, "{said}");
    }
}

#[test]
fn where_the_disk_is_full_a_plugin_s_code_is_that_of_its_line() {
    let dir = TempDir::new().unwrap();
    let (good, json) = (saved(&dir, "pass"), dir.path().join("r.json").display().to_string());
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let command = |main: &str, more: &[&str]| {
        let mut command = binary();
        command.args(["report", &good, "--exit-codes", "nagios", "--format", main]).args(more);
        command
    };
    // Its line is told, and what else is lost is said beside it.
    for (main, more) in [
        ("json", ["--output", "/dev/full", "--report", "nagios=-"]),
        ("nagios", ["--output", "-", "--report", "json=/dev/full"]),
    ] {
        let told = run(command(main, &more));
        assert!(told.exits(0).says(&["a report is lost"]).stdout.starts_with("RTC-CHECK OK - "), "{}", told.stdout);
    }
    // Its line is lost.
    run(command("nagios", &["--output", "/dev/full"])).exits(3).says(&["a report is lost"]);
    run(command("json", &["--report", "nagios=/dev/full"])).exits(3).says(&["a report is lost"]);
    for (main, more) in [("json", &["--output", &json, "--report", "nagios=-"][..]), ("nagios", &[])] {
        let mut command = command(main, more);
        command.stdin(std::process::Stdio::null()).stdout(full()).stderr(std::process::Stdio::null());
        assert_eq!(command.status().unwrap().code(), Some(3), "{main}");
    }
}

#[test]
fn a_plugin_that_cannot_run_is_unknown_and_says_so_on_stdout() {
    for (args, word) in [
        (&["--exit-codes", "nagios", "--profile", "agnet"][..], "agnet"),
        (&["--exit-codes=nagios", "--nonsense"], "--nonsense"),
        (&["--exit-codes", "nagios", "--profile", "user"], "rtc"),
    ] {
        let run = rtc_check(args);
        let said = &run.exits(3).says(&[word]).stdout;
        assert!(said.starts_with("RTC-CHECK UNKNOWN - ") && said.lines().count() == 1, "{said}");
    }
    let mut command = binary();
    command.env("RTC_CHECK_EXIT_CODES", "nagios").arg("--nonsense");
    run(command).exits(3);
    rtc_check(&["--exit-codes", "icinga"]).exits(2).says(&["icinga", "nagios"]);
}

#[test]
fn a_saved_report_is_drawn_in_every_format_to_stdout_and_to_files() {
    let dir = TempDir::new().unwrap();
    let file = saved(&dir, "fail");
    for format in Format::ALL {
        let place = dir.path().join(format.as_str());
        let further = format!("{format}={}", place.display());
        let run = rtc_check(&["report", &file, "--format", format.as_str(), "--report", &further]);
        assert!(run.exits(1).stdout.ends_with('\n'), "{format}");
        assert_eq!(std::fs::read_to_string(place).unwrap(), run.stdout, "{format}");
    }
}

#[test]
fn one_further_report_may_go_to_stdout() {
    let dir = TempDir::new().unwrap();
    let (file, json) = (saved(&dir, "fail"), dir.path().join("again.json").display().to_string());
    let run = rtc_check(&["report", &file, "--format", "json", "--output", &json, "--report", "tap=-"]);
    assert!(run.exits(1).stdout.starts_with("TAP version 14\n"), "{}", run.stdout);
    assert!(serde_json::from_str::<Value>(&std::fs::read_to_string(&json).unwrap()).is_ok());
    rtc_check(&["report", &file, "--report", "tap=-"]).exits(2).says(&["--report tap=-", "--output"]);
    let two = ["--output", json.as_str(), "--report", "tap=-", "--report", "csv=-"];
    rtc_check(&[&["report", &file][..], &two].concat()).exits(2).says(&["--report csv=-"]);
}
