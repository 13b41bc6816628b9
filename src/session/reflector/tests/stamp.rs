//! STAMP packets of strangers and of granted sessions.

use super::super::*;
use super::*;

#[test]
fn a_stamp_packet_is_answered_with_its_like_also_to_port_862_and_an_answer_never() {
    for key in [None, Some(&b"a shared key"[..])] {
        let mut r = reflector(key);
        let mut answer = [0; LONGEST];
        for from in [CLIENT, "192.0.2.7:862"] {
            let asked = stamp_request(200, 0, key);
            let written = r.handle(&Incoming::plain(r.start, at(from), at(HERE), &asked), &mut answer).unwrap();
            assert_eq!((written.len, written.tos), (200, None));
            let back = answer[..200].to_vec();
            for other in ["192.0.2.7:862", "192.0.2.7:19099", CLIENT] {
                let incoming = Incoming::plain(r.start, at(other), at(HERE), &back);
                assert_eq!(r.handle(&incoming, &mut answer), Err(Refusal::NotStun));
            }
        }
        let mut refused = |from: &str, bytes: &[u8]| ask(&mut r, from, HERE, bytes).unwrap_err();
        assert_eq!(refused("192.0.2.7:861", &stamp_request(0, 0, key)), Refusal::SourcePort);
        assert_eq!(refused("192.0.2.7:862", &request(60, key)), Refusal::SourcePort, "STUN from there");
        assert_eq!(refused("198.51.100.1:19100", &stamp_request(0, 0, key)), Refusal::OwnSocket);
        if key.is_some() {
            assert_eq!(refused(CLIENT, &stamp_request(0, 0, None)), Refusal::Unsigned);
            assert_eq!(refused(CLIENT, &stamp_request(0, 0, Some(b"another"))), Refusal::WrongKey);
        }
    }
}

#[test]
fn a_granted_session_has_its_own_state_and_limits_and_a_strange_token_has_neither() {
    let mut r = reflector(None);
    let ask =
        crate::wire::grant::Ask { kind: Kind::Train, up_kbps: 80, down_kbps: 80, packets_per_second: 50, seconds: 10 };
    let mut answer = [0; LONGEST];
    let start = r.start;
    r.sessions.grant(&ask, at(CLIENT).ip(), 7, start).unwrap();
    let mut told = |from: &str, token: u64| {
        let bytes = stamp_request(0, token, None);
        let written = r.handle(&Incoming::plain(start, at(from), at(HERE), &bytes), &mut answer)?;
        let (reply, tlvs) = packet::read_reply(&answer[..written.len], None).unwrap();
        let report = tlvs.first_of(packet::kind::REPORT).and_then(|t| packet::Report::read(t.value)).unwrap();
        Ok((reply.seq, report.token, report.duplicates, report.overflow))
    };
    assert_eq!(told(CLIENT, 7), Ok((0, 7, 0, 0)));
    assert_eq!(told("192.0.2.7:40001", 7), Ok((0, 0, 0, 0)), "another's token");
    assert_eq!(told(CLIENT, 8), Ok((0, 0, 0, 0)), "no session's token");
    assert_eq!(told(CLIENT, 7), Ok((1, 7, 1, 0)));
    let more = (0..100).map(|_| told(CLIENT, 7)).filter(|t| *t == Err(Refusal::SessionRate)).count();
    assert!((20..60).contains(&more), "{more}");
    r.sessions.end(7);
    assert!(ask_stamp_seq(&mut r) > 0, "the stranger's own session goes on");
}

fn ask_stamp_seq(r: &mut Reflector) -> u32 {
    let bytes = stamp_request(0, 7, None);
    let mut answer = [0; LONGEST];
    let written = r.handle(&Incoming::plain(r.start, at(CLIENT), at(HERE), &bytes), &mut answer).unwrap();
    packet::read_reply(&answer[..written.len], None).unwrap().0.seq
}
