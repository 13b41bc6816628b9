//! IKE_SA_INIT at a responder.

use super::*;
use crate::wire::ike::{FIRST_GROUP, Kind, MARKER, Reading, Request, read};

const IKE: &str = "198.51.100.1:500";
const OURS: [u8; 8] = *b"initiatr";

fn refuser(key: Option<&[u8]>) -> Reflector {
    reflector(key).with_ike(vec![500, 4500])
}

fn init(key: Option<&[u8]>) -> Vec<u8> {
    let (local, remote) = (at(CLIENT), at(IKE));
    Request { spi: OURS, nonce: [1; 32], group: FIRST_GROUP, public: vec![2; 256], local, remote, key }.write()
}

fn is_refusal(bytes: &[u8]) -> bool {
    matches!(read(OURS, bytes), Reading::Answer(answer) if answer.kind == Kind::Notify)
}

#[test]
fn a_request_is_refused_shortly_with_the_marker_it_came_with() {
    let plain = ask(&mut refuser(None), CLIENT, IKE, &init(None)).unwrap();
    assert!(is_refusal(&plain) && plain.len() == 49);
    let marked = [&MARKER[..], &init(None)].concat();
    let answer = ask(&mut refuser(None), CLIENT, "198.51.100.1:4500", &marked).unwrap();
    assert!(answer.strip_prefix(&MARKER).is_some_and(is_refusal));
}

#[test]
fn only_the_ports_of_ike_answer_it_and_an_answer_gets_none() {
    assert!(ask(&mut refuser(None), CLIENT, HERE, &init(None)).is_err());
    let answer = ask(&mut refuser(None), CLIENT, IKE, &init(None)).unwrap();
    assert!(ask(&mut refuser(None), CLIENT, IKE, &answer).is_err());
    assert!(ask(&mut refuser(None), CLIENT, IKE, &init(None)[1..]).is_err());
    assert_eq!(ask(&mut refuser(None), "192.0.2.7:500", IKE, &init(None)), Err(Refusal::SourcePort));
}

#[test]
fn a_key_is_asked_for_where_there_is_one() {
    let asked = |key| ask(&mut refuser(Some(b"the key")), CLIENT, IKE, &init(key));
    assert_eq!(asked(None), Err(Refusal::Unsigned));
    assert_eq!(asked(Some(b"another")), Err(Refusal::WrongKey));
    assert!(asked(Some(b"the key")).is_ok_and(|bytes| is_refusal(&bytes)));
    assert!(ask(&mut refuser(None), CLIENT, IKE, &init(Some(b"any"))).is_ok());
}

#[test]
fn the_limit_of_a_source_holds_for_ike_too() {
    let mut r = refuser(None);
    let last = (0..100_000).map(|_| ask(&mut r, CLIENT, IKE, &init(None))).find_map(Result::err);
    assert_eq!(last, Some(Refusal::SourceRate));
}
