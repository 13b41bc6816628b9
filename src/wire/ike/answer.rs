//! What an IKE_SA_INIT is answered with.

use std::net::SocketAddr;

use super::{HEADER, Header, IKE_SA_INIT, INITIATOR, RESPONSE, Spi, detection, is_ike, notify, payload, payloads};

/// A datagram, as the one who asked reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    Answer(Answer),
    /// IKE, but no answer to this request.
    Other,
    /// None of IKE, or broken: in words.
    Foreign(String),
}

/// What the answer is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A proposal was chosen.
    Sa,
    /// It wants the request again with a cookie (RFC 7296 section 2.6).
    Cookie,
    /// It wants another group of key exchange, if it says which (section 1.2).
    InvalidKe(Option<u16>),
    /// A notification, such as NO_PROPOSAL_CHOSEN.
    Notify,
    /// Of version 1, which cannot speak version 2.
    Version1,
    /// Neither a choice nor a notification.
    Empty,
}

/// Who is behind an address translator; `None` where the answer does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nat {
    /// The one who asked.
    pub here: Option<bool>,
    /// The one who answered.
    pub there: Option<bool>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub kind: Kind,
    /// Types of all notifications, in their order.
    pub notifications: Vec<u16>,
    pub vendor_ids: Vec<Vec<u8>>,
    theirs: Spi,
    sources: Vec<Vec<u8>>,
    destination: Option<Vec<u8>>,
}

impl Answer {
    /// What its NAT detection says to the one at `local` who asked `remote` (section 2.23): there may be several sources,
    /// of which one must be right.
    pub fn nat(&self, ours: Spi, local: SocketAddr, remote: SocketAddr) -> Nat {
        let of = |at| detection(ours, self.theirs, at);
        let there = (!self.sources.is_empty()).then(|| !self.sources.iter().any(|s| *s == of(remote)));
        Nat { here: self.destination.as_ref().map(|d| *d != of(local)), there }
    }
}

/// Reads a datagram, without the marker, as an answer to the request with `ours`.
pub fn read(ours: Spi, bytes: &[u8]) -> Reading {
    let Some(header) = Header::read(bytes).filter(|h| h.ours == ours) else {
        return if is_ike(bytes) {
            Reading::Other
        } else {
            Reading::Foreign(format!("{} bytes that are not IKE", bytes.len()))
        };
    };
    if header.length != bytes.len() {
        let (said, came) = (header.length, bytes.len());
        return Reading::Foreign(format!("an IKE message of {came} bytes whose header says {said}"));
    }
    let Some(parts) = payloads(header.next, bytes.get(HEADER..).unwrap_or_default()) else {
        return Reading::Foreign("an IKE message whose payloads do not fit into it".to_owned());
    };
    match header.version >> 4 {
        1 => Reading::Answer(version_1(&header, &parts)),
        2 if header.flags & (INITIATOR | RESPONSE) == INITIATOR => {
            Reading::Foreign("our own request: an echo service or a loop".to_owned())
        }
        2 if (header.exchange, header.flags & (INITIATOR | RESPONSE), header.id) == (IKE_SA_INIT, RESPONSE, 0) => {
            Reading::Answer(version_2(&header, &parts))
        }
        2 => Reading::Other,
        major => Reading::Foreign(format!("IKE of version {major}, which there is not")),
    }
}

fn version_2(header: &Header, parts: &[(u8, &[u8])]) -> Answer {
    let notes: Vec<(u16, &[u8])> = bodies(parts, payload::NOTIFY).filter_map(notification).collect();
    let find = |wanted: u16| notes.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| *data);
    let has = |kind| bodies(parts, kind).next().is_some();
    let chosen = has(payload::SA) && has(payload::KEY_EXCHANGE) && has(payload::NONCE) && header.theirs != [0; 8];
    let kind = match (find(notify::COOKIE), find(notify::INVALID_KE_PAYLOAD)) {
        _ if chosen => Kind::Sa,
        (_, Some(group)) => Kind::InvalidKe(group.first_chunk().map(|g| u16::from_be_bytes(*g))),
        (Some(_), _) => Kind::Cookie,
        _ if notes.is_empty() => Kind::Empty,
        _ => Kind::Notify,
    };
    let sources = notes.iter().filter(|(kind, _)| *kind == notify::NAT_DETECTION_SOURCE_IP);
    Answer {
        kind,
        theirs: header.theirs,
        sources: sources.map(|(_, data)| data.to_vec()).collect(),
        destination: find(notify::NAT_DETECTION_DESTINATION_IP).map(<[u8]>::to_vec),
        notifications: notes.iter().map(|(kind, _)| *kind).collect(),
        vendor_ids: bodies(parts, payload::VENDOR_ID).map(<[u8]>::to_vec).collect(),
    }
}

/// Version 1 says of another one's message that its version is invalid (RFC 2408 sections 3.14 and 5.2).
fn version_1(header: &Header, parts: &[(u8, &[u8])]) -> Answer {
    const NOTIFICATION: u8 = 11;
    const VENDOR_ID: u8 = 13;
    // Behind four bytes of its domain of interpretation it is as in version 2.
    let notes = bodies(parts, NOTIFICATION).filter_map(|body| notification(body.get(4..)?));
    Answer {
        kind: Kind::Version1,
        notifications: notes.map(|(kind, _)| kind).collect(),
        vendor_ids: bodies(parts, VENDOR_ID).map(<[u8]>::to_vec).collect(),
        theirs: header.theirs,
        sources: Vec::new(),
        destination: None,
    }
}

fn bodies<'a>(parts: &'a [(u8, &'a [u8])], wanted: u8) -> impl Iterator<Item = &'a [u8]> {
    parts.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, body)| *body)
}

/// Type and data (section 3.10).
fn notification(body: &[u8]) -> Option<(u16, &[u8])> {
    let ([_, spi_size, high, low], rest) = body.split_first_chunk()?;
    Some((u16::from_be_bytes([*high, *low]), rest.get(usize::from(*spi_size)..)?))
}
