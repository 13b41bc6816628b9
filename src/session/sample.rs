//! A sample of a range whose far end is not a responder: closed ports answer with ICMP port unreachable, of which Linux
//! sends one peer six at once and then one a second, so six ports are asked at once, then one a second, and silent ones
//! again, alone. Knows no socket and no verdict.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::book::{Book, Ended, RangeOutcome};
use super::chance::Chance;
use super::{Credential, IcmpError, SendError, Session, Transmit};
use crate::model::PortRange;
use crate::model::schedule::sample::{ASKS, BURST, FEW, GAP, MORE};

/// When so many datagrams went out and nothing at all came back, more would tell no more.
const GIVE_UP_AFTER: u32 = 16;

/// What to sample.
#[derive(Clone, Debug)]
pub struct SampleConfig {
    pub target: IpAddr,
    pub range: PortRange,
    /// How many ports; all if the range has no more.
    pub count: u16,
    /// Repeats the choice.
    pub seed: u64,
    /// Of the transaction ids; from a source nobody can guess.
    pub secret: [u8; 32],
    pub credential: Option<Credential>,
}

/// The sample.
pub struct Sample {
    book: Book,
    queue: Vec<u16>,
    cursor: usize,
    round: u8,
    next: Instant,
    total: u32,
    ended: Option<Ended>,
}

/// Both ends, the middle and ports spread by chance, in the order in which they are to be asked.
fn choose(range: PortRange, count: usize, seed: u64) -> Vec<u16> {
    let middle = u16::try_from(u32::midpoint(range.first().into(), range.last().into())).unwrap_or(range.first());
    let mut chosen = vec![range.first(), range.last(), middle];
    chosen.dedup();
    chosen.truncate(count.max(1));
    let mut chance = Chance::new(seed);
    let mut more = chance.spread(range, count);
    chance.shuffle(&mut more);
    // A second, denser spread makes up for ports that were chosen already.
    let mut spare = chance.spread(range, count.saturating_mul(4));
    chance.shuffle(&mut spare);
    for port in more.into_iter().chain(spare).chain(range.iter().take(count)) {
        if chosen.len() < count && !chosen.contains(&port) {
            chosen.push(port);
        }
    }
    chosen
}

impl Sample {
    /// Begins at `now`.
    pub fn new(now: Instant, config: SampleConfig) -> Self {
        let count = usize::from(config.count).min(config.range.count() as usize);
        let queue = choose(config.range, count, config.seed);
        Self {
            book: Book::new(config.target, config.range, &config.secret, config.credential),
            total: u32::try_from(queue.len()).unwrap_or(u32::MAX),
            queue,
            cursor: 0,
            round: 0,
            next: now,
            ended: None,
        }
    }

    /// What was seen so far; [`Ended::Unfinished`] while it is not over.
    pub fn outcome(&self) -> RangeOutcome {
        self.book.outcome(self.ended.unwrap_or(Ended::Unfinished), 1)
    }

    /// Decides whether it is over, and begins the next round when one is through.
    fn turn(&mut self, now: Instant) {
        if self.ended.is_some() || now < self.next {
            // The last one asked may still answer.
        } else if self.book.cannot_send() {
            self.ended = Some(Ended::Complete);
        } else if self.hopeless() {
            self.ended = Some(Ended::NothingAnswered);
        } else if self.cursor >= self.queue.len() {
            self.queue.retain(|port| !self.book.settled(*port));
            self.round += 1;
            self.cursor = 0;
            let asks = if self.queue.len() <= usize::from(FEW) { ASKS + MORE } else { ASKS };
            if self.queue.is_empty() || self.round >= asks {
                self.ended = Some(Ended::Complete);
            }
        }
    }

    /// Enough went out, some of it again, and neither an answer nor a refusal came.
    fn hopeless(&self) -> bool {
        self.book.reached() == 0 && self.round > 0 && self.book.sent() >= GIVE_UP_AFTER.min(2 * self.total)
    }

    /// The next port in the queue that has not settled meanwhile.
    fn pick(&mut self) -> Option<u16> {
        while let Some(port) = self.queue.get(self.cursor).copied() {
            self.cursor += 1;
            if !self.book.settled(port) {
                return Some(port);
            }
        }
        None
    }

    /// Ends at once when a responder shows itself or the last port has settled.
    fn settle(&mut self) {
        if self.ended.is_none() && self.book.responder().is_some() {
            self.ended = Some(Ended::ResponderFound);
        } else if self.ended.is_none() && self.book.settled_count() >= self.total {
            self.ended = Some(Ended::Complete);
        }
    }
}

impl Session for Sample {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.turn(now);
        let in_burst = self.round == 0 && self.cursor > 0 && self.cursor < usize::from(BURST);
        if self.ended.is_some() || (now < self.next && !in_burst) {
            return None;
        }
        let transmit = self.pick().and_then(|port| self.book.ask(port, buf))?;
        self.next = now + GAP;
        Some(transmit)
    }

    fn wake(&self) -> Option<Instant> {
        self.ended.is_none().then_some(self.next)
    }

    fn on_datagram(&mut self, _: Instant, from: SocketAddr, bytes: &[u8]) {
        self.book.on_datagram(from, bytes);
        self.settle();
    }

    fn on_icmp(&mut self, _: Instant, error: &IcmpError) {
        self.book.on_icmp(error);
        self.settle();
    }

    fn on_send_error(&mut self, _: Instant, to: SocketAddr, error: SendError) {
        self.book.not_sent(to, error);
    }

    fn progress(&self) -> (u32, u32) {
        (self.book.settled_count(), self.total)
    }
}
