//! Choices that a seed repeats: order and spread of ports. Not for secrets.

use crate::model::PortRange;

/// SplitMix64: small, seeded, good enough to shuffle ports.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`, 0 for a bound of 0; the bias of the modulus is below one in 2^48 for a port's worth of values.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.next().checked_rem(bound as u64).unwrap_or(0) as usize
    }

    /// Fisher-Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `count` ports (at most all, at least one) spread over the range: the range in equal parts, from each part a port by chance.
    pub(crate) fn spread(&mut self, range: PortRange, count: usize) -> Vec<u16> {
        let total = range.count() as usize;
        let count = count.clamp(1, total);
        let port = |offset: usize| u16::try_from(usize::from(range.first()) + offset).unwrap_or(range.last());
        (0..count)
            .map(|part| {
                let (from, to) = (part * total / count, (part + 1) * total / count);
                port(from + self.below(to - from))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_choices_and_a_shuffle_keeps_every_item() {
        let shuffled = |seed| {
            let mut items: Vec<u16> = (0..1000).collect();
            Chance::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(shuffled(7), shuffled(7));
        assert_ne!(shuffled(7), shuffled(8));
        let mut items = shuffled(7);
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1000));
    }

    #[test]
    fn spread_ports_lie_one_in_each_part() {
        let range = PortRange::new(10_000, 20_000).unwrap();
        let ports = Chance::new(3).spread(range, 500);
        assert_eq!(ports.len(), 500);
        let part = |i: usize| 10_000 + i * 10_001 / 500..10_000 + (i + 1) * 10_001 / 500;
        assert!(ports.iter().enumerate().all(|(i, p)| part(i).contains(&usize::from(*p))));
        let all = Chance::new(3).spread(PortRange::new(65_533, 65_535).unwrap(), 64);
        assert_eq!(all, [65_533, 65_534, 65_535]);
    }
}
