//! A look at the machine that the program runs on: one subject, one observation. Knows the readers of `net::host`, and
//! neither what a document asks for nor what any value is worth.

mod ports;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::OnceLock;

use serde_json::json;

use crate::model::machine::{Destination, LinkKind, PortsOf};
use crate::model::{Failure, FailureKind, Observation, Outcome, ProbeKind, Step, Subject, metric};
use crate::net::host::{self, Root, Unreadable, disk, link, memory, processors, synchronisation, system};
use crate::net::interfaces;

/// Root servers' addresses (A.root-servers.net): a way to them is a way to the Internet. Nothing is sent there.
const ANYWHERE4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4));
const ANYWHERE6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30));

/// The machine, and what was read of it once for all checks.
pub struct Machine {
    root: Root,
    bound: OnceLock<Result<ports::Bound, Unreadable>>,
}

impl Machine {
    /// The machine whose files are below `root`.
    pub fn new(root: Root) -> Self {
        Self { root, bound: OnceLock::new() }
    }

    /// Its own name.
    pub fn name(&self) -> String {
        system::host_name(&self.root)
    }

    /// Asks one subject; blocks while files are read. `address` is what a destination's name resolved to.
    pub fn look(&self, subject: &Subject, address: Option<IpAddr>) -> Observation {
        let mut seen = Observation::new(ProbeKind::Host);
        let told = match host::is_known_system() {
            true => self.ask(subject, address, &mut seen),
            false => Err(Unreadable("only Linux machines are examined by this version".to_owned())),
        };
        if let Err(Unreadable(why)) = told {
            seen.outcome = Outcome::Failed(Failure::new(Step::Machine, FailureKind::NotTold, why));
        }
        if let Some(kind) = system::container(&self.root) {
            seen.facts.set(&metric::CONTAINER, kind);
        }
        seen
    }

    fn ask(&self, subject: &Subject, address: Option<IpAddr>, seen: &mut Observation) -> Result<(), Unreadable> {
        let facts = &mut seen.facts;
        facts.set(&metric::VIA, json!({ "method": method(subject) }));
        match subject {
            Subject::Distribution => facts.set(&metric::DISTRIBUTION, system::distribution(&self.root)?),
            Subject::Architecture => facts.set(&metric::ARCHITECTURE, system::architecture()?),
            Subject::Cores => {
                let told = processors::processors(&self.root)?;
                facts.set(&metric::CORES, told.usable());
                facts.set(&metric::CORES_DETAIL, told);
            }
            Subject::Memory => {
                let told = memory::memory(&self.root)?;
                facts.set(&metric::MEMORY_BYTES, told.usable_bytes());
                facts.set(&metric::MEMORY_DETAIL, told);
            }
            Subject::Disk(path) => facts.set(&metric::DISK, disk::disk(Path::new(path))?),
            Subject::Clock => facts.set(&metric::CLOCK, synchronisation::synchronisation()?),
            Subject::Ports(of) => self.ports(of, seen)?,
            Subject::WayOut(to) => self.way_out(to, address, seen)?,
        }
        Ok(())
    }

    fn ports(&self, of: &PortsOf, seen: &mut Observation) -> Result<(), Unreadable> {
        let bound = self.bound.get_or_init(|| ports::Bound::read(&self.root)).as_ref().map_err(Clone::clone)?;
        let rules: Vec<&str> = of.rules.iter().map(|(rule, _)| rule.as_str()).collect();
        let ports = of.ports.to_string();
        seen.facts.set(
            &metric::VIA,
            json!({ "method": "proc-net", "transport": of.transport, "ports": ports, "rules": rules }),
        );
        ports::facts(bound, of, &mut seen.facts);
        Ok(())
    }

    fn way_out(&self, to: &Destination, address: Option<IpAddr>, seen: &mut Observation) -> Result<(), Unreadable> {
        let to = match (to, address) {
            (_, Some(address)) => address,
            (Destination::Anywhere { v6 }, None) => {
                if *v6 {
                    ANYWHERE6
                } else {
                    ANYWHERE4
                }
            }
            (Destination::Host(host), None) => {
                return Err(Unreadable(format!("{host} has no address, so there is no way to it")));
            }
        };
        let Some(route) = interfaces::route(to) else {
            let family = if to.is_ipv6() { "IPv6" } else { "IPv4" };
            let why = format!("this machine has no {family} route to {to}");
            seen.outcome = Outcome::Failed(Failure::new(Step::Machine, FailureKind::NoRoute, why));
            return Ok(());
        };
        seen.facts.set(&metric::VIA, json!({ "method": "route", "address": to }));
        seen.facts.set(&metric::LOCAL, route.source.to_string());
        let Some(interface) = route.interface else {
            let source = route.source;
            return Err(Unreadable(format!("no interface has the address {source} that packets to {to} leave from")));
        };
        let is_guest = processors::processors(&self.root).is_ok_and(|p| p.is_guest);
        let mut link = link::link(&self.root, &interface.name, is_guest);
        // Without /sys, what the interface itself says of tunnels is all there is.
        if link.kind == LinkKind::Unknown && interface.is_tunnel() && !self.root.has("sys/class/net") {
            link.kind = LinkKind::Tunnel;
        }
        seen.facts.set(&metric::WAY_OUT, link);
        Ok(())
    }
}

/// What a subject is read from.
fn method(subject: &Subject) -> &'static str {
    match subject {
        Subject::Distribution => "os-release",
        Subject::Architecture => "uname",
        Subject::Cores => "cpuinfo",
        Subject::Memory => "meminfo",
        Subject::Disk(_) => "statvfs",
        Subject::Clock => "adjtimex",
        Subject::Ports(_) => "proc-net",
        Subject::WayOut(_) => "route",
    }
}

/// What stands for a subject that took too long, as a directory of a server that is away does.
pub fn too_long(after: std::time::Duration) -> Observation {
    let why = format!("this machine did not answer in {} s", after.as_secs());
    Observation::failed(ProbeKind::Host, Failure::new(Step::Machine, FailureKind::NotTold, why))
}

#[cfg(test)]
mod tests;
