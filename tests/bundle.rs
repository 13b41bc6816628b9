//! `rtc-check bundle` and `rtc-check doctor` as commands; the archive is read by Python's own tarfile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use harness::{Run, Started, binary, run};
use serde_json::Value;
use tempfile::TempDir;

/// Prints name, mode and text of every file of an archive as JSON.
const READER: &str = r#"
import json, sys, tarfile
files = []
with tarfile.open(sys.argv[1], "r:gz") as tar:
    for member in tar.getmembers():
        assert member.isfile(), member
        files.append([member.name, member.mode, tar.extractfile(member).read().decode("utf-8", "replace")])
print(json.dumps(files))
"#;

/// The document is one of `doctor`, and what is none is refused.
fn holds_to_the_schema(doctor: &Value) {
    let schema = rtc_check::report::doctor::schema();
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(doctor).map(|e| format!("{}: {e}", e.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for (pointer, wrong) in [
        ("/schema", "rtc-check/doctor/2".into()),
        ("/lines/0/status", "pass".into()),
        ("/lines/0/meaning", Value::Null),
        ("/environment/allowed/raw_ipv4/works", "yes".into()),
        ("/environment/interfaces/0/kind", "carrier-pigeon".into()),
        ("/environment/clock/services", Value::Null),
    ] {
        let mut broken = doctor.clone();
        *broken.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}: {doctor}")) = wrong;
        assert!(!validator.is_valid(&broken), "{pointer}");
    }
    let mut later = doctor.clone();
    later["environment"]["later"] = Value::Bool(true);
    assert!(validator.is_valid(&later), "a later version's document, with more in it, stays readable");
}

/// Files by their names below the archive's one directory, and that directory.
fn unpacked(archive: &Path) -> Option<(String, BTreeMap<String, String>)> {
    let mut python = harness::readers::system("python3")?;
    let output = python.args(["-c", READER]).arg(archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files: Vec<(String, u32, String)> = serde_json::from_slice(&output.stdout).unwrap();
    let directory = files[0].0.split('/').next().unwrap().to_owned();
    let below = |(name, mode, text): (String, u32, String)| {
        assert_eq!(mode, 0o600, "{name}");
        let name = name.strip_prefix(&format!("{directory}/")).unwrap_or_else(|| panic!("{name} lies elsewhere"));
        assert!(!name.contains('/'), "{name}");
        (name.to_owned(), text)
    };
    let files = files.into_iter().map(below).collect();
    Some((directory, files))
}

fn rtc_check(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = binary();
    command.current_dir(dir.path()).args(args);
    command
}

/// What the list names, in its order.
fn listed(stdout: &str) -> Vec<&str> {
    stdout.lines().filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next()).collect()
}

/// A run of one rule that ends at once: nothing listens on that port of loopback.
const CHECK: [&str; 10] = [
    "--profile",
    "profile.toml",
    "--target",
    "stun=127.0.0.53",
    "--skip",
    "quality,bandwidth,nat,ice,call,path,resolver,turn",
    "--no-trace",
    "--quiet",
    "--seed",
    "7",
];

fn with_profile() -> TempDir {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("profile.toml"), harness::STUN_PROFILE).unwrap();
    dir
}

#[track_caller]
fn bundled(dir: &TempDir, args: &[&str]) -> Run {
    let check: Vec<&str> = CHECK.iter().copied().filter(|a| *a != "--quiet").collect();
    run(rtc_check(dir, &[&["bundle"], &check[..], args].concat()))
}

#[test]
fn a_run_is_bundled_with_all_that_is_listed_and_nothing_else() {
    let dir = with_profile();
    let made = bundled(&dir, &["--output", "b.tar.gz"]);
    made.exits(1).says(&["b.tar.gz", "exit 1"]);
    let path = dir.path().join("b.tar.gz");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(made.stdout.contains("--redact all"), "{}", made.stdout);
    let Some((directory, files)) = unpacked(&path) else { return };
    let mut names = listed(&made.stdout);
    names.sort_unstable();
    assert_eq!(names, files.keys().map(String::as_str).collect::<Vec<_>>());
    for name in ["README.txt", "report.txt", "report.json", "environment.json", "log.ndjson"] {
        assert!(names.contains(&name), "{name}: {names:?}");
        assert!(files["README.txt"].contains(name), "{}", files["README.txt"]);
    }
    let report: Value = serde_json::from_str(&files["report.json"]).unwrap();
    assert_eq!(format!("rtc-check-{}", report["run"]["id"].as_str().unwrap()), directory);
    let events: Vec<Value> = files["log.ndjson"].lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((&events[0]["event"], &events.last().unwrap()["event"]), (&"started".into(), &"finished".into()));
    let environment: Value = serde_json::from_str(&files["environment.json"]).unwrap();
    holds_to_the_schema(&environment);
    assert!(files["report.txt"].contains("127.0.0.53"));
}

#[test]
fn a_redacted_bundle_tells_no_address_and_no_name_in_any_file() {
    let dir = with_profile();
    let check: Vec<&str> = CHECK.iter().copied().filter(|a| *a != "--quiet").collect();
    let mut command = rtc_check(&dir, &[&["bundle", "--redact", "all", "--output", "b.tar.gz"], &check[..]].concat());
    command.env("HTTPS_PROXY", "http://bob:hunter2@gate.secretcorp.example:3128");
    command.env("NO_PROXY", "127.0.0.0/8,near.secretcorp.example,.othercorp.example");
    command.env("RTC_CHECK_TURN_USERNAME", "bob").env("RTC_CHECK_TURN_PASSWORD", "hunter2");
    run(command).exits(1);
    let Some((_, files)) = unpacked(&dir.path().join("b.tar.gz")) else { return };
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut kept_back: Vec<String> =
        ["127.0.0.53", "hunter2", "secretcorp", "othercorp", "gate.", "bob"].map(str::to_owned).into();
    kept_back.extend(Some(own.trim().to_owned()).filter(|name| name.len() > 3));
    let addresses = nix::ifaddrs::getifaddrs().unwrap().filter_map(|i| {
        let a = i.address?;
        a.as_sockaddr_in().map(|a| a.ip().to_string()).or_else(|| a.as_sockaddr_in6().map(|a| a.ip().to_string()))
    });
    kept_back.extend(addresses.filter(|a| a.len() > 4));
    for (name, text) in &files {
        for word in &kept_back {
            assert!(!text.contains(word.as_str()), "{name} tells {word}:\n{text}");
        }
    }
    let report: Value = serde_json::from_str(&files["report.json"]).unwrap();
    let environment: Value = serde_json::from_str(&files["environment.json"]).unwrap();
    assert_eq!(report["redacted"], environment["redacted"]);
    let token = report["checks"][0]["address"].as_str().unwrap();
    assert!(token.starts_with("loopback4-") && files["log.ndjson"].contains(token), "{token}");
    assert!(files["README.txt"].contains("tokens"));
}

#[test]
fn a_saved_report_is_bundled_with_its_own_exit_code_and_names_no_path() {
    let dir = with_profile();
    let check = [&CHECK[..], &["--format", "json", "--output", "saved.json"]].concat();
    run(rtc_check(&dir, &check)).exits(1);
    let saved = std::fs::read_to_string(dir.path().join("saved.json")).unwrap();
    let mut report: Value = serde_json::from_str(&saved).unwrap();
    report["run"]["id"] = "../../../tmp/escaped".into();
    std::fs::write(dir.path().join("odd.json"), report.to_string()).unwrap();
    let made = run(rtc_check(&dir, &["bundle", "--report", "odd.json", "--output", "b.tar.gz"]));
    made.exits(1);
    assert!(made.stdout.contains("saved before"), "{}", made.stdout);
    let Some((directory, files)) = unpacked(&dir.path().join("b.tar.gz")) else { return };
    assert_eq!(directory, "rtc-check-report");
    assert!(!files.contains_key("log.ndjson"));
    assert!(files["report.txt"].contains("127.0.0.53"));
}

#[test]
fn an_interrupted_run_is_bundled_with_what_is_known() {
    let dir = with_profile();
    // Never answers, so the run waits for it.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = format!("stun.binding={}", silent.local_addr().unwrap().port());
    let args = ["bundle", "--profile", "profile.toml", "--target", "stun=127.0.0.1", "--port", &port, "--thorough"];
    let skip = ["--skip", "quality,bandwidth,nat,ice,call,path,resolver,turn", "--output", "b.tar.gz"];
    let started = Started::new(rtc_check(&dir, &[&args[..], &skip].concat()));
    let mut asked = [0; 64];
    silent.set_read_timeout(Some(harness::LIMIT)).unwrap();
    silent.recv_from(&mut asked).expect("it asks");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(started.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let made = started.finish();
    made.exits(130);
    assert!(made.stdout.contains("interrupted"), "{}", made.stdout);
    let Some((_, files)) = unpacked(&dir.path().join("b.tar.gz")) else { return };
    let report: Value = serde_json::from_str(&files["report.json"]).unwrap();
    assert_eq!((&report["complete"], &report["run"]["ended"]), (&Value::Bool(false), &"interrupted".into()));
    assert!(files["log.ndjson"].lines().last().unwrap().contains("finished"));
}

#[test]
fn what_cannot_be_meant_is_refused_and_a_dry_run_writes_nothing() {
    let dir = with_profile();
    for (args, words) in [
        (&["--pcap", "--redact", "all"][..], "exclude each other"),
        (&["--pcap", "--report", "x.json"], "needs a run"),
        (&["--report", "none.json"], "none.json"),
        (&["--output", "nowhere/b.tar.gz"], "nowhere/b.tar.gz"),
    ] {
        let refused = bundled(&dir, args);
        assert_eq!(refused.exits(2).says(&[words]).stdout, "", "{args:?}");
    }
    let dry = bundled(&dir, &["--dry-run", "--pcap", "--output", "b.tar.gz"]);
    let names = listed(&dry.exits(0).stdout);
    assert!(names.contains(&"flows.pcap") && names.contains(&"log.ndjson"), "{}", dry.stdout);
    assert!(!dir.path().join("b.tar.gz").exists());
}

#[test]
fn doctor_informs_and_exits_with_0() {
    let dir = TempDir::new().unwrap();
    let mut command = rtc_check(&dir, &["doctor", "--format", "json"]);
    command.env("HTTPS_PROXY", "http://bob:hunter2@gate.example:3128");
    let told = run(command);
    let value: Value = serde_json::from_str(&told.exits(0).stdout).unwrap();
    holds_to_the_schema(&value);
    assert!(!told.stdout.contains("hunter2") && told.stdout.contains("http://gate.example:3128"));
    let lines = value["lines"].as_array().unwrap();
    for id in
        ["raw-sockets", "error-queue", "timestamps", "descriptors", "way-out-ipv4", "resolvers", "clock", "tls-roots"]
    {
        let line = lines.iter().find(|l| l["id"] == id).unwrap_or_else(|| panic!("{id}: {}", told.stdout));
        assert!(["ok", "limited", "missing"].contains(&line["status"].as_str().unwrap()), "{line}");
    }
    let table = run(rtc_check(&dir, &["doctor", "--width", "72"]));
    assert!(table.exits(0).stdout.contains("Nothing was sent to the network"), "{}", table.stdout);
    assert!(table.stdout.lines().all(|l| l.chars().count() <= 72), "{}", table.stdout);
}
