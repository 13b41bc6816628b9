//! Sans-IO protocol machines: bytes, ICMP errors and `now` in; datagrams, the next wake-up and the outcome out. They
//! know no socket, no clock and no verdict; time, secrets and seeds are arguments, so that a test runs them over a
//! lossy link in virtual time.

pub mod access;
pub mod ask;
pub mod binding;
mod book;
mod chance;
pub mod flow;
pub mod granted;
pub mod gre;
pub mod ice_lite;
mod icmp;
mod ids;
pub mod janus;
pub mod limits;
#[cfg(test)]
mod lossy;
pub mod nat;
mod pace;
pub mod path_mtu;
pub mod rates;
pub mod reflector;
pub mod sample;
pub mod stamp;
pub mod sweep;
pub mod trace;
pub mod train;
pub mod turn;

use std::net::SocketAddr;
use std::time::Instant;

pub use access::bearer_token;
pub use book::{Astray, Ended, RangeOutcome, Strays};
pub use icmp::{IcmpError, Meaning};

/// A datagram that a session wrote: its first `len` bytes of the buffer go to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    pub to: SocketAddr,
    pub len: usize,
}

/// What the system told of a datagram's arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// Datagrams that the socket has dropped for want of room since it was opened.
    pub overflow: u32,
}

/// Why this machine itself would not send a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// EPERM or EACCES: a firewall on this machine.
    Prohibited,
    /// ENETUNREACH or EADDRNOTAVAIL: no address or route in the family.
    NoRoute,
    /// EHOSTUNREACH: a route that leads nowhere.
    Unreachable,
    /// EMSGSIZE: longer than the path takes.
    TooBig,
    /// Another error, by its number.
    Other(i32),
}

/// What drives a session, `net::udp` or a test, needs of it.
pub trait Session {
    /// Writes the datagram that is due at `now` into `buf`; `None` when none is due, and then [`wake`](Self::wake)
    /// says when to ask again. To be asked until it answers `None`.
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit>;

    /// When to ask again although nothing came; `None` when the session is over.
    fn wake(&self) -> Option<Instant>;

    /// A datagram came from `from`.
    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]);

    /// The same, with all that a precise driver knows of its arrival; `at` is the kernel's time of it.
    fn on_arrival(&mut self, at: Instant, from: SocketAddr, bytes: &[u8], _arrival: Arrival) {
        self.on_datagram(at, from, bytes);
    }

    /// An ICMP error came for a datagram of this session.
    fn on_icmp(&mut self, now: Instant, error: &IcmpError);

    /// The datagram last written to `to` could not be sent.
    fn on_send_error(&mut self, now: Instant, to: SocketAddr, error: SendError);

    /// It is stopped before its end: writes what must still be sent, of which no answer will be waited for.
    fn farewell(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        None
    }

    /// So many of so many parts are done.
    fn progress(&self) -> (u32, u32) {
        (0, 0)
    }
}

/// The key of a restricted responder and the name it goes by; cannot be printed.
#[derive(Clone)]
pub struct Credential {
    key_id: String,
    key: Vec<u8>,
}

impl Credential {
    /// Takes a copy of the key.
    pub fn new(key: &[u8]) -> Self {
        Self { key_id: crate::wire::stun::key_id(key), key: key.to_vec() }
    }

    fn auth(&self) -> crate::wire::stun::Auth<'_> {
        crate::wire::stun::Auth { key_id: &self.key_id, key: &self.key }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({}, ..)", self.key_id)
    }
}

/// Writes a Binding request with `id`, padded so that no answer of a responder is longer.
fn write_request(
    buf: &mut [u8],
    id: crate::wire::stun::TransactionId,
    credential: Option<&Credential>,
) -> Option<usize> {
    let auth = credential.map(Credential::auth);
    crate::wire::stun::write_binding_request(buf, id, auth, crate::wire::stun::request_len(auth.is_some()))
}

/// The address without the IPv4-mapped form that a dual-stack socket shows.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
