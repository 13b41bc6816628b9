//! Chance for tests that simulate: seeded, the same everywhere.

/// SplitMix64.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Box and Muller's.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }

    /// A first-order autoregression about 0 with this standard deviation.
    pub(super) fn autoregressive(&mut self, count: usize, memory: f64, deviation: f64) -> Vec<f64> {
        let fresh = deviation * (1.0 - memory * memory).sqrt();
        let mut level = deviation * self.normal();
        let mut next = || {
            level = memory * level + fresh * self.normal();
            level
        };
        std::iter::repeat_with(&mut next).take(count).collect()
    }
}
