//! The client's end of flows: says hello, measures the idle way with pings, offers loads or searches for a rate, tells
//! every 50 ms what came, and waits for the last packets.
//!
//! ```text
//! hello ──welcome──▶ idle ──▶ load ──▶ drain ──▶ (idle of the next part | farewell) ──▶ over
//!   └── no welcome ──▶ over          └── nothing comes for two seconds ──▶ over
//! ```

mod part;
mod pings;
mod send;

use super::receiver::Receiver;
use super::rhythm::Rhythm;
use super::search::Search;
use super::sender::Sender;
use super::shape::{SEARCH_LEN, headers, of_rate, rates, within};
use super::{MS, S};
use crate::wire::flow::{Body, Feedback, Head, Kind, Shape, read};

pub use part::{Count, Ending, Part, Sums, Work};
pub use pings::{Echo, Pings, median};

const HELLO_EVERY: u64 = 250 * MS;
const MOST_HELLOS: u32 = 8;
const IDLE_FOR: u64 = 500 * MS;
const IDLE_PING: u64 = 20 * MS;
/// The last packets are waited for so long after the last sign of them, and in all.
const DRAIN_QUIET: u64 = 400 * MS;
const DRAIN_MOST: u64 = 3 * S;
/// After a search the line is held full for so long, offered so much more than it was found to carry, so that what a round
/// trip takes over a full line can be measured.
const HOLD_FOR: u64 = 5 * S / 2;
const HOLD_SHARE: f64 = 1.15;
const HOLD_PING: u64 = 20 * MS;
/// The search may use so much of its bytes; the rest is for that.
const SEARCH_SHARE: f64 = 0.6;
/// Silence of the far end after which it counts as gone.
const GONE: u64 = 2 * S;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Hello { tries: u32 },
    Idle { until: u64 },
    Load { until: u64 },
    Drain { since: u64, until: u64, seen: (u32, u32) },
    Farewell { left: u32 },
    Over,
}

/// A session of flows under way.
pub struct Client {
    token: u64,
    cookie: u64,
    v6: bool,
    works: Vec<Work>,
    phase: Phase,
    parts: Vec<Part>,
    sender: Sender,
    receiver: Receiver,
    number: u32,
    peer_sent: u32,
    /// Sums when the part began: up, down, left out.
    before: (Count, Count, u32),
    /// Bytes of data that were sent then.
    before_bytes: u64,
    asked: (u16, Shape, u16),
    rhythm: Rhythm,
    next_hello: u64,
    next_ping: u64,
    next_feedback: u64,
    heard_at: u64,
    ending: Ending,
    /// Datagrams of ours that told what cannot be.
    lies: u32,
    bytes: u64,
}

impl Client {
    /// Begins at `now` what `works` says, one after the other.
    pub fn new(token: u64, v6: bool, works: Vec<Work>, now: u64) -> Self {
        Self {
            token,
            cookie: 0,
            v6,
            parts: Vec::with_capacity(works.len()),
            works,
            phase: Phase::Hello { tries: 0 },
            sender: Sender::default(),
            receiver: Receiver::default(),
            number: 0,
            peer_sent: 0,
            before: Default::default(),
            before_bytes: 0,
            asked: (0, Shape::default(), 0),
            rhythm: Rhythm::SEARCH,
            next_hello: now,
            next_ping: now,
            next_feedback: now,
            heard_at: now,
            ending: Ending::Unanswered,
            lies: 0,
            bytes: 0,
        }
    }

    /// Writes the datagram that is due; to be asked until it answers `None`.
    pub fn poll_transmit(&mut self, now: u64, buf: &mut [u8]) -> Option<usize> {
        self.step(now);
        let len = match self.phase {
            Phase::Over => None,
            Phase::Hello { tries } => self.hello(now, tries, buf),
            Phase::Farewell { left } => self.farewell(now, left, buf),
            _ => self.due(now, buf),
        }?;
        self.bytes += len as u64;
        Some(len)
    }

    /// When to ask again; `None`: it is over.
    pub fn wake(&self) -> Option<u64> {
        let until = match self.phase {
            Phase::Over => return None,
            Phase::Hello { .. } => return Some(self.next_hello),
            Phase::Farewell { .. } => return Some(self.next_feedback),
            Phase::Idle { until } | Phase::Load { until } | Phase::Drain { until, .. } => until,
        };
        let soon = self.next_feedback.min(until).min(if self.pings_on() { self.next_ping } else { u64::MAX });
        Some(self.sender.wake().map_or(soon, |at| at.min(soon)))
    }

    /// Which part's line is held full after a search.
    pub fn holding(&self) -> Option<usize> {
        let on = matches!(self.phase, Phase::Load { .. }) && self.is_holding();
        on.then(|| self.parts.len().saturating_sub(1))
    }

    fn is_holding(&self) -> bool {
        self.parts.last().is_some_and(|p| p.held_since.is_some())
    }

    /// Everything that was seen, and how it ended.
    pub fn finish(mut self) -> (Vec<Part>, Ending, Sums) {
        self.close_part();
        let sums = Sums { bytes: self.bytes, lies: self.lies };
        (self.parts, self.ending, sums)
    }

    /// The socket has lost so many more datagrams for want of room.
    pub fn on_overflow(&mut self, lost: u32) {
        self.receiver.on_overflow(lost);
    }

    /// A datagram came.
    pub fn on_datagram(&mut self, now: u64, bytes: &[u8]) {
        let Some((head, body)) = read(bytes) else { return };
        if head.token != self.token {
            return;
        }
        self.bytes += bytes.len() as u64;
        if let (Body::Welcome, Phase::Hello { .. }) = (body, self.phase) {
            self.cookie = head.cookie;
            self.heard_at = now;
            self.begin_part(now);
            return;
        }
        if self.cookie == 0 || head.cookie != self.cookie {
            return;
        }
        self.heard_at = now;
        if head.kind != Kind::Data {
            self.receiver.on_other(bytes.len());
        }
        match body {
            Body::Data { seq } => self.on_data(now, &head, seq, bytes.len()),
            Body::Feedback(feedback) => self.on_feedback(now, &feedback),
            Body::Pong { number, .. } => self.on_pong(now, &head, number),
            Body::Hello | Body::Welcome | Body::Ping { .. } => {}
        }
    }

    fn on_data(&mut self, now: u64, head: &Head, seq: u32, len: usize) {
        if matches!(self.phase, Phase::Load { .. } | Phase::Drain { .. }) {
            self.receiver.on_data(now, head.time, head.stage, seq, len);
        }
    }

    fn on_pong(&mut self, now: u64, head: &Head, number: u32) {
        let Some(part) = self.parts.last_mut() else { return };
        match self.phase {
            Phase::Idle { .. } => part.idle.on_pong(now, head.time, number),
            // A search loads the line only in the end.
            Phase::Load { .. } if part.search.is_some() && part.held_since.is_none() => {}
            Phase::Load { .. } | Phase::Drain { .. } => part.loaded.on_pong(now, head.time, number),
            _ => {}
        }
    }

    fn on_feedback(&mut self, now: u64, feedback: &Feedback) {
        let Some(part) = self.parts.last_mut() else { return };
        if feedback.received > self.sender.sent || feedback.bytes > self.sender.bytes {
            self.lies = self.lies.saturating_add(1);
            return;
        }
        if !matches!(self.phase, Phase::Load { .. } | Phase::Drain { .. }) {
            return;
        }
        self.peer_sent = self.peer_sent.max(feedback.sent);
        if feedback.stop && self.asked.1 != Shape::default() && matches!(self.phase, Phase::Load { .. }) {
            self.ending = Ending::Stopped;
        }
        if !part.up.add(feedback) {
            return;
        }
        if let (Some(Work::Search { up: true, .. }), Some(search), None) =
            (self.works.first(), &mut part.search, part.held_since)
        {
            search.on_feedback(&part.up, now);
        }
    }

    /// Goes on to the next phase where the time for it has come.
    fn step(&mut self, now: u64) {
        match self.phase {
            Phase::Idle { until } if now >= until => self.begin_load(now),
            Phase::Load { until } => self.load_step(now, until),
            Phase::Drain { since, until, seen } => self.drain_step(now, since, until, seen),
            _ => {}
        }
        let waiting = matches!(self.phase, Phase::Idle { .. } | Phase::Load { .. } | Phase::Drain { .. });
        if waiting && now.saturating_sub(self.heard_at) > GONE {
            self.ending = Ending::Vanished;
            self.phase = Phase::Farewell { left: 1 };
            self.sender.stop();
        }
    }

    fn begin_part(&mut self, now: u64) {
        if let Some(part) = self.parts.last() {
            let up = Count::of(&part.up.last, self.sender.sent);
            self.before_bytes = self.sender.bytes;
            self.before = (up, Count::of(self.receiver.so_far(), self.peer_sent), self.sender.skipped);
        }
        self.rhythm = match self.works.first() {
            Some(Work::Offer { up, down, .. }) => Rhythm::beside(up, down, self.v6),
            _ => Rhythm::SEARCH,
        };
        self.parts.push(Part::default());
        self.phase = Phase::Idle { until: now + IDLE_FOR };
        self.next_ping = now;
        self.next_feedback = now + IDLE_FOR;
    }

    fn begin_load(&mut self, now: u64) {
        let (Some(work), Some(part)) = (self.works.first().copied(), self.parts.last_mut()) else {
            self.phase = Phase::Farewell { left: 2 };
            return;
        };
        part.load_at = now;
        (self.next_ping, self.next_feedback) = (now, now);
        let time = match work {
            Work::Offer { up, down, time } => {
                let aside = self.rhythm.kbps(self.v6);
                let [up, down] = [up, down]
                    .map(|s| within(&s, (rates(&s, self.v6).1 - aside).max(1.0), self.v6).unwrap_or_default());
                part.planned = [up, down].map(|s| rates(&s, self.v6).0);
                self.sender.set(&up, now, now + time);
                self.asked = (self.asked.0.wrapping_add(1), down, millis(time));
                time
            }
            Work::Search { ceiling_kbps, most, .. } => {
                part.search = Some(Search::new(ceiling_kbps, headers(self.v6), now));
                most
            }
        };
        self.phase = Phase::Load { until: now + time };
        self.load_step(now, now + time);
    }

    fn load_step(&mut self, now: u64, until: u64) {
        let mut over = now >= until || self.ending == Ending::Stopped;
        if let Some(Work::Search { up, bytes, .. }) = self.works.first().copied() {
            let used = if up { self.sender.bytes } else { self.receiver.so_far().bytes };
            over |= used - self.used_before(up) >= bytes;
            if !self.is_holding() && !over {
                self.search_step(now, until, up, (used - self.used_before(up)) as f64 >= bytes as f64 * SEARCH_SHARE);
            }
        }
        if over {
            self.end_load(now);
        }
    }

    /// Data of the direction before this part.
    fn used_before(&self, up: bool) -> u64 {
        if up { self.before_bytes } else { self.before.1.bytes }
    }

    fn search_step(&mut self, now: u64, until: u64, up: bool, spent: bool) {
        let Some(part) = self.parts.last_mut() else { return };
        let Some(search) = &mut part.search else { return };
        let record = if up { &part.up } else { &part.down };
        if search.is_over(now) || spent || now + HOLD_FOR >= until {
            let arrived = search.end(record);
            part.held_since = Some(now);
            self.phase = Phase::Load { until: (now + HOLD_FOR).min(until) };
            self.offer_rate(now, up, arrived * HOLD_SHARE, self.asked.0.wrapping_add(1));
            return;
        }
        search.on_time(record, now, 400 * MS + 3 * part.idle.median_rtt().unwrap_or(0));
        let (kbps, stage) = search.rate();
        if stage != self.asked.0 {
            self.offer_rate(now, up, kbps, stage);
        }
    }

    fn end_load(&mut self, now: u64) {
        let Some(part) = self.parts.last_mut() else { return };
        part.load_for = now - part.load_at;
        if let (Some(Work::Search { up, .. }), Some(search), None) =
            (self.works.first(), &mut part.search, part.held_since)
        {
            search.end(if *up { &part.up } else { &part.down });
        }
        self.sender.stop();
        self.asked = (self.asked.0.wrapping_add(1), Shape::default(), 0);
        self.next_feedback = now;
        self.phase = Phase::Drain { since: now, until: now + DRAIN_MOST, seen: (0, 0) };
    }

    /// Sends, or asks for, a rate.
    fn offer_rate(&mut self, now: u64, up: bool, kbps: f64, stage: u16) {
        let Some(Work::Search { most, ceiling_kbps, .. }) = self.works.first().copied() else { return };
        let shape = of_rate(kbps.min(ceiling_kbps), SEARCH_LEN, self.v6);
        if up {
            self.asked = (stage, Shape::default(), 0);
            self.sender.set(&shape, now, now + most);
        } else {
            self.asked = (stage, shape, millis(most));
            self.next_feedback = now;
        }
    }

    fn drain_step(&mut self, now: u64, since: u64, until: u64, seen: (u32, u32)) {
        let Some(part) = self.parts.last() else { return };
        let (told, own) = (&part.up.last, self.receiver.so_far());
        let came = (told.received, own.received);
        let known = told.asked_stage == self.asked.0;
        let all = told.received == self.sender.sent && known && own.received == self.peer_sent;
        if came != seen {
            self.phase = Phase::Drain { since: now, until, seen: came };
        } else if all || now >= until || (now - since >= DRAIN_QUIET + part.idle.median_rtt().unwrap_or(0) && known) {
            self.close_part();
            self.works.remove(0);
            match self.works.is_empty() || self.ending == Ending::Stopped {
                true => {
                    if self.ending != Ending::Stopped {
                        self.ending = Ending::Done;
                    }
                    self.phase = Phase::Farewell { left: 2 };
                    self.next_feedback = now;
                }
                false => self.begin_part(now),
            }
        }
    }

    /// Notes the sums of the part that ends.
    fn close_part(&mut self) {
        let told = self.receiver.so_far();
        let Some(part) = self.parts.last_mut() else { return };
        let mut last = *told;
        // A feedback of its own that says nothing of delays.
        (last.number, last.delays) = (part.down.last.number.wrapping_add(1), 0);
        part.down.add(&last);
        let (up, down) = (Count::of(&part.up.last, self.sender.sent), Count::of(&last, self.peer_sent));
        (part.went_up, part.went_down) = (up.since(self.before.0), down.since(self.before.1));
        part.skipped = self.sender.skipped - self.before.2;
        let over = matches!(self.phase, Phase::Drain { .. }) || part.load_for > 0;
        part.known = over && part.up.any && part.up.last.asked_stage == self.asked.0;
    }

    fn pings_on(&self) -> bool {
        matches!(self.phase, Phase::Idle { .. } | Phase::Load { .. })
    }

    fn head(&self, kind: Kind, stage: u16, now: u64) -> Head {
        Head { kind, stage, token: self.token, cookie: self.cookie, time: now }
    }
}

fn millis(time: u64) -> u16 {
    u16::try_from(time / MS).unwrap_or(u16::MAX)
}
