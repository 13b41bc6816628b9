//! Where flows are stopped, across two routers: the place is right to the hop, in both families, and told once.

use serde_json::Value;

use crate::harness::{Check, Report};
use crate::namespaces::{CLIENT4, Lab, Place, RTC, RTC4, RTC6, finished};
use crate::servers::responder;

/// The routers, as hops of each family.
const FIRST: [&str; 2] = ["192.0.2.1", "2001:db8:1::1"];
const SECOND: [&str; 2] = ["203.0.113.1", "2001:db8:3::1"];
const BLOCKED: &str = "tcp dport 8089 VERB\nudp dport 19099-20099 VERB";

/// The most that a run with traces may take longer, in milliseconds: 5 s by the issue, 3 s by the tracer.
const ADDED_MS: u64 = 5000;

impl Lab {
    /// A second router between the client and the first; nothing is translated.
    fn two_routers(&self) {
        self.unplug(Place::Client);
        self.add_place(Place::Home);
        self.wire(Place::Client, Place::Home, "in0");
        self.wire(Place::Home, Place::Router, "cl0");
        self.interface(Place::Router, "cl0", &["203.0.113.1/24", "2001:db8:3::1/64"], &[]);
        self.interface(Place::Home, "in0", &["192.0.2.1/24", "2001:db8:1::1/64"], &[]);
        let (outer, gateways) = (["203.0.113.2/24", "2001:db8:3::2/64"], ["203.0.113.1", "2001:db8:3::1"]);
        self.interface(Place::Home, "up0", &outer, &gateways);
        let (client, gateways) = (["192.0.2.2/24", "2001:db8:1::2/64"], ["192.0.2.1", "2001:db8:1::1"]);
        self.interface(Place::Client, "up0", &client, &gateways);
        for (net, via) in [("192.0.2.0/24", "203.0.113.2"), ("2001:db8:1::/64", "2001:db8:3::2")] {
            let mut ip = self.command(Place::Router, "ip");
            ip.args(["route", "add", net, "via", via]);
            finished(ip);
        }
    }

    /// Rules in the chain of `hook` of a place.
    fn filter(&self, place: Place, hook: &str, rules: &str) {
        let chain = format!("chain filter {{\ntype filter hook {hook} priority 0; policy accept;\n{rules}\n}}");
        self.table(place, "inet lab", &chain);
    }
}

fn blocked(verb: &str) -> String {
    BLOCKED.replace("VERB", verb)
}

#[track_caller]
fn run(lab: &Lab, more: &[&str]) -> Report {
    lab.reach(&[&["--profile", "user", "--target", RTC], more].concat()).report()
}

/// `[end, after, before]`: the addresses.
fn place<'a>(check: Check<'a>) -> [&'a str; 3] {
    let trace = check.seen("trace");
    [&trace["end"], &trace["after"]["address"], &trace["before"]["address"]].map(|v: &Value| v.as_str().unwrap_or("-"))
}

fn ids(report: &Report) -> Vec<String> {
    let all = report.0["findings"].as_array().into_iter().flatten().filter(|f| f["status"] != "pass");
    let mut ids: Vec<String> = all.filter_map(|f| Some(f["id"].as_str()?.to_owned())).collect();
    ids.retain(|id| !id.starts_with("media.") && !id.starts_with("group."));
    ids.sort();
    ids.dedup();
    ids
}

#[track_caller]
fn finding<'a>(report: &'a Report, id: &str, address: &str) -> &'a Value {
    let all = report.0["findings"].as_array().into_iter().flatten();
    let mut found: Vec<&Value> = all.filter(|f| f["id"] == id && f.to_string().contains(address)).collect();
    assert_eq!(found.len(), 1, "one {id} of {address}: {}", report.0["findings"]);
    found.remove(0)
}

const BOTH: [(usize, &str); 2] = [(0, RTC4), (1, RTC6)];

#[test]
fn the_router_that_drops_is_named_in_both_families() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    for (at, after, before) in [(Place::Home, FIRST, SECOND), (Place::Router, SECOND, [RTC4, RTC6])] {
        lab.filter(Place::Home, "forward", "");
        lab.filter(at, "forward", &blocked("drop"));
        let untraced = run(&lab, &["--no-trace"]);
        let report = run(&lab, &[]);
        for (family, address) in BOTH {
            for ports in ["tcp 8089", "udp 19099-20099"] {
                let check = report.at(address, ports);
                assert_eq!(place(check), ["silent", after[family], before[family]], "{check}");
                check.says(&["dropped by hop", after[family]]);
                assert!(untraced.at(address, ports).seen("trace").is_null());
            }
            let told = finding(&report, "blocked.dropped", address);
            assert!(told["title"].as_str().unwrap().starts_with("TCP 8089 and UDP 19099-20099 to "), "{told}");
            assert_eq!((&told["who"], told["checks"].as_array().unwrap().len()), (&"firewall".into(), 4), "{told}");
        }
        let ask = format!("allow TCP 8089 from {CLIENT4} to {RTC4}, and replies");
        assert_eq!(finding(&report, "blocked.dropped", RTC4)["ask"][0], *ask);
        assert_eq!(ids(&report), ["blocked.dropped"], "{}", report.0["findings"]);
        let took = |r: &Report| r.0["run"]["duration_ms"].as_u64().unwrap();
        assert!(took(&report) < took(&untraced) + ADDED_MS, "{} and {}", took(&report), took(&untraced));
    }
}

#[test]
fn the_router_that_rejects_is_named() {
    for (at, hop) in [(Place::Home, FIRST), (Place::Router, SECOND)] {
        let Some(lab) = Lab::up() else { return };
        lab.two_routers();
        let _server = responder(&lab, "rtc", RTC4, RTC6);
        lab.filter(at, "forward", &blocked("reject with icmpx admin-prohibited"));
        let report = run(&lab, &[]);
        for (family, address) in BOTH {
            for ports in ["tcp 8089", "udp 19099-20099"] {
                let check = report.at(address, ports);
                let trace = check.seen("trace");
                assert_eq!((&trace["end"], &trace["from"]), (&"rejected".into(), &hop[family].into()), "{check}");
                check.is("fail").says(&["rejected by hop", "administratively prohibited"]);
            }
            assert_eq!(finding(&report, "blocked.rejected", address)["who"], "firewall");
        }
        assert_eq!(ids(&report), ["blocked.rejected"], "{}", report.0["findings"]);
    }
}

#[test]
fn a_reset_on_the_way_is_told_from_the_hosts_own() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.filter(Place::Home, "forward", "tcp dport 8089 reject with tcp reset");
    let report = run(&lab, &[]);
    for (family, address) in BOTH {
        let [end, _, before] = place(report.at(address, "tcp 8089"));
        assert_eq!((end, before), ("refused", SECOND[family]), "{report}");
        finding(&report, "blocked.rejected", address);
    }
    assert_eq!(ids(&report), ["blocked.rejected"], "{}", report.0["findings"]);
    lab.filter(Place::Home, "forward", "");
    // A port that nobody serves.
    let report = run(&lab, &["--port", "rtc.api=8090"]);
    for (_, address) in BOTH {
        assert_eq!(place(report.at(address, "tcp 8090"))[0], "refused", "{report}");
        assert_eq!(finding(&report, "service.down", address)["who"], "server");
    }
    assert_eq!(ids(&report), ["service.down"], "{}", report.0["findings"]);
}

#[test]
fn this_machines_own_firewall_is_told_as_its_own() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.filter(Place::Client, "output", &blocked("drop"));
    let report = run(&lab, &[]);
    for (_, address) in BOTH {
        assert_eq!(finding(&report, "blocked.local", address)["who"], "this-machine");
        assert_eq!(report.at(address, "udp 19099-20099").seen("trace")["end"], "local");
    }
    assert_eq!(ids(&report), ["blocked.local"], "{}", report.0["findings"]);
}

#[test]
fn a_host_that_is_gone_is_one_finding() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    for rules in ["", "ip daddr 198.51.100.77 drop"] {
        lab.filter(Place::Home, "forward", rules);
        let report = lab.reach(&["--profile", "user", "--target", "rtc=198.51.100.10,198.51.100.77"]).report();
        let told = finding(&report, "host.unreachable", "198.51.100.77");
        assert_eq!(told["checks"].as_array().unwrap().len(), 5, "{told}");
        assert_eq!(ids(&report), ["host.unreachable"], "{}", report.0["findings"]);
    }
}

#[test]
fn all_udp_is_told_from_some_ports() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.filter(Place::Home, "forward", "meta l4proto udp drop");
    let report = run(&lab, &[]);
    let told = finding(&report, "udp.blocked", RTC4);
    assert!(told["detail"].as_str().unwrap().contains("between it and hop 2 (203.0.113.1)"), "{told}");
    assert_eq!(ids(&report), ["udp.blocked"], "{}", report.0["findings"]);
}

#[test]
fn a_filter_of_names_is_told_by_another_name() {
    let Some(lab) = Lab::with(&["python3"]) else { return };
    lab.two_routers();
    lab.hosts("198.51.100.10 rtc.example\n");
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let script = lab.dir().join("names.py");
    std::fs::write(&script, include_str!("trace/names.py")).unwrap();
    let mut python = lab.command(Place::Home, "python3");
    python.arg(script).args(["9443", "rtc.example"]);
    let names = lab.start(python, "names", &[]);
    names.says("ready", 1);
    let redirect =
        "chain filter {\ntype nat hook prerouting priority -100;\ntcp dport { 443, 8089, 8989 } redirect to :9443\n}";
    lab.table(Place::Home, "ip names", redirect);
    let report = lab.reach(&["--profile", "user", "--target", "rtc=rtc.example", "--ip", "4"]).report();
    let told = finding(&report, "blocked.sni", RTC4);
    assert!(told["title"].as_str().unwrap().contains("rtc.example"), "{told}");
    assert_eq!(told["checks"].as_array().unwrap().len(), 3, "{told}");
    assert_eq!(ids(&report), ["blocked.sni"], "{}", report.0["findings"]);
}

#[test]
fn ipv6_that_is_announced_and_broken_is_told_beside_ipv4_that_works() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    lab.hosts("198.51.100.10 rtc.example\n2001:db8:2::10 rtc.example\n");
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    lab.filter(Place::Router, "forward", "ip6 daddr 2001:db8:2::10 drop");
    let report = lab.reach(&["--profile", "user", "--target", "rtc=rtc.example"]).report();
    finding(&report, "ipv6.broken", RTC6);
    assert_eq!(ids(&report), ["ipv6.broken"], "{}", report.0["findings"]);
}

#[test]
fn where_nothing_fails_nothing_is_traced() {
    let Some(lab) = Lab::up() else { return };
    lab.two_routers();
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let report = run(&lab, &[]);
    assert!(report.all().iter().all(|c| c.seen("trace").is_null()), "{report}");
    assert!(ids(&report).is_empty(), "{}", report.0["findings"]);
}
