//! One of a call's streams: what of it left and what came back, as a train. Neither sends nor waits.

use std::time::{Duration, Instant};

use super::super::marks::{self, Planned};
use super::BEFORE;
use crate::model::shape::{Figures, RTP_HEADER};
use crate::net::engine::{Arrival, Kind, Packet};
use crate::net::{chance, clock};
use crate::session::train::{Ending, Gaps, Marking, Misbehaviour, Outcome};
use crate::stats::{self, Reply, Sent, Train};

/// Echoes of one packet that are kept.
const MOST_ECHOES: u8 = 4;

/// One of the call's two streams.
pub struct Track {
    pub kind: Kind,
    pub accepted: bool,
    pub heard: bool,
    pub secret: u64,
    pub sequence: u16,
    /// RTP's clock at the start, which it must not begin at.
    pub base: u32,
    pub before: u32,
    pub start: Instant,
    pub train: Train,
    pub echoes: Vec<u8>,
    pub bytes: (u64, u64),
    pub misbehaviour: Misbehaviour,
    pub gaps: Gaps,
    pub longest: Duration,
    /// Packets that were not handed to the network.
    pub stayed: u32,
    pub under_way: u32,
}

impl Track {
    pub fn new(kind: Kind, accepted: bool) -> Self {
        Self {
            kind,
            accepted,
            heard: false,
            secret: u64::from_ne_bytes(chance::bytes()),
            sequence: u16::from_ne_bytes(chance::bytes()),
            base: u32::from_ne_bytes(chance::bytes()),
            before: 0,
            start: clock::now(),
            train: Train::default(),
            echoes: Vec::new(),
            bytes: (0, 0),
            misbehaviour: Misbehaviour::default(),
            gaps: Gaps::default(),
            longest: Duration::ZERO,
            stayed: 0,
            under_way: 0,
        }
    }

    /// The packet as RTP, with this number.
    pub fn packet(&mut self, planned: &Planned, number: u32) -> Packet {
        self.sequence = self.sequence.wrapping_add(1);
        Packet {
            kind: self.kind,
            sequence: self.sequence,
            timestamp: self.base.wrapping_add(planned.clock),
            marker: planned.last,
            payload: marks::payload(planned, self.secret, number),
        }
    }

    /// A packet of the train leaves at `at`.
    pub fn leaves(&mut self, planned: &Planned, at: Instant) -> u32 {
        let number = u32::try_from(self.train.sent.len()).unwrap_or(BEFORE);
        let at = at.saturating_duration_since(self.start);
        let len = planned.len + RTP_HEADER as usize;
        let sent = Sent {
            at: nanos(at),
            late: nanos(at.saturating_sub(planned.due)),
            len: u16::try_from(len).unwrap_or(u16::MAX),
        };
        self.train.sent.push(sent);
        self.echoes.push(0);
        self.bytes.0 += len as u64;
        number
    }

    /// The last packet was not handed to the network.
    pub fn stays(&mut self, planned: &Planned) {
        self.train.sent.pop();
        self.echoes.pop();
        self.bytes.0 = self.bytes.0.saturating_sub((planned.len + RTP_HEADER as usize) as u64);
        self.stayed += 1;
    }

    /// What was under way when the call ended is no loss: nobody can know.
    pub fn forget_under_way(&mut self, end: Instant) {
        let since = nanos(end.saturating_duration_since(self.start).saturating_sub(self.longest));
        while self.train.sent.last().is_some_and(|sent| sent.at >= since) && self.echoes.last() == Some(&0) {
            self.train.sent.pop();
            self.echoes.pop();
            self.under_way += 1;
        }
    }

    pub fn comes(&mut self, arrival: &Arrival) {
        let Some(number) = marks::number(self.kind, self.secret, &arrival.payload) else {
            self.misbehaviour.unreadable = self.misbehaviour.unreadable.saturating_add(1);
            return;
        };
        self.heard = true;
        if number >= BEFORE {
            return;
        }
        let index = number as usize;
        let (Some(sent), Some(echoes)) = (self.train.sent.get(index), self.echoes.get_mut(index)) else {
            self.misbehaviour.never_sent = self.misbehaviour.never_sent.saturating_add(1);
            return;
        };
        if *echoes == MOST_ECHOES {
            self.misbehaviour.flood = self.misbehaviour.flood.saturating_add(1);
            return;
        }
        *echoes += 1;
        self.bytes.1 += (arrival.payload.len() + RTP_HEADER as usize) as u64;
        let back = nanos(arrival.at.saturating_duration_since(self.start));
        let trip = u64::try_from(back.saturating_sub(sent.at)).unwrap_or(0);
        self.longest = self.longest.max(Duration::from_nanos(trip));
        self.train.replies.push(Reply { request: number, number, back, far: None });
    }

    /// Nothing more can come.
    pub fn whole(&self) -> bool {
        !self.accepted || self.echoes.iter().all(|echoes| *echoes > 0)
    }

    pub fn outcome(self, stopped: bool, sent_for: Duration, took: Duration) -> Outcome {
        Outcome {
            ending: if stopped { Ending::Stopped } else { Ending::Full },
            record: self.train,
            z: stats::ONE_LOOK,
            looks: 1,
            offered: Figures::default(),
            responder: false,
            icmp: None,
            not_sent: None,
            misbehaviour: self.misbehaviour,
            marking: Marking::default(),
            gaps: self.gaps,
            own_overflow: 0,
            shorter: 0,
            stun_errors: None,
            took,
            sent_for,
        }
    }
}

fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)
}
