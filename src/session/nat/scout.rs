//! Asks several STUN servers side by side: which of them answer, what they see, and which could show more (RFC 5780).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::asks::{Asks, Pace, Place, Question};
use super::{Sockets, believable};
use crate::session::{Credential, IcmpError, SendError, Transmit};
use crate::wire::stun::discovery::Wanted;

/// Requests at 0, 0.25, 0.75, 1.75 and 3.75 s, given up after 5 s: a healthy path that loses 10 % each way looks silent once
/// in 4,000 times.
const PACE: Pace = Pace {
    gap: Duration::from_millis(250),
    doubling: true,
    most: 5,
    patience: Duration::from_millis(1250),
    every: false,
};

/// The longest that scouting takes.
pub const LONGEST: Duration = Duration::from_secs(5);

/// How long the others are waited for once one has answered that cannot show more.
const GRACE: Duration = Duration::from_millis(1500);

/// What became of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub server: SocketAddr,
    pub ending: Ending,
}

/// How asking it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Answered(Answer),
    Error(u16, String),
    Icmp(IcmpError),
    NotSent(SendError),
    Silence,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub mapped: Option<SocketAddr>,
    /// Its other address; or why it has none that can be used.
    pub other: Result<SocketAddr, &'static str>,
    pub software: Option<String>,
    pub responder: Option<u16>,
    pub rtt: Duration,
    /// It took the responder's key.
    pub signed: bool,
}

/// The session.
pub struct Scout {
    servers: Vec<(SocketAddr, Place)>,
    asks: Asks,
    first_answer: Option<Instant>,
    over: bool,
    pub sent: u32,
}

impl Scout {
    /// Begins at `now`. `secret` makes the transaction ids.
    pub fn new(now: Instant, servers: &[SocketAddr], secret: &[u8; 32], credential: Option<Credential>) -> Self {
        let mut asks = Asks::new(secret, credential);
        let mut ask = |to: SocketAddr| {
            let question = Question { socket: 0, to, wanted: Wanted::default(), listen: 0, pace: PACE };
            (crate::session::canonical(to), asks.ask(question, now))
        };
        let servers = servers.iter().map(|s| ask(*s)).collect();
        Self { servers, asks, first_answer: None, over: false, sent: 0 }
    }

    /// What was found, in the servers' order.
    pub fn found(&self) -> Vec<Found> {
        self.servers
            .iter()
            .map(|(server, place)| Found { server: *server, ending: self.ending(*server, *place) })
            .collect()
    }

    fn ending(&self, server: SocketAddr, place: Place) -> Ending {
        let Some(ask) = self.asks.get(place) else { return Ending::Silence };
        if let Some(reply) = ask.plain() {
            let other = reply.other.ok_or("names no OTHER-ADDRESS");
            return Ending::Answered(Answer {
                mapped: reply.mapped,
                other: other.and_then(|other| believable(server, other).map(|()| other)),
                software: reply.software.clone(),
                responder: reply.responder,
                rtt: reply.rtt,
                signed: self.asks.was_signed(place),
            });
        }
        match (&ask.error, ask.icmp, ask.not_sent) {
            (Some((code, reason)), _, _) => Ending::Error(*code, reason.clone()),
            (None, Some(icmp), _) => Ending::Icmp(icmp),
            (None, None, Some(error)) => Ending::NotSent(error),
            (None, None, None) => Ending::Silence,
        }
    }

    fn capable(&self) -> bool {
        let can = |e: Ending| matches!(e, Ending::Answered(Answer { other: Ok(_), .. }));
        self.servers.iter().any(|(server, place)| can(self.ending(*server, *place)))
    }
}

impl Sockets for Scout {
    fn on_open(&mut self, _: usize, _: SocketAddr) {}

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<(usize, Transmit)> {
        self.over |= self.first_answer.is_some_and(|at| now >= at + GRACE);
        let transmit = (!self.over).then(|| self.asks.poll_transmit(now, buf)).flatten();
        self.sent = self.asks.datagrams;
        transmit
    }

    fn wake(&self) -> Option<Instant> {
        let next = self.asks.wake().filter(|_| !self.over)?;
        Some(self.first_answer.map_or(next, |at| next.min(at + GRACE)))
    }

    fn on_datagram(&mut self, now: Instant, number: usize, from: SocketAddr, bytes: &[u8]) {
        self.asks.on_datagram(now, number, from, bytes);
        if self.servers.iter().any(|(_, place)| self.asks.get(*place).is_some_and(|a| a.plain().is_some())) {
            self.first_answer.get_or_insert(now);
        }
        self.over |= self.capable();
    }

    fn on_icmp(&mut self, _: Instant, number: usize, error: &IcmpError) {
        self.asks.on_icmp(number, error);
    }

    fn on_send_error(&mut self, _: Instant, number: usize, to: SocketAddr, error: SendError) {
        self.asks.on_send_error(number, to, error);
    }
}
