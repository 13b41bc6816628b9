//! When the next run is due: on a grid of equal steps from the first, so that it never drifts, and never two for one.

use std::time::Duration;

/// The grid; times are those of a clock that counts sleep and is never set.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    interval: Duration,
    due: Duration,
}

impl Schedule {
    /// Due at once, then every `interval`.
    pub fn new(interval: Duration, now: Duration) -> Self {
        Self { interval: interval.max(Duration::from_millis(1)), due: now }
    }

    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When the next run is due.
    pub fn due(&self) -> Duration {
        self.due
    }

    /// A run begins at `now`: the next is due at the next step of the grid. Answers how many steps went by without a run
    /// since the one that this run is for. A run that begins before it is due, since somebody asked for it, moves nothing.
    pub fn begins(&mut self, now: Duration) -> u64 {
        if now < self.due {
            return 0;
        }
        let missed = self.steps(now);
        self.due = self.after(missed.saturating_add(1));
        missed
    }

    /// Forgets what was due before `now`.
    pub fn skip_to(&mut self, now: Duration) {
        if now > self.due {
            self.due = self.after(self.steps(now).saturating_add(1));
        }
    }

    /// Whole steps from what is due to `now`.
    fn steps(&self, now: Duration) -> u64 {
        let steps = now.saturating_sub(self.due).as_nanos() / self.interval.as_nanos();
        u64::try_from(steps).unwrap_or(u64::MAX)
    }

    fn after(&self, steps: u64) -> Duration {
        let nanos = self.interval.as_nanos().saturating_mul(u128::from(steps));
        let whole = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        self.due.saturating_add(Duration::new(whole, u32::try_from(nanos % 1_000_000_000).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn s(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_late_run_keeps_the_grid_and_counts_what_it_missed() {
        let mut schedule = Schedule::new(s(60), s(1000));
        assert_eq!((schedule.begins(s(1000)), schedule.due()), (0, s(1060)));
        assert_eq!((schedule.begins(s(1075)), schedule.due()), (0, s(1120)), "late, and none left out");
        assert_eq!((schedule.begins(s(1250)), schedule.due()), (2, s(1300)), "1180 and 1240 went by");
        assert_eq!((schedule.begins(s(1290)), schedule.due()), (0, s(1300)), "asked for by hand");
    }

    #[test]
    fn what_was_due_in_a_pause_is_not_made_up_for() {
        let mut schedule = Schedule::new(s(60), s(0));
        schedule.begins(s(0));
        schedule.skip_to(s(30));
        assert_eq!(schedule.due(), s(60));
        schedule.skip_to(s(200));
        assert_eq!(schedule.due(), s(240));
    }

    proptest! {
        #[test]
        fn the_grid_never_drifts_and_every_step_is_run_or_missed(
            interval in 1u64..5000, late in prop::collection::vec(0u64..50_000, 1..60),
        ) {
            let interval = Duration::from_millis(interval);
            let mut schedule = Schedule::new(interval, s(7));
            let (mut steps, mut now) = (0u64, s(7));
            for late in late {
                now = now.max(schedule.due()) + Duration::from_millis(late);
                steps += 1 + schedule.begins(now);
                prop_assert!(schedule.due() > now, "the next is in the future");
                prop_assert!(schedule.due() - now <= interval);
                prop_assert_eq!((schedule.due() - s(7)).as_nanos() , interval.as_nanos() * u128::from(steps));
            }
        }
    }
}
