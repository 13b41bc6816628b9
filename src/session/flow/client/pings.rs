//! Small datagrams that are answered at once: round trips, and how far the two clocks and ways are apart.

/// So many are remembered until their answer comes, and so many answers are kept.
const WAITING: usize = 128;
const MOST: usize = 4096;

/// One answer. The ways are differences between two clocks: only their changes mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    pub at: u64,
    pub rtt: u64,
    pub up: i64,
    pub down: i64,
}

/// Pings of one phase.
#[derive(Clone, Debug)]
pub struct Pings {
    count: u32,
    /// Number and time of departure, by number.
    waiting: [Option<(u32, u64)>; WAITING],
    pub echoes: Vec<Echo>,
}

impl Default for Pings {
    fn default() -> Self {
        Self { count: 0, waiting: [None; WAITING], echoes: Vec::with_capacity(MOST) }
    }
}

impl Pings {
    /// One leaves at `now`; its number.
    pub(super) fn sent(&mut self, now: u64) -> u32 {
        let number = self.count;
        if let Some(place) = self.waiting.get_mut(number as usize % WAITING) {
            *place = Some((number, now));
        }
        self.count = self.count.wrapping_add(1);
        number
    }

    /// The answer to `number` came, having left at `there` on the peer's clock. What was not asked is not taken.
    pub(super) fn on_pong(&mut self, now: u64, there: u64, number: u32) {
        let Some(place) = self.waiting.get_mut(number as usize % WAITING) else { return };
        let Some((_, left)) = place.take_if(|(n, _)| *n == number) else { return };
        if self.echoes.len() < MOST {
            self.echoes.push(Echo {
                at: now,
                rtt: now.saturating_sub(left),
                up: there.wrapping_sub(left).cast_signed(),
                down: now.wrapping_sub(there).cast_signed(),
            });
        }
    }

    /// Median round trip in nanoseconds, `None` before the first echo.
    pub fn median_rtt(&self) -> Option<u64> {
        median(self.echoes.iter().map(|e| e.rtt))
    }

    /// Delay of the way up without load.
    pub fn base_up(&self) -> Option<i64> {
        median(self.echoes.iter().map(|e| e.up))
    }

    /// Delay of the way down without load.
    pub fn base_down(&self) -> Option<i64> {
        median(self.echoes.iter().map(|e| e.down))
    }
}

/// The lower median.
pub fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}
