//! `rtc-check host` on the machine that the tests run on: what it is cannot be known here, so what is asserted is what must
//! hold on every Linux machine, and what the test itself puts in its way.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::net::{TcpListener, UdpSocket};

use harness::{Run, binary, run};
use serde_json::Value;

#[track_caller]
fn host(args: &[&str]) -> Run {
    let mut command = binary();
    command.args(["host", "--quiet"]).args(args);
    run(command)
}

/// The JSON report, whatever the exit code.
#[track_caller]
fn report(args: &[&str]) -> (Run, Value) {
    let run = host(&[args, &["--format", "json"]].concat());
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", run.stdout, run.stderr));
    (run, report)
}

/// The check whose id begins with `name`.
#[track_caller]
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    let begins = |c: &&Value| c["id"].as_str().unwrap().split('/').next() == Some(name);
    checks.iter().find(begins).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

/// This process's name, as the kernel has it.
fn own_name() -> String {
    std::fs::read_to_string("/proc/self/comm").unwrap().trim().to_owned()
}

#[test]
fn every_subject_is_a_check_of_its_own_without_rule_and_port() {
    let (_, report) = report(&["--profile", "rtc-server", "--channels", "60"]);
    assert_eq!((&report["schema"], &report["complete"]), (&"rtc-check/report/1".into(), &true.into()));
    for name in ["distribution", "architecture", "cores", "memory", "disk", "clock", "tcp-443", "udp-19099-20099"] {
        let check = check(&report, &format!("host.{name}"));
        assert_eq!(check["probe"], "host", "{check:#}");
        assert!(check["observed"]["via"]["method"].is_string(), "{check:#}");
        assert!(check["reason"].as_str().is_some_and(|r| !r.is_empty()), "{check:#}");
        for absent in ["rule", "transport", "port", "ports"] {
            assert!(check.get(absent).is_none(), "{absent}: {check:#}");
        }
    }
    let cores = check(&report, "host.cores");
    assert_eq!((cores["limits"][0]["op"].as_str(), cores["limits"][0]["limit"].as_f64()), (Some(">="), Some(2.0)));
    assert_eq!(cores["source"]["row"], "60 | 2-4 cores | 8 Gb | M");
    let validator = jsonschema::draft202012::options().build(&rtc_check::report::schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn a_port_that_is_bound_is_told_with_this_processs_name() {
    let (https, sip) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (tcp, udp) = (https.local_addr().unwrap().port(), sip.local_addr().unwrap().port());
    let ports = ["--port", &format!("rtc.https={tcp}"), "--port", &format!("rtc.sip={udp}")];
    let of = |expect: &[&str]| report(&[&["--profile", "rtc-server"], &ports[..], expect].concat());
    for name in [format!("host.tcp-{tcp}"), format!("host.udp-{udp}")] {
        let (run, report) = of(&[]);
        let told = check(&report, &name);
        assert_eq!((told["status"].as_str(), told["need"].as_str()), (Some("pass"), Some("optional")), "{told:#}");
        let holder = &told["observed"]["held_by"][0];
        assert_eq!(holder["process"], own_name(), "{told:#}");
        assert_eq!(holder["pid"], std::process::id(), "{told:#}");
        let command_line = std::env::args().next().unwrap();
        assert!(!run.stdout.contains(&command_line), "a command line is shown: {}", run.stdout);
    }
    let (run, before) = of(&["--expect", "free"]);
    let taken = check(&before, &format!("host.tcp-{tcp}"));
    assert_eq!((taken["status"].as_str(), taken["need"].as_str()), (Some("fail"), Some("required")), "{taken:#}");
    assert!(taken["reason"].as_str().unwrap().contains(&own_name()), "{taken:#}");
    run.exits(1);
    let (_, after) = of(&["--expect", "listening"]);
    let inside = check(&after, &format!("host.tcp-{tcp}"));
    assert!(inside["reason"].as_str().unwrap().contains("for this machine alone"), "{inside:#}");
}

#[test]
fn what_listens_nowhere_fails_where_it_is_expected_to() {
    // Bound and not listening, so that nobody else can be there.
    let silent = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    silent.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = silent.local_addr().unwrap().as_socket().unwrap().port();
    let moved = format!("rtc.https={port}");
    let (run, report) = report(&["--profile", "rtc-server", "--port", &moved, "--expect", "listening"]);
    let nothing = check(&report, &format!("host.tcp-{port}"));
    assert_eq!(nothing["status"], "fail", "{nothing:#}");
    assert!(nothing["reason"].as_str().unwrap().contains("nothing listens"), "{nothing:#}");
    run.exits(1);
}

#[test]
fn the_way_to_a_target_is_the_kernels_choice() {
    let (_, report) = report(&["--profile", "dlegate", "--target", "dlegate=127.0.0.1,[::1]"]);
    let way = check(&report, "host.way-out");
    assert_eq!((way["address"].as_str(), way["status"].as_str()), (Some("127.0.0.1"), Some("pass")), "{way:#}");
    assert_eq!(way["observed"]["way_out"]["kind"], "loopback", "{way:#}");
    assert_eq!(way["source"]["row"], "Wired connections recommended for Inspectors where possible");
}

#[test]
fn more_channels_than_the_table_has_are_not_decided() {
    let (_, report) = report(&["--profile", "rtc-server", "--channels", "500"]);
    let cores = check(&report, "host.cores");
    assert_eq!(cores["status"], "unknown", "{cores:#}");
    assert!(cores["reason"].as_str().unwrap().contains("3 servers"), "{cores:#}");
}

#[test]
fn the_table_fits_eighty_columns_and_events_are_lines() {
    let table = host(&["--profile", "rtc-server", "--channels", "30", "--width", "80"]);
    let widest = table.stdout.lines().map(|l| l.chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest}\n{}", table.stdout);
    assert!(table.stdout.contains("host.memory") && table.stdout.contains("GiB"), "{}", table.stdout);
    let events = host(&["--profile", "user", "--format", "ndjson"]);
    let kinds: Vec<String> = events
        .stdout
        .lines()
        .map(|l| {
            let event: Value = serde_json::from_str(l).unwrap();
            event["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!((kinds.first().unwrap().as_str(), kinds.last().unwrap().as_str()), ("started", "finished"));
    assert!(kinds.iter().filter(|k| *k == "check-done").count() >= 6, "{kinds:?}");
}

#[test]
fn wrong_words_are_refused_before_anything_is_looked_at() {
    for (args, words) in [
        (&["--profile", "rtc-server", "--role", "rct"][..], &["rct", "rtc"][..]),
        (&["--profile", "user", "--channels", "60"], &["no table of server sizes"]),
        (&["--profile", "valt", "--expect", "free"], &["--role"]),
        (&["--profile", "rtc-server", "--channels", "0"], &["--channels"]),
        (&["--profile", "rtc-server", "--expect", "maybe"], &["listening", "free"]),
        (&["--profile", "user", "--target", "rtc=a..b"], &["a..b"]),
        (&["--profile", "nobody"], &["nobody"]),
        (&[], &["--profile"]),
    ] {
        let run = host(args);
        assert_eq!(run.exits(2).says(words).stdout, "", "{args:?}");
    }
}
