//! What came of a train, beside its record: how it ended, who misbehaved, how packets were marked, when this machine
//! could not send.

use std::time::Duration;

use crate::model::shape::Figures;
use crate::session::{IcmpError, SendError};
use crate::stats;

/// What came of a train.
#[derive(Debug)]
pub struct Outcome {
    pub ending: Ending,
    /// Everything recorded: what [`stats::summarise`] takes, with `z`.
    pub record: stats::Train,
    /// Of the last look: what its intervals, and those of the report, are made with.
    pub z: f64,
    /// Looks so far.
    pub looks: u32,
    /// What was offered, in the packets that were really sent, UDP payload of test packets for `udp_kbps`; `codec_kbps`
    /// is the media's that they stand for, so that the codec's share of a carried rate is `codec_kbps / udp_kbps`.
    pub offered: Figures,
    /// A responder of ours answered: it understood our report.
    pub responder: bool,
    /// The last ICMP error, and how many.
    pub icmp: Option<(IcmpError, u32)>,
    /// Packets that this machine would not send (no part of the record), and the last reason.
    pub not_sent: Option<(SendError, u32)>,
    pub misbehaviour: Misbehaviour,
    pub marking: Marking,
    pub gaps: Gaps,
    /// Datagrams that this machine's own socket lost for want of room: they are no loss of the way.
    pub own_overflow: u32,
    /// Replies shorter than their request: nothing is known of the rate downstream.
    pub shorter: u32,
    /// Error responses of a STUN server, and the last one's number; they count as answers.
    pub stun_errors: Option<(u16, u32)>,
    /// From the first packet to the end, and of that the time that was sent in.
    pub took: Duration,
    pub sent_for: Duration,
}

/// How a train ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A look before the last one said so.
    Decided,
    /// The last look came.
    Full,
    /// Nothing came back in two seconds from the first packet.
    Silent,
    /// It was stopped from outside before its end.
    Stopped,
}

/// Datagrams that did not do what a reflector does, each counted under the first that fits. None of them counts as
/// received, except where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misbehaviour {
    /// From another address or port than the target's.
    pub other_source: u32,
    /// Neither STAMP nor STUN nor an echo, as the train has it.
    pub unreadable: u32,
    /// Longer than the request.
    pub longer: u32,
    /// Wrong HMAC.
    pub wrong_hmac: u32,
    /// Another session's.
    pub wrong_session: u32,
    /// To a packet that was never sent, or with a send time that it did not bear.
    pub never_sent: u32,
    /// A number of its own that it cannot have reached, or gave to another reply before. Counts as received; the numbers
    /// of the train are believed no longer.
    pub wrong_number: u32,
    /// Left before it had come, or was there longer than it was away. Counts as received; no delay is taken from it.
    pub wrong_times: u32,
    /// A report that cannot be true: more received than sent, or less than was answered. The reply counts as received;
    /// [`stats::Train::far`] is `None`.
    pub wrong_report: u32,
    /// Beyond the four replies to each packet that are kept.
    pub flood: u32,
}

impl Misbehaviour {
    /// All together.
    pub fn total(&self) -> u32 {
        [
            self.other_source,
            self.unreadable,
            self.longer,
            self.wrong_hmac,
            self.wrong_session,
            self.never_sent,
            self.wrong_number,
            self.wrong_times,
            self.wrong_report,
            self.flood,
        ]
        .iter()
        .fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// How packets were marked when they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marking {
    /// DSCP of our packets when they came to the target, by its own telling.
    pub there: Option<Mark>,
    /// DSCP of its replies when they came here.
    pub back: Option<Mark>,
    /// TTL or hop limit, likewise.
    pub ttl_there: Option<Mark>,
    pub ttl_back: Option<Mark>,
    /// The reflector would not mark replies as asked.
    pub refused: bool,
}

/// A value that most packets should share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The last one seen.
    pub last: u8,
    /// Whether others were seen too.
    pub varied: bool,
}

/// Times at which this process could not send: suspended, or starved of the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    pub count: u32,
    /// Packets that were due meanwhile and are not part of the train.
    pub skipped: u32,
    pub longest: Duration,
}

impl Mark {
    /// One more was seen.
    pub(super) fn see(mark: &mut Option<Self>, value: u8) {
        let varied = mark.is_some_and(|m| m.varied || m.last != value);
        *mark = Some(Self { last: value, varied });
    }
}

impl Gaps {
    /// `skipped` packets were not sent in time, over so long.
    pub(super) fn note(&mut self, skipped: u32, length: Duration) {
        self.count += 1;
        self.skipped = self.skipped.saturating_add(skipped);
        self.longest = self.longest.max(length);
    }
}
