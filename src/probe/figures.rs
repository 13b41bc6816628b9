//! Flattens what is known of a train, of a series of round trips or of a flow to the named facts of a quality check. What
//! could have been told and is not known is an explicit null. For every probe that sends a train; knows none of them.

mod caveats;
pub mod estimates;
mod in_time;
mod more;

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::metric::{self, Metric};
use crate::model::{Estimates, Facts, Load, Media, Standing};
use crate::session::Meaning;
use crate::session::train::{Mark, Outcome};
use crate::stats::{self, Distribution, Loss, Summary, Train, Variation, Window, emodel};
use estimates::{Circumstances, estimates, rounded};

/// A load of audio: the shape of packets that stand for nothing else, and what is offered beside loads that tell no round
/// trip.
pub const AUDIO: Load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };

/// Round trips that were seen.
#[derive(Debug)]
pub struct Series {
    pub train: Train,
    /// What makes it less certain.
    pub caveats: Vec<String>,
}

/// One load, or the probe's own packets, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// `None`: no load was offered.
    pub load: Option<Load>,
    /// `None`: nothing was measured.
    pub standing: Option<Standing>,
    pub estimates: Estimates,
    /// Whether round trips were measured, which a quality check needs.
    pub train: bool,
    pub facts: Facts,
}

impl Tried {
    /// A load for which nothing was measured, and why: `responder_refused` or `failure`.
    pub fn nothing(load: Load, v6: bool, why: &Metric, words: &str) -> Self {
        let mut facts = Facts::new();
        facts.set(&metric::LOAD, load.offered(v6));
        facts.set(why, words);
        Self { load: Some(load), standing: None, estimates: Estimates::default(), train: false, facts }
    }

    /// An element of `observed.loads`.
    pub fn entry(&self) -> Value {
        let mut entry = serde_json::to_value(&self.facts).unwrap_or(Value::Null);
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("standing".to_owned(), self.standing.map_or(Value::Null, |s| json!(word(s))));
        }
        entry
    }
}

/// A standing as it stands in `observed.loads`.
fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "holds",
        Standing::Fails => "fails",
        Standing::Undecided => "undecided",
    }
}

/// What a train's circumstances are, for its estimates.
pub fn around(outcome: &Outcome, load: Option<&Load>) -> Circumstances {
    let kept = outcome.gaps.skipped.saturating_add(outcome.not_sent.map_or(0, |(_, count)| count));
    let sent = outcome.record.sent.len() as f64;
    Circumstances {
        z: outcome.z,
        codec_kbps: load.map(|load| load.figures_up().codec_kbps),
        unsent: if kept == 0 { 0.0 } else { f64::from(kept) / (f64::from(kept) + sent) },
        shorter: outcome.shorter > 0,
        overflow: (caveats::far_overflow(outcome), outcome.own_overflow),
        died: died(outcome).is_some(),
    }
}

/// How long before the end the last answered packet must have left for the far end to count as gone.
const GONE: i64 = 1_500_000_000;
/// The same where the target itself says that nobody has the port any more.
const REFUSED: i64 = 100_000_000;

/// When the last answered packet left, in nanoseconds since the start, if the far end fell silent for good after it.
fn died(outcome: &Outcome) -> Option<i64> {
    let sent = &outcome.record.sent;
    let last = match outcome.record.replies.iter().map(|reply| reply.request).max() {
        Some(answered) => sent.get(usize::try_from(answered).ok()?)?.at,
        // It had answered before this train.
        None => 0,
    };
    let least = if refused(outcome) { REFUSED } else { GONE };
    (sent.last()?.at.saturating_sub(last) >= least).then_some(last)
}

/// Whether the target's own ICMP error was the last word.
fn refused(outcome: &Outcome) -> bool {
    outcome.icmp.is_some_and(|(error, _)| error.meaning() == Meaning::Refused)
}

/// Of a train under `load`, or of one that offers none.
pub fn of_train(
    outcome: &Outcome,
    load: Option<Load>,
    v6: bool,
    stands: impl Fn(&Estimates) -> Standing,
) -> (Tried, Summary) {
    let summary = stats::summarise(&outcome.record, outcome.z);
    let estimates = estimates(&summary, &around(outcome, load.as_ref()));
    let standing = stands(&estimates);
    let mut facts = Facts::new();
    if let Some(load) = load {
        facts.set(&metric::LOAD, load.offered(v6));
    }
    facts.set(&metric::DURATION_S, rounded(outcome.sent_for.as_secs_f64()));
    let shown = told_apart(outcome, &summary);
    counts(&mut facts, &shown);
    delays(&mut facts, &summary);
    in_time::of_train(&mut facts, &outcome.record);
    marking(&mut facts, outcome);
    let overflow = (caveats::far_overflow(outcome), outcome.own_overflow);
    if overflow != (0, 0) {
        facts.set(&metric::RECEIVER_OVERFLOW, json!({ "far": overflow.0, "here": overflow.1 }));
    }
    let mut words = caveats::of_train(outcome, &shown);
    if let Some(last) = died(outcome) {
        let after = std::time::Duration::from_nanos(u64::try_from(last).unwrap_or(0));
        words.push(caveats::died(after, outcome.sent_for, refused(outcome)));
    }
    facts.set(&metric::CAVEATS, words);
    facts.set(&metric::ESTIMATES, &estimates);
    if standing == Standing::Undecided {
        known(&mut facts, &metric::PACKETS_TO_DECIDE, more::packets(summary.sent, &estimates, stands));
    }
    (Tried { load, standing: Some(standing), estimates, train: true, facts }, summary)
}

/// What a far end that tells nothing by direction leaves: that nothing was lost either way may follow from a round trip
/// without loss, but nobody said so.
fn told_apart(outcome: &Outcome, summary: &Summary) -> Summary {
    let told = outcome.record.far.is_some() || outcome.record.stateful;
    let summary = summary.clone();
    if told { summary } else { Summary { loss_up: None, loss_down: None, ..summary } }
}

/// Of round trips over TCP: neither loss nor direction.
pub fn of_series(series: &Series, stands: impl Fn(&Estimates) -> Standing) -> Tried {
    let all = stats::summarise(&series.train, stats::ONE_LOOK);
    let summary = Summary {
        sent: all.sent,
        received: all.received,
        rtt: all.rtt,
        rtt_mean: all.rtt_mean,
        rtt_variation: all.rtt_variation,
        late: all.late,
        ..Summary::default()
    };
    let estimates = estimates(&summary, &Circumstances { z: stats::ONE_LOOK, ..Circumstances::default() });
    let standing = stands(&estimates);
    let mut facts = Facts::new();
    let last = series.train.sent.last().map_or(0, |sent| sent.at);
    facts.set(&metric::DURATION_S, rounded(last as f64 / 1e9));
    counts(&mut facts, &summary);
    delays(&mut facts, &summary);
    in_time::of_series(&mut facts, &series.train);
    facts.set(&metric::CAVEATS, &series.caveats);
    facts.set(&metric::ESTIMATES, &estimates);
    Tried { load: None, standing: Some(standing), estimates, train: true, facts }
}

fn counts(facts: &mut Facts, summary: &Summary) {
    facts.set(&metric::SENT, summary.sent);
    facts.set(&metric::RECEIVED, summary.received);
    let share = |loss: &Option<Loss>| loss.map(|loss| rounded(loss.share.value));
    facts.set(&metric::LOSS_PCT, share(&summary.loss));
    facts.set(&metric::LOSS_UP_PCT, share(&summary.loss_up));
    facts.set(&metric::LOSS_DOWN_PCT, share(&summary.loss_down));
    let ways = [("round_trip", &summary.loss), ("up", &summary.loss_up), ("down", &summary.loss_down)];
    by_way(facts, &metric::LOSS_DETAIL, ways, |loss| {
        json!({
            "lost": loss.lost, "of": loss.of, "longest_burst": loss.longest_burst,
            "worst_200ms": loss.worst_200ms.map(window), "worst_15s": loss.worst_15s.map(window),
        })
    });
    let both = |up: Option<u32>, down: Option<u32>| Some(up?.saturating_add(down?));
    facts.set(&metric::REORDERED, both(summary.reordered_up, summary.reordered_down));
    facts.set(&metric::DUPLICATED, both(summary.duplicated_up, summary.duplicated_down));
    known(facts, &metric::REORDERED_UP, summary.reordered_up);
    known(facts, &metric::REORDERED_DOWN, summary.reordered_down);
    known(facts, &metric::DUPLICATED_UP, summary.duplicated_up);
    known(facts, &metric::DUPLICATED_DOWN, summary.duplicated_down);
}

fn delays(facts: &mut Facts, summary: &Summary) {
    facts.set(&metric::RTT_MS, summary.rtt.map(distribution));
    let worse = [summary.jitter_up, summary.jitter_down].into_iter().flatten().map(|j| j.mean.value).reduce(f64::max);
    facts.set(&metric::JITTER_MS, worse.map(rounded));
    let ways = [("up", &summary.jitter_up), ("down", &summary.jitter_down), ("round_trip", &summary.rtt_variation)];
    by_way(facts, &metric::JITTER_DETAIL, ways, variation);
    known(facts, &metric::RTT_VARIATION_MS, summary.rtt_variation.map(|v| rounded(v.mean.value)));
    known(facts, &metric::DELAY_RISE_UP_MS, summary.delay_rise_up_ms.map(|rise| rounded(rise.value)));
    known(facts, &metric::DELAY_RISE_DOWN_MS, summary.delay_rise_down_ms.map(|rise| rounded(rise.value)));
    let late = summary
        .late
        .map(|late| json!({ "p50": rounded(late.p50_ms), "p99": rounded(late.p99_ms), "max": rounded(late.max_ms) }));
    known(facts, &metric::SEND_LATE_MS, late);
    opinion(facts, summary);
}

/// What a listener would say: of the worse direction where both are known, of the round trip where they are not.
fn opinion(facts: &mut Facts, summary: &Summary) {
    let worse = |up: Option<f64>, down: Option<f64>| Some(up?.max(down?));
    let share = |loss: &Option<Loss>| loss.map(|loss| loss.share.value);
    let mean = |variation: &Option<Variation>| variation.map(|v| v.mean.value);
    let jitter = worse(mean(&summary.jitter_up), mean(&summary.jitter_down)).or(mean(&summary.rtt_variation));
    let loss = worse(share(&summary.loss_up), share(&summary.loss_down)).or(share(&summary.loss));
    let opinion = emodel::opinion(summary.rtt.map(|rtt| rtt.mean), jitter, loss);
    facts.set(&metric::MOS, opinion.map(|o| rounded(o.mos)));
    let detail = opinion.map(|o| {
        json!({
            "r": rounded(o.r), "delay_ms": rounded(o.delay_ms), "buffer_ms": rounded(o.buffer_ms),
            "packetisation_ms": o.packetisation_ms, "loss_pct": rounded(o.loss_pct), "ie": o.ie, "bpl": o.bpl,
            "basis": o.basis,
        })
    });
    known(facts, &metric::MOS_DETAIL, detail);
}

fn marking(facts: &mut Facts, outcome: &Outcome) {
    let value = |mark: Option<Mark>| mark.map(|mark| mark.last);
    known(facts, &metric::DSCP_RECEIVED_UP, value(outcome.marking.there));
    known(facts, &metric::DSCP_RECEIVED_DOWN, value(outcome.marking.back));
}

/// Records what is known, and nothing where it is not.
fn known(facts: &mut Facts, metric: &Metric, value: Option<impl Serialize>) {
    if let Some(value) = value {
        facts.set(metric, value);
    }
}

/// An object of the ways that are known.
fn by_way<T>(facts: &mut Facts, metric: &Metric, ways: [(&str, &Option<T>); 3], draw: impl Fn(&T) -> Value) {
    let drawn = ways.into_iter().filter_map(|(name, value)| Some((name.to_owned(), draw(value.as_ref()?))));
    let object: serde_json::Map<_, _> = drawn.collect();
    if !object.is_empty() {
        facts.set(metric, object);
    }
}

fn window(window: Window) -> Value {
    json!({ "at_ms": rounded(window.at_ms), "lost": window.lost, "of": window.of })
}

/// Percentiles and mean as a report has them.
pub fn distribution(d: Distribution) -> Value {
    json!({
        "min": rounded(d.min), "mean": rounded(d.mean), "p50": rounded(d.p50), "p95": rounded(d.p95),
        "p99": rounded(d.p99), "max": rounded(d.max),
    })
}

fn variation(v: &Variation) -> Value {
    json!({
        "mean": rounded(v.mean.value), "rfc3550_last": rounded(v.rfc3550_last), "rfc3550_max": rounded(v.rfc3550_max),
        "min": rounded(v.distribution.min), "p50": rounded(v.distribution.p50), "p95": rounded(v.distribution.p95),
        "p99": rounded(v.distribution.p99), "max": rounded(v.distribution.max),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::IcmpError;
    use crate::session::train::{Ending, Gaps, Marking, Misbehaviour};

    /// Two hundred packets, 20 ms apart, of which the first `answered` came back.
    fn outcome(answered: u32, icmp_from: Option<&str>) -> Outcome {
        let to: std::net::SocketAddr = "192.0.2.1:19500".parse().unwrap();
        let error = |from: &str| IcmpError { kind: 3, code: 3, from: from.parse().ok(), to };
        let sent = (0..200).map(|n| stats::Sent { at: n * 20_000_000, late: 0, len: 114 }).collect();
        let back = |n: u32| i64::from(n) * 20_000_000 + 1_000_000;
        let replies = (0..answered).map(|n| stats::Reply { request: n, number: n, back: back(n), far: None }).collect();
        Outcome {
            ending: Ending::Full,
            record: Train { sent, replies, far: None, stateful: true },
            z: stats::ONE_LOOK,
            looks: 1,
            offered: Default::default(),
            responder: true,
            icmp: icmp_from.map(|from| (error(from), 9)),
            not_sent: None,
            misbehaviour: Misbehaviour::default(),
            marking: Marking::default(),
            gaps: Gaps::default(),
            own_overflow: 0,
            shorter: 0,
            stun_errors: None,
            took: Duration::from_secs(4),
            sent_for: Duration::from_secs(4),
        }
    }

    #[test]
    fn a_far_end_that_ended_is_told_from_loss_by_the_targets_own_refusal() {
        let judged = |outcome: &Outcome| {
            let (tried, _) = of_train(outcome, None, false, |_| Standing::Holds);
            let words: Vec<String> = tried.facts.get(&metric::CAVEATS).unwrap();
            (tried.estimates.get(crate::model::measure::names::LOSS_PCT).is_some(), words.join("; "))
        };
        let (loss, words) = judged(&outcome(150, Some("192.0.2.1")));
        assert!(
            !loss && words.contains("nothing came back after 3.0 s of 4.0 s: the target refuses the port"),
            "{words}"
        );
        let (loss, words) = judged(&outcome(150, Some("192.0.2.254")));
        assert!(
            loss && !words.contains("nothing came back"),
            "a router's refusal says nothing of the far end: {words}"
        );
        let (loss, _) = judged(&outcome(200, Some("192.0.2.1")));
        assert!(loss, "one refusal among answers");
        let (loss, words) = judged(&outcome(100, None));
        assert!(!loss && words.contains("whether the way or the far end died is not known"), "{words}");
    }
}
