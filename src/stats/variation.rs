//! Variation of delay from packet to packet. Knows neither which way nor whose clock.

use super::distribution::distribution;
use super::interval::mean_interval;
use super::train::{Interval, Variation};

/// From |D| in order of arrival, in milliseconds. `None` for fewer than 20 of them, which have no interval.
pub(super) fn variation(changes: &[f64], z: f64) -> Option<Variation> {
    let mean = mean_interval(changes, z)?;
    let jitter = filtered(changes);
    Some(Variation {
        mean: Interval { low: mean.low.max(0.0), ..mean },
        rfc3550_last: jitter.last().copied()?,
        rfc3550_max: jitter.iter().copied().fold(0.0, f64::max),
        distribution: distribution(changes)?,
    })
}

/// RFC 3550 section 6.4.1: J = J + (|D| - J) / 16, after each packet, from 0 on.
fn filtered(changes: &[f64]) -> Vec<f64> {
    let mut jitter = 0.0;
    let mut next = |change: &f64| {
        jitter += (change - jitter) / 16.0;
        jitter
    };
    changes.iter().map(&mut next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_changes_have_none() {
        for count in [0, 1, 2, 19] {
            assert_eq!(variation(&vec![1.0; count], 1.96), None);
        }
    }

    #[test]
    fn the_filter_is_rfc_3550s() {
        assert_eq!(filtered(&[]), Vec::<f64>::new());
        assert_eq!(filtered(&[16.0, 1.0]), [1.0, 1.0]);
    }

    #[test]
    fn the_highest_is_kept_beside_the_last() {
        let mut changes = vec![0.0; 40];
        changes[5] = 160.0;
        let seen = variation(&changes, 1.96).unwrap();
        assert_eq!(seen.rfc3550_max, 10.0);
        assert!(seen.rfc3550_last > 0.0 && seen.rfc3550_last < 2.0);
        assert_eq!((seen.mean.value, seen.distribution.max), (4.0, 160.0));
        assert_eq!(seen.mean.low, 0.0);
    }
}
