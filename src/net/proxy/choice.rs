//! Which proxy a connection is asked of, if any, as browsers choose: one for plain HTTP, one for everything else, and hosts
//! that need none (`NO_PROXY`). Reads no environment.

use std::net::IpAddr;
use std::sync::Arc;

use super::Proxy;

/// The proxies of a run; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For plain HTTP.
    pub http: Option<Arc<Proxy>>,
    /// For everything else over TCP.
    pub other: Option<Arc<Proxy>>,
    /// Hosts that are reached without.
    pub exempt: Exempt,
}

impl Proxies {
    /// One proxy for everything.
    pub fn all(proxy: Arc<Proxy>, exempt: Exempt) -> Self {
        Self { http: Some(Arc::clone(&proxy)), other: Some(proxy), exempt }
    }

    /// The proxy that leads to `port` of `host` (as given, an address without brackets).
    pub fn to(&self, host: &str, port: u16, plain_http: bool) -> Option<Arc<Proxy>> {
        let proxy = if plain_http { &self.http } else { &self.other };
        proxy.clone().filter(|_| !self.exempt.covers(host, port))
    }

    /// None is configured.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.other.is_none()
    }

    /// Every one, once.
    pub fn each(&self) -> Vec<&Proxy> {
        let mut all: Vec<&Proxy> = self.other.iter().chain(&self.http).map(AsRef::as_ref).collect();
        all.dedup();
        all
    }
}

/// Hosts that are reached without a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exempt {
    entries: Vec<Entry>,
    /// This machine itself, as browsers have it.
    pub loopback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// The name and every name below it; in lower case.
    Name(String),
    /// Addresses that begin with so many bits.
    Network(IpAddr, u8),
}

impl Exempt {
    /// Reads a list as `NO_PROXY` has it: names (with those below them), addresses, networks (`192.0.2.0/24`), each with a
    /// port where it has one, or `*`; between commas or spaces.
    pub fn read(list: &str) -> Self {
        let words = list.split([',', ' ', '\t', ';']).filter(|word| !word.is_empty());
        Self { entries: words.map(entry).collect(), loopback: false }
    }

    /// And this machine itself.
    pub fn and_loopback(self) -> Self {
        Self { loopback: true, ..self }
    }

    /// Whether the host is one of them.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let address = name.parse::<IpAddr>().ok().map(|a| a.to_canonical());
        let is_own = address.is_some_and(|a| a.is_loopback()) || name == "localhost" || name.ends_with(".localhost");
        let covers = |hosts: &Hosts| match (hosts, address) {
            (Hosts::All, _) => true,
            (Hosts::Network(network, bits), Some(address)) => is_within(address, *network, *bits),
            (Hosts::Name(known), None) => {
                name.strip_suffix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => false,
        };
        (self.loopback && is_own) || self.entries.iter().any(|e| e.port.is_none_or(|p| p == port) && covers(&e.hosts))
    }
}

fn entry(word: &str) -> Entry {
    if word == "*" {
        return Entry { hosts: Hosts::All, port: None };
    }
    if let Some(hosts) = network(word) {
        return Entry { hosts, port: None };
    }
    let (host, port) = match word.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host, Some(port)),
        None => (word, None),
    };
    let name = || host.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
    Entry { hosts: network(host).unwrap_or_else(|| Hosts::Name(name())), port }
}

/// An address, in brackets or not, or a network.
fn network(word: &str) -> Option<Hosts> {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let width = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    match word.split_once('/') {
        Some((address, bits)) => {
            let address = bare(address)?;
            Some(Hosts::Network(address, bits.parse().ok().filter(|bits| *bits <= width(address))?))
        }
        None => bare(word).map(|address| Hosts::Network(address.to_canonical(), width(address.to_canonical()))),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let alike = |a: u128, b: u128, width: u32| {
        let rest = width - u32::from(bits).min(width);
        rest >= width || a >> rest == b >> rest
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => alike(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => alike(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::proxy::Kind;

    #[test]
    fn names_networks_and_ports_are_exempt_as_written() {
        let exempt =
            Exempt::read("example.com, .inside.test *.lab;192.0.2.0/24,[2001:db8::1],10.0.0.1:8443,deep.org:80");
        for (host, port, is) in [
            ("example.com", 1, true),
            ("a.Example.COM.", 1, true),
            ("badexample.com", 1, false),
            ("inside.test", 1, true),
            ("x.y.inside.test", 1, true),
            ("rtc.lab", 1, true),
            ("192.0.2.77", 1, true),
            ("192.0.3.1", 1, false),
            ("2001:db8::1", 1, true),
            ("2001:db8::2", 1, false),
            ("10.0.0.1", 8443, true),
            ("10.0.0.1", 443, false),
            ("deep.org", 80, true),
            ("deep.org", 81, false),
            ("127.0.0.1", 1, false),
        ] {
            assert_eq!(exempt.covers(host, port), is, "{host}:{port}");
        }
        assert!(Exempt::read("*").covers("anything", 1));
        assert!(Exempt::read("0.0.0.0/0").covers("203.0.113.1", 1) && !Exempt::read("0.0.0.0/0").covers("::1", 1));
        assert!(!Exempt::read("").covers("example.com", 1));
        let own = Exempt { loopback: true, ..Exempt::default() };
        assert!(own.covers("localhost", 1) && own.covers("127.9.9.9", 1) && own.covers("::1", 1));
        assert!(!own.covers("192.0.2.1", 1));
    }

    #[test]
    fn plain_http_has_a_proxy_of_its_own() {
        let proxy = |port| {
            let host = "proxy.example".parse().unwrap();
            Some(Arc::new(Proxy { kind: Kind::Http, host, port, login: None }))
        };
        let both = Proxies { http: proxy(1), other: proxy(2), exempt: Exempt::read("near") };
        assert_eq!(both.to("far", 80, true).unwrap().port, 1);
        assert_eq!(both.to("far", 443, false).unwrap().port, 2);
        assert_eq!(both.to("near", 443, false), None);
        assert_eq!((both.each().len(), Proxies::default().is_empty()), (2, true));
    }
}
