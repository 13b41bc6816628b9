use proptest::prelude::*;

use super::*;
use crate::stats::{Far, Reply, Sent};

/// A packet every 20 ms, each answered after `rtt(n)` milliseconds, or not at all.
fn train(packets: u32, rtt: impl Fn(u32) -> Option<f64>) -> Train {
    let at = |n: u32| i64::from(n) * 20_000_000;
    let sent = (0..packets).map(|n| Sent { at: at(n), late: 0, len: 100 }).collect();
    let reply = |n: u32| {
        let back = at(n) + (rtt(n)? * 1e6) as i64;
        Some(Reply { request: n, number: n, back, far: None })
    };
    Train { sent, replies: (0..packets).filter_map(reply).collect(), ..Train::default() }
}

fn lost(timeline: &Timeline) -> (u32, u32, u32) {
    let sum = |of: fn(&Slot) -> u32| timeline.slots.iter().map(of).sum();
    (sum(|s| s.lost_up), sum(|s| s.lost_down), sum(|s| s.lost_unknown))
}

#[test]
fn nothing_sent_has_no_time_and_nothing_answered_no_round_trip() {
    assert_eq!(timeline(&Train::default()), None);
    assert_eq!(histogram(&Train::default()), None);
    let silent = train(1, |_| None);
    assert_eq!(timeline(&silent).unwrap().slots, [Slot { lost_unknown: 1, ..Slot::default() }]);
    assert_eq!(histogram(&silent), None);
}

#[test]
fn one_and_two_packets() {
    let one = train(1, |_| Some(7.0));
    assert_eq!(timeline(&one).unwrap().slots, [Slot { answered: 1, rtt_ms: Some((7.0, 7.0, 7.0)), ..Slot::default() }]);
    let seen = histogram(&one).unwrap();
    assert_eq!(seen.counts, [1]);
    assert!(seen.bounds_ms[0] <= 7.0 && 7.0 <= seen.bounds_ms[1], "{seen:?}");
    let two = timeline(&train(2, |n| Some(7.0 + f64::from(n) * 2.0))).unwrap();
    assert_eq!(two.slots, [Slot { answered: 2, rtt_ms: Some((7.0, 8.0, 9.0)), ..Slot::default() }]);
}

#[test]
fn ten_seconds_of_audio_are_two_hundred_slots() {
    let seen = timeline(&train(500, |n| Some(40.0 + f64::from(n % 5)))).unwrap();
    assert_eq!((seen.slot_ms, seen.slots.len()), (50.0, 200));
    assert!(seen.slots.iter().all(|slot| slot.answered >= 2 && slot.rtt_ms.is_some()));
}

#[test]
fn an_hour_has_no_more_slots_than_can_be_drawn() {
    let hour = timeline(&train(180_000, |n| (n % 100 != 0).then_some(40.0))).unwrap();
    assert_eq!((hour.slot_ms, hour.slots.len()), (20_000.0, 180));
    assert_eq!(lost(&hour), (0, 0, 1800));
    assert!(hour.slots.iter().all(|slot| slot.lost_unknown == 10));
}

#[test]
fn a_loss_stands_in_its_slot_and_on_its_way() {
    let mut told = train(100, |n| (!matches!(n, 10 | 11 | 90)).then_some(40.0));
    let came: Vec<Option<bool>> = (0..100).map(|n| Some(n != 10 && n != 11)).collect();
    told.far = Some(Far { came, unique: 98, replies: 98, ..Far::default() });
    let seen = timeline(&told).unwrap();
    assert_eq!(lost(&seen), (2, 1, 0));
    let at = |ms: f64| seen.slots[(ms / seen.slot_ms) as usize];
    assert_eq!(at(200.0).lost_up, 2);
    assert_eq!(at(1800.0).lost_down, 1);
    told.far = None;
    assert_eq!(lost(&timeline(&told).unwrap()), (0, 0, 3));
}

#[test]
fn numbers_of_replies_tell_a_loss_down_from_one_up() {
    let mut down = train(100, |n| (n != 50).then_some(40.0));
    down.stateful = true;
    assert_eq!(lost(&timeline(&down).unwrap()), (0, 1, 0));
    for reply in down.replies.iter_mut().filter(|reply| reply.request > 50) {
        reply.number -= 1;
    }
    assert_eq!(lost(&timeline(&down).unwrap()), (1, 0, 0));
}

#[test]
fn a_far_outlier_has_a_bar_of_its_own_and_widens_no_other() {
    let seen = histogram(&train(1000, |n| Some(if n == 500 { 2000.0 } else { 40.0 + f64::from(n % 10) }))).unwrap();
    assert_eq!(seen.bounds_ms.last(), Some(&2000.0));
    assert_eq!(seen.counts.last(), Some(&1));
    assert!(seen.counts.len() <= 27 && seen.bounds_ms[1] - seen.bounds_ms[0] <= 1.0, "{seen:?}");
}

#[test]
fn steps_are_round() {
    assert_eq!(
        [0.03, 0.2, 1.0, 1.1, 2.5, 15_063.0].map(nice).map(|n| (n * 1e6).round() / 1e6),
        [0.05, 0.2, 1.0, 2.0, 5.0, 20_000.0]
    );
}

proptest! {
    #[test]
    fn every_packet_is_counted_once_and_all_is_bounded(
        times in proptest::collection::vec((any::<i64>(), any::<i64>()), 1..400), stateful: bool,
    ) {
        let sent: Vec<Sent> = times.iter().map(|(at, _)| Sent { at: *at, late: 0, len: 1 }).collect();
        let replies = times.iter().enumerate().map(|(n, (_, back))| {
            Reply { request: n as u32, number: n as u32, back: *back, far: None }
        });
        let train = Train { sent, replies: replies.collect(), stateful, ..Train::default() };
        let seen = timeline(&train).unwrap();
        prop_assert!(seen.slots.len() <= MOST_SLOTS as usize);
        let counted: u32 = seen.slots.iter().map(|s| s.answered + s.lost_up + s.lost_down + s.lost_unknown).sum();
        prop_assert_eq!(counted as usize, times.len());
        if let Some(seen) = histogram(&train) {
            prop_assert!(seen.counts.len() < 200 && seen.bounds_ms.len() == seen.counts.len() + 1);
            prop_assert!(seen.bounds_ms.windows(2).all(|w| w[0] <= w[1]));
            prop_assert!(seen.bounds_ms.iter().all(|b| b.is_finite()));
        }
    }
}
