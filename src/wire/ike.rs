//! IKEv2's first exchange, IKE_SA_INIT (RFC 7296): a request, the answers to it, and a responder's refusal. Bytes in, a
//! reading out; every length is checked before it is followed.

mod answer;
mod names;
mod request;

use std::net::{IpAddr, SocketAddr};

pub use answer::{Answer, Kind, Nat, Reading, read};
pub use names::{notify_name, vendor_name};
pub use request::{FIRST_GROUP, Request, Signed, asked, write_refusal};

/// What tells IKE from ESP on UDP 4500 (RFC 3948 section 2.2).
pub const MARKER: [u8; 4] = [0; 4];

/// A security parameter index of IKE.
pub type Spi = [u8; 8];

/// Bytes of the header (RFC 7296 section 3.1).
const HEADER: usize = 28;
/// Bytes before each payload's own (section 3.2).
const PAYLOAD: usize = 4;
/// More payloads than any IKE_SA_INIT has.
const MOST_PAYLOADS: usize = 64;

const VERSION_2: u8 = 0x20;
const IKE_SA_INIT: u8 = 34;

/// Flags of the header: sent by the one who began, and an answer.
const INITIATOR: u8 = 0x08;
const RESPONSE: u8 = 0x20;

/// Payload types (section 3.2).
mod payload {
    pub const NONE: u8 = 0;
    pub const SA: u8 = 33;
    pub const KEY_EXCHANGE: u8 = 34;
    pub const NONCE: u8 = 40;
    pub const NOTIFY: u8 = 41;
    pub const VENDOR_ID: u8 = 43;
}

/// Notifications that are more than a name here (section 3.10.1).
mod notify {
    pub const NO_PROPOSAL_CHOSEN: u16 = 14;
    pub const INVALID_KE_PAYLOAD: u16 = 17;
    pub const NAT_DETECTION_SOURCE_IP: u16 = 16388;
    pub const NAT_DETECTION_DESTINATION_IP: u16 = 16389;
    pub const COOKIE: u16 = 16390;
}

/// The fields of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    ours: Spi,
    theirs: Spi,
    next: u8,
    version: u8,
    exchange: u8,
    flags: u8,
    id: u32,
    length: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; HEADER] = bytes.first_chunk()?;
        let (ours, rest) = bytes.split_first_chunk()?;
        let (theirs, rest) = rest.split_first_chunk()?;
        let ([next, version, exchange, flags], rest) = rest.split_first_chunk()?;
        let (id, length) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length.first_chunk()?);
        Some(Self {
            ours: *ours,
            theirs: *theirs,
            next: *next,
            version: *version,
            exchange: *exchange,
            flags: *flags,
            id: u32::from_be_bytes(*id),
            length: usize::try_from(length).ok()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ours);
        out.extend_from_slice(&self.theirs);
        out.extend_from_slice(&[self.next, self.version, self.exchange, self.flags]);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

/// The payloads of a message of version 2, or of version 1, whose generic header is the same: type and what follows the
/// generic header. `None`: their lengths do not fit each other or the message.
fn payloads(first: u8, mut rest: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let (mut next, mut all) = (first, Vec::new());
    while next != payload::NONE {
        let [following, _, high, low] = *rest.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(PAYLOAD..length)?;
        if all.len() == MOST_PAYLOADS {
            return None;
        }
        all.push((next, body));
        (next, rest) = (following, rest.get(length..)?);
    }
    rest.is_empty().then_some(all)
}

/// Whether the bytes are a whole message of IKE, of either version, without the marker.
pub fn is_ike(bytes: &[u8]) -> bool {
    let exchanges: &[u8] = match bytes.get(17).map(|version| version >> 4) {
        Some(1) => &[2, 4, 5, 6, 32],
        Some(2) => &[34, 35, 36, 37, 43],
        _ => return false,
    };
    Header::read(bytes).is_some_and(|h| {
        h.ours != [0; 8]
            && h.length == bytes.len()
            && exchanges.contains(&h.exchange)
            && payloads(h.next, bytes.get(HEADER..).unwrap_or_default()).is_some()
    })
}

/// The data of NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP: SHA-1 of both SPIs, the address and the port
/// (section 2.23).
pub fn detection(ours: Spi, theirs: Spi, at: SocketAddr) -> [u8; 20] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(&ours);
    context.update(&theirs);
    match at.ip().to_canonical() {
        IpAddr::V4(a) => context.update(&a.octets()),
        IpAddr::V6(a) => context.update(&a.octets()),
    }
    context.update(&at.port().to_be_bytes());
    let mut hash = [0; 20];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

#[cfg(test)]
mod tests;
