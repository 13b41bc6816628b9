//! A train of test packets shaped like media, sent to one target and recorded as its replies come: over STAMP (RFC 8762,
//! RFC 8972), or over STUN Binding requests where no reflector answers. Knows no socket, no clock and no limit: whether
//! what was seen is enough is asked of a closure that was handed in.
//!
//! ```text
//! sending ──look: decided──▶ settling ──▶ asking ──still decided──▶ over
//!    ▲                                      │ (a responder of ours alone: the fate of every packet there)
//!    └───────────── undecided after all ────┘
//! ```

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Arrival, Credential, IcmpError, SendError, Session, Transmit};
use crate::model::Load;
use crate::model::shape::Figures;
use crate::stats;

/// What is to be sent, and how it is to end.
pub struct Plan {
    pub target: SocketAddr,
    /// Its upstream is offered; downstream is what is sent back.
    pub load: Load,
    pub via: Via,
    /// What packets are marked with on the way there (the driver's `Paced::dscp`) and are asked to be marked with on
    /// the way back.
    pub dscp: u8,
    pub looks: Looks,
}

/// The test protocol.
#[derive(Debug)]
pub enum Via {
    Stamp(Stamp),
    /// Binding requests; audio's 20 ms whatever the load, and ten seconds at most.
    Stun {
        credential: Option<Credential>,
        /// Makes the transaction ids; from a source nobody can guess.
        secret: [u8; 32],
    },
}

/// How STAMP is spoken.
#[derive(Clone, Default)]
pub struct Stamp {
    /// Of a granted session; 0: none.
    pub ssid: u16,
    /// Of a granted session, borne by our report; 0: none.
    pub token: u64,
    /// Authenticated mode's.
    pub key: Option<Vec<u8>>,
    /// Whether packets bear our report extension: yes for our responder, no for any other reflector.
    pub report: bool,
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stamp(ssid {}, authenticated {}, report {})", self.ssid, self.key.is_some(), self.report)
    }
}

/// When the train is looked at, and what is asked then.
pub struct Looks {
    /// The first look after so much of the train, and the z of its intervals; `None`: no look any more. An exact length
    /// is one look. The last look ends the train whatever is said there.
    pub next: Box<dyn Fn(Duration) -> Option<(Duration, f64)> + Send>,
    /// Whether what is known is enough.
    pub decide: Box<dyn FnMut(&stats::Summary) -> Decision + Send>,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every limit's interval lies on one side of it.
    Decided,
    /// At least one spans its limit.
    Undecided,
}

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
    /// Neither STAMP nor STUN, as the train has it.
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
    /// Beyond what is kept: no more than four replies to each packet.
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

/// A train under way.
pub struct Train {
    plan: Plan,
    start: Instant,
    wall: Duration,
}

impl Train {
    /// Begins at `start`, which was `wall` after 1970 on this machine's clock; no later step of that clock matters.
    pub fn new(plan: Plan, start: Instant, wall: Duration) -> Self {
        Self { plan, start, wall }
    }

    /// What came of it.
    pub fn finish(self, _now: Instant) -> Outcome {
        Outcome {
            ending: Ending::Silent,
            record: stats::Train::default(),
            z: 1.96,
            looks: 0,
            offered: Figures::default(),
            responder: false,
            icmp: None,
            not_sent: None,
            misbehaviour: Misbehaviour::default(),
            marking: Marking::default(),
            gaps: Gaps::default(),
            own_overflow: 0,
            shorter: 0,
            stun_errors: None,
            took: self.wall.min(Duration::ZERO),
            sent_for: Duration::ZERO,
        }
    }
}

impl Session for Train {
    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        None
    }

    fn wake(&self) -> Option<Instant> {
        (self.plan.dscp > 63).then_some(self.start)
    }

    fn on_datagram(&mut self, at: Instant, from: SocketAddr, bytes: &[u8]) {
        self.on_arrival(at, from, bytes, Arrival::default());
    }

    fn on_arrival(&mut self, _at: Instant, _from: SocketAddr, _bytes: &[u8], _arrival: Arrival) {}

    fn on_icmp(&mut self, _now: Instant, _error: &IcmpError) {}

    fn on_send_error(&mut self, _now: Instant, _to: SocketAddr, _error: SendError) {}
}
