//! STAMP test packets (RFC 8762) and their extensions (RFC 8972): reading and writing into the caller's buffers. Nothing
//! allocates, no input panics, and a length field of a peer decides nothing but how much of its own packet is read.

mod packet;
mod report;
#[cfg(test)]
mod tests;
mod time;
mod tlv;

pub use packet::{Reply, Request, Unread, may_be_request, read_reply, read_request, write_reply, write_request};
pub use report::Report;
pub use time::{ErrorEstimate, Timestamp};
pub use tlv::{ClassOfService, Tlv, Tlvs, flag, kind};

/// The assigned UDP port (RFC 8762 section 4.1).
pub const PORT: u16 = 862;

/// Bytes of a base packet in unauthenticated mode, either way (RFC 8762 sections 4.2.1, 4.3.1).
pub const OPEN_LEN: usize = 44;

/// Bytes of a base packet in authenticated mode, either way (RFC 8762 sections 4.2.2, 4.3.2).
pub const AUTHENTICATED_LEN: usize = 112;

/// Bytes of a TLV's flags, type and length (RFC 8972 section 4).
pub const TLV_HEADER: usize = 4;

/// Bytes of the HMAC field and of the HMAC TLV's value: HMAC-SHA-256 cut to 128 bits (RFC 8762 section 4.4).
pub const HMAC_LEN: usize = 16;

/// The shortest packet of ours: base, Class of Service, our report, and in authenticated mode the HMAC TLV.
pub const fn least_len(authenticated: bool) -> usize {
    let extensions = TLV_HEADER + ClassOfService::LEN + TLV_HEADER + Report::LEN;
    match authenticated {
        false => OPEN_LEN + extensions,
        true => AUTHENTICATED_LEN + extensions + TLV_HEADER + HMAC_LEN,
    }
}

/// The first 16 bytes of HMAC-SHA-256 over the parts, one after the other.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; HMAC_LEN] {
    let mut context = ring::hmac::Context::with_key(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    let mut cut = [0; HMAC_LEN];
    cut.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    cut
}

/// Compares without telling by its time where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

/// Big-endian fields of a packet; what lies behind its end reads as nothing.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Puts a field at its place; `None`: the buffer is too short.
fn put(buf: &mut [u8], at: usize, field: &[u8]) -> Option<()> {
    buf.get_mut(at..at.checked_add(field.len())?)?.copy_from_slice(field);
    Some(())
}
