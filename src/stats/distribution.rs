//! Percentiles: exact, by the nearest rank, so that each is a value that was seen. Knows no unit.

use super::train::{Distribution, Late, Sent};

/// The smallest value that at least `percent` of all values do not exceed (nearest rank); `sorted` ascends. `None` where
/// there is no value.
pub fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The middle value; of an even count the mean of the two in the middle. `None` where there is none.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get((sorted.len() - 1) / 2)?;
    Some(lower / 2.0 + upper / 2.0)
}

/// Percentiles and mean of values in any order; `None` where there is none.
pub fn distribution(values: &[f64]) -> Option<Distribution> {
    let sorted = sorted(values);
    Some(Distribution {
        min: *sorted.first()?,
        mean: mean(&sorted)?,
        p50: percentile(&sorted, 50.0)?,
        p95: percentile(&sorted, 95.0)?,
        p99: percentile(&sorted, 99.0)?,
        max: *sorted.last()?,
    })
}

/// How late the packets left; `None` where none was sent.
pub(super) fn late(sent: &[Sent]) -> Option<Late> {
    let late = distribution(&sent.iter().map(|packet| packet.late as f64 / 1e6).collect::<Vec<_>>())?;
    Some(Late { p50_ms: late.p50, p99_ms: late.p99, max_ms: late.max })
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_has_no_percentile() {
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(median(&[]), None);
        assert_eq!(distribution(&[]), None);
        assert_eq!(late(&[]), None);
    }

    #[test]
    fn one_value_is_all_of_them() {
        let one = distribution(&[7.0]).unwrap();
        assert_eq!(one, Distribution { min: 7.0, mean: 7.0, p50: 7.0, p95: 7.0, p99: 7.0, max: 7.0 });
        assert_eq!(median(&[7.0]), Some(7.0));
    }

    #[test]
    fn of_two_values_the_nearest_rank_of_half_is_the_lower_and_the_median_lies_between() {
        let two = distribution(&[3.0, 1.0]).unwrap();
        assert_eq!(two, Distribution { min: 1.0, mean: 2.0, p50: 1.0, p95: 3.0, p99: 3.0, max: 3.0 });
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
    }

    #[test]
    fn percentiles_of_a_hundred_are_the_values_themselves() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let all = distribution(&hundred).unwrap();
        assert_eq!((all.p50, all.p95, all.p99, all.max), (50.0, 95.0, 99.0, 100.0));
        assert_eq!(percentile(&sorted(&hundred), 0.0), Some(1.0));
        assert_eq!(percentile(&sorted(&hundred), 100.0), Some(100.0));
    }

    #[test]
    fn lateness_is_in_milliseconds() {
        let sent = [Sent { at: 0, late: 50_000, len: 100 }, Sent { at: 0, late: 2_000_000, len: 100 }];
        assert_eq!(late(&sent), Some(Late { p50_ms: 0.05, p99_ms: 2.0, max_ms: 2.0 }));
    }
}
