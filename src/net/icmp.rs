//! ICMP errors of a UDP or TCP socket, read without privileges from its error queue (Linux: IP_RECVERR), and the route that the
//! system would take. Knows no check.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};

use crate::model::{Facts, Failure, FailureKind, Step, metric};
use crate::session::{IcmpError, SendError};

/// `SO_EE_ORIGIN_ICMP` and `SO_EE_ORIGIN_ICMP6`: the error came from the network, not from this machine's stack.
const FROM_NETWORK: [u8; 2] = [2, 3];

/// Asks the system to keep ICMP errors for `socket`.
pub fn watch(socket: &UdpSocket) -> io::Result<()> {
    if socket.local_addr()?.is_ipv4() {
        setsockopt(socket, Ipv4RecvErr, &true)?;
    } else {
        setsockopt(socket, Ipv6RecvErr, &true)?;
    }
    Ok(())
}

/// The error queue of one socket, with the buffer it is read into.
pub struct ErrorQueue {
    fd: RawFd,
    control: Vec<u8>,
}

impl ErrorQueue {
    /// The queue of `socket`, which has to outlive it.
    pub fn of(socket: &impl AsRawFd) -> Self {
        // An entry bears besides all that the socket was asked to tell of datagrams: time, class, TTL, overflow.
        let control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6, [u8; 128]);
        Self { fd: socket.as_raw_fd(), control }
    }

    /// Takes the next entry: `None` when the queue is empty, `Some(None)` for one that is no ICMP error.
    pub fn take(&mut self) -> Option<Option<IcmpError>> {
        Some(self.take_quoting()?.map(|(error, _)| error))
    }

    /// The same for what is too big, with the MTU that the router told (0: it told none) and the first bytes of the datagram.
    pub fn take_told(&mut self) -> Option<Option<Told>> {
        let mut payload = [0; 64];
        let mut slices = [IoSliceMut::new(&mut payload)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        self.control.resize(self.control.capacity(), 0);
        let message = recvmsg::<SockaddrStorage>(self.fd, &mut slices, Some(&mut self.control), flags).ok()?;
        let to = message.address.as_ref().and_then(socket_address);
        let all = message.cmsgs().ok().map(|all| all.collect::<Vec<_>>()).unwrap_or_default();
        let length = message.bytes;
        let found = all.iter().find_map(|cmsg| Some((error(cmsg)?, info(cmsg))));
        let told = to.zip(found).map(|(to, ((kind, code, from), mtu))| (IcmpError { kind, code, from, to }, mtu));
        Some(told.map(|(error, mtu)| Told { error, mtu, quoted: payload.get(..length).unwrap_or_default().to_vec() }))
    }

    /// The same with the first bytes of the packet that the error quotes, behind its IP header (of a datagram: its payload).
    pub fn take_quoting(&mut self) -> Option<Option<(IcmpError, Vec<u8>)>> {
        let mut payload = [0; 64];
        let mut slices = [IoSliceMut::new(&mut payload)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        self.control.resize(self.control.capacity(), 0);
        let message = recvmsg::<SockaddrStorage>(self.fd, &mut slices, Some(&mut self.control), flags).ok()?;
        let to = message.address.as_ref().and_then(socket_address);
        let error = message.cmsgs().ok().and_then(|mut all| all.find_map(|cmsg| error(&cmsg)));
        let length = message.bytes;
        let error = to.zip(error).map(|(to, (kind, code, from))| IcmpError { kind, code, from, to });
        Some(error.map(|error| (error, payload.get(..length).unwrap_or_default().to_vec())))
    }
}

/// An ICMP error with all that it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub error: IcmpError,
    /// The next link's, of an error that says that a datagram is too big.
    pub mtu: u32,
    /// The first bytes of the datagram's payload, as far as they were quoted.
    pub quoted: Vec<u8>,
}

fn info(cmsg: &ControlMessageOwned) -> u32 {
    match cmsg {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => error.ee_info,
        _ => 0,
    }
}

/// Type, code and sender of an ICMP error.
fn error(cmsg: &ControlMessageOwned) -> Option<(u8, u8, Option<IpAddr>)> {
    let (error, from) = match cmsg {
        ControlMessageOwned::Ipv4RecvErr(error, from) => {
            (error, from.map(|a| IpAddr::V4(Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr)))))
        }
        ControlMessageOwned::Ipv6RecvErr(error, from) => {
            (error, from.map(|a| IpAddr::V6(Ipv6Addr::from(a.sin6_addr.s6_addr))))
        }
        _ => return None,
    };
    FROM_NETWORK.contains(&error.ee_origin).then_some((error.ee_type, error.ee_code, from))
}

fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::new(a.ip().into(), a.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::new(a.ip().into(), a.port())))
}

/// Records an ICMP error, what it means and who sent it, of a connection as of a datagram.
pub fn record(error: &IcmpError, facts: &mut Facts) {
    facts.set(&metric::ICMP, error.to_string());
    facts.set(&metric::ICMP_MEANING, error.meaning().as_str());
    if let Some(from) = error.from {
        facts.set(&metric::ICMP_FROM, from);
    }
}

/// Why the system would not send.
pub fn send_error(error: &io::Error) -> SendError {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => SendError::Prohibited,
        Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT) => SendError::NoRoute,
        Some(libc::EHOSTUNREACH | libc::EHOSTDOWN) => SendError::Unreachable,
        Some(libc::EMSGSIZE) => SendError::TooBig,
        other => SendError::Other(other.unwrap_or(0)),
    }
}

/// A datagram that this machine would not send, as a failure of `step`.
pub fn not_sent(step: Step, error: SendError, to: IpAddr) -> Failure {
    let family = if to.is_ipv4() { "IPv4" } else { "IPv6" };
    match error {
        SendError::Prohibited => Failure::new(
            step,
            FailureKind::Prohibited,
            format!("a firewall on this machine, or its full table of connections, lets no datagram to {to} out"),
        ),
        SendError::NoRoute => Failure::new(
            step,
            FailureKind::NoRoute,
            format!("this machine has no {family} address or route towards {to}"),
        ),
        SendError::Unreachable => {
            Failure::new(step, FailureKind::Unreachable, format!("this machine's route to {to} leads nowhere"))
        }
        SendError::TooBig => Failure::new(step, FailureKind::TooBig, "the datagram is too big for this machine's link"),
        SendError::Other(number) => {
            let words = io::Error::from_raw_os_error(number);
            Failure::new(step, FailureKind::Internal, format!("the datagram could not be sent: {words}"))
        }
    }
}

/// Whether this machine has an address and a route towards `to`: asks the routing table through a UDP socket's
/// `connect`, which sends nothing.
pub fn family_usable(to: IpAddr) -> Result<(), Failure> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // Port 9 is "discard"; any would do.
    let connected = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((to, 9)));
    connected.map_err(|error| not_sent(Step::Connect, send_error(&error), to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_usable_and_a_documentation_address_is_never_an_internal_failure() {
        assert_eq!(family_usable("127.0.0.9".parse().unwrap()), Ok(()));
        for address in ["192.0.2.1", "2001:db8::1"] {
            if let Err(failure) = family_usable(address.parse().unwrap()) {
                assert_ne!(failure.kind, FailureKind::Internal, "{failure}");
            }
        }
    }

    #[test]
    fn a_refused_datagram_stands_in_the_error_queue_with_type_code_and_sender() {
        for loopback in ["127.0.0.1", "::1"] {
            let address: IpAddr = loopback.parse().unwrap();
            let Ok(closed) = UdpSocket::bind((address, 0)) else { continue };
            let to = closed.local_addr().unwrap();
            drop(closed);
            let socket = UdpSocket::bind((address, 0)).unwrap();
            watch(&socket).unwrap();
            socket.send_to(b"anyone?", to).unwrap();
            let mut queue = ErrorQueue::of(&socket);
            let error = queue.take().unwrap().unwrap();
            assert_eq!((error.to, error.from), (to, Some(address)));
            assert_eq!(error.meaning(), crate::session::Meaning::Refused);
            assert_eq!(queue.take(), None);
        }
    }
}
