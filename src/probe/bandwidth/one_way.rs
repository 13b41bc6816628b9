//! What was recorded of a flow, as figures by direction with their intervals.

use std::time::Duration;

use super::{Carrier, Ended, Flowed, Offer, OneWay};
use crate::model::shape::Figures;
use crate::session::flow::client::{Count, Part, Pings};
use crate::session::flow::record;
use crate::stats::{Interval, median, percentile, share_interval};

/// Less than this share of what was to be sent is another load than the one that was to be measured. What is offered
/// beyond what is required covers the rest.
const SENT_SHARE: f64 = 0.99;

/// The record of one direction, and the delay of its pings before the load.
struct Direction<'a> {
    count: Count,
    /// The count is that of the whole load.
    known: bool,
    record: &'a record::Record,
    figures: Figures,
    /// Packets a second that were to be sent.
    planned: f64,
    idle: Vec<f64>,
}

/// The figures of a part that offered a load.
pub(super) fn flowed(part: &Part, offer: &Offer, v6: bool, ended: &Ended) -> Flowed {
    let ms = |ns: i64| ns as f64 / 1e6;
    let up = Direction {
        count: part.went_up,
        known: part.known,
        record: &part.up,
        figures: offer.load.figures_up(),
        planned: part.planned[0],
        idle: part.idle.echoes.iter().map(|e| ms(e.up)).collect(),
    };
    let down = Direction {
        count: part.went_down,
        known: part.known,
        record: &part.down,
        figures: offer.load.figures_down(),
        planned: part.planned[1],
        idle: part.idle.echoes.iter().map(|e| ms(e.down)).collect(),
    };
    let mut caveats = ended.caveats();
    let seconds = part.load_for as f64 / 1e9;
    let mut way = |on: bool, name: &str, direction: &Direction<'_>| {
        let on = on && direction.figures.codec_kbps > 0.0;
        on.then(|| one_way(name, direction, offer, v6, seconds, &mut caveats))
    };
    Flowed {
        carrier: Carrier::Udp,
        up: way(offer.directions.up() && offer.load.up_kbps > 0.0, "up", &up),
        down: way(offer.directions.down() && offer.load.down_kbps > 0.0, "down", &down),
        idle_rtt_ms: median_rtt(&part.idle),
        loaded_rtt_ms: median_rtt(&part.loaded),
        bytes: ended.sums.bytes,
        seconds: ended.took.as_secs_f64(),
        caveats,
    }
}

/// Median round trip in milliseconds.
pub(super) fn median_rtt(pings: &Pings) -> Option<f64> {
    pings.median_rtt().map(|ns| ns as f64 / 1e6)
}

fn one_way(
    name: &str,
    direction: &Direction<'_>,
    offer: &Offer,
    v6: bool,
    seconds: f64,
    caveats: &mut Vec<String>,
) -> OneWay {
    let Count { sent, received, overflow, .. } = direction.count;
    let figures = &direction.figures;
    let loss = of_the_way(direction.count, offer.z).filter(|_| direction.known);
    if !direction.known {
        caveats.push(format!(
            "the responder did not tell what became of the flow {name} to its end, so its loss is unknown"
        ));
    }
    if overflow > 0 {
        caveats
            .push(format!("the receiver's socket lost up to {overflow} packets of the flow {name} for want of room"));
    }
    let whole = Duration::from_secs_f64(seconds) + Duration::from_millis(50) >= offer.length;
    if !whole {
        caveats.push(format!("the flow {name} lasted {seconds:.1} s of {:.1} s", offer.length.as_secs_f64()));
    }
    let planned = direction.planned * seconds;
    let offered = (f64::from(sent) / planned.max(1.0)).min(1.0);
    // A packet of a handful is no share.
    let enough = whole && sent > 0 && f64::from(sent + 1) >= planned * SENT_SHARE;
    if !enough && sent > 0 {
        caveats.push(format!(
            "of about {planned:.0} packets {name} only {sent} were sent: the load was not offered whole"
        ));
    }
    let carried = |loss: Interval| Interval {
        value: offered * figures.codec_kbps * (1.0 - loss.value / 100.0),
        low: offered * figures.codec_kbps * (1.0 - loss.high / 100.0),
        high: offered * figures.codec_kbps * (1.0 - loss.low / 100.0),
    };
    OneWay {
        offered_kbps: figures.codec_kbps,
        offered_ip_kbps: figures.ip_kbps(v6),
        sent,
        received,
        overflow,
        carried_kbps: loss.filter(|_| enough).map(carried),
        loss_pct: loss,
        delay_rise_ms: rise(direction, offer.z),
    }
}

/// Loss of the way: at least what no full socket explains, at most all. The kernel counts what a socket lost, whoever it
/// was from.
fn of_the_way(count: Count, z: f64) -> Option<Interval> {
    let Count { sent, received, overflow, .. } = count;
    let lost = sent.saturating_sub(received);
    let least = share_interval(lost.saturating_sub(overflow), sent, z)?;
    Some(Interval { high: share_interval(lost, sent, z)?.high, ..least })
}

/// Delay in the second half of the load against the idle way, in milliseconds.
///
/// A ping is shorter than a packet of media, which on a slow line takes longer by itself, and the packets of a picture
/// wait for each other; so the idle delay is taken to be longer by what the fastest packet took longer than the fastest
/// ping, and no less than the best stretch of the load's first second.
fn rise(direction: &Direction<'_>, z: f64) -> Option<Interval> {
    let list = &direction.record.intervals;
    let ms = |ns: i64| ns as f64 / 1e6;
    let delays: Vec<(u64, f64)> = list.iter().filter_map(|i| Some((i.at, ms(i.delay?)))).collect();
    let fastest = list.iter().filter_map(|i| i.least).min().map(ms)?;
    let mut pings = direction.idle.clone();
    pings.sort_by(f64::total_cmp);
    let idle = median(&pings)?;
    let fastest_ping = *pings.first()?;
    let (first, _) = *delays.first()?;
    let early = delays.iter().take_while(|(at, _)| at.saturating_sub(first) <= 1_000_000_000).map(|(_, d)| *d);
    let base = (idle + (fastest - fastest_ping).max(0.0)).max(early.reduce(f64::min)?);
    let late: Vec<f64> = delays.get(delays.len() / 2..)?.iter().map(|(_, d)| *d).collect();
    if late.len() < 2 {
        return None;
    }
    let n = late.len() as f64;
    let mean = late.iter().sum::<f64>() / n;
    let variance = late.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Neighbours are alike: as if there were half as many.
    let spread = percentile(&pings, 75.0)? - percentile(&pings, 25.0)?;
    let idle_variance = (spread / 1.35).powi(2) / pings.len() as f64;
    let half = z * (variance / (n / 2.0) + idle_variance).sqrt();
    let value = mean - base;
    Some(Interval { value, low: value - half, high: value + half })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Load, Media};
    use crate::probe::bandwidth::Directions;

    fn measured(count: Count, known: bool) -> (OneWay, Vec<String>) {
        let load = Load { media: Media::Audio, up_kbps: 80.0, down_kbps: 80.0, sessions: 1, down_streams: 1 };
        let offer = Offer { load, directions: Directions::Both, length: Duration::from_secs(20), dscp: 0, z: 1.96 };
        let record = record::Record::default();
        let figures = load.figures_up();
        let direction = Direction { count, known, record: &record, figures, planned: 50.0, idle: vec![] };
        let mut caveats = Vec::new();
        (one_way("up", &direction, &offer, false, 20.0, &mut caveats), caveats)
    }

    #[test]
    fn what_a_socket_lost_may_have_been_anybodys() {
        let count = Count { sent: 1000, received: 900, overflow: 5000, ..Count::default() };
        let (way, caveats) = measured(count, true);
        let (loss, carried) = (way.loss_pct.unwrap(), way.carried_kbps.unwrap());
        assert!(loss.value == 0.0 && loss.low == 0.0 && loss.high > 10.0, "{loss:?}");
        assert!(carried.low < 0.9 * way.offered_kbps && carried.high == way.offered_kbps, "{carried:?}");
        assert!(caveats.iter().any(|c| c.contains("lost up to 5000 packets")), "{caveats:?}");
        let (way, _) = measured(Count { overflow: 0, ..count }, true);
        assert!((way.loss_pct.unwrap().value - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_count_that_ends_before_the_load_is_no_loss() {
        let (way, caveats) = measured(Count { sent: 1000, received: 500, ..Count::default() }, false);
        assert_eq!((way.loss_pct, way.carried_kbps), (None, None));
        assert!(caveats.iter().any(|c| c.contains("its loss is unknown")), "{caveats:?}");
    }
}
