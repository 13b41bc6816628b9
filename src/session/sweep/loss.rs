//! Loss of round trips, told from the attempt at which each port answered: a port that answered its third datagram lost
//! two. Knows counts only.

use std::ops::RangeInclusive;

/// Attempts told apart; later ones count as the last.
const ATTEMPTS: usize = 16;

/// So many first answers in the last round are more than rounds enough for the loss leave over.
const STILL: u32 = 3;

/// How many ports answered which attempt first.
#[derive(Debug, Default)]
pub(super) struct Loss {
    by_attempt: [u32; ATTEMPTS],
    rounds: u8,
    /// Ports that answered first since the last round was through, and in that round.
    since: u32,
    in_last: u32,
}

impl Loss {
    /// A port answered its datagram number `attempt`, from 0, and none before.
    pub(super) fn answered(&mut self, attempt: u8) {
        if let Some(count) = self.by_attempt.get_mut(usize::from(attempt).min(ATTEMPTS - 1)) {
            *count += 1;
        }
        self.since += 1;
    }

    /// So many rounds are through.
    pub(super) fn through(&mut self, rounds: u8) {
        self.rounds = rounds;
        self.in_last = std::mem::take(&mut self.since);
    }

    /// Share of the first datagrams that was lost at ports that answered in the end; `None` where none did.
    pub(super) fn first(&self) -> Option<f64> {
        self.share_lost(0).map(|(share, _)| share)
    }

    /// Share lost of the datagrams of one attempt, where at least 20 of them tell.
    pub(super) fn of_round(&self, attempt: u8) -> Option<f64> {
        self.share_lost(usize::from(attempt)).filter(|(_, asked)| *asked >= 20).map(|(share, _)| share)
    }

    /// The share and of how many.
    fn share_lost(&self, attempt: usize) -> Option<(f64, u32)> {
        let asked: u32 = self.by_attempt.iter().skip(attempt).sum();
        let lost: u32 = self.by_attempt.iter().skip(attempt + 1).sum();
        (asked > 0).then(|| (f64::from(lost) / f64::from(asked), asked))
    }

    /// Loss of one round trip, two standard deviations on the safe side; `None` where nothing answered.
    fn upper(&self) -> Option<f64> {
        let counts = || self.by_attempt.iter().zip(0u32..);
        let lost = f64::from(counts().map(|(n, attempt)| n * attempt).sum::<u32>());
        let asked = f64::from(counts().map(|(n, attempt)| n * (attempt + 1)).sum::<u32>());
        // A handful of answers without a loss bounds little; a path that loses a third would have shown it.
        let most = if lost == 0.0 { 0.3 } else { 0.99 };
        (asked > 0.0).then(|| ((lost + 2.0 * lost.sqrt() + 3.0) / asked).min(most))
    }

    /// Open ports that can be expected to be silent still after `rounds`; `None` where nothing answered.
    pub(super) fn expected_missed(&self, ports: u32, rounds: u8) -> Option<f64> {
        Some(f64::from(ports) * self.upper()?.powi(i32::from(rounds)))
    }

    /// Open ports that loss alone may have left silent, now that the last round is through: any of them where that round
    /// still brought answers, because a path that takes only so many datagrams loses as many in every round.
    pub(super) fn left_silent(&self, ports: u32) -> Option<f64> {
        let still = self.rounds > 1 && self.in_last >= STILL;
        if still { Some(f64::from(ports)) } else { self.expected_missed(ports, self.rounds) }
    }

    /// The fewest rounds within `bounds` after which fewer than `missed` open ports can be expected to be silent.
    pub(super) fn rounds_needed(&self, ports: u32, missed: f64, bounds: RangeInclusive<u8>) -> u8 {
        let (least, most) = (*bounds.start(), *bounds.end());
        let enough = |k: &u8| self.expected_missed(ports, *k).is_none_or(|left| left < missed);
        bounds.into_iter().find(enough).unwrap_or(most).max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(by_attempt: &[u32]) -> Loss {
        let mut loss = Loss::default();
        for (attempt, count) in by_attempt.iter().enumerate() {
            (0..*count).for_each(|_| loss.answered(attempt as u8));
        }
        loss
    }

    #[test]
    fn nothing_answered_means_no_loss_known_never_zero() {
        let none = Loss::default();
        assert_eq!((none.first(), none.expected_missed(100, 3), none.of_round(0)), (None, None, None));
        assert_eq!(none.rounds_needed(10_001, 0.001, 3..=10), 3);
    }

    #[test]
    fn the_first_rounds_loss_counts_ports_that_answered_in_the_end() {
        assert_eq!(loss(&[98, 2]).first(), Some(0.02));
        assert_eq!(loss(&[90, 9, 1]).first(), Some(0.1));
        assert_eq!(loss(&[90, 9, 1]).of_round(1), None, "ten are too few to tell");
    }

    #[test]
    fn a_handful_of_answers_without_a_loss_is_enough_to_name_a_silent_port() {
        let few = loss(&[4]);
        let rounds = few.rounds_needed(5, 0.001, 3..=10);
        assert!(few.expected_missed(5, rounds).is_some_and(|n| n < 0.001), "{rounds}");
    }

    #[test]
    fn a_path_that_takes_only_so_many_explains_any_silence() {
        let mut limited = loss(&[100, 60, 60, 50, 40, 40, 30, 30, 20]);
        limited.through(9);
        // Late answers to the datagrams of earlier rounds: a queue that is not empty yet.
        (0..10).for_each(|_| limited.answered(6));
        limited.through(10);
        assert_eq!(limited.left_silent(1001), Some(1001.0));
        let mut blocked = loss(&[880, 20]);
        blocked.through(4);
        blocked.through(5);
        assert!(blocked.left_silent(1001).is_some_and(|left| left < 0.01));
    }

    #[test]
    fn more_loss_needs_more_rounds() {
        let needed = |counts: &[u32]| loss(counts).rounds_needed(10_001, 0.001, 3..=10);
        assert_eq!(needed(&[10_001]), 3);
        assert_eq!(needed(&[9800, 196, 4]), 5);
        assert_eq!(needed(&[9400, 564, 34, 2]), 6);
        assert_eq!(needed(&[5000, 2500, 1250, 625]), 10, "bounded");
    }
}
