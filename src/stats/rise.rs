//! Whether delay rises over a train: a queue that fills. Knows neither the way nor the limit.

use super::distribution::{mean, median};
use super::interval::{batches, student};
use super::train::Interval;

/// Stretches of each quarter, whose levels show how much a quarter's own level may be trusted.
const STRETCHES: usize = 5;
/// Fewer packets show no rise: a stretch has at least two.
const LEAST: usize = 4 * 2 * STRETCHES;

/// The median of the last quarter less that of the first, of one-way delays in order of sending. Medians, because a
/// few late packets are no queue; an offset between clocks cancels, and clocks that drift apart by 100 ppm add 2.3 ms
/// in 30 s. `None` for fewer than 40 packets.
pub(super) fn rise(delays: &[f64], z: f64) -> Option<Interval> {
    if delays.len() < LEAST {
        return None;
    }
    let quarter = delays.len() / 4;
    let (first, last) = (delays.get(..quarter)?, delays.get(delays.len() - quarter..)?);
    let value = median(last)? - median(first)?;
    let half = student(z, 2 * (STRETCHES - 1)) * (variance(first)? + variance(last)?).sqrt();
    Some(Interval { value, low: value - half, high: value + half })
}

/// Of the level of a quarter.
fn variance(quarter: &[f64]) -> Option<f64> {
    let levels: Vec<f64> = batches(quarter, STRETCHES).filter_map(median).collect();
    let centre = mean(&levels)?;
    let squares: f64 = levels.iter().map(|level| (level - centre).powi(2)).sum();
    Some(squares / ((STRETCHES - 1) * STRETCHES) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::simulate::Chance;
    use super::*;

    #[test]
    fn too_few_packets_show_none() {
        for count in [0, 1, 2, 39] {
            assert_eq!(rise(&vec![5.0; count], 1.96), None);
        }
        assert_eq!(rise(&[5.0; 40], 1.96), Some(Interval { value: 0.0, low: 0.0, high: 0.0 }));
    }

    #[test]
    fn drifting_clocks_are_no_rise() {
        let drift: Vec<f64> = (0..1500).map(|n| f64::from(n) * 20.0 * 100e-6).collect();
        let seen = rise(&drift, 2.5).unwrap();
        assert!(seen.value < 3.0 && seen.high < 5.0, "{seen:?}");
    }

    #[test]
    fn five_percent_too_much_shows_within_four_seconds() {
        let mut chance = Chance::new(5);
        let filling: Vec<f64> = (0..200).map(|n| f64::from(n) * 20.0 * 0.05 + chance.normal().abs() * 3.0).collect();
        assert!(rise(&filling, 3.0).unwrap().low > 50.0, "{:?}", rise(&filling, 3.0));
    }

    /// Noise that does not rise is never seen to rise by 50 ms, white or with a memory, short train or long. Noise that
    /// remembers as long as a stretch lasts makes the interval too narrow, but not by much.
    #[test]
    fn steady_jitter_is_no_rise() {
        let mut chance = Chance::new(1);
        for memory in [0.0, 0.5, 0.9] {
            for count in [200, 500, 1500] {
                let rises = (0..300).map(|_| rise(&chance.autoregressive(count, memory, 10.0), 2.3).unwrap());
                let (mut far, mut held) = (0, 0);
                for seen in rises {
                    far += u32::from(seen.low >= 50.0);
                    held += u32::from(seen.low <= 0.0 && seen.high >= 0.0);
                }
                assert_eq!(far, 0);
                assert!(held >= 240, "{held} of 300 with {count} packets and memory {memory}");
            }
        }
    }
}
