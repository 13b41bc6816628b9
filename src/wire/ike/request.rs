//! An IKE_SA_INIT request that today's gateways take, and the refusal that a responder answers it with.

use std::net::SocketAddr;

use super::{HEADER, Header, IKE_SA_INIT, INITIATOR, PAYLOAD, RESPONSE, Spi, VERSION_2, detection, notify, payload};

/// Our vendor id; behind it stands, in a request to a restricted responder, the HMAC of all before.
const VENDOR: &[u8] = b"rtc-check";
const HMAC_LEN: usize = 32;

/// Transform types and ids (RFC 7296 section 3.3.2): encryption, pseudo-random function, integrity, key exchange.
const ENCR: u8 = 1;
const PRF: u8 = 2;
const INTEG: u8 = 3;
const DH: u8 = 4;

const AES_CBC: u16 = 12;
const AES_GCM_16: u16 = 20;
const PRFS: [u16; 4] = [5, 6, 7, 2];
/// HMAC-SHA2-256-128, -384-192, -512-256, HMAC-SHA1-96.
const INTEGRITIES: [u16; 4] = [12, 13, 14, 2];
/// MODP-2048, P-256, P-384, P-521, Curve25519, MODP-3072, MODP-4096, MODP-1024.
const GROUPS: [u16; 8] = [14, 19, 20, 21, 31, 15, 16, 2];
const KEY_BITS: [u16; 2] = [256, 128];

/// The group that most gateways have (RFC 8247 section 2.4: the one that must be there).
pub const FIRST_GROUP: u16 = 14;

/// What a request is made of.
pub struct Request<'a> {
    /// Ours; not zero.
    pub spi: Spi,
    pub nonce: [u8; 32],
    /// The group of key exchange and a public value of it.
    pub group: u16,
    pub public: Vec<u8>,
    /// The socket's real ends.
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// Of a restricted responder.
    pub key: Option<&'a [u8]>,
}

impl Request<'_> {
    /// The message, without the marker.
    pub fn write(&self) -> Vec<u8> {
        let key_exchange = [&self.group.to_be_bytes()[..], &[0, 0], &self.public].concat();
        let here = detection(self.spi, [0; 8], self.local);
        let there = detection(self.spi, [0; 8], self.remote);
        let mut parts = vec![
            (payload::SA, proposals()),
            (payload::KEY_EXCHANGE, key_exchange),
            (payload::NONCE, self.nonce.to_vec()),
            (payload::NOTIFY, notification(notify::NAT_DETECTION_SOURCE_IP, &here)),
            (payload::NOTIFY, notification(notify::NAT_DETECTION_DESTINATION_IP, &there)),
        ];
        if self.key.is_some() {
            parts.push((payload::VENDOR_ID, [VENDOR, &[0; HMAC_LEN]].concat()));
        }
        let mut out = message((self.spi, [0; 8]), INITIATOR, &parts);
        if let (Some(key), Some((before, hmac))) = (self.key, out.split_last_chunk_mut::<HMAC_LEN>()) {
            *hmac = sign(key, before);
        }
        out
    }
}

fn message((ours, theirs): (Spi, Spi), flags: u8, parts: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let length = HEADER + parts.iter().map(|(_, body)| PAYLOAD + body.len()).sum::<usize>();
    let next = parts.first().map_or(payload::NONE, |(kind, _)| *kind);
    let header = Header { ours, theirs, next, version: VERSION_2, exchange: IKE_SA_INIT, flags, id: 0, length };
    let mut out = Vec::with_capacity(length);
    header.write(&mut out);
    for (place, (_, body)) in parts.iter().enumerate() {
        let following = parts.get(place + 1).map_or(payload::NONE, |(kind, _)| *kind);
        out.extend_from_slice(&[following, 0]);
        out.extend_from_slice(&length_of(PAYLOAD + body.len()));
        out.extend_from_slice(body);
    }
    out
}

fn length_of(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// Combined ciphers stand in a proposal of their own, without an integrity transform (section 3.3).
fn proposals() -> Vec<u8> {
    let of = |kind: u8, ids: &[u16]| ids.iter().map(|id| (kind, *id, None)).collect::<Vec<_>>();
    let encr = |id: u16| KEY_BITS.map(|bits| (ENCR, id, Some(bits))).to_vec();
    let common = [of(PRF, &PRFS), of(DH, &GROUPS)].concat();
    let with_integrity = [encr(AES_CBC), of(INTEG, &INTEGRITIES), common.clone()].concat();
    let combined = [encr(AES_GCM_16), common].concat();
    [proposal(1, false, &with_integrity), proposal(2, true, &combined)].concat()
}

fn proposal(number: u8, last: bool, transforms: &[(u8, u16, Option<u16>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (place, (kind, id, bits)) in transforms.iter().enumerate() {
        // Attribute 14, key length, in the short form (section 3.3.5).
        let attribute = bits.map_or_else(Vec::new, |bits| [&[0x80, 14][..], &bits.to_be_bytes()].concat());
        let more = if place + 1 == transforms.len() { 0 } else { 3 };
        body.extend_from_slice(&[more, 0]);
        body.extend_from_slice(&length_of(8 + attribute.len()));
        body.extend_from_slice(&[*kind, 0]);
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(&attribute);
    }
    let count = u8::try_from(transforms.len()).unwrap_or(u8::MAX);
    let head = [&[if last { 0 } else { 2 }, 0][..], &length_of(8 + body.len()), &[number, 1, 0, count]].concat();
    [head, body].concat()
}

/// Of no protocol and no SPI (section 3.10).
fn notification(kind: u16, data: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &kind.to_be_bytes(), data].concat()
}

fn sign(key: &[u8], bytes: &[u8]) -> [u8; HMAC_LEN] {
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), bytes);
    let mut out = [0; HMAC_LEN];
    out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// What a request says of the key of a restricted responder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    Not,
    Wrong,
    Right,
}

/// The SPI of a whole, well-formed IKE_SA_INIT request, without the marker, and whether it is signed with `key`.
pub fn asked(bytes: &[u8], key: &[u8]) -> Option<(Spi, Signed)> {
    let header = Header::read(bytes).filter(|h| h.length == bytes.len() && h.ours != [0; 8] && h.theirs == [0; 8])?;
    let is_request =
        (header.version, header.exchange, header.flags, header.id) == (VERSION_2, IKE_SA_INIT, INITIATOR, 0);
    let parts = super::payloads(header.next, bytes.get(HEADER..)?).filter(|_| is_request)?;
    let has = |wanted| parts.iter().any(|(kind, _)| *kind == wanted);
    if ![payload::SA, payload::KEY_EXCHANGE, payload::NONCE].into_iter().all(has) {
        return None;
    }
    let signed = match (parts.last(), bytes.split_last_chunk::<HMAC_LEN>()) {
        (Some((payload::VENDOR_ID, body)), Some((before, hmac)))
            if body.len() == VENDOR.len() + HMAC_LEN && body.starts_with(VENDOR) =>
        {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
            if ring::hmac::verify(&key, before, hmac).is_ok() { Signed::Right } else { Signed::Wrong }
        }
        _ => Signed::Not,
    };
    Some((header.ours, signed))
}

/// NO_PROPOSAL_CHOSEN with our vendor id: no state is kept, so the responder's SPI is zero (section 2.6). 49 bytes.
pub fn write_refusal(spi: Spi) -> Vec<u8> {
    let parts =
        [(payload::NOTIFY, notification(notify::NO_PROPOSAL_CHOSEN, &[])), (payload::VENDOR_ID, VENDOR.to_vec())];
    message((spi, [0; 8]), RESPONSE, &parts)
}
