//! A sample of the ports that a relay gives: each is sent to over UDP directly, heard through the relay, and back.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::left;
use super::loops::Loop;
use crate::model::{Observation, metric};
use crate::net::clock;
use crate::net::mirror::Mirror;
use crate::probe::Settings;
use crate::probe::trial::RelayServer;
use crate::session::turn::Peer;

/// Allocations side by side.
const SAMPLE: usize = 6;

/// Five packets through each: one is lost too easily.
const LENGTH: Duration = Duration::from_millis(100);

/// The ports that a relay gives (RFC 8656 section 7.2).
const RANGE: std::ops::RangeInclusive<u16> = 49152..=65535;

/// The fact `relayed_ports`: `asked`, `answered` and `silent` ports, `coverage_pct` of 49152-65535, and `why_none` where
/// nothing could be asked. The login of the settings must work there.
pub async fn relayed_ports(
    server: &RelayServer,
    settings: &Settings,
    cancel: &CancellationToken,
    deadline: Duration,
) -> Value {
    let end = clock::now() + deadline;
    let Ok(Some(mirror)) = tokio::time::timeout(left(end), Mirror::open(server.address)).await else {
        return json!({ "asked": [], "why_none": "the relay does not tell this machine its address over UDP" });
    };
    let one = || async {
        let mut way = Loop::new(server, settings, cancel, end);
        (way.peer, way.relay_v6, way.length) = (Peer::Address(mirror.mapped()), mirror.mapped().is_ipv6(), LENGTH);
        let (observation, relay) = way.run(Some(&mirror)).await;
        // One that was never opened to the peer was not asked.
        let port = relay.relay.map(|relay| relay.relayed.port());
        (port, observation)
    };
    told(join_all((0..SAMPLE).map(|_| one())).await)
}

fn told(all: Vec<(Option<u16>, Observation)>) -> Value {
    let why = all.iter().find_map(|(_, observation)| observation.failure().map(|failure| failure.detail.clone()));
    let came = |observation: &Observation| observation.facts.get::<u64>(&metric::RECEIVED).unwrap_or(0) > 0;
    let ports = |wanted: &dyn Fn(&Observation) -> bool| {
        let mut ports: Vec<u16> = all.iter().filter(|(_, o)| wanted(o)).filter_map(|(port, _)| *port).collect();
        ports.sort_unstable();
        ports
    };
    let (asked, answered, silent) = (ports(&|_| true), ports(&came), ports(&|o| !came(o)));
    let inside = asked.iter().copied().filter(|port| RANGE.contains(port)).count();
    let coverage = inside as f64 / RANGE.len() as f64 * 100.0;
    let coverage = (coverage * 1000.0).round() / 1000.0;
    let mut fact = json!({ "asked": asked, "answered": answered, "silent": silent, "coverage_pct": coverage });
    if let (true, Some(why), Some(fact)) = (asked.is_empty(), why, fact.as_object_mut()) {
        fact.insert("why_none".to_owned(), why.into());
    }
    fact
}
