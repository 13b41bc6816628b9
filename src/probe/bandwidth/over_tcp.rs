//! A load over TCP, where UDP is blocked: a responder's WebSocket sends back what it gets, so that as much goes down as
//! up. Loss cannot be seen, and the two directions cannot be told apart.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Carrier, Flowed, Offer, OneWay, failure};
use crate::model::shape::Figures;
use crate::model::{Failure, FailureKind};
use crate::net::ws::echo::{Load, TICK};
use crate::net::ws::{NoPong, WebSocket};
use crate::stats::{Interval, median, percentile};

/// Pings before the load, and how long each is waited for.
const PINGS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// The load's first part is a connection's start, and its last echoes are under way still.
const START: Duration = Duration::from_millis(500);

/// Less than this share of what was offered is less.
const WHOLE: f64 = 0.99;

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
    if load.echoes.is_empty() {
        let words = match &load.ended {
            Some(end) => format!("the WebSocket {} before anything of the load came back", end.words()),
            None => "nothing of the load came back over the WebSocket".to_owned(),
        };
        return Err(failure(load.ended.as_ref().map_or(FailureKind::TimedOut, |e| e.kind()), &words));
    }
    Ok(flowed(offer, &load, idle, (up, down), kbps))
}

fn flowed(offer: &Offer, load: &Load, mut idle: Vec<f64>, (up, down): (Figures, Figures), kbps: f64) -> Flowed {
    let mut caveats = vec![
        "measured over TCP, which turns loss into delay; what a WebSocket sends back goes both ways, so that the directions cannot be told apart".to_owned(),
    ];
    if let Some(end) = &load.ended {
        caveats.push(format!("the WebSocket {} after {:.1} s of the load", end.words(), load.took.as_secs_f64()));
    }
    let share = share(load, kbps);
    let rise = rise(load, &mut idle);
    let same = up.udp_kbps == down.udp_kbps;
    let way = |figures: Figures| {
        // Where both ways carry less together, it is the wider load, or either way, that does not fit.
        let carried = share.map(|share| {
            let least =
                (figures.codec_kbps * share * kbps / figures.udp_kbps.max(f64::MIN_POSITIVE)).min(figures.codec_kbps);
            let whole = share >= WHOLE || !same;
            Interval { value: least, low: least, high: if whole { figures.codec_kbps } else { least } }
        });
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
        bytes: load.sent + load.echoes.iter().map(|e| e.bytes as u64).sum::<u64>(),
        seconds: load.took.as_secs_f64(),
        caveats,
    }
}

/// Share of the offered bytes that came back while the load was on, its start left out: by time of arrival, so that what
/// waits in buffers does not count.
fn share(load: &Load, kbps: f64) -> Option<f64> {
    let from = load.echoes.iter().find(|e| e.left >= START)?.back;
    let time = load.took.checked_sub(START).filter(|t| *t > TICK * 5)?;
    let came = load.echoes.iter().filter(|e| e.back >= from && e.back < from + time);
    let bytes = came.map(|e| e.bytes as f64).sum::<f64>();
    Some((bytes / (kbps * 125.0 * time.as_secs_f64())).min(1.0))
}

/// Round trips of the second half, in milliseconds.
fn late(load: &Load) -> Vec<f64> {
    let half = load.took / 2;
    load.echoes.iter().filter(|e| e.left >= half).map(|e| (e.back - e.left).as_secs_f64() * 1e3).collect()
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
    use crate::net::ws::echo::Echoed;

    fn offer() -> Offer {
        let load = Required { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
        Offer { load, directions: super::super::Directions::Both, length: Duration::from_secs(4), dscp: 0, z: 1.96 }
    }

    /// Echoes of a line that carries `share` of the load.
    fn echoes(share: f64) -> Load {
        let one = |tick: u32| {
            let left = TICK * tick;
            Echoed { left, back: Duration::from_millis(10) + left.div_f64(share), bytes: 114 }
        };
        Load { sent: 22_800, echoes: (0..200).map(one).collect(), took: Duration::from_secs(4), ended: None }
    }

    fn measured(share: f64) -> Flowed {
        let figures = offer().load.figures_up();
        flowed(&offer(), &echoes(share), vec![9.0, 10.0, 10.0, 11.0], (figures, figures), figures.udp_kbps)
    }

    #[test]
    fn a_connection_that_keeps_up_carries_the_load() {
        let flowed = measured(1.0);
        let up = flowed.up.unwrap();
        assert!(up.carried_kbps.unwrap().low >= 40.0, "{up:?}");
        assert_eq!((up.loss_pct, flowed.carrier), (None, Carrier::Tcp));
        assert!(up.delay_rise_ms.unwrap().high < 5.0);
    }

    #[test]
    fn one_that_falls_behind_does_not() {
        let up = measured(0.7).up.unwrap();
        let carried = up.carried_kbps.unwrap();
        assert!((0.6..0.75).contains(&(carried.high / up.offered_kbps)), "{carried:?}");
        assert!(up.delay_rise_ms.unwrap().value > 500.0, "{up:?}");
    }
}
