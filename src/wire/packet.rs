//! Whose a packet is: addresses and ports of a UDP or TCP packet from its IP header on, and of the packet that an ICMP error
//! quotes. Reads lengths and trusts none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const ICMP4: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;

/// Headers between IPv6's and the transport's (RFC 8200 section 4); more of them than this are nobody's.
const EXTENSIONS: [u8; 3] = [0, 43, 60];
const MOST_EXTENSIONS: usize = 4;

/// UDP or TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    Udp,
    Tcp,
}

/// Both ends of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    pub carrier: Carrier,
    pub from: SocketAddr,
    pub to: SocketAddr,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Of UDP or TCP; where its payload begins in the bytes.
    Flow { ends: Ends, payload: usize },
    /// An ICMP error about a packet with these ends.
    About(Ends),
}

/// Reads a packet that begins with its IP header; `None` for what is damaged, a later fragment, or neither of the two.
pub fn read(bytes: &[u8]) -> Option<Packet> {
    let ip = Ip::read(bytes)?;
    let inner = bytes.get(ip.payload..)?;
    match ip.protocol {
        UDP | TCP => {
            let (ends, header) = ends(&ip, inner)?;
            Some(Packet::Flow { ends, payload: (ip.payload + header).min(bytes.len()) })
        }
        // RFC 792: 3 unreachable, 11 time exceeded, 12 parameter problem; RFC 4443: 1 to 4 are errors.
        ICMP4 if ip.from.is_ipv4() && matches!(inner.first()?, 3 | 11 | 12) => quoted(inner),
        ICMP6 if ip.from.is_ipv6() && matches!(inner.first()?, 1..=4) => quoted(inner),
        _ => None,
    }
}

fn quoted(icmp: &[u8]) -> Option<Packet> {
    let quote = icmp.get(8..)?;
    let ip = Ip::read(quote)?;
    Some(Packet::About(ends(&ip, quote.get(ip.payload..)?)?.0))
}

struct Ip {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: usize,
}

impl Ip {
    fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::v4(bytes),
            6 => Self::v6(bytes),
            _ => None,
        }
    }

    fn v4(bytes: &[u8]) -> Option<Self> {
        let header = usize::from(bytes.first()? & 15) * 4;
        let fragment = u16::from_be_bytes([*bytes.get(6)?, *bytes.get(7)?]) & 0x1fff;
        let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?).into());
        (header >= 20 && fragment == 0).then_some(())?;
        Some(Self { from: address(12)?, to: address(16)?, protocol: *bytes.get(9)?, payload: header })
    }

    fn v6(bytes: &[u8]) -> Option<Self> {
        let address = |at: usize| Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?).into());
        let (mut protocol, mut payload) = (*bytes.get(6)?, 40);
        for _ in 0..MOST_EXTENSIONS {
            if !EXTENSIONS.contains(&protocol) {
                break;
            }
            let length = usize::from(*bytes.get(payload + 1)?);
            (protocol, payload) = (*bytes.get(payload)?, payload + 8 * (length + 1));
        }
        Some(Self { from: address(8)?, to: address(24)?, protocol, payload })
    }
}

/// Both ends, and how long the transport's header is.
fn ends(ip: &Ip, transport: &[u8]) -> Option<(Ends, usize)> {
    let port = |at: usize| Some(u16::from_be_bytes([*transport.get(at)?, *transport.get(at + 1)?]));
    let (carrier, header) = match ip.protocol {
        UDP => (Carrier::Udp, 8),
        // A quote may end before the length of the header.
        TCP => (Carrier::Tcp, transport.get(12).map_or(20, |b| usize::from(b >> 4) * 4).max(20)),
        _ => return None,
    };
    let (from, to) = (SocketAddr::new(ip.from, port(0)?), SocketAddr::new(ip.to, port(2)?));
    Some((Ends { carrier, from, to }, header))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn udp4(from: [u8; 4], to: [u8; 4], ports: (u16, u16)) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 32, 0, 0, 0x40, 0, 64, UDP, 0, 0];
        bytes.extend(from.iter().chain(&to));
        bytes.extend(ports.0.to_be_bytes().iter().chain(&ports.1.to_be_bytes()));
        bytes.extend([0, 12, 0, 0, 1, 2, 3, 4]);
        bytes
    }

    fn ends4() -> Ends {
        let at = |last: u8, port| SocketAddr::new(IpAddr::from([192, 0, 2, last]), port);
        Ends { carrier: Carrier::Udp, from: at(1, 5000), to: at(2, 3478) }
    }

    #[test]
    fn a_flow_and_an_error_about_it_have_the_same_ends() {
        let packet = udp4([192, 0, 2, 1], [192, 0, 2, 2], (5000, 3478));
        assert_eq!(read(&packet), Some(Packet::Flow { ends: ends4(), payload: 28 }));
        let mut error =
            vec![0x45, 0, 0, 60, 0, 0, 0, 0, 64, ICMP4, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1, 3, 3, 0, 0, 0, 0, 0, 0];
        error.extend(&packet);
        assert_eq!(read(&error), Some(Packet::About(ends4())));
        // An echo quotes nothing.
        error[20] = 8;
        assert_eq!(read(&error), None);
    }

    #[test]
    fn ipv6_is_looked_through_to_its_transport_and_later_fragments_are_nobodys() {
        let mut six = vec![0x60, 0, 0, 0, 0, 28, 0, 64];
        six.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        six.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        six.extend([TCP, 0, 1, 4, 0, 0, 0, 0]);
        six.extend([0x13, 0x88, 1, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let Some(Packet::Flow { ends, payload }) = read(&six) else { panic!("{:?}", read(&six)) };
        assert_eq!((ends.carrier, ends.to.port(), payload), (Carrier::Tcp, 443, 72));
        let mut later = udp4([192, 0, 2, 1], [192, 0, 2, 2], (5000, 3478));
        later[7] = 1;
        assert_eq!(read(&later), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), version in 4u8..7) {
            let _ = read(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = version << 4 | (*first & 15);
            }
            if let Some(Packet::Flow { payload, .. }) = read(&bytes) {
                prop_assert!(payload <= bytes.len());
            }
        }
    }
}
