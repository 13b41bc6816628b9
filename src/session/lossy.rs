//! A lossy link with delay in virtual time, and a far end whose ports behave as a test says: drives a session to its end
//! without a socket or a clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::{IcmpError, Session};
use crate::wire::stun::{MAX_WRITTEN, Message, write_binding_success};

/// What a port of the far end does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Far {
    /// Answers as our responder.
    Responder,
    /// Answers as any STUN server.
    Stun,
    /// ICMP port unreachable from the target, within Linux's budget: six at once, then one a second.
    Closed,
    /// A firewall that says so, from another address.
    Prohibited,
    /// A firewall that says nothing.
    Dropped,
    /// Answers from the next port.
    WrongPort,
    /// Answers with another transaction id.
    WrongId,
    /// Sends the request back.
    Echo,
}

/// The link and the far end.
pub(super) struct Link<F> {
    pub chance: Chance,
    /// Loss of each way, 0 to 1.
    pub loss: f64,
    pub one_way: Duration,
    pub far: F,
    /// ICMP errors that the target may still send.
    budget: Bucket,
    /// A limit on the rate somewhere on the way there.
    pub policer: Option<Bucket>,
    /// When each datagram was sent.
    pub sent: Vec<(Instant, u16)>,
}

/// A token bucket.
pub(super) struct Bucket {
    tokens: f64,
    most: f64,
    per_second: f64,
    since: Instant,
}

impl Bucket {
    pub fn new(start: Instant, most: f64, per_second: f64) -> Self {
        Self { tokens: most, most, per_second, since: start }
    }

    pub fn take(&mut self, at: Instant) -> bool {
        let grown = at.saturating_duration_since(self.since).as_secs_f64() * self.per_second;
        (self.tokens, self.since) = ((self.tokens + grown).min(self.most), at);
        let allowed = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(allowed));
        allowed
    }
}

enum Arrival {
    Datagram(SocketAddr, Vec<u8>),
    Icmp(IcmpError),
}

#[expect(clippy::disallowed_methods, reason = "an Instant can be made in no other way")]
pub(super) fn zero() -> Instant {
    Instant::now()
}

pub(super) const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

impl<F: Fn(u16) -> Far> Link<F> {
    pub fn new(start: Instant, seed: u64, loss: f64, rtt_ms: u64, far: F) -> Self {
        let one_way = Duration::from_micros(rtt_ms * 500);
        Self {
            chance: Chance::new(seed),
            loss,
            one_way,
            far,
            budget: Bucket::new(start, 6.0, 1.0),
            policer: None,
            sent: Vec::new(),
        }
    }

    fn lost(&mut self) -> bool {
        (self.chance.next() as f64) < self.loss * u64::MAX as f64
    }

    /// What the far end does with a datagram that reaches it at `at`.
    fn react(&mut self, at: Instant, to: SocketAddr, bytes: &[u8]) -> Option<Arrival> {
        let mut buf = [0; MAX_WRITTEN];
        let id = Message::read(bytes).unwrap().id();
        let mapped = "203.0.113.5:40000".parse().unwrap();
        let mut answer = |id, marker| {
            let len = write_binding_success(&mut buf, id, mapped, marker, None).unwrap();
            assert!(len <= bytes.len(), "an answer is never longer than its request");
            buf[..len].to_vec()
        };
        let icmp = |code, from| Arrival::Icmp(IcmpError { kind: 3, code, from: Some(from), to });
        Some(match (self.far)(to.port()) {
            Far::Responder => Arrival::Datagram(to, answer(id, true)),
            Far::Stun => Arrival::Datagram(to, answer(id, false)),
            Far::WrongPort => Arrival::Datagram(SocketAddr::new(to.ip(), to.port() ^ 1), answer(id, true)),
            Far::WrongId => Arrival::Datagram(to, answer([9; 12], true)),
            Far::Echo => Arrival::Datagram(to, bytes.to_vec()),
            Far::Prohibited => icmp(13, ROUTER),
            Far::Closed if self.budget.take(at) => icmp(3, to.ip()),
            Far::Closed | Far::Dropped => return None,
        })
    }

    /// Drives `session` from `start` until it is over, and answers how long that took.
    pub fn run(&mut self, start: Instant, session: &mut impl Session) -> Duration {
        let mut buf = [0; MAX_WRITTEN];
        let mut air: BinaryHeap<Reverse<(Instant, usize)>> = BinaryHeap::new();
        let mut arrivals: Vec<Option<Arrival>> = Vec::new();
        let mut now = start;
        for _ in 0..10_000_000 {
            while let Some(transmit) = session.poll_transmit(now, &mut buf) {
                self.sent.push((now, transmit.to.port()));
                let policed = self.policer.as_mut().is_some_and(|p| !p.take(now));
                if policed || self.lost() {
                    continue;
                }
                let arrival = self.react(now + self.one_way, transmit.to, &buf[..transmit.len]);
                if arrival.is_some() && !self.lost() {
                    air.push(Reverse((now + self.one_way * 2, arrivals.len())));
                    arrivals.push(arrival);
                }
            }
            let Some(wake) = session.wake() else { return now - start };
            match air.peek() {
                Some(Reverse((at, index))) if *at <= wake => {
                    now = now.max(*at);
                    match arrivals[*index].take() {
                        Some(Arrival::Datagram(from, bytes)) => session.on_datagram(now, from, &bytes),
                        Some(Arrival::Icmp(error)) => session.on_icmp(now, &error),
                        None => {}
                    }
                    air.pop();
                }
                _ => now = now.max(wake),
            }
        }
        panic!("the session never ends");
    }
}
