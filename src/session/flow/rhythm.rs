//! How often pings and feedback go beside the data: often where the line is wide, seldom where they would themselves be a
//! good part of a small load.

use crate::wire::flow::{FEEDBACK_LEN, PING_LEN, Shape};

use super::shape::{headers, rates};
use super::{MS, S};

/// Nanoseconds between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rhythm {
    pub(super) feedback: u64,
    pub(super) ping: u64,
}

impl Rhythm {
    /// A search steers by it.
    pub(super) const SEARCH: Self = Self { feedback: 50 * MS, ping: 50 * MS };

    /// Beside a wide load.
    const WIDE: Self = Self { feedback: 50 * MS, ping: 20 * MS };

    /// Beside these shapes.
    pub(super) fn beside(up: &Shape, down: &Shape, v6: bool) -> Self {
        let rates = [up, down].map(|s| rates(s, v6).1).into_iter().filter(|kbps| *kbps > 0.0);
        match rates.fold(f64::INFINITY, f64::min) {
            kbps if kbps >= 2500.0 => Self::WIDE,
            kbps if kbps >= 500.0 => Self { feedback: 100 * MS, ping: 50 * MS },
            _ => Self { feedback: 250 * MS, ping: 500 * MS },
        }
    }

    /// What it takes each way at the IP level. A load is offered that much less, so that both come to the load.
    pub(super) fn kbps(self, v6: bool) -> f64 {
        let rate = |len: usize, every: u64| (len as f64 + f64::from(headers(v6))) * 0.008 * S as f64 / every as f64;
        rate(FEEDBACK_LEN, self.feedback) + rate(PING_LEN, self.ping)
    }
}
