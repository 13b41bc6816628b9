//! The responder's page in a real browser: a headless Chromium beside the real responder, in a network namespace of their
//! own. The page's verdict is the report's, silence is never a pass, and nobody else is spoken to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use harness::readers;
use serde_json::Value;
use tempfile::TempDir;

/// One browser at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// One visit, its files, and what the driver saw; `None` where the machine lacks what it takes.
struct Visit {
    dir: TempDir,
    seen: Value,
}

fn visit(scenario: &str) -> Option<Visit> {
    let (node, _) = (readers::node("web.mjs")?, readers::system("chromium")?);
    readers::system("nft")?;
    if scenario == "relay" {
        readers::system("turnserver")?;
        readers::system("openssl")?;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut inside = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        inside.args(["--user", "--map-root-user"]);
    }
    inside.arg("--net").arg(node.get_program()).args(node.get_args());
    inside.arg(env!("CARGO_BIN_EXE_rtc-check")).arg(dir.path()).arg(scenario);
    // A browser measures delays: another one beside it on the same two cores would be part of them.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let run = inside.output().unwrap();
    let words = String::from_utf8_lossy(&run.stderr);
    if let Some(keep) = std::env::var_os("RTC_CHECK_TEST_SHOTS") {
        keep_pictures(dir.path(), Path::new(&keep));
    }
    assert!(run.status.success(), "{scenario}: {words}");
    let seen = std::fs::read_to_string(dir.path().join("seen.json")).unwrap();
    Some(Visit { dir, seen: serde_json::from_str(&seen).unwrap() })
}

fn keep_pictures(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten().filter(|e| e.path().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Equal as JSON means it: a page writes 29 where a program wrote 29.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

impl Visit {
    fn words(&self, key: &str) -> &str {
        self.seen[key].as_str().unwrap()
    }

    /// The report as the page saved it, which is the one that the responder kept.
    fn report(&self) -> Value {
        let saved = std::fs::read_to_string(self.dir.path().join(self.words("saved"))).unwrap();
        let saved: Value = serde_json::from_str(&saved).unwrap();
        let kept = self.seen["kept"].as_array().unwrap();
        assert_eq!((kept.len(), kept[0]["mode"].as_u64()), (1, Some(0o600)), "{kept:?}");
        let path = self.dir.path().join("results").join(kept[0]["name"].as_str().unwrap());
        assert_eq!(path.file_stem().unwrap().to_str(), saved["run"]["id"].as_str());
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(same(&kept, &saved), "the page saved another report than the responder kept");
        let drawn = harness::binary().arg("report").arg(&path).args(["--format", "table"]).output().unwrap();
        let table = String::from_utf8_lossy(&drawn.stdout).into_owned();
        assert!(table.contains("rtc.gateway"), "{table}\n{}", String::from_utf8_lossy(&drawn.stderr));
        self.fits_the_schema(&path);
        saved
    }

    fn fits_the_schema(&self, report: &Path) {
        let Some(mut check) = readers::python("python") else { return };
        check
            .args(["-m", "check_jsonschema", "--schemafile"])
            .arg(readers::root().join("schemas/report-1.schema.json"));
        let done = check.arg(report).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    /// What holds for the page whatever it found.
    fn is_well(&self) {
        assert_eq!(self.seen["axe"], Value::Array(vec![]), "accessibility");
        assert_eq!(self.seen["wide"], serde_json::json!([false, false]), "it scrolls sideways");
        assert_eq!(self.seen["executable"], 0);
        let hosts: Vec<&str> = self.seen["hosts"].as_array().unwrap().iter().map(|h| h.as_str().unwrap()).collect();
        assert!(hosts.iter().all(|h| h.starts_with("10.77.0.2") || h.starts_with("[fd77::2]")), "{hosts:?}");
        let policy = self.seen["headers"]["content-security-policy"].as_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|c| c["id"].as_str().unwrap().starts_with(id)).unwrap_or_else(|| panic!("no {id} in {report:#}"))
}

fn status<'a>(report: &'a Value, id: &str) -> &'a str {
    check(report, id)["status"].as_str().unwrap()
}

/// What passes where nothing is in the way.
fn all_works(scenario: &str) {
    let Some(visit) = visit(scenario) else { return };
    visit.is_well();
    assert_eq!(visit.seen["console"], Value::Array(vec![]), "the browser complains");
    let report = visit.report();
    assert_eq!(report["verdict"], "pass", "{report:#}");
    for id in ["rtc.https", "rtc.gateway", "rtc.api", "acd.https", "acd.websocket", "rtc.media", "acd.media", "ice.rtc"]
    {
        assert_eq!(status(&report, id), "pass", "{id}: {report:#}");
    }
    assert_eq!(status(&report, "rtc.http/"), "skip");
    for role in ["rtc", "acd"] {
        let quality = check(&report, &format!("quality.{role}"));
        let seen = &quality["observed"];
        assert_eq!(quality["status"], "pass", "{quality:#}");
        let rtt = seen["rtt_ms"]["mean"].as_f64().unwrap();
        assert!(rtt > 0.0 && rtt < 200.0, "{rtt}");
        assert!(seen["received"].as_u64().unwrap() > 300 && seen["via"]["method"] == "a data channel", "{seen:#}");
        let looped = &seen["media_loop"];
        let (sent, received) = (looped["sent"].as_f64().unwrap(), looped["received"].as_f64().unwrap());
        assert!(sent > 200.0 && received > 0.8 * sent, "{looped}");
        assert_eq!(status(&report, &format!("bandwidth.{role}.audio-video")), "pass");
    }
    assert!(visit.words("after").contains("Calls should work from here"));
    assert!(visit.words("before").contains("leaves out"), "{}", visit.words("before"));
}

#[test]
fn a_network_that_lets_all_through_passes() {
    all_works("open");
}

#[test]
fn with_a_key_the_links_token_opens_the_page() {
    all_works("key");
}

#[test]
fn over_ipv6_likewise() {
    all_works("ipv6");
}

#[test]
fn media_ports_that_are_blocked_fail_and_never_pass() {
    let Some(visit) = visit("blocked") else { return };
    visit.is_well();
    let report = visit.report();
    assert_eq!(report["verdict"], "fail", "{report:#}");
    for id in ["rtc.media", "acd.media"] {
        assert_eq!(status(&report, id), "fail");
    }
    for id in ["quality.rtc", "quality.acd", "bandwidth.rtc", "ice.rtc"] {
        assert!(!["pass", "warn"].contains(&status(&report, id)), "{id}: {report:#}");
    }
    let (after, title) = (visit.words("after"), "Calls will not work properly from here");
    assert!(after.contains(title) && after.contains("19099-20099"), "{after}");
}

#[test]
fn websockets_that_are_refused_fail_in_words_that_a_browser_can_stand_for() {
    let Some(visit) = visit("no-socket") else { return };
    visit.is_well();
    let report = visit.report();
    assert_eq!(report["verdict"], "fail", "{report:#}");
    let socket = check(&report, "acd.websocket");
    assert_eq!(socket["status"], "fail");
    let reason = socket["reason"].as_str().unwrap();
    assert!(reason.contains("does not tell a page why") && reason.contains("in a tab"), "{reason}");
}

#[test]
fn relays_carry_media_where_its_ports_are_blocked() {
    let Some(visit) = visit("relay") else { return };
    visit.is_well();
    let report = visit.report();
    for id in ["turn.udp-3478", "turn.tcp-3478", "turn.tls-5349"] {
        let relay = check(&report, id);
        assert_eq!(relay["status"], "pass", "{relay:#}");
        assert!(relay["observed"]["received"].as_u64().unwrap() > 40, "{relay:#}");
    }
    for role in ["rtc", "acd"] {
        assert_eq!(status(&report, &format!("{role}.media")), "fail");
        measured_through(check(&report, &format!("quality.{role}")), "udp");
        assert_eq!(status(&report, &format!("bandwidth.{role}.audio-video")), "pass");
    }
    assert_eq!(report["verdict"], "warn", "{report:#}");
    let ways = report["ways"].as_array().unwrap();
    let direct: Vec<&Value> = ways.iter().filter(|w| w["way"] == "direct-udp").collect();
    assert!(direct.len() == 2 && direct.iter().all(|w| w["rtt_ms"].is_null() && w["used"] == false), "{ways:#?}");
    assert!(!["pass", "warn"].contains(&status(&report, "ice.rtc")), "{report:#}");
    let after = visit.words("after");
    assert!(after.contains("not directly but through the relay 10.77.0.3:3478 (UDP)"), "{after}");
    assert!(!report.to_string().contains("a shared secret"), "secrets stay here");
}

/// The figures of a relay over `transport`, told as that relay's and held to the limits of direct ones.
fn measured_through(quality: &Value, transport: &str) {
    let seen = &quality["observed"];
    assert_eq!(quality["status"], "pass", "{quality:#}");
    let via = &seen["via"];
    assert_eq!((&via["method"], &via["transport"]), (&"turn".into(), &transport.into()), "{via}");
    assert_eq!((&via["server"], &via["port"]), (&"10.77.0.3:3478".into(), &3478.into()), "{via}");
    assert!(via["peer"].as_str().unwrap().starts_with("10.77.0.2:"), "{via}");
    assert!(
        seen["received"].as_u64().unwrap() > 300 && seen["media_loop"]["received"].as_u64().unwrap() > 200,
        "{seen:#}"
    );
    assert!(quality["limits"].as_array().unwrap().len() >= 3, "{quality:#}");
    assert!(quality["reason"].as_str().unwrap().contains("not over direct UDP"), "{quality:#}");
}
