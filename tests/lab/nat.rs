//! Routers that translate addresses: what nftables can do of RFC 4787's kinds, one router or two in a row.

use crate::harness::{Check, Report};
use crate::namespaces::{ACD4, Lab, Place, RTC4};
use crate::relay::relay;
use crate::servers::coturn_on;

/// The client's address behind a router that translates.
pub const INSIDE4: &str = "192.168.1.2";
/// What the world sees of it.
pub const OUTSIDE4: &str = "198.51.100.1";

/// What a router makes of UDP from inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nat {
    /// The port is kept, and whoever sends to it gets in.
    FullCone,
    /// The port is kept, and who was asked gets in, from any port.
    AddressRestricted,
    /// The port is kept, and who was asked gets in, from the port that was asked.
    PortRestricted,
    /// Another port for each far end.
    Symmetric,
}

impl Lab {
    /// The router translates between the client, now at [`INSIDE4`], and [`OUTSIDE4`]. IPv6 is not translated.
    pub fn translated(&self, nat: Nat) {
        self.interface(Place::Router, "cl0", &["192.168.1.1/24"], &[]);
        self.without_address(Place::Client, crate::namespaces::CLIENT4);
        self.interface(Place::Client, "up0", &["192.168.1.2/24"], &["192.168.1.1"]);
        self.translate(Place::Router, "sv0", INSIDE4, nat);
    }

    /// Two routers that translate: a home's, and behind its outer address, in `middle` (three octets), the provider's.
    /// There is no IPv6.
    pub fn translated_twice(&self, middle: &str, outer: Nat) {
        self.unplug(Place::Client);
        self.add_place(Place::Home);
        self.wire(Place::Client, Place::Home, "in0");
        self.wire(Place::Home, Place::Router, "cl0");
        let (provider, home) = (format!("{middle}.1"), format!("{middle}.2"));
        self.interface(Place::Router, "cl0", &[&format!("{provider}/24")], &[]);
        self.interface(Place::Home, "in0", &["192.168.1.1/24"], &[]);
        self.interface(Place::Home, "up0", &[&format!("{home}/24")], &[&provider]);
        self.interface(Place::Client, "up0", &["192.168.1.2/24"], &["192.168.1.1"]);
        self.translate(Place::Home, "up0", INSIDE4, Nat::PortRestricted);
        self.translate(Place::Router, "sv0", &home, outer);
    }

    /// Idle UDP mappings of the router last so long.
    pub fn forgets_udp_after(&self, seconds: u32) {
        for key in ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"] {
            self.sysctl(Place::Router, &format!("net/netfilter/{key}"), &seconds.to_string());
        }
    }

    fn translate(&self, place: Place, interface: &str, inside: &str, nat: Nat) {
        let who = match nat {
            Nat::FullCone => Some(""),
            Nat::AddressRestricted => Some("ip saddr . udp dport @asked"),
            Nat::PortRestricted | Nat::Symmetric => None,
        };
        let inwards = who.map(|w| format!("iifname {interface} {w} udp dport 1024-65535 dnat to {inside}"));
        let ports = if nat == Nat::Symmetric { "fully-random" } else { "" };
        let table = format!(
            "set asked {{ type ipv4_addr . inet_service; flags dynamic, timeout; timeout 60s; size 4096; }}\n\
             chain seen {{ type filter hook forward priority 0;\noifname {interface} meta l4proto udp update @asked {{ ip daddr . udp sport }}\n}}\n\
             chain in {{ type nat hook prerouting priority -100;\n{}\n}}\n\
             chain out {{ type nat hook postrouting priority 100;\noifname {interface} masquerade {ports}\n}}",
            inwards.unwrap_or_default()
        );
        self.table(place, "ip translation", &table);
    }
}

// What is said of them ----------------------------------------------------------------------------------------------

/// The relay's address tells everything: it has a second one, and a second port (RFC 5780).
const STUN: [&str; 2] = ["--stun", "198.51.100.30:3478"];

/// The NAT check of IPv4.
#[track_caller]
fn asked(lab: &Lab, more: &[&str]) -> Report {
    let args = ["--profile", "user", "--target", "rtc=198.51.100.10", "--only", "nat"];
    lab.check(&[&args[..], more].concat()).report()
}

#[track_caller]
fn only(report: &Report) -> Check<'_> {
    let mut found = report.all();
    found.retain(|c| c.value["probe"] == "nat" && c.status() != "skip");
    assert_eq!(found.len(), 1, "one NAT check: {report}");
    found[0]
}

#[track_caller]
fn is(check: Check<'_>, mapping: &str, filtering: &str, status: &str) {
    let seen = [check.seen("mapping").as_str(), check.seen("filtering").as_str()];
    assert_eq!(seen, [Some(mapping), Some(filtering)], "{check}");
    check.is(status);
}

/// The address without its port.
fn host(value: &serde_json::Value) -> &str {
    value.as_str().map_or("", |v| v.rsplit_once(':').map_or(v, |(host, _)| host))
}

/// The signs that were seen, without their sentences.
fn signs<'a>(check: Check<'a>) -> Vec<&'a str> {
    let all = check.seen("nat_signs").as_array();
    all.into_iter().flatten().filter_map(|s| s["sign"].as_str()).collect()
}

#[test]
fn each_kind_of_nat_is_named() {
    let kinds = [
        (Nat::FullCone, "endpoint-independent", "endpoint-independent", "pass"),
        (Nat::AddressRestricted, "endpoint-independent", "address-dependent", "pass"),
        (Nat::PortRestricted, "endpoint-independent", "address-and-port-dependent", "pass"),
        (Nat::Symmetric, "address-and-port-dependent", "address-and-port-dependent", "warn"),
    ];
    for (nat, mapping, filtering, status) in kinds {
        let Some(lab) = Lab::with(&["turnserver"]) else { return };
        let _server = relay(&lab);
        lab.translated(nat);
        let report = asked(&lab, &STUN);
        let check = only(&report);
        is(check, mapping, filtering, status);
        assert_eq!((host(check.seen("mapped")), host(check.seen("local"))), (OUTSIDE4, INSIDE4), "{check}");
        assert_eq!(check.seen("via")["method"], "rfc5780", "{check}");
        assert_ne!(check.seen("hairpin"), true, "{check}");
        assert!(signs(check).is_empty(), "{check}");
    }
}

#[test]
fn without_a_nat_there_is_none_in_either_family() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _server = relay(&lab);
    let report = asked(&lab, &[&STUN[..], &["--stun", "[2001:db8:2::30]:3478"]].concat());
    let checks: Vec<_> = report.all().into_iter().filter(|c| c.value["probe"] == "nat").collect();
    assert_eq!(checks.len(), 2, "{report}");
    for check in checks {
        is(check, "none", "none", "pass");
        assert_eq!(host(check.seen("mapped")), host(check.seen("local")), "{check}");
    }
}

#[test]
fn a_firewall_that_keeps_strangers_out_is_no_nat() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _server = relay(&lab);
    lab.forward("iifname sv0 meta l4proto udp ct state new drop");
    let report = asked(&lab, &STUN);
    is(only(&report), "none", "address-and-port-dependent", "pass");
}

#[test]
fn two_translations_in_a_row_are_noticed() {
    for (middle, sign) in [("10.77.0", "double"), ("100.64.0", "carrier-grade")] {
        let Some(lab) = Lab::with(&["turnserver"]) else { return };
        let _server = relay(&lab);
        lab.translated_twice(middle, Nat::Symmetric);
        let report = asked(&lab, &STUN);
        let check = only(&report);
        is(check, "address-and-port-dependent", "address-and-port-dependent", "warn");
        assert!(signs(check).contains(&sign), "no sign of {sign}: {check}");
    }
}

#[test]
fn two_plain_servers_tell_the_mapping_and_one_tells_nothing() {
    // Two servers on one port cannot tell what depends on the address from what depends on the port too.
    for (nat, mapping, status) in
        [(Nat::PortRestricted, "endpoint-independent", "pass"), (Nat::Symmetric, "unknown", "warn")]
    {
        let Some(lab) = Lab::with(&["turnserver"]) else { return };
        let _servers = [coturn_on(&lab, RTC4), coturn_on(&lab, ACD4)];
        lab.translated(nat);
        let (one, other) = (["--stun", RTC4], ["--stun", ACD4]);
        let report = asked(&lab, &[one, other].concat());
        let check = only(&report);
        is(check, mapping, "unknown", status);
        assert_eq!(check.seen("via")["varies"], nat == Nat::Symmetric, "{check}");
        assert_eq!(check.seen("via")["method"], "two-servers", "{check}");
        let report = asked(&lab, &one);
        let check = only(&report);
        is(check, "unknown", "unknown", "unknown");
        assert_eq!(host(check.seen("mapped")), OUTSIDE4, "{check}");
        assert!(check.seen("nat_why_unknown").is_string(), "{check}");
    }
}

#[test]
fn a_router_that_forgets_soon_is_told_from_one_that_does_not() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _server = relay(&lab);
    lab.translated(Nat::PortRestricted);
    lab.forgets_udp_after(6);
    let report = asked(&lab, &[&STUN[..], &["--nat-lifetime", "10"]].concat());
    let check = only(&report);
    let lifetime = check.is("warn").seen("nat_lifetime");
    assert_eq!((&lifetime["alive_s"], &lifetime["gone_s"]), (&5.into(), &10.into()), "{check}");
}

#[test]
fn a_way_through_a_tunnel_is_noticed() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let _server = relay(&lab);
    // What counts is its name and that the way leaves by it.
    for words in ["link set up0 down", "link set up0 name wg0", "link set wg0 up", "route add default via 192.0.2.1"] {
        let mut ip = lab.command(Place::Client, "ip");
        assert!(ip.args(words.split(' ')).status().unwrap().success(), "ip {words}");
    }
    let report = asked(&lab, &STUN);
    let check = only(&report);
    assert!(signs(check).contains(&"vpn") && check.seen("nat_signs").to_string().contains("wg0"), "{check}");
}
