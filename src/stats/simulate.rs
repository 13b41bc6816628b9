//! Chance for tests that simulate: seeded, the same everywhere; and a path that knows what it did to each packet.

use std::collections::BTreeSet;

use super::train::{Far, Reply, Sent, Train};

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

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        self.share() < probability
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

/// One way of a path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    pub(super) delay_ms: f64,
    /// Standard deviation of the delay, which is never less than the least.
    pub(super) jitter_ms: f64,
    pub(super) loss: f64,
    pub(super) doubled: f64,
}

impl Way {
    /// When the copies of a packet arrive.
    fn carry(&self, chance: &mut Chance, at: i64) -> Vec<i64> {
        let copies = if chance.happens(self.loss) { 0 } else { 1 + usize::from(chance.happens(self.doubled)) };
        let mut delay = || self.delay_ms + self.jitter_ms * chance.normal().abs();
        (0..copies).map(|_| at + (delay() * 1e6) as i64).collect()
    }
}

/// What a path really did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Truth {
    pub(super) lost_up: u32,
    pub(super) lost_down: u32,
    pub(super) reordered_up: u32,
    pub(super) reordered_down: u32,
    pub(super) duplicated_up: u32,
    pub(super) duplicated_down: u32,
}

/// A train every 20 ms over a path to a stateful far end, whose clock is years away.
pub(super) fn path(chance: &mut Chance, packets: u32, up: Way, down: Way) -> (Train, Truth) {
    let clock = 1_700_000_000_000_000_000;
    let sent: Vec<Sent> = (0..packets).map(|n| Sent { at: i64::from(n) * 20_000_000, late: 0, len: 112 }).collect();
    let copies = |packet: u32| sent[packet as usize].at;
    let mut came: Vec<(i64, u32)> =
        (0..packets).flat_map(|n| up.carry(chance, copies(n)).into_iter().map(move |at| (at, n))).collect();
    came.sort_unstable();
    let mut back: Vec<(i64, u32)> = Vec::new();
    let mut truth = Truth::default();
    for (number, (at, _)) in came.iter().enumerate() {
        let copies = down.carry(chance, at + 50_000);
        truth.lost_down += u32::from(copies.is_empty());
        truth.duplicated_down += copies.len().saturating_sub(1) as u32;
        back.extend(copies.iter().map(|at| (*at, number as u32)));
    }
    back.sort_unstable();
    let there: BTreeSet<u32> = came.iter().map(|(_, request)| *request).collect();
    truth.lost_up = packets - there.len() as u32;
    truth.duplicated_up = (came.len() - there.len()) as u32;
    truth.reordered_up = overtaken(came.iter().map(|(_, request)| *request));
    truth.reordered_down = overtaken(back.iter().map(|(_, number)| *number));
    let reply = |(back, number): &(i64, u32)| {
        let (at, request) = came[*number as usize];
        Reply { request, number: *number, back: *back, far: Some((at + clock, at + clock + 50_000)) }
    };
    let far = Far {
        came: (0..packets).map(|n| Some(there.contains(&n))).collect(),
        unique: there.len() as u32,
        duplicates: truth.duplicated_up,
        reordered: truth.reordered_up,
        replies: came.len() as u32,
        overflow: 0,
    };
    let replies = back.iter().map(reply).collect();
    (Train { sent, replies, far: Some(far), stateful: true }, truth)
}

/// Different packets that came after one with a higher number.
fn overtaken(numbers: impl Iterator<Item = u32>) -> u32 {
    let mut seen = BTreeSet::new();
    numbers.map(|number| u32::from(seen.insert(number) && seen.last() > Some(&number))).sum()
}
