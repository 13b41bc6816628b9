//! Datagrams with the kernel's time of their arrival (SO_TIMESTAMPNS), put on the monotonic clock; with their traffic
//! class, TTL, and how many the socket has dropped (SO_RXQ_OVFL).

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

use crate::net::clock;
use crate::session::Arrival;

/// So many datagrams are taken before sending has its turn.
const TURN: usize = 256;

/// A datagram may have come so long before the socket was last seen empty: the kernel stamps it before it queues it.
const QUEUEING: Duration = Duration::from_millis(20);

/// The wall clock that moved so much against the monotonic one since it was last read was set.
const STEP: Duration = Duration::from_millis(1);

/// Both clocks were read at one moment if it took no longer; and how often more they are read where it did.
const AT_ONCE: Duration = Duration::from_micros(2);
const READINGS: u32 = 4;

/// Asks the kernel for all that [`Arrival`] holds. What it will not give is `None` there.
pub(in crate::net) fn ask_for(socket: &impl AsFd, v4: bool) -> io::Result<()> {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)?;
    let _ = setsockopt(socket, sockopt::RxqOvfl, &1);
    if v4 {
        let _ = setsockopt(socket, sockopt::IpRecvTos, &true);
        let _ = setsockopt(socket, sockopt::Ipv4RecvTtl, &true);
    } else {
        let _ = setsockopt(socket, sockopt::Ipv6RecvTClass, &true);
        let _ = setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true);
    }
    Ok(())
}

/// The socket's arrivals, and what is needed to put their times on the monotonic clock.
pub(in crate::net) struct Arrivals {
    /// The socket was empty then.
    empty: Instant,
    clocks: Clocks,
    overflow: u32,
}

/// Both clocks at one moment.
#[derive(Clone, Copy)]
struct Clocks {
    monotonic: Instant,
    wall: Duration,
}

impl Clocks {
    /// A thread that is put aside between the two clocks takes them for one moment when they are not: of a few readings
    /// the one that took least is kept, and the first that took no time to speak of.
    fn read() -> Self {
        let read = || {
            let before = clock::now();
            let wall = clock::wall();
            let after = clock::now();
            let took = after.saturating_duration_since(before);
            (took, Self { monotonic: before + took / 2, wall })
        };
        let mut best = read();
        for _ in 0..READINGS {
            if best.0 <= AT_ONCE {
                break;
            }
            best = std::cmp::min_by_key(best, read(), |(took, _)| *took);
        }
        best.1
    }

    /// The wall clock was set between the two.
    fn stepped(self, before: Self) -> bool {
        let real = self.monotonic.saturating_duration_since(before.monotonic);
        self.wall.saturating_sub(before.wall).abs_diff(real) > STEP
    }
}

impl Arrivals {
    pub fn new(now: Instant) -> Self {
        Self { empty: now, clocks: Clocks::read(), overflow: 0 }
    }

    /// Hands in all that came.
    pub fn take(
        &mut self,
        socket: &UdpSocket,
        buf: &mut [u8],
        mut hand_in: impl FnMut(Instant, SocketAddr, &[u8], Arrival),
    ) {
        let clocks = Clocks::read();
        let earliest = self.empty.checked_sub(QUEUEING).unwrap_or(self.empty);
        let stepped = clocks.stepped(self.clocks);
        self.clocks = clocks;
        for _ in 0..TURN {
            let Some((from, len, mut arrival, stamp)) = receive(socket, buf) else {
                self.empty = clocks.monotonic;
                return;
            };
            self.overflow = self.overflow.max(arrival.overflow);
            arrival.overflow = self.overflow;
            let at = stamp.filter(|_| !stepped).and_then(|stamp| came(clocks, stamp, earliest));
            hand_in(at.unwrap_or_else(clock::now), from, buf.get(..len).unwrap_or_default(), arrival);
        }
    }
}

impl Arrivals {
    /// Reads a stream: how many bytes, and when the last of them came.
    pub fn read(&mut self, socket: &impl AsRawFd, buf: &mut [u8]) -> io::Result<(usize, Instant)> {
        let clocks = Clocks::read();
        let earliest = self.empty.checked_sub(QUEUEING).unwrap_or(self.empty);
        let stepped = clocks.stepped(self.clocks);
        self.clocks = clocks;
        let mut control = [0u8; 128];
        let mut slices = [IoSliceMut::new(buf)];
        let read = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT);
        let message = read.inspect_err(|_| self.empty = clocks.monotonic)?;
        let stamp = message.cmsgs().ok().and_then(|mut all| {
            all.find_map(|cmsg| match cmsg {
                ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                _ => None,
            })
        });
        let at = stamp.filter(|_| !stepped).and_then(|stamp| came(clocks, stamp, earliest));
        Ok((message.bytes, at.unwrap_or_else(clock::now)))
    }
}

/// A kernel's time on the monotonic clock; `None`: it cannot be, the clock was set meanwhile.
fn came(clocks: Clocks, stamp: Duration, earliest: Instant) -> Option<Instant> {
    // What comes while the socket is being read comes after the clocks were.
    let at = match clocks.wall.checked_sub(stamp) {
        Some(ago) => clocks.monotonic.checked_sub(ago)?,
        None => clocks.monotonic + (stamp - clocks.wall),
    };
    (at >= earliest && at <= clock::now()).then_some(at)
}

/// One datagram, with the kernel's time of it since 1970. `None`: there is none, or an error in its stead, which the
/// error queue tells better.
fn receive(socket: &UdpSocket, buf: &mut [u8]) -> Option<(SocketAddr, usize, Arrival, Option<Duration>)> {
    let mut control = [0u8; 256];
    let mut slices = [IoSliceMut::new(buf)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags).ok()?;
    let from = message.address.as_ref().and_then(socket_addr)?;
    let (mut arrival, mut stamp) = (Arrival::default(), None);
    for cmsg in message.cmsgs().ok()? {
        match cmsg {
            ControlMessageOwned::ScmTimestampns(time) => stamp = Some(Duration::from(time)),
            ControlMessageOwned::Ipv4Tos(tos) => arrival.tos = Some(tos),
            ControlMessageOwned::Ipv6TClass(class) => arrival.tos = u8::try_from(class).ok(),
            ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                arrival.ttl = u8::try_from(ttl).ok();
            }
            ControlMessageOwned::RxqOvfl(dropped) => arrival.overflow = dropped,
            _ => {}
        }
    }
    Some((from, message.bytes, arrival, stamp))
}

fn socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::V4(SocketAddrV4::from(*a)));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6(SocketAddrV6::from(*a))))
}
