//! How often the responder may answer: token buckets in virtual time, and a table of them for sources that holds no
//! source. Knows no socket, no clock and no randomness; time since the start and the seed are handed in.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::net::IpAddr;
use std::time::Duration;

/// So many a second on average, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Average, per second; 0 lets nothing through.
    pub per_second: u32,
    /// How many may come at once after a pause; 0 lets nothing through.
    pub burst: u32,
}

impl Rate {
    /// A rate of `per_second` with `burst` at once.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }

    /// Nanoseconds that one unit takes; `None` where nothing may pass.
    fn interval(self) -> Option<u64> {
        (self.burst > 0).then(|| 1_000_000_000u64.checked_div(u64::from(self.per_second))).flatten()
    }
}

/// A token bucket as the generic cell rate algorithm has it: its whole state is one time stamp, the nanosecond at which
/// it will be full again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    full_at: u64,
}

impl Bucket {
    /// Whether one more may pass at `now` (nanoseconds since the start). Takes nothing.
    pub fn has(self, rate: Rate, now: u64) -> bool {
        self.has_many(rate, now, 1)
    }

    /// Takes one at `now`. Ask [`Bucket::has`] first.
    pub fn take(&mut self, rate: Rate, now: u64) {
        self.take_many(rate, now, 1);
    }

    /// Whether `count` may pass at once; more than the burst never may. Takes nothing.
    pub fn has_many(self, rate: Rate, now: u64, count: u32) -> bool {
        let (Some(interval), Some(spare)) = (rate.interval(), rate.burst.checked_sub(count)) else { return false };
        self.full_at.saturating_sub(now) <= interval.saturating_mul(u64::from(spare))
    }

    /// Takes `count` at `now`. Ask [`Bucket::has_many`] first.
    pub fn take_many(&mut self, rate: Rate, now: u64, count: u32) {
        if let Some(interval) = rate.interval() {
            self.full_at = self.full_at.max(now).saturating_add(interval.saturating_mul(u64::from(count)));
        }
    }
}

/// Token buckets for sources, in a table whose size never changes: a source is hashed under a secret seed to a bucket,
/// which it may share with others, and is itself kept nowhere. Spoofed sources therefore cost no memory, and to empty a
/// chosen victim's bucket an attacker would have to know the seed.
#[derive(Clone, Debug)]
pub struct SourceTable {
    buckets: Box<[Bucket]>,
    seed: u128,
}

impl SourceTable {
    /// A table of `2^bits` buckets (8 bytes each).
    pub fn new(bits: u8, seed: u128) -> Self {
        Self { buckets: vec![Bucket::default(); 1usize << bits.min(20)].into_boxed_slice(), seed }
    }

    /// Its size in bytes, the same for ever.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// The bucket of `source`'s /32 or /64.
    pub fn bucket(&mut self, source: IpAddr) -> &mut Bucket {
        let mut hasher = DefaultHasher::new();
        hasher.write_u128(self.seed);
        hasher.write_u64(source_key(source));
        let index = hasher.finish() as usize & (self.buckets.len() - 1);
        #[expect(clippy::indexing_slicing, reason = "the length is a power of two and the index is masked by it")]
        &mut self.buckets[index]
    }
}

/// What counts as one source: an IPv4 address, or an IPv6 /64, which is what one subscriber has.
pub fn source_key(source: IpAddr) -> u64 {
    match source.to_canonical() {
        IpAddr::V4(a) => u64::from(u32::from(a)),
        // Global IPv6 prefixes have bits set above the lowest 32, so the two families do not meet.
        IpAddr::V6(a) => (u128::from(a) >> 64) as u64,
    }
}

/// How often the responder answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerLimits {
    /// Answers to one source (/32, /64).
    pub per_source: Rate,
    /// Answers in all.
    pub global: Rate,
    /// Answers longer than their request (a bare Binding request of 20 bytes) to one source.
    pub bare_per_source: Rate,
    /// Answers longer than their request, in all.
    pub bare_global: Rate,
    /// The tables of sources have `2^table_bits` buckets of 8 bytes each.
    pub table_bits: u8,
    /// STAMP packets are answered with the DSCP that they ask for (RFC 8972 section 4.4).
    pub dscp: bool,
}

impl Default for AnswerLimits {
    /// A sweep of 20,000 requests a second from one source passes; ordinary STUN clients pass in small numbers.
    fn default() -> Self {
        Self {
            per_source: Rate::new(30_000, 15_000),
            global: Rate::new(200_000, 50_000),
            bare_per_source: Rate::new(2, 4),
            bare_global: Rate::new(100, 100),
            table_bits: 14,
            dscp: true,
        }
    }
}

/// Which limit stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// The source's own.
    Source,
    /// That of all sources together.
    Global,
}

/// All buckets of a responder.
#[derive(Clone, Debug)]
pub struct Allowance {
    limits: AnswerLimits,
    sources: SourceTable,
    global: Bucket,
    bare_sources: SourceTable,
    bare_global: Bucket,
}

impl Allowance {
    /// Full buckets; `seed` must be secret and random.
    pub fn new(limits: AnswerLimits, seed: u128) -> Self {
        let table = || SourceTable::new(limits.table_bits, seed);
        Self {
            limits,
            sources: table(),
            global: Bucket::default(),
            bare_sources: table(),
            bare_global: Bucket::default(),
        }
    }

    /// The tables' size in bytes, the same for ever.
    pub fn bytes(&self) -> usize {
        self.sources.bytes() + self.bare_sources.bytes()
    }

    /// Takes one answer to `source` at `since_start`, from all its buckets or, where one is empty, from none. `bare`:
    /// the answer is longer than its request.
    pub fn take(&mut self, source: IpAddr, bare: bool, since_start: Duration) -> Result<(), Exceeded> {
        let now = u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX);
        let limits = self.limits;
        let (table, per_source, global, global_rate) = match bare {
            true => (&mut self.bare_sources, limits.bare_per_source, &mut self.bare_global, limits.bare_global),
            false => (&mut self.sources, limits.per_source, &mut self.global, limits.global),
        };
        let own = table.bucket(source);
        if !own.has(per_source, now) {
            return Err(Exceeded::Source);
        }
        if !global.has(global_rate, now) {
            return Err(Exceeded::Global);
        }
        own.take(per_source, now);
        global.take(global_rate, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    fn spoofed(i: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0100_0000u32.wrapping_add(i.wrapping_mul(2_654_435_761))))
    }

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let rate = Rate::new(10, 3);
        let mut bucket = Bucket::default();
        let mut passed = |at_ms: u64| {
            let now = at_ms * 1_000_000;
            let ok = bucket.has(rate, now);
            if ok {
                bucket.take(rate, now);
            }
            ok
        };
        assert_eq!([0, 0, 0, 0, 99, 100, 101, 199, 200].map(&mut passed), {
            [true, true, true, false, false, true, false, false, true]
        });
        assert_eq!([5000; 4].map(passed), [true, true, true, false], "a pause refills the burst and no more");
    }

    #[test]
    fn a_rate_of_nothing_lets_nothing_through() {
        assert!(!Bucket::default().has(Rate::new(0, 5), 0));
        assert!(!Bucket::default().has(Rate::new(5, 0), 0));
    }

    #[test]
    fn a_hundred_thousand_sources_take_no_memory_and_leave_room_for_an_honest_one() {
        let mut allowance = Allowance::new(AnswerLimits::default(), 7);
        let before = allowance.bytes();
        assert!(before < 1 << 20, "{before}");
        let honest = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        for i in 0..100_000u32 {
            let at = Duration::from_micros(u64::from(i) * 50); // 20,000 a second
            assert_eq!(allowance.take(spoofed(i), false, at), Ok(()));
            if i % 100 == 0 {
                assert_eq!(allowance.take(honest, false, at), Ok(()), "datagram {i}");
            }
        }
        assert_eq!(allowance.bytes(), before);
    }

    #[test]
    fn the_default_lets_a_sweep_of_20_000_a_second_from_one_source_through() {
        let mut allowance = Allowance::new(AnswerLimits::default(), 1);
        let source = IpAddr::V6(Ipv6Addr::LOCALHOST);
        for i in 0..60_000u64 {
            assert_eq!(allowance.take(source, false, Duration::from_micros(i * 50)), Ok(()), "datagram {i}");
        }
    }

    #[test]
    fn bare_answers_are_few_a_source_and_few_in_all() {
        let mut allowance = Allowance::new(AnswerLimits::default(), 1);
        let passed = (0..100).filter(|_| allowance.take(spoofed(0), true, Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 4);
        let passed = (1..10_000).filter(|i| allowance.take(spoofed(*i), true, Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 96, "100 at once in all");
        assert_eq!(allowance.take(spoofed(20_000), true, Duration::ZERO), Err(Exceeded::Global));
        assert_eq!(allowance.take(spoofed(0), false, Duration::ZERO), Ok(()), "and padded ones go on");
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_64() {
        let key = |a: &str| source_key(a.parse().unwrap());
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    }

    proptest! {
        #[test]
        fn no_more_passes_than_burst_and_rate(
            per_second in 1u32..10_000, burst in 1u32..100, mut at in proptest::collection::vec(0u64..5_000_000_000, 1..400)
        ) {
            at.sort_unstable();
            let rate = Rate::new(per_second, burst);
            let (mut bucket, mut passed) = (Bucket::default(), 0u64);
            for now in &at {
                if bucket.has(rate, *now) {
                    bucket.take(rate, *now);
                    passed += 1;
                }
            }
            let span = at.last().unwrap() - at.first().unwrap();
            // One more for the division's remainder.
            prop_assert!(passed <= u64::from(burst) + span * u64::from(per_second) / 1_000_000_000 + 1);
        }
    }
}
