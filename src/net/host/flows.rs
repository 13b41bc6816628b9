//! Which flows are of this very process: its open sockets against the kernel's tables. Sees the names of files alone.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use super::Root;
use super::sockets::address_of;
use crate::wire::packet::Carrier;

/// A line has 150 bytes, so that is some 200,000 sockets of one kind.
const MOST: u64 = 32 * 1024 * 1024;
const MOST_FILES: usize = 1 << 20;
const LISTEN: &str = "0A";

/// A socket of any process.
struct Entry {
    local: SocketAddr,
    /// Whom it is connected to.
    remote: Option<SocketAddr>,
    inode: u64,
}

/// Whether the socket that packets between `local` and `remote` belong to is this process's. Where two fit, the one that
/// fits better has them; where as well one of another process does, it is not.
pub fn is_own(root: &Root, carrier: Carrier, local: SocketAddr, remote: SocketAddr) -> bool {
    let names: &[&str] = match carrier {
        Carrier::Udp => &["udp", "udp6"],
        Carrier::Tcp => &["tcp", "tcp6"],
    };
    let mut best: Vec<(u8, u64)> = Vec::new();
    for name in names {
        let Ok(table) = root.read(&format!("proc/self/net/{name}"), MOST) else { continue };
        let fits = table.text.lines().filter_map(|line| entry(line, carrier));
        best.extend(fits.filter_map(|e| Some((fit(&e, carrier, local, remote)?, e.inode))));
    }
    let Some(most) = best.iter().map(|(fit, _)| *fit).max() else { return false };
    let own = own_sockets(root);
    best.iter().filter(|(fit, _)| *fit == most).all(|(_, inode)| own.contains(inode))
}

/// Whether there are UDP sockets at this end, and every one of them is this process's, whomever it talks to.
pub fn is_own_end(root: &Root, local: SocketAddr) -> bool {
    let mut there: Vec<u64> = Vec::new();
    for name in ["udp", "udp6"] {
        let Ok(table) = root.read(&format!("proc/self/net/{name}"), MOST) else { continue };
        let all = table.text.lines().filter_map(|line| entry(line, Carrier::Udp));
        let here = |e: &Entry| {
            let any = e.local.ip().is_unspecified();
            e.local.port() == local.port() && (any || e.local.ip() == local.ip())
        };
        there.extend(all.filter(here).map(|e| e.inode));
    }
    let own = own_sockets(root);
    !there.is_empty() && there.iter().all(|inode| own.contains(inode))
}

/// Inodes of this process's sockets.
fn own_sockets(root: &Root) -> HashSet<u64> {
    let inode = |fd: &String| {
        let link = root.link(&format!("proc/self/fd/{fd}"))?;
        link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    root.names("proc/self/fd", MOST_FILES).iter().filter_map(inode).collect()
}

/// How well a socket fits: connected to exactly these, bound to the address, or to all of them.
fn fit(entry: &Entry, carrier: Carrier, local: SocketAddr, remote: SocketAddr) -> Option<u8> {
    let any = entry.local.ip().is_unspecified();
    if entry.local.port() != local.port() || !(any || entry.local.ip() == local.ip()) {
        return None;
    }
    match entry.remote {
        Some(to) => (to == remote).then_some(4),
        None if carrier == Carrier::Tcp => None,
        None => Some(if any { 1 } else { 2 }),
    }
}

/// A line of a table; TCP's listeners take connections, which have lines of their own.
fn entry(line: &str, carrier: Carrier) -> Option<Entry> {
    let mut fields = line.split_ascii_whitespace();
    let (local, remote, state) = (fields.nth(1)?, fields.next()?, fields.next()?);
    if carrier == Carrier::Tcp && state == LISTEN {
        return None;
    }
    let inode: u64 = fields.nth(5)?.parse().ok().filter(|n| *n > 0)?;
    let remote = end(remote)?;
    Some(Entry { local: end(local)?, remote: (remote.port() > 0).then_some(remote), inode })
}

fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let address: IpAddr = address_of(address)?;
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::super::tree;
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn own_sockets_are_told_from_others_of_the_same_port() {
        let line =
            |local: &str, remote: &str, inode: u32| format!("0: {local} {remote} 07 0:0 0:0 0 0 0 {inode} 2 0\n");
        let udp = [
            "heading of a table\n".to_owned(),
            line("0100007F:1388", "00000000:0000", 11),
            line("0100007F:1388", "0200007F:1770", 22),
            line("00000000:1389", "00000000:0000", 33),
            line("0100007F:138A", "00000000:0000", 11),
            line("0100007F:138A", "00000000:0000", 22),
        ]
        .concat();
        let (_dir, root) = tree::of(&[
            ("proc/self/net/udp", &udp),
            ("proc/self/fd/3", "-> socket:[11]"),
            ("proc/self/fd/4", "-> /dev/null"),
            ("proc/self/fd/5", "-> socket:[33]"),
        ]);
        let own = |local: &str, remote: &str| is_own(&root, Carrier::Udp, at(local), at(remote));
        assert!(own("127.0.0.1:5000", "127.0.0.3:6000"), "the unconnected one is ours");
        assert!(!own("127.0.0.1:5000", "127.0.0.2:6000"), "another process's is connected to it");
        assert!(own("127.0.0.9:5001", "127.0.0.2:6000"), "bound to every address");
        assert!(!own("127.0.0.1:5002", "127.0.0.2:6000"), "shared with another process");
        assert!(!own("127.0.0.1:5003", "127.0.0.2:6000"), "nobody's");
        assert!(!is_own(&root, Carrier::Tcp, at("127.0.0.1:5000"), at("127.0.0.2:6000")));
    }

    #[test]
    fn sockets_of_this_test_are_its_own() {
        let root = Root::default();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(is_own(&root, Carrier::Udp, udp.local_addr().unwrap(), at("127.0.0.1:9")));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        assert!(is_own(&root, Carrier::Tcp, local, remote));
        drop(udp);
        assert!(!is_own(&root, Carrier::Tcp, local, at("127.0.0.1:9")));
    }
}
