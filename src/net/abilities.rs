//! What the system lets this process do with sockets, found out by trying it: sockets that are opened and closed again, and
//! datagrams on loopback. Nothing leaves the machine. Knows neither who needs it nor what its lack means.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::host::{Root, because, limits};
use super::icmp::{self, ErrorQueue};
use crate::model::doctor::{Allowed, Tried};
use crate::wire::gre;

/// How long loopback is waited for, in milliseconds.
const PATIENCE: u16 = 500;

/// Tries everything, once.
pub fn allowed(root: &Root) -> Allowed {
    let raw = |domain| tried(Socket::new(domain, Type::RAW, Some(Protocol::from(i32::from(gre::PROTOCOL)))).map(drop));
    Allowed {
        raw_ipv4: raw(Domain::IPV4),
        raw_ipv6: raw(Domain::IPV6),
        capture: tried(capture()),
        error_queue_ipv4: tried(error_queue(Ipv4Addr::LOCALHOST.into())),
        error_queue_ipv6: tried(error_queue(Ipv6Addr::LOCALHOST.into())),
        timestamps: tried(timestamps()),
        socket_filters: tried(socket_filters()),
        descriptors: limits::descriptors(),
        receive_buffer: limits::receive_buffer(root),
        low_ports: limits::low_ports(root),
    }
}

fn tried(result: io::Result<()>) -> Tried {
    match result {
        Ok(()) => Tried { works: true, why: None },
        Err(error) => Tried { works: false, why: Some(because(&error)) },
    }
}

/// Protocol 0 receives nothing.
#[cfg(target_os = "linux")]
fn capture() -> io::Result<()> {
    Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(0))).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn capture() -> io::Result<()> {
    Err(io::Error::other("only Linux has packet sockets"))
}

/// A datagram to a closed port of loopback is refused, and the socket's error queue tells it.
fn error_queue(loopback: IpAddr) -> io::Result<()> {
    let socket = UdpSocket::bind((loopback, 0))?;
    icmp::watch(&socket)?;
    let closed = UdpSocket::bind((loopback, 0))?.local_addr()?;
    socket.send_to(&[0], closed)?;
    wait(&socket, PollFlags::POLLERR);
    match ErrorQueue::of(&socket).take() {
        Some(Some(_)) => Ok(()),
        _ => Err(io::Error::other("a refused datagram on loopback was not told")),
    }
}

/// A datagram on loopback bears the kernel's time of its arrival.
fn timestamps() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    socket.send_to(&[0], socket.local_addr()?)?;
    wait(&socket, PollFlags::POLLIN);
    let (mut payload, mut control) = ([0; 8], [0u8; 128]);
    let mut slices = [IoSliceMut::new(&mut payload)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags)?;
    let has_time = message.cmsgs()?.any(|cmsg| matches!(cmsg, ControlMessageOwned::ScmTimestampns(_)));
    if has_time { Ok(()) } else { Err(io::Error::other("the kernel gave a datagram no time of its arrival")) }
}

/// A filter that lets everything through, on a socket of our own.
#[cfg(target_os = "linux")]
fn socket_filters() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let all = socket2::SockFilter::new(0x06, 0, 0, u32::MAX);
    socket2::SockRef::from(&socket).attach_filter(&[all])
}

#[cfg(not(target_os = "linux"))]
fn socket_filters() -> io::Result<()> {
    Err(io::Error::other("only Linux is known to have them"))
}

fn wait(socket: &impl AsFd, what: PollFlags) {
    // What did not come by then is told by the reading.
    let _ = poll(&mut [PollFd::new(socket.as_fd(), what)], PollTimeout::from(PATIENCE));
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_works_here_is_seen_and_what_does_not_says_why() {
        let seen = allowed(&Root::default());
        assert!(seen.error_queue_ipv4.works && seen.timestamps.works && seen.socket_filters.works, "{seen:?}");
        let all = [&seen.raw_ipv4, &seen.raw_ipv6, &seen.capture, &seen.error_queue_ipv6];
        assert!(all.iter().all(|t| t.works == t.why.is_none()), "{seen:?}");
        assert!(seen.descriptors.is_some());
    }
}
