//! What is bound on this machine: the kernel's tables of TCP and UDP sockets, as `ss -lntu` reads them. Sees the network
//! namespace that the program is in, and no rule of a firewall or NAT.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Root, Text, Unreadable};
use crate::model::Transport;

/// A line has 150 bytes, so that is some 200,000 sockets of one kind.
const MOST: u64 = 32 * 1024 * 1024;

/// `TCP_LISTEN`, and `TCP_CLOSE`, which is how an unconnected UDP socket stands (Linux, `include/net/tcp_states.h`).
const LISTEN: u8 = 0x0a;
const UNCONNECTED: u8 = 0x07;

/// A socket that holds a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    pub transport: Transport,
    /// Unspecified for every address of this machine.
    pub address: IpAddr,
    pub port: u16,
    /// It takes what anybody sends: a TCP listener, or a UDP socket that is connected to nobody.
    pub is_open: bool,
    /// Whose it is.
    pub uid: u32,
    /// Names it in `/proc/PID/fd`; 0 where no process has it any more.
    pub inode: u64,
}

/// Every socket that holds a port, and what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// TCP listeners, and every UDP socket.
    pub all: Vec<Socket>,
    /// Why some may be missing: one clause a table.
    pub missing: Vec<String>,
}

impl Sockets {
    fn take(&mut self, path: &str, table: &Text, transport: Transport) {
        if table.is_cut {
            self.missing.push(format!("/{path} is longer than was read"));
        }
        self.all.extend(table.text.lines().filter_map(|line| socket(line, transport)));
    }
}

/// The tables of the transport, both families.
///
/// # Errors
/// The first table (IPv4's) cannot be read. Where there is none in IPv6 alone, the machine has no IPv6; one that is there
/// and cannot be read may hide any listener, as most servers' sockets stand in it for both families.
pub fn sockets(root: &Root, transport: Transport) -> Result<Sockets, Unreadable> {
    let name = transport.as_str();
    let (first, second) = (format!("proc/net/{name}"), format!("proc/net/{name}6"));
    let mut found = Sockets::default();
    found.take(&first, &root.read(&first, MOST)?, transport);
    match root.read_if_there(&second, MOST) {
        Ok(table) => table.iter().for_each(|table| found.take(&second, table, transport)),
        Err(Unreadable(why)) => found.missing.push(why),
    }
    Ok(found)
}

/// Reads one line; `None` for the heading, a line that is damaged, and a TCP socket that does not listen.
pub fn socket(line: &str, transport: Transport) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let (local, state) = (fields.nth(1)?, fields.nth(1)?);
    let (uid, inode) = (fields.nth(3)?, fields.nth(1)?);
    let (address, port) = local.split_once(':')?;
    let state = u8::from_str_radix(state, 16).ok()?;
    let socket = Socket {
        transport,
        address: address_of(address)?,
        port: u16::from_str_radix(port, 16).ok().filter(|p| *p > 0)?,
        is_open: state == if transport == Transport::Tcp { LISTEN } else { UNCONNECTED },
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
    };
    (socket.is_open || transport == Transport::Udp).then_some(socket)
}

/// Words of 32 bits in this machine's order, in hexadecimal: one in IPv4, four in IPv6.
pub(super) fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            let address = Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?);
            Some(IpAddr::V6(address).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use proptest::prelude::*;

    use super::super::tree;
    use super::*;

    const HEADING: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn line(local: &str, state: &str) -> String {
        format!("   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 777 1 0\n")
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn listeners_are_told_from_connections() {
        let table = format!("{HEADING}{}{}", line("0100007F:1F90", "0A"), line("0100007F:9C40", "01"));
        let (_dir, root) = tree::of(&[("proc/net/tcp", &table)]);
        let found = sockets(&root, Transport::Tcp).unwrap();
        let [one] = found.all.as_slice() else { panic!("{found:?}") };
        assert_eq!((one.address, one.port), (IpAddr::from([127, 0, 0, 1]), 8080));
        assert_eq!((one.uid, one.inode, one.is_open), (1000, 777, true));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn udp_sockets_hold_their_port_connected_or_not() {
        let table = format!("{HEADING}{}", line("00000000000000000000000001000000:4A9B", "07"));
        let connected = line("00000000:4A9C", "01");
        let (_dir, root) = tree::of(&[("proc/net/udp", &connected), ("proc/net/udp6", &table)]);
        let found = sockets(&root, Transport::Udp).unwrap().all;
        assert_eq!((found[0].port, found[0].is_open), (19100, false));
        assert_eq!((found[1].address, found[1].port, found[1].is_open), (Ipv6Addr::LOCALHOST.into(), 19099, true));
    }

    #[test]
    fn ten_thousand_lines_are_read_and_damaged_ones_passed_over() {
        let mut table = HEADING.to_owned();
        for port in 0..10_000 {
            table += &line(&format!("00000000:{:04X}", 1000 + port), "0A");
            table += "   1: 0000:zz 0A\n\u{0}\n: : : :\n";
        }
        table += "   2: 00000000:0050 00000000:0000 0A 00000000:0000";
        let (_dir, root) = tree::of(&[("proc/net/tcp", &table)]);
        assert_eq!(sockets(&root, Transport::Tcp).unwrap().all.len(), 10_000);
        let (_dir, root) = tree::of(&[]);
        assert!(sockets(&root, Transport::Tcp).unwrap_err().0.contains("/proc/net/tcp"));
    }

    #[test]
    fn a_table_that_is_not_there_is_a_machine_without_ipv6_and_one_that_cannot_be_read_hides_sockets() {
        let table = line("00000000:0050", "0A");
        let (_dir, root) = tree::of(&[("proc/net/tcp", &table)]);
        assert!(sockets(&root, Transport::Tcp).unwrap().missing.is_empty());
        // A directory in its place is an error of another kind, for root too.
        let (_dir, root) = tree::of(&[("proc/net/tcp", &table), ("proc/net/tcp6/none", "")]);
        let found = sockets(&root, Transport::Tcp).unwrap();
        assert_eq!((found.all.len(), found.missing.len()), (1, 1));
        assert!(found.missing[0].contains("/proc/net/tcp6 cannot be read"), "{:?}", found.missing);
    }

    #[test]
    fn a_table_that_is_cut_says_so() {
        let mut found = Sockets::default();
        found.take("proc/net/tcp", &Text { text: line("00000000:0050", "0A"), is_cut: true }, Transport::Tcp);
        assert_eq!(
            (found.all.len(), found.missing.as_slice()),
            (1, &["/proc/net/tcp is longer than was read".into()][..])
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn sockets_of_this_machine_are_seen() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (listener, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let root = Root::default();
        let has = |transport, at: std::net::SocketAddr| {
            let all = sockets(&root, transport).unwrap().all;
            all.iter().any(|s| (s.address, s.port, s.is_open) == (at.ip(), at.port(), true) && s.inode > 0)
        };
        assert!(has(Transport::Tcp, listener.local_addr().unwrap()));
        assert!(has(Transport::Udp, udp.local_addr().unwrap()));
        assert!(!has(Transport::Tcp, tcp), "that one was closed");
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in any::<String>(), tcp in any::<bool>()) {
            let _ = socket(&line, if tcp { Transport::Tcp } else { Transport::Udp });
        }
    }
}
