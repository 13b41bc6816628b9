//! Intervals: of a share (Wilson), and of the mean of values that follow one another in time (batch means). Knows no
//! unit. `z` is the width in standard errors of a normal estimate: 1.96 holds the truth 95 times in 100.

use super::distribution::mean;
use super::train::Interval;

/// Batches that a series is cut into for the interval of its mean.
const BATCHES: usize = 10;
/// Shorter series have no interval of their mean: a batch has at least two values.
const LEAST: usize = 2 * BATCHES;

/// Wilson's score interval of `lost` of `of`, in percent: 0 at its low end exactly where nothing was lost, 100 at its
/// high end exactly where all was. `None` where `of` is 0 or less than `lost`.
pub fn share_interval(lost: u32, of: u32, z: f64) -> Option<Interval> {
    if of == 0 || lost > of {
        return None;
    }
    let (n, share, z2) = (f64::from(of), f64::from(lost) / f64::from(of), z * z);
    let middle = share + z2 / (2.0 * n);
    let half = z.abs() * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let end = |value: f64| (100.0 * value / (1.0 + z2 / n)).clamp(0.0, 100.0);
    Some(Interval {
        value: 100.0 * share,
        low: if lost == 0 { 0.0 } else { end(middle - half) },
        high: if lost == of { 100.0 } else { end(middle + half) },
    })
}

/// The mean of values in order of time, and its interval by batch means: neighbours in a train are alike, so the spread
/// of single values would promise too narrow an interval. Ten batches, their spread widened by what neighbouring batches
/// still have in common, Student's t with nine degrees of freedom at the error that `z` stands for. `None` for fewer
/// than 20 values.
pub fn mean_interval(values: &[f64], z: f64) -> Option<Interval> {
    if values.len() < LEAST {
        return None;
    }
    let value = mean(values)?;
    let batches: Vec<f64> = batches(values, BATCHES).filter_map(mean).collect();
    let half = student(z, BATCHES - 1) * standard_error(&batches)?;
    Some(Interval { value, low: value - half, high: value + half })
}

/// Cuts a series into `count` neighbouring stretches whose lengths differ by one at most.
pub(super) fn batches(values: &[f64], count: usize) -> impl Iterator<Item = &[f64]> {
    let end = move |batch: usize| batch * values.len() / count.max(1);
    (0..count).filter_map(move |batch| values.get(end(batch)..end(batch + 1)))
}

/// Of the mean of the batches. Where one batch tells of the next (a correlation `r` above 0), the variance is that of
/// a first-order autoregression, (1 + r) / (1 - r) times as large.
fn standard_error(batches: &[f64]) -> Option<f64> {
    let centre = mean(batches)?;
    let away: Vec<f64> = batches.iter().map(|batch| batch - centre).collect();
    let squares: f64 = away.iter().map(|d| d * d).sum();
    let variance = squares / (batches.len().checked_sub(1).filter(|n| *n > 0)? as f64);
    let products: f64 = away.iter().zip(away.iter().skip(1)).map(|(a, b)| a * b).sum();
    // Seen about a mean of their own, n batches with nothing in common show a correlation of -1/n.
    let seen = if squares > 0.0 { products / squares + 1.0 / batches.len() as f64 } else { 0.0 };
    let alike = seen.clamp(0.0, 0.8);
    Some((variance * (1.0 + alike) / (1.0 - alike) / batches.len() as f64).sqrt())
}

/// Student's t of `freedom` degrees at the error of a normal `z`, by the expansion of Cornish and Fisher (Abramowitz
/// and Stegun 26.7.5): within 1 % from five degrees on and z up to 3.
pub(super) fn student(z: f64, freedom: usize) -> f64 {
    let n = freedom.max(1) as f64;
    let power = |exponent| z.powi(exponent);
    z + (power(3) + z) / (4.0 * n)
        + (5.0 * power(5) + 16.0 * power(3) + 3.0 * z) / (96.0 * n * n)
        + (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * z) / (384.0 * n * n * n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::simulate::Chance;
    use super::*;

    #[test]
    fn shares_of_nothing_and_of_more_than_all_have_no_interval() {
        assert_eq!(share_interval(0, 0, 1.96), None);
        assert_eq!(share_interval(2, 1, 1.96), None);
    }

    #[test]
    fn shares_of_one_and_two() {
        let one = share_interval(0, 1, 1.96).unwrap();
        assert_eq!((one.value, one.low), (0.0, 0.0));
        assert!((one.high - 79.35).abs() < 0.01, "{one:?}");
        let half = share_interval(1, 2, 1.96).unwrap();
        assert!((half.low - 9.45).abs() < 0.01 && (half.high - 90.55).abs() < 0.01, "{half:?}");
        assert_eq!(share_interval(2, 2, 1.96).unwrap().high, 100.0);
    }

    /// The table in the project's facts: packets, losses that still pass, losses that fail, and the upper end without loss.
    #[test]
    fn wilson_decides_1_5_percent_at_the_known_counts() {
        for (of, passes, fails, upper) in
            [(100, None, 4, 3.70), (250, None, 8, 1.51), (500, Some(2), 13, 0.76), (1000, Some(7), 23, 0.38)]
        {
            let at = |lost| share_interval(lost, of, 1.96).unwrap();
            assert!((at(0).high - upper).abs() < 0.005);
            assert_eq!((0..of).take_while(|lost| at(*lost).high < 1.5).last(), passes);
            assert_eq!((0..of).find(|lost| at(*lost).low > 1.5), Some(fails));
        }
    }

    #[test]
    fn students_t_matches_the_tables() {
        for (freedom, t) in [(5, 2.571), (9, 2.262), (20, 2.086), (1000, 1.962)] {
            assert!((student(1.959_964, freedom) - t).abs() < 0.005, "{freedom}: {}", student(1.959_964, freedom));
        }
    }

    #[test]
    fn fewer_than_twenty_values_have_a_mean_but_no_interval() {
        for count in [0, 1, 2, 19] {
            assert_eq!(mean_interval(&vec![1.0; count], 1.96), None);
        }
        assert_eq!(mean_interval(&[4.0; 20], 1.96), Some(Interval { value: 4.0, low: 4.0, high: 4.0 }));
    }

    #[test]
    fn batches_take_every_value_once() {
        let values: Vec<f64> = (0..23).map(f64::from).collect();
        assert_eq!(batches(&values, 10).flatten().copied().collect::<Vec<_>>(), values);
    }

    /// How many of `runs` intervals hold the mean of what `series` makes.
    fn held(runs: u32, truth: f64, z: f64, mut series: impl FnMut() -> Vec<f64>) -> u32 {
        let mut holds = || mean_interval(&series(), z).is_some_and(|i| i.low <= truth && truth <= i.high);
        (0..runs).map(|_| u32::from(holds())).sum()
    }

    /// Of a delay with a memory, and of its variation from packet to packet: 95 in 100, and nearly so where a
    /// delay resembles the one before by nine tenths, over a train of 200 packets and longer ones.
    #[test]
    fn intervals_of_a_mean_hold_it_although_neighbours_are_alike() {
        const RUNS: u32 = 1_000;
        let mut chance = Chance::new(21);
        println!("| of | memory | packets | held |\n|---|---|---|---|");
        for memory in [0.0f64, 0.5, 0.9] {
            let change = (2.0 * (1.0 - memory)).sqrt() * (2.0 / std::f64::consts::PI).sqrt();
            for packets in [200, 340, 500, 1500] {
                let mean = held(RUNS, 0.0, 1.96, || chance.autoregressive(packets, memory, 1.0));
                let variation = held(RUNS, change, 1.96, || {
                    let delays = chance.autoregressive(packets, memory, 1.0);
                    delays.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect()
                });
                for (of, held) in [("mean", mean), ("variation", variation)] {
                    println!("| {of} | {memory} | {packets} | {:.1} % |", f64::from(held) / 10.0);
                    assert!(
                        held >= if memory > 0.5 { 900 } else { 930 },
                        "{of}, memory {memory}, {packets} packets: {held}"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_interval_of_a_share_holds_it(lost in 0u32..5000, more in 0u32..5000, z in 0.5f64..4.0) {
            prop_assume!(lost + more > 0);
            let share = share_interval(lost, lost + more, z).unwrap();
            prop_assert!(share.low <= share.value && share.value <= share.high);
            prop_assert_eq!(share.low == 0.0, lost == 0);
            prop_assert_eq!(share.high == 100.0, more == 0);
        }
    }
}
