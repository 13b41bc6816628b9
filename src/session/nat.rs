//! What the NATs and firewalls on a way do with UDP (RFC 5780): whether one source is mapped alike towards all
//! destinations, whom it lets answer, how long it remembers, and whether it brings back what is sent to its own outside.
//!
//! A type is only told where it is proven. Silence is proof of nothing by itself: it counts where, at the same time, the
//! same server's answers came through from the same other address to a source that may hear it. Knows no socket, no clock
//! and no verdict.

mod asks;
pub mod behaviour;
mod filtering;
pub mod lifetime;
mod mapping;
pub mod scout;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::{IcmpError, SendError, Transmit};

pub use mapping::Mapping;

/// Mapping or filtering, in RFC 4787's terms (sections 4.1 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing is translated, or nothing kept out.
    None,
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
}

impl Kind {
    /// As it stands in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::None => "none",
            Kind::EndpointIndependent => "endpoint-independent",
            Kind::AddressDependent => "address-dependent",
            Kind::AddressAndPortDependent => "address-and-port-dependent",
        }
    }
}

/// A session that has several sockets, and chooses which of them a datagram leaves from. They are numbered from 0 and
/// opened when they are first used.
pub trait Sockets {
    /// Socket `number` was opened, and is bound to `local`; its address is the one that datagrams leave from, or
    /// unspecified where the system chooses it anew for each.
    fn on_open(&mut self, number: usize, local: SocketAddr);

    /// Writes the datagram that is due at `now`, and says which socket it leaves from; `None` when none is due. To be asked
    /// until it answers `None`.
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<(usize, Transmit)>;

    /// When to ask again although nothing came; `None` when the session is over.
    fn wake(&self) -> Option<Instant>;

    /// A datagram came to a socket.
    fn on_datagram(&mut self, now: Instant, number: usize, from: SocketAddr, bytes: &[u8]);

    /// An ICMP error came for a datagram that a socket sent.
    fn on_icmp(&mut self, now: Instant, number: usize, error: &IcmpError);

    /// The datagram last written for a socket could not be sent.
    fn on_send_error(&mut self, now: Instant, number: usize, to: SocketAddr, error: SendError);
}

/// Whether a server at `server` may call `other` its other address: another address of the same family, that can be one
/// host's, and not of this machine or its own network where the server is elsewhere.
pub fn believable(server: SocketAddr, other: SocketAddr) -> Result<(), &'static str> {
    let (here, there) = (server.ip().to_canonical(), other.ip().to_canonical());
    if here.is_ipv4() != there.is_ipv4() {
        return Err("names an OTHER-ADDRESS of another family");
    }
    if here == there {
        return Err("names its own address as its OTHER-ADDRESS");
    }
    if other.port() == 0 || other.port() == server.port() {
        return Err("names no other port in its OTHER-ADDRESS");
    }
    let scope = |ip: IpAddr| match ip {
        IpAddr::V4(a) if a.is_loopback() => Some(1),
        IpAddr::V6(a) if a.is_loopback() => Some(1),
        IpAddr::V4(a) if a.is_unspecified() || a.is_multicast() || a.is_broadcast() || a.octets()[0] == 0 => None,
        IpAddr::V6(a) if a.is_unspecified() || a.is_multicast() => None,
        IpAddr::V4(a) if a.is_link_local() => Some(2),
        IpAddr::V6(a) if a.is_unicast_link_local() => Some(2),
        IpAddr::V4(a) if a.is_private() => Some(3),
        IpAddr::V6(a) if a.is_unique_local() => Some(3),
        _ => Some(4),
    };
    match (scope(here), scope(there)) {
        (_, None) => Err("names an OTHER-ADDRESS that is no host's"),
        (Some(a), Some(b)) if b < a => Err("names an OTHER-ADDRESS of its own side of a NAT"),
        _ => Ok(()),
    }
}
