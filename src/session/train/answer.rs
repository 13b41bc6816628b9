//! A reply as both protocols of a train have it, or why a datagram is none.

use super::Misbehaviour;
use crate::wire::stamp::{ClassOfService, ErrorEstimate, Report, Timestamp};

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A packet of the train, by its number.
    Packet(u32),
    /// A question at its end.
    Query,
}

/// A reply to something that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub asked: Asked,
    /// The far end's own number.
    pub number: Option<u32>,
    /// When the request came and when the reply left.
    pub times: Option<(Timestamp, Timestamp, ErrorEstimate)>,
    /// With which the request came.
    pub ttl: Option<u8>,
    pub class: Option<ClassOfService>,
    pub report: Option<Report>,
    /// Than its request.
    pub shorter: bool,
    /// The number of a STUN error.
    pub error: Option<u16>,
}

impl Answer {
    /// A reply that tells no more than which packet it answers.
    pub fn to(packet: u32) -> Self {
        let asked = Asked::Packet(packet);
        let (number, times, ttl, class, report, error) = (None, None, None, None, None, None);
        Self { asked, number, times, ttl, class, report, shorter: false, error }
    }
}

/// Why a datagram is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    OtherSource,
    Unreadable,
    Longer,
    WrongHmac,
    WrongSession,
    NeverSent,
    Flood,
}

impl Misbehaviour {
    /// One more.
    pub(super) fn count(&mut self, unfit: Unfit) {
        let field = match unfit {
            Unfit::OtherSource => &mut self.other_source,
            Unfit::Unreadable => &mut self.unreadable,
            Unfit::Longer => &mut self.longer,
            Unfit::WrongHmac => &mut self.wrong_hmac,
            Unfit::WrongSession => &mut self.wrong_session,
            Unfit::NeverSent => &mut self.never_sent,
            Unfit::Flood => &mut self.flood,
        };
        *field = field.saturating_add(1);
    }
}
