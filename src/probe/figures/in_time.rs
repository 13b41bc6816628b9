//! A train in time, for pictures: `observed.timeline` and `observed.rtt_histogram`. Nothing is judged by them.

use super::estimates::rounded;
use crate::model::{Facts, RttHistogram, Timeline, metric};
use crate::stats::{self, Slot, Train};

/// Round trips and losses.
pub fn of_train(facts: &mut Facts, train: &Train) {
    let Some(seen) = stats::timeline(train) else { return };
    let lost = |of: fn(&Slot) -> u32| {
        let each: Vec<u32> = seen.slots.iter().map(of).collect();
        if each.iter().all(|n| *n == 0) { Vec::new() } else { each }
    };
    let timeline = Timeline {
        lost_up: lost(|slot| slot.lost_up),
        lost_down: lost(|slot| slot.lost_down),
        lost_unknown: lost(|slot| slot.lost_unknown),
        ..round_trips(&seen)
    };
    facts.set(&metric::TIMELINE, timeline);
    histogram(facts, train);
}

/// Round trips alone: over TCP nothing is lost, and what came too late to count is none.
pub fn of_series(facts: &mut Facts, train: &Train) {
    if let Some(seen) = stats::timeline(train) {
        facts.set(&metric::TIMELINE, round_trips(&seen));
    }
    histogram(facts, train);
}

fn round_trips(seen: &stats::Timeline) -> Timeline {
    let of = |which: fn((f64, f64, f64)) -> f64| {
        seen.slots.iter().map(|slot| slot.rtt_ms.map(|rtt| rounded(which(rtt)))).collect()
    };
    Timeline {
        slot_ms: seen.slot_ms,
        rtt_min_ms: of(|(min, _, _)| min),
        rtt_mean_ms: of(|(_, mean, _)| mean),
        rtt_max_ms: of(|(_, _, max)| max),
        ..Timeline::default()
    }
}

fn histogram(facts: &mut Facts, train: &Train) {
    if let Some(seen) = stats::histogram(train) {
        let bounds_ms = seen.bounds_ms.into_iter().map(rounded).collect();
        facts.set(&metric::RTT_HISTOGRAM, RttHistogram { bounds_ms, counts: seen.counts });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Far, Reply, Sent};

    /// A packet every 20 ms; of every hundred one is lost on the way there and one on the way back.
    fn train(packets: u32) -> Train {
        let at = |n: u32| i64::from(n) * 20_000_000;
        let lost_up = |n: &u32| n % 100 == 10;
        let reply = |n: u32| Reply { request: n, number: n, back: at(n) + 40_123_456, far: None };
        let answered = (0..packets).filter(|n| !lost_up(n) && n % 100 != 20);
        let came: Vec<Option<bool>> = (0..packets).map(|n| Some(!lost_up(&n))).collect();
        let unique = came.iter().filter(|came| **came == Some(true)).count() as u32;
        Train {
            sent: (0..packets).map(|n| Sent { at: at(n), late: 0, len: 100 }).collect(),
            replies: answered.map(reply).collect(),
            far: Some(Far { came, unique, replies: unique, ..Far::default() }),
            stateful: false,
        }
    }

    fn told(packets: u32) -> Facts {
        let mut facts = Facts::new();
        of_train(&mut facts, &train(packets));
        facts
    }

    #[test]
    fn nothing_sent_tells_nothing_and_few_packets_little() {
        assert_eq!(told(0), Facts::new());
        for packets in [1, 2] {
            let facts = told(packets);
            let seen: Timeline = facts.get(&metric::TIMELINE).unwrap();
            assert_eq!(seen.rtt_mean_ms, [Some(40.123)]);
            assert_eq!((seen.lost_up.len(), seen.lost_down.len(), seen.lost_unknown.len()), (0, 0, 0));
            let bars: RttHistogram = facts.get(&metric::RTT_HISTOGRAM).unwrap();
            assert_eq!(bars.counts, [packets]);
        }
    }

    #[test]
    fn losses_are_told_by_direction_and_slot() {
        let seen: Timeline = told(500).get(&metric::TIMELINE).unwrap();
        assert_eq!((seen.slot_ms, seen.rtt_max_ms.len(), seen.lost_up.len()), (50.0, 200, 200));
        let count = |lost: &[u32]| lost.iter().sum::<u32>();
        assert_eq!((count(&seen.lost_up), count(&seen.lost_down), count(&seen.lost_unknown)), (5, 5, 0));
        assert_eq!((seen.lost_up[4], seen.lost_down[8]), (1, 1));
    }

    #[test]
    fn an_hour_is_no_longer_than_a_page() {
        let text = serde_json::to_string(&told(180_000)).unwrap();
        assert!(text.len() < 8_000, "{} bytes", text.len());
    }

    #[test]
    fn over_tcp_nothing_is_lost() {
        let mut facts = Facts::new();
        of_series(&mut facts, &train(500));
        let seen: Timeline = facts.get(&metric::TIMELINE).unwrap();
        assert_eq!((seen.rtt_min_ms.len(), seen.lost_up.len(), seen.lost_unknown.len()), (200, 0, 0));
    }
}
