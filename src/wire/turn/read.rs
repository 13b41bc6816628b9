//! Reading what a server sends. `stun-rs` judges whether it keeps to the standard; what it refuses is read all the same
//! where it can be, so that a sloppy server's error code or relayed address is still seen.

use std::net::SocketAddr;

use stun_rs::attributes::stun::MessageIntegrity;
use stun_rs::error::StunErrorLevel;
use stun_rs::{DecoderContextBuilder, MessageDecoderBuilder, StunErrorType};

use super::{Key, attr, method};
use crate::wire::stun::{Class, Message, ReadError, TransactionId};

/// The longest NONCE and REALM that are kept (RFC 8489 sections 14.9 and 14.10).
const LONGEST_TEXT: usize = 763;

/// What MESSAGE-INTEGRITY says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    Absent,
    /// There is one, and no key to check it with.
    Unchecked,
    Right,
    Wrong,
}

/// A message of a server. Attributes behind MESSAGE-INTEGRITY count for nothing (RFC 8489 section 14.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// See [`method`].
    pub method: u16,
    pub class: Class,
    pub id: TransactionId,
    /// Number and reason, the reason fit to be shown.
    pub error: Option<(u16, String)>,
    pub relayed: Option<SocketAddr>,
    pub mapped: Option<SocketAddr>,
    pub alternate: Option<SocketAddr>,
    /// Seconds.
    pub lifetime: Option<u32>,
    /// Fit to be shown.
    pub software: Option<String>,
    /// As they came; `None` too where they are longer than the standard allows.
    pub realm: Option<Vec<u8>>,
    pub nonce: Option<Vec<u8>>,
    pub integrity: Integrity,
    /// What about it is against the standard, in words.
    pub malformed: Option<String>,
}

/// Reads a STUN message of a server; `key` checks its integrity.
pub fn read(bytes: &[u8], key: Option<&Key>) -> Result<Reply, ReadError> {
    let message = Message::read(bytes)?;
    let (integrity, malformed) = strict(&message, bytes, key);
    let value = |kind| message.before_integrity(kind);
    let text = |kind| value(kind).filter(|v| v.len() <= LONGEST_TEXT).map(<[u8]>::to_vec);
    let lifetime = value(attr::LIFETIME).and_then(|v| v.try_into().ok()).map(u32::from_be_bytes);
    Ok(Reply {
        method: message.method(),
        class: message.class(),
        id: message.id(),
        error: message.error_code(),
        relayed: message.xor_address(attr::XOR_RELAYED_ADDRESS),
        mapped: message.mapped_address(),
        alternate: message.plain_address(attr::ALTERNATE_SERVER),
        lifetime,
        software: message.software(),
        realm: text(attr::REALM),
        nonce: text(attr::NONCE),
        integrity,
        malformed,
    })
}

/// What `stun-rs` says of the message, and of its integrity; where it does not get so far, the integrity is checked here.
fn strict(message: &Message<'_>, bytes: &[u8], key: Option<&Key>) -> (Integrity, Option<String>) {
    let context = match key {
        Some(key) => DecoderContextBuilder::default().with_key(key.hmac_key().clone()).with_validation(),
        None => DecoderContextBuilder::default(),
    };
    let decoder = MessageDecoderBuilder::default().with_context(context.build()).build();
    let bytes = bytes.get(..message.size()).unwrap_or(bytes);
    let problem = match decoder.decode(bytes) {
        Ok((strict, _)) => {
            let found = match key {
                Some(_) => Integrity::Right,
                None => Integrity::Unchecked,
            };
            let there = strict.get::<MessageIntegrity>().is_some();
            return (if there { found } else { Integrity::Absent }, None);
        }
        Err(error) => error.0,
    };
    let has_one = message.integrity_sha1_ok(&[]).is_some();
    let integrity = match key.and_then(|key| message.integrity_sha1_ok(key.as_bytes())) {
        Some(true) => Integrity::Right,
        Some(false) => Integrity::Wrong,
        None if has_one => Integrity::Unchecked,
        None => Integrity::Absent,
    };
    (integrity, Some(words(&problem)))
}

/// What `stun-rs` refuses, in words.
fn words(problem: &StunErrorLevel) -> String {
    match problem {
        StunErrorLevel::Message(_) => "a message whose lengths do not fit".to_owned(),
        StunErrorLevel::Attribute(a) => {
            let name = match a.attr_type.map(|kind| kind.as_u16()) {
                None => "an attribute".to_owned(),
                Some(kind) => attr::name(kind).map_or(format!("attribute 0x{kind:04x}"), str::to_owned),
            };
            match a.error.error_type {
                StunErrorType::ValidationFailed => format!("a wrong {name}"),
                _ => format!("a malformed {name}"),
            }
        }
    }
}

/// The peer and the data of a Data indication (RFC 8656 section 11.4); `None`: it is none.
pub fn read_data<'a>(message: &Message<'a>) -> Option<(SocketAddr, &'a [u8])> {
    if message.class() != Class::Indication || message.method() != method::DATA {
        return None;
    }
    Some((message.xor_address(attr::XOR_PEER_ADDRESS)?, message.before_integrity(attr::DATA)?))
}
