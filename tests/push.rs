//! Reports that are sent: to a receiver that takes them, that is late, that refuses, and that is not there. OTLP is decoded by
//! OpenTelemetry's own definitions, in Python.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
#[path = "push/otlp.rs"]
mod otlp;
#[path = "push/receiver.rs"]
mod receiver;
mod reports;
#[path = "push/secret.rs"]
mod secret;

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{STUN_PROFILE, Started, binary, run};
use receiver::{Answer, CREATED, Receiver, status};
use rtc_check::model::Report;
use rtc_check::report::{Format, Style, render};
use tempfile::TempDir;

/// A saved report in a directory of its own, which is the working directory of every command.
pub struct Saved {
    dir: TempDir,
    pub file: PathBuf,
}

impl Saved {
    pub fn new(report: &Report) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("saved.json");
        std::fs::write(&file, render(report, Format::Json, &Style::default())).unwrap();
        Self { dir, file }
    }

    fn healthy() -> Self {
        Self::new(&reports::healthy())
    }

    /// `rtc-check report saved.json …`.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = binary();
        command.current_dir(self.dir.path()).env("TMPDIR", self.dir.path()).arg("report").arg(&self.file).args(args);
        command
    }

    /// Files that were left beside the saved report.
    fn left(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| *path != self.file).collect()
    }
}

fn url(receiver: &Receiver) -> String {
    format!("http://127.0.0.1:{}/in?site=7", receiver.port)
}

#[test]
fn the_report_arrives_as_it_is_written() {
    let (receiver, saved) = (Receiver::plain([CREATED]), Saved::healthy());
    let sent = run(saved.command(&["--upload", &url(&receiver), "--redact", "all"]));
    sent.exits(0).says(&["sent the report to http://127.0.0.1:", "(201)"]);
    assert!(!sent.stderr.contains("site=7"), "{}", sent.stderr);
    let request = receiver.next();
    assert_eq!(request.line(), "PUT /in?site=7");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert!(request.header("user-agent").unwrap().starts_with("rtc-check/"));
    assert_eq!(request.header("idempotency-key"), Some("\"2026-11-21T03-12-07Z-4f1c\""));
    let written = run(saved.command(&["--format", "json", "--redact", "all"])).stdout;
    assert!(written.contains("\"redacted\""));
    assert_eq!(String::from_utf8(request.body).unwrap(), written);
    assert_eq!(saved.left(), Vec::<PathBuf>::new());
    run(saved.command(&["--upload", &url(&receiver), "--upload-method", "post", "--quiet"])).exits(0);
    assert_eq!(receiver.next().line(), "POST /in?site=7");
}

#[test]
fn a_receiver_that_is_away_for_a_moment_is_asked_again_with_the_same_key() {
    let script = [status(503), Answer::Silence, CREATED];
    let (receiver, saved) = (Receiver::plain(script), Saved::healthy());
    let sent = run(saved.command(&["--upload", &url(&receiver), "--upload-timeout", "0.5"]));
    sent.exits(0).says(&["503 Service Unavailable, trying again in", "(2 of 5)", "(3 of 5)", "sent the report"]);
    let all = receiver.all();
    assert_eq!(all.len(), 3);
    assert!(
        all.iter().all(|r| r.body == all[0].body && r.header("idempotency-key") == all[0].header("idempotency-key"))
    );
    assert_eq!(saved.left(), Vec::<PathBuf>::new());
}

#[test]
fn a_receiver_is_left_alone_as_long_as_it_asks_and_a_broken_answer_is_asked_for_again() {
    let wait = Answer::Status(429, "Retry-After: 2\r\n", Vec::new());
    let (receiver, saved) = (Receiver::plain([wait, Answer::CutOff, CREATED]), Saved::healthy());
    let sent = run(saved.command(&["--upload", &url(&receiver)]));
    sent.exits(0).says(&["429 Too Many Requests, trying again in 2."]);
    assert!(sent.took.as_secs() >= 2, "{:?}", sent.took);
    assert_eq!(receiver.all().len(), 3);
    let wait = Answer::Status(429, "Retry-After: 3600\r\n", Vec::new());
    let receiver = Receiver::plain([wait]);
    run(saved.command(&["--upload", &url(&receiver)])).exits(2).says(&["3600", "tried once"]);
    assert_eq!(receiver.all().len(), 1);
}

#[test]
fn what_is_refused_is_saved_and_can_be_sent_again_as_the_sentence_says() {
    let refusal = Answer::Status(403, "", b"no such bucket".to_vec());
    let (receiver, saved) = (Receiver::plain([refusal, CREATED]), Saved::healthy());
    let lost = run(saved.command(&["--upload", &url(&receiver)]));
    lost.exits(2).says(&[
        "403 Forbidden: \"no such bucket\"",
        "the report is saved in rtc-check-report-2026-11-21T03-12-07Z-4f1c.json",
    ]);
    let [kept] = saved.left().try_into().unwrap();
    let first = receiver.next();
    assert_eq!(std::fs::read(&kept).unwrap(), first.body);
    let words = lost.stderr.split("send it again with: rtc-check ").nth(1).unwrap().replace("URL", &url(&receiver));
    let mut again = binary();
    again.current_dir(saved.dir.path()).args(words.split_whitespace());
    run(again).exits(0);
    assert_eq!(receiver.next().body, first.body);
}

#[test]
fn a_report_that_was_written_as_json_is_not_saved_twice() {
    let (receiver, saved) = (Receiver::plain([status(410)]), Saved::healthy());
    let lost = run(saved.command(&["--upload", &url(&receiver), "--format", "json"]));
    lost.exits(2).says(&["the report was written to stdout"]).report();
    let file = saved.dir.path().join("mine.json");
    let argument = format!("json={}", file.display());
    let lost = run(saved.command(&["--upload", &url(&receiver), "--report", &argument]));
    lost.exits(2).says(&[&format!("the report is in {}", file.display())]);
    assert_eq!(saved.left(), [file]);
}

#[test]
fn where_the_working_directory_takes_no_file_the_temporary_one_does() {
    let (receiver, saved) = (Receiver::plain([status(500)]), Saved::healthy());
    let mut command = saved.command(&["--upload", &url(&receiver)]);
    command.current_dir("/proc");
    run(command).exits(2).says(&["500 Internal Server Error", &format!("saved in {}", saved.dir.path().display())]);
    assert_eq!((receiver.all().len(), saved.left().len()), (1, 1));
}

#[test]
fn ctrl_c_ends_the_waiting_and_loses_nothing() {
    let wait = Answer::Status(503, "Retry-After: 50\r\n", Vec::new());
    let (receiver, saved) = (Receiver::plain([wait]), Saved::healthy());
    let mut started = Started::new(saved.command(&["--upload", &url(&receiver)]));
    started.stderr_says("trying again in 50");
    let id = nix::unistd::Pid::from_raw(i32::try_from(started.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).unwrap();
    started.finish().exits(2).says(&["interrupted", "the report is saved in"]);
    assert_eq!(saved.left().len(), 1);
}

#[test]
fn https_is_verified_and_a_stranger_gets_nothing() {
    let ((receiver, pem), saved) = (Receiver::tls([CREATED]), Saved::healthy());
    let authority = saved.dir.path().join("ca.pem");
    std::fs::write(&authority, pem).unwrap();
    let to = format!("https://localhost:{}/in", receiver.port);
    let refused = run(saved.command(&["--upload", &to]));
    refused.exits(2).says(&["could not send the report: https://localhost"]);
    assert!(!refused.stderr.contains("trying again") && receiver.all().is_empty(), "{}", refused.stderr);
    run(saved.command(&["--upload", &to, "--ca", authority.to_str().unwrap()])).exits(0);
    assert_eq!(receiver.next().line(), "PUT /in");
    let mut command = saved.command(&["--upload", &to]);
    run_with(&mut command, "SSL_CERT_FILE", &authority).exits(0);
    receiver.next();
}

fn run_with(command: &mut Command, name: &str, value: impl AsRef<Path>) -> harness::Run {
    let mut taken = Command::new("false");
    std::mem::swap(command, &mut taken);
    taken.env(name, value.as_ref());
    run(taken)
}

#[test]
fn the_environments_proxy_is_asked_as_it_would_be_by_every_program() {
    let (proxy, saved) = (Receiver::plain([CREATED]), Saved::healthy());
    let through = format!("http://bob:hunter2-proxy@127.0.0.1:{}", proxy.port);
    let mut command = saved.command(&["--upload", "http://reports.invalid/in"]);
    let sent = run_with(&mut command, "http_proxy", &through);
    assert!(!sent.exits(0).stderr.contains("hunter2"), "{}", sent.stderr);
    let request = proxy.next();
    assert_eq!(request.line(), "PUT http://reports.invalid/in");
    assert_eq!(request.header("proxy-authorization"), Some("Basic Ym9iOmh1bnRlcjItcHJveHk="));
    // This machine itself needs none.
    let receiver = Receiver::plain([CREATED]);
    let mut command = saved.command(&["--upload", &url(&receiver)]);
    run_with(&mut command, "http_proxy", &through).exits(0);
    assert_eq!((proxy.all().len(), receiver.all().len()), (0, 1));
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Answer::Status(307, "Location: https://elsewhere.invalid/secret-path\r\n", Vec::new());
    let (receiver, saved) = (Receiver::plain([elsewhere]), Saved::healthy());
    let told = run(saved.command(&["--upload", &url(&receiver)]));
    told.exits(2).says(&["307", "https://elsewhere.invalid", "not followed"]);
    assert!(!told.stderr.contains("secret-path"), "{}", told.stderr);
    assert_eq!(receiver.all().len(), 1);
}

#[test]
fn a_run_sends_too_keeps_its_own_exit_code_and_says_so_before() {
    let (receiver, saved) = (Receiver::plain([CREATED]), Saved::healthy());
    let profile = saved.dir.path().join("stun.toml");
    std::fs::write(&profile, STUN_PROFILE).unwrap();
    let config = saved.dir.path().join("rtc-check.toml");
    std::fs::write(&config, format!("upload = \"{}\"\nupload-method = \"post\"\n", url(&receiver))).unwrap();
    let command = |more: &[&str]| {
        let mut command = binary();
        command.current_dir(saved.dir.path()).arg("--profile").arg(&profile);
        command.args(["--target", "stun=127.0.0.1", "--port", "stun.binding=9", "--no-trace"]).args(more);
        command
    };
    let dry = run(command(&["--dry-run"]));
    assert!(dry.exits(0).stdout.contains("sent at the end: the JSON report to http://127.0.0.1:"), "{}", dry.stdout);
    assert_eq!(receiver.all().len(), 0);
    let done = run(command(&[]));
    done.exits(1).says(&["sent the report to"]);
    let request = receiver.next();
    assert_eq!(request.line(), "POST /in?site=7");
    let sent: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(harness::Report::checked(sent).verdict(), "fail");
}

#[test]
fn a_monitoring_system_gets_the_code_of_its_line_also_where_nothing_could_be_sent() {
    let (receiver, saved) = (Receiver::plain([status(500)]), Saved::healthy());
    let url = url(&receiver);
    for push in ["--upload", "--otlp"] {
        let lost = run(saved.command(&["--format", "nagios", "--exit-codes", "nagios", push, &url]));
        assert!(lost.exits(0).stdout.starts_with("RTC-CHECK OK - "), "{}", lost.stdout);
        lost.says(&["could not send the", "500 Internal Server Error", "the report is saved in"]);
        run(saved.command(&["--format", "nagios", push, &url])).exits(2);
    }
}
