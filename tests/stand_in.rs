//! The responder stands in for every service of every built-in profile: the binary as `serve`, and the binary as a
//! client of it from every vantage, with every combination of options. Loopback, on ports that are free.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use harness::{Run, Started, binary, run};
use rtc_check::model::{PortRange, Service, Transport};
use rtc_check::profile::{BUILT_IN, Profile, Rule, built_in};
use tempfile::TempDir;

/// Ports that stand for a range of media ports: sweeping is not what is tested here.
const MEDIA: (u16, u16) = (23_500, 23_539);

/// A profile with options, and where its roles are.
struct Case {
    profile: Profile,
    options: Vec<(String, bool)>,
    /// Addresses of the roles that have none of the Internet.
    roles: BTreeMap<String, String>,
    /// `--port` for every rule that has ports.
    ports: BTreeMap<String, String>,
    dir: TempDir,
}

impl Case {
    /// With its roles on 127.31.`net`.0/24.
    fn new(profile: Profile, options: Vec<(String, bool)>, net: usize) -> Self {
        let own = profile.roles.iter().filter(|(_, role)| role.hosts.is_empty());
        let roles: BTreeMap<String, String> =
            own.enumerate().map(|(i, (role, _))| (role.to_string(), format!("127.31.{net}.{}", i + 1))).collect();
        let ports = moved(&profile, &roles);
        Self { profile, options, roles, ports, dir: tempfile::tempdir().unwrap() }
    }

    /// The rules that hold from a vantage.
    fn rules(&self, from: &str) -> Vec<&Rule> {
        let holds = |r: &&Rule| {
            let when = r.when.iter().all(|(name, value)| self.options.contains(&(name.clone(), *value)));
            when && r.from.iter().any(|v| v == from)
        };
        self.profile.rules.iter().filter(holds).collect()
    }

    /// Those of them that a responder stands in for.
    fn served(&self, from: &str) -> Vec<&Rule> {
        let served = |r: &&Rule| stood_in_for(r) && self.roles.contains_key(r.to.as_str());
        self.rules(from).into_iter().filter(served).collect()
    }

    fn command(&self, words: &[&str], rules: &[&Rule]) -> Command {
        let mut command = binary();
        command.args(words).args(["--profile", &self.profile.name]);
        command.args(self.options.iter().flat_map(|(name, value)| ["--option".to_owned(), format!("{name}={value}")]));
        let moved = rules.iter().filter_map(|r| Some((r.id.as_str(), self.ports.get(r.id.as_str())?)));
        command.args(moved.flat_map(|(rule, ports)| ["--port".to_owned(), format!("{rule}={ports}")]));
        command
    }

    /// The responder, for all vantages or for one.
    fn serve(&self, from: Option<&str>, key: Option<&str>) -> Started {
        let all: Vec<&Rule> = self.profile.rules.iter().collect();
        let mut serve = self.command(&["serve", "--stamp-port", "0"], &all);
        serve.arg("--ca-out").arg(self.ca());
        serve.args(self.roles.iter().flat_map(|(role, address)| ["--bind".to_owned(), format!("{role}={address}")]));
        serve.args(from.iter().flat_map(|from| ["--from", from]));
        serve.envs(key.map(|key| ("RTC_CHECK_RESPONDER_KEY", key)));
        let mut started = Started::new(serve);
        started.stderr_says("ready");
        started
    }

    fn ca(&self) -> std::path::PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// A client at a vantage, of these rules.
    fn client(&self, from: &str, rules: &[&Rule], key: Option<&str>) -> Run {
        let mut check = self.command(&["--format", "json", "--quiet"], rules);
        let roles: BTreeSet<&str> = rules.iter().map(|r| r.to.as_str()).collect();
        let only: Vec<&str> = rules.iter().map(|r| r.id.as_str()).collect();
        check.args(roles.iter().flat_map(|role| ["--target".to_owned(), format!("{role}={}", self.roles[*role])]));
        check.args(["--from", from, "--only", &only.join(","), "--ca"]).arg(self.ca());
        check.envs(key.map(|key| ("RTC_CHECK_RESPONDER_KEY", key)));
        run(check)
    }

    /// Every one of the rules passes.
    fn passes(&self, from: &str, rules: &[&Rule], key: Option<&str>) {
        let about = format!("{} from {from} with {:?}", self.profile.name, self.options);
        let report = self.client(from, rules, key).exits(0).report();
        for rule in rules {
            let of_rule = report.of(rule.id.as_str());
            assert!(!of_rule.is_empty() && of_rule.iter().all(|c| c.status() == "pass"), "{about}: {report}");
        }
    }
}

/// The responder is no tunnel, no relay and no name server.
fn stood_in_for(rule: &Rule) -> bool {
    !matches!(rule.service, Service::Gre | Service::Turn | Service::Turns | Service::Dns)
}

/// Free ports, the same for rules that share one: several services on one port is what is tested.
fn moved(profile: &Profile, roles: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut ports: BTreeMap<(String, bool, u16), u16> = BTreeMap::new();
    let (mut listeners, mut sockets) = (Vec::new(), Vec::new());
    let mut free = |address: &str, tcp: bool| {
        if tcp {
            let listener = TcpListener::bind((address, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            listeners.push(listener);
            return port;
        }
        let socket = UdpSocket::bind((address, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        sockets.push(socket);
        port
    };
    let mut moved = BTreeMap::new();
    for rule in &profile.rules {
        let (Some(range), Some(address)) = (rule.ports, roles.get(rule.to.as_str())) else { continue };
        let to = match range.is_single() {
            true => {
                let tcp = rule.transport == Transport::Tcp;
                let key = (address.clone(), tcp, range.first());
                ports.entry(key).or_insert_with(|| free(address, tcp)).to_string()
            }
            false => PortRange::new(MEDIA.0, MEDIA.1).unwrap().to_string(),
        };
        moved.insert(rule.id.to_string(), to);
    }
    moved
}

/// Every combination of the values of a profile's options.
fn combinations(profile: &Profile) -> Vec<Vec<(String, bool)>> {
    let mut all = vec![Vec::new()];
    for name in profile.options.keys() {
        let with = |value| {
            move |mut c: Vec<(String, bool)>| {
                c.push((name.clone(), value));
                c
            }
        };
        all = all.iter().cloned().map(with(false)).chain(all.iter().cloned().map(with(true))).collect();
    }
    all
}

#[test]
fn every_service_of_every_built_in_profile_passes_from_every_vantage_with_every_option() {
    let (mut net, mut asked) = (0, BTreeSet::new());
    for (name, _) in BUILT_IN {
        let profile = built_in(name).unwrap();
        for options in combinations(&profile) {
            let case = Case::new(profile.clone(), options, net);
            // Combinations that lead to the same rules of our roles are one.
            let mut fresh = Vec::new();
            for from in &profile.vantages {
                let rules: Vec<String> = case.served(from).iter().map(|r| r.id.to_string()).collect();
                if asked.insert((*name, from.clone(), rules)) {
                    fresh.push(from);
                }
            }
            if fresh.is_empty() {
                continue;
            }
            net += 1;
            let _responder = case.serve(None, None);
            for from in fresh {
                case.passes(from, &case.served(from), None);
            }
        }
    }
    let asked: BTreeSet<(&str, &str)> =
        asked.iter().flat_map(|(name, _, rules)| rules.iter().map(|rule| (*name, rule.as_str()))).collect();
    for (name, _) in BUILT_IN {
        let profile = built_in(name).unwrap();
        for rule in profile.rules.iter().filter(|r| stood_in_for(r) && profile.roles[&r.to].hosts.is_empty()) {
            assert!(asked.contains(&(*name, rule.id.as_str())), "{name} {} was never asked", rule.id);
        }
    }
}

/// A case with all options on, so that every role is reached from somewhere.
fn with_everything(name: &str, net: usize) -> Case {
    let profile = built_in(name).unwrap();
    let options = profile.options.keys().map(|name| (name.clone(), true)).collect();
    Case::new(profile, options, net)
}

#[test]
fn a_responder_for_one_vantage_serves_its_rules_alone_and_says_what_to_type_there() {
    let case = with_everything("valt", 100);
    let responder = case.serve(Some("beam"), None);
    case.passes("beam", &case.served("beam"), None);
    assert!(Command::new("kill").arg(responder.id().to_string()).status().unwrap().success());
    let run = responder.finish();
    let hint = format!(
        "--from beam --option cloud=true --option ssl=true --option updates=true --option wowza-license=true --target media={}",
        case.roles["media"]
    );
    run.exits(0).says(&["beam.rtmps", &hint]);
    assert!(!run.stderr.contains("media.wss") && !run.stderr.contains("--from client"), "{}", run.stderr);
}

#[test]
fn holders_of_a_restricted_responders_key_pass_and_others_learn_nothing_over_udp() {
    let key = Some("a key of this test");
    for (net, profile, from) in [(101, "rtc-server", "client"), (102, "valt", "media-server")] {
        let case = with_everything(profile, net);
        let _responder = case.serve(None, key);
        let served = case.served(from);
        case.passes(from, &served, key);
        let (udp, tcp): (Vec<&Rule>, Vec<&Rule>) = served.into_iter().partition(|r| r.transport == Transport::Udp);
        case.passes(from, &tcp, None);
        let asked: Vec<&Rule> = udp.into_iter().filter(|r| matches!(r.service, Service::Sip | Service::Ike)).collect();
        let report = case.client(from, &asked, None).report();
        for rule in &asked {
            let of_rule = report.of(rule.id.as_str());
            assert!(!of_rule.is_empty() && of_rule.iter().all(|c| c.status() == "unknown"), "{report}");
        }
    }
}
