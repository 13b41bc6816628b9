//! Base packets of sender and reflector, with or without authentication, and the extensions behind them.

use super::tlv::{ClassOfService, Tlvs, flag, kind};
use super::{
    AUTHENTICATED_LEN, ErrorEstimate, HMAC_LEN, OPEN_LEN, Report, TLV_HEADER, Timestamp, array, hmac, put, same,
};

/// What a Session-Sender says (RFC 8762 section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub seq: u32,
    pub sent: Timestamp,
    pub error: ErrorEstimate,
    /// Session identifier (RFC 8972 section 3); 0 of a sender that has none.
    pub ssid: u16,
}

/// What a Session-Reflector says (RFC 8762 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The reflector's own, or the sender's again where it keeps no state.
    pub seq: u32,
    pub sent: Timestamp,
    pub error: ErrorEstimate,
    pub ssid: u16,
    /// When the request came, on the reflector's clock.
    pub received: Timestamp,
    /// The request that it answers, its identifier left out.
    pub request_seq: u32,
    pub request_sent: Timestamp,
    pub request_error: ErrorEstimate,
    /// TTL or hop limit with which the request came; 255 where it is not known.
    pub ttl: u8,
}

/// Why bytes are no packet of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Fewer bytes than the base packet has.
    Short,
    /// The base packet's HMAC is wrong: another key, or changed on the way.
    Integrity,
    /// The HMAC TLV is wrong, or stands before another extension than padding (RFC 8972 section 4.8).
    Extensions,
}

/// Where the fields of a base packet are.
struct Layout {
    len: usize,
    /// What a sender leaves zero: up to the HMAC or the end.
    zero: usize,
    sent: usize,
    received: usize,
    request_seq: usize,
    request_sent: usize,
    ttl: usize,
}

const OPEN: Layout =
    Layout { len: OPEN_LEN, zero: 16, sent: 4, received: 16, request_seq: 24, request_sent: 28, ttl: 40 };
const AUTHENTICATED: Layout =
    Layout { len: AUTHENTICATED_LEN, zero: 28, sent: 16, received: 32, request_seq: 48, request_sent: 64, ttl: 80 };

fn layout(key: Option<&[u8]>) -> &'static Layout {
    if key.is_some() { &AUTHENTICATED } else { &OPEN }
}

/// Whether a sender can have written these bytes: what must be zero of a sender (RFC 8762 sections 4.2.1, 4.2.2) and holds
/// the time of receipt in every reflector's packet, is zero. `None`: shorter than a base packet.
pub fn may_be_request(bytes: &[u8], authenticated: bool) -> Option<bool> {
    let (at, tag) = if authenticated { (&AUTHENTICATED, HMAC_LEN) } else { (&OPEN, 0) };
    Some(bytes.get(..at.len)?.get(at.zero..at.len - tag)?.iter().all(|b| *b == 0))
}

/// Reads a request and its extensions. With a key it must be authenticated with it.
pub fn read_request<'a>(bytes: &'a [u8], key: Option<&[u8]>) -> Result<(Request, Tlvs<'a>), Unread> {
    let at = layout(key);
    let tlvs = verified(bytes, key, at)?;
    let read = || {
        Some(Request {
            seq: u32::from_be_bytes(array(bytes, 0)?),
            sent: Timestamp(u64::from_be_bytes(array(bytes, at.sent)?)),
            error: ErrorEstimate(u16::from_be_bytes(array(bytes, at.sent + 8)?)),
            ssid: u16::from_be_bytes(array(bytes, at.sent + 10)?),
        })
    };
    Ok((read().ok_or(Unread::Short)?, tlvs))
}

/// Reads a reply and its extensions. With a key it must be authenticated with it.
pub fn read_reply<'a>(bytes: &'a [u8], key: Option<&[u8]>) -> Result<(Reply, Tlvs<'a>), Unread> {
    let at = layout(key);
    let (head, tlvs) = read_request(bytes, key)?;
    let read = || {
        Some(Reply {
            seq: head.seq,
            sent: head.sent,
            error: head.error,
            ssid: head.ssid,
            received: Timestamp(u64::from_be_bytes(array(bytes, at.received)?)),
            request_seq: u32::from_be_bytes(array(bytes, at.request_seq)?),
            request_sent: Timestamp(u64::from_be_bytes(array(bytes, at.request_sent)?)),
            request_error: ErrorEstimate(u16::from_be_bytes(array(bytes, at.request_sent + 8)?)),
            ttl: *bytes.get(at.ttl)?,
        })
    };
    Ok((read().ok_or(Unread::Short)?, tlvs))
}

/// The extensions, once the base packet and they are shown to be of a holder of the key.
fn verified<'a>(bytes: &'a [u8], key: Option<&[u8]>, at: &Layout) -> Result<Tlvs<'a>, Unread> {
    let (base, rest) = bytes.split_at_checked(at.len).ok_or(Unread::Short)?;
    let tlvs = Tlvs(rest);
    let Some(key) = key else { return Ok(tlvs) };
    let (signed, tag) = base.split_at(at.len - HMAC_LEN);
    if !same(&hmac(key, &[signed]), tag) {
        return Err(Unread::Integrity);
    }
    let mut offset = 0;
    for tlv in tlvs {
        if tlv.kind == kind::HMAC {
            let (covered, after) = rest.split_at_checked(offset).ok_or(Unread::Extensions)?;
            let after = after.get(TLV_HEADER + tlv.value.len()..).ok_or(Unread::Extensions)?;
            let last = Tlvs(after).all(|t| t.kind == kind::EXTRA_PADDING);
            let seq = bytes.get(..4).unwrap_or_default();
            let right = same(&hmac(key, &[seq, covered]), tlv.value);
            return if last && right { Ok(tlvs) } else { Err(Unread::Extensions) };
        }
        offset += TLV_HEADER + tlv.value.len();
    }
    // Nothing but padding may stand without a proof.
    match { tlvs }.all(|t| t.kind == kind::EXTRA_PADDING) {
        true => Ok(tlvs),
        false => Err(Unread::Extensions),
    }
}

/// Writes a request with Class of Service and our report where they are given, padded to `len` bytes, and answers its
/// length, which is more than `len` where the extensions need it. `None`: the buffer is too small.
pub fn write_request(
    buf: &mut [u8],
    request: &Request,
    cos: Option<ClassOfService>,
    report: Option<&Report>,
    key: Option<&[u8]>,
    len: usize,
) -> Option<usize> {
    let at = layout(key);
    head(buf, at, request.seq, request.sent, request.error, request.ssid)?;
    let mut end = at.len;
    if let Some(cos) = cos {
        end = tlv(buf, end, flag::UNRECOGNISED, kind::CLASS_OF_SERVICE, &cos.bytes())?;
    }
    if let Some(report) = report {
        end = tlv(buf, end, flag::UNRECOGNISED, kind::REPORT, &report.bytes())?;
    }
    if let (Some(key), true) = (key, end > at.len) {
        let proof = hmac(key, &[buf.get(..4)?, buf.get(at.len..end)?]);
        end = tlv(buf, end, flag::UNRECOGNISED, kind::HMAC, &proof)?;
    }
    if let Some(padding) = len.checked_sub(end + TLV_HEADER) {
        let header = [flag::UNRECOGNISED, kind::EXTRA_PADDING];
        put(buf, end, &header)?;
        put(buf, end + 2, &u16::try_from(padding).ok()?.to_be_bytes())?;
        buf.get_mut(end + TLV_HEADER..len)?.fill(0);
        end = len;
    }
    sign(buf, at, key)?;
    Some(end)
}

/// Writes the reply to `request` into `buf`, as long as the request was, and answers its length. Extensions are those of
/// the request in their order: Class of Service and our report filled in with `cos` and `report` where those are given,
/// padding and the HMAC as they must be, every other marked as not understood, a cut one as malformed. `None`: the buffer
/// is shorter than the request, or the request than a base packet.
pub fn write_reply(
    buf: &mut [u8],
    reply: &Reply,
    request: &[u8],
    cos: Option<ClassOfService>,
    report: Option<&Report>,
    key: Option<&[u8]>,
) -> Option<usize> {
    let at = layout(key);
    let buf = buf.get_mut(..request.len())?;
    head(buf, at, reply.seq, reply.sent, reply.error, reply.ssid)?;
    put(buf, at.received, &reply.received.0.to_be_bytes())?;
    put(buf, at.request_seq, &reply.request_seq.to_be_bytes())?;
    put(buf, at.request_sent, &reply.request_sent.0.to_be_bytes())?;
    put(buf, at.request_sent + 8, &reply.request_error.0.to_be_bytes())?;
    put(buf, at.ttl, &[reply.ttl])?;
    let rest = request.get(at.len..)?;
    put(buf, at.len, rest)?;
    let mut end = at.len;
    for one in Tlvs(rest) {
        let (flags, value): (u8, &[u8]) = match (one.kind, cos, report) {
            _ if one.cut => (flag::MALFORMED, one.value),
            (kind::CLASS_OF_SERVICE, Some(cos), _) if one.value.len() == ClassOfService::LEN => (0, &cos.bytes()),
            (kind::REPORT, _, Some(report)) if Report::read(one.value).is_some() => (0, &report.bytes()),
            (kind::CLASS_OF_SERVICE, Some(_), _) => (flag::MALFORMED, one.value),
            (kind::HMAC, ..) => match key {
                Some(_) if one.value.len() != HMAC_LEN => (flag::MALFORMED, one.value),
                Some(key) => (0, &hmac(key, &[buf.get(..4)?, buf.get(at.len..end)?])),
                None => (0, one.value),
            },
            (kind::EXTRA_PADDING, ..) => (0, one.value),
            _ => (flag::UNRECOGNISED, one.value),
        };
        put(buf, end, &[flags])?;
        put(buf, end + TLV_HEADER, value.get(..one.value.len())?)?;
        end += TLV_HEADER + one.value.len();
    }
    sign(buf, at, key)?;
    Some(request.len())
}

/// The fields that sender and reflector have at the same places, all others of the base packet zero.
fn head(buf: &mut [u8], at: &Layout, seq: u32, sent: Timestamp, error: ErrorEstimate, ssid: u16) -> Option<()> {
    buf.get_mut(..at.len)?.fill(0);
    put(buf, 0, &seq.to_be_bytes())?;
    put(buf, at.sent, &sent.0.to_be_bytes())?;
    put(buf, at.sent + 8, &error.0.to_be_bytes())?;
    put(buf, at.sent + 10, &ssid.to_be_bytes())
}

/// Puts one extension at `at` and answers where it ends.
fn tlv(buf: &mut [u8], at: usize, flags: u8, kind: u8, value: &[u8]) -> Option<usize> {
    put(buf, at, &[flags, kind])?;
    put(buf, at + 2, &u16::try_from(value.len()).ok()?.to_be_bytes())?;
    put(buf, at + TLV_HEADER, value)?;
    Some(at + TLV_HEADER + value.len())
}

/// Signs the base packet.
fn sign(buf: &mut [u8], at: &Layout, key: Option<&[u8]>) -> Option<()> {
    let Some(key) = key else { return Some(()) };
    let proof = hmac(key, &[buf.get(..at.len - HMAC_LEN)?]);
    put(buf, at.len - HMAC_LEN, &proof)
}
