//! Checks of ICE.

use super::super::*;
use super::*;
use crate::session::limits::Rate;
use crate::wire::stun::{Check, Role, write_ice_check};

const AGENT: &str = "00000001:them";

fn agent(key: Option<&[u8]>) -> (Reflector, String) {
    let mut r = reflector(key);
    let ask = crate::wire::ice::Ask { ufrag: "them".to_owned() };
    let grant = r.ice.grant(&ask, &[19_099], at(CLIENT).ip(), (1, 2), r.start).unwrap();
    (r, grant.pwd)
}

fn check(username: &str, role: Role, pwd: &str) -> Vec<u8> {
    let mut buf = [0; MAX_WRITTEN];
    let check = Check { username, priority: 1, role, nominate: true };
    let n = write_ice_check(&mut buf, [3; 12], &check, pwd).unwrap();
    buf[..n].to_vec()
}

#[test]
fn a_check_is_answered_with_a_signature_and_no_more_bytes_whatever_the_key() {
    for key in [None, Some(&b"a shared key"[..])] {
        let (mut r, pwd) = agent(key);
        let asked = check(AGENT, Role::Controlling(1), &pwd);
        for (from, to) in [(CLIENT, HERE), ("[2001:db8::7]:40000", "[2001:db8::1]:19099")] {
            let answer = ask(&mut r, from, to, &asked).unwrap();
            let read = Message::read(&answer).unwrap();
            assert_eq!((read.class(), read.id(), read.mapped_address()), (Class::Success, [3; 12], Some(at(from))));
            assert_eq!((read.integrity_sha1_ok(pwd.as_bytes()), read.fingerprint_ok()), (Some(true), Some(true)));
            assert!(answer.len() <= asked.len() && !read.has_unknown_required(&[]));
            assert_eq!(ask(&mut r, from, to, &answer), Err(Refusal::NotRequest), "its own answer");
        }
        let conflict = ask(&mut r, CLIENT, HERE, &check(AGENT, Role::Controlled(1), &pwd)).unwrap();
        let read = Message::read(&conflict).unwrap();
        assert_eq!(read.error_code().map(|e| e.0), Some(487));
        assert_eq!(read.integrity_sha1_ok(pwd.as_bytes()), Some(true));
    }
}

#[test]
fn a_check_that_is_not_rightly_signed_gets_a_short_error_and_at_a_responder_with_a_key_a_stranger_gets_none() {
    let code = |answer: Result<Vec<u8>, Refusal>| {
        answer.map(|a| Message::read(&a).map(|m| (m.error_code().unwrap().0, a.len() <= 80)).unwrap())
    };
    let (mut r, pwd) = agent(None);
    let wrong = check(AGENT, Role::Controlling(1), "another password");
    let unknown = check("00000009:them", Role::Controlling(1), &pwd);
    let mut sent = |bytes: &[u8]| code(ask(&mut r, CLIENT, HERE, bytes));
    assert_eq!((sent(&wrong), sent(&unknown)), (Ok((401, true)), Ok((401, true))));
    let priority = [&bare()[..3], &[8], &bare()[4..], &[0, 0x24, 0, 4, 0, 0, 0, 1]].concat();
    assert_eq!(sent(&priority), Err(Refusal::TooShort));
    let padded = [&bare()[..3], &[40], &bare()[4..], &[0, 0x24, 0, 4, 0, 0, 0, 1, 0x80, 0x22, 0, 28], &[b'x'; 28]];
    assert_eq!(sent(&padded.concat()), Ok((400, true)));
    let (mut r, pwd) = agent(Some(b"key"));
    assert_eq!(code(ask(&mut r, CLIENT, HERE, &wrong)), Ok((401, true)));
    let unknown = check("00000009:them", Role::Controlling(1), &pwd);
    assert_eq!(ask(&mut r, CLIENT, HERE, &unknown), Err(Refusal::Unsigned));
}

#[test]
fn a_check_beyond_the_limit_is_refused_whether_or_not_its_signature_is_right() {
    let (mut r, pwd) = agent(None);
    let none = AnswerLimits { per_source: Rate::new(1, 2), ..AnswerLimits::default() };
    r.allowance = Allowance::new(none, 42);
    let wrong = check(AGENT, Role::Controlling(1), "another password");
    let right = check(AGENT, Role::Controlling(1), &pwd);
    assert!(ask(&mut r, CLIENT, HERE, &wrong).is_ok());
    assert!(ask(&mut r, CLIENT, HERE, &wrong).is_ok(), "wrong ones count as well");
    for bytes in [&wrong, &right] {
        assert_eq!(ask(&mut r, CLIENT, HERE, bytes), Err(Refusal::SourceRate));
    }
    let asked = Incoming::plain(r.start, at("192.0.2.8:40000"), at(HERE), &right);
    assert!(r.handle(&asked, &mut [0; MAX_WRITTEN]).is_ok(), "another source has its own");
}
