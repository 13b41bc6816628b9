//! Wildcard UDP sockets: which of the machine's addresses a datagram was sent to, and an answer that leaves from it
//! (IP_PKTINFO, RFC 3542 section 6). Without it the kernel picks the source by route, and a client behind a stateful
//! firewall never sees the answer. The alternative, a socket for each address, costs as many descriptors again for each.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};

/// A datagram that came.
pub(super) struct Received {
    pub(super) length: usize,
    pub(super) from: SocketAddr,
    /// Where it was sent to; `None` for a broadcast address, or where the kernel does not say.
    pub(super) to: Option<SocketAddr>,
}

/// Asks the kernel to say where each datagram was sent to.
pub(super) fn ask_for(socket: &impl AsFd, v4: bool) -> io::Result<()> {
    match v4 {
        true => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
        false => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
    }
    Ok(())
}

/// Receives one datagram on a wildcard socket of `port`.
pub(super) fn receive(socket: &UdpSocket, buf: &mut [u8], port: u16) -> io::Result<Received> {
    // Room for in6_pktinfo, the larger of the two.
    let mut control = [0u8; 64];
    let mut slices = [IoSliceMut::new(buf)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::empty())?;
    let from = message.address.as_ref().and_then(socket_addr).ok_or(io::ErrorKind::InvalidData)?;
    let to = message.cmsgs()?.find_map(|c| destination(&c));
    Ok(Received { length: message.bytes, from, to: to.map(|ip| SocketAddr::new(ip, port)) })
}

/// Sends `bytes` from address `from` to `to`.
pub(super) fn send(socket: &UdpSocket, bytes: &[u8], from: IpAddr, to: SocketAddr) -> io::Result<()> {
    let slices = [IoSlice::new(bytes)];
    let to = SockaddrStorage::from(to);
    let fd = socket.as_raw_fd();
    match from {
        IpAddr::V4(ip) => {
            let spec = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: spec, ipi_addr: libc::in_addr { s_addr: 0 } };
            sendmsg(fd, &slices, &[ControlMessage::Ipv4PacketInfo(&info)], MsgFlags::empty(), Some(&to))?;
        }
        IpAddr::V6(ip) => {
            let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: ip.octets() }, ipi6_ifindex: 0 };
            sendmsg(fd, &slices, &[ControlMessage::Ipv6PacketInfo(&info)], MsgFlags::empty(), Some(&to))?;
        }
    }
    Ok(())
}

/// The address in the datagram's header, if it is the machine's own and not a broadcast one.
fn destination(control: &ControlMessageOwned) -> Option<IpAddr> {
    match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            let here = info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
            here.then(|| Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into()),
        _ => None,
    }
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::V4(SocketAddrV4::from(*a)));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6(SocketAddrV6::from(*a))))
}
