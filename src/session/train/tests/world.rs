//! Two ways with delay, jitter, loss, duplicates and overtaking in virtual time, and a reflector behind them that may
//! lie.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::super::{Outcome, Train};
use crate::session::chance::Chance;
use crate::session::lossy::zero;
use crate::session::{Arrival, Session};
use crate::wire::stamp::{self, ClassOfService, ErrorEstimate, Reply, Report, Timestamp};

pub const TARGET: &str = "198.51.100.7:19500";
pub const WALL: Duration = Duration::from_secs(1_800_000_000);

/// What happens to datagrams on one way; shares lie between 0 and 1.
#[derive(Clone, Copy, Default)]
pub struct Way {
    pub delay_us: u64,
    pub jitter_us: u64,
    pub loss: f64,
    pub twice: f64,
    /// Held back 50 ms longer than the others.
    pub held: f64,
    /// Nothing passes from this millisecond on.
    pub dead_from_ms: Option<u64>,
}

/// What the reflector does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    None,
    Echo,
    Garbage,
    Cut,
    OtherSource,
    OtherSession,
    NeverSent,
    InAdvance,
    OtherSendTime,
    Longer,
    OtherKey,
    SameNumber,
    HighNumber,
    LeftBeforeItCame,
    LongThere,
    MoreThanSent,
    FewerThanAnswered,
    HundredTimes,
    /// Understands nothing of ours, keeps no state.
    Plain,
    /// No times.
    Timeless,
    /// The clock is set back by an hour in the middle.
    Steps,
}

/// What really became of the train.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub sent: u32,
    pub lost_up: u32,
    pub lost_down: u32,
    pub twice_up: u32,
    pub twice_down: u32,
    pub questions: u32,
}

/// The ways, and the reflector's state.
pub struct World {
    pub up: Way,
    pub down: Way,
    pub lie: Lie,
    pub key: Option<Vec<u8>>,
    /// The process does not run between these milliseconds.
    pub stopped: Option<(u64, u64)>,
    /// The train is cut off at this millisecond.
    pub cut_at: Option<u64>,
    pub truth: Truth,
    chance: Chance,
    start: Instant,
    state: Report,
    came: std::collections::HashSet<u32>,
    replies: u32,
    air: BinaryHeap<Reverse<(Instant, u64)>>,
    flying: std::collections::HashMap<u64, Flying>,
    flown: u64,
}

enum Flying {
    There(Vec<u8>),
    Back(SocketAddr, Vec<u8>),
}

impl World {
    pub fn new(seed: u64, up: Way, down: Way) -> Self {
        Self {
            up,
            down,
            lie: Lie::None,
            key: None,
            stopped: None,
            cut_at: None,
            truth: Truth::default(),
            chance: Chance::new(seed),
            start: zero(),
            state: Report::default(),
            came: Default::default(),
            replies: 0,
            air: BinaryHeap::new(),
            flying: Default::default(),
            flown: 0,
        }
    }

    fn share(&mut self) -> f64 {
        self.chance.next() as f64 / u64::MAX as f64
    }

    /// Puts a datagram on a way at `at`: how many copies go, none of them lost. The first answers whether it was lost.
    fn send(&mut self, at: Instant, way: Way, mut make: impl FnMut() -> Flying) -> (bool, bool) {
        let dead = way.dead_from_ms.is_some_and(|ms| at >= self.start + Duration::from_millis(ms));
        let lost = self.share() < way.loss || dead;
        let twice = !lost && self.share() < way.twice;
        for _ in 0..u8::from(!lost) + u8::from(twice) {
            let held = if self.share() < way.held { 50_000.0 } else { 0.0 };
            let jitter = self.share() * way.jitter_us as f64;
            let delay = Duration::from_micros(way.delay_us + (jitter + held) as u64);
            self.flown += 1;
            self.air.push(Reverse((at + delay, self.flown)));
            self.flying.insert(self.flown, make());
        }
        (lost, twice)
    }

    /// Drives a train to its end.
    pub fn run(&mut self, plan: impl FnOnce(Instant) -> Train) -> Outcome {
        let start = self.start;
        let mut train = plan(start);
        let mut now = start;
        let mut buf = [0; 2048];
        for _ in 0..5_000_000 {
            while let Some(transmit) = train.poll_transmit(now, &mut buf) {
                assert_eq!(transmit.to, TARGET.parse::<SocketAddr>().unwrap());
                self.on_sent(now, &buf[..transmit.len]);
            }
            let Some(wake) = train.wake() else { return train.finish(now) };
            now = match self.air.peek() {
                Some(Reverse((at, _))) if *at <= wake => (*at).max(now),
                _ => wake.max(now),
            };
            now = self.awake(now);
            if let Some(cut) = self.cut_at.map(|ms| start + Duration::from_millis(ms)).filter(|cut| now >= *cut) {
                return train.finish(cut);
            }
            while let Some(Reverse((at, id))) = self.air.peek().copied().filter(|Reverse((at, _))| *at <= now) {
                self.air.pop();
                match self.flying.remove(&id).unwrap() {
                    Flying::There(bytes) => self.reflect(at, &bytes),
                    Flying::Back(from, bytes) => {
                        let arrival = Arrival { tos: Some(46 << 2), ttl: Some(60), overflow: 0 };
                        train.on_arrival(at, from, &bytes, arrival);
                    }
                }
            }
        }
        panic!("the train never ends");
    }

    fn awake(&self, now: Instant) -> Instant {
        let ms = |ms| self.start + Duration::from_millis(ms);
        match self.stopped {
            Some((from, to)) if now >= ms(from) && now < ms(to) => ms(to),
            _ => now,
        }
    }

    fn on_sent(&mut self, now: Instant, bytes: &[u8]) {
        let (request, tlvs) = stamp::read_request(bytes, self.key.as_deref()).unwrap();
        let query = request.seq >= super::super::stamp::FIRST_QUERY;
        let report = tlvs.first_of(stamp::kind::REPORT).and_then(|tlv| Report::read(tlv.value));
        assert_eq!(report.is_some_and(|r| r.query), query);
        let (lost, twice) = self.send(now, self.up, || Flying::There(bytes.to_vec()));
        self.truth.questions += u32::from(query);
        if !query {
            assert_eq!(request.seq, self.truth.sent, "numbers have no gaps");
            self.truth.sent += 1;
            self.truth.lost_up += u32::from(lost);
            self.truth.twice_up += u32::from(twice);
        }
    }

    fn count(&mut self, seq: u32) {
        if !self.came.insert(seq) {
            self.state.duplicates += 1;
            return;
        }
        self.state.unique += 1;
        match seq.checked_sub(self.state.highest) {
            _ if self.state.unique == 1 => (self.state.highest, self.state.window) = (seq, 1),
            Some(by) => {
                self.state.window = self.state.window.checked_shl(by).unwrap_or(0) | 1;
                self.state.highest = seq;
            }
            None => {
                self.state.reordered += 1;
                self.state.window |= 1_u128.checked_shl(self.state.highest - seq).unwrap_or(0);
            }
        }
    }

    /// What the reflector makes of a request.
    fn reflect(&mut self, at: Instant, bytes: &[u8]) {
        let key = self.key.clone();
        let (request, tlvs) = stamp::read_request(bytes, key.as_deref()).unwrap();
        let asked = tlvs.first_of(stamp::kind::REPORT).and_then(|tlv| Report::read(tlv.value)).unwrap_or_default();
        if !asked.query {
            self.count(request.seq);
        }
        let since = at.saturating_duration_since(self.start);
        // Its clock is an hour ahead, and runs a tenth of a per mille fast.
        let mut wall = WALL + Duration::from_secs(3600) + since + since / 10_000;
        if self.lie == Lie::Steps && since > Duration::from_secs(3) {
            wall -= Duration::from_secs(3600);
        }
        let mut reply = Reply {
            seq: self.replies,
            sent: Timestamp::ntp(wall + Duration::from_micros(30)),
            error: ErrorEstimate::UNSYNCHRONISED,
            ssid: request.ssid,
            received: Timestamp::ntp(wall),
            request_seq: request.seq,
            request_sent: request.sent,
            request_error: request.error,
            ttl: 58,
        };
        self.replies += u32::from(!asked.query);
        let mut report = Report { token: asked.token, query: asked.query, ..self.state };
        match self.lie {
            Lie::OtherSession => reply.ssid ^= 1,
            Lie::NeverSent => reply.request_seq += 100_000,
            Lie::InAdvance => reply.request_seq += 1,
            Lie::OtherSendTime => reply.request_sent.0 ^= 1,
            Lie::SameNumber => reply.seq = 7,
            Lie::HighNumber => reply.seq += 1_000_000,
            Lie::LeftBeforeItCame => reply.sent = Timestamp::ntp(wall - Duration::from_micros(1)),
            Lie::LongThere => reply.sent = Timestamp::ntp(wall + Duration::from_secs(1)),
            Lie::MoreThanSent => (report.unique, report.highest) = (report.unique + 50, report.highest + 50),
            Lie::FewerThanAnswered if report.unique > 100 => (report.unique, report.window) = (1, 1),
            Lie::Timeless => (reply.sent, reply.received) = (Timestamp(0), Timestamp(0)),
            Lie::Plain => reply.seq = request.seq,
            _ => {}
        }
        let cos = ClassOfService { wanted_dscp: 46, received_dscp: 46, ..ClassOfService::default() };
        let plain = self.lie == Lie::Plain;
        let (cos, report) = if plain { (None, None) } else { (Some(cos), Some(&report)) };
        let other = b"another key".to_vec();
        let key = if self.lie == Lie::OtherKey { Some(other.as_slice()) } else { key.as_deref() };
        let mut out = vec![0; 2048];
        let len = stamp::write_reply(&mut out, &reply, bytes, cos, report, key).unwrap();
        out.truncate(len);
        self.answer(at, bytes, out, asked.query);
    }

    /// Sends a reply on its way, or what is sent in its stead.
    fn answer(&mut self, at: Instant, bytes: &[u8], mut out: Vec<u8>, query: bool) {
        let mut from: SocketAddr = TARGET.parse().unwrap();
        match self.lie {
            Lie::Echo => out = bytes.to_vec(),
            Lie::Garbage => out.iter_mut().for_each(|b| *b = (*b).wrapping_mul(31) ^ 0x5a),
            Lie::Cut => out.truncate(40),
            Lie::OtherSource => from.set_port(1),
            Lie::Longer => out.push(0),
            _ => {}
        }
        for _ in 0..if self.lie == Lie::HundredTimes { 100 } else { 1 } {
            let (lost, twice) =
                self.send(at + Duration::from_micros(30), self.down, || Flying::Back(from, out.clone()));
            if !query {
                self.truth.lost_down += u32::from(lost);
                self.truth.twice_down += u32::from(twice);
            }
        }
    }
}
