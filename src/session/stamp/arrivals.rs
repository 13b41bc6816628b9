//! Which numbers came: counts that are exact while no packet comes more than [`REACH`] numbers late, in memory that no
//! number can make grow.

/// How far back a number is known to have come or not. One that is further behind the highest counts as new and late
/// (RFC 4737 section 3); were it a duplicate, it could not be told.
pub const REACH: u32 = 1024;

const WORDS: usize = (REACH / u64::BITS) as usize;

/// What came of one sender. Numbers wrap, as RFC 1982 compares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    unique: u32,
    duplicates: u32,
    reordered: u32,
    highest: u32,
    /// Bit n of all: number `highest - n` came.
    seen: [u64; WORDS],
}

impl Arrivals {
    /// Takes note of a number.
    pub fn record(&mut self, seq: u32) {
        let ahead = seq.wrapping_sub(self.highest);
        if self.unique == 0 || (ahead as i32) > 0 {
            self.advance(if self.unique == 0 { REACH } else { ahead });
            self.highest = seq;
            self.mark(0);
            self.unique = self.unique.saturating_add(1);
            return;
        }
        let back = self.highest.wrapping_sub(seq);
        if self.mark(back) {
            self.duplicates = self.duplicates.saturating_add(1);
        } else {
            self.unique = self.unique.saturating_add(1);
            self.reordered = self.reordered.saturating_add(1);
        }
    }

    /// Different numbers that came.
    pub fn unique(&self) -> u32 {
        self.unique
    }

    /// Packets whose number had come before.
    pub fn duplicates(&self) -> u32 {
        self.duplicates
    }

    /// Packets, duplicates apart, that came after one with a higher number.
    pub fn reordered(&self) -> u32 {
        self.reordered
    }

    /// The highest number; 0 where none came.
    pub fn highest(&self) -> u32 {
        self.highest
    }

    /// Bit n: number `highest - n` came.
    pub fn window(&self) -> u128 {
        let [low, high, ..] = self.seen;
        u128::from(high) << 64 | u128::from(low)
    }

    /// Marks the number so far behind the highest; answers whether it was.
    fn mark(&mut self, back: u32) -> bool {
        let bit = 1 << (back % u64::BITS);
        let Some(word) = self.seen.get_mut((back / u64::BITS) as usize) else { return false };
        let was = *word & bit != 0;
        *word |= bit;
        was
    }

    /// Moves all marks back by so many numbers.
    fn advance(&mut self, by: u32) {
        let (words, bits) = ((by / u64::BITS) as usize, by % u64::BITS);
        if words >= WORDS {
            self.seen = [0; WORDS];
            return;
        }
        self.seen.copy_within(..WORDS - words, words);
        self.seen.iter_mut().take(words).for_each(|word| *word = 0);
        let mut carried = 0;
        for word in self.seen.iter_mut().skip(words).filter(|_| bits > 0) {
            let next = *word >> (u64::BITS - bits);
            *word = *word << bits | carried;
            carried = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn of(numbers: impl IntoIterator<Item = u32>) -> Arrivals {
        let mut arrivals = Arrivals::default();
        numbers.into_iter().for_each(|n| arrivals.record(n));
        arrivals
    }

    fn counts(a: &Arrivals) -> (u32, u32, u32, u32) {
        (a.unique, a.duplicates, a.reordered, a.highest)
    }

    #[test]
    fn none_one_and_two() {
        assert_eq!((counts(&of([])), of([]).window()), ((0, 0, 0, 0), 0));
        assert_eq!((counts(&of([7])), of([7]).window()), ((1, 0, 0, 7), 1));
        assert_eq!((counts(&of([0, 0])), of([0, 0]).window()), ((1, 1, 0, 0), 1));
        assert_eq!((counts(&of([1, 0])), of([1, 0]).window()), ((2, 0, 1, 1), 3));
    }

    #[test]
    fn the_window_shows_the_last_128_numbers() {
        let gaps = of((0..300).filter(|n| n % 3 != 0));
        for back in 0..128 {
            assert_eq!(gaps.window() >> back & 1 == 1, (299 - back) % 3 != 0, "{back}");
        }
    }

    #[test]
    fn numbers_wrap() {
        let wrapped = of([u32::MAX - 1, 0, u32::MAX, 1, 0]);
        assert_eq!((counts(&wrapped), wrapped.window()), ((4, 1, 1, 1), 0b1111));
    }

    #[test]
    fn wild_numbers_cost_nothing_and_leave_counts_that_add_up() {
        let wild = of([0, 1 << 30, 5, 5, 1 << 31, 0, u32::MAX]);
        assert_eq!(wild.unique + wild.duplicates, 7);
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_list_that_forgets_nothing(
            shuffle in proptest::collection::vec((0u32..1_000, any::<bool>()), 0..600), start in any::<u32>()
        ) {
            // Each packet may be lost or doubled and be up to `delay` places late.
            let mut order: Vec<(u32, u32)> = Vec::new();
            for (i, (delay, twice)) in shuffle.iter().enumerate() {
                let number = i as u32;
                if delay % 7 == 0 {
                    continue;
                }
                order.push((number + delay % 900, number));
                order.extend(twice.then_some((number + delay % 61, number)));
            }
            order.sort();
            let (mut known, mut expected, mut highest) = (HashSet::new(), (0, 0, 0), None);
            for (_, number) in &order {
                match (known.insert(*number), highest) {
                    (false, _) => expected.1 += 1,
                    (true, Some(h)) if *number < h => { expected.0 += 1; expected.2 += 1 }
                    (true, _) => expected.0 += 1,
                }
                highest = highest.max(Some(*number));
            }
            let got = of(order.iter().map(|(_, n)| start.wrapping_add(*n)));
            prop_assert_eq!((got.unique, got.duplicates, got.reordered), expected);
            for back in 0..128 {
                let Some(number) = highest.and_then(|h| h.checked_sub(back)) else { break };
                prop_assert_eq!(got.window() >> back & 1 == 1, known.contains(&number));
            }
        }
    }
}
