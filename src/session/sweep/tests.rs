//! Whole sweeps over a seeded lossy link in virtual time.

use std::time::Duration;

use super::super::lossy::{Bucket, Far, Link, ROUTER, zero};
use super::*;

const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn sweep(range: (u16, u16), pace: u32, seed: u64, link: (f64, u64), far: impl Fn(u16) -> Far) -> (RangeOutcome, f64) {
    let start = zero();
    let mut session = Sweep::new(start, config(range, pace, seed));
    let took = Link::new(start, seed ^ 0xABCD, link.0, link.1, far).run(start, &mut session);
    (session.outcome(), took.as_secs_f64())
}

fn config(range: (u16, u16), pace: u32, seed: u64) -> SweepConfig {
    let range = PortRange::new(range.0, range.1).unwrap();
    SweepConfig { target: TARGET, range, pace, seed, secret: [seed as u8; 32], credential: None, patient: false }
}

#[test]
fn a_clean_path_is_swept_once_at_the_pace() {
    let (seen, took) = sweep((10_000, 20_000), 4000, 1, (0.0, 40), |_| Far::Responder);
    assert_eq!((seen.answered.count(), seen.sent, seen.probed, seen.total), (10_001, 10_001, 10_001, 10_001));
    assert_eq!((seen.ended, seen.responder, seen.loss), (Ended::Complete, Some(1), Some(0.0)));
    assert!((2.4..2.8).contains(&took), "{took}");
}

#[test]
fn at_one_percent_loss_each_way_none_of_10001_ports_is_missed_in_20_seeds() {
    for seed in 0..20 {
        let (seen, took) = sweep((10_000, 20_000), 4000, seed, (0.01, 40), |_| Far::Responder);
        assert_eq!((seen.answered.count(), seen.silent.to_string()), (10_001, String::new()), "seed {seed}");
        assert!(seen.loss.is_some_and(|p| (0.01..0.03).contains(&p)), "{:?}", seen.loss);
        assert!(took < 4.0, "{took}");
    }
}

#[test]
fn dropped_ports_are_found_exactly_at_0_1_and_3_percent_loss_each_way_in_20_seeds() {
    let dropped = |port: u16| (12_000..13_000).contains(&port);
    for loss in [0.0, 0.01, 0.03] {
        for seed in 0..20 {
            let far = |port| if dropped(port) { Far::Dropped } else { Far::Responder };
            let (seen, took) = sweep((10_000, 20_000), 4000, seed, (loss, 40), far);
            assert_eq!(seen.silent.to_string(), "12000-12999", "seed {seed} loss {loss}");
            assert_eq!(seen.answered.count(), 9001);
            assert!(seen.expected_missed.is_some_and(|n| n < 0.01), "{:?}", seen.expected_missed);
            assert!(took < 10.0, "{took}");
        }
    }
}

#[test]
fn a_single_dropped_port_is_found() {
    let far = |port| if port == 19_500 { Far::Dropped } else { Far::Responder };
    let (seen, _) = sweep((19_099, 20_099), 4000, 5, (0.03, 100), far);
    assert_eq!((seen.silent.to_string(), seen.answered.count()), ("19500".to_owned(), 1000));
}

#[test]
fn when_all_is_dropped_only_what_was_asked_twice_is_silent_and_the_verdict_is_soon() {
    for (range, pace) in
        [((10_000, 20_000), 4000), ((19_099, 20_099), 4000), ((1, 65_535), 20_000), ((7000, 7009), 100)]
    {
        let (seen, took) = sweep(range, pace, 3, (0.0, 40), |_| Far::Dropped);
        let ports = f64::from(seen.total);
        assert!(took <= 2.0 * ports / f64::from(pace) + 1.0, "{took} s for {ports}");
        assert_eq!((seen.ended, seen.silent.count()), (Ended::NothingAnswered, seen.probed));
        assert_eq!((seen.sent, seen.loss, seen.expected_missed), (2 * seen.probed, None, None));
        assert!(seen.probed >= seen.total.min(64));
    }
}

#[test]
fn a_slow_start_is_no_blocked_range() {
    let (seen, _) = sweep((19_099, 20_099), 4000, 3, (0.0, 900), |_| Far::Responder);
    assert_eq!((seen.ended, seen.answered.count()), (Ended::Complete, 1001));
}

#[test]
fn refused_prohibited_and_silent_ports_are_told_apart() {
    let far = |port| match port {
        1000..=1002 => Far::Closed,
        1010..=1019 => Far::Prohibited,
        1030 => Far::WrongPort,
        1040 => Far::WrongId,
        1050 => Far::Dropped,
        _ => Far::Responder,
    };
    let (seen, _) = sweep((1000, 1099), 4000, 9, (0.0, 10), far);
    assert_eq!(seen.refused.to_string(), "1000-1002");
    assert_eq!(seen.prohibited.to_string(), "1010-1019");
    assert_eq!(seen.silent.to_string(), "1030, 1040, 1050");
    assert_eq!(seen.icmp.and_then(|e| e.from), Some(ROUTER));
    assert!(seen.strays.wrong_id >= 6, "an answer of the neighbour is no answer: {:?}", seen.strays);
    let astray = seen.astray.unwrap();
    assert!(astray.count >= 3 && astray.from == SocketAddr::new(TARGET, 1031), "{astray:?}");
}

#[test]
fn an_answer_from_another_address_is_counted_with_it_and_what_answers_nothing_is_not() {
    let start = zero();
    let mut session = Sweep::new(start, config((100, 199), 4000, 1));
    let mut buf = [0; 200];
    let transmit = session.poll_transmit(start, &mut buf).unwrap();
    let id = crate::wire::stun::Message::read(&buf[..transmit.len]).unwrap().id();
    let answer = |id| {
        let mut out = [0; 200];
        let n = crate::wire::stun::write_binding_success(&mut out, id, transmit.to, true, None).unwrap();
        out[..n].to_vec()
    };
    let elsewhere = SocketAddr::new(ROUTER, transmit.to.port());
    session.on_datagram(start, elsewhere, &answer([7; 12]));
    session.on_datagram(start, elsewhere, &buf[..transmit.len]);
    session.on_datagram(start, elsewhere, b"hello");
    assert_eq!((session.outcome().astray, session.outcome().strays.wrong_source), (None, 3));
    session.on_datagram(start, elsewhere, &answer(id));
    assert_eq!(session.outcome().astray, Some(super::super::Astray { count: 1, from: elsewhere }));
    assert!(session.outcome().answered.is_empty());
}

#[test]
fn the_pace_is_kept_in_every_two_milliseconds() {
    let start = zero();
    let mut link = Link::new(start, 1, 0.01, 40, |p| if p < 10_100 { Far::Dropped } else { Far::Responder });
    link.run(start, &mut Sweep::new(start, config((10_000, 14_000), 4000, 1)));
    let within = |d: Duration| {
        let times: Vec<_> = link.sent.iter().map(|(at, _)| *at).collect();
        times.iter().enumerate().map(|(i, at)| times[i..].iter().take_while(|t| **t < *at + d).count()).max().unwrap()
    };
    assert!(within(Duration::from_millis(2)) <= 18, "{}", within(Duration::from_millis(2)));
    assert!(within(Duration::from_millis(100)) <= 410, "{}", within(Duration::from_millis(100)));
}

#[test]
fn a_machine_that_cannot_send_is_not_swept() {
    let start = zero();
    let mut session = Sweep::new(start, config((10_000, 20_000), 4000, 1));
    let (mut now, mut tries, mut buf) = (start, 0, [0; 200]);
    while let Some(wake) = session.wake() {
        now = now.max(wake);
        while let Some(transmit) = session.poll_transmit(now, &mut buf) {
            session.on_send_error(now, transmit.to, SendError::NoRoute);
            tries += 1;
        }
    }
    let seen = session.outcome();
    assert_eq!((seen.sent, seen.probed, seen.silent.count(), seen.send_error), (0, 0, 0, Some(SendError::NoRoute)));
    assert!(tries < 100, "{tries}");
}

/// Drives a sweep of 100 ports whose far end is silent; `keeps_back` says which datagrams this machine will not send, by
/// port and how often it was tried before.
fn kept_back(keeps_back: impl Fn(u16, u32) -> bool) -> (RangeOutcome, Duration) {
    let start = zero();
    let mut session = Sweep::new(start, config((100, 199), 4000, 1));
    let (mut now, mut buf, mut tries) = (start, [0; 200], std::collections::BTreeMap::new());
    while let Some(wake) = session.wake() {
        now = now.max(wake);
        while let Some(transmit) = session.poll_transmit(now, &mut buf) {
            let before = tries.entry(transmit.to.port()).or_insert(0);
            if keeps_back(transmit.to.port(), *before) {
                session.on_send_error(now, transmit.to, SendError::Prohibited);
            } else if transmit.to.port() < 150 {
                let error = IcmpError { kind: 3, code: 3, from: Some(TARGET), to: transmit.to };
                session.on_icmp(now, &error);
            }
            *before += 1;
        }
    }
    (session.outcome(), now - start)
}

#[test]
fn a_port_is_prohibited_here_only_when_it_was_kept_back_in_two_rounds() {
    let (seen, _) = kept_back(|port, _| (120..130).contains(&port));
    assert_eq!((seen.ended, seen.prohibited.to_string()), (Ended::Complete, "120-129".to_owned()));
    assert_eq!(seen.refused.count(), 40);
    // A full connection-tracking table drains: the next round goes through.
    let (seen, _) = kept_back(|_, before| before == 0);
    assert_eq!((seen.prohibited.to_string(), seen.refused.to_string()), (String::new(), "100-149".to_owned()));
    assert_eq!(seen.silent.to_string(), "150-199");
    // What has left once is kept back by no rule.
    let (seen, _) = kept_back(|port, before| port == 160 && before > 0);
    assert!(seen.prohibited.is_empty(), "{}", seen.prohibited);
}

#[test]
fn a_local_firewall_before_the_whole_range_is_told_after_two_rounds() {
    let (seen, took) = kept_back(|_, _| true);
    assert_eq!((seen.ended, seen.sent, seen.send_error), (Ended::Complete, 0, Some(SendError::Prohibited)));
    assert!(Duration::from_millis(400) < took && took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_stopped_sweep_says_so() {
    let start = zero();
    let mut session = Sweep::new(start, config((100, 199), 4000, 1));
    session.poll_transmit(start, &mut [0; 200]).unwrap();
    let seen = session.outcome();
    assert_eq!((seen.ended, seen.prohibited.count(), seen.probed), (Ended::Unfinished, 0, 1));
    assert!(seen.silent.is_empty(), "nothing was asked twice");
}

#[test]
fn a_limit_on_the_rate_is_not_taken_for_a_block() {
    for seed in 0..20 {
        let start = zero();
        let mut session = Sweep::new(start, config((19_099, 20_099), 4000, seed));
        let mut link = Link::new(start, seed, 0.0, 40, |_| Far::Responder);
        link.policer = Some(Bucket::new(start, 50.0, 1000.0));
        link.run(start, &mut session);
        let seen = session.outcome();
        assert_eq!((seen.answered.count(), seen.silent.count()), (1001, 0), "seed {seed}");
        assert!(seen.loss.is_some_and(|p| p > 0.5), "{:?}", seen.loss);
    }
}
