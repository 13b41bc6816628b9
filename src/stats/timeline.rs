//! A train in time: round trips and losses in so few slots of equal length that they can be drawn and kept, however long it
//! lasted, and how often each round trip was seen. Knows no limit and no picture.

use super::direction::directions;
use super::distribution::{percentile, sorted};
use super::train::{Histogram, Slot, Timeline, Train};
use super::trip::{first_back, ms, trips};

/// So many slots at the most.
const MOST_SLOTS: i32 = 240;
/// A slot is so many times as long as packets are apart, lest one stay empty because a packet left a moment late.
const PACKETS: f64 = 2.0;
/// The span from the least to the 99th percentile has about so many bars.
const BARS: f64 = 24.0;
/// Bars are no narrower than this share of the least round trip, and no narrower than a microsecond: what differs by less
/// is the same to every listener.
const NARROWEST: f64 = 0.005;

/// `None` where nothing was sent.
pub fn timeline(train: &Train) -> Option<Timeline> {
    let start = train.sent.iter().map(|packet| i128::from(packet.at)).min()?;
    let end = train.sent.iter().map(|packet| i128::from(packet.at)).max()?;
    let span = ms(end - start);
    let apart = span / (train.sent.len() as f64 - 1.0).max(1.0);
    let slot_ms = nice((span / f64::from(MOST_SLOTS - 1)).max(apart * PACKETS).max(1.0));
    let place = |at: i64| (ms(i128::from(at) - start) / slot_ms) as usize;
    let count = train.sent.iter().map(|packet| place(packet.at)).max()? + 1;
    let mut slots = vec![Slot::default(); count];
    for (packet, fate) in train.sent.iter().zip(fates(train)) {
        if let Some(slot) = slots.get_mut(place(packet.at)) {
            slot.count(fate);
        }
    }
    Some(Timeline { slot_ms, slots })
}

/// How often each round trip was seen; `None` where nothing was answered.
pub fn histogram(train: &Train) -> Option<Histogram> {
    let (trips, _) = trips(train);
    let rounds: Vec<f64> = first_back(&trips, train.sent.len()).iter().map(|trip| ms(trip.round)).collect();
    let rounds = sorted(&rounds);
    let (least, most, high) = (*rounds.first()?, *rounds.last()?, percentile(&rounds, 99.0)?);
    let step = nice(((high - least) / BARS).max(least * NARROWEST).max(0.001));
    let begin = (least / step).floor();
    let bars = ((high / step).floor() - begin) as usize + 1;
    let mut bounds_ms: Vec<f64> = (0..=bars).map(|n| (begin + n as f64) * step).collect();
    let beyond = bounds_ms.last().is_some_and(|last| most >= *last);
    if beyond {
        bounds_ms.push(most);
    }
    let mut counts = vec![0; bounds_ms.len() - 1];
    let last = counts.len() - 1;
    for round in rounds {
        let place = ((round / step).floor() - begin) as usize;
        if let Some(count) = counts.get_mut(place.min(last)) {
            *count += 1;
        }
    }
    Some(Histogram { bounds_ms, counts })
}

/// What became of one packet of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// After so many milliseconds.
    Answered(f64),
    LostUp,
    LostDown,
    /// Lost on either way.
    Lost,
}

impl Slot {
    fn count(&mut self, fate: Fate) {
        match fate {
            Fate::LostUp => self.lost_up += 1,
            Fate::LostDown => self.lost_down += 1,
            Fate::Lost => self.lost_unknown += 1,
            Fate::Answered(rtt) => {
                let (min, sum, max) = self.rtt_ms.map_or((rtt, 0.0, rtt), |(min, mean, max)| {
                    (min.min(rtt), mean * f64::from(self.answered), max.max(rtt))
                });
                self.answered += 1;
                self.rtt_ms = Some((min, (sum + rtt) / f64::from(self.answered), max));
            }
        }
    }
}

/// Of every packet, by number.
fn fates(train: &Train) -> Vec<Fate> {
    let (trips, _) = trips(train);
    let first = first_back(&trips, train.sent.len());
    let ways = directions(train, &trips, &first);
    let up = ways.up.and_then(|fate| fate.each).unwrap_or_default();
    let came_is_lost_down = if ways.down.is_some() { Fate::LostDown } else { Fate::Lost };
    let unanswered = (0..train.sent.len()).map(|n| match up.get(n) {
        Some((_, true)) => Fate::LostUp,
        Some((_, false)) => came_is_lost_down,
        None => Fate::Lost,
    });
    let mut fates: Vec<Fate> = unanswered.collect();
    for trip in &first {
        if let Some(fate) = fates.get_mut(trip.request as usize) {
            *fate = Fate::Answered(ms(trip.round));
        }
    }
    fates
}

/// The next of 1, 2, 5, 10, 20, 50, … and 0.5, 0.2, … that is no less; `least` is above nothing.
fn nice(least: f64) -> f64 {
    let power = 10f64.powi(least.log10().floor() as i32);
    // A ten-thousandth is the error of the arithmetic.
    let enough = |step: &f64| *step * power * 1.0001 >= least;
    [1.0, 2.0, 5.0].into_iter().find(enough).unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests;
