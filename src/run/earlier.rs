//! What the checks before have seen, for those that build on it. Judges nothing.

use std::net::{IpAddr, SocketAddr};

use crate::model::{
    Failure, FailureKind, Observation, Outcome, Planned, PortSet, ProbeKind, RelayTransport, Seen, Step, Way, WayTaken,
    metric,
};
use crate::plan::{Plan, TrialKind};
use crate::probe::trial::RelayServer;
use crate::probe::{Proxies, measure};

/// The rules of the plan at `indexes` on this address, and what their checks saw.
pub fn ways(plan: &Plan, indexes: &[usize], address: IpAddr, seen: &[Seen]) -> Vec<measure::Way> {
    let observed = |index: usize| {
        let found = seen.iter().find(|s| s.of == Planned::Item(index) && s.address == Some(address));
        found.map(|s| s.observation.clone()).filter(|o| !matches!(o.outcome, Outcome::Skipped(_)))
    };
    let way = |index: &usize| {
        let rule = &plan.items.get(*index)?.rule;
        Some(measure::Way {
            rule: rule.id.clone(),
            spec: rule.spec.clone(),
            service: rule.service,
            transport: rule.transport,
            ports: rule.ports,
            seen: observed(*index),
        })
    };
    indexes.iter().filter_map(way).collect()
}

/// Every relay through which data came back, in the order in which a call prefers them.
pub fn relays(plan: &Plan, proxies: &Proxies, seen: &[Seen]) -> Vec<RelayServer> {
    let mut all: Vec<RelayServer> = Vec::new();
    for one in seen.iter().filter(|s| relayed(&s.observation)) {
        let Some((host, port, transport)) = relay_of(plan, one.of) else { continue };
        let Some(address) = one.address.map(|a| SocketAddr::new(a, port)) else { continue };
        if !all.iter().any(|r| (r.address, r.transport) == (address, transport)) {
            let proxy = proxies.to(&host, port, false).filter(|_| !transport.is_udp());
            all.push(RelayServer { host, address, transport, proxy, seen: Some(one.observation.clone()) });
        }
    }
    all.sort_by_key(|r| Way::from(r.transport));
    all
}

/// Where the relay of a planned thing is, if it is one.
fn relay_of(plan: &Plan, of: Planned) -> Option<(String, u16, RelayTransport)> {
    match of {
        Planned::Item(index) => {
            let item = plan.items.get(index)?;
            Some((item.host.bare(), item.rule.ports?.first(), item.relay()?))
        }
        Planned::Trial(index) => match &plan.trials.get(index)?.kind {
            TrialKind::Turn(uri) => Some((uri.host.bare(), uri.port, uri.transport)),
            _ => None,
        },
        Planned::Measure(_) | Planned::Machine(_) => None,
    }
}

/// Data came back; an open port, or a relay that asks for credentials that nobody gave, is not one that works.
fn relayed(observation: &Observation) -> bool {
    observation.outcome == Outcome::Measured && !observation.facts.has(&metric::FALLBACK)
}

/// What stands for an address that no check reached, so that there is nothing to try; `None` where there is.
pub fn unreached(kind: ProbeKind, ways: &[measure::Way]) -> Option<Observation> {
    let tried: Vec<&Observation> = ways.iter().filter_map(|w| w.seen.as_ref()).collect();
    if tried.is_empty() || tried.iter().any(|o| is_alive(o)) {
        return None;
    }
    // The first failure stands for all: it has the words of the network.
    let failure = tried.iter().find_map(|o| o.failure()).cloned();
    let silent = || Failure::new(Step::Sweep, FailureKind::TimedOut, "none of its ports answered");
    Some(Observation::failed(kind, failure.unwrap_or_else(silent)))
}

/// What answered was the proxy.
fn stopped_by_proxy(observation: &Observation) -> bool {
    observation.failure().is_some_and(|f| f.step == Step::Proxy)
}

/// Something at the address answered, were it only to refuse.
fn is_alive(observation: &Observation) -> bool {
    if let Some(direct) = observation.facts.get::<WayTaken>(&metric::DIRECT).filter(|_| stopped_by_proxy(observation)) {
        return direct.is_ok();
    }
    match &observation.outcome {
        Outcome::Skipped(_) => false,
        Outcome::Failed(failure) => match failure.kind {
            FailureKind::TimedOut => !matches!(
                failure.step,
                Step::Name | Step::Connect | Step::Stun | Step::Sweep | Step::IkeInit | Step::Gre
            ),
            FailureKind::Unreachable
            | FailureKind::Prohibited
            | FailureKind::NoRoute
            | FailureKind::OutOfTime
            | FailureKind::Internal => false,
            _ => failure.step != Step::Name,
        },
        Outcome::Measured if observation.facts.has(&metric::PROBED) => {
            let reached = |m| observation.facts.get::<PortSet>(m).is_some_and(|set| !set.is_empty());
            reached(&metric::ANSWERED) || reached(&metric::REFUSED)
        }
        Outcome::Measured => true,
    }
}
