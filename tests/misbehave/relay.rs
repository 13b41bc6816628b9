//! A TURN server of the tests' own, over UDP and TCP: honest where a test does not say otherwise. Data loop: whatever
//! comes on a channel goes back on it, as for a client that is its own peer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};

use stun_rs::{Algorithm, AlgorithmId, HMACKey};

use crate::peer;

pub const USER: &str = "caller";
pub const PASSWORD: &str = "correct horse";
pub const REALM: &str = "lies.example";

/// Methods (RFC 8656 section 17).
pub const ALLOCATE: u16 = 3;
pub const REFRESH: u16 = 4;
pub const PERMISSION: u16 = 8;
pub const CHANNEL: u16 = 9;

/// Attributes (RFC 8489 section 18.3, RFC 8656 section 18).
const INTEGRITY: u16 = 0x0008;
const ERROR: u16 = 0x0009;
const LIFETIME: u16 = 0x000D;
pub const REALM_IS: u16 = 0x0014;
pub const NONCE: u16 = 0x0015;
pub const RELAYED: u16 = 0x0016;
const MAPPED: u16 = 0x0020;
pub const ALTERNATE: u16 = 0x8023;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// A frame from the client: a request, or data on a channel.
pub struct Frame<'a> {
    pub bytes: &'a [u8],
    pub client: SocketAddr,
}

impl Frame<'_> {
    pub fn is_data(&self) -> bool {
        self.bytes[0] & 0xC0 == 0x40
    }

    /// Its method; 0 for data.
    pub fn method(&self) -> u16 {
        if self.is_data() { 0 } else { u16::from_be_bytes([self.bytes[0], self.bytes[1]]) }
    }

    /// It has a MESSAGE-INTEGRITY.
    pub fn is_signed(&self) -> bool {
        let mut at = 20;
        while at + 4 <= self.bytes.len() {
            let [k0, k1, l0, l1] = self.bytes[at..at + 4].try_into().unwrap();
            if u16::from_be_bytes([k0, k1]) == INTEGRITY {
                return true;
            }
            at += 4 + usize::from(u16::from_be_bytes([l0, l1])).next_multiple_of(4);
        }
        false
    }

    /// A success response without attributes.
    pub fn success(&self) -> Message {
        self.answer(0x0100)
    }

    /// An error response.
    pub fn error(&self, code: u16, reason: &str) -> Message {
        let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
        value.extend_from_slice(reason.as_bytes());
        self.answer(0x0110).with(ERROR, &value)
    }

    /// 401 with the realm and a nonce.
    pub fn challenge(&self) -> Message {
        self.error(401, "Unauthorized").with(REALM_IS, REALM.as_bytes()).with(NONCE, b"0123456789abcdef")
    }

    /// What an honest server answers.
    pub fn honest(&self) -> Vec<Vec<u8>> {
        if self.is_data() {
            return vec![self.bytes.to_vec()];
        }
        vec![if self.is_signed() { self.granted().signed(PASSWORD) } else { self.challenge().0 }]
    }

    /// Success of whatever is asked for, unsigned.
    pub fn granted(&self) -> Message {
        match self.method() {
            ALLOCATE => {
                let relayed = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
                let message = self.success().with(RELAYED, &xored(relayed)).with(MAPPED, &xored(self.client));
                message.with(LIFETIME, &600_u32.to_be_bytes())
            }
            REFRESH => self.success().with(LIFETIME, &0_u32.to_be_bytes()),
            _ => self.success(),
        }
    }

    fn answer(&self, class: u16) -> Message {
        let mut bytes = (self.method() | class).to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&self.bytes[4..20]);
        Message(bytes)
    }
}

/// A STUN message as it grows.
pub struct Message(pub Vec<u8>);

impl Message {
    /// Adds an attribute.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let length = (self.0.len() - 20) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// Adds MESSAGE-INTEGRITY with the key that this password makes (RFC 8489 section 9.2.2).
    pub fn signed(self, password: &str) -> Vec<u8> {
        let key = HMACKey::new_long_term(USER, REALM, password, Algorithm::from(AlgorithmId::MD5)).unwrap();
        self.sealed(key.as_bytes())
    }

    /// Adds MESSAGE-INTEGRITY with this key (RFC 8489 section 14.5).
    pub fn sealed(mut self, key: &[u8]) -> Vec<u8> {
        let length = (self.0.len() + 24 - 20) as u16;
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), &self.0);
        self.with(INTEGRITY, tag.as_ref()).0
    }
}

/// An IPv4 address as XOR-…-ADDRESS has it.
pub fn xored(address: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(address) = address else { panic!("an IPv4 address") };
    let mut value = vec![0, 1];
    value.extend_from_slice(&(address.port() ^ 0x2112).to_be_bytes());
    value.extend(address.ip().octets().iter().zip(COOKIE).map(|(a, c)| a ^ c));
    value
}

/// A server on a UDP port of 127.0.0.1 that sends what `answers` makes of each datagram.
pub fn over_udp(answers: impl Fn(&Frame<'_>) -> Vec<Vec<u8>> + Send + 'static) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((n, client)) = socket.recv_from(&mut datagram) {
            for answer in answers(&Frame { bytes: &datagram[..n], client }) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    port
}

/// The same over TCP; an empty answer closes the connection.
pub fn over_tcp(answers: impl Fn(&Frame<'_>) -> Vec<Vec<u8>> + Send + Sync + 'static) -> u16 {
    peer::listen(move |mut stream| {
        let client = stream.peer_addr().unwrap();
        let _ = stream.set_nodelay(true);
        while let Some(bytes) = frame(&mut stream) {
            for answer in answers(&Frame { bytes: &bytes, client }) {
                if answer.is_empty() || stream.write_all(&answer).is_err() {
                    return;
                }
            }
        }
    })
}

/// One frame of a stream, ChannelData with its padding.
fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 4];
    stream.read_exact(&mut bytes).ok()?;
    let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    let whole = if bytes[0] & 0xC0 == 0x40 { 4 + length.next_multiple_of(4) } else { 20 + length };
    bytes.resize(whole, 0);
    stream.read_exact(&mut bytes[4..]).ok()?;
    Some(bytes)
}
