//! The search for what a line carries one way, in the manner of RFC 9097: it starts low, rises fast until the delay
//! rises or packets are lost, then keeps close to the rate that arrives. What counts in the end is what arrived.

use super::record::{Interval, Record};
use super::shape::SEARCH_LEN;
use super::{MS, S};

/// Where it begins, in kbit/s at the IP level.
const FIRST_KBPS: f64 = 120.0;
/// Steps of the ramp and, once the line was full, of the fine search.
const RAMP: f64 = 1.5;
const FINE: f64 = 1.02;
/// A rise of the mean delay by so much is a queue (RFC 9097's lower threshold is 30 ms).
const QUEUE_NS: i64 = 25 * MS as i64;
/// What arrived is undercut by so much until the queue is empty: after the ramp, which overshoots far, and later.
const BELOW: f64 = 0.9;
const BELOW_FINE: f64 = 0.97;
/// So many fine steps without a sign of a full line show that it was not full: the ramp goes on.
const CLEAN_STEPS: u32 = 12;
/// Below this rise the queue counts as empty again.
const EMPTY_NS: i64 = 8 * MS as i64;
/// A loss of so much, and of so many packets, is a full line's; random loss on a way that carries media is less.
const LOSS: f64 = 0.08;
const LEAST_LOST: u32 = 4;
/// So many packets must have come since a rate was set before it is judged.
const LEAST_PACKETS: u32 = 3;
/// The fine search goes on for so long.
const FINE_FOR: u64 = 3 * S;
/// A sender that offers less than this share of what it should is at its own limit.
const KEEPS_UP: f64 = 0.85;

/// Where the search stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Ramp,
    /// Below what the line carries, until its queue is empty.
    Drain {
        since: u64,
    },
    Fine,
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    kbps: f64,
    ceiling: f64,
    headers: u32,
    stage: u16,
    phase: Phase,
    /// Delay without a queue, as arrival minus departure: the least mean of an interval. That of a ping would not do: on
    /// a slow line a packet of this size takes longer by itself.
    base: Option<i64>,
    changed_at: u64,
    received_then: u32,
    heard_at: u64,
    /// Index of the first interval after the line was seen to be full, and when that was.
    full: Option<(usize, u64)>,
    below: f64,
    clean: u32,
    /// Steps at which the sender could not keep up, one after the other.
    behind: u32,
    own_limit: bool,
    overflow: u32,
    /// Length of the record when it ended.
    end: Option<usize>,
}

impl Search {
    /// Up to `ceiling` kbit/s, with so many bytes of headers a packet.
    pub fn new(ceiling: f64, headers: u32, now: u64) -> Self {
        Self {
            kbps: FIRST_KBPS.min(ceiling),
            ceiling,
            headers,
            stage: 1,
            phase: Phase::Ramp,
            base: None,
            changed_at: now,
            received_then: 0,
            heard_at: now,
            full: None,
            below: BELOW,
            clean: 0,
            behind: 0,
            own_limit: false,
            overflow: 0,
            end: None,
        }
    }

    /// What is to be sent, and the stage that it is.
    pub fn rate(&self) -> (f64, u16) {
        (self.kbps, self.stage)
    }

    /// Ends it; what is recorded from now on is not its own. Answers what arrived, or the rate where nothing did.
    pub fn end(&mut self, record: &Record) -> f64 {
        self.end = Some(record.intervals.len());
        found(record, self).map_or(self.kbps, |f| f.kbps).max(FIRST_KBPS)
    }

    /// Whether enough is known.
    pub fn is_over(&self, now: u64) -> bool {
        self.full.is_some_and(|(_, at)| now.saturating_sub(at) >= FINE_FOR)
    }

    /// The rate is not the line's but this machine's, the peer's or the search's own.
    pub fn own_limit(&self) -> bool {
        self.own_limit || self.full.is_none()
    }

    /// Where the record of a full line begins.
    pub fn full_from(&self) -> Option<usize> {
        self.full.map(|(index, _)| index)
    }

    /// The last entry of `record` is new.
    pub fn on_feedback(&mut self, record: &Record, now: u64) {
        let Some(last) = record.intervals.last() else { return };
        self.heard_at = now;
        let news = News::of(record, self.headers);
        if let Some(delay) = last.delay {
            self.base = Some(self.base.map_or(delay, |b| b.min(delay)));
        }
        let rise = last.delay.zip(self.base).map_or(0, |(d, b)| d.saturating_sub(b));
        let overflowed = record.last.overflow > self.overflow;
        self.overflow = record.last.overflow;
        let full = rise > QUEUE_NS + self.packet_time() || news.loss > LOSS || overflowed;
        let heard = record.last.last_stage == self.stage
            && record.last.received.saturating_sub(self.received_then) >= LEAST_PACKETS;
        self.own_limit |= overflowed;
        match self.phase {
            Phase::Drain { since } => self.drained(record, rise, full, now, since),
            _ if full => self.back_off(record, &news, now),
            Phase::Ramp if heard && self.rested(50 * MS, now) => self.keep_up(record, now, RAMP),
            Phase::Fine if heard && self.rested(100 * MS, now) => self.fine_step(record, now),
            _ => {}
        }
    }

    /// Nothing was told for `patience`: what is sent may be too much for that.
    pub fn on_time(&mut self, record: &Record, now: u64, patience: u64) {
        if now.saturating_sub(self.heard_at) > patience {
            self.heard_at = now;
            self.set(self.kbps / 2.0, record, now);
        }
    }

    /// What a packet takes at the rate, in nanoseconds.
    fn packet_time(&self) -> i64 {
        (f64::from((u32::from(SEARCH_LEN) + self.headers) * 8) * 1e6 / self.kbps) as i64
    }

    fn rested(&self, time: u64, now: u64) -> bool {
        now.saturating_sub(self.changed_at) >= time
    }

    fn drained(&mut self, record: &Record, rise: i64, full: bool, now: u64, since: u64) {
        let waited = now.saturating_sub(since);
        if (rise < EMPTY_NS + self.packet_time() / 2 && !full) || waited > S / 2 {
            self.phase = Phase::Fine;
            // From below the rate that arrived to it.
            self.set(self.kbps / self.below, record, now);
        }
    }

    fn back_off(&mut self, record: &Record, news: &News, now: u64) {
        if self.full.is_none() {
            self.full = Some((record.intervals.len(), now));
        }
        let arrived = news.kbps.unwrap_or(self.kbps / 2.0);
        self.below = if self.phase == Phase::Fine { BELOW_FINE } else { BELOW };
        self.clean = 0;
        self.phase = Phase::Drain { since: now };
        self.set((arrived * self.below).min(self.kbps), record, now);
    }

    fn fine_step(&mut self, record: &Record, now: u64) {
        self.clean += 1;
        if self.clean > CLEAN_STEPS && !self.own_limit {
            (self.phase, self.full) = (Phase::Ramp, None);
        }
        self.keep_up(record, now, FINE);
    }

    /// Another step up, unless the sender does not manage this one, or there is none.
    fn keep_up(&mut self, record: &Record, now: u64, step: f64) {
        let offered = recent(record, self.headers, 100 * MS, |i| i.expected);
        // Packets of the two rates before may be among those that came.
        let least = KEEPS_UP * self.kbps / (step * step);
        self.behind = if offered.is_some_and(|o| o < least) { self.behind + 1 } else { 0 };
        if self.behind >= 4 || self.kbps >= self.ceiling {
            self.own_limit |= self.full.is_none();
            if let (Some(offered), true) = (offered, self.behind >= 4) {
                self.set(offered, record, now);
            }
            if self.full.is_none() {
                self.full = Some((record.intervals.len(), now));
            }
            self.phase = Phase::Fine;
            self.changed_at = now;
            return;
        }
        self.set(self.kbps * step, record, now);
    }

    fn set(&mut self, kbps: f64, record: &Record, now: u64) {
        self.kbps = kbps.clamp(FIRST_KBPS / 2.0, self.ceiling);
        self.stage = self.stage.wrapping_add(1);
        self.changed_at = now;
        self.received_then = record.last.received;
    }
}

/// What the last intervals say.
struct News {
    /// Share lost, of at least fifty packets or half a second.
    loss: f64,
    /// What arrived.
    kbps: Option<f64>,
}

impl News {
    fn of(record: &Record, headers: u32) -> Self {
        let list = &record.intervals;
        let Some(last) = list.last() else { return Self { loss: 0.0, kbps: None } };
        let before = list.iter().rev().skip(1);
        let far =
            |i: &&Interval| last.expected.saturating_sub(i.expected) >= 50 || last.at.saturating_sub(i.at) > S / 2;
        let since = before.clone().find(far).or_else(|| list.first());
        let loss = since.map_or(0.0, |i| {
            let (of, came) = (last.expected.saturating_sub(i.expected), last.received.saturating_sub(i.received));
            let lost = of.saturating_sub(came);
            // One packet of a handful is no rate of loss.
            if lost < LEAST_LOST { 0.0 } else { f64::from(lost) / f64::from(of.max(1)) }
        });
        Self { loss, kbps: recent(record, headers, 150 * MS, |i| i.received) }
    }
}

/// Rate at the IP level of the last `least` nanoseconds, or of eight packets where that takes longer.
fn recent(record: &Record, headers: u32, least: u64, count: impl Fn(&Interval) -> u32) -> Option<f64> {
    let list = &record.intervals;
    let last = list.last()?;
    let far = |i: &&Interval| last.at.saturating_sub(i.at) >= least && count(last).saturating_sub(count(i)) >= 8;
    let since = list.iter().rev().skip(1).find(far)?;
    let seconds = last.at.saturating_sub(since.at) as f64 / 1e9;
    let packets = f64::from(count(last).saturating_sub(count(since)));
    let size = last.bytes as f64 / f64::from(last.received.max(1));
    Some(packets * (size + f64::from(headers)) * 0.008 / seconds)
}

/// What the line carried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// kbit/s at the IP level over a second, the most (RFC 9097 section 5.3); and the least of the better half of the
    /// seconds, which tells how steady it is.
    pub kbps: f64,
    pub low: f64,
    /// In the second that carried most.
    pub loss_pct: f64,
    pub delay_rise_ms: f64,
    /// The line itself was never full.
    pub at_least: bool,
}

/// The sustained rate in the record of a search: of all seconds after the line was first full.
pub fn found(record: &Record, search: &Search) -> Option<Found> {
    let list = record.intervals.get(..search.end.unwrap_or(record.intervals.len()))?;
    let from = search.full_from().filter(|at| at + 4 < list.len()).unwrap_or(0);
    let kept = list.get(from..)?;
    let mut seconds: Vec<(f64, usize, usize)> = Vec::new();
    for (i, start) in kept.iter().enumerate() {
        let Some(end) = kept.iter().skip(i).position(|e| e.at.saturating_sub(start.at) >= S).map(|at| at + i) else {
            break;
        };
        let rate = kept.get(end).and_then(|end| Record::ip_rate(start, end, search.headers));
        seconds.extend(rate.map(|(kbps, _)| (kbps, i, end)));
    }
    if seconds.is_empty() {
        let (first, last) = (kept.first()?, kept.last()?);
        let (kbps, _) = Record::ip_rate(first, last, search.headers)?;
        seconds.push((kbps, 0, kept.len() - 1));
    }
    seconds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let better = seconds.get(seconds.len() / 2..)?;
    let (low, high) = (better.first()?, better.last()?);
    let best = kept.get(high.1).zip(kept.get(high.2))?;
    let of = best.1.expected.saturating_sub(best.0.expected).max(1);
    let came = best.1.received.saturating_sub(best.0.received);
    let delays: Vec<i64> = kept.get(high.1..=high.2)?.iter().filter_map(|i| i.delay).collect();
    let mean = delays.iter().map(|d| *d as f64).sum::<f64>() / (delays.len().max(1) as f64);
    Some(Found {
        kbps: high.0,
        low: low.0,
        loss_pct: 100.0 * f64::from(of.saturating_sub(came)) / f64::from(of),
        delay_rise_ms: search.base.map_or(0.0, |base| ((mean - base as f64) / 1e6).max(0.0)),
        at_least: search.own_limit(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::flow::Feedback;

    #[test]
    fn no_field_of_a_peer_overflows() {
        let (mut record, mut search) = (Record::default(), Search::new(1e6, 28, 0));
        let mut now = 0;
        for number in 0..60u32 {
            now += 50 * MS;
            let wild = if number % 2 == 0 { i64::MIN } else { i64::MAX };
            let most = number >= 30;
            let told = Feedback {
                number,
                expected: if most { u32::MAX } else { number * 10 },
                received: if most { u32::MAX } else { number * 10 },
                bytes: if most { u64::MAX } else { u64::from(number) },
                aside: if most { u32::MAX } else { 0 },
                aside_bytes: if most { u64::MAX } else { 0 },
                last_at: if number >= 40 { u64::MAX } else { now },
                mean_delay: wild,
                least_delay: wild,
                last_delay: wild,
                delays: 1,
                overflow: number,
                last_stage: search.rate().1,
                ..Feedback::default()
            };
            if record.add(&told) {
                search.on_feedback(&record, now);
            }
            search.on_time(&record, now, MS);
        }
        search.end(&record);
        assert!(found(&record, &search).is_none_or(|f| !f.kbps.is_nan()));
    }
}
