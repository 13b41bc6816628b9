//! The Session-Reflector's side of STAMP (RFC 8762 section 4.3, RFC 8972): what was asked, the state of a session, and
//! the one answer to a packet, as long as the packet. Knows no socket, no clock, and not who may ask.

mod arrivals;
mod strangers;

use std::net::SocketAddr;
use std::time::Duration;

pub use arrivals::{Arrivals, REACH};
pub use strangers::Strangers;

use crate::wire::stamp::kind;
use crate::wire::stamp::{
    ClassOfService, ErrorEstimate, Reply, Report, Request, Timestamp, Unread, may_be_request, read_request, write_reply,
};

/// What a packet asks.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    request: Request,
    cos: Option<ClassOfService>,
    report: Option<Report>,
}

/// Why a packet is none to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAsked {
    /// Not a sender's: what a sender leaves zero is not.
    NotSender,
    /// Without authentication, and there is a key.
    Open,
    /// Authenticated with another key, or changed on the way.
    WrongKey,
}

impl Asked {
    /// Reads a sender's packet; with a key it must be authenticated with it.
    ///
    /// A reflector is to ignore what must be zero (RFC 8762 section 4.2.1); here it must be zero indeed, because it is
    /// all that tells a request from a reply, whose fields stand there, and replies that are answered would go to and fro
    /// between two reflectors for ever.
    pub fn read(bytes: &[u8], key: Option<&[u8]>) -> Result<Self, NotAsked> {
        if may_be_request(bytes, key.is_some()) != Some(true) {
            let open = key.is_some() && may_be_request(bytes, false) == Some(true);
            return Err(if open { NotAsked::Open } else { NotAsked::NotSender });
        }
        let (request, tlvs) = read_request(bytes, key).map_err(|e| match e {
            Unread::Short => NotAsked::NotSender,
            Unread::Integrity | Unread::Extensions => NotAsked::WrongKey,
        })?;
        let cos = tlvs.first_of(kind::CLASS_OF_SERVICE).and_then(|t| ClassOfService::read(t.value));
        let report = tlvs.first_of(kind::REPORT).and_then(|t| Report::read(t.value));
        Ok(Self { request, cos, report })
    }

    /// The granted session that the packet says it is of.
    pub fn token(&self) -> Option<u64> {
        self.report.map(|r| r.token).filter(|token| *token != 0)
    }

    /// The sender's session identifier.
    pub fn ssid(&self) -> u16 {
        self.request.ssid
    }
}

/// What the system told of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The socket's address.
    pub to: SocketAddr,
    /// When it came, since 1970.
    pub received: Duration,
    /// As late as can be, since 1970.
    pub sending: Duration,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// Traffic class: DSCP in the upper six bits, ECN in the lower two.
    pub tos: Option<u8>,
    /// Datagrams that the socket had dropped for want of room when this one came.
    pub dropped: u32,
}

/// A written answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub len: usize,
    /// Traffic class to send it with; `None`: the system's own.
    pub tos: Option<u8>,
    /// Where it goes from and to, unless it is the way back.
    pub ends: Option<super::reflector::Ends>,
}

/// State of one session: what came, what was answered, what this machine lost.
#[derive(Clone, Debug, Default)]
pub struct Track {
    arrivals: Arrivals,
    /// The number of the next answer.
    next: u32,
    lost_here: u32,
    /// Where the last packet came and how many the socket had dropped by then.
    socket: Option<(SocketAddr, u32)>,
}

impl Track {
    /// A packet of the session came, and is not answered because the session asks too much.
    pub fn refuse(&mut self) {
        self.lost_here = self.lost_here.saturating_add(1);
    }

    /// Counts a packet; answers the number of its answer. One that only queries is not counted and takes no number.
    fn count(&mut self, asked: &Asked, seen: &Seen) -> u32 {
        if let Some((_, before)) = self.socket.filter(|(at, _)| *at == seen.to) {
            self.lost_here = self.lost_here.saturating_add(seen.dropped.wrapping_sub(before));
        }
        self.socket = Some((seen.to, seen.dropped));
        let number = self.next;
        if !asked.report.is_some_and(|r| r.query) {
            self.arrivals.record(asked.request.seq);
            self.next = number.wrapping_add(1);
        }
        number
    }

    fn report(&self, token: u64, query: bool) -> Report {
        Report {
            token,
            query,
            unique: self.arrivals.unique(),
            duplicates: self.arrivals.duplicates(),
            reordered: self.arrivals.reordered(),
            overflow: self.lost_here,
            highest: self.arrivals.highest(),
            window: self.arrivals.window(),
        }
    }
}

/// How packets are answered.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    pub key: Option<&'a [u8]>,
    /// Answers bear the code point that a sender asks for.
    pub dscp: bool,
}

/// Writes the answer to `request`, which `asked` was read from. `track`: the session's state; without it the answer has
/// the request's own number and no report (a stateless reflector). `token`: that of the granted session, or 0.
pub fn answer(
    buf: &mut [u8],
    request: &[u8],
    asked: &Asked,
    seen: &Seen,
    track: Option<&mut Track>,
    token: u64,
    manner: Manner<'_>,
) -> Option<Answer> {
    let (seq, report) = match track {
        Some(track) => (track.count(asked, seen), asked.report.map(|r| track.report(token, r.query))),
        None => (asked.request.seq, None),
    };
    let reply = Reply {
        seq,
        sent: Timestamp::ntp(seen.sending.max(seen.received)),
        error: ErrorEstimate::UNSYNCHRONISED,
        ssid: asked.request.ssid,
        received: Timestamp::ntp(seen.received),
        request_seq: asked.request.seq,
        request_sent: asked.request.sent,
        request_error: asked.request.error,
        ttl: seen.ttl.unwrap_or(u8::MAX),
    };
    let class = asked.cos.map(|cos| class(cos, seen.tos.unwrap_or(0), manner.dscp));
    let (cos, tos) = (class.map(|(cos, _)| cos), class.map(|(_, tos)| tos));
    let len = write_reply(buf, &reply, request, cos, report.as_ref(), manner.key)?;
    Some(Answer { len, tos, ends: None })
}

/// RFC 8972 section 4.4: what came is told, and what was asked for is sent with, or what came where that is not allowed.
fn class(cos: ClassOfService, received: u8, allowed: bool) -> (ClassOfService, u8) {
    let told = ClassOfService {
        wanted_dscp: cos.wanted_dscp,
        received_dscp: received >> 2,
        received_ecn: received & 3,
        reverse_path: u8::from(!allowed),
    };
    let dscp = if allowed { cos.wanted_dscp } else { received >> 2 };
    (told, dscp << 2)
}

#[cfg(test)]
mod tests;
