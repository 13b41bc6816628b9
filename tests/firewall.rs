//! `rtc-check firewall` as a command: every profile in every form, against what `profiles show` says the documents ask
//! for, and what failed in a report.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use harness::{Run, binary, run};
use serde_json::Value;

const FORMS: [&str; 7] = ["table", "csv", "markdown", "nftables", "iptables", "terraform-aws", "windows"];

#[track_caller]
fn firewall(args: &[&str]) -> Run {
    let mut command = binary();
    command.arg("firewall").args(args);
    run(command)
}

fn shown(profile: &str) -> Value {
    let mut command = binary();
    command.args(["profiles", "show", profile, "--format", "json"]);
    serde_json::from_str(&run(command).exits(0).stdout).unwrap()
}

/// Every profile and vantage with literal addresses for every role that it reaches, fixed hosts included.
fn cases() -> Vec<(Value, String, Vec<String>)> {
    let mut cases = Vec::new();
    for name in ["agent", "user", "acd", "rtc-server", "valt", "dlegate"] {
        let profile = shown(name);
        for vantage in profile["vantages"].as_array().unwrap() {
            let vantage = vantage.as_str().unwrap();
            let options = profile["options"].as_object().unwrap().clone();
            let reached: BTreeSet<&str> =
                rules(&profile, vantage, &options).map(|rule| rule["to"].as_str().unwrap()).collect();
            let mut args = vec!["--profile".to_owned(), name.to_owned(), "--from".to_owned(), vantage.to_owned()];
            for (n, role) in profile["roles"].as_object().unwrap().keys().enumerate() {
                if reached.contains(role.as_str()) {
                    args.extend(["--target".to_owned(), format!("{role}=192.0.2.{},[2001:db8::{}]", n + 1, n + 1)]);
                }
            }
            cases.push((profile.clone(), vantage.to_owned(), args));
        }
    }
    cases
}

fn rules<'a>(
    profile: &'a Value,
    vantage: &'a str,
    options: &'a serde_json::Map<String, Value>,
) -> impl Iterator<Item = &'a Value> {
    let from = move |rule: &&Value| rule["from"].as_array().unwrap().iter().any(|v| v == vantage);
    let when = move |rule: &&Value| rule["when"].as_object().unwrap().iter().all(|(o, v)| options.get(o) == Some(v));
    profile["rules"].as_array().unwrap().iter().filter(from).filter(when)
}

/// Comma-separated values as RFC 4180 has them.
fn csv(text: &str) -> Vec<BTreeMap<String, String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(chars.next(), Some('\n'), "a bare CR");
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (_, c) => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the last line does not end:\n{text}");
    let head: Vec<String> = rows.remove(0);
    let named = |row: Vec<String>| {
        assert_eq!(row.len(), head.len(), "{row:?}");
        head.iter().cloned().zip(row).collect()
    };
    rows.into_iter().map(named).collect()
}

#[test]
fn every_row_of_every_profile_is_in_the_request_once_and_no_other() {
    for (profile, vantage, args) in cases() {
        let args: Vec<&str> = args.iter().map(String::as_str).chain(["--as", "csv"]).collect();
        let rows = csv(&firewall(&args).exits(0).stdout);
        let mut asked: Vec<(String, String, String, String)> = Vec::new();
        for row in rows.iter().filter(|r| r["service"] != "DNS") {
            for rule in row["rule"].split("; ") {
                asked.push((rule.into(), row["destination"].clone(), row["protocol"].clone(), row["ports"].clone()));
            }
        }
        let options = profile["options"].as_object().unwrap();
        let number = |role: &Value| {
            let roles = profile["roles"].as_object().unwrap();
            roles.keys().position(|r| r == role.as_str().unwrap()).unwrap() + 1
        };
        let mut wanted = Vec::new();
        for rule in rules(&profile, &vantage, options).filter(|r| r["transport"] != "dns") {
            for host in [format!("192.0.2.{}", number(&rule["to"])), format!("2001:db8::{}", number(&rule["to"]))] {
                let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
                wanted.push((text("id"), host, text("transport"), text("ports")));
            }
        }
        asked.sort();
        wanted.sort();
        assert_eq!(asked, wanted, "{} from {vantage}", profile["name"]);
        // Each row of the document stands with its flow.
        for rule in rules(&profile, &vantage, options).filter(|r| r["transport"] != "dns") {
            let words = rule["source"]["row"].as_str().unwrap();
            let id = rule["id"].as_str().unwrap();
            let told =
                |r: &BTreeMap<String, String>| r["rule"].split("; ").any(|i| i == id) && r["row"].contains(words);
            assert!(rows.iter().any(told), "{id}: {words}");
        }
    }
}

#[test]
fn every_profile_is_written_in_every_form() {
    for (profile, vantage, args) in cases() {
        for form in FORMS {
            let args: Vec<&str> = args.iter().map(String::as_str).chain(["--as", form]).collect();
            let run = firewall(&args);
            let text = &run.exits(0).stdout;
            for rule in rules(&profile, &vantage, profile["options"].as_object().unwrap()) {
                let id = rule["id"].as_str().unwrap().replace('_', "\\_");
                let id = if form == "markdown" { id } else { rule["id"].as_str().unwrap().to_owned() };
                // A machine without resolvers of its own has nothing to write for them.
                assert!(rule["transport"] == "dns" || text.contains(&id), "{id} is not in {form}:\n{text}");
            }
            assert!(text.ends_with('\n'), "{form}");
        }
    }
}

/// Checks a file of rules with the program that loads it, where it is installed; changes nothing.
fn checked_by(program: &str, args: &[&str], text: &str) {
    let path = format!("{}:/usr/sbin:/sbin:/usr/local/bin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(program);
    command.args(args).env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{program}: {}\n{text}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn shells_read_the_script_of_every_profile() {
    for (_, _, args) in cases() {
        for more in [&["--as", "iptables"][..], &["--as", "iptables", "--rules-only", "--hook", "forward"]] {
            let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
            checked_by("sh", &["-n"], &firewall(&args).exits(0).stdout);
        }
    }
}

#[test]
fn names_that_do_not_resolve_end_a_filter_and_not_a_table() {
    let agent = ["--profile", "user", "--target", "rtc=gone.invalid"];
    for form in FORMS {
        let run = firewall(&[&agent[..], &["--as", form]].concat());
        match form {
            "table" | "csv" | "markdown" => {
                assert!(run.exits(0).stdout.contains("gone.invalid"));
            }
            _ => assert_eq!(run.exits(2).says(&["gone.invalid", "--no-resolve"]).stdout, ""),
        }
        let unresolved = firewall(&[&agent[..], &["--as", form, "--no-resolve"]].concat());
        assert!(unresolved.exits(0).stdout.contains("gone.invalid"), "{form}");
    }
    let nft = firewall(&[&agent[..], &["--as", "nftables", "--no-resolve"]].concat());
    nft.says(&["not opened", "gone.invalid UDP 19099-20099"]);
    assert!(!nft.stdout.contains("table inet rtc_check {"), "nothing is to be dropped for want of addresses");
}

#[test]
fn names_are_shown_with_their_addresses_and_a_warning() {
    for form in ["table", "markdown", "nftables", "iptables", "terraform-aws", "windows"] {
        let run = firewall(&["--profile", "acd", "--target", "acd=localhost", "--ip", "4", "--as", form]);
        let text = run.exits(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.replace("# ", "");
        assert!(text.contains("localhost") && text.contains("127.0.0.1"), "{form}: {text}");
        assert!(text.contains("may change"), "{form}: {text}");
    }
}

#[test]
fn families_ports_and_selections_are_those_of_the_main_job() {
    let user = ["--profile", "user", "--target", "rtc=192.0.2.1,[2001:db8::1]", "--as", "csv"];
    let flows = |more: &[&str]| {
        let rows = csv(&firewall(&[&user[..], more].concat()).exits(0).stdout);
        let flow = |r: &BTreeMap<String, String>| format!("{} {} {}", r["destination"], r["protocol"], r["ports"]);
        rows.iter().map(flow).collect::<Vec<_>>()
    };
    assert_eq!(flows(&["--ip", "6", "--only", "rtc.https"]), ["2001:db8::1 tcp 443"]);
    let moved = ["--ip", "4", "--port", "rtc.media=30000-30009", "--only", "rtp"];
    assert_eq!(flows(&moved), ["192.0.2.1 udp 30000-30009"]);
    let relay = ["--only", "turn", "--turn", "turns:192.0.2.9:443,turn:192.0.2.9"];
    assert_eq!(flows(&relay), ["192.0.2.9 tcp 443", "192.0.2.9 udp 3478"]);
    firewall(&["--profile", "user"]).exits(2).says(&["rtc-check firewall --profile user --target rtc="]);
    firewall(&[]).exits(2).says(&["--profile", "--from-report"]);
    firewall(&["--profile", "user", "--target", "rtc=192.0.2.1", "--as", "pf"]).exits(2).says(&["nftables"]);
}

#[test]
fn a_report_of_closed_ports_is_turned_into_a_request_and_noted() {
    let dir = tempfile::tempdir().unwrap();
    // The kernel chooses ports on which then nobody listens, and one on which somebody does, silently and without HTTP.
    let closed: Vec<u16> =
        (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()).collect();
    let (https, gateway) = (format!("rtc.https={}", closed[0]), format!("rtc.gateway={}", closed[1]));
    let report = dir.path().join("report.json");
    let mut command = binary();
    command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--port", &https, "--port", &gateway]);
    command.args(["--only", "rtc.https,rtc.gateway", "--format", "json", "--output"]).arg(&report);
    run(command).exits(1);
    let report = report.to_str().unwrap();
    let rows = csv(&firewall(&["--from-report", report, "--as", "csv"]).exits(0).stdout);
    let asked: BTreeSet<(&str, String)> = rows.iter().map(|r| (r["rule"].as_str(), r["ports"].clone())).collect();
    let wanted = [("rtc.https", closed[0].to_string()), ("rtc.gateway", closed[1].to_string())];
    assert_eq!(asked, wanted.into_iter().collect());
    assert!(rows.iter().any(|r| r["service"] == "secure WebSocket"), "the built-in profile gives the words: {rows:?}");
    let table = firewall(&["--from-report", report, "--target", "rtc=192.0.2.1"]);
    table.exits(0).says(&["are not used"]);
    assert!(table.stdout.contains("Refused: rtc.https, rtc.gateway"), "{}", table.stdout);
    firewall(&["--from-report", report, "--output", report]).exits(2).says(&["is the report itself"]);
    firewall(&["--from-report", "/nonexistent.json"]).exits(2).says(&["/nonexistent.json"]);
}

#[test]
fn a_report_from_a_stranger_cannot_write_rules() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("evil.json");
    let evil = "x\" accept\nadd rule inet rtc_check output accept\n-A RTC_CHECK -j ACCEPT\nEND\n$(reboot)'; reboot; '";
    let check = serde_json::json!({
        "id": evil, "rule": evil, "probe": "tcp", "role": evil, "target": evil, "address": "192.0.2.1",
        "transport": "tcp", "port": 443, "need": "required", "status": "fail", "reason": evil,
        "observed": { "failure": { "step": "connect", "kind": "timed-out", "detail": evil } }, "limits": [],
        "source": { "document": evil, "section": evil, "row": evil }, "started_ms": 0, "duration_ms": 1,
    });
    let report = serde_json::json!({
        "schema": "rtc-check/report/1", "complete": true, "tool": { "name": "rtc-check", "version": "0" },
        "run": { "id": evil, "started": evil, "finished": evil, "duration_ms": 1, "profile": evil, "from": evil,
                 "options": {}, "targets": {} },
        "verdict": "fail", "summary": { "pass": 0, "warn": 0, "fail": 1, "unknown": 0, "skip": 0 },
        "findings": [], "checks": [check],
    });
    std::fs::write(&file, report.to_string()).unwrap();
    for form in ["nftables", "iptables", "terraform-aws", "windows"] {
        let run = firewall(&["--from-report", file.to_str().unwrap(), "--as", form]);
        let code = run.exits(0).stdout.lines().filter(|l| !l.trim_start().starts_with('#'));
        let quote = if form == "windows" { '\'' } else { '"' };
        let obeyed: Vec<String> = code.map(|l| l.split(quote).step_by(2).collect()).collect();
        for line in &obeyed {
            assert!(!line.contains("reboot") && !line.contains("add rule"), "{form}: {line}");
            let whole = ["-A RTC_CHECK -j ACCEPT", "END "];
            assert!(!whole.contains(&line.as_str()), "{form}: {line}");
        }
        let (sign, times) = match form {
            "terraform-aws" => ("443", 2),
            "windows" => ("New-NetFirewallRule", 1),
            _ => ("443", 1),
        };
        assert_eq!(obeyed.iter().filter(|l| l.contains(sign)).count(), times, "{form}: {obeyed:?}");
    }
}
