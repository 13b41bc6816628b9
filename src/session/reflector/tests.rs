//! STUN requests and whole exchanges; what they and the tests below send.

mod ice;
mod ike;
mod sip;
mod stamp;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::wire::stun::{Auth, MAX_WRITTEN, request_len, write_binding_request, write_binding_success};

const CLIENT: &str = "192.0.2.7:40000";
const HERE: &str = "198.51.100.1:19099";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn own(sockets: &[&str]) -> OwnSockets {
    let mut own = OwnSockets::default();
    sockets.iter().for_each(|s| own.insert(at(s)));
    own
}

#[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
fn start() -> Instant {
    Instant::now()
}

fn reflector(key: Option<&[u8]>) -> Reflector {
    Reflector::new(AnswerLimits::default(), own(&[HERE, "198.51.100.1:19100"]), key, 42, start())
}

fn request(len: usize, key: Option<&[u8]>) -> Vec<u8> {
    let name = key.map(key_id).unwrap_or_default();
    let auth = key.map(|key| Auth { key_id: &name, key });
    let mut buf = [0; MAX_WRITTEN];
    let n = write_binding_request(&mut buf, [3; 12], auth, len).unwrap();
    buf[..n].to_vec()
}

/// A request of 20 bytes, as many STUN clients send it.
fn bare() -> Vec<u8> {
    [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[3; 12]].concat()
}

fn ask(r: &mut Reflector, from: &str, to: &str, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut answer = [0; LONGEST];
    let asked = Incoming::plain(r.start, at(from), at(to), bytes);
    r.handle(&asked, &mut answer).map(|a| answer[..a.len].to_vec())
}

#[test]
fn a_padded_request_is_answered_with_our_mark_and_no_more_bytes() {
    for (from, to, mapped, len) in
        [(CLIENT, HERE, CLIENT, 48), ("[2001:db8::7]:40000", "[2001:db8::1]:19099", "[2001:db8::7]:40000", 60)]
    {
        let asked = request(request_len(false), None);
        let answer = ask(&mut reflector(None), from, to, &asked).unwrap();
        let read = Message::read(&answer).unwrap();
        assert_eq!((read.class(), read.id(), read.mapped_address()), (Class::Success, [3; 12], Some(at(mapped))));
        assert_eq!((answer.len(), read.responder(), read.fingerprint_ok()), (len, Some(1), Some(true)));
        assert!(answer.len() <= asked.len());
    }
}

#[test]
fn a_bare_request_gets_the_bare_answer_in_small_numbers() {
    let mut r = reflector(None);
    let answers: Vec<_> = (0..6).map(|_| ask(&mut r, CLIENT, HERE, &bare())).collect();
    assert!(answers[..4].iter().all(|a| a.as_ref().is_ok_and(|a| a.len() == 32)));
    assert_eq!(answers[4], Err(Refusal::BareBudget));
    assert!(ask(&mut r, CLIENT, HERE, &request(60, None)).is_ok(), "padded requests go on");
    let mut answer = [0; MAX_WRITTEN];
    let later = r.start + Duration::from_millis(500);
    let request = bare();
    let asked = Incoming::plain(later, at(CLIENT), at(HERE), &request);
    assert_eq!(r.handle(&asked, &mut answer), Ok(Answer { len: 32, tos: None, ends: None }));
    let v6 = ask(&mut r, "[2001:db8::7]:40000", "[2001:db8::1]:19099", &bare()).unwrap();
    assert_eq!(v6.len(), 44);
}

#[test]
fn what_cannot_be_a_client_gets_silence() {
    let r = &mut reflector(None);
    let mut refused = |from: &str, to: &str| ask(r, from, to, &request(60, None)).err();
    for from in ["0.0.0.0:4000", "0.1.2.3:4000", "224.0.0.1:4000", "255.255.255.255:4000", "240.0.0.1:4000"] {
        assert_eq!(refused(from, HERE), Some(Refusal::SourceAddress), "{from}");
    }
    for from in ["[ff02::1]:4000", "[::]:4000", "[::ffff:224.0.0.1]:4000", "[::ffff:192.0.2.7]:4000"] {
        assert_eq!(refused(from, "[2001:db8::1]:19099"), Some(Refusal::SourceAddress), "{from}");
    }
    for port in [0, 7, 13, 17, 19, 37, 53, 123, 1023] {
        assert_eq!(refused(&format!("192.0.2.7:{port}"), HERE), Some(Refusal::SourcePort));
    }
    for from in [HERE, "198.51.100.1:19100", "[::ffff:198.51.100.1]:19100"] {
        assert_eq!(refused(from, HERE), Some(Refusal::OwnSocket), "{from}");
    }
    assert_eq!(refused("198.51.100.1:19101", HERE), None, "a client on the same machine");
    assert_eq!(refused(CLIENT, "255.255.255.255:19099"), Some(Refusal::Destination));
}

#[test]
fn only_binding_requests_are_answered() {
    let r = &mut reflector(None);
    let mut refused = |bytes: &[u8]| ask(r, CLIENT, HERE, bytes).err();
    let mut buf = [0; MAX_WRITTEN];
    let n = write_binding_success(&mut buf, [3; 12], at(CLIENT), true, None).unwrap();
    assert_eq!(refused(&buf[..n]), Some(Refusal::NotRequest), "its own answer");
    let n = write_binding_error(&mut buf, [3; 12], 400, "").unwrap();
    assert_eq!(refused(&buf[..n]), Some(Refusal::NotRequest));
    let changed = |at: usize, to: u8| {
        let mut bytes = request(60, None);
        bytes[at] = to;
        bytes
    };
    assert_eq!(refused(&changed(1, 0x11)), Some(Refusal::NotRequest), "an indication");
    assert_eq!(refused(&changed(1, 0x03)), Some(Refusal::NotBinding), "Allocate");
    assert_eq!(refused(&changed(4, 0)), Some(Refusal::NotStun));
    assert_eq!(refused(&changed(59, 0)), Some(Refusal::Fingerprint));
    assert_eq!(refused(&changed(3, 0)), Some(Refusal::Malformed), "bytes behind the message");
    assert_eq!(refused(&request(60, None)[..56]), Some(Refusal::Malformed));
    let change_request = [&bare()[..], &[0, 3, 0, 4, 0, 0, 0, 6]].concat();
    let change_request = [&change_request[..3], &[8], &change_request[4..]].concat();
    assert_eq!(refused(&change_request), Some(Refusal::UnknownAttribute));
    assert_eq!(refused(b""), Some(Refusal::NotStun));
}

#[test]
fn with_a_key_its_holders_are_answered_and_the_answer_is_signed() {
    let key: &[u8] = b"a shared key";
    let r = &mut reflector(Some(key));
    let answer = ask(r, CLIENT, HERE, &request(request_len(true), Some(key))).unwrap();
    let read = Message::read(&answer).unwrap();
    assert_eq!((read.integrity_sha256_ok(key), read.responder(), answer.len()), (Some(true), Some(1), 84));
    assert_eq!(ask(r, CLIENT, HERE, &request(96, None)), Err(Refusal::Unsigned));
    assert_eq!(ask(r, CLIENT, HERE, &bare()), Err(Refusal::Unsigned));
    assert_eq!(ask(r, CLIENT, HERE, &request(96, Some(b"another"))), Err(Refusal::Unsigned), "another user");
    let (name, mut buf) = (key_id(key), [0; MAX_WRITTEN]);
    let n = write_binding_request(&mut buf, [3; 12], Some(Auth { key_id: &name, key: b"x" }), 96).unwrap();
    assert_eq!(ask(r, CLIENT, HERE, &buf[..n]), Err(Refusal::WrongKey));
    let shortest = request(0, Some(key));
    assert_eq!(shortest.len(), 92);
    let refused = ask(r, "[2001:db8::7]:40000", "[2001:db8::1]:19099", &shortest);
    assert_eq!(refused, Err(Refusal::TooShort), "96 bytes would be longer than 92");
}

#[test]
fn without_a_key_a_signed_request_is_answered_unsigned() {
    let answer = ask(&mut reflector(None), CLIENT, HERE, &request(96, Some(b"key"))).unwrap();
    assert_eq!(Message::read(&answer).unwrap().integrity_sha256_ok(b"key"), None);
}

#[test]
fn rates_hold_in_virtual_time() {
    let mut r = reflector(None);
    let (asked, mut answer) = (request(60, None), [0; MAX_WRITTEN]);
    let mut answered = |from: &str, ms: u64| {
        let now = r.start + Duration::from_millis(ms);
        let asked = Incoming::plain(now, at(from), at(HERE), &asked);
        (0..40_000).filter(|_| r.handle(&asked, &mut answer).is_ok()).count()
    };
    assert_eq!(answered(CLIENT, 0), 15_000);
    assert_eq!(answered(CLIENT, 0), 0);
    assert_eq!(answered("192.0.2.8:40000", 0), 15_000, "another source has its own");
    let after = answered(CLIENT, 100);
    assert!((2_999..=3_001).contains(&after), "{after}");
}

fn stamp_request(len: usize, token: u64, key: Option<&[u8]>) -> Vec<u8> {
    let asked = packet::Request {
        seq: 3,
        sent: packet::Timestamp(0xEB00_0000_1234_5678),
        error: packet::ErrorEstimate::UNSYNCHRONISED,
        ssid: 1,
    };
    let report = packet::Report { token, ..packet::Report::default() };
    let mut buf = [0; LONGEST];
    let n = packet::write_request(&mut buf, &asked, None, Some(&report), key, len).unwrap();
    buf[..n].to_vec()
}

/// Carries datagrams between two responders, each of which may answer the other's answer, until nothing moves.
fn exchanged(a: &mut Reflector, b: &mut Reflector, from: SocketAddr, to: SocketAddr, first: &[u8]) -> usize {
    let (mut bytes, mut ends, mut count) = (first.to_vec(), (from, to), 0);
    let mut answer = [0; LONGEST];
    while count < 10 {
        let who = if count % 2 == 0 { &mut *b } else { &mut *a };
        let Ok(a) = who.handle(&Incoming::plain(who.start, ends.0, ends.1, &bytes), &mut answer) else { break };
        bytes = answer[..a.len].to_vec();
        ends = (ends.1, ends.0);
        count += 1;
    }
    count
}

fn any_first() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        (20usize..200).prop_map(|n| request(n, None)),
        Just(bare()),
        (any::<[u8; 12]>(), any::<bool>()).prop_map(|(id, marker)| {
            let mut buf = [0; MAX_WRITTEN];
            let n = write_binding_success(&mut buf, id, at(CLIENT), marker, None).unwrap();
            buf[..n].to_vec()
        }),
        (0usize..300, any::<u64>()).prop_map(|(n, token)| stamp_request(n, token, None)),
        (0usize..300).prop_map(|n| stamp_request(n, 0, Some(b"key"))),
        (44usize..200, any::<u8>()).prop_map(|(n, fill)| [vec![fill; 16], vec![0; 28], vec![fill; n - 44]].concat()),
        (20usize..120, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(n, i, to)| {
            let mut bytes = request(n, None);
            let i = i.index(bytes.len());
            bytes[i] = to;
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn two_responders_exchange_at_most_one_datagram(first in any_first(), keyed in any::<bool>(), stamp in any::<bool>()) {
        let key: Option<&[u8]> = keyed.then_some(b"key");
        let (here, there) = if stamp { ("198.51.100.1:862", "203.0.113.5:862") } else { (HERE, "203.0.113.5:19100") };
        let mut a = Reflector::new(AnswerLimits::default(), own(&[here]), key, 42, start());
        let mut b = Reflector::new(AnswerLimits::default(), own(&[there]), key, 1, start());
        prop_assert!(exchanged(&mut a, &mut b, at(here), at(there), &first) <= 1);
        // One responder pointed at itself.
        let mut twin = reflector(None);
        prop_assert_eq!(exchanged(&mut a, &mut twin, at(HERE), at("198.51.100.1:19100"), &first), 0);
    }

    #[test]
    fn no_answer_is_longer_than_its_request_beyond_the_bare_budget(
        datagrams in proptest::collection::vec((any_first(), 1u32..2000, any::<bool>(), 0u64..5), 1..150)
    ) {
        let mut r = reflector(None);
        let (mut now, mut longer) = (r.start, 0);
        let mut answer = [0; LONGEST];
        for (bytes, host, v6, ms) in &datagrams {
            now += Duration::from_millis(*ms);
            let (from, to) = match v6 {
                true => (format!("[2001:db8:0:{host:x}::1]:40000"), "[2001:db8::1]:19099"),
                false => (format!("10.9.{}.{}:40000", host / 250, 1 + host % 250), HERE),
            };
            if let Ok(Answer { len: n, .. }) = r.handle(&Incoming::plain(now, at(&from), at(to), bytes), &mut answer) {
                if Speaks::of(bytes, false) == Speaks::Stamp {
                    prop_assert_eq!(n, bytes.len());
                    continue;
                }
                let asked = Message::read(bytes).unwrap();
                prop_assert_eq!((asked.class(), asked.method()), (Class::Request, BINDING));
                if n > bytes.len() {
                    prop_assert_eq!(n, if *v6 { 44 } else { 32 });
                    longer += 1;
                }
            }
        }
        // 100 at once and 100 a second, over at most 0.75 s.
        prop_assert!(longer <= 175, "{}", longer);
    }

    #[test]
    fn with_a_key_nothing_else_is_answered_and_never_with_more(first in any_first(), n in 0usize..200) {
        let mut r = reflector(Some(b"another key"));
        prop_assert!(ask(&mut r, CLIENT, HERE, &first).is_err());
        let mut r = reflector(Some(b"key"));
        let signed = request(n, Some(b"key"));
        if let Ok(answer) = ask(&mut r, CLIENT, HERE, &signed) {
            prop_assert!(answer.len() <= signed.len());
        }
    }
}
