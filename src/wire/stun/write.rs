//! Writing STUN Binding messages into the caller's buffer. Nothing allocates; a buffer that is too small is `None`.

use std::net::{IpAddr, SocketAddr};

use super::{
    COOKIE, FINGERPRINT_LEN, HEADER, INTEGRITY_LEN, RESPONDER_VERSION, SHA1_LEN, TransactionId, attr, fingerprint,
    integrity,
};

/// The credential of a restricted responder.
#[derive(Clone, Copy)]
pub struct Auth<'a> {
    /// What [`key_id`](super::key_id) says of the key; at most 64 bytes.
    pub key_id: &'a str,
    /// The key of MESSAGE-INTEGRITY-SHA256.
    pub key: &'a [u8],
}

/// Writes a Binding request padded to `len` bytes (rounded up to a multiple of 4) and answers its length, which is
/// more than `len` where the attributes need it: `[USERNAME] RTC-CHECK [MESSAGE-INTEGRITY-SHA256] FINGERPRINT`.
/// See [`request_len`](super::request_len) for a fit `len`. `None`: the buffer is too small.
pub fn write_binding_request(buf: &mut [u8], id: TransactionId, auth: Option<Auth<'_>>, len: usize) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0001, id)?;
    let mut tail = FINGERPRINT_LEN;
    if let Some(auth) = auth {
        w.attribute(attr::USERNAME, auth.key_id.as_bytes())?;
        tail += INTEGRITY_LEN;
    }
    let padding = len.next_multiple_of(4).saturating_sub(w.at + 4 + 4 + tail);
    w.marker(padding)?;
    w.finish(auth.map(|a| a.key))
}

/// Writes a Binding success response and answers its length: XOR-MAPPED-ADDRESS, our marker if `marker`,
/// MESSAGE-INTEGRITY-SHA256 if there is a `key`, and FINGERPRINT if there is either. With neither it is the bare form
/// of 32 (IPv4) or 44 bytes (IPv6). `None`: the buffer is too small.
pub fn write_binding_success(
    buf: &mut [u8],
    id: TransactionId,
    mapped: SocketAddr,
    marker: bool,
    key: Option<&[u8]>,
) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0101, id)?;
    w.xor_address(mapped, &id)?;
    if marker {
        w.marker(0)?;
    }
    if !marker && key.is_none() {
        return w.close();
    }
    w.finish(key)
}

/// Writes a Binding error response with `code` (300 to 699) and `reason` (at most 127 bytes are used), and answers its
/// length. `None`: the buffer is too small or the code is none.
pub fn write_binding_error(buf: &mut [u8], id: TransactionId, code: u16, reason: &str) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0111, id)?;
    w.error_code(code, reason)?;
    w.finish(None)
}

/// A message that grows at `at`.
pub(super) struct Writer<'a> {
    buf: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// The header, its length still zero.
    pub(super) fn new(buf: &'a mut [u8], kind: u16, id: TransactionId) -> Option<Self> {
        let mut w = Self { buf, at: 0 };
        w.put(&kind.to_be_bytes())?;
        w.put(&[0, 0])?;
        w.put(&COOKIE)?;
        w.put(&id)?;
        Some(w)
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.buf.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    fn zeros(&mut self, count: usize) -> Option<()> {
        let end = self.at.checked_add(count)?;
        self.buf.get_mut(self.at..end)?.fill(0);
        self.at = end;
        Some(())
    }

    fn align(&mut self) -> Option<()> {
        self.zeros(self.at.next_multiple_of(4) - self.at)
    }

    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) -> Option<()> {
        self.put(&kind.to_be_bytes())?;
        self.put(&u16::try_from(value.len()).ok()?.to_be_bytes())?;
        self.put(value)?;
        self.align()
    }

    /// Version, flags, and so many zero bytes behind them.
    pub(super) fn marker(&mut self, padding: usize) -> Option<()> {
        self.put(&attr::RTC_CHECK.to_be_bytes())?;
        self.put(&u16::try_from(4 + padding).ok()?.to_be_bytes())?;
        self.put(&RESPONDER_VERSION.to_be_bytes())?;
        self.put(&[0, 0])?;
        self.zeros(padding)
    }

    /// RFC 8489 section 14.8.
    pub(super) fn error_code(&mut self, code: u16, reason: &str) -> Option<()> {
        let (class, number) = (u8::try_from(code / 100).ok()?, u8::try_from(code % 100).ok()?);
        if !(3..=6).contains(&class) {
            return None;
        }
        let reason = reason.as_bytes();
        let reason = reason.get(..127).unwrap_or(reason);
        self.put(&attr::ERROR_CODE.to_be_bytes())?;
        self.put(&u16::try_from(4 + reason.len()).ok()?.to_be_bytes())?;
        self.put(&[0, 0, class, number])?;
        self.put(reason)?;
        self.align()
    }

    /// Adds MESSAGE-INTEGRITY (RFC 8489 section 14.5).
    pub(super) fn sha1(&mut self, key: &[u8]) -> Option<()> {
        let tag = integrity(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key, self.buf, self.at, SHA1_LEN)?;
        self.attribute(attr::MESSAGE_INTEGRITY, tag.as_ref())
    }

    /// RFC 8489 section 14.2.
    pub(super) fn xor_address(&mut self, address: SocketAddr, id: &TransactionId) -> Option<()> {
        let mask = super::read::mask(id);
        let [p0, p1] = address.port().to_be_bytes();
        let port = [p0 ^ COOKIE[0], p1 ^ COOKIE[1]];
        match address.ip() {
            IpAddr::V4(ip) => {
                let mut octets = ip.octets();
                octets.iter_mut().zip(mask).for_each(|(o, m)| *o ^= m);
                self.attribute(attr::XOR_MAPPED_ADDRESS, &address_value::<8>(1, port, &octets)?)
            }
            IpAddr::V6(ip) => {
                let mut octets = ip.octets();
                octets.iter_mut().zip(mask).for_each(|(o, m)| *o ^= m);
                self.attribute(attr::XOR_MAPPED_ADDRESS, &address_value::<20>(2, port, &octets)?)
            }
        }
    }

    /// Adds MESSAGE-INTEGRITY-SHA256 if there is a key, and FINGERPRINT; answers the message's length.
    pub(super) fn finish(mut self, key: Option<&[u8]>) -> Option<usize> {
        if let Some(key) = key {
            let tag = integrity(ring::hmac::HMAC_SHA256, key, self.buf, self.at, INTEGRITY_LEN)?;
            self.attribute(attr::MESSAGE_INTEGRITY_SHA256, tag.as_ref())?;
        }
        let crc = fingerprint(self.buf, self.at)?;
        self.attribute(attr::FINGERPRINT, &crc.to_be_bytes())?;
        self.close()
    }

    /// Writes the length field; answers the message's length.
    pub(super) fn close(self) -> Option<usize> {
        let length = u16::try_from(self.at.checked_sub(HEADER)?).ok()?;
        self.buf.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
        Some(self.at)
    }
}

/// A zero byte, the family, port and address of an address attribute.
fn address_value<const N: usize>(family: u8, port: [u8; 2], octets: &[u8]) -> Option<[u8; N]> {
    let mut value = [0; N];
    value.get_mut(1..4)?.copy_from_slice(&[family, port[0], port[1]]);
    value.get_mut(4..)?.copy_from_slice(octets);
    Some(value)
}
