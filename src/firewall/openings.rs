//! Flows gathered one by one: the same flow to the same host is one opening, with every reason and address that was
//! given for it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::model::firewall::{Opening, Protocol, Reason};
use crate::model::{Host, PortRange};

/// So many reasons and addresses are taken; no platform has as many, and a forged report is not to cost more.
const MOST: usize = 5_000;

/// Where a flow leads.
pub struct Aim<'a> {
    pub host: &'a Host,
    /// An address of the name, where it is known already.
    pub address: Option<IpAddr>,
    pub protocol: Protocol,
    pub ports: Option<PortRange>,
}

/// What was gathered so far.
#[derive(Default)]
pub struct Openings {
    list: Vec<Opening>,
    index: HashMap<(Host, Protocol, Option<PortRange>), usize>,
    reasons: HashSet<(usize, Reason)>,
    addresses: HashSet<(usize, IpAddr)>,
}

impl Openings {
    /// Adds a flow and why it is asked for; false when there are too many already.
    pub fn add(&mut self, aim: &Aim<'_>, reason: Reason) -> bool {
        if self.reasons.len().max(self.addresses.len()) >= MOST {
            return false;
        }
        let key = (aim.host.clone(), aim.protocol, aim.ports);
        let at = *self.index.entry(key).or_insert(self.list.len());
        if at == self.list.len() {
            let (host, protocol, ports) = (aim.host.clone(), aim.protocol, aim.ports);
            self.list.push(Opening { host, addresses: Vec::new(), protocol, ports, reasons: Vec::new() });
        }
        let Some(opening) = self.list.get_mut(at) else { return false };
        let literal = match aim.host {
            Host::Address(address) => Some(*address),
            Host::Name(_) => None,
        };
        if let Some(address) = literal.or(aim.address).filter(|a| self.addresses.insert((at, *a))) {
            opening.addresses.push(address);
        }
        if self.reasons.insert((at, reason.clone())) {
            opening.reasons.push(reason);
        }
        true
    }

    /// Whether a flow to `host` is opened that takes in this port.
    pub fn covers(&self, host: &Host, protocol: Protocol, port: u16) -> bool {
        let takes_in = |o: &&Opening| o.protocol == protocol && o.ports.is_some_and(|p| p.contains(port));
        self.list.iter().filter(takes_in).any(|o| o.host == *host)
    }

    /// All of them, in the order in which each first came.
    pub fn finish(self) -> Vec<Opening> {
        self.list
    }
}
