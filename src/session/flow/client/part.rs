//! What a session is asked to do, and what was seen of each part of it.

use super::pings::Pings;
use crate::session::flow::record::Record;
use crate::session::flow::search::Search;
use crate::wire::flow::{Feedback, Shape};

/// What a part of a session is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    /// These shapes, for so many nanoseconds; an empty one is a direction without load.
    Offer { up: Shape, down: Shape, time: u64 },
    /// As much as the line carries one way: at most so much at the IP level, so many bytes, and so long.
    Search { up: bool, ceiling_kbps: f64, bytes: u64, most: u64 },
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All parts are done.
    Done,
    /// Nobody answered.
    Unanswered,
    /// The far end fell silent under way.
    Vanished,
    /// The far end says that it stops: its limits are reached.
    Stopped,
}

/// What was seen of one part.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub idle: Pings,
    pub loaded: Pings,
    pub up: Record,
    pub down: Record,
    /// Packets of data that either end sent in this part and that came to the other, and their UDP payload; and packets
    /// that this end left out because it was late.
    pub went_up: Count,
    pub went_down: Count,
    pub skipped: u32,
    /// The far end told what came after the load was over; else the counts end somewhere before.
    pub known: bool,
    /// Packets a second that were to be sent up and down, where a load was offered.
    pub planned: [f64; 2],
    pub search: Option<Search>,
    /// Since when the line is held full, after a search.
    pub held_since: Option<u64>,
    /// When its load began and how long it was on.
    pub load_at: u64,
    pub load_for: u64,
}

/// One direction's packets of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub sent: u32,
    pub received: u32,
    pub duplicates: u32,
    /// Lost by the receiver's own socket.
    pub overflow: u32,
    /// UDP payload that came.
    pub bytes: u64,
}

impl Count {
    /// What a receiver told, of so many that were sent; the highest number that came proves that no fewer were.
    pub(super) fn of(told: &Feedback, sent: u32) -> Self {
        let sent = sent.max(told.expected);
        let Feedback { received, duplicates, overflow, bytes, .. } = *told;
        Self { sent, received, duplicates, overflow, bytes }
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            received: self.received.saturating_sub(before.received),
            duplicates: self.duplicates.saturating_sub(before.duplicates),
            overflow: self.overflow.saturating_sub(before.overflow),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }
}

/// Sums of a whole session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// UDP payload sent and received.
    pub bytes: u64,
    pub lies: u32,
}
