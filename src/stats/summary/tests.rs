use proptest::prelude::*;

use super::super::simulate::{Chance, Truth, Way, path};
use super::super::train::{Far, Loss, Reply, Sent, Variation, Window};
use super::*;

const Z: f64 = 1.96;
const MS: i64 = 1_000_000;

fn way(delay_ms: f64, jitter_ms: f64, loss: f64, doubled: f64) -> Way {
    Way { delay_ms, jitter_ms, loss, doubled }
}

fn seen(summary: &Summary) -> Truth {
    Truth {
        lost_up: summary.loss_up.unwrap().lost,
        lost_down: summary.loss_down.unwrap().lost,
        reordered_up: summary.reordered_up.unwrap(),
        reordered_down: summary.reordered_down.unwrap(),
        duplicated_up: summary.duplicated_up.unwrap(),
        duplicated_down: summary.duplicated_down.unwrap(),
    }
}

/// Answered at once, 10 ms each way.
fn answered(packets: u32) -> Train {
    path(&mut Chance::new(0), packets, way(10.0, 0.0, 0.0, 0.0), way(10.0, 0.0, 0.0, 0.0)).0
}

#[test]
fn of_no_packet_nothing_is_known() {
    assert_eq!(summarise(&Train::default(), Z), Summary::default());
    let told = summarise(&Train { far: Some(Far::default()), stateful: true, ..Train::default() }, Z);
    assert_eq!((told.loss, told.loss_up, told.loss_down, told.rtt), (None, None, None, None));
}

#[test]
fn of_one_packet_and_of_two_there_is_a_round_trip_but_no_interval_of_its_mean() {
    for packets in [1, 2] {
        let one = summarise(&answered(packets), Z);
        assert_eq!((one.sent, one.received), (packets, packets));
        assert!((one.rtt.unwrap().mean - 20.0).abs() < 1e-9);
        assert_eq!((one.rtt_mean, one.jitter_up, one.rtt_variation), (None, None, None));
        assert_eq!((one.delay_rise_up_ms, one.delay_rise_down_ms), (None, None));
        assert_eq!((one.loss_up.unwrap().lost, one.loss_up.unwrap().of), (0, packets));
        assert_eq!(one.late.unwrap().max_ms, 0.0);
    }
}

#[test]
fn a_train_without_an_answer_is_all_lost() {
    let silent = Train { replies: Vec::new(), far: None, ..answered(50) };
    let none = summarise(&silent, Z);
    assert_eq!((none.received, none.loss.unwrap().share.value, none.rtt), (0, 100.0, None));
    assert_eq!((none.loss_up, none.loss_down), (None, None));
    assert_eq!((none.reordered_up, none.duplicated_down), (None, None));
    let told = Far { came: vec![Some(true); 50], unique: 50, replies: 50, ..Far::default() };
    let down = summarise(&Train { far: Some(told), ..silent }, Z);
    assert_eq!((down.loss_up.unwrap().lost, down.loss_down.unwrap().lost), (0, 50));
    assert_eq!(down.loss_down.unwrap().longest_burst, Some(50));
}

/// Uniform loss, duplicates and reordering at once, on both ways: not one packet of error.
#[test]
fn what_the_path_did_is_counted_exactly_by_direction() {
    let mut chance = Chance::new(7);
    for round in 0..100 {
        let (up, down) = (way(20.0, f64::from(round), 0.03, 0.05), way(15.0, 9.0, 0.02, 0.03));
        let (train, truth) = path(&mut chance, 300, up, down);
        let summary = summarise(&train, Z);
        assert_eq!(seen(&summary), truth);
        assert_eq!(summary.far_clock_jumps, 0);
        assert!(summary.loss_up.unwrap().longest_burst.is_some() && summary.loss_down.unwrap().worst_200ms.is_some());
    }
}

/// More copies came than packets were sent: a difference that runs below zero elsewhere.
#[test]
fn duplicates_do_not_make_up_for_losses() {
    let (train, truth) = path(&mut Chance::new(3), 500, way(20.0, 1.0, 0.01, 0.5), way(20.0, 1.0, 0.0, 0.5));
    assert!(truth.duplicated_up > 200 && truth.lost_up > 0);
    assert_eq!(seen(&summarise(&train, Z)), truth);
}

#[test]
fn without_a_word_from_the_far_end_its_numbers_tell_the_ways_apart() {
    let mut chance = Chance::new(11);
    let mut told = 0;
    for _ in 0..100 {
        let (up, down) = (way(20.0, 2.0, 0.03, 0.0), way(20.0, 2.0, 0.01, 0.0));
        let (train, truth) = path(&mut chance, 500, up, down);
        let last_answered = train.replies.iter().any(|reply| reply.request == 499);
        let summary = summarise(&Train { far: None, ..train }, Z);
        assert!(summary.loss_up.is_some() && summary.loss_down.is_some());
        if last_answered {
            told += 1;
            assert_eq!(
                (summary.loss_up.unwrap().lost, summary.loss_down.unwrap().lost),
                (truth.lost_up, truth.lost_down)
            );
            assert_eq!(summary.reordered_down, Some(truth.reordered_down));
        }
    }
    assert!(told > 80);
}

#[test]
fn a_path_that_dies_is_not_said_to_have_died_upwards() {
    let mut train = answered(500);
    train.replies.truncate(250);
    train.far = None;
    let summary = summarise(&train, Z);
    assert_eq!((summary.loss.unwrap().lost, summary.loss_up, summary.loss_down), (250, None, None));
}

#[test]
fn a_far_end_that_keeps_no_numbers_tells_the_ways_apart_only_without_loss() {
    let mut train = Train { far: None, stateful: false, ..answered(500) };
    train.replies.iter_mut().for_each(|reply| reply.number = reply.request);
    let whole = summarise(&train, Z);
    assert_eq!((whole.loss_up.unwrap().lost, whole.loss_down.unwrap().lost), (0, 0));
    assert_eq!((whole.reordered_up, whole.duplicated_down), (Some(0), Some(0)));
    train.replies.remove(250);
    let holed = summarise(&train, Z);
    assert_eq!((holed.loss.unwrap().lost, holed.loss_up, holed.loss_down), (1, None, None));
    assert_eq!((holed.duplicated_up, holed.duplicated_down), (None, Some(0)));
}

#[test]
fn far_ends_that_contradict_themselves_tell_nothing() {
    let train = answered(100);
    let lie = |change: fn(&mut Far)| {
        let mut train = train.clone();
        change(train.far.as_mut().unwrap());
        summarise(&train, Z)
    };
    assert_eq!(lie(|far| far.unique = 101).loss_up, None);
    assert_eq!(lie(|far| far.unique = 99).loss_up, None);
    assert_eq!(lie(|far| far.replies = 99).loss_down, None);
    assert_eq!(lie(|far| far.came.truncate(50)).loss_up.unwrap().longest_burst, None);
    let endless = lie(|far| far.replies = u32::MAX).loss_down.unwrap();
    assert_eq!((endless.lost, endless.longest_burst), (u32::MAX - 100, None));
    let mut zeros = Train { far: None, ..train.clone() };
    zeros.replies.iter_mut().for_each(|reply| reply.number = 0);
    zeros.replies.remove(50);
    assert_eq!((summarise(&zeros, Z).loss_up, summarise(&zeros, Z).loss_down), (None, None));
    let mut leap = Train { far: None, ..train };
    leap.replies[99].number = u32::MAX - 1;
    assert_eq!((summarise(&leap, Z).loss_up, summarise(&leap, Z).loss_down), (None, None));
}

#[test]
fn a_burst_is_found_on_its_way_and_at_its_time() {
    let mut train = answered(1000);
    train.replies.retain(|reply| !(400..407).contains(&reply.request));
    let summary = summarise(&train, Z);
    let down = summary.loss_down.unwrap();
    assert_eq!((down.lost, down.longest_burst, summary.loss_up.unwrap().longest_burst), (7, Some(7), Some(0)));
    let worst = down.worst_200ms.unwrap();
    assert_eq!((worst.lost, worst.of), (7, 10));
    assert!((worst.at_ms - 397.0 * 20.0).abs() < 1e-6, "{worst:?}");
    assert_eq!(down.worst_15s.unwrap().lost, 7);
    assert_eq!(summary.loss.unwrap().worst_200ms, Some(Window { at_ms: 397.0 * 20.0, lost: 7, of: 10 }));
}

fn close(seen: Option<Variation>, truth: f64) -> bool {
    seen.is_some_and(|seen| (seen.mean.value - truth).abs() < 0.03 + 0.01 * truth)
}

/// Every second packet 2 ms later on the way up, every fourth 8 ms on the way down.
#[test]
fn variation_is_told_apart_by_direction() {
    let mut train = answered(500);
    for reply in &mut train.replies {
        let up = i64::from(reply.request % 2) * 2 * MS;
        let (came, left) = reply.far.unwrap();
        reply.far = Some((came + up, left + up));
        reply.back += up + i64::from(reply.request % 4 == 3) * 8 * MS;
    }
    let summary = summarise(&train, Z);
    assert!(close(summary.jitter_up, 2.0), "{:?}", summary.jitter_up);
    assert!(close(summary.jitter_down, 4.0), "{:?}", summary.jitter_down);
    assert!(close(summary.rtt_variation, 6.0), "{:?}", summary.rtt_variation);
    assert!((summary.rtt.unwrap().min - 20.0).abs() < 1e-9);
}

#[test]
fn setting_the_far_clock_is_neither_jitter_nor_a_rise() {
    let mut train = answered(500);
    for reply in train.replies.iter_mut().filter(|reply| reply.request >= 250) {
        reply.far = reply.far.map(|(came, left)| (came + 3_600_000 * MS, left + 3_600_000 * MS));
    }
    let summary = summarise(&train, Z);
    assert_eq!(summary.far_clock_jumps, 1);
    assert_eq!((summary.jitter_up.unwrap().mean.value, summary.jitter_down.unwrap().rfc3550_max), (0.0, 0.0));
    assert_eq!((summary.delay_rise_up_ms.unwrap().high, summary.delay_rise_down_ms.unwrap().high), (0.0, 0.0));
}

#[test]
fn a_far_end_with_times_from_nowhere_leaves_the_round_trip() {
    let mut train = answered(500);
    train.replies.iter_mut().for_each(|reply| reply.far = Some((0, i64::MAX)));
    let summary = summarise(&train, Z);
    assert_eq!((summary.far_clock_jumps, summary.jitter_up, summary.delay_rise_up_ms), (500, None, None));
    assert!((summary.rtt_mean.unwrap().value - 20.05).abs() < 1e-6);
}

/// A queue up that fills at 5 % too much, clocks that drift apart by 100 ppm.
#[test]
fn a_queue_that_fills_shows_on_its_way() {
    let mut train = answered(200);
    for reply in &mut train.replies {
        let at = i64::from(reply.request) * 20 * MS;
        let (came, left) = reply.far.unwrap();
        reply.far = Some((came + at / 20 + at / 10_000, left + at / 20 + at / 10_000));
        reply.back += at / 20;
    }
    let summary = summarise(&train, 3.2);
    assert!(summary.delay_rise_up_ms.unwrap().low > 50.0, "{:?}", summary.delay_rise_up_ms);
    assert!(summary.delay_rise_down_ms.unwrap().high < 5.0, "{:?}", summary.delay_rise_down_ms);
}

/// The far clock is set by 200 ms half way: no queue, and not known which way rose.
#[test]
fn a_far_clock_that_is_set_is_no_rise() {
    let mut train = answered(200);
    for reply in train.replies.iter_mut().filter(|reply| reply.request >= 100) {
        reply.far = reply.far.map(|(came, left)| (came + 200 * MS, left + 200 * MS));
    }
    let summary = summarise(&train, Z);
    assert_eq!((summary.delay_rise_up_ms, summary.delay_rise_down_ms, summary.far_clock_jumps), (None, None, 1));
    assert!(summary.rtt_rise_ms.unwrap().high < 1.0);
}

/// The sender slept for an hour in the middle.
#[test]
fn a_suspended_sender_is_no_jitter() {
    let mut train = answered(500);
    let hour = 3_600_000 * MS;
    train.sent.iter_mut().skip(250).for_each(|packet| (packet.at, packet.late) = (packet.at + hour, hour));
    for reply in train.replies.iter_mut().filter(|reply| reply.request >= 250) {
        reply.back += hour;
        reply.far = reply.far.map(|(came, left)| (came + hour, left + hour));
    }
    let summary = summarise(&train, Z);
    assert_eq!((summary.jitter_up.unwrap().mean.value, summary.late.unwrap().p99_ms), (0.0, 3_600_000.0));
    assert_eq!((summary.far_clock_jumps, summary.loss.unwrap().lost), (0, 0));
}

fn time() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), 0..2_000 * MS, Just(i64::MIN), Just(i64::MAX), Just(0)]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0u32..80, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

prop_compose! {
    fn any_far()(
        came in prop::collection::vec(any::<Option<bool>>(), 0..80),
        counts in prop::array::uniform5(number()),
    ) -> Far {
        let [unique, duplicates, reordered, replies, overflow] = counts;
        Far { came, unique, duplicates, reordered, replies, overflow }
    }
}

prop_compose! {
    fn any_train()(
        sent in prop::collection::vec((time(), time(), any::<u16>()), 0..80),
        replies in prop::collection::vec((number(), number(), time(), prop::option::of((time(), time()))), 0..120),
        far in prop::option::of(any_far()),
        stateful in any::<bool>(),
        absurd in any::<bool>(),
    ) -> Train {
        let place = |n: usize, at| if absurd { at } else { n as i64 * 20 * MS };
        let sent = sent.iter().enumerate().map(|(n, (at, late, len))| Sent { at: place(n, *at), late: *late, len: *len });
        let replies = replies.iter().enumerate().map(|(n, (request, number, back, far))| {
            let back = if absurd { *back } else { n as i64 * 20 * MS + 40 * MS };
            Reply { request: *request, number: *number, back, far: *far }
        });
        Train { sent: sent.collect(), replies: replies.collect(), far, stateful }
    }
}

fn sound(interval: Option<Interval>) -> bool {
    interval.is_none_or(|i| i.low.is_finite() && i.high.is_finite() && i.low <= i.value && i.value <= i.high)
}

fn sound_loss(loss: Option<Loss>) -> bool {
    loss.is_none_or(|loss| {
        let windows = [loss.worst_200ms, loss.worst_15s];
        loss.lost <= loss.of
            && loss.of > 0
            && (0.0..=100.0).contains(&loss.share.low)
            && sound(Some(loss.share))
            && loss.longest_burst.is_none_or(|burst| burst <= loss.lost)
            && windows.iter().flatten().all(|window| window.lost <= window.of && window.lost <= loss.lost)
    })
}

fn sound_variation(variation: Option<Variation>) -> bool {
    variation.is_none_or(|seen| {
        sound(Some(seen.mean))
            && seen.rfc3550_max >= seen.rfc3550_last
            && seen.distribution.min <= seen.distribution.p50
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_was_recorded_has_a_sound_summary(train in any_train(), z in 0.5f64..4.0) {
        let summary = summarise(&train, z);
        prop_assert!(summary.received <= summary.sent);
        for loss in [summary.loss, summary.loss_up, summary.loss_down] {
            prop_assert!(sound_loss(loss), "{loss:?}");
        }
        for variation in [summary.jitter_up, summary.jitter_down, summary.rtt_variation] {
            prop_assert!(sound_variation(variation), "{variation:?}");
        }
        for interval in [summary.rtt_mean, summary.delay_rise_up_ms, summary.delay_rise_down_ms] {
            prop_assert!(sound(interval), "{interval:?}");
        }
    }
}
