//! One STUN Binding transaction with its retransmissions (RFC 8489 section 6.2.1), and a few more with fresh ids for the
//! round trip. Knows no socket and no verdict.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::ids::Ids;
use super::{Credential, IcmpError, Meaning, SendError, Session, Strays, Transmit, canonical, write_request};
use crate::wire::stun::{BINDING, Class, Message, ReadError};

/// Fresh transactions after the first answer, for the round trip.
const SAMPLES: u8 = 3;

/// EPERM so often, and nothing that ever left: once may be a full connection-tracking table.
const KEPT_BACK: u8 = 2;

/// When to send again and when to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Wait after the first request; doubles with each.
    pub rto: Duration,
    /// Rc: how many requests.
    pub requests: u8,
    /// Rm: the wait after the last request, in initial RTOs.
    pub last_wait: u32,
}

impl Schedule {
    /// Requests at 0, 0.5, 1.5 and 3.5 s, given up after 5.5 s: a healthy path that loses 10 % each way looks silent
    /// once in 770 times.
    pub const QUICK: Self = Self { rto: Duration::from_millis(500), requests: 4, last_wait: 4 };

    /// RFC 8489 section 6.2.1 in full: seven requests, given up after 39.5 s.
    pub const THOROUGH: Self = Self { rto: Duration::from_millis(500), requests: 7, last_wait: 16 };

    /// The wait after request number `sent`, from 1.
    fn wait(self, sent: u8) -> Duration {
        if sent >= self.requests { self.rto * self.last_wait } else { self.rto * (1 << u32::from(sent - 1).min(16)) }
    }

    /// From the first request to giving up.
    pub fn longest(self) -> Duration {
        (1..=self.requests).map(|n| self.wait(n)).sum()
    }
}

/// What ended the transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A success response.
    Answered(Answer),
    /// An error response: number and reason.
    Error(u16, String),
    /// A hard ICMP error: refused by the target itself, or prohibited on the way.
    Icmp(IcmpError),
    /// This machine would not send.
    NotSent(SendError),
    /// No answer to all requests.
    Silence,
}

/// A success response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// This machine's address as the server saw it.
    pub mapped: Option<SocketAddr>,
    /// SOFTWARE, fit to be shown.
    pub software: Option<String>,
    /// Version of the rtc-check responder, if it is one.
    pub responder: Option<u16>,
}

/// Everything that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingOutcome {
    /// `None` while it is under way.
    pub ending: Option<Ending>,
    /// Requests of the first transaction.
    pub sent: u8,
    /// Round trips of requests that were not retransmitted, ascending.
    pub rtts: Vec<Duration>,
    /// From the first request to the end of the first transaction.
    pub took: Duration,
    /// The last ICMP error that came, the hard one if it ended so.
    pub icmp: Option<IcmpError>,
    /// What came from the right address and port and was no STUN answer, in words.
    pub garbage: Option<String>,
    pub strays: Strays,
}

/// The transaction.
pub struct Binding {
    target: SocketAddr,
    schedule: Schedule,
    credential: Option<Credential>,
    ids: Ids,
    started: Instant,
    sent_at: Instant,
    next: Instant,
    /// Which transaction: 0 is the one that counts, later ones only measure.
    transaction: u8,
    /// Requests of this transaction that were due, whether they left or not.
    sent: u8,
    /// How many of the first transaction this machine's own rules kept back.
    kept_back: u8,
    over: bool,
    outcome: BindingOutcome,
}

impl Binding {
    /// Begins at `now`. `secret` makes the transaction ids and comes from a source nobody can guess.
    pub fn new(
        now: Instant,
        target: SocketAddr,
        schedule: Schedule,
        secret: &[u8; 32],
        credential: Option<Credential>,
    ) -> Self {
        Self {
            target: canonical(target),
            schedule,
            credential,
            ids: Ids::new(secret),
            started: now,
            sent_at: now,
            next: now,
            transaction: 0,
            sent: 0,
            kept_back: 0,
            over: false,
            outcome: BindingOutcome {
                ending: None,
                sent: 0,
                rtts: Vec::new(),
                took: Duration::ZERO,
                icmp: None,
                garbage: None,
                strays: Strays::default(),
            },
        }
    }

    /// What was seen so far.
    pub fn outcome(&self) -> BindingOutcome {
        let mut outcome = self.outcome.clone();
        outcome.rtts.sort_unstable();
        outcome
    }

    /// Ends the first transaction, or the measuring.
    fn end(&mut self, now: Instant, ending: Ending) {
        let answered = matches!(ending, Ending::Answered(_));
        if self.transaction == 0 {
            self.outcome.took = now.saturating_duration_since(self.started);
            self.outcome.ending = Some(ending);
        }
        self.over = !answered || self.transaction >= SAMPLES;
        self.transaction += 1;
        self.sent = 0;
        self.next = now;
    }

    /// A response with our transaction id.
    fn on_response(&mut self, now: Instant, message: &Message<'_>) {
        if self.transaction > 0 || self.outcome.sent == 1 {
            // Karn: an answer to one of several requests tells no round trip.
            self.outcome.rtts.push(now.saturating_duration_since(self.sent_at));
        }
        let ending = match (message.class(), message.error_code()) {
            (Class::Error, code) => code.map_or(Ending::Error(0, String::new()), |(n, why)| Ending::Error(n, why)),
            _ => Ending::Answered(Answer {
                mapped: message.mapped_address(),
                software: message.software(),
                responder: message.responder(),
            }),
        };
        self.end(now, ending);
    }

    fn not_stun(&mut self, words: String) {
        self.outcome.strays.not_stun = self.outcome.strays.not_stun.saturating_add(1);
        self.outcome.garbage.get_or_insert(words);
    }
}

impl Session for Binding {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.over || now < self.next {
            return None;
        }
        let requests = if self.transaction == 0 { self.schedule.requests } else { 1 };
        if self.sent >= requests {
            self.end(now, Ending::Silence);
            return None;
        }
        let id = self.ids.id(self.target.port(), self.transaction);
        let len = write_request(buf, id, self.credential.as_ref())?;
        self.sent += 1;
        self.outcome.sent += u8::from(self.transaction == 0);
        self.sent_at = now;
        self.next = now + if self.transaction == 0 { self.schedule.wait(self.sent) } else { self.schedule.rto };
        Some(Transmit { to: self.target, len })
    }

    fn wake(&self) -> Option<Instant> {
        (!self.over).then_some(self.next)
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if self.over || self.sent == 0 {
            return;
        }
        if canonical(from) != self.target {
            self.outcome.strays.wrong_source = self.outcome.strays.wrong_source.saturating_add(1);
            return;
        }
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(ReadError::NotStun) => return self.not_stun(format!("{} bytes that are not STUN", bytes.len())),
            Err(error) => return self.not_stun(error.to_string()),
        };
        if message.id() != self.ids.id(self.target.port(), self.transaction) || message.method() != BINDING {
            self.outcome.strays.wrong_id = self.outcome.strays.wrong_id.saturating_add(1);
        } else if message.fingerprint_ok() == Some(false) {
            self.not_stun("a STUN message with a wrong FINGERPRINT".to_owned());
        } else if !matches!(message.class(), Class::Success | Class::Error) {
            self.not_stun("our own request, sent back".to_owned());
        } else {
            self.on_response(now, &message);
        }
    }

    fn on_icmp(&mut self, now: Instant, error: &IcmpError) {
        if self.over || canonical(error.to) != self.target || self.transaction > 0 {
            return;
        }
        self.outcome.icmp = Some(*error);
        if matches!(error.meaning(), Meaning::Refused | Meaning::Prohibited) {
            self.end(now, Ending::Icmp(*error));
        }
    }

    fn on_send_error(&mut self, now: Instant, _: SocketAddr, error: SendError) {
        if self.transaction > 0 {
            self.over = true;
            return;
        }
        self.outcome.sent = self.outcome.sent.saturating_sub(1);
        self.kept_back += u8::from(error == SendError::Prohibited);
        // The next request is due as if this one had left.
        let again = self.outcome.sent > 0 || self.kept_back < KEPT_BACK;
        if error != SendError::Prohibited || !again {
            self.end(now, Ending::NotSent(error));
        }
    }
}
