//! STUN Binding (RFC 8489), by hand: the responder answers tens of thousands a second without allocating, a client has
//! to read what a sloppy server sends, and both carry an attribute of our own. `stun-rs` reads everything that is
//! written here in the tests; it takes over with TURN. Knows neither time nor sockets.

pub mod discovery;
mod ice;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use ice::{Check, Role, write_ice_check, write_ice_error, write_ice_success};
pub use read::{Class, Message, ReadError};
pub use write::{Auth, write_binding_error, write_binding_request, write_binding_success};

/// 96 bits that tie an answer to its request (RFC 8489 section 5).
pub type TransactionId = [u8; 12];

/// Version that our marker carries; a later version still has it in the first two bytes of the attribute.
pub const RESPONDER_VERSION: u16 = 1;

/// The Binding method (RFC 8489 section 3).
pub const BINDING: u16 = 0x001;

/// Bytes of the header (RFC 8489 section 5).
pub const HEADER: usize = 20;

/// The longest message that is written here, and a fit buffer for it.
pub const MAX_WRITTEN: usize = 256;

/// The length to which a request is padded, so that no answer of our responder is longer than what caused it, whatever
/// the family of the mapped address: 20 header + 24 XOR-MAPPED-ADDRESS (IPv6) + 8 marker + 8 FINGERPRINT, and 36
/// MESSAGE-INTEGRITY-SHA256 where a key is used. One length for both families, because a translator (NAT64, SIIT)
/// between the ends may change the family.
pub const fn request_len(authenticated: bool) -> usize {
    if authenticated { 96 } else { 60 }
}

/// The user name under which a key's holder asks: the first 8 bytes of the key's SHA-256, in hexadecimal. It tells a
/// responder which key to try and gives nothing of it away.
pub fn key_id(key: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, key);
    digest.as_ref().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// Attribute types (RFC 8489 section 18.3, RFC 8445 section 16.1 for ICE's, RFC 3489 for the legacy one).
pub(crate) mod attr {
    pub const MAPPED_ADDRESS: u16 = 0x0001;
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub const PRIORITY: u16 = 0x0024;
    pub const USE_CANDIDATE: u16 = 0x0025;
    /// XOR-MAPPED-ADDRESS as drafts before RFC 5389 numbered it; old servers still send it.
    pub const XOR_MAPPED_ADDRESS_OLD: u16 = 0x8020;
    pub const SOFTWARE: u16 = 0x8022;
    pub const FINGERPRINT: u16 = 0x8028;
    pub const ICE_CONTROLLED: u16 = 0x8029;
    pub const ICE_CONTROLLING: u16 = 0x802A;
    /// Ours. Comprehension-optional, so that every other server ignores it (RFC 8489 section 14), and unassigned in the
    /// expert review range, away from the low numbers that are given out first.
    /// A 16-bit version and 16 bits of flags (zero), in a request followed by zero bytes that pad.
    pub const RTC_CHECK: u16 = 0xE7CC;
}

/// The magic cookie (RFC 8489 section 5).
pub const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// What FINGERPRINT's CRC-32 is XORed with (RFC 8489 section 14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// Bytes of a FINGERPRINT attribute, header included.
const FINGERPRINT_LEN: usize = 8;

/// Bytes of an address attribute of IPv4, header included.
pub const OTHER_ADDRESS_V4: usize = 12;

/// Bytes of an address attribute of IPv6, header included.
pub const OTHER_ADDRESS_V6: usize = 24;

/// Bytes of a MESSAGE-INTEGRITY-SHA256 attribute, header included.
const INTEGRITY_LEN: usize = 36;

/// Bytes of a MESSAGE-INTEGRITY attribute, header included.
const SHA1_LEN: usize = 24;

/// The first bytes of a message with its length field as if it ended `end` bytes from its start, which is what the
/// integrity attributes and FINGERPRINT are computed over (RFC 8489 sections 14.5 to 14.7).
fn head_ending_at(message: &[u8], end: usize) -> Option<[u8; 4]> {
    let length = u16::try_from(end.checked_sub(HEADER)?).ok()?.to_be_bytes();
    let kind: [u8; 2] = message.get(..2)?.try_into().ok()?;
    Some([kind[0], kind[1], length[0], length[1]])
}

/// FINGERPRINT of `message[..at]`, the attribute standing at `at`.
fn fingerprint(message: &[u8], at: usize) -> Option<u32> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&head_ending_at(message, at + FINGERPRINT_LEN)?);
    crc.update(message.get(4..at)?);
    Some(crc.finalize() ^ FINGERPRINT_XOR)
}

/// HMAC of `message[..at]`, the integrity attribute of `len` bytes (header included) standing at `at`.
pub(in crate::wire) fn integrity(
    algorithm: ring::hmac::Algorithm,
    key: &[u8],
    message: &[u8],
    at: usize,
    len: usize,
) -> Option<ring::hmac::Tag> {
    let mut hmac = ring::hmac::Context::with_key(&ring::hmac::Key::new(algorithm, key));
    hmac.update(&head_ending_at(message, at + len)?);
    hmac.update(message.get(4..at)?);
    Some(hmac.sign())
}
