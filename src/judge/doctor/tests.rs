//! Made machines, and what is said of each.

use super::*;
use crate::model::doctor::{
    Allowed, Clock, Descriptors, Environment, Family, Firewall, Interface, LowPorts, Proxies, ProxyVariable, Resolvers,
    Roots, System, Tried, WayOut,
};
use crate::model::machine::{LinkKind, Synchronisation};

fn yes() -> Tried {
    Tried { works: true, why: None }
}

fn no(why: &str) -> Tried {
    Tried { works: false, why: Some(why.to_owned()) }
}

fn of<'a>(all: &'a [Line], id: &str) -> &'a Line {
    all.iter().find(|l| l.id == id).unwrap_or_else(|| panic!("no {id}: {all:#?}"))
}

/// A machine that lacks nothing.
fn good() -> Environment {
    let way = |family, source: &str| WayOut {
        family,
        source: source.to_owned(),
        interface: Some("eth0".to_owned()),
        kind: LinkKind::Wired,
    };
    Environment {
        allowed: Allowed {
            raw_ipv4: yes(),
            raw_ipv6: yes(),
            capture: yes(),
            error_queue_ipv4: yes(),
            error_queue_ipv6: yes(),
            timestamps: yes(),
            socket_filters: yes(),
            descriptors: Some(Descriptors { soft: 1024, hard: 1_048_576 }),
            receive_buffer: None,
            low_ports: Some(LowPorts { first_free: 1024, is_exempt: true }),
        },
        ways_out: vec![way(Family::V4, "192.0.2.2"), way(Family::V6, "2001:db8::2")],
        interfaces: vec![Interface {
            interface: "eth0".to_owned(),
            kind: LinkKind::Wired,
            through: Vec::new(),
            state: "up".to_owned(),
            mtu: Some(1500),
            addresses: vec!["192.0.2.2/24".to_owned()],
        }],
        resolvers: Resolvers { servers: vec!["192.0.2.53".to_owned()], ..Resolvers::default() },
        clock: Clock {
            kept: Some(Synchronisation { is_synchronised: true, max_error_ms: 20.0, estimated_error_ms: 1.0 }),
            services: vec!["chrony".to_owned()],
            source: None,
            seen: None,
        },
        roots: Roots { count: 140, from: vec!["/etc/ssl/cert.pem".to_owned()], ..Roots::default() },
        firewall: Firewall { tables: Some(Vec::new()), ..Firewall::default() },
        system: System { distribution: Some("Debian 12".to_owned()), ..System::default() },
        ..Environment::default()
    }
}

#[test]
fn a_good_machine_lacks_nothing_and_there_is_nothing_to_change() {
    let all = lines(&good());
    assert!(all.iter().all(|l| l.status == Standing::Ok && l.change.is_none()), "{all:#?}");
    assert!(of(&all, "way-out-ipv4").found.contains("eth0 (a cable) from 192.0.2.2, MTU 1500"));
    let mut ids: Vec<&str> = all.iter().map(|l| l.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "ids are told apart");
}

#[test]
fn a_machine_that_allows_nothing_says_what_each_lack_costs() {
    let bare = Environment {
        allowed: Allowed {
            raw_ipv4: no("Operation not permitted"),
            raw_ipv6: no("Operation not permitted"),
            capture: no("Operation not permitted"),
            error_queue_ipv4: no("Protocol not available"),
            error_queue_ipv6: no("Protocol not available"),
            timestamps: no("Protocol not available"),
            socket_filters: no("Protocol not available"),
            descriptors: Some(Descriptors { soft: 256, hard: 256 }),
            receive_buffer: None,
            low_ports: Some(LowPorts { first_free: 1024, is_exempt: false }),
        },
        ..Environment::default()
    };
    let all = lines(&bare);
    for (id, status, words) in [
        ("raw-sockets", Standing::Missing, "GRE stay unknown"),
        ("packet-capture", Standing::Missing, "--pcap` is refused"),
        ("error-queue", Standing::Missing, "looks like silence"),
        ("timestamps", Standing::Limited, "until this program came to read"),
        ("descriptors", Standing::Limited, "no socket are unknown"),
        ("low-ports", Standing::Limited, "left out"),
        ("way-out-ipv4", Standing::Missing, "skipped"),
        ("resolvers", Standing::Missing, "give targets as addresses"),
        ("own-firewall", Standing::Limited, "silence"),
        ("clock", Standing::Limited, "look at the clock"),
        ("tls-roots", Standing::Missing, "untrusted"),
    ] {
        let line = of(&all, id);
        assert_eq!(line.status, status, "{line:?}");
        assert!(line.meaning.contains(words), "{line:?}");
        assert!(line.change.is_some() || ["way-out-ipv4", "clock", "timestamps"].contains(&id), "{line:?}");
    }
    assert!(of(&all, "raw-sockets").change.as_ref().unwrap().contains("setcap cap_net_raw+ep"));
    assert!(of(&all, "raw-sockets").found.contains("Operation not permitted"));
}

#[test]
fn links_and_tunnels_are_told_with_what_they_do_to_figures() {
    for (kind, status, words) in [
        (LinkKind::Wifi, Standing::Limited, "air"),
        (LinkKind::Mobile, Standing::Limited, "cell"),
        (LinkKind::Tunnel, Standing::Limited, "tunnel"),
        (LinkKind::Virtual, Standing::Ok, "virtual"),
        (LinkKind::Unknown, Standing::Ok, "tested"),
    ] {
        let mut seen = good();
        seen.ways_out[0].kind = kind;
        let all = lines(&seen);
        let line = of(&all, "way-out-ipv4");
        assert!(line.status == status && line.meaning.contains(words), "{line:?}");
        assert_eq!(of(&all, "vpn").status == Standing::Limited, kind == LinkKind::Tunnel);
    }
    let mut seen = good();
    seen.interfaces[0].kind = LinkKind::Tunnel;
    let all = lines(&seen);
    assert!(of(&all, "vpn").found.starts_with("eth0 with an address"));
    seen.interfaces[0].mtu = Some(1400);
    assert!(of(&lines(&seen), "way-out-ipv4").meaning.contains("longer packets"));
}

#[test]
fn proxies_are_told_with_what_they_exempt_and_a_broken_one_ends_runs() {
    let variable = |proxy: Option<&str>, has_login| ProxyVariable {
        variable: "HTTPS_PROXY".to_owned(),
        proxy: proxy.map(str::to_owned),
        has_login,
        why: proxy.is_none().then(|| "it names no port".to_owned()),
    };
    let mut seen = good();
    seen.proxies = Proxies {
        variables: vec![variable(Some("http://proxy.example:3128"), true)],
        exempt: vec![".example".to_owned(), "10.0.0.0/8".to_owned()],
        exempts_all: false,
    };
    let told = of(&lines(&seen), "proxies").clone();
    assert_eq!(
        told.found,
        "HTTPS_PROXY is http://proxy.example:3128 (with a login, not shown); NO_PROXY exempts .example and 10.0.0.0/8"
    );
    assert!(told.meaning.contains("which decides"));
    seen.proxies.exempts_all = true;
    assert!(of(&lines(&seen), "proxies").meaning.contains("directly"));
    seen.proxies.variables = vec![variable(None, false)];
    let broken = of(&lines(&seen), "proxies").clone();
    assert_eq!(broken.status, Standing::Missing);
    assert!(broken.found.contains("no port") && broken.change.unwrap().contains("--proxy none"));
}

#[test]
fn a_filter_whose_rules_are_not_seen_is_named() {
    let mut seen = good();
    seen.firewall = Firewall {
        modules: vec!["nf_tables".to_owned()],
        tables: Some(vec!["filter".to_owned()]),
        managers: vec!["ufw".to_owned()],
    };
    let line = of(&lines(&seen), "own-firewall").clone();
    assert_eq!(
        line.found,
        "in use: ufw, the kernel's nf_tables and iptables with the tables filter; its rules are not read"
    );
    seen.system.container = Some("docker".to_owned());
    assert!(of(&lines(&seen), "system").change.as_ref().unwrap().contains("host"));
}
