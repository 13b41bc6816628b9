//! Trains over two ways in virtual time: what is recorded against what happened, and every lie that a reflector may tell.

mod other_protocols;
mod world;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use world::{Lie, TARGET, WALL, Way, World};

use super::*;
use crate::model::{Load, Media};
use crate::session::{Credential, IcmpError, SendError, Session};

const SECOND: Duration = Duration::from_secs(1);

fn load(media: Media, kbps: f64, sessions: u32) -> Load {
    Load { media, up_kbps: kbps, down_kbps: kbps, sessions, down_streams: 1 }
}

fn audio() -> Load {
    load(Media::Audio, 40.0, 1)
}

/// One look after so many seconds.
fn exact(seconds: u64) -> Looks {
    let length = SECOND * seconds as u32;
    Looks {
        next: Box::new(move |after| (after < length).then_some((length, 1.96))),
        decide: Box::new(|_| Decision::Undecided),
    }
}

/// A look a second, from the first on, decided by the bounds of round-trip loss and one limit.
fn deciding(limit_pct: f64, most: u64) -> Looks {
    let next = move |after: Duration| Some(after + SECOND).filter(|at| at.as_secs() <= most).map(|at| (at, 2.5));
    let decide = move |summary: &stats::Summary| {
        let decided = summary.loss.is_some_and(|l| l.share.high < limit_pct || l.share.low > limit_pct);
        if decided { Decision::Decided } else { Decision::Undecided }
    };
    Looks { next: Box::new(next), decide: Box::new(decide) }
}

fn ours() -> Stamp {
    Stamp { ssid: 9, token: 0x1234, key: None, report: true }
}

fn train(stamp: Stamp, load: Load, looks: Looks) -> impl FnOnce(Instant) -> Train {
    move |start| {
        let plan = Plan { target: TARGET.parse().unwrap(), load, via: Via::Stamp(stamp), dscp: 46, looks };
        Train::new(plan, start, WALL)
    }
}

fn ways(up: Way, down: Way) -> World {
    World::new(5, Way { delay_us: 20_000, ..up }, Way { delay_us: 20_000, ..down })
}

#[test]
fn a_clean_train_is_recorded_packet_by_packet() {
    let mut world = ways(Way::default(), Way::default());
    let outcome = world.run(train(ours(), audio(), exact(2)));
    assert_eq!((outcome.ending, outcome.responder, outcome.misbehaviour.total()), (Ending::Full, true, 0));
    assert_eq!((outcome.record.sent.len(), outcome.record.replies.len(), world.truth.questions), (100, 100, 0));
    assert!(outcome.record.sent.iter().all(|sent| sent.len == 114));
    let summary = stats::summarise(&outcome.record, outcome.z);
    assert!((summary.rtt_mean.unwrap().value - 40.0).abs() < 0.001, "{summary:?}");
    assert_eq!(summary.loss_up.unwrap().lost + summary.loss_down.unwrap().lost, 0);
    let mark = |last| Some(Mark { last, varied: false });
    let marking = outcome.marking;
    assert_eq!(
        (marking.there, marking.back, marking.ttl_there, marking.ttl_back),
        (mark(46), mark(46), mark(58), mark(60))
    );
    assert_eq!(outcome.sent_for, SECOND * 2);
    assert!(outcome.took < SECOND * 2 + Duration::from_millis(150), "{:?}", outcome.took);
}

#[test]
fn loss_duplicates_and_overtaking_are_told_apart_by_direction_exactly() {
    for seed in 0..20 {
        let up = Way { delay_us: 10_000, loss: 0.03, twice: 0.01, held: 0.02, jitter_us: 3_000, ..Way::default() };
        let down = Way { delay_us: 30_000, loss: 0.01, twice: 0.02, held: 0.01, ..Way::default() };
        let mut world = World::new(seed, up, down);
        let outcome = world.run(train(ours(), audio(), exact(20)));
        let (truth, record) = (&world.truth, &outcome.record);
        let far = record.far.as_ref().unwrap();
        assert_eq!(far.unique, truth.sent - truth.lost_up, "seed {seed}");
        assert_eq!(far.duplicates, truth.twice_up, "seed {seed}");
        assert!(far.came.iter().all(Option::is_some));
        let summary = stats::summarise(record, outcome.z);
        assert_eq!(summary.loss_up.unwrap().lost, truth.lost_up, "seed {seed}");
        assert_eq!(summary.loss_down.unwrap().lost, truth.lost_down, "seed {seed}");
        assert_eq!(summary.duplicated_up, Some(truth.twice_up), "seed {seed}");
        assert_eq!(summary.duplicated_down, Some(truth.twice_down), "seed {seed}");
        assert_eq!(outcome.misbehaviour, Misbehaviour::default(), "seed {seed}");
    }
}

#[test]
fn the_last_packets_and_the_questions_may_be_lost_too() {
    // All that is sent down in the last half second is lost, half of the questions' answers besides.
    for seed in 0..10 {
        let down = Way { delay_us: 20_000, loss: 0.5, ..Way::default() };
        let mut world = World::new(seed, Way { delay_us: 20_000, loss: 0.02, ..Way::default() }, down);
        let outcome = world.run(train(ours(), audio(), exact(5)));
        assert_eq!(outcome.record.far.unwrap().unique, world.truth.sent - world.truth.lost_up);
        assert!(world.truth.questions >= 1);
    }
}

#[test]
fn a_clean_path_is_decided_at_the_first_look_that_can_and_a_lossy_one_too() {
    let mut world = ways(Way::default(), Way::default());
    let outcome = world.run(train(ours(), audio(), deciding(1.5, 30)));
    assert_eq!((outcome.ending, outcome.looks), (Ending::Decided, 9));
    assert!(outcome.took < Duration::from_millis(9_150), "{:?}", outcome.took);
    let mut world = ways(Way { loss: 0.2, ..Way::default() }, Way::default());
    let outcome = world.run(train(ours(), audio(), deciding(1.5, 30)));
    assert_eq!((outcome.ending, outcome.looks), (Ending::Decided, 1));
    let mut world = ways(Way { loss: 0.015, ..Way::default() }, Way::default());
    let outcome = world.run(train(ours(), audio(), deciding(1.5, 12)));
    assert_eq!((outcome.ending, outcome.looks), (Ending::Full, 12));
}

#[test]
fn what_is_undecided_after_all_goes_on() {
    let mut asked = 0;
    let decide = move |_: &stats::Summary| {
        asked += 1;
        // Says yes while packets are sent, and no once all have come; then yes twice.
        if asked == 2 { Decision::Undecided } else { Decision::Decided }
    };
    let looks = Looks { decide: Box::new(decide), ..deciding(1.5, 30) };
    let mut world = ways(Way { loss: 0.1, ..Way::default() }, Way::default());
    let outcome = world.run(train(ours(), audio(), looks));
    assert_eq!((outcome.ending, outcome.looks, outcome.gaps.count), (Ending::Decided, 2, 0));
    assert!((99..=105).contains(&world.truth.sent), "{:?}", world.truth);
    assert_eq!(outcome.record.far.unwrap().unique, world.truth.sent - world.truth.lost_up);
    assert!(outcome.misbehaviour.total() == 0 && outcome.took > Duration::from_millis(2_300));
}

#[test]
fn authenticated_packets_are_larger_and_fewer_at_the_same_rate() {
    let key = b"a shared key".to_vec();
    let mut world = ways(Way { loss: 0.05, ..Way::default() }, Way::default());
    world.key = Some(key.clone());
    let outcome = world.run(train(Stamp { key: Some(key), ..ours() }, audio(), exact(10)));
    assert!(outcome.record.sent.iter().all(|s| s.len == 192));
    assert_eq!(outcome.record.sent.len(), 323);
    assert!((outcome.offered.ip_kbps(false) - audio().figures_up().ip_kbps(false)).abs() < 0.01);
    assert_eq!(outcome.record.far.unwrap().unique, 323 - world.truth.lost_up);
    assert_eq!(outcome.misbehaviour.total(), 0);
}

#[test]
fn video_and_many_sessions_make_their_rate() {
    for (load, packets) in [(load(Media::AudioVideo, 1400.0, 1), 200), (load(Media::Audio, 40.0, 25), 1250)] {
        let mut world = ways(Way { loss: 0.01, ..Way::default() }, Way { loss: 0.02, ..Way::default() });
        let outcome = world.run(train(ours(), load, exact(5)));
        assert!(world.truth.sent.abs_diff(packets * 5) <= 5, "{:?}", world.truth);
        let bits = outcome.record.sent.iter().map(|sent| f64::from(sent.len)).sum::<f64>() * 8.0 / 5000.0;
        assert!((bits / outcome.offered.udp_kbps - 1.0).abs() < 0.01, "{bits} {:?}", outcome.offered);
        let summary = stats::summarise(&outcome.record, outcome.z);
        assert_eq!(summary.loss_up.unwrap().lost, world.truth.lost_up);
        assert_eq!(summary.loss_down.unwrap().lost, world.truth.lost_down);
    }
}

#[test]
fn silence_ends_a_train_after_two_seconds() {
    let mut world = ways(Way { loss: 1.0, ..Way::default() }, Way::default());
    let outcome = world.run(train(ours(), audio(), deciding(1.5, 30)));
    assert_eq!((outcome.ending, outcome.took, outcome.record.replies.len()), (Ending::Silent, SECOND * 2, 0));
    assert_eq!(outcome.record.far, None);
}

#[test]
fn a_session_that_dies_half_way_shows_its_loss() {
    let dies = Way { dead_from_ms: Some(2_500), ..Way::default() };
    for (up, down) in [(dies, Way::default()), (Way::default(), dies), (dies, dies)] {
        let mut world = ways(up, down);
        let outcome = world.run(train(ours(), audio(), exact(10)));
        assert_eq!(outcome.ending, Ending::Full);
        let summary = stats::summarise(&outcome.record, outcome.z);
        let lost = world.truth.lost_up + world.truth.lost_down;
        assert!(summary.loss.unwrap().lost >= 373, "{summary:?}");
        assert!(summary.loss.unwrap().lost.abs_diff(lost) <= 2, "{summary:?} {:?}", world.truth);
    }
}

#[test]
fn a_suspended_process_loses_nothing_and_sends_no_burst() {
    for stopped in [(1_000, 4_000), (100, 5_100)] {
        let mut world = ways(Way::default(), Way::default());
        world.stopped = Some(stopped);
        let outcome = world.run(train(ours(), audio(), exact(6)));
        assert_eq!(outcome.ending, Ending::Full, "{stopped:?}");
        let summary = stats::summarise(&outcome.record, outcome.z);
        assert_eq!(summary.loss.unwrap().lost, 0);
        assert_eq!(outcome.gaps.count, 1);
        let skipped = (stopped.1 - stopped.0) / 20;
        assert!(u64::from(outcome.gaps.skipped).abs_diff(skipped) <= 2, "{:?}", outcome.gaps);
        assert!(outcome.record.sent.windows(2).all(|w| w[1].at - w[0].at >= 4_000_000));
        assert!(outcome.record.sent.len() >= 298, "a pause brings no look nearer");
    }
}

#[test]
fn lies_are_classified_and_count_for_nothing() {
    let count = |lie, field: fn(&Misbehaviour) -> u32| {
        let mut world = ways(Way::default(), Way::default());
        world.key = (lie == Lie::OtherKey).then(|| b"key".to_vec());
        world.lie = lie;
        let outcome = world.run(train(Stamp { key: world.key.clone(), ..ours() }, audio(), deciding(1.5, 30)));
        assert_eq!((outcome.ending, outcome.record.replies.len()), (Ending::Silent, 0), "{lie:?}");
        assert_eq!((outcome.record.far, outcome.responder), (None, false), "{lie:?}");
        // What was under way when the train ended was not seen any more.
        let seen = field(&outcome.misbehaviour);
        assert!(
            seen + 3 >= world.truth.sent && seen == outcome.misbehaviour.total(),
            "{lie:?}: {:?}",
            outcome.misbehaviour
        );
    };
    count(Lie::Echo, |m| m.never_sent + m.wrong_session);
    count(Lie::Garbage, |m| m.wrong_session);
    count(Lie::Cut, |m| m.unreadable);
    count(Lie::OtherSource, |m| m.other_source);
    count(Lie::OtherSession, |m| m.wrong_session);
    count(Lie::NeverSent, |m| m.never_sent);
    count(Lie::InAdvance, |m| m.never_sent);
    count(Lie::OtherSendTime, |m| m.never_sent);
    count(Lie::Longer, |m| m.longer);
    count(Lie::OtherKey, |m| m.wrong_hmac);
}

#[test]
fn what_a_liar_says_beside_its_replies_is_not_believed() {
    let run = |lie| {
        let mut world = ways(Way { loss: 0.05, ..Way::default() }, Way { loss: 0.05, ..Way::default() });
        world.lie = lie;
        let outcome = world.run(train(ours(), audio(), exact(10)));
        assert_eq!(outcome.ending, Ending::Full, "{lie:?}");
        let summary = stats::summarise(&outcome.record, outcome.z);
        // Each way's loss is at most what was lost on it, or not told.
        let lost = world.truth.lost_up + world.truth.lost_down;
        assert_eq!(summary.loss.unwrap().lost, lost, "{lie:?}");
        for (way, truth) in [(summary.loss_up, world.truth.lost_up), (summary.loss_down, world.truth.lost_down)] {
            assert!(way.is_none_or(|w| w.lost == truth), "{lie:?}: {way:?} {truth}");
        }
        (outcome, summary)
    };
    let (outcome, _) = run(Lie::SameNumber);
    assert!(outcome.misbehaviour.wrong_number > 400 && !outcome.record.stateful);
    let (outcome, _) = run(Lie::HighNumber);
    assert!(outcome.misbehaviour.wrong_number > 400 && !outcome.record.stateful);
    for lie in [Lie::LeftBeforeItCame, Lie::LongThere] {
        let (outcome, summary) = run(lie);
        assert!(outcome.misbehaviour.wrong_times > 400, "{lie:?}");
        assert!((39.9..42.0).contains(&summary.rtt_mean.unwrap().value), "no round trip is shortened by it");
        assert_eq!((summary.jitter_up, summary.jitter_down), (None, None));
    }
    for lie in [Lie::MoreThanSent, Lie::FewerThanAnswered] {
        let (outcome, _) = run(lie);
        assert!(outcome.misbehaviour.wrong_report > 0 && outcome.record.far.is_none(), "{lie:?}");
    }
    let (outcome, summary) = run(Lie::Timeless);
    assert_eq!((outcome.misbehaviour.total(), summary.jitter_up), (0, None));
    let (outcome, _) = run(Lie::Plain);
    assert!(!outcome.responder && !outcome.record.stateful && outcome.record.far.is_none());
    let (outcome, summary) = run(Lie::Steps);
    assert_eq!(outcome.misbehaviour.total(), 0);
    assert!(summary.rtt_mean.unwrap().value < 41.0 && summary.jitter_up.unwrap().mean.value < 1.0, "{summary:?}");
}

#[test]
fn a_flood_of_duplicates_is_bounded() {
    let mut world = ways(Way::default(), Way::default());
    world.lie = Lie::HundredTimes;
    let outcome = world.run(train(ours(), audio(), exact(3)));
    assert!(outcome.record.replies.len() <= 4 * 150);
    assert!(outcome.misbehaviour.flood > 10_000);
    assert_eq!(stats::summarise(&outcome.record, 1.96).received, 150);
}

#[test]
fn what_was_on_its_way_when_a_train_was_cut_off_is_not_lost() {
    for cut_at in (1..1_500).step_by(31) {
        let mut world = ways(Way { jitter_us: 5_000, ..Way::default() }, Way::default());
        world.cut_at = Some(cut_at);
        let outcome = world.run(train(ours(), audio(), exact(60)));
        let summary = stats::summarise(&outcome.record, outcome.z);
        assert_eq!(outcome.ending, Ending::Stopped);
        if outcome.record.replies.is_empty() {
            assert!(cut_at < 60, "replies came until {cut_at} ms");
            continue;
        }
        assert_eq!((summary.sent, summary.loss.unwrap().share.value), (summary.received, 0.0), "{cut_at} ms");
        assert_eq!(summary.loss_up.unwrap().lost + summary.loss_down.unwrap().lost, 0, "{cut_at} ms");
        assert!(u64::from(summary.sent) * 20 + 130 > cut_at, "only the last packets are left out at {cut_at} ms");
    }
}

#[test]
fn what_was_lost_long_before_a_train_was_cut_off_is_lost() {
    let mut world = ways(Way { dead_from_ms: Some(500), ..Way::default() }, Way::default());
    world.cut_at = Some(1_020);
    let outcome = world.run(train(ours(), audio(), exact(60)));
    let summary = stats::summarise(&outcome.record, outcome.z);
    assert_eq!((summary.received, summary.sent), (25, 47), "{summary:?}");
}

#[test]
fn packets_that_never_left_are_no_part_of_the_train() {
    let start = crate::session::lossy::zero();
    let mut train = train(ours(), audio(), exact(5))(start);
    let mut buf = [0; 2048];
    let to: SocketAddr = TARGET.parse().unwrap();
    for n in 0..10 {
        let now = start + Duration::from_millis(20) * n;
        assert!(train.poll_transmit(now, &mut buf).is_some());
        train.on_send_error(now, to, SendError::Prohibited);
        train.on_icmp(now, &IcmpError { kind: 3, code: 3, from: Some(to.ip()), to });
    }
    let outcome = train.finish(start + SECOND);
    assert_eq!((outcome.ending, outcome.record.sent.len()), (Ending::Stopped, 0));
    assert_eq!(outcome.not_sent, Some((SendError::Prohibited, 10)));
    assert_eq!(outcome.icmp.unwrap().1, 10);
}
