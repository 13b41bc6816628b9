//! What is kept of one direction: what was told of each interval. Bounded: a longer flow than expected is not kept whole.

use crate::wire::flow::Feedback;

/// Intervals that are kept: 120 s and a half.
const MOST: usize = 2400;

/// One interval. Counts are sums since the flow's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Arrival of the last packet on the receiver's clock.
    pub at: u64,
    pub expected: u32,
    pub received: u32,
    pub bytes: u64,
    /// Datagrams and bytes of UDP payload besides the data.
    pub aside: (u32, u64),
    /// Mean of arrival minus departure in this interval, on two clocks; `None`: nothing came in it.
    pub delay: Option<i64>,
    /// The least of them.
    pub least: Option<i64>,
}

/// All intervals of a direction, and its last sums.
#[derive(Clone, Debug)]
pub struct Record {
    pub intervals: Vec<Interval>,
    pub last: Feedback,
    /// Whether any was told.
    pub any: bool,
}

impl Default for Record {
    fn default() -> Self {
        // Room for all, so that nothing is allocated while packets flow.
        Self { intervals: Vec::with_capacity(MOST), last: Feedback::default(), any: false }
    }
}

impl Record {
    /// Takes what was told; false where it is older than what is known, or cannot be: counts never fall, and no more is
    /// received than was numbered.
    pub fn add(&mut self, f: &Feedback) -> bool {
        let older = self.any && f.number.wrapping_sub(self.last.number).cast_signed() <= 0;
        let sums =
            |f: &Feedback| [f.expected.into(), f.received.into(), f.bytes, f.aside.into(), f.aside_bytes, f.last_at];
        let falls = sums(f).into_iter().zip(sums(&self.last)).any(|(now, before)| now < before);
        if older || falls || f.received > f.expected {
            return false;
        }
        if self.intervals.len() < MOST {
            self.intervals.push(Interval {
                at: f.last_at,
                expected: f.expected,
                received: f.received,
                bytes: f.bytes,
                aside: (f.aside, f.aside_bytes),
                delay: (f.delays > 0).then_some(f.mean_delay),
                least: (f.delays > 0).then_some(f.least_delay),
            });
        }
        self.last = *f;
        self.any = true;
        true
    }

    /// Rate of everything that came, headers and pings too, between two intervals, from the last arrival of one to that of the other:
    /// kbit/s at the IP level, and the seconds between them.
    pub fn ip_rate(from: &Interval, to: &Interval, headers: u32) -> Option<(f64, f64)> {
        let seconds = to.at.checked_sub(from.at).filter(|ns| *ns > 0)? as f64 / 1e9;
        let packets = to.received.checked_sub(from.received)?.saturating_add(to.aside.0.checked_sub(from.aside.0)?);
        let bytes = to.bytes.checked_sub(from.bytes)?.saturating_add(to.aside.1.checked_sub(from.aside.1)?);
        let bytes = bytes as f64 + f64::from(packets) * f64::from(headers);
        Some((bytes * 0.008 / seconds, seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_or_cannot_be_is_not_taken() {
        let mut record = Record::default();
        let f = |number, expected, received| Feedback { number, expected, received, ..Feedback::default() };
        assert!(record.add(&f(1, 10, 9)));
        assert!(!record.add(&f(1, 12, 10)), "told before");
        assert!(!record.add(&f(0, 12, 10)), "older");
        assert!(!record.add(&f(2, 9, 9)), "fewer than before");
        assert!(!record.add(&f(2, 10, 11)), "more than were sent");
        assert!(record.add(&f(3, 10, 10)));
        assert_eq!(record.intervals.len(), 2);
        let beside = Feedback { aside: 5, aside_bytes: 500, last_at: 9, ..f(4, 10, 10) };
        assert!(record.add(&beside));
        for falling in [
            Feedback { number: 5, aside: 4, ..beside },
            Feedback { number: 5, aside_bytes: 499, ..beside },
            Feedback { number: 5, last_at: 8, ..beside },
        ] {
            assert!(!record.add(&falling), "{falling:?}");
        }
    }

    #[test]
    fn a_rate_is_measured_from_arrival_to_arrival() {
        let at = |at, received, bytes| Interval {
            at,
            expected: received,
            received,
            bytes,
            aside: (0, 0),
            delay: None,
            least: None,
        };
        let (kbps, seconds) = Record::ip_rate(&at(0, 1, 1200), &at(1_000_000_000, 101, 121_200), 28).unwrap();
        assert!((kbps - 982.4).abs() < 1e-9 && seconds == 1.0, "{kbps}");
        assert_eq!(Record::ip_rate(&at(5, 1, 1), &at(5, 1, 1), 28), None);
        let wild = Interval { aside: (u32::MAX, u64::MAX), ..at(9, u32::MAX, u64::MAX) };
        assert!(Record::ip_rate(&at(5, 0, 0), &wild, 28).is_some());
    }
}
