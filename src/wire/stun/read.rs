//! Reading STUN messages as they come: lenient where a mistake changes nothing (padding, unknown attributes, text that
//! is no UTF-8), bounded by the datagram, never a panic.

use std::net::{IpAddr, SocketAddr};

use super::{COOKIE, FINGERPRINT_LEN, HEADER, INTEGRITY_LEN, SHA1_LEN, TransactionId, attr, fingerprint, integrity};

/// The class bits of a message type (RFC 8489 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// Why bytes are no STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Shorter than a header, the first two bits are not zero, or the magic cookie is not there.
    #[error("not STUN")]
    NotStun,
    /// The header promises more bytes than came.
    #[error("a STUN message of {claimed} bytes cut off after {got}")]
    Truncated {
        /// Bytes that the header promises, itself included.
        claimed: usize,
        /// Bytes that came.
        got: usize,
    },
}

/// A STUN message where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The message without what may follow it in the datagram.
    bytes: &'a [u8],
    kind: u16,
    id: TransactionId,
}

impl<'a> Message<'a> {
    /// Reads the header; attributes are looked up when they are asked for. Bytes behind the message are ignored.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(ReadError::NotStun)?;
        let [k0, k1, l0, l1, c0, c1, c2, c3, rest @ ..] = *header;
        if k0 & 0xC0 != 0 || [c0, c1, c2, c3] != COOKIE {
            return Err(ReadError::NotStun);
        }
        let claimed = HEADER + usize::from(u16::from_be_bytes([l0, l1]));
        let bytes = bytes.get(..claimed).ok_or(ReadError::Truncated { claimed, got: bytes.len() })?;
        Ok(Self { bytes, kind: u16::from_be_bytes([k0, k1]), id: rest })
    }

    /// Request, indication, success or error response.
    pub fn class(&self) -> Class {
        match (self.kind & 0x0100 != 0, self.kind & 0x0010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        }
    }

    /// The 12 bits of the method; Binding is 1.
    pub fn method(&self) -> u16 {
        self.kind & 0x000F | (self.kind & 0x00E0) >> 1 | (self.kind & 0x3E00) >> 2
    }

    /// The transaction id.
    pub fn id(&self) -> TransactionId {
        self.id
    }

    /// Bytes of the message, header included.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The sender's address as the server saw it: XOR-MAPPED-ADDRESS, its old number, or MAPPED-ADDRESS.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        let mask = mask(&self.id);
        self.value(attr::XOR_MAPPED_ADDRESS)
            .or_else(|| self.value(attr::XOR_MAPPED_ADDRESS_OLD))
            .and_then(|v| address(v, &mask))
            .or_else(|| address(self.value(attr::MAPPED_ADDRESS)?, &[0; 16]))
    }

    /// SOFTWARE, fit to be shown: without control characters, at most 80 characters.
    pub fn software(&self) -> Option<String> {
        self.value(attr::SOFTWARE).map(|v| clean(v, 80))
    }

    /// Number and reason of ERROR-CODE, the reason fit to be shown.
    pub fn error_code(&self) -> Option<(u16, String)> {
        let (head, reason) = self.value(attr::ERROR_CODE)?.split_first_chunk::<4>()?;
        Some((u16::from(head[2] & 7) * 100 + u16::from(head[3]), clean(reason, 80)))
    }

    /// USERNAME as it came.
    pub fn username(&self) -> Option<&'a [u8]> {
        self.value(attr::USERNAME)
    }

    /// The version in our own attribute: in an answer the mark of an rtc-check responder, in a request that of a client.
    pub fn responder(&self) -> Option<u16> {
        let (version, _) = self.value(attr::RTC_CHECK)?.split_first_chunk::<2>()?;
        Some(u16::from_be_bytes(*version))
    }

    /// Whether FINGERPRINT is right; `None` where there is none.
    pub fn fingerprint_ok(&self) -> Option<bool> {
        let (at, value) = self.find(attr::FINGERPRINT)?;
        let right = fingerprint(self.bytes, at)?.to_be_bytes();
        Some(value.len() + 4 == FINGERPRINT_LEN && value == right)
    }

    /// Whether MESSAGE-INTEGRITY-SHA256 is right for `key`; `None` where there is none. A shortened one is wrong,
    /// because no use of STUN here allows it (RFC 8489 section 14.6).
    pub fn integrity_sha256_ok(&self, key: &[u8]) -> Option<bool> {
        let (at, value) = self.find(attr::MESSAGE_INTEGRITY_SHA256)?;
        let tag = integrity(ring::hmac::HMAC_SHA256, key, self.bytes, at, INTEGRITY_LEN)?;
        Some(same(tag.as_ref(), value))
    }

    /// Whether MESSAGE-INTEGRITY (HMAC-SHA1) is right for `key`; `None` where there is none.
    pub fn integrity_sha1_ok(&self, key: &[u8]) -> Option<bool> {
        let (at, value) = self.find(attr::MESSAGE_INTEGRITY)?;
        let tag = integrity(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key, self.bytes, at, SHA1_LEN)?;
        Some(same(tag.as_ref(), value))
    }

    /// Whether the attributes fill the message exactly.
    pub fn well_formed(&self) -> bool {
        let mut attributes = self.attributes();
        while attributes.next().is_some() {}
        attributes.at == self.bytes.len()
    }

    /// Whether there is an attribute that must be understood (below 0x8000) and is known neither to a plain Binding server
    /// or ICE agent (RFC 8489 section 6.3.1) nor among `more`: CHANGE-REQUEST (RFC 5780).
    pub fn has_unknown_required(&self, more: &[u16]) -> bool {
        let known = |kind| {
            kind >= 0x8000
                || more.contains(&kind)
                || matches!(
                    kind,
                    attr::MAPPED_ADDRESS
                        | attr::USERNAME
                        | attr::MESSAGE_INTEGRITY
                        | attr::ERROR_CODE
                        | attr::MESSAGE_INTEGRITY_SHA256
                        | attr::XOR_MAPPED_ADDRESS
                        | attr::PRIORITY
                        | attr::USE_CANDIDATE
                        | attr::REALM
                        | attr::NONCE
                )
        };
        self.attributes().any(|a| !known(a.kind))
    }

    /// An attribute's address that is XORed as XOR-MAPPED-ADDRESS is.
    pub(in crate::wire) fn xor_address(&self, kind: u16) -> Option<SocketAddr> {
        address(self.before_integrity(kind)?, &mask(&self.id))
    }

    /// An attribute's address as it stands.
    pub(in crate::wire) fn plain_address(&self, kind: u16) -> Option<SocketAddr> {
        address(self.before_integrity(kind)?, &[0; 16])
    }

    /// The value of an attribute that stands before MESSAGE-INTEGRITY, if there is one: what stands behind it is to be
    /// ignored (RFC 8489 section 14.5).
    pub(in crate::wire) fn before_integrity(&self, kind: u16) -> Option<&'a [u8]> {
        let end = self.find(attr::MESSAGE_INTEGRITY).map_or(usize::MAX, |(at, _)| at);
        self.find(kind).filter(|(at, _)| *at < end).map(|(_, value)| value)
    }

    pub(super) fn value(&self, kind: u16) -> Option<&'a [u8]> {
        self.find(kind).map(|(_, value)| value)
    }

    /// Place and value of the first attribute of `kind` (RFC 8489 section 14: only the first counts).
    fn find(&self, kind: u16) -> Option<(usize, &'a [u8])> {
        self.attributes().find(|a| a.kind == kind).map(|a| (a.at, a.value))
    }

    fn attributes(&self) -> Attributes<'a> {
        Attributes { bytes: self.bytes, at: HEADER }
    }
}

/// One attribute and where its header stands in the message.
struct Attribute<'a> {
    at: usize,
    kind: u16,
    value: &'a [u8],
}

/// Walks the attributes and ends at the first that does not fit.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let at = self.at;
        let (head, rest) = self.bytes.get(at..)?.split_first_chunk::<4>()?;
        let [k0, k1, l0, l1] = *head;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = rest.get(..length)?;
        // A last attribute without its padding is taken all the same.
        self.at = (at + 4 + length.next_multiple_of(4)).min(self.bytes.len());
        Some(Attribute { at, kind: u16::from_be_bytes([k0, k1]), value })
    }
}

/// What an address is XORed with: the cookie and the transaction id (RFC 8489 section 14.2).
pub(super) fn mask(id: &TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask.iter_mut().zip(COOKIE.iter().chain(id)).for_each(|(m, b)| *m = *b);
    mask
}

/// An address attribute's value, its port and address XORed with `mask`.
pub(super) fn address(value: &[u8], mask: &[u8; 16]) -> Option<SocketAddr> {
    let ([_, family, p0, p1], octets) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([p0 ^ mask[0], p1 ^ mask[1]]);
    let ip = match family {
        1 => IpAddr::from(unmasked::<4>(octets, mask)?),
        2 => IpAddr::from(unmasked::<16>(octets, mask)?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn unmasked<const N: usize>(octets: &[u8], mask: &[u8; 16]) -> Option<[u8; N]> {
    let mut out = *octets.first_chunk::<N>()?;
    out.iter_mut().zip(mask).for_each(|(o, m)| *o ^= m);
    Some(out)
}

/// Compares in a time that does not depend on where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

/// A peer's text fit to be shown.
fn clean(bytes: &[u8], max: usize) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(max).collect::<String>().trim().to_owned()
}
