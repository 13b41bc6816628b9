//! An independent codec in both directions, the vectors of RFC 5769, sloppy servers and garbage.

use proptest::prelude::*;
use stun_rs::attributes::stun::{ErrorCode, MessageIntegrity, Nonce, Realm, Software, UserName, XorMappedAddress};
use stun_rs::attributes::turn::{
    ChannelNumber, Data, LifeTime, RequestedAddressFamily, RequestedTrasport, XorPeerAddress, XorRelayedAddress,
};
use stun_rs::{
    DecoderContextBuilder, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder, StunMessage, StunMessageBuilder,
    methods,
};

use super::*;
use crate::wire::stun::{Class, Message};

const ID: [u8; 12] = [7; 12];

fn key() -> Key {
    Key::long_term("alice", b"example.org", "secret").unwrap()
}

fn peer() -> std::net::SocketAddr {
    "[2001:db8::5]:50000".parse().unwrap()
}

/// What `stun-rs` makes of a request, its integrity checked.
fn by_peer(bytes: &[u8], key: Option<&Key>) -> StunMessage {
    let context = match key {
        Some(key) => DecoderContextBuilder::default().with_key(key.hmac_key().clone()).with_validation(),
        None => DecoderContextBuilder::default(),
    };
    let (message, size) = MessageDecoderBuilder::default().with_context(context.build()).build().decode(bytes).unwrap();
    assert_eq!(size, bytes.len());
    message
}

fn encoded(message: StunMessageBuilder) -> Vec<u8> {
    let mut buf = vec![0; 2048];
    let message = message.with_transaction_id(ID.into()).build();
    let len = MessageEncoderBuilder::default().build().encode(&mut buf, &message).unwrap();
    buf.truncate(len);
    buf
}

fn success() -> StunMessageBuilder {
    StunMessageBuilder::new(methods::ALLOCATE, MessageClass::SuccessResponse)
        .with_attribute(XorRelayedAddress::from(peer()))
        .with_attribute(XorMappedAddress::from("203.0.113.9:4000".parse::<std::net::SocketAddr>().unwrap()))
        .with_attribute(LifeTime::from(600))
        .with_attribute(Software::new("Coturn-4.6 'Gorst'").unwrap())
}

#[test]
fn a_first_allocate_asks_for_udp_and_the_family() {
    let mut buf = [0; 512];
    let len = write_request(&mut buf, ID, Ask::Allocate { v6: false }, None).unwrap();
    assert_eq!(
        buf[..len].to_vec(),
        [&[0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42], ID.as_slice(), &[0, 0x19, 0, 4, 17, 0, 0, 0]].concat()
    );
    let len = write_request(&mut buf, ID, Ask::Allocate { v6: true }, None).unwrap();
    let read = by_peer(&buf[..len], None);
    assert!(read.get::<RequestedTrasport>().is_some());
    let family = read.get::<RequestedAddressFamily>().unwrap().expect_requested_address_family().family();
    assert_eq!(family, stun_rs::AddressFamily::IPv6);
}

#[test]
fn signed_requests_of_every_kind_are_right_for_an_independent_reader() {
    let key = key();
    let auth = Auth { username: "alice", realm: b"example.org", nonce: b"f//499k954d6OL34oL9FSTvy64sA", key: &key };
    let asks = [
        (Ask::Allocate { v6: false }, methods::ALLOCATE),
        (Ask::Refresh { lifetime: None }, methods::REFRESH),
        (Ask::Refresh { lifetime: Some(0) }, methods::REFRESH),
        (Ask::CreatePermission(peer()), methods::CREATE_PERMMISSION),
        (Ask::ChannelBind(0x4000, peer()), methods::CHANNEL_BIND),
    ];
    for (ask, method) in asks {
        let mut buf = [0xFF; 512];
        let len = write_request(&mut buf, ID, ask, Some(&auth)).unwrap();
        let read = by_peer(&buf[..len], Some(&key));
        assert_eq!((read.method(), read.class()), (method, MessageClass::Request), "{ask:?}");
        assert!(read.get::<MessageIntegrity>().is_some());
        assert_eq!(read.get::<UserName>().unwrap().expect_user_name().as_str(), "alice");
        assert_eq!(read.get::<Realm>().unwrap().expect_realm().as_str(), "example.org");
        assert_eq!(read.get::<Nonce>().unwrap().expect_nonce().as_str(), "f//499k954d6OL34oL9FSTvy64sA");
        if let Ask::ChannelBind(number, peer) = ask {
            assert_eq!(read.get::<ChannelNumber>().unwrap().expect_channel_number().number(), number);
            assert_eq!(*read.get::<XorPeerAddress>().unwrap().expect_xor_peer_address().socket_address(), peer);
        }
        if let Ask::Refresh { lifetime: Some(0) } = ask {
            assert_eq!(*read.get::<LifeTime>().unwrap().expect_life_time(), 0);
        }
        for small in 0..len {
            assert_eq!(write_request(&mut buf[..small], ID, ask, Some(&auth)), Err(Unwritable::TooLong));
        }
    }
}

#[test]
fn the_key_is_that_of_rfc_8489() {
    let key = Key::long_term("user", b"realm", "pass").unwrap();
    assert_eq!(key.as_bytes()[..4], [0x84, 0x93, 0xFB, 0xC5]);
    assert_eq!(format!("{key:?}"), "Key(..)");
}

#[test]
fn the_authenticated_request_of_rfc_5769_section_2_4_has_our_key() {
    let bytes = unhex(
        "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f343939\
         6b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e071\
         2e85c9a28ca89666",
    );
    let username = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}";
    let key = Key::long_term(username, b"example.org", "TheMatrIX").unwrap();
    assert_eq!(read(&bytes, Some(&key)).unwrap().integrity, Integrity::Right);
    assert_eq!(read(&bytes, None).unwrap().integrity, Integrity::Unchecked);
    let other = Key::long_term(username, b"example.org", "TheMatrix").unwrap();
    let reply = read(&bytes, Some(&other)).unwrap();
    assert_eq!((reply.integrity, reply.malformed.as_deref()), (Integrity::Wrong, Some("a wrong MESSAGE-INTEGRITY")));
}

#[test]
fn credentials_that_cannot_be_sent_are_told_apart_and_never_shown() {
    for (user, realm, password, why) in [
        ("", "r", "p", Unwritable::Username),
        ("a\tb", "r", "p", Unwritable::Username),
        (&"u".repeat(600), "r", "p", Unwritable::Username),
        ("u", "r", "", Unwritable::Password),
        ("u", "r", "hidden\u{7f}", Unwritable::Password),
        ("u", "r", "hidden\u{200b}", Unwritable::Password),
        ("u", "", "p", Unwritable::Realm),
        ("u", "a\u{0}b", "p", Unwritable::Realm),
    ] {
        let error = Key::long_term(user, realm.as_bytes(), password).map(|_| ()).unwrap_err();
        assert_eq!(error, why, "{user:?} {realm:?}");
        assert!(!error.to_string().contains("hidden"));
    }
    assert_eq!(Key::long_term("u", &[0xFF], "p").map(|_| ()), Err(Unwritable::Realm));
}

#[test]
fn a_success_response_is_read_and_its_integrity_told() {
    let key = key();
    let bytes = encoded(success().with_attribute(MessageIntegrity::new(key.hmac_key().clone())));
    let reply = read(&bytes, Some(&key)).unwrap();
    assert_eq!((reply.method, reply.class, reply.id), (method::ALLOCATE, Class::Success, ID));
    assert_eq!((reply.relayed, reply.lifetime), (Some(peer()), Some(600)));
    assert_eq!(reply.mapped, "203.0.113.9:4000".parse().ok());
    assert_eq!((reply.software.as_deref(), reply.integrity), (Some("Coturn-4.6 'Gorst'"), Integrity::Right));
    assert_eq!(reply.malformed, None);
    let absent = read(&encoded(success()), Some(&key)).unwrap();
    assert_eq!((absent.integrity, absent.malformed), (Integrity::Absent, None));
    let mut wrong = bytes;
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(read(&wrong, Some(&key)).unwrap().integrity, Integrity::Wrong);
}

#[test]
fn what_stands_behind_the_integrity_counts_for_nothing() {
    let key = key();
    let bytes = encoded(
        StunMessageBuilder::new(methods::ALLOCATE, MessageClass::SuccessResponse)
            .with_attribute(MessageIntegrity::new(key.hmac_key().clone()))
            .with_attribute(XorRelayedAddress::from(peer())),
    );
    let reply = read(&bytes, Some(&key)).unwrap();
    assert_eq!((reply.relayed, reply.integrity), (None, Integrity::Right));
}

/// A message with an attribute that is spoilt after it was written.
fn sloppy(kind: u16, value: &[u8]) -> Vec<u8> {
    let error = stun_rs::ErrorCode::new(401, "Unauthorized").unwrap();
    let mut bytes = encoded(
        StunMessageBuilder::new(methods::ALLOCATE, MessageClass::ErrorResponse)
            .with_attribute(ErrorCode::new(error))
            .with_attribute(Realm::new("example.org").unwrap()),
    );
    bytes.extend(kind.to_be_bytes());
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let length = (bytes.len() - 20) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

#[test]
fn a_sloppy_server_is_still_understood_and_what_is_wrong_is_named() {
    for (kind, value, words) in [
        (0x8022, b"\xFF\xFE server".as_slice(), "a malformed SOFTWARE"),
        (0x0015, b"\"quoted nonce\"", "a malformed NONCE"),
        (0x0015, b"\xC0binary", "a malformed NONCE"),
        (0x000D, b"\0\0", "a malformed LIFETIME"),
        (0x8023, b"\0\x03\0\0", "a malformed ALTERNATE-SERVER"),
    ] {
        let reply = read(&sloppy(kind, value), None).unwrap();
        assert_eq!(reply.malformed.as_deref(), Some(words));
        assert_eq!(reply.error, Some((401, "Unauthorized".to_owned())));
        assert_eq!(reply.realm.as_deref(), Some(b"example.org".as_slice()));
        // What the server calls a nonce is sent back to the byte.
        if kind == attr::NONCE {
            let key = key();
            let nonce = reply.nonce.unwrap();
            assert_eq!(nonce, value);
            let auth = Auth { username: "alice", realm: b"example.org", nonce: &nonce, key: &key };
            let mut buf = [0; 512];
            let len = write_request(&mut buf, ID, Ask::Refresh { lifetime: None }, Some(&auth)).unwrap();
            assert!(buf[..len].windows(value.len()).any(|w| w == value));
            assert_eq!(Message::read(&buf[..len]).unwrap().integrity_sha1_ok(key.as_bytes()), Some(true));
        }
    }
    assert_eq!(read(&sloppy(0x0015, &[b'n'; 764]), None).unwrap().nonce, None, "longer than the standard allows");
}

#[test]
fn data_indications_give_peer_and_data() {
    let bytes = encoded(
        StunMessageBuilder::new(methods::DATA, MessageClass::Indication)
            .with_attribute(XorPeerAddress::from(peer()))
            .with_attribute(Data::new(b"hello")),
    );
    assert_eq!(read_data(&Message::read(&bytes).unwrap()), Some((peer(), b"hello".as_slice())));
    assert_eq!(read_data(&Message::read(&encoded(success())).unwrap()), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        spoilt in prop::collection::vec((0_usize..140, any::<u8>()), 0..9),
        tail in prop::collection::vec(any::<u8>(), 0..80),
        cut in 0_usize..300,
    ) {
        let key = key();
        let mut bytes = encoded(success().with_attribute(MessageIntegrity::new(key.hmac_key().clone())));
        bytes.extend(tail);
        for (at, value) in spoilt {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(cut);
        if let Ok(reply) = read(&bytes, Some(&key)) {
            prop_assert!(reply.nonce.is_none_or(|n| n.len() <= bytes.len()));
            prop_assert!(reply.malformed.is_none_or(|m| !m.chars().any(char::is_control)));
        }
        let _ = Message::read(&bytes).map(|m| read_data(&m).is_some());
    }

    #[test]
    fn our_check_of_the_integrity_and_that_of_stun_rs_agree(flip in 0_usize..200, with in 1_u8..) {
        let key = key();
        let mut bytes = encoded(success().with_attribute(MessageIntegrity::new(key.hmac_key().clone())));
        let right = Message::read(&bytes).unwrap().integrity_sha1_ok(key.as_bytes());
        prop_assert_eq!(right, Some(true));
        let at = flip % bytes.len();
        bytes[at] ^= with;
        if let Ok(reply) = read(&bytes, Some(&key)) {
            let ours = Message::read(&bytes).unwrap().integrity_sha1_ok(key.as_bytes());
            prop_assert_eq!(reply.integrity == Integrity::Right, ours == Some(true));
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
}
