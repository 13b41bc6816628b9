//! A load over TCP, where UDP is blocked: a responder's WebSocket sends back what it gets, so that as much goes down as
//! up. Loss cannot be seen, and the two directions cannot be told apart.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Carrier, Flowed, Offer, OneWay, failure};
use crate::model::shape::Figures;
use crate::model::{Failure, FailureKind};
use crate::net::ws::echo::{Load, Sent, TICK};
use crate::net::ws::{NoPong, WebSocket};
use crate::stats::{Interval, median, percentile};

/// Pings before the load, and how long each is waited for.
const PINGS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// The connection may be so far behind by one loss that it repeats: TCP's shortest timeout (as Linux has it).
const REPEAT: Duration = Duration::from_millis(200);

/// Less than this share of what was offered is less: an offer is that much above what is required.
const WHOLE: f64 = 0.985;

/// A load of which less than this share comes back is not carried: a tenth below what is required.
const FAR_BELOW: f64 = 0.9 * WHOLE;

/// Fewer messages back show no course.
const COURSE: usize = 20;

/// Carries out `offer` over a WebSocket of a responder, which sends back what it gets: the higher of the two rates both
/// ways.
///
/// # Errors
/// What ended the WebSocket before anything was measured.
pub async fn flow_over_tcp(
    mut socket: WebSocket,
    offer: &Offer,
    cancel: &CancellationToken,
) -> Result<Flowed, Failure> {
    let mut idle = Vec::new();
    for _ in 0..PINGS {
        match socket.ping(PATIENCE).await {
            Ok(rtt) => idle.push(rtt.as_secs_f64() * 1e3),
            Err(NoPong::Silent) => {}
            Err(NoPong::Ended(end)) => return Err(failure(end.kind(), &format!("the WebSocket {}", end.words()))),
        }
    }
    let (up, down) = (offer.load.figures_up(), offer.load.figures_down());
    let kbps = up.udp_kbps.max(down.udp_kbps);
    let bytes = (kbps * 125.0 * TICK.as_secs_f64()).ceil() as usize;
    let load = socket.load(bytes, offer.length, cancel).await;
    if load.messages.iter().all(|m| m.back.is_none()) {
        let words = match &load.ended {
            Some(end) => format!("the WebSocket {} before anything of the load came back", end.words()),
            None => "nothing of the load came back over the WebSocket".to_owned(),
        };
        return Err(failure(load.ended.as_ref().map_or(FailureKind::TimedOut, |e| e.kind()), &words));
    }
    Ok(flowed(offer, &load, idle, (up, down)))
}

fn flowed(offer: &Offer, load: &Load, mut idle: Vec<f64>, (up, down): (Figures, Figures)) -> Flowed {
    let mut caveats = vec![
        "measured over TCP, which turns loss into delay; what a WebSocket sends back goes both ways, so that the directions cannot be told apart".to_owned(),
    ];
    if let Some(end) = &load.ended {
        caveats.push(format!("the WebSocket {} after {:.1} s of the load", end.words(), load.took.as_secs_f64()));
    }
    let carried = Carried::of(load);
    match carried {
        Some(Carried::Short { .. }) => caveats.push(
            "not all of the load came back in time, and a WebSocket does not tell which direction held it up".to_owned(),
        ),
        None => caveats.push(format!(
            "this machine was too busy to offer {:.1} % of the load in time, or too little was offered: no rate is told",
            100.0 * load.missed as f64 / load.planned.max(1) as f64
        )),
        _ => {}
    }
    let rise = rise(load, &mut idle);
    let same = up.udp_kbps == down.udp_kbps;
    let way = |figures: Figures| {
        let carried = carried.map(|carried| carried.interval(figures.codec_kbps, same));
        OneWay {
            offered_kbps: figures.codec_kbps,
            offered_ip_kbps: figures.ip_kbps(false),
            sent: 0,
            received: 0,
            overflow: 0,
            carried_kbps: carried,
            loss_pct: None,
            delay_rise_ms: rise,
        }
    };
    let on = |figures: Figures| (figures.codec_kbps > 0.0).then(|| way(figures));
    Flowed {
        carrier: Carrier::Tcp,
        up: on(up).filter(|_| offer.load.up_kbps > 0.0),
        down: on(down).filter(|_| offer.load.down_kbps > 0.0),
        idle_rtt_ms: median(&idle),
        loaded_rtt_ms: median(&late(load)),
        bytes: load.sent + back(load).map(|(m, _)| m.bytes as u64).sum::<u64>(),
        seconds: load.took.as_secs_f64(),
        caveats,
    }
}

/// How much of a load came back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Carried {
    /// All, and no later at the end than at the start.
    Whole,
    /// A share in time; `repeat`: what one repeated packet may hold up, as a share.
    Short {
        share: f64,
        repeat: f64,
        /// Far below, and further behind all the time: it is the rate, and no single event.
        surely: bool,
    },
}

impl Carried {
    /// `None`: this machine itself offered too little.
    fn of(load: &Load) -> Option<Self> {
        let offered = load.planned.checked_sub(load.missed)? as f64;
        if load.missed as f64 > (1.0 - WHOLE) * load.planned as f64 || load.took < REPEAT * 2 {
            return None;
        }
        let shortest = back(load).map(|(m, back)| back.saturating_sub(m.left)).min()?;
        let bytes_by = |end: Duration| back(load).filter(|(_, b)| *b <= end).map(|(m, _)| m.bytes as f64).sum::<f64>();
        let all = bytes_by(Duration::MAX) / offered;
        // By time of arrival, so that what waits in buffers does not count.
        let share = (bytes_by(load.took + shortest) / offered).min(1.0);
        let course = Course::of(load);
        let behind = course.is_some_and(|c| c.steady || c.rise > REPEAT.as_secs_f64());
        if all >= WHOLE && !behind && load.ended.is_none() {
            return Some(Self::Whole);
        }
        let surely = share < FAR_BELOW && course.is_some_and(|c| c.steady) && load.ended.is_none();
        Some(Self::Short { share, repeat: REPEAT.div_duration_f64(load.took), surely })
    }

    /// Of `kbps` one way. `same`: as much was to go the other way; else a load that is short may be the other's.
    fn interval(self, kbps: f64, same: bool) -> Interval {
        match self {
            Self::Whole => Interval { value: kbps, low: kbps, high: kbps },
            Self::Short { share, repeat, surely } => {
                let high = if surely && same { (share + repeat).min(1.0) } else { 1.0 };
                Interval { value: kbps * share, low: kbps * (share - repeat).max(0.0), high: kbps * high }
            }
        }
    }
}

/// How far the connection was behind in the course of a load.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// From the first quarter to the last, in seconds.
    rise: f64,
    /// It grew from each quarter to the next about as much, and in all by more than what an offer has to spare.
    steady: bool,
}

impl Course {
    /// `None`: too few messages came back.
    fn of(load: &Load) -> Option<Self> {
        let came: Vec<(&Sent, Duration)> = back(load).collect();
        let lag = |(m, back): &(&Sent, Duration)| back.as_secs_f64() - m.due.as_secs_f64();
        let quarters = came.chunks(came.len().div_ceil(4).max(COURSE / 4));
        let lags: Vec<f64> = quarters.filter_map(|q| median(&q.iter().map(lag).collect::<Vec<_>>())).collect();
        let [first, second, third, last] = *lags else { return None };
        let rise = last - first;
        let (begun, ended) = (came.first()?, came.last()?);
        let steps = [second - first, third - second, last - third];
        let spare = (1.0 - WHOLE) * 0.75 * ended.0.due.saturating_sub(begun.0.due).as_secs_f64();
        // Messages came to the end: a connection that stands still tells of no rate.
        let flows = ended.1 >= load.took.mul_f64(0.9);
        Some(Self { rise, steady: flows && rise > spare && steps.iter().all(|step| *step >= rise / 6.0) })
    }
}

/// Messages that came back, and when.
fn back(load: &Load) -> impl Iterator<Item = (&Sent, Duration)> {
    load.messages.iter().filter_map(|m| Some((m, m.back?)))
}

/// Round trips of the second half, in milliseconds.
fn late(load: &Load) -> Vec<f64> {
    let half = load.took / 2;
    back(load)
        .filter(|(m, _)| m.left >= half)
        .map(|(m, back)| (back.saturating_sub(m.left)).as_secs_f64() * 1e3)
        .collect()
}

/// How much the round trip rose: as much at the most is the rise of either way, and nothing at the least.
fn rise(load: &Load, idle: &mut [f64]) -> Option<Interval> {
    idle.sort_by(f64::total_cmp);
    let late = late(load);
    let value = median(&late)? - median(idle)?;
    let spread = percentile(idle, 75.0)? - percentile(idle, 25.0)?;
    Some(Interval { value, low: value.min(0.0), high: value + spread })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Load as Required, Media};
    use crate::net::ws::End;

    const LENGTH: Duration = Duration::from_secs(5);
    const TRIP: Duration = Duration::from_millis(10);

    fn offer() -> Offer {
        let load = Required { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
        Offer { load, directions: super::super::Directions::Both, length: LENGTH, dscp: 0, z: 1.96 }
    }

    /// A load whose message of each due time comes back at `back`.
    fn load(back: impl Fn(Duration) -> Option<Duration>) -> Load {
        let one = |tick: u32| Sent::new(TICK * tick, TICK * tick, back(TICK * tick), 114);
        let messages: Vec<Sent> = (0..250).map(one).collect();
        let sent = 250 * 114;
        Load { planned: sent, missed: 0, sent, messages, took: LENGTH, ended: None }
    }

    /// Of a line that carries `share` of the load, waited for as long as the longest round trip and a second.
    fn narrow(share: f64) -> Load {
        let waited = LENGTH.mul_f64(2.0 - share) + TRIP + Duration::from_secs(1);
        load(|due| Some(TRIP + due.div_f64(share)).filter(|back| *back <= waited))
    }

    fn measured(load: &Load) -> OneWay {
        let figures = offer().load.figures_up();
        let flowed = flowed(&offer(), load, vec![9.0, 10.0, 10.0, 11.0], (figures, figures));
        assert_eq!((flowed.up, flowed.carrier), (flowed.down, Carrier::Tcp));
        flowed.up.unwrap()
    }

    fn shares(load: &Load) -> (f64, f64) {
        let up = measured(load);
        let carried = up.carried_kbps.unwrap();
        (carried.low / up.offered_kbps, carried.high / up.offered_kbps)
    }

    #[test]
    fn a_connection_that_keeps_up_carries_the_load() {
        let up = measured(&narrow(1.0));
        assert!(up.carried_kbps.unwrap().low >= 40.0, "{up:?}");
        assert_eq!(up.loss_pct, None);
        assert!(up.delay_rise_ms.unwrap().high < 5.0);
    }

    #[test]
    fn one_that_falls_far_behind_all_the_time_does_not() {
        for share in [0.1, 0.5, 0.7, 0.8] {
            let (low, high) = shares(&narrow(share));
            assert!(low < share && share < high && high < share + 0.06, "{share}: {low} {high}");
        }
        assert!(measured(&narrow(0.7)).delay_rise_ms.unwrap().value > 500.0);
    }

    #[test]
    fn a_little_less_than_the_load_is_undecided() {
        for share in [0.9, 0.95, 0.97] {
            let (low, high) = shares(&narrow(share));
            assert!(low < WHOLE && high == 1.0, "{share}: {low} {high}");
        }
    }

    #[test]
    fn one_repeated_packet_anywhere_fails_nothing() {
        for lost in (0..250).map(|tick| TICK * tick) {
            for timeout in [REPEAT, REPEAT * 2] {
                let held = lost..lost + timeout;
                let one = load(|due| Some(if held.contains(&due) { held.end + TRIP } else { due + TRIP }));
                assert_eq!(shares(&one), (1.0, 1.0), "{lost:?}");
            }
        }
    }

    #[test]
    fn an_outage_fails_nothing() {
        // Of two seconds, caught up with or not; of all after the first second; and an end.
        let gone = Duration::from_secs(1)..Duration::from_secs(3);
        let caught_up = load(|due| Some(if gone.contains(&due) { gone.end + TRIP } else { due + TRIP }));
        let lost = load(|due| (!gone.contains(&due)).then_some(due + TRIP));
        let dead = load(|due| (due < gone.start).then_some(due + TRIP));
        let ended = Load { ended: Some(End::Reset), took: gone.end, ..dead.clone() };
        for outage in [caught_up, lost, dead, ended] {
            assert_eq!(shares(&outage).1, 1.0);
        }
    }

    #[test]
    fn what_a_busy_machine_does_not_offer_is_not_held_against_the_way() {
        let busy = Load { missed: 15 * 114, ..narrow(1.0) };
        assert_eq!(measured(&busy).carried_kbps, None);
        let hardly = Load { missed: 2 * 114, ..narrow(1.0) };
        assert!(measured(&hardly).carried_kbps.unwrap().low >= 40.0);
    }

    #[test]
    fn a_connection_that_blocks_is_behind_by_what_it_did_not_take() {
        // It takes three of four messages when they are due, and none waits in a buffer.
        let mut blocking = load(|due| Some(due + TRIP));
        blocking.messages.truncate(187);
        for (message, n) in blocking.messages.iter_mut().zip(0u32..) {
            message.left = TICK * (n + n / 3);
            message.back = Some(message.left + TRIP);
        }
        let (low, high) = shares(&blocking);
        assert!((0.68..0.75).contains(&low) && high < 0.8, "{low} {high}");
    }
}
