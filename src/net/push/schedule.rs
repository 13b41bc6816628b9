//! When a document that was not taken is sent again: exponential backoff with jitter, the receiver's own wish (`Retry-After`),
//! and an end. Pure: the time that has passed and chance are told.

use std::time::Duration;

use crate::net::classify::seconds;

/// The attempts so far, and the bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    attempts: u32,
    most: u32,
    first: Duration,
    longest: Duration,
    whole: Duration,
}

/// What comes after an attempt that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    After(Duration),
    Over(Given),
}

/// Why there is no further attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// There were enough.
    Enough,
    /// The next would begin too late.
    Late(Duration),
    /// The receiver asks for a longer pause than there is time.
    Asked(Duration, Duration),
}

impl Given {
    /// As the end of a sentence, after so many attempts.
    pub fn words(&self, attempts: u32) -> String {
        let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
        match self {
            Given::Enough => format!("it was tried {times}"),
            Given::Late(whole) => format!("it was tried {times} in {}", seconds(*whole)),
            Given::Asked(wish, whole) => format!(
                "the receiver asks to be left alone for {}, longer than the {} that are spent on sending (tried {times})",
                seconds(*wish),
                seconds(*whole)
            ),
        }
    }
}

impl Default for Schedule {
    /// Five attempts in a minute: about 1, 2, 4 and 8 s apart.
    fn default() -> Self {
        Self {
            attempts: 0,
            most: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(15),
            whole: Duration::from_secs(60),
        }
    }
}

impl Schedule {
    /// What is left of the whole time when so much of it has passed.
    pub fn left(&self, passed: Duration) -> Duration {
        self.whole.saturating_sub(passed)
    }

    /// The attempts that have failed.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The most attempts there can be.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// Counts an attempt that failed when `passed` had passed since the first began. `asked` is what the receiver wishes;
    /// `chance` is from 0 to 1. A wait is between half and one and a half of its step, and never shorter than was asked.
    pub fn next(&mut self, passed: Duration, asked: Option<Duration>, chance: f64) -> Next {
        self.attempts += 1;
        if self.attempts >= self.most {
            return Next::Over(Given::Enough);
        }
        let doubled = self.first.saturating_mul(1 << (self.attempts - 1).min(16)).min(self.longest);
        let own = doubled.mul_f64(0.5 + chance.clamp(0.0, 1.0));
        let wait = match asked {
            Some(asked) => asked.saturating_add(self.first.mul_f64(chance.clamp(0.0, 1.0) / 4.0)).max(own),
            None => own,
        };
        if wait < self.left(passed) {
            return Next::After(wait);
        }
        Next::Over(match asked {
            Some(asked) if asked >= self.left(passed) => Given::Asked(asked, self.whole),
            _ => Given::Late(self.whole),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_around_their_step_and_end_after_five_attempts() {
        for (chance, want) in [(0.0, [500, 1000, 2000, 4000]), (0.5, [1000, 2000, 4000, 8000])] {
            let mut schedule = Schedule::default();
            for ms in want {
                let next = schedule.next(Duration::ZERO, None, chance);
                assert_eq!(next, Next::After(Duration::from_millis(ms)));
            }
            assert_eq!(schedule.next(Duration::ZERO, None, chance), Next::Over(Given::Enough));
            assert_eq!(Given::Enough.words(schedule.attempts()), "it was tried 5 times");
        }
    }

    #[test]
    fn a_receiver_is_left_alone_as_long_as_it_asks_or_for_good() {
        let mut schedule = Schedule::default();
        assert_eq!(
            schedule.next(Duration::ZERO, Some(Duration::from_secs(20)), 0.0),
            Next::After(Duration::from_secs(20))
        );
        let Next::Over(given) = schedule.next(Duration::from_secs(21), Some(Duration::from_secs(3600)), 0.0) else {
            panic!("an hour was waited for");
        };
        let words = given.words(schedule.attempts());
        assert!(words.contains("3600.0 s") || words.contains("3600 s"), "{words}");
        // A receiver that asks for nothing is not hurried.
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next(Duration::ZERO, Some(Duration::ZERO), 0.5), Next::After(Duration::from_secs(1)));
    }

    proptest! {
        /// Whatever is asked, however long attempts last: it ends, in the whole time, after no more than its attempts.
        #[test]
        fn it_ends(
            lasts in proptest::collection::vec((0u64..40_000, proptest::option::of(0u64..u64::MAX), 0.0..=1.0), 5),
        ) {
            let (mut schedule, mut now) = (Schedule::default(), Duration::ZERO);
            for (count, (ms, asked, chance)) in lasts.into_iter().enumerate() {
                prop_assert!(count < 5);
                now += Duration::from_millis(ms).min(schedule.left(now));
                match schedule.next(now, asked.map(Duration::from_secs), chance) {
                    Next::After(wait) => {
                        prop_assert!(asked.is_none_or(|asked| wait.as_secs() >= asked));
                        prop_assert!(wait >= Duration::from_millis(500));
                        now += wait;
                    }
                    Next::Over(_) => return Ok(()),
                }
                prop_assert!(now < Duration::from_secs(60));
            }
            prop_assert!(false, "five attempts did not end it");
        }
    }
}
