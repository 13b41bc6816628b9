//! An even pace with small bursts.

use std::time::{Duration, Instant};

/// How far a sender that woke late may catch up in one go.
const BURST: Duration = Duration::from_millis(2);

/// So much is sent at one waking, where the pace is high: waking for each datagram costs more than sending it.
const BATCH: Duration = Duration::from_millis(1);

/// Allows so many datagrams a second, never more than two milliseconds' worth at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// `per_second` is at least 1.
    pub(crate) fn new(now: Instant, per_second: u32) -> Self {
        Self { interval: interval(per_second), next: now }
    }

    /// From now on so many a second.
    pub(crate) fn set(&mut self, per_second: u32) {
        self.interval = interval(per_second);
    }

    /// Takes the right to send one datagram at `now`, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if self.next > now {
            return false;
        }
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        self.next = self.next.max(earliest) + self.interval;
        true
    }

    /// When it is worth asking again.
    pub(crate) fn wake(&self) -> Instant {
        self.next + BATCH.saturating_sub(self.interval)
    }
}

fn interval(per_second: u32) -> Duration {
    Duration::from_secs(1) / per_second.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "an Instant can be made in no other way")]
    fn zero() -> Instant {
        Instant::now()
    }

    fn sent_in(pace: &mut Pace, from: Instant, wakes: &[u64]) -> Vec<usize> {
        wakes.iter().map(|us| (0..).take_while(|_| pace.take(from + Duration::from_micros(*us))).count()).collect()
    }

    #[test]
    fn over_a_second_the_pace_is_kept() {
        let start = zero();
        let mut pace = Pace::new(start, 4000);
        let mut sent = 0;
        let mut now = start;
        while now < start + Duration::from_secs(1) {
            while pace.take(now) {
                sent += 1;
            }
            assert!(pace.wake() > now);
            now = pace.wake();
        }
        assert!((3990..=4010).contains(&sent), "{sent}");
    }

    #[test]
    fn a_late_waking_catches_up_two_milliseconds_and_no_more() {
        let start = zero();
        let sent = sent_in(&mut Pace::new(start, 4000), start, &[0, 1000, 500_000]);
        assert_eq!(sent, [1, 4, 9]);
    }
}
