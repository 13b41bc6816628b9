//! What came: counted once each however often it comes, with the delay of each interval. Fixed in size.

use crate::wire::flow::Feedback;

/// So many numbers behind the highest one are remembered, to tell what comes twice from what comes late.
const REMEMBERED: u32 = 8192;
const WORDS: usize = REMEMBERED as usize / 64;

/// Counts one direction's data.
#[derive(Clone, Debug)]
pub struct Receiver {
    seen: Box<[u64; WORDS]>,
    told: Feedback,
    sum: i128,
}

impl Default for Receiver {
    fn default() -> Self {
        Self { seen: Box::new([0; WORDS]), told: Feedback::default(), sum: 0 }
    }
}

impl Receiver {
    /// Data number `seq` of `stage` and `len` bytes came at `at`, and had left at `time` on the peer's clock.
    pub fn on_data(&mut self, at: u64, time: u64, stage: u16, seq: u32, len: usize) {
        if !self.first_time(seq) {
            self.told.duplicates = self.told.duplicates.saturating_add(1);
            return;
        }
        let told = &mut self.told;
        told.received = told.received.saturating_add(1);
        told.bytes = told.bytes.saturating_add(len as u64);
        // The kernel's telling of how long it waited may make one earlier than that before it.
        told.last_at = told.last_at.max(at);
        told.last_stage = stage;
        let delay = at.wrapping_sub(time).cast_signed();
        told.least_delay = if told.delays == 0 { delay } else { told.least_delay.min(delay) };
        told.last_delay = delay;
        told.delays = told.delays.saturating_add(1);
        self.sum += i128::from(delay);
    }

    /// A datagram of `len` bytes came that is no data.
    pub fn on_other(&mut self, len: usize) {
        self.told.aside = self.told.aside.saturating_add(1);
        self.told.aside_bytes = self.told.aside_bytes.saturating_add(len as u64);
    }

    /// The socket has lost so many more for want of room.
    pub fn on_overflow(&mut self, lost: u32) {
        self.told.overflow = self.told.overflow.saturating_add(lost);
    }

    /// What came so far. The delays are of what came since the last call.
    pub fn tell(&mut self) -> Feedback {
        let mean = self.sum.checked_div(i128::from(self.told.delays)).and_then(|m| i64::try_from(m).ok());
        let told = Feedback { mean_delay: mean.unwrap_or(0), ..self.told };
        self.told.number = self.told.number.wrapping_add(1);
        self.told.delays = 0;
        self.sum = 0;
        told
    }

    /// What came so far, without ending the interval.
    pub fn so_far(&self) -> &Feedback {
        &self.told
    }

    /// Notes `seq`; false where it came before, or is too old for that to be known.
    fn first_time(&mut self, seq: u32) -> bool {
        let expected = self.told.expected;
        if seq == u32::MAX {
            return false;
        }
        if seq >= expected {
            // The numbers that were jumped over have not come.
            let jump = (seq - expected).min(REMEMBERED);
            (0..jump).for_each(|i| self.set(seq - 1 - i, false));
            self.told.expected = seq + 1;
        } else if expected - seq > REMEMBERED || self.get(seq) {
            return false;
        }
        self.set(seq, true);
        true
    }

    fn get(&self, seq: u32) -> bool {
        let (word, bit) = place(seq);
        self.seen.get(word).is_some_and(|w| w & bit != 0)
    }

    fn set(&mut self, seq: u32, seen: bool) {
        let (word, bit) = place(seq);
        if let Some(w) = self.seen.get_mut(word) {
            *w = if seen { *w | bit } else { *w & !bit };
        }
    }
}

fn place(seq: u32) -> (usize, u64) {
    let at = seq % REMEMBERED;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(seqs: impl IntoIterator<Item = u32>) -> Feedback {
        let mut receiver = Receiver::default();
        seqs.into_iter().for_each(|seq| receiver.on_data(1000, 0, 0, seq, 100));
        receiver.tell()
    }

    #[test]
    fn each_number_counts_once_in_any_order() {
        let f = numbers([0, 2, 1, 1, 5, 4, 5, 0]);
        assert_eq!((f.expected, f.received, f.duplicates, f.bytes), (6, 5, 3, 500));
        let f = numbers((0..100_000).chain(95_000..100_000));
        assert_eq!((f.expected, f.received, f.duplicates), (100_000, 100_000, 5000));
    }

    #[test]
    fn a_wild_number_costs_no_time_and_no_memory() {
        let f = numbers([0, u32::MAX - 1, u32::MAX, 7]);
        assert_eq!((f.expected, f.received, f.duplicates), (u32::MAX, 2, 2));
    }

    #[test]
    fn delays_are_those_of_the_interval() {
        let mut receiver = Receiver::default();
        receiver.on_data(500, 100, 1, 0, 10);
        receiver.on_data(700, 100, 1, 1, 10);
        let f = receiver.tell();
        assert_eq!((f.least_delay, f.mean_delay, f.last_delay, f.delays, f.last_at), (400, 500, 600, 2, 700));
        let f = receiver.tell();
        assert_eq!((f.delays, f.received, f.number), (0, 2, 1));
        receiver.on_data(0, 100, 1, 2, 10);
        assert_eq!(receiver.tell().mean_delay, -100);
    }
}
