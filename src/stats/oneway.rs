//! Delay of one way, packet by packet, freed of what a far clock does. Two clocks differ by an unknown offset, so delays
//! are relative to the first packet's.

use super::trip::{Trip, Ways, ms};

/// A delay of one way that changes by more from packet to packet, while the round trip does not, is a clock set.
const STEP_NS: i128 = 500_000_000;

/// Delay of one way in one order of arrival.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    /// Request and delay in milliseconds, relative to the first packet's, steps of the far clock taken out.
    pub(super) levels: Vec<(u32, f64)>,
    /// |D| of RFC 3550 section 6.4.1 from packet to packet, in milliseconds; not over a step.
    pub(super) variation: Vec<f64>,
    pub(super) steps: u32,
}

/// Trips in order of arrival at the end of the way that `delay` is of; those without believable times are passed over.
pub(super) fn series(trips: &[Trip], delay: fn(&Ways) -> i128) -> Series {
    let mut series = Series::default();
    let mut before: Option<(i128, i128)> = None;
    let mut zero = 0;
    for (trip, ways) in trips.iter().filter_map(|trip| Some((trip, trip.ways?))) {
        let now = delay(&ways);
        let Some((then, round)) = before.replace((now, trip.round)) else {
            zero = now;
            series.levels.push((trip.request, 0.0));
            continue;
        };
        if is_step(now - then, trip.round - round) {
            series.steps += 1;
            zero += now - then;
        } else {
            series.variation.push(ms((now - then).abs()));
        }
        series.levels.push((trip.request, ms(now - zero)));
    }
    series
}

/// A real change of one way shows in the round trip as well.
fn is_step(change: i128, round: i128) -> bool {
    change.abs() > STEP_NS && round.abs() * 2 < change.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i128 = 1_000_000;

    fn trip(request: u32, up: i128, down: i128) -> Trip {
        Trip {
            request,
            number: request,
            round: (up + down) * MS,
            ways: Some(Ways { up: up * MS, down: down * MS, came: 0 }),
        }
    }

    #[test]
    fn nothing_and_one_packet_have_no_variation() {
        assert_eq!(series(&[], |ways| ways.up), Series::default());
        let one = series(&[trip(0, 77, 20)], |ways| ways.up);
        assert_eq!((one.levels, one.variation), (vec![(0, 0.0)], vec![]));
    }

    #[test]
    fn a_step_of_the_far_clock_is_no_variation() {
        let trips = [trip(0, 20, 20), trip(1, 22, 20), trip(2, 3_622, -3_580), trip(3, 3_621, -3_580)];
        let up = series(&trips, |ways| ways.up);
        assert_eq!((up.variation, up.steps), (vec![2.0, 1.0], 1));
        assert_eq!(up.levels, [(0, 0.0), (1, 2.0), (2, 2.0), (3, 1.0)]);
        let down = series(&trips, |ways| ways.down);
        assert_eq!((down.variation, down.steps), (vec![0.0, 0.0], 1));
    }

    #[test]
    fn a_leap_of_the_real_delay_is_variation() {
        let up = series(&[trip(0, 20, 20), trip(1, 2_020, 20)], |ways| ways.up);
        assert_eq!((up.variation, up.steps), (vec![2_000.0], 0));
    }

    #[test]
    fn trips_without_times_are_passed_over() {
        let blind = Trip { ways: None, ..trip(1, 0, 0) };
        assert_eq!(series(&[trip(0, 20, 20), blind, trip(2, 23, 20)], |ways| ways.up).variation, [3.0]);
    }
}
