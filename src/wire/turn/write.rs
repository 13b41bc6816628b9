//! Writing a client's requests: attributes by `stun-rs`, REALM and NONCE exactly as the server sent them, and
//! MESSAGE-INTEGRITY over all of it.

use std::net::SocketAddr;

use stun_rs::attributes::stun::UserName;
use stun_rs::attributes::turn::{ChannelNumber, LifeTime, RequestedAddressFamily, RequestedTrasport, XorPeerAddress};
use stun_rs::{
    AddressFamily, Algorithm, AlgorithmId, HMACKey, MessageClass, MessageEncoderBuilder, StunMessageBuilder, methods,
    protocols,
};

use super::attr;
use crate::wire::stun::{HEADER, TransactionId, integrity};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A relayed address for UDP, of the server's default family (IPv4) or IPv6.
    Allocate { v6: bool },
    /// More time for the allocation; `Some(0)` gives it back.
    Refresh { lifetime: Option<u32> },
    /// The address may send, from any port.
    CreatePermission(SocketAddr),
    /// The number stands for the address and port.
    ChannelBind(u16, SocketAddr),
}

/// The key of long-term credentials (RFC 8489 section 9.2.2): MD5 over user name, realm and password. Cannot be printed.
#[derive(Clone)]
pub struct Key(HMACKey);

impl Key {
    /// `Err`: one of the three is nothing that the standard lets through (RFC 8265 section 4): empty, or with control
    /// characters.
    pub fn long_term(username: &str, realm: &[u8], password: &str) -> Result<Self, Unwritable> {
        UserName::new(username).map_err(|_| Unwritable::Username)?;
        let realm = std::str::from_utf8(realm).map_err(|_| Unwritable::Realm)?;
        let md5 = || Algorithm::from(AlgorithmId::MD5);
        // Which of the two it is: a key of the realm and a password that is known to pass.
        HMACKey::new_long_term(username, realm, "x", md5()).map_err(|_| Unwritable::Realm)?;
        HMACKey::new_long_term(username, realm, password, md5()).map(Self).map_err(|_| Unwritable::Password)
    }

    pub(super) fn hmac_key(&self) -> &HMACKey {
        &self.0
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What a request is signed with.
#[derive(Clone, Copy, Debug)]
pub struct Auth<'a> {
    pub username: &'a str,
    /// Both as they came.
    pub realm: &'a [u8],
    pub nonce: &'a [u8],
    pub key: &'a Key,
}

/// Why a request cannot be written. Says nothing of what the values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    #[error("the user name is empty, too long (508 bytes at most) or has characters that TURN does not allow")]
    Username,
    #[error("the password is empty or has characters that TURN does not allow")]
    Password,
    #[error("the server's realm is empty, not UTF-8 or has characters that TURN does not allow")]
    Realm,
    #[error("the request is longer than the buffer")]
    TooLong,
}

/// Writes a request, signed if there is `auth`, and answers its length.
pub fn write_request(
    buf: &mut [u8],
    id: TransactionId,
    ask: Ask,
    auth: Option<&Auth<'_>>,
) -> Result<usize, Unwritable> {
    let method = match ask {
        Ask::Allocate { .. } => methods::ALLOCATE,
        Ask::Refresh { .. } => methods::REFRESH,
        Ask::CreatePermission(_) => methods::CREATE_PERMMISSION,
        Ask::ChannelBind(..) => methods::CHANNEL_BIND,
    };
    let message = StunMessageBuilder::new(method, MessageClass::Request).with_transaction_id(id.into());
    let message = match ask {
        Ask::Allocate { v6 } => {
            let message = message.with_attribute(RequestedTrasport::new(protocols::UDP));
            if v6 { message.with_attribute(RequestedAddressFamily::new(AddressFamily::IPv6)) } else { message }
        }
        Ask::Refresh { lifetime: None } => message,
        Ask::Refresh { lifetime: Some(seconds) } => message.with_attribute(LifeTime::from(seconds)),
        Ask::CreatePermission(peer) => message.with_attribute(peer_address(peer)),
        Ask::ChannelBind(number, peer) => {
            message.with_attribute(ChannelNumber::new(number)).with_attribute(peer_address(peer))
        }
    };
    let message = match auth {
        Some(auth) => message.with_attribute(UserName::new(auth.username).map_err(|_| Unwritable::Username)?),
        None => message,
    };
    let encoder = MessageEncoderBuilder::default().build();
    let len = encoder.encode(buf, &message.build()).map_err(|_| Unwritable::TooLong)?;
    match auth {
        Some(auth) => seal(buf, len, auth).ok_or(Unwritable::TooLong),
        None => Ok(len),
    }
}

fn peer_address(peer: SocketAddr) -> XorPeerAddress {
    XorPeerAddress::from(peer)
}

/// Bytes of a MESSAGE-INTEGRITY attribute, header included.
const INTEGRITY_LEN: usize = 24;

/// Adds what the server sent, to the byte, and MESSAGE-INTEGRITY to a message of `at` bytes.
fn seal(buf: &mut [u8], at: usize, auth: &Auth<'_>) -> Option<usize> {
    let at = append(buf, at, attr::REALM, auth.realm)?;
    let at = append(buf, at, attr::NONCE, auth.nonce)?;
    let sha1 = ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
    let tag = integrity(sha1, auth.key.as_bytes(), buf, at, INTEGRITY_LEN)?;
    append(buf, at, attr::MESSAGE_INTEGRITY, tag.as_ref())
}

/// Adds an attribute to a message of `at` bytes and makes its length that of the whole.
fn append(buf: &mut [u8], at: usize, kind: u16, value: &[u8]) -> Option<usize> {
    let end = at + 4 + value.len().next_multiple_of(4);
    let length = u16::try_from(end.checked_sub(HEADER)?).ok()?;
    let (head, rest) = buf.get_mut(at..end)?.split_first_chunk_mut::<4>()?;
    let ([k0, k1], [l0, l1]) = (kind.to_be_bytes(), u16::try_from(value.len()).ok()?.to_be_bytes());
    *head = [k0, k1, l0, l1];
    rest.fill(0);
    rest.get_mut(..value.len())?.copy_from_slice(value);
    buf.get_mut(2..4)?.copy_from_slice(&length.to_be_bytes());
    Some(end)
}
