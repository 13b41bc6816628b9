//! Requests as they are read by others, answers as gateways send them, and bytes that nobody sends.

use proptest::prelude::*;

use super::request::Signed;
use super::*;

const OURS: Spi = *b"initiatr";
const THEIRS: Spi = *b"respondr";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn request(key: Option<&[u8]>) -> Vec<u8> {
    let (local, remote) = (at("192.0.2.7:40000"), at("198.51.100.1:500"));
    Request { spi: OURS, nonce: [7; 32], group: 14, public: vec![9; 256], local, remote, key }.write()
}

/// A message of version 2 with these payloads.
fn message(theirs: Spi, flags: u8, parts: &[(u8, &[u8])]) -> Vec<u8> {
    versioned(VERSION_2, IKE_SA_INIT, theirs, flags, parts)
}

fn versioned(version: u8, exchange: u8, theirs: Spi, flags: u8, parts: &[(u8, &[u8])]) -> Vec<u8> {
    let length = HEADER + parts.iter().map(|(_, b)| PAYLOAD + b.len()).sum::<usize>();
    let next = parts.first().map_or(0, |(kind, _)| *kind);
    let mut out = Vec::new();
    Header { ours: OURS, theirs, next, version, exchange, flags, id: 0, length }.write(&mut out);
    for (place, (_, body)) in parts.iter().enumerate() {
        out.extend([parts.get(place + 1).map_or(0, |(kind, _)| *kind), 0]);
        out.extend(u16::try_from(PAYLOAD + body.len()).unwrap().to_be_bytes());
        out.extend(*body);
    }
    out
}

fn note(kind: u16, data: &[u8]) -> Vec<u8> {
    [&[0, 0][..], &kind.to_be_bytes(), data].concat()
}

fn answer(bytes: &[u8]) -> Answer {
    match read(OURS, bytes) {
        Reading::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_is_a_whole_message_with_two_proposals_and_a_public_value_of_group_14() {
    let bytes = request(None);
    let header = Header::read(&bytes).unwrap();
    assert_eq!((header.length, header.exchange, header.flags, header.id), (bytes.len(), 34, 8, 0));
    let parts = payloads(header.next, &bytes[HEADER..]).unwrap();
    assert_eq!(parts.iter().map(|p| p.0).collect::<Vec<_>>(), [33, 34, 40, 41, 41]);
    let sa = parts[0].1;
    let first = usize::from(u16::from_be_bytes([sa[2], sa[3]]));
    // More to come, number 1, IKE, no SPI, 2 ciphers, 4 integrities, 4 functions, 8 groups; then the last, number 2.
    assert_eq!((sa[0], &sa[4..8]), (2, &[1, 1, 0, 18][..]));
    assert_eq!((sa[first], &sa[first + 4..first + 8]), (0, &[2, 1, 0, 14][..]));
    assert_eq!((&parts[1].1[..4], parts[1].1.len()), (&[0, 14, 0, 0][..], 4 + 256));
    assert!(bytes.len() <= 1200, "it must not be fragmented: {}", bytes.len());
}

#[test]
fn nat_detection_hashes_spis_address_and_port() {
    // SHA-1 of "initiatr", eight zero bytes, 192.0.2.7 and 500, by sha1sum.
    let expected = "8de937c5eab4b1235365198709e275ad838bcf91";
    let hex: String = detection(OURS, [0; 8], at("192.0.2.7:500")).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, expected);
    assert_eq!(detection(OURS, THEIRS, at("[::ffff:192.0.2.7]:5")), detection(OURS, THEIRS, at("192.0.2.7:5")));
}

#[test]
fn an_accepted_proposal_tells_who_is_behind_a_nat() {
    let (local, remote) = (at("192.0.2.7:40000"), at("198.51.100.1:500"));
    let of = |source: SocketAddr, destination: SocketAddr| {
        let source = note(16388, &detection(OURS, THEIRS, source));
        let destination = note(16389, &detection(OURS, THEIRS, destination));
        let parts = [(33, &[0; 8][..]), (34, &[0; 8]), (40, &[0; 16]), (41, &source), (41, &destination)];
        let answer = answer(&message(THEIRS, RESPONSE, &parts));
        assert_eq!((answer.kind, &answer.notifications[..]), (Kind::Sa, &[16388, 16389][..]));
        answer.nat(OURS, local, remote)
    };
    assert_eq!(of(remote, local), Nat { here: Some(false), there: Some(false) });
    assert_eq!(of(remote, at("203.0.113.9:1024")), Nat { here: Some(true), there: Some(false) });
    assert_eq!(of(at("10.0.0.1:500"), local), Nat { here: Some(false), there: Some(true) });
}

#[test]
fn refusals_and_cookies_are_answers_too() {
    let of = |kind: u16, data: &[u8]| answer(&message([0; 8], RESPONSE, &[(41, &note(kind, data))])).kind;
    assert_eq!(of(14, &[]), Kind::Notify);
    assert_eq!(of(16390, &[1; 20]), Kind::Cookie);
    assert_eq!(of(17, &[0, 19]), Kind::InvalidKe(Some(19)));
    assert_eq!(of(17, &[]), Kind::InvalidKe(None));
    assert_eq!(answer(&message([0; 8], RESPONSE, &[])).kind, Kind::Empty);
    let old = versioned(0x10, 5, [0; 8], 0, &[(11, &[0, 0, 0, 1, 1, 0, 0, 5])]);
    assert_eq!((answer(&old).kind, answer(&old).notifications), (Kind::Version1, vec![5]));
    assert_eq!(notify_name(14), "NO_PROPOSAL_CHOSEN");
    assert_eq!(notify_name(40_000), "40000");
}

#[test]
fn what_is_no_answer_is_told_apart() {
    let refusal = write_refusal(OURS);
    assert!(matches!(read(*b"someone!", &refusal), Reading::Other), "anybody's");
    let foreign = |bytes: &[u8]| match read(OURS, bytes) {
        Reading::Foreign(words) => words,
        other => panic!("{other:?}"),
    };
    assert!(foreign(&request(None)).contains("our own request"));
    assert!(foreign(b"HTTP/1.1 400 Bad Request\r\n\r\n").contains("not IKE"));
    assert!(foreign(&refusal[..refusal.len() - 1]).contains("header says"));
    let mut torn = refusal.clone();
    torn[HEADER + 3] = 200;
    assert!(foreign(&torn).contains("do not fit"));
    let mut later = refusal;
    later[23] = 1;
    assert!(matches!(read(OURS, &later), Reading::Other), "another message id");
}

#[test]
fn vendors_are_named_where_they_are_known() {
    assert_eq!(vendor_name(b"\x88\x2f\xe5\x6d\x6f\xd2\x0d\xbc\x22\x51\x61\x3b\x2e\xbe\x5b\xeb"), "strongSwan");
    assert_eq!(vendor_name(b"OE-Libreswan-4.9"), "OE-Libreswan-4.9");
    assert_eq!(vendor_name(&[1, 2, 255]), "0102ff");
    assert_eq!(vendor_name(&[0xaa; 900]).len(), 32);
}

#[test]
fn a_responder_knows_requests_and_their_key_and_answers_shortly() {
    let open = request(None);
    assert_eq!(asked(&open, b""), Some((OURS, Signed::Not)));
    let signed = request(Some(b"a key"));
    assert_eq!(asked(&signed, b"a key"), Some((OURS, Signed::Right)));
    assert_eq!(asked(&signed, b"another"), Some((OURS, Signed::Wrong)));
    let refusal = write_refusal(OURS);
    assert_eq!(answer(&refusal).kind, Kind::Notify);
    assert_eq!(answer(&refusal).vendor_ids, [b"rtc-check"]);
    assert!(refusal.len() * 10 < open.len());
    assert_eq!(asked(&refusal, b""), None, "answers get no answer");
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_bytes_are_both_request_and_answer(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let _ = (read(OURS, &bytes), is_ike(&bytes), asked(&bytes, b"k"), vendor_name(&bytes));
    }

    #[test]
    fn a_message_with_any_byte_changed_never_panics(place in 0usize..600, to in any::<u8>()) {
        for mut bytes in [request(Some(b"k")), write_refusal(OURS)] {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = to;
            }
            let answered = matches!(read(OURS, &bytes), Reading::Answer(Answer { kind: Kind::Sa | Kind::Notify, .. }));
            prop_assert!(!(answered && asked(&bytes, b"k").is_some()));
        }
    }
}
