//! A firewall request: the outbound flows that an administrator is asked to open, each with its reasons. Knows neither
//! how it was put together nor how it is written down.

use std::collections::HashMap;
use std::net::IpAddr;

use super::host::Host;
use super::ports::PortRange;
use super::rule::{Need, RoleName, RuleId, Transport};
use super::source::Source;

/// What a packet filter calls a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    /// IP protocol 47 (RFC 2784); it has no ports.
    Gre,
}

impl Protocol {
    /// As a person writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Gre => "GRE",
        }
    }

    /// What carries a rule's traffic; `None` for `dns`, which is two flows to a resolver.
    pub fn of(transport: Transport) -> Option<Self> {
        match transport {
            Transport::Tcp => Some(Protocol::Tcp),
            Transport::Udp => Some(Protocol::Udp),
            Transport::Gre => Some(Protocol::Gre),
            Transport::Dns => None,
        }
    }
}

/// Why a flow is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    /// The profile's rule; absent for what the operator adds, such as a relay.
    pub rule: Option<RuleId>,
    pub role: RoleName,
    /// The service in a word or two: `secure WebSocket`.
    pub service: String,
    /// Service and role in words.
    pub why: String,
    pub need: Need,
    /// Reasons of one group are alternatives to each other.
    pub group: Option<String>,
    /// The document's row; absent where no document asks for it.
    pub source: Option<Source>,
}

/// One flow to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub host: Host,
    /// The host's addresses; empty while its name is not resolved.
    pub addresses: Vec<IpAddr>,
    pub protocol: Protocol,
    /// Absent for GRE.
    pub ports: Option<PortRange>,
    /// At least one.
    pub reasons: Vec<Reason>,
}

/// Everything that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Which profile, from where.
    pub title: String,
    /// Targets and options, a line each.
    pub about: Vec<String>,
    /// Each flow to each host once, in the order of the documents.
    pub opened: Vec<Opening>,
    /// What whoever opens them should know, in sentences.
    pub notes: Vec<String>,
}

/// Openings that differ in nothing but their host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    pub openings: Vec<&'a Opening>,
    pub protocol: Protocol,
    pub ports: Option<PortRange>,
    pub reasons: &'a [Reason],
}

/// One flow as a packet filter sees it: to addresses of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow<'a> {
    /// The hosts that have these addresses, each once.
    pub hosts: Vec<&'a Host>,
    /// All IPv4 or all IPv6, each once; at least one.
    pub addresses: Vec<IpAddr>,
    pub protocol: Protocol,
    pub ports: Option<PortRange>,
    pub reasons: Vec<&'a Reason>,
}

impl Flow<'_> {
    /// The family of its addresses.
    pub fn is_ipv4(&self) -> bool {
        self.addresses.first().is_none_or(IpAddr::is_ipv4)
    }
}

/// The strongest of needs; `optional` where there is none.
pub fn need<'a>(reasons: impl IntoIterator<Item = &'a Reason>) -> Need {
    reasons.into_iter().map(|r| r.need).min().unwrap_or(Need::Optional)
}

impl Request {
    /// Openings that differ only in their host together, in the order in which each kind first comes.
    pub fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut index = HashMap::new();
        for opening in &self.opened {
            let Opening { protocol, ports, reasons, .. } = opening;
            let at = *index.entry((protocol, ports, reasons)).or_insert(groups.len());
            match groups.get_mut(at) {
                Some(group) => group.openings.push(opening),
                None => groups.push(Group { openings: vec![opening], protocol: *protocol, ports: *ports, reasons }),
            }
        }
        groups
    }

    /// The flows by address: what two names of one address ask for is one flow with the reasons of both.
    pub fn flows(&self) -> Vec<Flow<'_>> {
        let mut flows: Vec<Flow<'_>> = Vec::new();
        let mut index = HashMap::new();
        for single in self.flows_by_address() {
            let key = (single.is_ipv4(), single.protocol, single.ports, single.reasons.clone());
            let at = *index.entry(key).or_insert(flows.len());
            match flows.get_mut(at) {
                Some(flow) => {
                    flow.addresses.extend(single.addresses);
                    let new: Vec<&Host> = single.hosts.into_iter().filter(|h| !flow.hosts.contains(h)).collect();
                    flow.hosts.extend(new);
                }
                None => flows.push(single),
            }
        }
        flows
    }

    /// The same for filters whose rules have one address each: one flow an address, protocol and range of ports.
    pub fn flows_by_address(&self) -> Vec<Flow<'_>> {
        let mut flows: Vec<Flow<'_>> = Vec::new();
        let mut index = HashMap::new();
        for opening in &self.opened {
            let Opening { host, protocol, ports, reasons, .. } = opening;
            for address in &opening.addresses {
                let at = *index.entry((address, protocol, ports)).or_insert(flows.len());
                let Some(flow) = flows.get_mut(at) else {
                    let (protocol, ports, reasons) = (*protocol, *ports, reasons.iter().collect());
                    flows.push(Flow { hosts: vec![host], addresses: vec![*address], protocol, ports, reasons });
                    continue;
                };
                if !flow.hosts.contains(&host) {
                    flow.hosts.push(host);
                }
                let new: Vec<&Reason> = reasons.iter().filter(|r| !flow.reasons.contains(r)).collect();
                flow.reasons.extend(new);
            }
        }
        flows
    }

    /// Adds the note that addresses of names age, where there are any; `looked_up` says when they were true.
    pub fn note_age(&mut self, looked_up: &str) {
        let named = |o: &Opening| matches!(o.host, Host::Name(_)) && !o.addresses.is_empty();
        if self.opened.iter().any(named) {
            self.notes.push(format!(
                "Addresses of names are those of {looked_up} and may change: a firewall that filters by name follows them, \
                 one that filters by address has to be looked after."
            ));
        }
    }

    /// What is asked for and cannot be written as an address.
    pub fn unresolved(&self) -> impl Iterator<Item = &Opening> {
        self.opened.iter().filter(|o| o.addresses.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(host: &str, addresses: &[&str], port: u16, services: &[&str]) -> Opening {
        let reason = |service: &&str| Reason {
            rule: None,
            role: "rtc".into(),
            service: (*service).to_owned(),
            why: String::new(),
            need: Need::Required,
            group: None,
            source: None,
        };
        Opening {
            host: host.parse().unwrap(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            protocol: Protocol::Tcp,
            ports: PortRange::single(port),
            reasons: services.iter().map(reason).collect(),
        }
    }

    fn request(opened: Vec<Opening>) -> Request {
        Request { opened, ..Request::default() }
    }

    #[test]
    fn two_names_of_one_address_are_one_flow_with_both_reasons() {
        let asked = request(vec![
            opening("a.example", &["192.0.2.1", "2001:db8::1"], 443, &["HTTPS"]),
            opening("b.example", &["192.0.2.1"], 443, &["secure WebSocket"]),
        ]);
        let flows = asked.flows();
        assert_eq!(flows.len(), 2, "{flows:?}");
        assert_eq!((flows[0].hosts.len(), flows[0].reasons.len()), (2, 2), "{flows:?}");
        assert!(!flows[1].is_ipv4() && flows[1].reasons.len() == 1, "{flows:?}");
    }

    #[test]
    fn hosts_with_the_same_reasons_share_a_flow_and_a_group() {
        let asked = request(
            (1..=50)
                .map(|n| {
                    let address = format!("192.0.2.{n}");
                    opening(&address, &[&address], 554, &["RTSP"])
                })
                .collect(),
        );
        assert_eq!(asked.flows().len(), 1);
        assert_eq!(asked.flows()[0].addresses.len(), 50);
        assert_eq!(asked.groups().len(), 1);
        assert_eq!(asked.groups()[0].openings.len(), 50);
    }
}
