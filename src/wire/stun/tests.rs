//! Vectors of RFC 5769, an independent codec in both directions, and garbage.

use std::net::SocketAddr;

use proptest::prelude::*;
use stun_rs::attributes::stun::{
    Fingerprint, MessageIntegritySha256, Software, UserName, XorMappedAddress as PeerXorMapped,
};
use stun_rs::{
    DecoderContextBuilder, HMACKey, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder, StunMessageBuilder,
    methods,
};

use super::*;

const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff\
    80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
    80280004e57a3bcf";
const RESPONSE_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147\
    e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147\
    0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
}

#[test]
fn the_sample_request_of_rfc_5769_section_2_1_is_read() {
    let bytes = unhex(REQUEST);
    let m = Message::read(&bytes).unwrap();
    assert_eq!((m.class(), m.method(), m.size()), (Class::Request, BINDING, 108));
    assert_eq!(m.username(), Some(&b"evtj:h6vY"[..]));
    assert_eq!(m.software().as_deref(), Some("STUN test client"));
    assert_eq!((m.fingerprint_ok(), m.integrity_sha1_ok(PASSWORD)), (Some(true), Some(true)));
    assert_eq!(m.integrity_sha1_ok(b"another"), Some(false));
    assert_eq!((m.integrity_sha256_ok(PASSWORD), m.responder(), m.mapped_address()), (None, None, None));
    assert!(m.well_formed());
}

#[test]
fn the_sample_responses_of_rfc_5769_sections_2_2_and_2_3_are_read() {
    for (hex, mapped) in
        [(RESPONSE_V4, "192.0.2.1:32853"), (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = unhex(hex);
        let m = Message::read(&bytes).unwrap();
        assert_eq!(m.class(), Class::Success);
        assert_eq!(m.mapped_address(), Some(mapped.parse().unwrap()));
        assert_eq!(m.software().as_deref(), Some("test vector"));
        assert_eq!((m.fingerprint_ok(), m.integrity_sha1_ok(PASSWORD)), (Some(true), Some(true)));
    }
}

#[test]
fn a_changed_byte_is_seen_by_fingerprint_and_integrity() {
    let mut bytes = unhex(RESPONSE_V4);
    bytes[45] ^= 1;
    let m = Message::read(&bytes).unwrap();
    assert_eq!((m.fingerprint_ok(), m.integrity_sha1_ok(PASSWORD)), (Some(false), Some(false)));
}

#[test]
fn lengths_are_as_promised_and_no_answer_is_longer_than_its_request() {
    let (key, mut buf) = (b"secret".as_slice(), [0; MAX_WRITTEN]);
    let name = key_id(key);
    let auth = Some(Auth { key_id: &name, key });
    let v4: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::1]:65535".parse().unwrap();
    assert_eq!(write_binding_request(&mut buf, [1; 12], None, request_len(false)), Some(60));
    assert_eq!(write_binding_request(&mut buf, [1; 12], auth, request_len(true)), Some(96));
    assert_eq!(write_binding_request(&mut buf, [1; 12], None, 0), Some(36));
    for (mapped, bare, marked, keyed) in [(v4, 32, 48, 84), (v6, 44, 60, 96)] {
        assert_eq!(write_binding_success(&mut buf, [1; 12], mapped, false, None), Some(bare));
        assert_eq!(write_binding_success(&mut buf, [1; 12], mapped, true, None), Some(marked));
        assert_eq!(write_binding_success(&mut buf, [1; 12], mapped, true, Some(key)), Some(keyed));
        assert!(marked <= request_len(false) && keyed <= request_len(true));
    }
    for room in 0..96 {
        assert_eq!(write_binding_success(&mut buf[..room], [1; 12], v6, true, Some(key)), None);
        assert_eq!(write_binding_request(&mut buf[..room], [1; 12], auth, 96), None);
    }
}

#[test]
fn stun_rs_reads_and_validates_what_is_written_here() {
    let (key, mut buf) = ("a shared key", [0; MAX_WRITTEN]);
    let context = || DecoderContextBuilder::default().with_key(HMACKey::new_short_term(key).unwrap()).with_validation();
    let name = key_id(key.as_bytes());
    let auth = Some(Auth { key_id: &name, key: key.as_bytes() });
    let n = write_binding_request(&mut buf, [9; 12], auth, 96).unwrap();
    let decoder = MessageDecoderBuilder::default().with_context(context().with_unknown_data().build()).build();
    let (m, size) = decoder.decode(&buf[..n]).unwrap();
    assert_eq!((m.class(), size), (MessageClass::Request, n));
    assert_eq!(m.get::<UserName>().unwrap().as_user_name().unwrap().as_str(), name);
    assert!(m.get::<MessageIntegritySha256>().is_some() && m.get::<Fingerprint>().is_some());
    for mapped in ["203.0.113.9:40000", "[2001:db8::9]:1"] {
        let mapped: SocketAddr = mapped.parse().unwrap();
        for (marker, mac) in [(false, None), (true, None), (true, Some(key.as_bytes()))] {
            let n = write_binding_success(&mut buf, [9; 12], mapped, marker, mac).unwrap();
            let (m, size) = decoder.decode(&buf[..n]).unwrap();
            assert_eq!((m.class(), size), (MessageClass::SuccessResponse, n));
            let read = m.get::<PeerXorMapped>().unwrap().as_xor_mapped_address().unwrap().socket_address().to_owned();
            assert_eq!(read, mapped);
            assert_eq!(m.get::<MessageIntegritySha256>().is_some(), mac.is_some());
        }
    }
    let n = write_binding_error(&mut buf, [9; 12], 401, "Unauthenticated").unwrap();
    let (m, _) = decoder.decode(&buf[..n]).unwrap();
    assert_eq!(m.class(), MessageClass::ErrorResponse);
    assert_eq!(Message::read(&buf[..n]).unwrap().error_code(), Some((401, "Unauthenticated".to_owned())));
}

#[test]
fn what_stun_rs_writes_is_read() {
    let mapped: SocketAddr = "[2001:db8::7]:4242".parse().unwrap();
    let message = StunMessageBuilder::new(methods::BINDING, MessageClass::SuccessResponse)
        .with_attribute(Software::new("odd").unwrap())
        .with_attribute(PeerXorMapped::from(mapped))
        .with_attribute(MessageIntegritySha256::new(HMACKey::new_short_term("key").unwrap()))
        .with_attribute(Fingerprint::default())
        .build();
    let mut buf = [0; 200];
    let n = MessageEncoderBuilder::default().build().encode(&mut buf, &message).unwrap();
    let m = Message::read(&buf[..n]).unwrap();
    assert_eq!(m.mapped_address(), Some(mapped));
    assert_eq!((m.integrity_sha256_ok(b"key"), m.integrity_sha256_ok(b"yek")), (Some(true), Some(false)));
    assert_eq!((m.fingerprint_ok(), m.software().as_deref()), (Some(true), Some("odd")));
}

#[test]
fn the_marker_is_read_in_request_and_answer_and_absent_elsewhere() {
    let mut buf = [0; MAX_WRITTEN];
    let n = write_binding_request(&mut buf, [1; 12], None, 60).unwrap();
    assert_eq!(Message::read(&buf[..n]).unwrap().responder(), Some(RESPONDER_VERSION));
    assert!(buf[36..52].iter().all(|b| *b == 0), "only version and flags are not zero");
    let n = write_binding_success(&mut buf, [1; 12], "192.0.2.1:1".parse().unwrap(), true, None).unwrap();
    assert_eq!(Message::read(&buf[..n]).unwrap().responder(), Some(RESPONDER_VERSION));
    let n = write_binding_success(&mut buf, [1; 12], "192.0.2.1:1".parse().unwrap(), false, None).unwrap();
    assert_eq!(Message::read(&buf[..n]).unwrap().responder(), None);
}

#[test]
fn a_sloppy_server_is_still_understood() {
    let header = |n: u8| [&[1, 1, 0, n][..], &COOKIE, &[7; 12]].concat();
    let mapped = [0, 1, 0, 8, 0, 1, 0x12, 0x34, 192, 0, 2, 5];
    let software = [&[0x80, 0x22, 0, 5][..], b"a\x1b\xffb\n"].concat();
    // Not padded at the end, control characters, no UTF-8, an attribute nobody knows, MAPPED-ADDRESS only.
    let bytes = [header(29), vec![0x99, 0x99, 0, 3, 1, 2, 3, 4], mapped.to_vec(), software].concat();
    let m = Message::read(&bytes).unwrap();
    assert_eq!(m.mapped_address(), Some("192.0.2.5:4660".parse().unwrap()));
    assert_eq!(m.software().as_deref(), Some("a\u{fffd}b"));
    assert!(m.well_formed());
    // An attribute that runs over the end hides nothing that stands before it.
    let bytes = [header(16), mapped.to_vec(), vec![0x80, 0x22, 0xff, 0xff]].concat();
    let m = Message::read(&bytes).unwrap();
    assert_eq!((m.mapped_address().is_some(), m.software(), m.well_formed()), (true, None, false));
    // An address family that there is not.
    let bytes = [header(12), vec![0, 1, 0, 8, 0, 3, 0, 0, 1, 2, 3, 4]].concat();
    assert_eq!(Message::read(&bytes).unwrap().mapped_address(), None);
}

#[test]
fn what_is_no_stun_is_told_apart_from_what_is_cut_off() {
    assert_eq!(Message::read(&[]).err(), Some(ReadError::NotStun));
    assert_eq!(Message::read(&[0x80; 40]).err(), Some(ReadError::NotStun));
    assert_eq!(Message::read(&[0; 40]).err(), Some(ReadError::NotStun), "no cookie");
    let bytes = unhex(RESPONSE_V4);
    assert_eq!(Message::read(&bytes[..40]).err(), Some(ReadError::Truncated { claimed: 80, got: 40 }));
    assert_eq!(Message::read(&[bytes, vec![0; 9]].concat()).unwrap().size(), 80);
}

#[test]
fn the_key_id_is_the_start_of_the_digest() {
    assert_eq!(key_id(b"abc"), "ba7816bf8f01cfea");
}

fn ask_everything(bytes: &[u8]) {
    if let Ok(m) = Message::read(bytes) {
        let _ = (m.class(), m.method(), m.mapped_address(), m.software(), m.error_code(), m.username(), m.responder());
        let _ = (m.fingerprint_ok(), m.integrity_sha256_ok(b"k"), m.integrity_sha1_ok(b"k"), m.well_formed());
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        ask_everything(&bytes);
    }

    #[test]
    fn garbage_behind_a_right_header_never_panics(
        kind in any::<u16>(), length in any::<u16>(), fit in any::<bool>(),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let length = if fit { body.len() as u16 } else { length };
        let head = [(kind & 0x3fff).to_be_bytes(), length.to_be_bytes()].concat();
        ask_everything(&[&head[..], &COOKIE, &[3; 12], &body].concat());
    }

    #[test]
    fn mutated_messages_never_panic(which in 0usize..3, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in 0usize..120) {
        let mut bytes = unhex([REQUEST, RESPONSE_V4, RESPONSE_V6][which]);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        ask_everything(&bytes);
        ask_everything(&bytes[..cut.min(bytes.len())]);
    }

    #[test]
    fn what_is_written_is_read_back(
        id in any::<[u8; 12]>(), v4 in any::<[u8; 4]>(), v6 in any::<[u8; 16]>(), six in any::<bool>(), port in any::<u16>(),
        marker in any::<bool>(), key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
    ) {
        let mapped = if six { SocketAddr::from((v6, port)) } else { SocketAddr::from((v4, port)) };
        let mut buf = [0xAA; MAX_WRITTEN];
        let n = write_binding_success(&mut buf, id, mapped, marker, key.as_deref()).unwrap();
        let m = Message::read(&buf[..n]).unwrap();
        prop_assert_eq!((m.class(), m.method(), m.id(), m.size()), (Class::Success, BINDING, id, n));
        prop_assert_eq!((m.mapped_address(), m.responder()), (Some(mapped), marker.then_some(RESPONDER_VERSION)));
        prop_assert_eq!(key.as_ref().and_then(|k| m.integrity_sha256_ok(k)), key.as_ref().map(|_| true));
        prop_assert_eq!(m.fingerprint_ok(), (marker || key.is_some()).then_some(true));
        prop_assert!(m.well_formed());
    }
}
