//! coturn as the documents' relay: TURN over UDP, TCP, TLS and DTLS on 3478, 5349, 80 and 443 of two addresses a family.

use std::net::SocketAddr;
use std::time::Duration;

use crate::emulator::{self, Emulator};
use crate::harness::{Check, Report, Run};
use crate::namespaces::{
    ACD4, ALT4, ALT6, CLIENT4, CLIENT6, Daemon, EMULATED4, ICE, ICE4, ICE6, Lab, Listens, Place, note,
};
use crate::proxy::Connect;
use crate::servers::{nginx, written};

pub const USER: &str = "caller";
pub const PASSWORD: &str = "correct horse battery";
pub const REST_SECRET: &str = "shared between the two of them";

/// What the secret makes of `1000000000:alice`.
const EXPIRED_PASSWORD: &str = "nd4C0u8TrnmNjcbVpro9oQXUpzA=";

/// How a relay knows its users.
pub const LONG_TERM: &str = "lt-cred-mech\nuser=caller:correct horse battery\nrealm=lab.example";
pub const REST: &str = "use-auth-secret\nstatic-auth-secret=shared between the two of them\nrealm=lab.example";

/// A relay for [`USER`].
#[track_caller]
pub fn relay(lab: &Lab) -> Daemon {
    relay_with(lab, LONG_TERM, "")
}

/// The same with `login` and with `more` settings, one a line.
#[track_caller]
pub fn relay_with(lab: &Lab, login: &str, more: &str) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let listening = [ICE4, ALT4, ICE6, ALT6].map(|a| format!("listening-ip={a}\n")).concat();
    let also = [ICE4, &format!("[{ICE6}]")].map(|a| format!("aux-server={a}:80\naux-server={a}:443\n")).concat();
    let file = written(
        lab,
        "relay.conf",
        &format!(
            "{listening}{also}relay-ip={ICE4}\nrelay-ip={ICE6}\nmin-port=19099\nmax-port=20099\n\
             cert={chain}\npkey={key}\n{login}\nno-cli\n\
             userdb={dir}/relaydb\npidfile={dir}/relay.pid\nlog-file=stdout\nsimple-log\n{more}\n"
        ),
    );
    let mut command = lab.command(Place::Server, "turnserver");
    command.args(["-c", &file]);
    let wanted = [ICE4, ICE6].map(|a| [Listens::Udp(a, 3478), Listens::Udp(a, 80), Listens::Udp(a, 443)]);
    lab.start(command, "relay", wanted.as_flattened())
}

// The relay's own checks --------------------------------------------------------------------------------------------

/// What logs in.
pub const LOGIN: [(&str, &str); 2] = [("RTC_CHECK_TURN_USERNAME", USER), ("RTC_CHECK_TURN_PASSWORD", PASSWORD)];

/// The documents' rows, and the way that each is.
const ROWS: [(&str, &str); 4] =
    [("udp 80", "turn-udp"), ("tcp 80", "turn-tcp"), ("udp 443", "turn-dtls"), ("tcp 443", "turn-tls")];

const ICE_V4: &str = "ice=198.51.100.30";

/// Asks the relays of `target` alone.
#[track_caller]
fn asked(lab: &Lab, environment: &[(&str, &str)], target: &str, more: &[&str]) -> Run {
    one(lab, environment, target, "turn,turns", more)
}

/// Asks what `only` names of them.
#[track_caller]
fn one(lab: &Lab, environment: &[(&str, &str)], target: &str, only: &str, more: &[&str]) -> Run {
    let args = ["--profile", "user", "--only", only, "--target", target];
    lab.check_with(environment, &[&args[..], more].concat())
}

/// The checks of what `--turn` names.
fn trials(report: &Report) -> Vec<Check<'_>> {
    report.all().into_iter().filter(|c| c.value["role"] == "turn" && c.value["probe"] == "turn").collect()
}

/// Asserts that data went through the relay and back, and that every figure of it is there.
#[track_caller]
fn relays(check: Check<'_>, way: &str, address: &str, client: &str) {
    let relay = check.is("pass").seen("relay");
    let is_at = |key: &str, address: &str| {
        let end: Option<SocketAddr> = relay[key].as_str().and_then(|s| s.parse().ok());
        end.is_some_and(|e| e.ip().to_string() == address).then_some(end).flatten()
    };
    assert_eq!((relay["way"].as_str(), relay["peer"].as_str()), (Some(way), Some("itself")), "{check}");
    let relayed = is_at("relayed", address).unwrap_or_else(|| panic!("no relayed address: {check}"));
    assert!((19099..=20099).contains(&relayed.port()), "{check}");
    assert!(is_at("mapped", client).is_some(), "{check}");
    assert_eq!(relay["realm"], "lab.example", "{check}");
    assert!(relay["software"].as_str().is_some_and(|s| s.contains("Coturn")), "{check}");
    assert!(relay["lifetime_s"].as_u64() >= Some(60), "{check}");
    measured(check);
    assert!((0.0..500.0).contains(&check.number("ready_ms")), "{check}");
    let steps: Vec<_> = check.seen("steps").as_array().unwrap().iter().map(|s| s["step"].to_string()).collect();
    let secured = match way {
        "turn-dtls" => vec!["dtls"],
        "turn-tls" => vec!["connect", "tls"],
        "turn-tcp" => vec!["connect"],
        _ => vec![],
    };
    for step in secured.iter().chain(&["allocate", "permission", "channel", "relay", "release"]) {
        assert!(steps.contains(&format!("\"{step}\"")), "no step {step} in {steps:?}: {check}");
    }
}

/// Asserts that the check has the figures of a train that lost nothing.
#[track_caller]
pub fn measured(check: Check<'_>) {
    assert!(check.number("sent") >= 40.0 && check.number("received") == check.number("sent"), "{check}");
    assert_eq!(check.number("loss_pct"), 0.0, "{check}");
    let rtt = check.seen("rtt_ms");
    let [min, mean, max] = ["min", "mean", "max"].map(|k| rtt[k].as_f64().unwrap_or(f64::NAN));
    assert!(0.0 < min && min <= mean && mean <= max && mean < 50.0, "{check}");
    assert!(check.number("mos") > 4.0 && check.number("rtt_variation_ms") < 20.0, "{check}");
}

#[test]
fn data_come_back_over_every_transport_in_both_families() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _relay = relay(&lab);
    let run = asked(&lab, &LOGIN, ICE, &[]);
    let report = run.exits(0).report();
    for (address, client) in [(ICE4, CLIENT4), (ICE6, CLIENT6)] {
        for (row, way) in ROWS {
            relays(report.at(address, row), way, address, client);
        }
    }
    assert!(run.took < Duration::from_secs(10), "took {:?}", run.took);
}

#[test]
fn relays_that_the_operator_names_are_tried_and_a_rest_secret_logs_in() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _relay = relay_with(&lab, REST, "");
    let rest = [("RTC_CHECK_TURN_SECRET", REST_SECRET)];
    let uris = [
        ("turn:198.51.100.30", "turn-udp", ICE4, CLIENT4),
        ("turn:[2001:db8:2::30]:3478?transport=tcp", "turn-tcp", ICE6, CLIENT6),
        ("turns:198.51.100.30", "turn-tls", ICE4, CLIENT4),
        ("turns:[2001:db8:2::30]:5349?transport=udp", "turn-dtls", ICE6, CLIENT6),
    ];
    let given: Vec<&str> = uris.iter().flat_map(|(uri, ..)| ["--turn", *uri]).collect();
    let run = asked(&lab, &rest, ICE, &given);
    let report = run.exits(0).report();
    for (address, client) in [(ICE4, CLIENT4), (ICE6, CLIENT6)] {
        for (row, way) in ROWS {
            relays(report.at(address, row), way, address, client);
        }
    }
    let trials = trials(&report);
    assert_eq!(trials.len(), uris.len(), "{report}");
    for (_, way, address, client) in uris {
        let found = trials.iter().find(|c| c.seen("relay")["way"] == way);
        let check = *found.unwrap_or_else(|| panic!("no trial of {way}: {report}"));
        relays(check, way, address, client);
        assert_eq!(check.seen("relay")["login"], "rest", "{check}");
    }
}

/// Asserts that every relay of the run failed with this code of the server's, and returns one of the sentences.
#[track_caller]
fn refused(run: &Run, code: u64, at: &str, words: &[&str]) -> String {
    turned_away(run, "fail", code, at, words)
}

#[track_caller]
fn turned_away(run: &Run, status: &str, code: u64, at: &str, words: &[&str]) -> String {
    let report = run.exits(if status == "fail" { 1 } else { 3 }).report();
    let checks: Vec<_> =
        report.all().into_iter().filter(|c| c.value["probe"] == "turn" && c.status() != "skip").collect();
    assert_eq!(checks.len(), ROWS.len(), "{report}");
    for check in &checks {
        let error = check.is(status).seen("turn_error");
        assert_eq!((error["code"].as_u64(), error["at"].as_str()), (Some(code), Some(at)), "{check}");
        assert_eq!(check.failure().1, "turn-error", "{check}");
        check.says(words);
    }
    checks[0].reason().to_owned()
}

#[test]
fn each_way_of_being_turned_away_has_its_own_sentence() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let with = |user: &'static str, password: &'static str| {
        [("RTC_CHECK_TURN_USERNAME", user), ("RTC_CHECK_TURN_PASSWORD", password)]
    };
    let mut said = Vec::new();
    let server = relay(&lab);
    said.push(refused(&asked(&lab, &with(USER, "battery horse"), ICE_V4, &[]), 401, "allocate", &["401", "password"]));
    drop(server);
    let server = relay_with(&lab, REST, "");
    // What the secret makes of a user name whose time ended in 2001.
    let expired = asked(&lab, &with("1000000000:alice", EXPIRED_PASSWORD), ICE_V4, &[]);
    said.push(refused(&expired, 401, "allocate", &["401", "days ago"]));
    let wrong = asked(&lab, &[("RTC_CHECK_TURN_SECRET", "not what they share")], ICE_V4, &[]);
    said.push(refused(&wrong, 401, "allocate", &["401", "secret"]));
    drop(server);
    let server = relay_with(&lab, LONG_TERM, "denied-peer-ip=0.0.0.0-255.255.255.255");
    // What forbids its own address as a peer may still carry a call.
    said.push(turned_away(&asked(&lab, &LOGIN, ICE_V4, &[]), "unknown", 403, "permission", &["403"]));
    drop(server);
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 4, "two causes, one sentence: {said:#?}");
}

#[test]
fn a_quota_that_is_used_up_is_told_and_an_allocation_is_given_back() {
    let Some(lab) = Lab::with(&["turnserver", "turnutils_uclient"]) else { return };
    let server = relay_with(&lab, LONG_TERM, "user-quota=1");
    for _ in 0..2 {
        let run = one(&lab, &LOGIN, ICE_V4, "ice.turn-tcp-80", &[]);
        run.exits(0).report().at(ICE4, "tcp 80").is("pass");
    }
    drop(server);
    // Of coturn's own client, which takes two.
    let server = relay_with(&lab, LONG_TERM, "user-quota=2\nverbose");
    let mut holder = lab.command(Place::Client, "turnutils_uclient");
    holder.args(["-c", "-e", ACD4, "-u", USER, "-w", PASSWORD, "-n", "100000", "-m", "1", ICE4]);
    let _holder = lab.start(holder, "holder", &[]);
    server.says("ALLOCATE processed, success", 2);
    let run = one(&lab, &LOGIN, ICE_V4, "ice.turn-tcp-80", &[]);
    let check = run.exits(1).report();
    let check = check.at(ICE4, "tcp 80").is("fail").says(&["486"]);
    assert_eq!(check.seen("turn_error")["code"], 486, "{check}");
}

#[test]
fn a_relay_that_relays_nothing_is_no_way_for_media() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _relay = relay(&lab);
    let dead = "chain dead {\ntype filter hook input priority 0;\nudp dport 19099-20099 drop\n}";
    lab.table(Place::Server, "inet dead", dead);
    let run = asked(&lab, &LOGIN, ICE, &[]);
    let report = run.exits(1).report();
    for (address, (row, _)) in [ICE4, ICE6].into_iter().flat_map(|a| ROWS.map(|r| (a, r))) {
        let check = report.at(address, row).is("fail");
        assert_eq!(check.failure(), ("relay", "no-relay"), "{check}");
        assert!(check.seen("relay")["relayed"].is_string(), "{check}");
    }
    assert!(run.took < Duration::from_secs(15), "took {:?}", run.took);
}

#[test]
fn without_credentials_a_relay_that_asks_for_them_is_open_and_unproven() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _relay = relay(&lab);
    let run = asked(&lab, &[], ICE_V4, &[]);
    let report = run.report();
    for (row, _) in ROWS {
        let check = report.at(ICE4, row).says(&["lab.example", "RTC_CHECK_TURN_USERNAME"]);
        assert!(check.seen("turn_error").is_null() && check.seen("relay")["relayed"].is_null(), "{check}");
    }
}

#[test]
fn plain_and_encrypted_on_each_others_ports_are_told() {
    let Some(lab) = Lab::with(&["turnserver", "nginx"]) else { return };
    // Without TLS at all, and a web server where the relay is looked for.
    let _servers = [relay_with(&lab, LONG_TERM, "no-tls\nno-dtls"), nginx(&lab)];
    let uris =
        ["turn:198.51.100.10:443?transport=tcp", "turns:198.51.100.10:80", "turn:198.51.100.10:80?transport=tcp"];
    let run = asked(&lab, &LOGIN, ICE_V4, &uris.map(|u| ["--turn", u]).concat());
    let report = run.report();
    for (row, status) in [("udp 80", "pass"), ("tcp 80", "pass"), ("udp 443", "fail"), ("tcp 443", "fail")] {
        let check = report.at(ICE4, row);
        assert!(check.status() == status || (row == "udp 443" && check.status() == "unknown"), "{check}");
    }
    assert_eq!(report.at(ICE4, "tcp 443").failure().0, "tls", "{report}");
    let trials = trials(&report);
    assert_eq!(trials.len(), uris.len(), "{report}");
    for check in trials {
        let (step, kind) = check.is("fail").failure();
        assert!(["tls", "allocate"].contains(&step), "{check}");
        assert!(["not-tls", "garbage", "not-turn", "not-stun", "closed"].contains(&kind), "{check}");
    }
}

#[test]
fn a_proxy_leads_to_relays_over_tcp_and_tls() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _relay = relay(&lab);
    let proxy = Connect::start(&lab, "gate", "keeper's word");
    lab.forward(&format!("ip daddr {ICE4} drop"));
    let mut environment = LOGIN.to_vec();
    environment.extend([("RTC_CHECK_PROXY_USERNAME", "gate"), ("RTC_CHECK_PROXY_PASSWORD", "keeper's word")]);
    let run = asked(&lab, &environment, ICE_V4, &["--proxy", &proxy.url()]);
    let report = run.report();
    for (row, way) in ROWS {
        let check = report.at(ICE4, row);
        if row.starts_with("udp") {
            assert_ne!(check.status(), "pass", "{check}");
            continue;
        }
        let seen = check.is("pass").seen("relay");
        assert_eq!((seen["way"].as_str(), seen["proxy"].as_bool()), (Some(way), Some(true)), "{check}");
        measured(check);
    }
    assert_eq!(proxy.asked(), ["198.51.100.30:443", "198.51.100.30:80"]);
    environment.truncate(LOGIN.len());
    let run = one(&lab, &environment, ICE_V4, "ice.turns-tcp-443", &["--proxy", &proxy.url()]);
    let report = run.report();
    let check = report.at(ICE4, "tcp 443").is("fail").says(&["407"]);
    assert_eq!(check.failure().0, "proxy", "{check}");
}

#[test]
fn a_relay_that_sends_on_to_another_says_so() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _relay = relay_with(&lab, LONG_TERM, "alternate-server=198.51.100.31:3479");
    let run = asked(&lab, &LOGIN, ICE_V4, &[]);
    let report = run.report();
    for (row, _) in ROWS {
        let check = report.at(ICE4, row);
        assert_ne!(check.status(), "pass", "nothing was relayed: {check}");
        assert_eq!(check.seen("turn_error")["code"], 300, "{check}");
        check.says(&["300"]);
    }
}

#[test]
fn a_relay_40_ms_away_is_measured_as_that_and_soon_done() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let emulator = Emulator::between(&lab, emulator::CONST, 1, 60);
    let _relay = relay_with(&lab, LONG_TERM, &format!("listening-ip={EMULATED4}"));
    let run = one(&lab, &LOGIN, ICE_V4, "turn.udp-3478", &["--turn", &format!("turn:{EMULATED4}")]);
    let report = run.exits(0).report();
    let found = trials(&report);
    let check = found[0].is("pass");
    // In order, and without loss: the nth datagram back answers the nth there.
    let log = emulator.finish();
    let data = |up: bool| log.iter().filter(move |p| p.up == up && p.payload.first().is_some_and(|b| b & 0xC0 == 0x40));
    let trips: Vec<i64> = data(true).zip(data(false)).filter_map(|(up, down)| Some(down.left? - up.came)).collect();
    assert_eq!((data(true).count(), data(false).count(), trips.len()), (50, 50, 50), "{check}");
    let truth = trips.iter().sum::<i64>() as f64 / 1e6 / trips.len() as f64;
    let rtt = check.seen("rtt_ms")["mean"].as_f64().unwrap();
    let took = check.value["duration_ms"].as_f64().unwrap();
    let ready = check.number("ready_ms");
    note(&format!(
        "a relay at {truth:.3} ms: measured {:+.3} ms, ready after {ready} ms, done after {took} ms",
        rtt - truth
    ));
    assert!((-0.05..2.0).contains(&(rtt - truth)), "{rtt} for {truth}: {check}");
    assert!(took < 1500.0 + 6.0 * truth, "{check}");
}
