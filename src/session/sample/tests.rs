//! Samples against a far end with Linux's ICMP budget, in virtual time.

use proptest::prelude::*;

use super::super::lossy::{Far, Link, zero};
use super::*;

fn sample(count: u16, seed: u64, loss: f64, far: impl Fn(u16) -> Far) -> (RangeOutcome, f64) {
    let start = zero();
    let config = SampleConfig {
        target: "192.0.2.1".parse().unwrap(),
        range: PortRange::new(10_000, 20_000).unwrap(),
        count,
        seed,
        secret: [7; 32],
        credential: None,
    };
    let mut session = Sample::new(start, config);
    let took = Link::new(start, seed, loss, 40, far).run(start, &mut session);
    (session.outcome(), took.as_secs_f64())
}

#[test]
fn closed_ports_are_all_refused_within_the_icmp_budget() {
    let (seen, took) = sample(12, 1, 0.0, |_| Far::Closed);
    assert_eq!((seen.refused.count(), seen.sent, seen.probed, seen.ended), (12, 12, 12, Ended::Complete));
    assert!((6.0..7.0).contains(&took), "{took}");
    assert!([10_000, 15_000, 20_000].iter().all(|p| seen.refused.contains(*p)));
}

#[test]
fn one_port_that_stays_silent_is_asked_again_alone() {
    let (seen, _) = sample(12, 1, 0.0, |port| if port == 15_000 { Far::Dropped } else { Far::Closed });
    assert_eq!((seen.silent.to_string(), seen.refused.count(), seen.sent), ("15000".to_owned(), 11, 17));
}

#[test]
fn loss_makes_no_closed_port_silent() {
    for seed in 0..50 {
        let (seen, _) = sample(12, seed, 0.03, |_| Far::Closed);
        assert_eq!((seen.refused.count(), seen.silent.count()), (12, 0), "seed {seed}");
    }
}

#[test]
fn utter_silence_is_given_up_within_12_seconds() {
    let (seen, took) = sample(12, 1, 0.0, |_| Far::Dropped);
    assert_eq!((seen.ended, seen.silent.count(), seen.probed), (Ended::NothingAnswered, 12, 12));
    assert!((10.0..12.0).contains(&took), "{took}");
}

#[test]
fn a_responder_is_recognised_by_its_first_answer() {
    let (seen, took) = sample(12, 1, 0.0, |_| Far::Responder);
    assert_eq!((seen.ended, seen.responder, seen.sent), (Ended::ResponderFound, Some(1), 6));
    assert!(took < 0.1, "{took}");
}

#[test]
fn another_stun_server_and_an_echo_answer_and_are_no_responder() {
    for far in [Far::Stun, Far::Echo] {
        let (seen, _) = sample(12, 1, 0.0, |_| far);
        assert_eq!((seen.answered.count(), seen.responder, seen.ended), (12, None, Ended::Complete));
    }
}

proptest! {
    #[test]
    fn the_choice_has_both_ends_the_middle_and_no_port_twice(first in 1u16.., width in 0u16..5000, count in 1usize..100, seed: u64) {
        let range = PortRange::new(first, first.saturating_add(width)).unwrap();
        let count = count.min(range.count() as usize);
        let ports = choose(range, count, seed);
        prop_assert_eq!(ports.len(), count);
        prop_assert!(ports.iter().all(|p| range.contains(*p)));
        let set: crate::model::PortSet = ports.iter().copied().collect();
        prop_assert_eq!(set.count() as usize, count);
        prop_assert!(ports.contains(&range.first()));
        prop_assert!(count < 2 || ports.contains(&range.last()));
        prop_assert_eq!(choose(range, count, seed), ports);
    }
}
