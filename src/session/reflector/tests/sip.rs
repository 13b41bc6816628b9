//! OPTIONS over UDP.

use super::*;
use crate::session::access;
use crate::wire::sip::{Carrier, Options, Origin, decode};

const OPTIONS: Options<'_> = Options { host: "198.51.100.1", random: "k3b9k3b9k3b9k3b9", agent: "rtc-check/0.1.0" };
const SIP: &str = "198.51.100.1:5099";

fn with_sip(key: Option<&[u8]>) -> Reflector {
    Reflector::new(AnswerLimits::default(), own(&[HERE, SIP]), key, 42, start()).with_sip([5099])
}

fn options(own: &str, key: Option<&[u8]>) -> Vec<u8> {
    let proof = key.map(|key| access::sip_token(key, &OPTIONS.call_id()));
    OPTIONS.encode_from(&Origin::honest(Carrier::Udp, at(own), 5099), proof.as_deref()).into_bytes()
}

#[test]
fn options_gets_an_answer_that_tells_the_source_and_is_no_longer() {
    for (own, from, to) in [
        (CLIENT, CLIENT, SIP),
        ("10.0.0.5:5060", "192.0.2.7:40000", SIP),
        ("[2001:db8::7]:40000", "[2001:db8:ffff:ffff:ffff:ffff:ffff:7]:40000", "[2001:db8::1]:5099"),
    ] {
        let asked = options(own, None);
        let answer = ask(&mut with_sip(None), from, to, &asked).unwrap();
        assert!(answer.len() <= asked.len(), "{} for {}", answer.len(), asked.len());
        let read = decode(&answer).unwrap();
        let via = read.via().unwrap();
        assert!(read.answers(&OPTIONS));
        assert_eq!((via.received, via.rport), (Some(at(from).ip()), Some(at(from).port())));
        assert_eq!(read.header("server"), Some(concat!("rtc-check/", env!("CARGO_PKG_VERSION"))));
    }
}

#[test]
fn nothing_else_of_sip_and_no_other_port_is_answered() {
    let asked = options(CLIENT, None);
    let answer = ask(&mut with_sip(None), CLIENT, SIP, &asked).unwrap();
    assert!(ask(&mut with_sip(None), CLIENT, SIP, &answer).is_err(), "an answer was answered");
    assert!(ask(&mut with_sip(None), CLIENT, HERE, &asked).is_err(), "no port of a SIP rule");
    assert_eq!(ask(&mut with_sip(None), "192.0.2.7:53", SIP, &asked), Err(Refusal::SourcePort));
    let text = String::from_utf8(asked).unwrap();
    for (from, to) in [
        ("OPTIONS sip", "INVITE sip"),
        ("OPTIONS sip", "SIP/2.0 200 OPTIONS sip"),
        ("Call-ID", "Other"),
        ("Via: SIP/2.0/UDP ", "Via: "),
        ("\r\n\r\n", "\r\n"),
    ] {
        let other = text.replacen(from, to, 1);
        assert!(ask(&mut with_sip(None), CLIENT, SIP, other.as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn the_shortest_request_gets_no_longer_answer_or_none() {
    let text = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;rport\r\nTo: b\r\nFrom: c\r\nCall-ID: d\r\nCSeq: 1 OPTIONS\r\n\r\n";
    assert_eq!(ask(&mut with_sip(None), CLIENT, SIP, text.as_bytes()), Err(Refusal::TooShort));
}

#[test]
fn a_restricted_responder_answers_who_has_the_key() {
    let key: &[u8] = b"secret";
    let mut restricted = with_sip(Some(key));
    assert!(ask(&mut restricted, CLIENT, SIP, &options(CLIENT, Some(key))).is_ok());
    assert_eq!(ask(&mut restricted, CLIENT, SIP, &options(CLIENT, None)), Err(Refusal::Unsigned));
    assert_eq!(ask(&mut restricted, CLIENT, SIP, &options(CLIENT, Some(b"other"))), Err(Refusal::WrongKey));
    assert!(ask(&mut with_sip(None), CLIENT, SIP, &options(CLIENT, Some(key))).is_ok());
}

#[test]
fn the_rate_of_a_source_holds_for_sip_too() {
    let limits = AnswerLimits { per_source: crate::session::limits::Rate::new(1, 3), ..AnswerLimits::default() };
    let (mut r, asked) =
        (Reflector::new(limits, own(&[SIP]), None, 42, start()).with_sip([5099]), options(CLIENT, None));
    assert_eq!((0..9).take_while(|_| ask(&mut r, CLIENT, SIP, &asked).is_ok()).count(), 3);
    assert_eq!(ask(&mut r, CLIENT, SIP, &asked), Err(Refusal::SourceRate));
}

proptest! {
    #[test]
    fn whatever_is_broken_no_answer_is_longer(at in 0usize..400, byte: u8, cut in 0usize..60) {
        let mut asked = options(CLIENT, None);
        asked.truncate(asked.len().saturating_sub(cut));
        if let Some(b) = asked.get_mut(at) {
            *b = byte;
        }
        if let Ok(answer) = ask(&mut with_sip(None), CLIENT, SIP, &asked) {
            prop_assert!(answer.len() <= asked.len());
            prop_assert!(ask(&mut with_sip(None), CLIENT, SIP, &answer).is_err());
        }
    }
}
