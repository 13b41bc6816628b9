//! What a check was aimed at, in words. Knows neither what was seen nor how it is judged.

use std::net::IpAddr;

use crate::model::{Host, Transport, TurnUri};
use crate::plan::Item;

/// A host, its address, and the ports of it.
pub struct Aim<'a> {
    pub host: &'a Host,
    pub address: Option<IpAddr>,
    /// `TCP 8989` or `UDP 19099-20099`; empty where no port is named.
    pub port: String,
    pub udp: bool,
    /// The profile fixes the host: nobody typed it.
    pub fixed: bool,
}

impl<'a> Aim<'a> {
    /// A rule's.
    pub fn of_item(item: &'a Item, address: Option<IpAddr>) -> Self {
        let transport = match item.rule.transport {
            Transport::Gre => "GRE (IP protocol 47)".to_owned(),
            other => other.as_str().to_uppercase(),
        };
        let port = item.rule.ports.map_or(transport.clone(), |p| format!("{transport} {p}"));
        Self { host: &item.host, address, port, udp: item.rule.transport == Transport::Udp, fixed: item.fixed }
    }

    /// A relay's that the operator names.
    pub fn of_relay(uri: &'a TurnUri, address: Option<IpAddr>) -> Self {
        let udp = uri.transport.is_udp();
        let port = format!("{} {}", if udp { "UDP" } else { "TCP" }, uri.port);
        Self { host: &uri.host, address, port, udp, fixed: false }
    }

    /// A host's of which no single port is asked.
    pub fn of_host(host: &'a Host, address: Option<IpAddr>) -> Self {
        Self { host, address, port: String::new(), udp: false, fixed: false }
    }

    /// The address, with the name it belongs to.
    pub fn place(&self) -> String {
        match (self.address, self.host) {
            (Some(a), Host::Name(name)) => format!("{name} ({a})"),
            (_, host) => host.to_string(),
        }
    }

    /// The address, or the name that has none: what a firewall's rule names.
    pub fn to(&self) -> String {
        self.address.map_or_else(|| self.host.to_string(), |a| a.to_string())
    }
}
