//! Whether a required rate flows, by direction, and how much there is beyond: paced flows against a responder that
//! granted a session. Sees no limit: it tells what was carried, lost and delayed.

mod capacity;
mod modes;
mod one_way;
mod over_tcp;
mod responsiveness;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::model::measure::names;
use crate::model::shape::streams;
use crate::model::{Estimate, Estimates, Failure, FailureKind, Load, Step};
use crate::net::flow::{Drive, Driven};
use crate::net::icmp;
use crate::session::flow::client::{Client, Ending, Part, Sums, Work};
use crate::session::flow::shape::of_streams;
use crate::session::{IcmpError, Meaning};
use crate::stats::Interval;
use crate::wire::flow::Shape;
use crate::wire::grant::{Ask, Grant, Kind};

pub use capacity::{Capacity, CapacityOneWay, Confidence, Search, capacity, capacity_ask, capacity_ceilings};
pub use over_tcp::flow_over_tcp;

/// Beyond a load: the hello, the idle way before it, the last packets after it.
const AROUND: Duration = Duration::from_secs(6);

/// Which way the load goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    Up,
    Down,
    Both,
}

impl Directions {
    /// Whether load goes up.
    pub fn up(self) -> bool {
        self != Directions::Down
    }

    /// Whether load comes down.
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
        let mut estimates = Estimates::default();
        let keys = [
            (&self.up, [names::UP_KBPS, names::LOSS_UP_PCT, names::DELAY_RISE_UP_MS]),
            (&self.down, [names::DOWN_KBPS, names::LOSS_DOWN_PCT, names::DELAY_RISE_DOWN_MS]),
        ];
        for (way, names) in keys {
            let Some(way) = way else { continue };
            for (name, interval) in names.into_iter().zip([way.carried_kbps, way.loss_pct, way.delay_rise_ms]) {
                let estimate = interval.map(|i| Estimate { value: i.value, low: i.low, high: i.high });
                estimates.0.extend(estimate.map(|e| (name.to_owned(), e)));
            }
        }
        estimates
    }
}

/// The session to ask a responder for, so that `offer` can be carried out on a way of the target's family.
pub fn ask(offer: &Offer, v6: bool) -> Ask {
    let figures = |on: bool, of: crate::model::shape::Figures| if on { of } else { Default::default() };
    let up = figures(offer.directions.up(), offer.load.figures_up());
    let down = figures(offer.directions.down(), offer.load.figures_down());
    // Pings and feedback beside a direction without load, and whole packets.
    let kbps = |of: crate::model::shape::Figures| (of.ip_kbps(v6) * 1.02).ceil() as u32 + 64;
    Ask {
        kind: Kind::Flow,
        up_kbps: kbps(up),
        down_kbps: kbps(down),
        packets_per_second: (up.packets_per_second.max(down.packets_per_second) * 1.02).ceil() as u32 + 80,
        seconds: (offer.length + AROUND).as_secs() as u32 + 1,
    }
}

/// Carries out `offer` over UDP to `target`, a port of the responder that granted the session.
///
/// # Errors
/// What hindered every datagram: silence, refusals, no route.
pub async fn flow(
    target: SocketAddr,
    grant: &Grant,
    offer: &Offer,
    cancel: &CancellationToken,
) -> Result<Flowed, Failure> {
    let v6 = target.is_ipv6();
    let shape = |on: bool, kbps: f64, copies: u32| {
        if on { of_streams(&streams(offer.load.media, kbps), copies, v6) } else { Shape::default() }
    };
    let load = &offer.load;
    let up = shape(offer.directions.up() && load.up_kbps > 0.0, load.up_kbps, load.sessions);
    let copies = load.sessions.saturating_mul(load.down_streams);
    let down = shape(offer.directions.down() && load.down_kbps > 0.0, load.down_kbps, copies);
    let work = Work::Offer { up, down, time: nanos(offer.length) };
    let run = Run { target, dscp: offer.dscp, deadline: offer.length + AROUND, holding: Arc::default() };
    let (parts, driven) = run.carry_out(grant, vec![work], cancel).await?;
    let part = parts.first().ok_or_else(|| failure(FailureKind::Internal, "no part was measured"))?;
    Ok(one_way::flowed(part, offer, v6, &driven))
}

/// How a session is driven.
struct Run {
    target: SocketAddr,
    dscp: u8,
    deadline: Duration,
    holding: Arc<AtomicU8>,
}

/// What is known of a session besides its parts.
struct Ended {
    ending: Ending,
    sums: Sums,
    took: Duration,
    cancelled: bool,
}

impl Run {
    async fn carry_out(
        self,
        grant: &Grant,
        works: Vec<Work>,
        cancel: &CancellationToken,
    ) -> Result<(Vec<Part>, Ended), Failure> {
        let token = grant.token().ok_or_else(|| failure(FailureKind::Garbage, "the grant's token is no token"))?;
        let Self { target, dscp, deadline, holding } = self;
        let v6 = target.is_ipv6();
        let drive = Drive { target, dscp, deadline, cancel: cancel.clone(), holding };
        let Driven { client, took, icmp, not_sent, cancelled } =
            drive.run(move |now| Client::new(token, v6, works, now)).await?;
        let (parts, ending, sums) = client.finish();
        if ending == Ending::Unanswered && parts.is_empty() {
            return Err(match (cancelled, icmp, not_sent) {
                (true, ..) => failure(FailureKind::OutOfTime, "the flow was ended before it began"),
                (_, Some(icmp), _) => stopped_by(&icmp),
                (_, _, Some(error)) => icmp::not_sent(Step::Flow, error, target.ip()),
                _ => failure(FailureKind::TimedOut, "the responder granted a session and answered no datagram of it"),
            });
        }
        Ok((parts, Ended { ending, sums, took, cancelled }))
    }
}

impl Ended {
    /// What makes the figures less certain than their intervals say.
    fn caveats(&self) -> Vec<String> {
        let mut caveats = Vec::new();
        match self.ending {
            Ending::Vanished => caveats.push("the responder fell silent before the flow was over".to_owned()),
            Ending::Stopped => caveats.push("the responder reached its own limits and stopped the flow".to_owned()),
            Ending::Unanswered if self.cancelled => caveats.push("the flow was ended before it was over".to_owned()),
            _ => {}
        }
        if self.sums.lies > 0 {
            caveats.push(format!("the responder told {} times of more packets than were sent", self.sums.lies));
        }
        caveats
    }
}

/// An ICMP error where nothing was answered.
fn stopped_by(error: &IcmpError) -> Failure {
    let kind = match error.meaning() {
        Meaning::Refused => FailureKind::Refused,
        Meaning::Prohibited => FailureKind::Prohibited,
        Meaning::TooBig => FailureKind::TooBig,
        _ => FailureKind::Unreachable,
    };
    failure(kind, &format!("the responder granted a session, and its datagrams were answered with {error}"))
}

fn failure(kind: FailureKind, detail: &str) -> Failure {
    Failure::new(Step::Flow, kind, detail)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
