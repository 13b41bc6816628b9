//! How much a line carries each way, how long round trips take meanwhile, and what that is enough for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::one_way::median_rtt;
use super::responsiveness::{self, Fresh};
use super::{Run, modes, nanos};
use crate::model::{Facts, Failure, Load, metric};
use crate::session::flow::client::{Part, Work};
use crate::session::flow::search::found;
use crate::stats::Interval;
use crate::wire::grant::{Ask, Grant, Kind};

/// Each direction's search ends after so long at the latest.
const EACH: Duration = Duration::from_secs(9);

/// Both, with what comes before and after.
const DEADLINE: Duration = Duration::from_secs(28);

/// What the line carries one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityOneWay {
    /// At the IP level, in kbit/s, over a second, once the line was full: the most (which is the high end too), and as the
    /// low end the least of the better half of the seconds. No interval of confidence.
    pub ip_kbps: Interval,
    /// In the best second.
    pub loss_pct: f64,
    pub delay_rise_ms: f64,
    /// The search ended at its own ceiling or this machine's, not the line's: there is at least so much.
    pub at_least: bool,
    /// Lost by the receiver's own socket.
    pub overflow: u32,
    /// Median round trip under the load.
    pub loaded_rtt_ms: Option<f64>,
    /// Round trips a minute under the load (draft-ietf-ippm-responsiveness), and how sure that is.
    pub rpm: Option<(f64, Confidence)>,
}

/// How sure a responsiveness is (draft-ietf-ippm-responsiveness).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

/// What the search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capacity {
    pub up: Option<CapacityOneWay>,
    pub down: Option<CapacityOneWay>,
    pub idle_rtt_ms: Option<f64>,
    /// UDP payload sent and received.
    pub bytes: u64,
    pub seconds: f64,
    pub caveats: Vec<String>,
}

impl Capacity {
    /// The facts CAPACITY, LOADED_LATENCY, BYTES_USED, and MODES for `loads`.
    pub fn facts(&self, loads: &[Load], v6: bool) -> Facts {
        let mut facts = Facts::new();
        let way = |way: &CapacityOneWay| {
            json!({
                "ip_kbps": way.ip_kbps.value.round(), "low_kbps": way.ip_kbps.low.round(),
                "high_kbps": way.ip_kbps.high.round(), "at_least": way.at_least, "loss_pct": way.loss_pct,
                "delay_rise_ms": way.delay_rise_ms,
            })
        };
        facts.set(&metric::CAPACITY, json!({"up": self.up.as_ref().map(way), "down": self.down.as_ref().map(way)}));
        facts.set(&metric::LOADED_LATENCY, self.latency());
        facts.set(&metric::BYTES_USED, self.bytes);
        let kbps = |way: Option<CapacityOneWay>| way.map(|w| w.ip_kbps.value);
        facts.set(&metric::MODES, modes::modes(kbps(self.up), kbps(self.down), loads, v6));
        facts
    }

    fn latency(&self) -> serde_json::Value {
        let way = |way: &CapacityOneWay| {
            let rise = way.loaded_rtt_ms.zip(self.idle_rtt_ms).map(|(loaded, idle)| loaded - idle);
            json!({
                "loaded_rtt_ms": way.loaded_rtt_ms, "rise_ms": rise, "rpm": way.rpm.map(|(rpm, _)| rpm.round()),
                "rpm_confidence": way.rpm.map(|(_, confidence)| confidence),
            })
        };
        json!({
            "idle_rtt_ms": self.idle_rtt_ms,
            "up": self.up.as_ref().map(way),
            "down": self.down.as_ref().map(way),
        })
    }
}

/// The session to ask for before [`capacity`], of at most `ceiling_kbps` each way.
pub fn capacity_ask(ceiling_kbps: u32) -> Ask {
    // Packets of 1,200 bytes, pings and feedback.
    let packets = ceiling_kbps.div_ceil(9) + 100;
    let seconds = DEADLINE.as_secs() as u32;
    Ask { kind: Kind::Flow, up_kbps: ceiling_kbps, down_kbps: ceiling_kbps, packets_per_second: packets, seconds }
}

/// Ceilings to ask for, one after the other, until a responder grants one; each is what it may refuse as too much.
pub fn capacity_ceilings() -> impl Iterator<Item = u32> {
    [1_000_000, 600_000, 500_000, 200_000, 100_000, 50_000, 20_000, 10_000, 5_000, 2_000].into_iter()
}

/// Where a search goes.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// A UDP port of the responder.
    pub target: SocketAddr,
    /// Its HTTPS port, whose page is fetched for the responsiveness; `None`: it is left out.
    pub https: Option<u16>,
    /// The host as given.
    pub host: &'a str,
    /// Granted for what [`capacity_ask`] asked.
    pub grant: &'a Grant,
    pub ceiling_kbps: u32,
    /// The most that it may send and receive.
    pub bytes: u64,
}

/// How much the way to a responder carries, each direction alone, and how long round trips take meanwhile.
///
/// # Errors
/// As [`flow`](super::flow).
pub async fn capacity(search: &Search<'_>, cancel: &CancellationToken) -> Result<Capacity, Failure> {
    let most = nanos(EACH);
    let ceiling_kbps = f64::from(search.ceiling_kbps);
    // Data goes one way at a time; pings and feedback are small beside it.
    let (up, down) = (search.bytes / 2, (search.bytes / 2).min(search.grant.bytes / 100 * 95));
    let works = vec![
        Work::Search { up: true, ceiling_kbps, bytes: up, most },
        Work::Search { up: false, ceiling_kbps, bytes: down, most },
    ];
    let run = Run { target: search.target, dscp: 0, deadline: DEADLINE, holding: Arc::default() };
    let holding = run.holding.clone();
    let fresh = tokio::sync::Mutex::new([Fresh::default(), Fresh::default()]);
    let probing = async {
        if let Some(port) = search.https {
            responsiveness::probe(SocketAddr::new(search.target.ip(), port), search.host, holding, &fresh).await;
        }
        std::future::pending::<()>().await;
    };
    let (parts, ended) = tokio::select! {
        done = run.carry_out(search.grant, works, cancel) => done?,
        () = probing => return Err(super::failure(crate::model::FailureKind::Internal, "the probes ended first")),
    };
    let fresh = fresh.into_inner();
    let mut ways = parts.iter().zip(&fresh).enumerate().map(|(at, (part, fresh))| one_way(part, at == 0, fresh));
    let (up, down) = (ways.next().flatten(), ways.next().flatten());
    let mut caveats = ended.caveats();
    for (name, way) in [("up", &up), ("down", &down)] {
        if let Some(way) = way.filter(|w| w.overflow > 0) {
            let lost = way.overflow;
            caveats.push(format!(
                "{name}, a receiving socket lost {lost} packets for want of room: a limit of that machine"
            ));
        }
    }
    let idle_rtt_ms = parts.first().and_then(|p| median_rtt(&p.idle));
    Ok(Capacity { up, down, idle_rtt_ms, bytes: ended.sums.bytes, seconds: ended.took.as_secs_f64(), caveats })
}

fn one_way(part: &Part, up: bool, fresh: &Fresh) -> Option<CapacityOneWay> {
    let (record, count) = if up { (&part.up, part.went_up) } else { (&part.down, part.went_down) };
    let found = found(record, part.search.as_ref()?)?;
    Some(CapacityOneWay {
        ip_kbps: Interval { value: found.kbps, low: found.low, high: found.kbps },
        loss_pct: found.loss_pct,
        delay_rise_ms: found.delay_rise_ms,
        at_least: found.at_least,
        overflow: count.overflow,
        loaded_rtt_ms: median_rtt(&part.loaded),
        rpm: fresh.rpm(&part.loaded),
    })
}
