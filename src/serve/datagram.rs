//! One datagram in, with all that the kernel tells of it, and one out.
//!
//! Wildcard sockets are told which of the machine's addresses a datagram was sent to, and answer from it (IP_PKTINFO, RFC
//! 3542 section 6). Without it the kernel picks the source by route, and a client behind a stateful firewall never sees the
//! answer. The alternative, a socket for each address, costs as many descriptors again for each.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};

/// Bytes that a socket may hold that were not read yet: some 90 ms of 50,000 short datagrams a second.
const ROOM: usize = 4 << 20;

/// A datagram that came.
pub(super) struct Received {
    pub(super) length: usize,
    pub(super) from: SocketAddr,
    /// Where it was sent to; `None` for a broadcast address, or where the kernel does not say.
    pub(super) to: Option<SocketAddr>,
    pub(super) told: Told,
}

/// What the kernel tells of a datagram.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    to: Option<Destination>,
    /// When it came, since 1970.
    pub(super) at: Option<Duration>,
    /// TTL or hop limit.
    pub(super) ttl: Option<u8>,
    /// Traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub(super) tos: Option<u8>,
    /// How many datagrams the socket had dropped for want of room.
    pub(super) dropped: u32,
    /// It was longer than the buffer.
    pub(super) cut: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Address(IpAddr),
    Broadcast,
}

/// Room for all that is asked for, aligned as the headers in it need.
#[repr(align(8))]
struct Control([u8; 256]);

/// Asks the kernel to tell when each datagram came, with which TTL and traffic class, what was lost for want of room, and
/// for a wildcard socket where it was sent to.
pub(super) fn ask_for(socket: &impl AsFd, v4: bool, wildcard: bool) -> io::Result<()> {
    match (wildcard, v4) {
        (true, true) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
        (true, false) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        (false, _) => {}
    }
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(socket, sockopt::RxqOvfl, &1)?;
    match v4 {
        true => {
            setsockopt(socket, sockopt::Ipv4RecvTtl, &true)?;
            setsockopt(socket, sockopt::IpRecvTos, &true)?;
        }
        false => {
            setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true)?;
            setsockopt(socket, sockopt::Ipv6RecvTClass, &true)?;
        }
    }
    // More than the system's limit needs a privilege; without it the system's limit is what there is.
    if setsockopt(socket, sockopt::RcvBufForce, &ROOM).is_err() {
        let _ = setsockopt(socket, sockopt::RcvBuf, &ROOM);
    }
    Ok(())
}

/// Receives one datagram on a socket bound to `local`.
pub(super) fn receive(socket: &UdpSocket, buf: &mut [u8], local: SocketAddr) -> io::Result<Received> {
    let mut control = Control([0; 256]);
    let mut slices = [IoSliceMut::new(buf)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control.0), MsgFlags::empty())?;
    let from = message.address.as_ref().and_then(socket_addr).ok_or(io::ErrorKind::InvalidData)?;
    let mut told = Told { cut: message.flags.contains(MsgFlags::MSG_TRUNC), ..Told::default() };
    message.cmsgs()?.for_each(|c| told.read(&c));
    let to = match (local.ip().is_unspecified(), told.to) {
        (false, _) => Some(local),
        (true, Some(Destination::Address(ip))) => Some(SocketAddr::new(ip, local.port())),
        (true, _) => None,
    };
    Ok(Received { length: message.bytes, from, to, told })
}

/// Sends `bytes` to `to`, from address `from` where the kernel is not to choose, with a traffic class where one is given.
pub(super) fn send(
    socket: &UdpSocket,
    bytes: &[u8],
    from: Option<IpAddr>,
    to: SocketAddr,
    tos: Option<u8>,
) -> io::Result<()> {
    let (mut info4, mut info6) = (None, None);
    match from {
        Some(IpAddr::V4(ip)) => {
            let spec = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
            info4 =
                Some(libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: spec, ipi_addr: libc::in_addr { s_addr: 0 } });
        }
        Some(IpAddr::V6(ip)) => {
            info6 = Some(libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 });
        }
        None => {}
    }
    let info = info4.as_ref().map(ControlMessage::Ipv4PacketInfo);
    let info = info.or(info6.as_ref().map(ControlMessage::Ipv6PacketInfo));
    let (tos4, tos6) = (tos.unwrap_or(0), i32::from(tos.unwrap_or(0)));
    let class = if to.is_ipv4() { ControlMessage::Ipv4Tos(&tos4) } else { ControlMessage::Ipv6TClass(&tos6) };
    let to = SockaddrStorage::from(to);
    let (fd, slices) = (socket.as_raw_fd(), [IoSlice::new(bytes)]);
    let go = |control: &[ControlMessage<'_>]| sendmsg(fd, &slices, control, MsgFlags::empty(), Some(&to));
    match (info, tos) {
        (Some(info), Some(_)) => go(&[info, class])?,
        (Some(info), None) => go(&[info])?,
        (None, Some(_)) => go(&[class])?,
        (None, None) => go(&[])?,
    };
    Ok(())
}

impl Told {
    fn read(&mut self, control: &ControlMessageOwned) {
        match control {
            // To a broadcast address, where header and route differ, is to nobody in particular.
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let here = info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
                let address = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
                self.to = Some(if here { Destination::Address(address.into()) } else { Destination::Broadcast });
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                self.to = Some(Destination::Address(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()));
            }
            ControlMessageOwned::ScmTimestampns(time) => {
                let (seconds, nanos) = (u64::try_from(time.tv_sec()), u32::try_from(time.tv_nsec()));
                self.at = seconds.ok().zip(nanos.ok()).map(|(s, n)| Duration::new(s, n));
            }
            ControlMessageOwned::Ipv4Ttl(ttl) => self.ttl = u8::try_from(*ttl).ok(),
            ControlMessageOwned::Ipv6HopLimit(limit) => self.ttl = u8::try_from(*limit).ok(),
            ControlMessageOwned::Ipv4Tos(tos) => self.tos = Some(*tos),
            ControlMessageOwned::Ipv6TClass(class) => self.tos = u8::try_from(*class).ok(),
            ControlMessageOwned::RxqOvfl(dropped) => self.dropped = *dropped,
            _ => {}
        }
    }
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::V4(SocketAddrV4::from(*a)));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6(SocketAddrV6::from(*a))))
}
