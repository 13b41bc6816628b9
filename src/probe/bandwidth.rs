//! Whether a required rate flows, by direction, and how much there is beyond: paced flows against a responder that
//! granted a session. Sees no limit: it tells what was carried, lost and delayed.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Settings;
use crate::model::{Estimates, Failure, FailureKind, Load, Step};
use crate::stats::Interval;
use crate::wire::grant::{Ask, Grant, Kind};

/// Which way the load goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    Up,
    Down,
    Both,
}

impl Directions {
    pub fn up(self) -> bool {
        self != Directions::Down
    }

    pub fn down(self) -> bool {
        self != Directions::Up
    }
}

/// What is offered to the way, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    pub load: Load,
    pub directions: Directions,
    pub length: Duration,
    pub dscp: u8,
    /// Width of the intervals in standard errors (1.96: 95 %, one look).
    pub z: f64,
}

/// What became of one direction's flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneWay {
    /// Codec payload offered, and all of it at the IP level, in kbit/s.
    pub offered_kbps: f64,
    pub offered_ip_kbps: f64,
    pub sent: u32,
    pub received: u32,
    /// Of the lost ones, lost by the receiver's own socket: no loss of the path.
    pub overflow: u32,
    /// Codec payload that arrived.
    pub carried_kbps: Option<Interval>,
    /// `None` over TCP, which repeats what is lost.
    pub loss_pct: Option<Interval>,
    /// One-way delay under the load against the first of it.
    pub delay_rise_ms: Option<Interval>,
}

/// What carried the flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    Udp,
    /// A WebSocket over TLS, where UDP is blocked.
    Tcp,
}

/// What became of an offer.
#[derive(Clone, Debug, PartialEq)]
pub struct Flowed {
    pub carrier: Carrier,
    pub up: Option<OneWay>,
    pub down: Option<OneWay>,
    /// Median round trip of the flow's own pings before the load, and under it.
    pub idle_rtt_ms: Option<f64>,
    pub loaded_rtt_ms: Option<f64>,
    /// UDP payload sent and received.
    pub bytes: u64,
    pub seconds: f64,
    pub caveats: Vec<String>,
}

impl Flowed {
    /// What may be held against limits: loss, delivered rate and rise of delay, by direction.
    pub fn estimates(&self) -> Estimates {
        Estimates::default()
    }
}

/// The session to ask a responder for, so that `offer` can be carried out on a way of the target's family.
pub fn ask(_offer: &Offer, _v6: bool) -> Ask {
    Ask { kind: Kind::Flow, up_kbps: 0, down_kbps: 0, packets_per_second: 0, seconds: 0 }
}

/// Carries out `offer` over UDP to `target`, a port of the responder that granted the session.
///
/// # Errors
/// What hindered every datagram: silence, refusals, no route.
pub async fn flow(
    _target: SocketAddr,
    _grant: &Grant,
    _offer: &Offer,
    _settings: &Settings,
    _cancel: &CancellationToken,
) -> Result<Flowed, Failure> {
    Err(not_built())
}

/// Carries out `offer` over a WebSocket on `target`, the responder's WSS port, where UDP is blocked.
///
/// # Errors
/// As [`net::ws`](crate::net::ws), and what ended the WebSocket before anything was measured.
pub async fn flow_over_tcp(
    _target: SocketAddr,
    _host: &str,
    _grant: &Grant,
    _offer: &Offer,
    _settings: &Settings,
    _cancel: &CancellationToken,
) -> Result<Flowed, Failure> {
    Err(not_built())
}

/// What the line carries one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityOneWay {
    /// At the IP level, in kbit/s: the highest that arrived over a second once the line was full.
    pub ip_kbps: Interval,
    /// In that second.
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
    pub bytes: u64,
    pub seconds: f64,
    pub caveats: Vec<String>,
}

impl Capacity {
    /// The facts CAPACITY, LOADED_LATENCY, BYTES_USED, and MODES for `loads`.
    pub fn facts(&self, _loads: &[Load], _v6: bool) -> crate::model::Facts {
        crate::model::Facts::new()
    }
}

/// The session to ask for before [`capacity`], of at most `ceiling_kbps` each way.
pub fn capacity_ask(ceiling_kbps: u32) -> Ask {
    Ask { kind: Kind::Flow, up_kbps: ceiling_kbps, down_kbps: ceiling_kbps, packets_per_second: 0, seconds: 0 }
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
/// As [`flow`].
pub async fn capacity(
    _search: &Search<'_>,
    _settings: &Settings,
    _cancel: &CancellationToken,
) -> Result<Capacity, Failure> {
    Err(not_built())
}

fn not_built() -> Failure {
    Failure::new(Step::Flow, FailureKind::Internal, "not built yet")
}
