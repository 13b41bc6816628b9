//! Three clocks read together tell what a single one hides: a machine that slept, and a wall clock that was set.

use std::time::Duration;

use super::words;

/// Less than this is a late reading or a clock that is being slewed.
const NOTICED: Duration = Duration::from_secs(2);

/// The clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Never steps, and stands still while the machine sleeps.
    pub monotonic: Duration,
    /// Never steps, and counts sleep too; as `monotonic` where the machine has none.
    pub boot: Duration,
    /// Since 1970; whoever sets the clock moves it.
    pub wall: Duration,
}

/// What became of the clocks between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// The machine slept so long.
    Suspended(Duration),
    /// The wall clock was set forward.
    Forward(Duration),
    /// The wall clock was set back.
    Back(Duration),
}

impl Jump {
    /// As a column's words: `suspended 35 min`.
    pub fn words(&self) -> String {
        match self {
            Jump::Suspended(time) => format!("suspended {}", words::span(*time)),
            Jump::Forward(by) => format!("the clock was set forward by {}", words::span(*by)),
            Jump::Back(by) => format!("the clock was set back by {}", words::span(*by)),
        }
    }
}

/// The last reading.
pub(super) struct Clocks(Reading);

impl Clocks {
    pub(super) fn new(now: Reading) -> Self {
        Self(now)
    }

    /// What happened since the last reading.
    pub(super) fn read(&mut self, now: Reading) -> Vec<Jump> {
        let last = std::mem::replace(&mut self.0, now);
        let passed = now.boot.saturating_sub(last.boot);
        let slept = passed.saturating_sub(now.monotonic.saturating_sub(last.monotonic));
        let expected = last.wall + passed;
        let mut jumps = Vec::new();
        if slept >= NOTICED {
            jumps.push(Jump::Suspended(slept));
        }
        match (now.wall.saturating_sub(expected), expected.saturating_sub(now.wall)) {
            (ahead, _) if ahead >= NOTICED => jumps.push(Jump::Forward(ahead)),
            (_, behind) if behind >= NOTICED => jumps.push(Jump::Back(behind)),
            _ => {}
        }
        jumps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(monotonic: u64, boot: u64, wall: u64) -> Reading {
        let [monotonic, boot, wall] = [monotonic, boot, wall].map(Duration::from_secs);
        Reading { monotonic, boot, wall }
    }

    #[test]
    fn sleep_and_steps_are_told_apart() {
        let mut clocks = Clocks::new(at(100, 100, 1_000_000));
        assert_eq!(clocks.read(at(160, 160, 1_000_060)), [], "time passes");
        let slept = clocks.read(at(161, 2261, 1_002_161));
        assert_eq!(slept, [Jump::Suspended(Duration::from_secs(2100))]);
        assert_eq!(slept[0].words(), "suspended 35 min");
        let set = clocks.read(at(162, 2262, 1_012_962));
        assert_eq!(set.iter().map(Jump::words).collect::<Vec<_>>(), ["the clock was set forward by 3 h"]);
        assert_eq!(clocks.read(at(163, 2263, 1_012_933)), [Jump::Back(Duration::from_secs(30))]);
        assert_eq!(clocks.read(at(164, 2264, 1_012_935)), [], "a second is slewing");
        let both = clocks.read(at(165, 2365, 1_012_935));
        assert_eq!(both, [Jump::Suspended(Duration::from_secs(100)), Jump::Back(Duration::from_secs(101))]);
    }

    #[test]
    fn a_clock_that_runs_backwards_breaks_nothing() {
        let mut clocks = Clocks::new(at(100, 100, 100));
        assert_eq!(clocks.read(at(50, 50, 0)), [Jump::Back(Duration::from_secs(100))]);
    }
}
