//! What a listener would say of a call over such a path: the E-model of ITU-T G.107, simplified. Knows no limit.

/// What the figure rests on, for the report.
pub const BASIS: &str = "G.107 simplified; Opus Ie 0, Bpl 25 assumed, not ITU-published";

/// Opus's impairment without loss, and how well it bears loss: assumptions, for the ITU has published neither.
const OPUS_IE: f64 = 0.0;
const OPUS_BPL: f64 = 25.0;
/// Losses are taken as independent of one another.
const BURST_RATIO: f64 = 1.0;
/// R of a call with no delay and no loss, at G.107's default values.
const BEST_R: f64 = 93.2;
/// A packet of Opus holds so much speech, which waits until it is whole.
const PACKETISATION_MS: f64 = 20.0;
/// The least that a jitter buffer holds: one packet. Above that it is taken to hold twice the mean variation.
const LEAST_BUFFER_MS: f64 = 20.0;
const BUFFER_PER_JITTER: f64 = 2.0;

/// An estimate and the parameters that it was made with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion {
    /// 0 to 93.2.
    pub r: f64,
    /// 1 to 4.41.
    pub mos: f64,
    /// One way, from mouth to ear: half the round trip, the jitter buffer and the packetisation.
    pub delay_ms: f64,
    pub buffer_ms: f64,
    pub packetisation_ms: f64,
    pub loss_pct: f64,
    pub ie: f64,
    pub bpl: f64,
    pub basis: &'static str,
}

/// From the round trip, the mean variation of delay in ms and the loss in percent, of the worse direction where both
/// are known. `None` where one of them is unknown or no such figure.
pub fn opinion(rtt_ms: Option<f64>, jitter_ms: Option<f64>, loss_pct: Option<f64>) -> Option<Opinion> {
    let known = |value: Option<f64>| value.filter(|value| value.is_finite() && *value >= 0.0);
    let loss_pct = known(loss_pct).filter(|loss| *loss <= 100.0)?;
    let buffer_ms = (BUFFER_PER_JITTER * known(jitter_ms)?).max(LEAST_BUFFER_MS);
    let delay_ms = known(rtt_ms)? / 2.0 + buffer_ms + PACKETISATION_MS;
    let r = r_factor(delay_ms, loss_pct);
    Some(Opinion {
        r,
        mos: mos(r),
        delay_ms,
        buffer_ms,
        packetisation_ms: PACKETISATION_MS,
        loss_pct,
        ie: OPUS_IE,
        bpl: OPUS_BPL,
        basis: BASIS,
    })
}

/// R of Opus at a delay from mouth to ear and a loss in percent; not below 0.
pub fn r_factor(delay_ms: f64, loss_pct: f64) -> f64 {
    let delay = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    let equipment = OPUS_IE + (95.0 - OPUS_IE) * loss_pct / (loss_pct / BURST_RATIO + OPUS_BPL);
    (BEST_R - delay - equipment).max(0.0)
}

/// G.107's curve from R to the mean opinion score, 1 to 4.5. Just above R 0 the curve dips below 1; the score does not.
pub fn mos(r: f64) -> f64 {
    let r = r.clamp(0.0, 100.0);
    (1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)).max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounded(value: f64, places: i32) -> f64 {
        (value * 10f64.powi(places)).round() / 10f64.powi(places)
    }

    /// The project's facts: delay, loss, R and MOS.
    #[test]
    fn known_figures() {
        for (delay, loss, r, score) in [(220.0, 1.5, 77.8, 3.94), (270.0, 1.5, 71.1, 3.65), (20.0, 0.0, 92.7, 4.40)] {
            assert_eq!((rounded(r_factor(delay, loss), 1), rounded(mos(r_factor(delay, loss)), 2)), (r, score));
        }
    }

    #[test]
    fn delay_is_made_of_what_was_measured() {
        let at_the_limits = opinion(Some(300.0), Some(50.0), Some(1.5)).unwrap();
        assert_eq!((at_the_limits.delay_ms, at_the_limits.buffer_ms), (270.0, 100.0));
        assert_eq!(rounded(at_the_limits.mos, 2), 3.65);
        let clean = opinion(Some(0.0), Some(0.0), Some(0.0)).unwrap();
        assert_eq!((clean.delay_ms, clean.buffer_ms), (40.0, 20.0));
    }

    #[test]
    fn what_is_not_known_has_no_opinion() {
        assert_eq!(opinion(None, Some(1.0), Some(0.0)), None);
        assert_eq!(opinion(Some(1.0), None, Some(0.0)), None);
        assert_eq!(opinion(Some(1.0), Some(1.0), None), None);
        assert_eq!(opinion(Some(f64::NAN), Some(1.0), Some(0.0)), None);
        assert_eq!(opinion(Some(1.0), Some(1.0), Some(100.1)), None);
    }

    #[test]
    fn the_curve_has_ends() {
        assert_eq!((mos(-5.0), mos(0.0), mos(100.0), mos(120.0)), (1.0, 1.0, 4.5, 4.5));
    }

    proptest! {
        #[test]
        fn worse_paths_are_never_better(rtt in 0.0f64..5e3, jitter in 0.0f64..5e2, loss in 0.0f64..99.0, more in 0.0f64..50.0) {
            let at = |rtt, jitter, loss: f64| opinion(Some(rtt), Some(jitter), Some(loss.min(100.0))).unwrap();
            let here = at(rtt, jitter, loss);
            prop_assert!((1.0..=4.5).contains(&here.mos) && (0.0..=BEST_R).contains(&here.r));
            for worse in [at(rtt + more, jitter, loss), at(rtt, jitter + more, loss), at(rtt, jitter, loss + more)] {
                prop_assert!(worse.mos <= here.mos + 1e-9);
            }
        }
    }
}
