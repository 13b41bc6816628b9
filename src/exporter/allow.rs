//! Which hosts may be asked: names and networks that the operator lists, and nothing else. A name is allowed by its name
//! alone, so that none is looked up that is not listed; an address by its network. What a name leads to is held against
//! the list once more where it means this machine or its own link.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::model::{Host, is_local_name};

/// One `--allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Every host.
    Any,
    /// This name, in lower case and without a final dot.
    Name(String),
    /// Every name below this one, not the name itself.
    Below(String),
    /// Addresses by their first `length` bits; an address alone has all of its own.
    Network { network: IpAddr, length: u8 },
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("any") {
            return Ok(Entry::Any);
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return match domain.parse::<Host>() {
                Ok(Host::Name(name)) => Ok(Entry::Below(name)),
                _ => Err(format!("`{text}`: give a domain behind the `*.`, such as *.example.com")),
            };
        }
        if text.contains('*') {
            return Err(format!(
                "`{text}`: a `*` stands for whole names in front of a domain (*.example.com); `any` allows every host"
            ));
        }
        match text.split_once('/') {
            Some((address, length)) => network(text, address, length),
            None => Ok(match text.parse::<Host>()? {
                Host::Name(name) => Entry::Name(name),
                Host::Address(address) => Entry::Network { network: address, length: bits(address) },
            }),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Any => f.write_str("any"),
            Entry::Name(name) => f.write_str(name),
            Entry::Below(domain) => write!(f, "*.{domain}"),
            Entry::Network { network, length } if *length == bits(*network) => network.fmt(f),
            Entry::Network { network, length } => write!(f, "{network}/{length}"),
        }
    }
}

/// A network in CIDR form. An IPv4-mapped one is the IPv4 network that it stands for, as addresses are.
fn network(text: &str, address: &str, length: &str) -> Result<Entry, String> {
    let form = || format!("`{text}`: write a network as 192.0.2.0/24 or 2001:db8::/32");
    let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
    let given: IpAddr = bare.parse().map_err(|_| form())?;
    let length: u8 =
        Some(length).filter(|l| l.bytes().all(|b| b.is_ascii_digit())).and_then(|l| l.parse().ok()).ok_or_else(form)?;
    if length > bits(given) {
        return Err(form());
    }
    let canonical = given.to_canonical();
    let (network, length) = match (given.is_ipv6() && canonical.is_ipv4(), length.checked_sub(96)) {
        (true, Some(length)) => (canonical, length),
        _ => (given, length),
    };
    let masked = mask(network, length);
    match masked == network {
        true => Ok(Entry::Network { network, length }),
        false => Err(format!(
            "`{text}` has bits behind its {length}: write {masked}/{length}, or {network} for the one address"
        )),
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first `length` bits, the others zero.
fn mask(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(a) => {
            let kept = u32::MAX.checked_shl(32u32.saturating_sub(length.into())).unwrap_or(0);
            Ipv4Addr::from(u32::from(a) & kept).into()
        }
        IpAddr::V6(a) => {
            let kept = u128::MAX.checked_shl(128u32.saturating_sub(length.into())).unwrap_or(0);
            Ipv6Addr::from(u128::from(a) & kept).into()
        }
    }
}

/// Every `--allow`; none allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

impl AllowList {
    pub fn new(entries: Vec<Entry>) -> Self {
        Self(entries)
    }

    /// Nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything is allowed.
    pub fn is_open(&self) -> bool {
        self.0.contains(&Entry::Any)
    }

    /// Why a host may not be asked, in a sentence; `None` where it may. Nothing is looked up for the answer.
    pub fn refusal(&self, host: &Host) -> Option<String> {
        let allowed = match host {
            Host::Name(name) => self.takes_name(name),
            Host::Address(address) => self.takes_address(*address),
        };
        (!allowed)
            .then(|| format!("{host} is not allowed here: this exporter's operator would have to add --allow {host}"))
    }

    /// Why an address may not be asked that an allowed host turned out to have. A name leads where its owner likes, so it
    /// opens neither the loopback nor link-local addresses, and no groups: these have to be listed by their addresses. It does
    /// open every other address, this machine's own in its network too: list no name whose owner is not trusted with that.
    pub fn refusal_of_address(&self, host: &Host, address: IpAddr) -> Option<String> {
        let address = address.to_canonical();
        let Host::Name(name) = host else { return self.refusal(&Host::Address(address)) };
        let means_here = is_here(address) && !(is_local_name(name) && address.is_loopback());
        (means_here && !self.takes_address(address)).then(|| {
            format!("{host} leads to {address}, which is this machine or its own link: the exporter's operator would have to add --allow {address}")
        })
    }

    fn takes_name(&self, name: &str) -> bool {
        self.0.iter().any(|entry| match entry {
            Entry::Any => true,
            Entry::Name(allowed) => name == allowed,
            Entry::Below(domain) => name
                .strip_suffix(domain.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|front| !front.is_empty()),
            Entry::Network { .. } => false,
        })
    }

    fn takes_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|entry| match entry {
            Entry::Any => true,
            Entry::Network { network, length } => {
                network.is_ipv4() == address.is_ipv4() && mask(address, *length) == *network
            }
            Entry::Name(_) | Entry::Below(_) => false,
        })
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join(", "))
    }
}

/// Loopback, link-local addresses, and groups of hosts; also where IPv6 carries such an IPv4 address.
fn is_here(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, ..] = a.octets();
            first == 0 || a.is_loopback() || a.is_link_local() || a.is_multicast() || a.is_broadcast()
        }
        IpAddr::V6(a) => {
            let link = a.is_unicast_link_local() || a.is_multicast() || a.is_loopback() || a.is_unspecified();
            link || carried(a).is_some_and(|v4| is_here(v4.into()))
        }
    }
}

/// The IPv4 address in one of NAT64 (RFC 6052; RFC 8215, whose prefixes of 96 bits are the network's own), 6to4 (RFC 3056) or the old compatible form (RFC 4291 section 2.5.5.1).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let all = u128::from(address);
    let low = Ipv4Addr::from(all as u32);
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] | [0, 0, 0, 0, 0, 0, ..] => Some(low),
        [0x2002, ..] => Some(Ipv4Addr::from((all >> 80) as u32)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
