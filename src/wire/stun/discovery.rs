//! NAT behaviour discovery (RFC 5780 section 7): who is to answer, where to, and where else the server is. Attributes that
//! RFC 3489 named otherwise are read too.

use std::net::{IpAddr, SocketAddr};

use super::read::address;
use super::write::Writer;
use super::{Auth, FINGERPRINT_LEN, INTEGRITY_LEN, Message, OTHER_ADDRESS_V4, OTHER_ADDRESS_V6, TransactionId, attr};

/// Attribute types of RFC 5780 section 7, and the two that RFC 3489 had in their place.
mod kind {
    pub const CHANGE_REQUEST: u16 = 0x0003;
    /// RESPONSE-ORIGIN's forerunner.
    pub const SOURCE_ADDRESS: u16 = 0x0004;
    /// OTHER-ADDRESS's forerunner.
    pub const CHANGED_ADDRESS: u16 = 0x0005;
    pub const RESPONSE_PORT: u16 = 0x0027;
    pub const RESPONSE_ORIGIN: u16 = 0x802B;
    pub const OTHER_ADDRESS: u16 = 0x802C;
}

/// What a server with a second address understands beyond a Binding.
pub const UNDERSTOOD: &[u16] = &[kind::CHANGE_REQUEST, kind::RESPONSE_PORT];

/// The length to which a request is padded, so that no answer is longer that says everything a server can say of itself:
/// [`request_len`](super::request_len), OTHER-ADDRESS and RESPONSE-ORIGIN (IPv6).
pub const fn discovery_len(authenticated: bool) -> usize {
    super::request_len(authenticated) + 2 * OTHER_ADDRESS_V6
}

/// From where else than from where it was asked the server is to answer (CHANGE-REQUEST, RFC 5780 section 7.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Change {
    pub ip: bool,
    pub port: bool,
}

impl Change {
    /// From another address and port.
    pub const BOTH: Self = Self { ip: true, port: true };
    /// From another port.
    pub const PORT: Self = Self { ip: false, port: true };
}

/// What is asked beyond a Binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Who is to answer; `None`: no CHANGE-REQUEST at all.
    pub change: Option<Change>,
    /// The port to answer to, where that is not the one that asks (RESPONSE-PORT, RFC 5780 section 7.5).
    pub response_port: Option<u16>,
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// Its other address and port.
    pub other: Option<SocketAddr>,
    /// Where this answer comes from.
    pub origin: Option<SocketAddr>,
}

/// Writes a Binding request as [`write_binding_request`](super::write_binding_request) does, with what is wanted beyond it.
pub fn write_discovery_request(
    buf: &mut [u8],
    id: TransactionId,
    auth: Option<Auth<'_>>,
    len: usize,
    wanted: Wanted,
) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0001, id)?;
    let mut tail = FINGERPRINT_LEN;
    if let Some(auth) = auth {
        w.attribute(attr::USERNAME, auth.key_id.as_bytes())?;
        tail += INTEGRITY_LEN;
    }
    if let Some(change) = wanted.change {
        let flags = u32::from(change.ip) << 2 | u32::from(change.port) << 1;
        w.attribute(kind::CHANGE_REQUEST, &flags.to_be_bytes())?;
    }
    if let Some(port) = wanted.response_port {
        w.attribute(kind::RESPONSE_PORT, &port.to_be_bytes())?;
    }
    let padding = len.next_multiple_of(4).saturating_sub(w.len() + 4 + 4 + tail);
    w.marker(padding)?;
    w.finish(auth.map(|a| a.key))
}

/// Writes a Binding success response as [`write_binding_success`](super::write_binding_success) does, with what the server
/// says of itself.
pub fn write_discovery_success(
    buf: &mut [u8],
    id: TransactionId,
    mapped: SocketAddr,
    marker: bool,
    key: Option<&[u8]>,
    servers: Servers,
) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0101, id)?;
    w.xor_address(mapped, &id)?;
    if let Some(origin) = servers.origin {
        w.attribute(kind::RESPONSE_ORIGIN, plain(origin).bytes())?;
    }
    if let Some(other) = servers.other {
        w.attribute(kind::OTHER_ADDRESS, plain(other).bytes())?;
    }
    if marker {
        w.marker(0)?;
    }
    if !marker && key.is_none() {
        return w.close();
    }
    w.finish(key)
}

/// An address attribute's value, without XOR (RFC 8489 section 14.1).
struct Plain([u8; 20], usize);

impl Plain {
    fn bytes(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

fn plain(address: SocketAddr) -> Plain {
    let mut value = [0; 20];
    let mut put = |at: usize, bytes: &[u8]| value.iter_mut().skip(at).zip(bytes).for_each(|(v, b)| *v = *b);
    put(2, &address.port().to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => {
            put(1, &[1]);
            put(4, &ip.octets());
            Plain(value, OTHER_ADDRESS_V4 - 4)
        }
        IpAddr::V6(ip) => {
            put(1, &[2]);
            put(4, &ip.octets());
            Plain(value, OTHER_ADDRESS_V6 - 4)
        }
    }
}

impl Message<'_> {
    /// The server's other address and port: OTHER-ADDRESS, or CHANGED-ADDRESS of older servers.
    pub fn other_address(&self) -> Option<SocketAddr> {
        address(self.value(kind::OTHER_ADDRESS).or_else(|| self.value(kind::CHANGED_ADDRESS))?, &[0; 16])
    }

    /// Where the server says that it answers from: RESPONSE-ORIGIN, or SOURCE-ADDRESS of older servers.
    pub fn response_origin(&self) -> Option<SocketAddr> {
        address(self.value(kind::RESPONSE_ORIGIN).or_else(|| self.value(kind::SOURCE_ADDRESS))?, &[0; 16])
    }

    /// What CHANGE-REQUEST asks for; `None` where there is none or it is too short.
    pub fn change_request(&self) -> Option<Change> {
        let flags = u32::from_be_bytes(*self.value(kind::CHANGE_REQUEST)?.first_chunk::<4>()?);
        Some(Change { ip: flags & 4 != 0, port: flags & 2 != 0 })
    }

    /// The port that the answer is to go to. Some write two bytes of padding into the attribute's length, some do not.
    pub fn response_port(&self) -> Option<u16> {
        self.value(kind::RESPONSE_PORT)?.first_chunk::<2>().map(|p| u16::from_be_bytes(*p))
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_asked_for_is_read_again_in_a_padded_request_of_one_length() {
        for (auth, len) in [(None, 108), (Some(Auth { key_id: "0123456789abcdef", key: b"key" }), 144)] {
            for change in [None, Some(Change::BOTH), Some(Change::PORT), Some(Change::default())] {
                for response_port in [None, Some(40_000)] {
                    let mut buf = [0; MAX_WRITTEN];
                    let wanted = Wanted { change, response_port };
                    let n = write_discovery_request(&mut buf, [7; 12], auth, discovery_len(auth.is_some()), wanted);
                    assert_eq!(n, Some(len));
                    let m = Message::read(&buf[..len]).unwrap();
                    assert_eq!((m.change_request(), m.response_port()), (change, response_port));
                    assert!(m.well_formed() && m.fingerprint_ok() == Some(true));
                    let beyond = wanted != Wanted::default();
                    assert_eq!((m.has_unknown_required(&[]), m.has_unknown_required(UNDERSTOOD)), (beyond, false));
                }
            }
        }
    }

    #[test]
    fn no_answer_is_longer_than_a_padded_request() {
        for (mapped, other) in [("192.0.2.1:1", "198.51.100.2:3479"), ("[2001:db8::1]:1", "[2001:db8::2]:3479")] {
            for key in [None, Some(&b"key"[..])] {
                let mut buf = [0; MAX_WRITTEN];
                let servers = Servers { other: Some(at(other)), origin: Some(at(mapped)) };
                let n = write_discovery_success(&mut buf, [7; 12], at(mapped), true, key, servers).unwrap();
                assert!(n <= discovery_len(key.is_some()), "{n}");
                let m = Message::read(&buf[..n]).unwrap();
                assert_eq!((m.mapped_address(), m.other_address()), (Some(at(mapped)), Some(at(other))));
                assert_eq!((m.response_origin(), m.responder()), (Some(at(mapped)), Some(1)));
            }
        }
    }

    /// A message of `class` with one attribute.
    fn with(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut buf = [0; MAX_WRITTEN];
        let mut w = Writer::new(&mut buf, 0x0101, [7; 12]).unwrap();
        w.attribute(kind, value).unwrap();
        let n = w.close().unwrap();
        buf[..n].to_vec()
    }

    #[test]
    fn older_names_and_other_lengths_are_read() {
        let value = [0, 1, 0x0D, 0x97, 192, 0, 2, 9];
        let other = at("192.0.2.9:3479");
        assert_eq!(Message::read(&with(0x0005, &value)).unwrap().other_address(), Some(other));
        assert_eq!(Message::read(&with(0x0004, &value)).unwrap().response_origin(), Some(other));
        for (value, port) in [(&[0x9C, 0x40][..], Some(40_000)), (&[0x9C, 0x40, 0, 0], Some(40_000)), (&[1], None)] {
            assert_eq!(Message::read(&with(0x0027, value)).unwrap().response_port(), port, "{value:?}");
        }
        assert_eq!(Message::read(&with(0x0003, &[0, 0, 0])).unwrap().change_request(), None);
        assert_eq!(Message::read(&with(0x802C, &value[..6])).unwrap().other_address(), None);
    }

    #[test]
    fn another_codec_reads_the_addresses() {
        use stun_rs::attributes::discovery::{OtherAddress, ResponseOrigin};
        let mut buf = [0; MAX_WRITTEN];
        for (other, origin) in [("192.0.2.2:3479", "192.0.2.1:3478"), ("[2001:db8::2]:1", "[2001:db8::1]:2")] {
            let servers = Servers { other: Some(at(other)), origin: Some(at(origin)) };
            let n = write_discovery_success(&mut buf, [7; 12], at(origin), true, None, servers).unwrap();
            let (m, _) = stun_rs::MessageDecoderBuilder::default().build().decode(&buf[..n]).unwrap();
            let told = m.get::<OtherAddress>().unwrap().as_other_address().unwrap().socket_address();
            assert_eq!(*told, at(other));
            let told = m.get::<ResponseOrigin>().unwrap().as_response_origin().unwrap().socket_address();
            assert_eq!(*told, at(origin));
        }
    }
}
