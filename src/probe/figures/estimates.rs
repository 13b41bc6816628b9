//! What may be held against limits, out of a summary: names, units, and the rounding of every figure of quality, which is
//! done here alone. Knows no limit.

use crate::model::measure::names;
use crate::model::shape::LOSS_ALLOWED;
use crate::model::{Estimate, Estimates};
use crate::stats::{Interval, Loss, Summary, share_interval};

/// Figures carry three decimals: microseconds, and a packet in 100,000.
const SCALE: f64 = 1e3;

/// To three decimals.
pub fn rounded(value: f64) -> f64 {
    // Adding 0 makes the negative zero a plain one.
    (value * SCALE).round() / SCALE + 0.0
}

/// An interval whose ends are rounded outwards, so that rounding decides nothing.
fn outward(interval: Interval) -> Estimate {
    // A millionth is the error of the arithmetic, not of the figure.
    let low = ((interval.low * SCALE) + 1e-6).floor() / SCALE + 0.0;
    let high = ((interval.high * SCALE) - 1e-6).ceil() / SCALE + 0.0;
    let value = rounded(interval.value);
    Estimate { value, low: low.min(value), high: high.max(value) }
}

/// What the summary alone does not tell of what was offered and of who lost packets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// Width of the intervals in standard errors.
    pub z: f64,
    /// The codec's payload that was to be sent, in kbit/s; `None` where no load is offered.
    pub codec_kbps: Option<f64>,
    /// Of what was to be sent, the share that this machine did not send in its time.
    pub unsent: f64,
    /// Replies were shorter than their requests: the way back carried less than the way there.
    pub shorter: bool,
    /// Lost by the far end's socket, and by this machine's: no loss of the way.
    pub overflow: (u32, u32),
    /// Nothing came back any more at the end, and nobody can tell whether the way or the far end died.
    pub died: bool,
}

/// The estimates that the judge reads.
pub fn estimates(summary: &Summary, around: &Circumstances) -> Estimates {
    let mut all = Estimates::default();
    let mut set = |name: &str, interval: Option<Interval>| {
        if let Some(interval) = interval.filter(|i| i.value.is_finite() && i.low.is_finite() && i.high.is_finite()) {
            all.0.insert(name.to_owned(), outward(interval));
        }
    };
    set(names::RTT_MS, summary.rtt_mean);
    set(names::JITTER_UP_MS, summary.jitter_up.map(|j| j.mean));
    set(names::JITTER_DOWN_MS, summary.jitter_down.map(|j| j.mean));
    set(names::RTT_VARIATION_MS, summary.rtt_variation.map(|v| v.mean));
    set(names::DELAY_RISE_UP_MS, summary.delay_rise_up_ms);
    set(names::DELAY_RISE_DOWN_MS, summary.delay_rise_down_ms);
    set(names::RTT_RISE_MS, summary.rtt_rise_ms);
    if around.died {
        return all;
    }
    let (there, here) = around.overflow;
    let (trip, up, down) = (
        of_the_way(summary.loss, there.saturating_add(here), around.z),
        of_the_way(summary.loss_up, there, around.z),
        of_the_way(summary.loss_down, here, around.z),
    );
    set(names::LOSS_PCT, trip);
    set(names::LOSS_UP_PCT, up);
    set(names::LOSS_DOWN_PCT, down);
    set(names::UP_KBPS, delivered(up, trip, around));
    let back = if around.shorter { None } else { delivered(down, trip, around).map(|d| of_what_came(d, up)) };
    set(names::DOWN_KBPS, back);
    all
}

/// Loss of the way: at least what no full buffer explains, at most all.
fn of_the_way(loss: Option<Loss>, overflow: u32, z: f64) -> Option<Interval> {
    let loss = loss?;
    if overflow == 0 {
        return Some(loss.share);
    }
    let least = share_interval(loss.lost.saturating_sub(overflow), loss.of, z)?;
    Some(Interval { high: loss.share.high, ..least })
}

/// A sender that left out no more of its packets than this still offered what is required, of which a load offers so much
/// more; one that left out more passes no rate, and fails none.
const UNSENT: f64 = LOSS_ALLOWED;

/// The codec's payload that arrived one way: what was to be sent less what was lost. Taken from the plan and not from
/// times, because packets that left late count against no one. Where loss is known of the round trip alone, anything
/// from all of it to none may have been lost on this way.
fn delivered(loss: Option<Interval>, round_trip: Option<Interval>, around: &Circumstances) -> Option<Interval> {
    let planned = around.codec_kbps?;
    let sent = if around.unsent > UNSENT { planned * (1.0 - around.unsent) } else { planned };
    let known = loss.or(round_trip)?;
    let left = |kbps: f64, pct: f64| kbps * (1.0 - pct / 100.0);
    let most = if loss.is_some() { left(planned, known.low) } else { planned };
    Some(Interval { value: left(sent, known.value), low: left(sent, known.high), high: most })
}

/// What is lost on the way there is not offered on the way back: so much less arrives, and what would have arrived had all
/// been offered stays open above.
fn of_what_came(back: Interval, lost_up: Option<Interval>) -> Interval {
    let came = |pct: f64| 1.0 - pct / 100.0;
    let lost = lost_up.unwrap_or(Interval { value: 0.0, low: 0.0, high: 0.0 });
    // As little as a document allows was offered beyond what is required.
    let low = if lost.high / 100.0 <= LOSS_ALLOWED { back.low } else { back.low * came(lost.high) };
    Interval { value: back.value * came(lost.value), low: low.min(back.value * came(lost.value)), high: back.high }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(value: f64, low: f64, high: f64) -> Option<Interval> {
        Some(Interval { value, low, high })
    }

    fn loss(lost: u32, of: u32) -> Option<Loss> {
        Some(Loss {
            lost,
            of,
            share: share_interval(lost, of, 1.96)?,
            longest_burst: None,
            worst_200ms: None,
            worst_15s: None,
        })
    }

    const AROUND: Circumstances =
        Circumstances { z: 1.96, codec_kbps: Some(40.8), unsent: 0.0, shorter: false, overflow: (0, 0), died: false };

    #[test]
    fn rounding_goes_outwards_and_decides_nothing() {
        let summary = Summary { rtt_mean: interval(299.999_9, 299.999_7, 300.000_2), ..Summary::default() };
        let rtt = estimates(&summary, &AROUND).get(names::RTT_MS).unwrap();
        assert_eq!((rtt.low, rtt.value, rtt.high), (299.999, 300.0, 300.001));
        let exact = Summary { rtt_mean: interval(0.1, 0.1, 0.1), ..Summary::default() };
        let rtt = estimates(&exact, &AROUND).get(names::RTT_MS).unwrap();
        assert_eq!((rtt.low, rtt.value, rtt.high), (0.1, 0.1, 0.1));
    }

    #[test]
    fn what_is_unknown_is_absent() {
        assert_eq!(estimates(&Summary::default(), &AROUND), Estimates::default());
        let nan = Summary { rtt_mean: interval(f64::NAN, 0.0, 1.0), ..Summary::default() };
        assert_eq!(estimates(&nan, &AROUND), Estimates::default());
    }

    #[test]
    fn what_a_full_buffer_may_have_lost_is_taken_off_the_low_end_alone() {
        let summary = Summary { loss_up: loss(30, 1000), loss_down: loss(30, 1000), ..Summary::default() };
        let around = Circumstances { overflow: (30, 0), ..AROUND };
        let all = estimates(&summary, &around);
        let (up, down) = (all.get(names::LOSS_UP_PCT).unwrap(), all.get(names::LOSS_DOWN_PCT).unwrap());
        assert_eq!((up.low, up.value, up.high), (0.0, 0.0, down.high));
        assert!(down.low > 1.5);
    }

    #[test]
    fn a_sender_that_sent_too_little_fails_no_rate_and_passes_none() {
        let clean = Summary { loss_up: loss(0, 500), ..Summary::default() };
        let up = |unsent| estimates(&clean, &Circumstances { unsent, ..AROUND }).get(names::UP_KBPS).unwrap();
        let (whole, moments, half) = (up(0.0), up(0.01), up(0.5));
        assert!(whole.low > 40.0 && whole.high == 40.8, "{whole:?}");
        assert_eq!(moments, whole);
        assert!(half.low < 20.5 && half.high == 40.8, "{half:?}");
    }

    #[test]
    fn a_loss_of_the_round_trip_alone_may_be_on_either_way() {
        let summary = Summary { loss: loss(50, 1000), ..Summary::default() };
        let all = estimates(&summary, &AROUND);
        let up = all.get(names::UP_KBPS).unwrap();
        assert!(up.low < 40.8 * 0.95 && up.high == 40.8, "{up:?}");
        assert_eq!(all.get(names::DOWN_KBPS), Some(up));
        let shorter = estimates(&summary, &Circumstances { shorter: true, ..AROUND });
        assert_eq!(shorter.get(names::DOWN_KBPS), None);
    }

    #[test]
    fn a_far_end_that_died_tells_neither_loss_nor_rate() {
        let summary = Summary { loss: loss(250, 500), rtt_mean: interval(20.0, 19.0, 21.0), ..Summary::default() };
        let all = estimates(&summary, &Circumstances { died: true, ..AROUND });
        assert_eq!(all.0.keys().collect::<Vec<_>>(), [names::RTT_MS]);
    }

    #[test]
    fn what_was_lost_on_the_way_there_did_not_arrive_back() {
        let summary = Summary { loss_up: loss(350, 1000), loss_down: loss(0, 650), ..Summary::default() };
        let down = estimates(&summary, &AROUND).get(names::DOWN_KBPS).unwrap();
        assert!((down.value - 40.8 * 0.65).abs() < 0.01 && down.low < 27.0 && down.high == 40.8, "{down:?}");
    }
}
