//! Transactions in virtual time.

use super::super::lossy::{Far, Link, ROUTER, zero};
use super::*;
use crate::wire::stun::{MAX_WRITTEN, write_binding_error, write_binding_success};

const TARGET: &str = "192.0.2.1:3478";

fn binding(start: Instant, schedule: Schedule) -> Binding {
    Binding::new(start, TARGET.parse().unwrap(), schedule, &[5; 32], None)
}

fn run(schedule: Schedule, seed: u64, loss: f64, far: Far) -> (BindingOutcome, f64, Vec<f64>) {
    let start = zero();
    let mut session = binding(start, schedule);
    let mut link = Link::new(start, seed, loss, 40, move |_| far);
    let took = link.run(start, &mut session).as_secs_f64();
    (session.outcome(), took, link.sent.iter().map(|(at, _)| (*at - start).as_secs_f64()).collect())
}

/// The next datagram of a session.
fn next(session: &mut Binding, now: Instant) -> Vec<u8> {
    let mut buf = [0; MAX_WRITTEN];
    let transmit = session.poll_transmit(now, &mut buf).unwrap();
    buf[..transmit.len].to_vec()
}

fn answer_to(request: &[u8]) -> Vec<u8> {
    let mut buf = [0; MAX_WRITTEN];
    let id = Message::read(request).unwrap().id();
    let n = write_binding_success(&mut buf, id, "203.0.113.5:40000".parse().unwrap(), true, None).unwrap();
    buf[..n].to_vec()
}

#[test]
fn the_schedules_are_those_of_rfc_8489_and_of_the_quick_default() {
    let (seen, took, sent) = run(Schedule::QUICK, 1, 0.0, Far::Dropped);
    assert_eq!((seen.ending, seen.sent, took), (Some(Ending::Silence), 4, 5.5));
    assert_eq!(sent, [0.0, 0.5, 1.5, 3.5]);
    let (seen, took, sent) = run(Schedule::THOROUGH, 1, 0.0, Far::Dropped);
    assert_eq!((seen.ending, seen.sent, took), (Some(Ending::Silence), 7, 39.5));
    assert_eq!(sent, [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]);
    assert_eq!(
        (Schedule::QUICK.longest(), Schedule::THOROUGH.longest()),
        (Duration::from_millis(5500), Duration::from_millis(39_500))
    );
}

#[test]
fn an_answer_ends_it_and_fresh_transactions_measure_the_round_trip() {
    let (seen, took, sent) = run(Schedule::QUICK, 1, 0.0, Far::Responder);
    let Some(Ending::Answered(answer)) = seen.ending else { panic!("{seen:?}") };
    assert_eq!((answer.mapped, answer.responder), (Some("203.0.113.5:40000".parse().unwrap()), Some(1)));
    assert_eq!((seen.sent, sent.len()), (1, 4));
    assert_eq!(seen.rtts, [Duration::from_millis(40); 4]);
    assert!((0.15..0.17).contains(&took));
}

#[test]
fn a_retransmitted_request_gives_no_round_trip() {
    let start = zero();
    let mut session = binding(start, Schedule::QUICK);
    let first = next(&mut session, start);
    let again = start + Duration::from_millis(500);
    assert_eq!(next(&mut session, again), first, "a retransmission keeps its id");
    session.on_datagram(again + Duration::from_millis(1), TARGET.parse().unwrap(), &answer_to(&first));
    let seen = session.outcome();
    assert!(matches!(seen.ending, Some(Ending::Answered(_))));
    assert_eq!((seen.rtts.len(), seen.sent), (0, 2));
    assert_ne!(next(&mut session, again + Duration::from_millis(1)), first, "a measurement has a fresh id");
}

#[test]
fn wrong_ids_wrong_sources_and_garbage_are_counted_and_not_accepted() {
    let start = zero();
    let mut session = binding(start, Schedule::QUICK);
    let request = next(&mut session, start);
    let answer = answer_to(&request);
    let mut wrong_id = answer.clone();
    wrong_id[19] ^= 1;
    let mut corrupt = answer.clone();
    corrupt[30] ^= 1;
    let target: SocketAddr = TARGET.parse().unwrap();
    session.on_datagram(start, target, &wrong_id);
    session.on_datagram(start, "192.0.2.2:3478".parse().unwrap(), &answer);
    session.on_datagram(start, "192.0.2.1:3479".parse().unwrap(), &answer);
    for bytes in [&b"HTTP/1.1 400"[..], &[], &answer[..30], &corrupt, &request] {
        session.on_datagram(start, target, bytes);
    }
    let seen = session.outcome();
    assert_eq!(seen.ending, None);
    assert_eq!(seen.strays, Strays { wrong_id: 1, wrong_source: 2, not_stun: 5 });
    assert_eq!(seen.garbage.as_deref(), Some("12 bytes that are not STUN"));
    session.on_datagram(start, "[::ffff:192.0.2.1]:3478".parse().unwrap(), &answer);
    assert!(matches!(session.outcome().ending, Some(Ending::Answered(_))), "the IPv4-mapped form is the same source");
}

#[test]
fn an_error_response_is_told_with_number_and_reason() {
    let start = zero();
    let mut session = binding(start, Schedule::QUICK);
    let id = Message::read(&next(&mut session, start)).unwrap().id();
    let mut buf = [0; MAX_WRITTEN];
    let n = write_binding_error(&mut buf, id, 420, "Unknown Attribute").unwrap();
    session.on_datagram(start, TARGET.parse().unwrap(), &buf[..n]);
    assert_eq!(session.outcome().ending, Some(Ending::Error(420, "Unknown Attribute".to_owned())));
    assert_eq!(session.wake(), None);
}

#[test]
fn hard_icmp_ends_it_and_transient_icmp_is_only_noted() {
    let (seen, took, _) = run(Schedule::QUICK, 1, 0.0, Far::Closed);
    assert!(matches!(seen.ending, Some(Ending::Icmp(e)) if e.meaning() == Meaning::Refused) && took < 0.05);
    let (seen, ..) = run(Schedule::QUICK, 1, 0.0, Far::Prohibited);
    assert!(
        matches!(seen.ending, Some(Ending::Icmp(e)) if e.meaning() == Meaning::Prohibited && e.from == Some(ROUTER))
    );
    let start = zero();
    let mut session = binding(start, Schedule::QUICK);
    next(&mut session, start);
    let soft = IcmpError { kind: 3, code: 1, from: Some(ROUTER), to: TARGET.parse().unwrap() };
    session.on_icmp(start, &soft);
    session.on_icmp(start, &IcmpError { to: "192.0.2.9:3478".parse().unwrap(), code: 3, ..soft });
    assert_eq!((session.outcome().ending, session.outcome().icmp), (None, Some(soft)));
    assert!(session.wake().is_some());
}

#[test]
fn ten_percent_loss_each_way_seldom_looks_silent() {
    let silent =
        (0..1000).filter(|seed| run(Schedule::QUICK, *seed, 0.1, Far::Stun).0.ending == Some(Ending::Silence)).count();
    assert!(silent <= 5, "{silent} of 1000, where 1.3 are expected");
}

#[test]
fn a_request_kept_back_once_is_sent_again_and_only_twice_is_a_local_firewall() {
    let start = zero();
    let target: SocketAddr = TARGET.parse().unwrap();
    let mut session = binding(start, Schedule::QUICK);
    next(&mut session, start);
    session.on_send_error(start, target, SendError::Prohibited);
    assert_eq!((session.outcome().ending, session.outcome().sent), (None, 0));
    let again = session.wake().unwrap();
    assert_eq!(again - start, Duration::from_millis(500));
    let mut firewalled = binding(start, Schedule::QUICK);
    for now in [start, again] {
        next(&mut firewalled, now);
        firewalled.on_send_error(now, target, SendError::Prohibited);
    }
    assert_eq!(firewalled.outcome().ending, Some(Ending::NotSent(SendError::Prohibited)));
    let request = next(&mut session, again);
    session.on_datagram(again + Duration::from_millis(40), target, &answer_to(&request));
    let seen = session.outcome();
    assert!(matches!(seen.ending, Some(Ending::Answered(_))));
    assert_eq!((seen.sent, seen.rtts), (1, vec![Duration::from_millis(40)]));
}
