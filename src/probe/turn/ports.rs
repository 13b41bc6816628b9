//! A sample of the ports that a relay gives: each is sent to over UDP directly, heard through the relay, and back. And for
//! which media ranges such ports may stand in.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::loops::Loop;
use crate::model::{FailureKind, Observation, PortRange, PortSet, Service, metric, schedule};
use crate::net::clock;
use crate::net::mirror::Mirror;
use crate::probe::Settings;
use crate::probe::relay::left;
use crate::probe::trial::RelayServer;
use crate::session::turn::Peer;

/// Allocations side by side.
const SAMPLE: usize = 6;

/// Five packets through each: one is lost too easily.
const LENGTH: Duration = Duration::from_millis(100);

/// The ports that a relay gives (RFC 8656 section 7.2).
const RANGE: std::ops::RangeInclusive<u16> = 49152..=65535;

/// Whether ports that a relay at the same address gives may stand in for those that a check of a rule on these saw: a range
/// of dynamic ports (RFC 6335 section 6) that no responder answered in, and some of whose ports stayed silent. Nothing
/// answers on most ports of a range that a server gives to its calls as they come.
pub fn may_stand_in(service: Service, ports: Option<PortRange>, seen: &Observation) -> bool {
    service == Service::Rtp
        && ports.is_some_and(|ports| ports.first() >= schedule::trial::DYNAMIC)
        && !seen.facts.has(&metric::RESPONDER)
        && seen.facts.get::<PortSet>(&metric::SILENT).is_some_and(|silent| !silent.is_empty())
}

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
    // One that was cut short or refused halfway was not asked: its silence says nothing.
    let none_came = |o: &Observation| !came(o) && o.failure().is_some_and(|f| f.kind == FailureKind::NoRelay);
    let ports = |wanted: &dyn Fn(&Observation) -> bool| {
        let mut ports: Vec<u16> = all.iter().filter(|(_, o)| wanted(o)).filter_map(|(port, _)| *port).collect();
        ports.sort_unstable();
        ports
    };
    let (asked, answered, silent) = (ports(&|o| came(o) || none_came(o)), ports(&came), ports(&none_came));
    let inside = asked.iter().copied().filter(|port| RANGE.contains(port)).count();
    let coverage = inside as f64 / RANGE.len() as f64 * 100.0;
    let coverage = (coverage * 1000.0).round() / 1000.0;
    let mut fact = json!({ "asked": asked, "answered": answered, "silent": silent, "coverage_pct": coverage });
    if let (true, Some(why), Some(fact)) = (asked.is_empty(), why, fact.as_object_mut()) {
        fact.insert("why_none".to_owned(), why.into());
    }
    fact
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Failure, ProbeKind, Step};

    fn seen(received: Option<u64>, failure: Option<FailureKind>) -> Observation {
        let mut seen = Observation::new(ProbeKind::Turn);
        if let Some(received) = received {
            seen.facts.set(&metric::RECEIVED, received);
        }
        if let Some(kind) = failure {
            seen.step_failed(Failure::new(Step::Relay, kind, "why"), Duration::ZERO);
        }
        seen
    }

    #[test]
    fn only_what_was_really_asked_counts_as_silent() {
        let fact = told(vec![
            (Some(50_000), seen(Some(5), None)),
            (Some(50_001), seen(Some(0), Some(FailureKind::NoRelay))),
            (Some(50_002), seen(Some(0), Some(FailureKind::OutOfTime))),
            (Some(50_003), seen(None, Some(FailureKind::TurnError))),
            (None, seen(None, Some(FailureKind::TurnError))),
        ]);
        assert_eq!(fact["asked"], json!([50_000, 50_001]));
        assert_eq!((&fact["answered"], &fact["silent"]), (&json!([50_000]), &json!([50_001])));
        let none = told(vec![(Some(50_002), seen(Some(0), Some(FailureKind::OutOfTime)))]);
        assert_eq!((&none["silent"], &none["why_none"]), (&json!([]), &json!("why")));
    }

    #[test]
    fn ports_of_a_relay_stand_in_for_silent_dynamic_ports_without_a_responder() {
        let range = |ports: &str| ports.parse::<PortRange>().ok();
        let mut silent = Observation::new(ProbeKind::UdpRange);
        assert!(!may_stand_in(Service::Rtp, range("50000-50100"), &silent));
        silent.facts.set(&metric::SILENT, [50_000u16].into_iter().collect::<PortSet>());
        assert!(may_stand_in(Service::Rtp, range("50000-50100"), &silent));
        assert!(!may_stand_in(Service::Rtp, range("19099-65535"), &silent));
        assert!(!may_stand_in(Service::Stun, range("50000"), &silent) && !may_stand_in(Service::Rtp, None, &silent));
        silent.facts.set(&metric::RESPONDER, "1");
        assert!(!may_stand_in(Service::Rtp, range("50000-50100"), &silent));
    }
}
