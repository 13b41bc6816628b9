//! A train's summary, put together from its parts.

use super::burst::loss;
use super::direction::{directions, round_trip};
use super::distribution::{distribution, late};
use super::interval::mean_interval;
use super::oneway::{Series, series};
use super::rise::rise;
use super::train::{Interval, Summary, Train};
use super::trip::{first_back, first_came, ms, trips};
use super::variation::variation;

/// Sums up a train; `z` is the width of its intervals in standard errors (1.96: 95 %, one look; `stats::Looks` has the
/// others). Packets whose replies may still be under way must not be in the train: here an unanswered packet is lost.
pub fn summarise(train: &Train, z: f64) -> Summary {
    let (trips, unbelievable) = trips(train);
    let first = first_back(&trips, train.sent.len());
    let ways = directions(train, &trips, &first);
    let came = first_came(&trips, train.stateful, train.sent.len());
    let (up, down) = (series(&came, |ways| ways.up), series(&first, |ways| ways.down));
    let rounds: Vec<f64> = first.iter().map(|trip| ms(trip.round)).collect();
    let changes: Vec<f64> = rounds.iter().zip(rounds.iter().skip(1)).map(|(a, b)| (b - a).abs()).collect();
    let (rise_up, rise_down) = (rise(&by_sending(&up), z), rise(&by_sending(&down), z));
    let set = opposite(rise_up, rise_down);
    let mut in_turn: Vec<_> = first.iter().map(|trip| (trip.request, ms(trip.round))).collect();
    in_turn.sort_by_key(|(request, _)| *request);
    let in_turn: Vec<f64> = in_turn.into_iter().map(|(_, round)| round).collect();
    let (loss_up, loss_down) = (ways.up.and_then(|fate| loss(&fate, z)), ways.down.and_then(|fate| loss(&fate, z)));
    Summary {
        sent: u32::try_from(train.sent.len()).unwrap_or(u32::MAX),
        received: u32::try_from(first.len()).unwrap_or(u32::MAX),
        loss: loss(&round_trip(train, &first), z),
        rtt: distribution(&rounds),
        rtt_mean: mean_interval(&rounds, z).map(|mean| Interval { low: mean.low.max(0.0), ..mean }),
        jitter_up: variation(&up.variation, z),
        jitter_down: variation(&down.variation, z),
        rtt_variation: variation(&changes, z),
        reordered_up: ways.reordered_up,
        reordered_down: ways.reordered_down,
        duplicated_up: ways.duplicated_up,
        duplicated_down: ways.duplicated_down,
        delay_rise_up_ms: rise_up.filter(|_| !set),
        delay_rise_down_ms: rise_down.filter(|_| !set),
        rtt_rise_ms: rise(&in_turn, z),
        loss_up,
        loss_down,
        late: late(&train.sent),
        // One step shows on both ways.
        far_clock_jumps: unbelievable.saturating_add(up.steps.max(down.steps)).saturating_add(u32::from(set)),
    }
}

/// A delay that rises one way while it falls as clearly the other way is a far clock that was set, or runs away.
const OPPOSITE_MS: f64 = 20.0;

fn opposite(up: Option<Interval>, down: Option<Interval>) -> bool {
    let clearly = |rise: f64, fall: f64| rise > OPPOSITE_MS && fall < -OPPOSITE_MS;
    up.zip(down).is_some_and(|(up, down)| clearly(up.value, down.value) || clearly(down.value, up.value))
}

/// Delays in order of sending.
fn by_sending(series: &Series) -> Vec<f64> {
    let mut levels = series.levels.clone();
    levels.sort_by_key(|(request, _)| *request);
    levels.into_iter().map(|(_, delay)| delay).collect()
}

#[cfg(test)]
mod tests;
