//! Who signs: the platform's own private authority, a device that inspects TLS and is trusted, and one that is not.

use serde_json::Value;

use crate::harness::Report;
use crate::mitm::{authority, divert_nothing, mitmproxy, without_websockets};
use crate::namespaces::{Lab, RTC4};
use crate::servers::{janus, nginx};

/// The platform's page and gateway, and another host as a control name.
const HOSTS: &str = "198.51.100.10 rtc.example\n198.51.100.20 acd.example\n";
const RULES: &[&str] =
    &["--profile", "agent", "--target", "rtc=rtc.example", "--ip", "4", "--only", "rtc.https,rtc.gateway"];

fn check(lab: &Lab, more: &[&str]) -> Report {
    let run = lab.check(&[RULES, &["--only", "control"], more].concat());
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    run.report()
}

/// The findings about TLS.
fn findings(report: &Report) -> Vec<&Value> {
    let all = report.0["findings"].as_array().unwrap();
    all.iter().filter(|f| f["id"].as_str().is_some_and(|id| id.starts_with("tls."))).collect()
}

#[track_caller]
fn one<'a>(report: &'a Report, id: &str, status: &str) -> &'a Value {
    let found = findings(report);
    assert_eq!(found.len(), 1, "{found:#?}\n{report}");
    assert_eq!((found[0]["id"].as_str(), found[0]["status"].as_str()), (Some(id), Some(status)), "{:#?}", found[0]);
    found[0]
}

#[track_caller]
fn says(finding: &Value, key: &str, words: &str) {
    assert!(finding[key].to_string().contains(words), "{words:?} is not in {key}: {finding:#?}");
}

#[test]
fn a_private_authority_is_a_note_and_an_inspecting_device_is_found_trusted_or_not() {
    let Some(lab) = Lab::with(&["nginx", "janus", "mitmdump"]) else { return };
    let _servers = [nginx(&lab), janus(&lab)];
    lab.hosts(HOSTS);
    private_authority(&lab);
    trusted_device(&lab);
    divert_nothing(&lab);
    cutting_device(&lab);
    divert_nothing(&lab);
    untrusted_device(&lab);
}

fn private_authority(lab: &Lab) {
    let report = check(lab, &[]);
    let note = one(&report, "tls.private-root", "pass");
    says(note, "title", "Lab Root");
    for check in ["tcp 443", "tcp 8989"].map(|ports| report.at(RTC4, ports)) {
        check.is("pass");
        assert_eq!(check.seen("cert_root")["standing"], "private", "{check}");
        assert_eq!(check.seen("cert_root")["name"], "CN=Lab Root", "{check}");
    }
    assert!(findings(&check(lab, &["--pin", "Lab Root"])).is_empty());
    one(&check(lab, &["--pin", "rtc=Some Platform CA"]), "tls.interception", "warn");
}

fn trusted_device(lab: &Lab) {
    let _device = mitmproxy(lab, "Corp Root", &[443, 8989]);
    let ca = authority(lab, "Corp Root");
    let trusted = ["--ca", ca.to_str().unwrap()];
    let report = check(lab, &trusted);
    report.at(RTC4, "tcp 443").is("pass");
    report.at(RTC4, "tcp 8989").is("pass");
    one(&report, "tls.private-root", "pass");
    let report = check(lab, &[&trusted[..], &["--control", "acd.example", "--hold", "1"]].concat());
    let found = one(&report, "tls.interception", "warn");
    says(found, "evidence", "control name acd.example:443");
    says(found, "evidence", "transparently");
    says(found, "evidence", "still open after 1 s");
    says(found, "ask", "exempt rtc.example:8989 (198.51.100.10) from TLS inspection");
    assert_eq!(found["who"], "inspection");
    assert_eq!(report.verdict(), "pass", "{report}");
    let pinned = check(lab, &[&trusted[..], &["--pin", "Lab Issuing"]].concat());
    says(one(&pinned, "tls.interception", "warn"), "evidence", "should be by");
}

fn cutting_device(lab: &Lab) {
    let _device = without_websockets(lab, "Corp SSL Inspection", &[443, 8989]);
    let ca = authority(lab, "Corp SSL Inspection");
    let report = check(lab, &["--ca", ca.to_str().unwrap()]);
    report.at(RTC4, "tcp 443").is("pass");
    report.at(RTC4, "tcp 8989").is("fail");
    let found = one(&report, "tls.interception", "fail");
    says(found, "evidence", "the WebSocket does not get through");
    says(found, "evidence", "a device that inspects TLS");
}

fn untrusted_device(lab: &Lab) {
    let _device = mitmproxy(lab, "mitmproxy", &[443]);
    let report = check(lab, &[]);
    let words = ["\"CN=mitmproxy\" is a private authority", "see tls.interception"];
    report.at(RTC4, "tcp 443").is("fail").says(&words);
    report.at(RTC4, "tcp 8989").is("pass");
    let found: Vec<&Value> = findings(&report);
    let found = found.iter().find(|f| f["id"] == "tls.interception").unwrap();
    assert_eq!(found["status"], "fail", "{found:#?}");
    says(found, "evidence", "which is mitmproxy");
    says(found, "remedy", "--ca FILE");
    assert_eq!(found["ask"].as_array().map(Vec::len), Some(1), "{found:#?}");
}
