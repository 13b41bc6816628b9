//! A paced sweep over every port of a range whose far end answers STUN on each. Rounds go over the ports still silent
//! until loss alone can no longer explain a silence: with the loss measured on the way, ports x loss^rounds is below
//! 0.001 ports. Knows no socket and no verdict.

mod loss;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use self::loss::Loss;
use super::book::{Book, Ended, Hit, RangeOutcome};
use super::chance::Chance;
use super::pace::Pace;
use super::{Credential, IcmpError, SendError, Session, Transmit};
use crate::model::PortRange;
use crate::model::schedule::sweep::{LEAST_WAIT, MOST_WAIT, ROUNDS, first_wait, last_pace, scouts, slower};

/// How many open ports a sweep may be expected to call silent: a tenth of the 0.01 that is promised, because twenty
/// sweeps in a row should be right too.
const MISSED: f64 = 0.001;

/// A round in which more than this share was lost makes the next one slower: the pace itself may be the cause.
const TOO_LOSSY: f64 = 0.1;

/// What to sweep.
#[derive(Clone, Debug)]
pub struct SweepConfig {
    pub target: IpAddr,
    pub range: PortRange,
    /// Datagrams a second, at least 1.
    pub pace: u32,
    /// Repeats the order.
    pub seed: u64,
    /// Of the transaction ids; from a source nobody can guess.
    pub secret: [u8; 32],
    pub credential: Option<Credential>,
    /// Longer waits where nothing answers.
    pub patient: bool,
}

/// How far the sweep is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Ports spread over the range are asked first, twice if need be; so many times so far.
    Scouting(u8),
    /// All ports; so many rounds are through.
    Sweeping(u8),
    Over(Ended),
}

/// The sweep.
pub struct Sweep {
    config: SweepConfig,
    book: Book,
    /// Every port in the order in which rounds go over them; the first `scouts` are spread over the range.
    order: Vec<u16>,
    scouts: usize,
    /// The ports of this round and the next of them.
    queue: Vec<u16>,
    cursor: usize,
    stage: Stage,
    pace: Pace,
    per_second: u32,
    /// Set when the round's last datagram is out.
    wait_until: Option<Instant>,
    asked_at: Vec<Instant>,
    rtt: Option<Duration>,
    loss: Loss,
}

impl Sweep {
    /// Begins at `now`.
    pub fn new(now: Instant, config: SweepConfig) -> Self {
        let total = config.range.count() as usize;
        let mut chance = Chance::new(config.seed);
        let scouts = scouts(config.range.count()) as usize;
        let order = order(config.range, scouts, &mut chance);
        Self {
            book: Book::new(config.target, config.range, &config.secret, config.credential.clone()),
            queue: order.get(..scouts).unwrap_or(&order).to_vec(),
            order,
            scouts,
            cursor: 0,
            stage: Stage::Scouting(0),
            pace: Pace::new(now, config.pace),
            per_second: config.pace.max(1),
            wait_until: None,
            asked_at: vec![now; total],
            rtt: None,
            loss: Loss::default(),
            config,
        }
    }

    /// What was seen so far; [`Ended::Unfinished`] while it is not over.
    pub fn outcome(&self) -> RangeOutcome {
        let ended = match self.stage {
            Stage::Over(ended) => ended,
            _ => Ended::Unfinished,
        };
        RangeOutcome {
            loss: self.loss.first(),
            expected_missed: self.loss.left_silent(self.book.total()),
            rtt: self.rtt,
            ..self.book.outcome(ended, 2)
        }
    }

    /// Goes on when the ports of this round are through and the wait for their answers is over.
    fn turn(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        if self.book.settled_count() >= self.book.total() || self.book.cannot_send() {
            self.stage = Stage::Over(Ended::Complete);
        } else if matches!(self.stage, Stage::Scouting(_)) && self.book.reached() > 0 {
            self.begin_sweeping();
        } else if self.cursor >= self.queue.len() {
            let wait = self.wait();
            let until = *self.wait_until.get_or_insert(now + wait);
            if now >= until {
                self.next_round();
            }
        }
    }

    /// Something is there: the rest of the first round follows at once, scouts that were not asked yet included.
    fn begin_sweeping(&mut self) {
        let asked = if self.stage == Stage::Scouting(0) { self.cursor } else { self.scouts };
        self.queue = self.order.get(asked..).unwrap_or_default().to_vec();
        self.cursor = 0;
        self.wait_until = None;
        self.stage = Stage::Sweeping(0);
    }

    fn next_round(&mut self) {
        self.cursor = 0;
        self.wait_until = None;
        match self.stage {
            Stage::Scouting(0) => self.stage = Stage::Scouting(1),
            Stage::Scouting(_) => self.stage = Stage::Over(Ended::NothingAnswered),
            Stage::Sweeping(done) => self.next_sweep(done + 1),
            Stage::Over(_) => {}
        }
    }

    /// `rounds` are through: another one over the silent ports, unless loss can no longer explain their silence.
    fn next_sweep(&mut self, rounds: u8) {
        let needed = self.loss.rounds_needed(self.book.total(), MISSED, ROUNDS);
        self.loss.through(rounds);
        if rounds >= needed {
            self.stage = Stage::Over(Ended::Complete);
            return;
        }
        if self.loss.of_round(rounds.saturating_sub(2)).is_some_and(|share| share > TOO_LOSSY) {
            self.per_second = slower(self.per_second, self.config.pace);
        }
        self.queue = self.order.iter().copied().filter(|port| !self.book.settled(*port)).collect();
        let silent = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let last = rounds + 1 >= needed;
        self.pace.set(if last { last_pace(self.per_second, silent) } else { self.per_second });
        self.stage = Stage::Sweeping(rounds);
    }

    /// How long answers to the last datagram of a round are waited for.
    fn wait(&self) -> Duration {
        self.rtt.map_or(first_wait(self.config.patient), |rtt| (rtt * 2 + LEAST_WAIT / 2).clamp(LEAST_WAIT, MOST_WAIT))
    }

    /// The next port of the round that has not settled meanwhile.
    fn pick(&mut self) -> Option<u16> {
        while let Some(port) = self.queue.get(self.cursor).copied() {
            if !self.book.settled(port) {
                return Some(port);
            }
            self.cursor += 1;
        }
        None
    }

    fn asked_at(&mut self, port: u16) -> Option<&mut Instant> {
        let index = usize::from(port).checked_sub(usize::from(self.config.range.first()))?;
        self.asked_at.get_mut(index)
    }

    fn learn(&mut self, now: Instant, hit: Hit) {
        if hit.fresh {
            self.loss.answered(hit.attempt);
        }
        let took = self.asked_at(hit.port).map(|at| now.saturating_duration_since(*at));
        if hit.fresh && hit.latest {
            self.rtt = self.rtt.max(took);
        }
    }
}

/// Every port once: first `scouts` of them spread over the range, then the others, each part in an order by chance.
fn order(range: PortRange, scouts: usize, chance: &mut Chance) -> Vec<u16> {
    let mut first = chance.spread(range, scouts);
    let mut rest: Vec<u16> = range.iter().filter(|port| first.binary_search(port).is_err()).collect();
    chance.shuffle(&mut first);
    chance.shuffle(&mut rest);
    first.append(&mut rest);
    first
}

impl Session for Sweep {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.turn(now);
        if matches!(self.stage, Stage::Over(_)) {
            return None;
        }
        let Some(port) = self.pick() else {
            self.turn(now);
            return None;
        };
        if !self.pace.take(now) {
            return None;
        }
        self.cursor += 1;
        if let Some(at) = self.asked_at(port) {
            *at = now;
        }
        self.book.ask(port, buf)
    }

    fn wake(&self) -> Option<Instant> {
        match self.stage {
            Stage::Over(_) => None,
            _ => Some(self.wait_until.unwrap_or_else(|| self.pace.wake())),
        }
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if let Some(hit) = self.book.on_datagram(from, bytes) {
            self.learn(now, hit);
            self.turn(now);
        }
    }

    fn on_icmp(&mut self, now: Instant, error: &IcmpError) {
        self.book.on_icmp(error);
        self.turn(now);
    }

    fn on_send_error(&mut self, _: Instant, to: SocketAddr, error: SendError) {
        self.book.not_sent(to, error);
    }

    fn progress(&self) -> (u32, u32) {
        (self.book.settled_count(), self.book.total())
    }
}
