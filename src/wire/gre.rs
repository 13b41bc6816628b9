//! GRE (RFC 2784, RFC 2890): its header, and the keepalive that an endpoint sends back when it takes a packet out of its
//! tunnel and forwards it, although it knows nothing of keepalives. Bytes in, a reading out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP's protocol number.
pub const PROTOCOL: u8 = 47;

/// Flags of the first byte: a checksum, a key, a sequence number.
const CHECKSUM: u8 = 0x80;
const KEY: u8 = 0x20;
const SEQUENCE: u8 = 0x10;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 0; 1 is that of PPTP (RFC 2637).
    pub version: u8,
    /// Ethertype of what follows; 0 in a keepalive that came back.
    pub protocol: u16,
    pub key: Option<u32>,
    pub sequence: Option<u32>,
    /// Bytes of it.
    pub length: usize,
}

/// Reads a header; `None` where it is cut off.
pub fn read(bytes: &[u8]) -> Option<Header> {
    let [flags, version, high, low] = *bytes.first_chunk()?;
    let mut at = 4;
    let mut field = |present: u8| -> Option<Option<u32>> {
        if flags & present == 0 {
            return Some(None);
        }
        let value = bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))?;
        at += 4;
        Some(Some(value))
    };
    let _checksum = field(CHECKSUM)?;
    let (key, sequence) = (field(KEY)?, field(SEQUENCE)?);
    Some(Header { version: version & 7, protocol: u16::from_be_bytes([high, low]), key, sequence, length: at })
}

/// A packet without a key that carries nothing an endpoint would take: `token` shows in what an ICMP error quotes.
pub fn write_plain(token: u32, sequence: u32) -> Vec<u8> {
    [&[0; 4][..], &token.to_be_bytes(), &sequence.to_be_bytes()].concat()
}

/// A keepalive: in GRE without a key, an IP packet from `peer` to `us` with GRE of protocol 0, whose key and sequence
/// number are ours. Both addresses are of one family.
pub fn write_keepalive(us: IpAddr, peer: IpAddr, token: u32, sequence: u32) -> Option<Vec<u8>> {
    let inner = [&[KEY | SEQUENCE, 0, 0, 0][..], &token.to_be_bytes(), &sequence.to_be_bytes()].concat();
    let (ethertype, ip) = match (peer.to_canonical(), us.to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (IPV4, ipv4(from, to, token, inner.len())?),
        (IpAddr::V6(from), IpAddr::V6(to)) => (IPV6, ipv6(from, to, inner.len())?),
        _ => return None,
    };
    Some([&[0, 0][..], &ethertype.to_be_bytes(), &ip, &inner].concat())
}

/// RFC 791 section 3.1; half of the token is its identification.
fn ipv4(from: Ipv4Addr, to: Ipv4Addr, token: u32, payload: usize) -> Option<Vec<u8>> {
    let length = u16::try_from(20 + payload).ok()?.to_be_bytes();
    let [a, b, ..] = token.to_be_bytes();
    let mut header =
        [&[0x45, 0][..], &length, &[a, b, 0, 0, 64, PROTOCOL, 0, 0], &from.octets(), &to.octets()].concat();
    let sum = checksum(&header).to_be_bytes();
    header.get_mut(10..12)?.copy_from_slice(&sum);
    Some(header)
}

/// RFC 8200 section 3.
fn ipv6(from: Ipv6Addr, to: Ipv6Addr, payload: usize) -> Option<Vec<u8>> {
    let length = u16::try_from(payload).ok()?.to_be_bytes();
    Some([&[0x60, 0, 0, 0][..], &length, &[PROTOCOL, 64], &from.octets(), &to.octets()].concat())
}

/// The Internet checksum of an even number of bytes (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 =
        bytes.chunks_exact(2).filter_map(|p| p.first_chunk()).map(|p| u32::from(u16::from_be_bytes(*p))).sum();
    let folded = (sum & 0xFFFF) + (sum >> 16);
    !((folded + (folded >> 16)) as u16)
}

/// What stands behind the header of a raw IPv4 packet of GRE; `None` where it is none.
pub fn behind_ipv4(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let length = usize::from(first & 0x0F) * 4;
    let is_gre = first >> 4 == 4 && length >= 20 && packet.get(9) == Some(&PROTOCOL);
    packet.get(length..).filter(|_| is_gre)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKEN: u32 = 0xC0FF_EE07;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn headers_are_read_with_every_field_there_is() {
        let plain = Header { version: 0, protocol: IPV4, key: None, sequence: None, length: 4 };
        assert_eq!(read(&[0, 0, 8, 0]), Some(plain));
        let all = [0xB0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9];
        assert_eq!(read(&all), Some(Header { protocol: 0, key: Some(7), sequence: Some(9), length: 16, ..plain }));
        assert_eq!(read(&all[..15]), None);
        assert_eq!(read(&[0x30, 0x81, 0x88, 0x0B, 0, 0, 0, 1, 0, 0, 0, 2]).map(|h| h.version), Some(1), "PPTP");
        assert_eq!(read(&[0, 0, 8]), None);
    }

    #[test]
    fn a_keepalive_carries_a_whole_packet_back_to_us() {
        let bytes = write_keepalive(ip("192.0.2.2"), ip("198.51.100.10"), TOKEN, 3).unwrap();
        assert_eq!(read(&bytes).map(|h| (h.protocol, h.key, h.length)), Some((IPV4, None, 4)));
        let inner = &bytes[4..];
        assert_eq!(
            (usize::from(inner[3]), &inner[12..16], &inner[16..20]),
            (inner.len(), &[198, 51, 100, 10][..], &[192, 0, 2, 2][..])
        );
        assert_eq!(checksum(&inner[..20]), 0, "a header with its checksum sums up to nothing");
        let back = read(behind_ipv4(inner).unwrap()).unwrap();
        assert_eq!((back.protocol, back.key, back.sequence), (0, Some(TOKEN), Some(3)));
        let six = write_keepalive(ip("2001:db8::2"), ip("2001:db8::1"), TOKEN, 3).unwrap();
        assert_eq!((&six[2..5], six[10], six.len()), (&[0x86, 0xDD, 0x60][..], PROTOCOL, 4 + 40 + 12));
        assert_eq!(read(&six[44..]).and_then(|h| h.key), Some(TOKEN));
        assert_eq!(write_keepalive(ip("2001:db8::2"), ip("192.0.2.1"), TOKEN, 3), None);
    }

    #[test]
    fn the_checksum_is_that_of_rfc_1071() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not_and_never_more_than_there_are(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(header) = read(&bytes) {
                prop_assert!(header.length <= bytes.len());
            }
            if let Some(rest) = behind_ipv4(&bytes) {
                prop_assert!(rest.len() + 20 <= bytes.len());
            }
        }
    }
}
