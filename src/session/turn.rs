//! A session through a TURN relay (RFC 8656): allocation, permission and channel, then another session whose datagrams go
//! through it, and at the end the allocation given back. Knows no socket, no clock, no transport but whether it is a
//! stream, and nothing of what the session inside is about.
//!
//! ```text
//! allocating ──401: realm and nonce──▶ allocating ──▶ opening (permission and channel) ──▶ running ──▶ releasing ──▶ over
//! ```

mod outcome;
mod plan;

use std::time::Instant;

pub use outcome::{At, Ending, Outcome, Relay, TurnError};
pub use plan::{Login, Peer, TurnPlan, rest};

use super::{Arrival, IcmpError, SendError, Session, Transmit};

/// A session through a relay. To its driver it is one session with the TURN server: all it sends goes there. On a stream
/// each datagram is a frame, which the driver pads (`wire::turn::frames::padding`) and hands in one by one.
pub struct Relayed<S> {
    outcome: Outcome,
    make: Option<Box<dyn FnOnce(&Relay, Instant) -> S + Send>>,
    inner: Option<S>,
}

impl<S: Session> Relayed<S> {
    /// Begins at `now`. `make` makes the session inside once the channel is bound; what it sends must go to
    /// [`Relay::peer`].
    pub fn new(_plan: TurnPlan, make: impl FnOnce(&Relay, Instant) -> S + Send + 'static, _now: Instant) -> Self {
        Self { outcome: Outcome::default(), make: Some(Box::new(make)), inner: None }
    }

    /// What came of it until `now`, and the session inside where there was one.
    pub fn finish(self, _now: Instant) -> (Outcome, Option<S>) {
        (self.outcome, self.inner)
    }
}

impl<S: Session> Session for Relayed<S> {
    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        None
    }

    fn wake(&self) -> Option<Instant> {
        self.make.as_ref().and(None)
    }

    fn on_datagram(&mut self, at: Instant, from: std::net::SocketAddr, bytes: &[u8]) {
        self.on_arrival(at, from, bytes, Arrival::default());
    }

    fn on_icmp(&mut self, _now: Instant, _error: &IcmpError) {}

    fn on_send_error(&mut self, _now: Instant, _to: std::net::SocketAddr, _error: SendError) {}
}
