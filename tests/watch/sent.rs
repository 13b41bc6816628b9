//! Watching that sends each run's report, to a receiver that is well, that fails for a while, and that never answers.

use tempfile::TempDir;

use super::harness::{Started, readers, run};
use super::receiver::{Answer, CREATED, Receiver, status};
use super::{Stun, events, log, watch};

/// Long enough for a report to arrive before the next run begins.
const CALM: [&str; 2] = ["--interval", "1s"];

fn to(receiver: &Receiver) -> String {
    format!("http://127.0.0.1:{}/in?token=7", receiver.port)
}

/// How often stderr says this.
fn times(stderr: &str, words: &str) -> usize {
    stderr.matches(words).count()
}

#[test]
fn each_report_is_sent_and_a_receiver_that_fails_for_a_while_is_told_twice() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let receiver = Receiver::plain([CREATED, status(500), status(500), CREATED]);
    let url = to(&receiver);
    let further = [&["--runs", "5", "--log", "log.ndjson", "--upload", &url][..], &CALM].concat();
    let run = run(watch(dir.path(), stun.port, &further));
    run.exits(0).says(&["rtc-check: run 2: could not send the report: http://127.0.0.1:", "500 Internal Server Error"]);
    run.says(&["rtc-check: sending works again: run 4 is sent, 2 runs before it could not be"]);
    assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
    assert!(!run.stderr.contains("token"), "{}", run.stderr);
    assert_eq!(events(&run, "run").len(), 5);
    let sent: Vec<serde_json::Value> =
        receiver.all().iter().map(|r| serde_json::from_slice(&r.body).unwrap()).collect();
    let written = log(dir.path(), "log.ndjson");
    assert_eq!(
        sent.iter().map(|r| &r["run"]["id"]).collect::<Vec<_>>(),
        written.iter().map(|r| &r["run"]["id"]).collect::<Vec<_>>()
    );
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        2,
        "the profile, the log, and no report for each run lost"
    );
}

#[test]
fn where_the_last_report_is_not_sent_the_exit_code_says_so_unless_a_monitoring_system_reads_it() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    for (codes, code) in [("default", 2), ("nagios", 0)] {
        let receiver = Receiver::plain([CREATED, status(403)]);
        let mut command = watch(dir.path(), stun.port, &[&["--runs", "2", "--exit-codes", codes][..], &CALM].concat());
        command.env("RTC_CHECK_UPLOAD", to(&receiver)).env("RTC_CHECK_UPLOAD_METHOD", "post");
        let run = run(command);
        run.exits(code).says(&["run 2: could not send the report", "RTC_CHECK_UPLOAD_HEADERS"]);
        let lines: Vec<String> = receiver.all().iter().map(|r| r.line().to_owned()).collect();
        assert_eq!(lines, ["POST /in?token=7"; 2]);
    }
}

#[test]
fn a_receiver_that_never_answers_delays_no_run() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let receiver = Receiver::plain([Answer::Silence]);
    let mut started = Started::new(watch(dir.path(), stun.port, &["--upload", &to(&receiver)]));
    started.stdout_says("event=run run=6 ");
    let id = nix::unistd::Pid::from_raw(i32::try_from(started.id()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    let run = started.finish();
    run.exits(2).says(&["has not answered, and it was let go when the next run began"]);
    assert_eq!(times(&run.stderr, "may not have arrived"), 1, "{}", run.stderr);
    // One attempt takes 30 s by default.
    assert!(run.took.as_secs() < 20, "{:?}", run.took);
}

#[test]
fn spans_and_figures_go_to_a_receiver_of_opentelemetry() {
    let (dir, stun) = (TempDir::new().unwrap(), Stun::answering(u16::MAX));
    let receiver = Receiver::plain([status(200)]);
    let mut command = watch(dir.path(), stun.port, &[&["--runs", "2", "--otlp"][..], &CALM].concat());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{}", receiver.port));
    assert_eq!(run(command).exits(0).stderr, "");
    let mut lines: Vec<String> = receiver.all().iter().map(|r| r.line().to_owned()).collect();
    lines.sort();
    assert_eq!(lines, ["POST /v1/metrics", "POST /v1/metrics", "POST /v1/traces", "POST /v1/traces"]);
}

#[test]
fn the_screen_has_a_line_for_what_is_not_sent() {
    let Some(mut python) = readers::system("python3") else { return };
    let (dir, stun, receiver) = (TempDir::new().unwrap(), Stun::answering(u16::MAX), Receiver::plain([status(500)]));
    let inner = watch(dir.path(), stun.port, &["--upload", &to(&receiver)]);
    python.current_dir(dir.path()).env("SHOWS", "could not send the report");
    python.arg(readers::root().join("tests/readers/watch.py")).arg(inner.get_program()).args(inner.get_args());
    run(python).exits(0);
}
