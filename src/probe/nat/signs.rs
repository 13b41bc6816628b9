//! What addresses and routes tell of NATs and tunnels without any being tested. Each sign is a sentence with the address
//! that it was read from; none is a proof.

use std::net::IpAddr;

use serde::Serialize;

use crate::net::hops::Hop;
use crate::net::interfaces::Route;

/// One sign, as it stands in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sign {
    /// `carrier-grade`, `double` or `vpn`.
    pub sign: &'static str,
    pub detail: String,
}

/// Where signs are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Clues<'a> {
    pub server: IpAddr,
    /// The way out towards it.
    pub route: Option<&'a Route>,
    /// This machine's address as it was seen from outside.
    pub mapped: Option<IpAddr>,
    /// Routers on the way.
    pub hops: &'a [Hop],
}

/// Every sign that there is.
pub fn signs(clues: Clues<'_>) -> Vec<Sign> {
    let carrier = carrier_grade(clues).map(|detail| Sign { sign: "carrier-grade", detail });
    let double = double(clues).map(|detail| Sign { sign: "double", detail });
    let vpn = vpn(clues).map(|detail| Sign { sign: "vpn", detail });
    carrier.into_iter().chain(double).chain(vpn).collect()
}

/// The range between carriers and their customers (RFC 6598).
fn of_carrier(address: IpAddr) -> bool {
    matches!(address.to_canonical(), IpAddr::V4(a) if a.octets()[0] == 100 && a.octets()[1] & 0xC0 == 64)
}

fn private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => a.is_private(),
        IpAddr::V6(a) => a.is_unique_local(),
    }
}

impl Clues<'_> {
    fn tunnel(&self) -> bool {
        self.route.and_then(|r| r.interface.as_ref()).is_some_and(|i| i.is_tunnel())
    }

    /// Whether a server outside sees another address than this machine has.
    fn translated(&self) -> bool {
        self.route.zip(self.mapped).is_some_and(|(route, mapped)| route.source != mapped)
    }

    /// Inside a private network, or a carrier's, private routers are nothing to remark on.
    fn far_away(&self) -> bool {
        !private(self.server) && !of_carrier(self.server) && !self.server.is_loopback()
    }
}

fn carrier_grade(clues: Clues<'_>) -> Option<String> {
    // A VPN may use the range for itself.
    let own = clues.route.map(|r| r.source).filter(|a| of_carrier(*a) && !clues.tunnel());
    if let Some(own) = own {
        return Some(format!(
            "this machine's own address {own} is of the range 100.64.0.0/10 that carriers use behind their own NAT"
        ));
    }
    if let Some(mapped) = clues.mapped.filter(|a| of_carrier(*a) && clues.translated()) {
        return Some(format!(
            "the address {mapped} that the server saw is of the range 100.64.0.0/10 that carriers use behind their own NAT"
        ));
    }
    let seen = clues.translated() && clues.far_away() && !clues.tunnel();
    let router = clues.hops.iter().find(|h| seen && h.distance >= 2 && of_carrier(h.address))?;
    Some(format!(
        "router {} on the way, {}, has an address of the range 100.64.0.0/10 that carriers use behind their own NAT",
        router.distance, router.address
    ))
}

fn double(clues: Clues<'_>) -> Option<String> {
    let seen = clues.translated() && clues.far_away();
    let router = clues.hops.iter().find(|h| seen && h.distance >= 2 && private(h.address))?;
    let (distance, address) = (router.distance, router.address);
    Some(format!(
        "router {distance} on the way, {address}, has a private address: behind the first router is another private \
         network, a second NAT or an internal one"
    ))
}

fn vpn(clues: Clues<'_>) -> Option<String> {
    let route = clues.route?;
    let interface = route.interface.as_ref().filter(|i| i.is_tunnel())?;
    let (server, name, source) = (clues.server, &interface.name, route.source);
    Some(format!(
        "the way to {server} leaves by {name} ({source}), a tunnel such as a VPN's: what is found here is found behind it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::interfaces::Interface;

    fn of(source: &str, name: &str, mapped: &str, server: &str, hops: &[(u8, &str)]) -> Vec<(&'static str, String)> {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let interface = Some(Interface { name: name.to_owned(), point_to_point: false });
        let route = Route { source: ip(source), interface };
        let hops: Vec<Hop> = hops.iter().map(|(d, a)| Hop { distance: *d, address: ip(a) }).collect();
        let clues = Clues { server: ip(server), route: Some(&route), mapped: Some(ip(mapped)), hops: &hops };
        signs(clues).into_iter().map(|s| (s.sign, s.detail)).collect()
    }

    const SERVER: &str = "198.51.100.10";

    #[test]
    fn a_home_router_or_none_shows_nothing() {
        assert_eq!(of("192.168.1.2", "eth0", "203.0.113.5", SERVER, &[(1, "192.168.1.1"), (2, "203.0.113.1")]), []);
        assert_eq!(of("203.0.113.5", "eth0", "203.0.113.5", SERVER, &[(1, "10.0.0.1"), (2, "10.0.0.9")]), []);
        assert_eq!(of("10.1.0.2", "eth0", "10.2.0.1", "10.9.0.1", &[(1, "10.1.0.1"), (2, "10.2.0.2")]), []);
    }

    #[test]
    fn carriers_second_routers_and_tunnels_show() {
        let all = of("192.168.1.2", "eth0", "203.0.113.5", SERVER, &[(1, "192.168.1.1"), (2, "100.64.0.1")]);
        assert!(matches!(&all[..], [("carrier-grade", d)] if d.contains("router 2") && d.contains("100.64.0.1")));
        let all = of("192.168.1.2", "eth0", "100.70.0.5", "100.64.0.9", &[]);
        assert!(matches!(&all[..], [("carrier-grade", d)] if d.contains("100.70.0.5")));
        let all = of("100.127.0.2", "eth0", "203.0.113.5", SERVER, &[]);
        assert!(matches!(&all[..], [("carrier-grade", d)] if d.contains("own address 100.127.0.2")));
        let all = of("192.168.1.2", "eth0", "203.0.113.5", SERVER, &[(1, "192.168.1.1"), (2, "10.0.0.1")]);
        assert!(matches!(&all[..], [("double", d)] if d.contains("router 2 on the way, 10.0.0.1")));
        let all = of("100.100.0.2", "tailscale0", "203.0.113.5", SERVER, &[]);
        assert!(matches!(&all[..], [("vpn", d)] if d.contains("tailscale0 (100.100.0.2)")), "{all:?}");
    }

    #[test]
    fn without_clues_there_are_no_signs() {
        let none = Clues { server: SERVER.parse().unwrap(), route: None, mapped: None, hops: &[] };
        assert_eq!(signs(none), []);
        assert!(!of_carrier("100.128.0.1".parse().unwrap()) && !of_carrier("100.63.255.255".parse().unwrap()));
    }
}
