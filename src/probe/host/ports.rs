//! Who holds the ports of a rule on this machine, out of one look at all sockets.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::machine::{Holder, PortsOf};
use crate::model::{Facts, PortSet, Transport, metric};
use crate::net::host::owner::{self, Process};
use crate::net::host::sockets::{self, Socket, Sockets};
use crate::net::host::{Root, Unreadable};

/// A report lists so many.
const MOST_HOLDERS: usize = 40;
/// A machine has a few addresses; a socket for each of thousands is told by the first of them.
const MOST_ADDRESSES: usize = 16;

/// All sockets that hold a port, and whose they are.
pub struct Bound {
    tcp: Sockets,
    udp: Sockets,
    owners: BTreeMap<u64, Process>,
}

impl Bound {
    /// Reads the kernel's tables once.
    pub fn read(root: &Root) -> Result<Self, Unreadable> {
        let tcp = sockets::sockets(root, Transport::Tcp)?;
        let udp = sockets::sockets(root, Transport::Udp)?;
        let inodes: BTreeSet<u64> = tcp.all.iter().chain(&udp.all).map(|s| s.inode).filter(|i| *i > 0).collect();
        let owners = owner::owners(root, &inodes);
        Ok(Self { tcp, udp, owners })
    }
}

/// Records who holds the ports.
pub fn facts(bound: &Bound, of: &PortsOf, facts: &mut Facts) {
    let table = if of.transport == Transport::Udp { &bound.udp } else { &bound.tcp };
    let held: Vec<&Socket> = table.all.iter().filter(|s| of.ports.contains(s.port)).collect();
    let ports: PortSet = held.iter().map(|s| s.port).collect();
    facts.set(&metric::TOTAL, of.ports.count());
    facts.set(&metric::PORTS_FREE, of.ports.count().saturating_sub(ports.count()));
    facts.set(&metric::PORTS_HELD, ports);
    facts.set(&metric::HELD_BY, holders(&held, &bound.owners));
    if !table.missing.is_empty() {
        facts.set(&metric::CAVEATS, &table.missing);
    }
}

/// Sockets of one process together.
fn holders(held: &[&Socket], owners: &BTreeMap<u64, Process>) -> Vec<Holder> {
    let mut groups: BTreeMap<(Option<&Process>, u32, bool, bool), Vec<&Socket>> = BTreeMap::new();
    for socket in held {
        let key = (owners.get(&socket.inode), socket.uid, socket.inode == 0, socket.is_open);
        groups.entry(key).or_default().push(socket);
    }
    let holder = |((process, uid, is_kernel, is_open), sockets): (_, Vec<&Socket>)| {
        let process: Option<&Process> = process;
        // Loopback last, so that an address that others reach is never left off for it.
        let addresses: BTreeSet<_> = sockets.iter().map(|s| (s.address.is_loopback(), s.address)).collect();
        Holder {
            process: process.map(|p| p.name.clone()).filter(|n| !n.is_empty()),
            pid: process.map(|p| p.pid),
            uid,
            is_kernel,
            addresses: addresses.into_iter().map(|(_, address)| address).take(MOST_ADDRESSES).collect(),
            ports: sockets.iter().map(|s| s.port).collect(),
            is_open,
        }
    };
    groups.into_iter().take(MOST_HOLDERS).map(holder).collect()
}
