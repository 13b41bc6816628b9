//! How much a line carries: sessions side by side, and latency under load. Knows no limit.

use super::distribution::{mean, median, sorted};

/// Of a line so much is planned with; the rest is kept free.
pub const USABLE_SHARE: f64 = 0.8;
/// Of round trips the longest so many are left out of a mean (draft-ietf-ippm-responsiveness, TMP 95 %).
const KEPT_SHARE: f64 = 0.95;
const MS_PER_MINUTE: f64 = 60_000.0;

/// Sessions that fit side by side: floor(0.8 x the lesser of up / per session up and down / per session down). A
/// direction that a session does not use sets no bound; 0 where neither does, or the figures are none.
pub fn sessions(up_kbps: f64, down_kbps: f64, per_up_kbps: f64, per_down_kbps: f64) -> u32 {
    let fit = |line: f64, each: f64| (each > 0.0).then(|| line.max(0.0) / each);
    let ways = [fit(up_kbps, per_up_kbps), fit(down_kbps, per_down_kbps)];
    let least = ways.into_iter().flatten().reduce(f64::min).filter(|least| least.is_finite()).unwrap_or(0.0);
    // What fits exactly fits, whatever the last bit of the product.
    (USABLE_SHARE * least + 1e-9).floor() as u32
}

/// Round trips of probes under load, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadedTrips<'a> {
    /// Of fresh connections: TCP's handshake, TLS's by each of its round trips (empty where there is no TLS), and the
    /// request's.
    pub tcp_ms: &'a [f64],
    pub tls_ms: &'a [f64],
    pub http_ms: &'a [f64],
    /// Of requests on the connections that carry the load.
    pub on_load_ms: &'a [f64],
}

/// Round trips per minute under load: about 300 is the least for a call, 1,000 good, 6,000 excellent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Responsiveness {
    pub rpm: f64,
    pub foreign: f64,
    pub loaded: f64,
}

/// After draft-ietf-ippm-responsiveness: of fresh connections 60,000 by the mean of the trimmed means of their steps,
/// of loaded ones 60,000 by theirs; RPM is the mean of both. `None` where one of them was not measured.
pub fn responsiveness(trips: &LoadedTrips) -> Option<Responsiveness> {
    let (tcp, http) = (trimmed_mean(trips.tcp_ms)?, trimmed_mean(trips.http_ms)?);
    let step = match trimmed_mean(trips.tls_ms) {
        Some(tls) => (tcp + tls + http) / 3.0,
        None => (tcp + http) / 2.0,
    };
    let per_minute = |ms: f64| (ms > 0.0).then(|| MS_PER_MINUTE / ms);
    let (foreign, loaded) = (per_minute(step)?, per_minute(trimmed_mean(trips.on_load_ms)?)?);
    Some(Responsiveness { rpm: (foreign + loaded) / 2.0, foreign, loaded })
}

/// The mean without the highest twentieth. `None` where there is no value.
pub fn trimmed_mean(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let kept = (KEPT_SHARE * sorted.len() as f64).ceil() as usize;
    mean(sorted.get(..kept)?)
}

/// How much longer a round trip takes under load: the median loaded less the median idle, in milliseconds.
pub fn latency_under_load_ms(idle_ms: &[f64], loaded_ms: &[f64]) -> Option<f64> {
    Some(median(loaded_ms)? - median(idle_ms)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_line_is_kept_free() {
        assert_eq!(sessions(1_000.0, 1_000.0, 80.0, 80.0), 10);
        assert_eq!(sessions(1_000.0, 400.0, 80.0, 80.0), 4);
        assert_eq!(sessions(99.9, 1_000.0, 80.0, 80.0), 0);
        assert_eq!(sessions(100.0, 100.0, 80.0, 80.0), 1);
        assert_eq!(sessions(300.0, 2_000.0, 0.0, 400.0), 4);
    }

    #[test]
    fn figures_that_are_none_carry_no_session() {
        for (up, down, per) in [(0.0, 0.0, 40.0), (f64::NAN, f64::NAN, 40.0), (-1.0, 5.0, 40.0), (9.0, 9.0, 0.0)] {
            assert_eq!(sessions(up, down, per, per), 0);
        }
        assert_eq!(sessions(f64::INFINITY, f64::INFINITY, 40.0, 40.0), 0);
        assert_eq!(sessions(f64::MAX, f64::MAX, 1.0, 1.0), u32::MAX);
    }

    #[test]
    fn the_highest_twentieth_is_trimmed() {
        assert_eq!(trimmed_mean(&[]), None);
        assert_eq!(trimmed_mean(&[5.0]), Some(5.0));
        assert_eq!(trimmed_mean(&[5.0, 7.0]), Some(6.0));
        let mut values = vec![10.0; 19];
        values.insert(0, 1e6);
        assert_eq!(trimmed_mean(&values), Some(10.0));
    }

    #[test]
    fn responsiveness_is_the_mean_of_fresh_and_loaded() {
        let trips = LoadedTrips { tcp_ms: &[20.0], tls_ms: &[30.0], http_ms: &[40.0], on_load_ms: &[60.0] };
        assert_eq!(responsiveness(&trips), Some(Responsiveness { rpm: 1_500.0, foreign: 2_000.0, loaded: 1_000.0 }));
        let plain = responsiveness(&LoadedTrips { tls_ms: &[], ..trips }).unwrap();
        assert_eq!(plain.foreign, 2_000.0);
    }

    #[test]
    fn what_was_not_measured_has_no_responsiveness() {
        let trips = LoadedTrips { tcp_ms: &[20.0], tls_ms: &[30.0], http_ms: &[40.0], on_load_ms: &[60.0] };
        assert_eq!(responsiveness(&LoadedTrips::default()), None);
        assert_eq!(responsiveness(&LoadedTrips { on_load_ms: &[], ..trips }), None);
        assert_eq!(responsiveness(&LoadedTrips { http_ms: &[], ..trips }), None);
        assert_eq!(responsiveness(&LoadedTrips { on_load_ms: &[0.0], ..trips }), None);
    }

    #[test]
    fn latency_under_load_is_the_rise_of_the_median() {
        assert_eq!(latency_under_load_ms(&[], &[1.0]), None);
        assert_eq!(latency_under_load_ms(&[10.0], &[]), None);
        assert_eq!(latency_under_load_ms(&[10.0], &[110.0, 130.0]), Some(110.0));
    }
}
