//! The arithmetic of a log that is moved aside when it is full: FILE becomes FILE.1, that FILE.2, and so on. Which files
//! there are is handed in, and what to rename comes out, in an order that loses nothing wherever it is broken off.

/// How large the log may grow, and how many full ones are kept beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; a single line may be longer.
    pub size: u64,
    /// At least one.
    pub files: u32,
}

/// A rename from one number to another; 0 is the log itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub from: u32,
    pub to: u32,
}

impl Limits {
    /// Whether a log of `size` bytes is full before `line` more.
    pub fn is_full(&self, size: u64, line: u64) -> bool {
        size > 0 && size.saturating_add(line) > self.size
    }

    /// What to rename, in this order, so that the log itself becomes number 1. Only what lies before the first number
    /// that is free moves: a rotation that was broken off left one free, and going on from there loses nothing. Where
    /// none is free the oldest is replaced.
    pub fn moves(&self, there: impl Fn(u32) -> bool) -> Vec<Move> {
        let files = self.files.max(1);
        let free = (1..=files).find(|n| !there(*n)).unwrap_or(files);
        (0..free).rev().map(|from| Move { from, to: from + 1 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_oldest_goes_when_all_numbers_are_taken() {
        let limits = Limits { size: 100, files: 3 };
        let moves =
            |there: &[u32]| limits.moves(|n| there.contains(&n)).iter().map(|m| (m.from, m.to)).collect::<Vec<_>>();
        assert_eq!(moves(&[]), [(0, 1)]);
        assert_eq!(moves(&[1]), [(1, 2), (0, 1)]);
        assert_eq!(moves(&[1, 2, 3]), [(2, 3), (1, 2), (0, 1)]);
        assert_eq!(moves(&[2, 3]), [(0, 1)], "broken off before its last step");
        assert_eq!(moves(&[1, 3]), [(1, 2), (0, 1)], "broken off earlier");
    }

    #[test]
    fn a_line_that_is_longer_than_the_log_may_be_has_a_log_of_its_own() {
        let limits = Limits { size: 100, files: 3 };
        assert!(!limits.is_full(0, 500) && limits.is_full(500, 1));
        assert!(!limits.is_full(60, 40) && limits.is_full(60, 41));
    }

    proptest! {
        /// Lines are numbers; a kill may come before any rename.
        #[test]
        fn no_line_is_lost_wherever_a_rotation_is_broken_off(
            files in 1u32..5, size in 1u64..6, kills in prop::collection::vec(0usize..8, 0..80),
        ) {
            let limits = Limits { size, files };
            let mut disk: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
            let (mut dropped, mut written) = (0u64, 0u64);
            for kill in kills {
                let length = disk.get(&0).map_or(0, |f| f.len() as u64);
                if limits.is_full(length, 1) {
                    let moves = limits.moves(|n| disk.contains_key(&n));
                    let broken = kill < moves.len();
                    for step in moves.into_iter().take(kill) {
                        let file = disk.remove(&step.from).unwrap();
                        dropped += disk.insert(step.to, file).map_or(0, |f| f.len() as u64);
                    }
                    if broken {
                        continue;
                    }
                }
                disk.entry(0).or_default().push(written);
                written += 1;
            }
            let there: Vec<u64> = disk.iter().rev().flat_map(|(_, lines)| lines.clone()).collect();
            prop_assert_eq!(there, (dropped..written).collect::<Vec<_>>(), "all but the oldest, in order");
            prop_assert!(disk.keys().all(|n| *n <= files) && disk.values().all(|f| f.len() as u64 <= size));
        }
    }
}
