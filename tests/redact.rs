//! Redaction: nothing that is to be kept back is found in any format, what stays useful stays, the report still reads
//! back, and redacting twice changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
mod reports;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use harness::{binary, run};
use proptest::prelude::*;
use rtc_check::compare::compare;
use rtc_check::model::{Event, Finding, Redacted, Report};
use rtc_check::redact::Redactor;
use rtc_check::report::{Format, Style, compare as drawn, line_of, render};
use serde_json::{Value, json};

const ALL: [Redacted; 2] = [Redacted::Addresses, Redacted::Names];

/// What one report must not tell.
#[derive(Clone, Debug)]
struct Secrets {
    host: String,
    target: IpAddr,
    local: Ipv4Addr,
    hop: IpAddr,
    user: String,
    mac: [u8; 6],
    organisation: String,
}

fn secrets() -> impl Strategy<Value = Secrets> {
    let address = || {
        prop_oneof![
            any::<[u8; 4]>().prop_filter("a host's", |[a, ..]| *a != 0).prop_map(IpAddr::from),
            any::<[u16; 8]>().prop_map(|mut s| {
                s[0] = 0x2000 | (s[0] & 0xfff);
                IpAddr::from(s)
            }),
        ]
    };
    let label = "[a-z]{3,8}[0-9]{2}[a-z]{0,5}";
    let host = prop_oneof![
        label.prop_map(|l| l),
        (label, label).prop_map(|(a, b)| format!("{a}.{b}.net")),
        (label, label, label).prop_map(|(a, b, c)| format!("{a}.{b}-{c}.internal")),
        (label, label).prop_map(|(a, b)| format!("{a}-{b}")),
        (label, label).prop_map(|(a, b)| format!("{a}.{b}")),
    ];
    let local = any::<[u8; 3]>().prop_map(|[a, b, c]| Ipv4Addr::new(10, a, b, c));
    (
        host,
        address(),
        local,
        address(),
        "u[a-z]{4,9}[0-9]{3}",
        any::<[u8; 6]>(),
        "[A-Z][a-z]{4,9}[0-9]{2} [A-Z][a-z]{3,8} GmbH",
    )
        .prop_map(|(host, target, local, hop, user, mac, organisation)| Secrets {
            host,
            target,
            local,
            hop,
            user,
            mac,
            organisation,
        })
}

impl Secrets {
    fn mac(&self) -> String {
        self.mac.map(|b| format!("{b:02x}")).join(":")
    }

    fn dotted_mac(&self) -> String {
        let [a, b, c, d, e, f] = self.mac;
        format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}")
    }

    /// A machine on the way that names itself.
    fn middlebox(&self) -> String {
        format!("fw01-{}", self.user)
    }

    /// A name under a last label that no list has.
    fn unlisted(&self) -> String {
        format!("gw1.branch.{}.telecom", self.user)
    }

    fn interface(&self) -> String {
        format!("wg-{}", self.user)
    }

    /// Every spelling that is planted.
    fn spellings(&self) -> Vec<String> {
        let mut all = vec![self.host.clone(), self.user.clone(), self.mac(), self.organisation.clone()];
        all.extend([self.dotted_mac(), self.middlebox(), self.unlisted(), self.interface()]);
        for address in [self.target, self.hop, self.local.into()] {
            all.push(address.to_string());
            match address {
                IpAddr::V6(six) => all.push(long(six)),
                IpAddr::V4(four) => all.push(four.octets().map(|o| o.to_string()).join("-")),
            }
        }
        all
    }

    /// A report that tells them in every way that reports do.
    fn report(&self) -> Report {
        let Self { host, target, local, hop, user, organisation, .. } = self;
        let mac = self.mac();
        let mut report = reports::agent();
        report.run.targets.insert("rtc".into(), vec![host.clone(), target.to_string()]);
        let six = |a: &IpAddr| if let IpAddr::V6(a) = a { long(*a).to_uppercase() } else { a.to_string() };
        let bracketed = |a: &IpAddr, port: u16| std::net::SocketAddr::new(*a, port).to_string();
        for check in &mut report.checks {
            check.id = format!("{}/{host}/{target}", check.rule.as_ref().unwrap());
            check.target.clone_from(host);
            check.address = Some(*target);
            check.reason = format!(
                "HTTPS on TCP 443 at {host} ({target}) answered; from {local}:4711 by way of {}, then {hop}. Mail {user}@{host}.",
                six(hop)
            );
        }
        let facts = json!({
            "local": bracketed(&(*local).into(), 4711), "mapped": bracketed(hop, 19099), "redirect": format!("https://{user}@{host}:8443/a"),
            "cert_chain": [{ "subject": format!("C=ES, O={organisation}, CN={host}"), "issuer": "C=US, O=Let's Encrypt, CN=R3",
                "names": [host, format!("*.{host}"), target.to_string()], "sha256": "e9bf85fc" }],
            "relay": { "server": bracketed(target, 3478), "realm": organisation, "relayed": bracketed(hop, 50000), "user": user },
            "trace": { "hops": [{ "ttl": 1, "address": hop.to_string(), "rtt_ms": 1.2 }, { "ttl": 2, "address": null }] },
            "http_headers": ["server: nginx/1.18.0.1", format!("via: 1.1 {}", self.middlebox()), format!("x-served-by: {host}; mac={mac}"),
                format!("X-Cache: MISS from {}", self.middlebox()), format!("x-{}: 1", self.middlebox())],
            "way_out": { "interface": self.interface(), "kind": "tunnel", "through": ["eth0"], "driver": null },
            "http_server": "Janus/1.2.3.4", "banner": "SSH-2.0-OpenSSH_9.2p1",
            "disk": { "path": format!("/home/{user}/recordings") }, "icmp_from": six(hop), "by_address": { hop.to_string(): 1 },
        });
        report.checks[0].observed = serde_json::from_value(facts).unwrap();
        let ask = vec![format!("allow UDP 19099-20099 from {local} to {target}, and replies")];
        let evidence = vec![format!(
            "{hop} (ttl 2) answered, {} did not; ip-{}; {} said {}, {}; leaves by {}, from fe80::1%{}",
            six(target),
            dashed(*local),
            self.middlebox(),
            self.unlisted(),
            self.dotted_mac(),
            self.interface(),
            self.interface()
        )];
        let (title, checks) = (format!("Dropped after {hop}"), vec![report.checks[0].id.clone()]);
        report.findings.push(Finding {
            id: "blocked.dropped".to_owned(),
            title,
            ask,
            evidence,
            checks,
            ..Finding::default()
        });
        report
    }
}

fn long(address: Ipv6Addr) -> String {
    address.segments().map(|s| format!("{s:04x}")).join(":")
}

fn dashed(address: Ipv4Addr) -> String {
    address.octets().map(|o| o.to_string()).join("-")
}

/// Whether `text` has `word` as a word of its own, whatever its case.
fn has(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    text.match_indices(&word).any(|(n, _)| {
        let (before, after) = (text[..n].chars().next_back(), text[n + word.len()..].chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

/// The report, its events and its comparison with itself, in every format.
fn every_format(redactor: &mut Redactor, report: &Report) -> Vec<(String, String)> {
    let redacted = redactor.report(report).unwrap();
    let wide = Style { width: 400, colour: false, unicode: true };
    let mut all: Vec<(String, String)> =
        Format::ALL.iter().map(|f| (f.to_string(), render(&redacted, *f, &wide))).collect();
    let other = Report { checks: report.checks[1..].to_vec(), ..reports::healthy() };
    let compared = redactor.comparison(&compare(("a.json", &other), ("b.json", report))).unwrap();
    all.extend(drawn::Format::ALL.iter().map(|f| (format!("diff {f:?}"), drawn::render(&compared, *f, &wide))));
    let events = [
        Event::CheckDone { check: Box::new(report.checks[0].clone()) },
        Event::Finding { finding: Box::new(report.findings.last().unwrap().clone()) },
    ];
    all.extend(events.iter().map(|e| ("event".to_owned(), line_of(&redactor.event(e)))));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_is_kept_back_is_found_in_any_format(secrets in secrets()) {
        let report = secrets.report();
        for (format, text) in every_format(&mut Redactor::new(ALL), &report) {
            for word in secrets.spellings() {
                prop_assert!(!has(&text, &word), "{format} tells {word}:\n{text}");
            }
        }
    }

    #[test]
    fn each_kind_alone_keeps_back_its_own(secrets in secrets()) {
        let report = secrets.report();
        let json = |kind| render(&Redactor::new([kind]).report(&report).unwrap(), Format::Json, &Style::default());
        let (addresses, names) = (json(Redacted::Addresses), json(Redacted::Names));
        prop_assert!(!has(&addresses, &secrets.local.to_string()) && has(&addresses, &secrets.host));
        prop_assert!(has(&names, &secrets.local.to_string()) && !has(&names, &secrets.host));
        prop_assert!(!has(&names, &secrets.user) && !has(&names, &secrets.organisation));
    }

    #[test]
    fn what_is_redacted_reads_back_and_redacting_it_again_changes_nothing(report in reports::reports()) {
        let once = Redactor::new(ALL).report(&report).unwrap();
        let json = render(&once, Format::Json, &Style::default());
        let read = serde_json::from_str::<Report>(&json).unwrap();
        prop_assert_eq!(&Redactor::new(ALL).report(&read).unwrap(), &read);
        prop_assert_eq!(&Redactor::new(ALL).report(&once).unwrap(), &once);
        prop_assert_eq!(&Redactor::new([Redacted::Names]).report(&once).unwrap(), &once);
        prop_assert_eq!(Redactor::default().report(&report).unwrap(), report);
    }

    #[test]
    fn one_kind_after_the_other_is_both(secrets in secrets()) {
        let report = secrets.report();
        let first = Redactor::new([Redacted::Names]).report(&report).unwrap();
        let both = Redactor::new([Redacted::Addresses]).report(&first).unwrap();
        prop_assert_eq!(&both.redacted, &ALL.to_vec());
        let text = render(&both, Format::Json, &Style::default());
        for word in secrets.spellings() {
            prop_assert!(!has(&text, &word), "{word}: {text}");
        }
    }
}

fn planted() -> Secrets {
    Secrets {
        host: "rtc.acme.example".to_owned(),
        target: "8.8.4.4".parse().unwrap(),
        local: Ipv4Addr::new(10, 1, 2, 3),
        hop: "100.64.0.1".parse().unwrap(),
        user: "alice".to_owned(),
        mac: [0, 0, 0x5e, 0, 0x53, 1],
        organisation: "Acme, Inc.".to_owned(),
    }
}

#[test]
fn what_stays_useful_stays() {
    let redacted = Redactor::new(ALL).report(&planted().report()).unwrap();
    let check = serde_json::to_value(&redacted.checks[0]).unwrap();
    assert_eq!(check["id"], "rtc.http/host-2/public4-1");
    assert_eq!((&check["target"], &check["address"]), (&json!("host-2"), &json!("public4-1")));
    assert_eq!((&check["port"], &check["status"], &check["rule"]), (&json!(80), &json!("pass"), &json!("rtc.http")));
    let reason = check["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "HTTPS on TCP 443 at host-2 (public4-1) answered; from private4-1:4711 by way of shared4-1, then shared4-1. Mail user-1@host-2."
    );
    let facts = &check["observed"];
    let leaf = &facts["cert_chain"][0];
    assert_eq!(leaf["subject"], "C=ES, O=name-1, CN=host-2");
    assert_eq!(leaf["issuer"], "C=US, O=Let's Encrypt, CN=name-2");
    assert_eq!(leaf["names"], json!(["host-2", "*.host-2", "public4-1"]));
    assert_eq!(facts["http_server"], "Janus/1.2.3.4", "a version is no address");
    assert_eq!(facts["disk"]["path"], "/home/user-1/recordings");
    assert_eq!(facts["redirect"], "https://user-1@host-2:8443/a");
    let finding = redacted.findings.last().unwrap();
    assert_eq!(finding.ask, ["allow UDP 19099-20099 from private4-1 to public4-1, and replies"]);
    assert_eq!(finding.id, "blocked.dropped");
    let source = redacted.checks[0].source.clone().unwrap();
    assert_eq!(Some(source), planted().report().checks[0].source, "documents stay");
    let table = render(&redacted, Format::Table, &Style::default());
    assert!(table.contains("public4-1:8989/tcp (host-2)"), "{table}");
    assert!(table.contains("Redacted: addresses, names"), "{table}");
}

#[test]
fn what_the_program_has_a_word_for_and_what_no_list_has_is_kept_back_too() {
    let (mut report, mut redactor) = (planted().report(), Redactor::new(ALL));
    report.run.targets.insert("rtc".into(), vec!["rtc".to_owned()]);
    report.checks[0].target = "rtc".to_owned();
    report.checks[0].id = "rtc.http/rtc/8.8.4.4".to_owned();
    report.checks[0].reason =
        "intranet.acme.health and vpn.acme.consulting of rtc; 0000.5e00.5301 is wg-acme".to_owned();
    let link = json!({ "interface": "wg-acme", "kind": "tunnel", "through": ["enp0s3"], "driver": null });
    let headers = ["via: 1.1 fw01-acme", "x-cache: MISS from proxy01-acme", "content-type: text/html", "x-acme: 1"];
    let (code, plugins) = ("NetConnection.Connect.Success", ["janus.plugin.videoroom"]);
    let facts =
        json!({ "way_out": link, "http_headers": headers, "rtmp": { "code": code }, "janus": { "plugins": plugins } });
    report.checks[0].observed = serde_json::from_value(facts).unwrap();
    let value = serde_json::to_value(redactor.report(&report).unwrap()).unwrap();
    let (target, check) = (&value["run"]["targets"]["rtc"][0], &value["checks"][0]);
    assert!(target.as_str().unwrap().starts_with("host-"), "{target}");
    assert_eq!((&check["target"], &check["role"], &check["rule"]), (target, &json!("rtc"), &json!("rtc.http")));
    assert_eq!(check["id"], format!("rtc.http/{}/public4-1", target.as_str().unwrap()));
    let reason = check["reason"].as_str().unwrap();
    for word in ["acme", "rtc", "5301"] {
        assert!(!reason.contains(word), "{reason}");
    }
    let facts = &check["observed"];
    assert_eq!(facts["http_headers"], json!(["via: (not shown)", "x-cache: (not shown)", "content-type: text/html"]));
    assert_eq!(facts["way_out"]["through"], json!(["enp0s3"]));
    assert_eq!(facts["way_out"]["interface"], "interface-1");
    assert_eq!((&facts["rtmp"]["code"], &facts["janus"]["plugins"]), (&json!(code), &json!(plugins)));
    let again = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(Redactor::new(ALL).report(&again).unwrap()).unwrap(), value);
}

#[test]
fn hosts_of_the_profile_itself_stay() {
    let mut report = planted().report();
    report.checks[1].target = "archive.ubuntu.com".to_owned();
    report.checks[1].reason = "archive.ubuntu.com answered, mirror.archive.ubuntu.com did not".to_owned();
    let mut redactor = Redactor::new(ALL);
    redactor.keep(["archive.ubuntu.com".to_owned()]);
    let redacted = redactor.report(&report).unwrap();
    assert_eq!(redacted.checks[1].target, "archive.ubuntu.com");
    assert!(
        redacted.checks[1].reason.starts_with("archive.ubuntu.com answered, host-"),
        "{}",
        redacted.checks[1].reason
    );
}

/// A demo on loopback in a clean environment.
fn demo(args: &[&str]) -> harness::Run {
    let mut command = binary();
    command.args(["demo", "--quiet"]).args(args);
    run(command)
}

#[test]
fn a_run_redacts_every_report_it_writes_live_events_among_them() {
    let dir = tempfile::TempDir::new().unwrap();
    let json = dir.path().join("report.json");
    let to_json = format!("json={}", json.display());
    let live = demo(&["--redact", "all", "--format", "ndjson", "--report", &to_json]);
    let saved = std::fs::read_to_string(&json).unwrap();
    for text in [&live.exits(0).stdout, &saved] {
        assert!(!text.contains("127.0.0.") && text.contains("loopback4-1"), "{text}");
    }
    let value: Value = serde_json::from_str(&saved).unwrap();
    assert_eq!(value["redacted"], json!(["addresses", "names"]));
    let path = json.to_str().unwrap();
    let call = |args: &[&str]| {
        let mut command = binary();
        command.args(args);
        run(command)
    };
    let again = call(&["report", path, "--format", "json", "--redact", "addresses,names"]);
    assert_eq!(again.exits(0).stdout, saved);
    let diff = call(&["diff", path, path, "--redact", "all", "--fail-on", "any"]);
    assert!(diff.exits(0).stdout.contains("THE SAME"), "{}", diff.stdout);
    call(&["firewall", "--from-report", path]).exits(2).says(&["redacted"]);
    call(&["report", path, "--redact", "some"]).exits(2).says(&["addresses, names, all"]);
}
