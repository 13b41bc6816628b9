//! With what to measure, in which order: the ways of a role and what their own checks saw, to a list of candidates. Asks
//! nobody and knows no figure.

use std::net::IpAddr;

use crate::model::{Facts, Observation, Outcome, PortSet, Service, Step, Transport, metric};
use crate::probe::measure::{MeasureTask, Way};
use crate::profile::{Spec, WsSpec};
use crate::wire::stamp;

/// One thing to measure with.
#[derive(Clone, Debug, PartialEq)]
pub enum Candidate<'a> {
    /// STAMP where a session is opened first: at a port where an rtc-check responder of this version answered, or in a
    /// range that was not tried.
    Responder { port: u16, version: Option<String> },
    /// STAMP at a port that may have a reflector: three packets try it first.
    Reflector { port: u16 },
    /// STUN Binding requests.
    Stun { port: u16 },
    /// WebSocket pings.
    Ws { port: u16, spec: &'a WsSpec },
    /// TCP handshakes.
    Tcp { port: u16 },
}

impl Candidate<'_> {
    /// `method` in `observed.via`.
    pub fn method(&self) -> &'static str {
        match self {
            Candidate::Responder { .. } | Candidate::Reflector { .. } => "stamp",
            Candidate::Stun { .. } => "stun",
            Candidate::Ws { .. } => "ws",
            Candidate::Tcp { .. } => "tcp",
        }
    }

    /// What carries it.
    pub fn transport(&self) -> Transport {
        match self {
            Candidate::Ws { .. } | Candidate::Tcp { .. } => Transport::Tcp,
            _ => Transport::Udp,
        }
    }

    /// Where.
    pub fn port(&self) -> u16 {
        match self {
            Candidate::Responder { port, .. }
            | Candidate::Reflector { port }
            | Candidate::Stun { port }
            | Candidate::Ws { port, .. }
            | Candidate::Tcp { port } => *port,
        }
    }
}

/// Everything that may be measured with, the best first, each port and method once.
pub fn candidates(task: &MeasureTask) -> Vec<Candidate<'_>> {
    let mut all = Vec::new();
    let ways = |service: &'static [Service], transport| {
        task.ways.iter().filter(move |w| service.contains(&w.service) && w.transport == transport)
    };
    let media = || ways(&[Service::Rtp], Transport::Udp);
    let ranges: Vec<_> = media().filter_map(answered).collect();
    let stun = || ways(&[Service::Stun, Service::Turn], Transport::Udp);
    all.extend(
        ranges.iter().filter(|(version, _)| version.is_some()).filter_map(|(version, ports)| {
            Some(Candidate::Responder { port: middle(ports)?, version: version.clone() })
        }),
    );
    all.extend(stun().filter_map(responder));
    all.extend(media().filter(|w| w.seen.is_none()).filter_map(|w| {
        let range = w.ports?;
        Some(Candidate::Responder { port: range.iter().nth(range.count() as usize / 2)?, version: None })
    }));
    let silent = ranges.iter().filter(|(version, _)| version.is_none());
    all.extend(silent.filter_map(|(_, ports)| Some(Candidate::Reflector { port: first(ports)? })));
    all.push(Candidate::Reflector { port: stamp::PORT });
    // Of what passed first, what was not tried after it.
    for tried in [true, false] {
        let open = stun().filter(|w| w.seen.is_some() == tried && w.seen.as_ref().is_none_or(passed));
        all.extend(open.filter_map(|w| Some(Candidate::Stun { port: w.ports?.first() })));
    }
    all.extend(ranges.iter().filter_map(|(_, ports)| Some(Candidate::Stun { port: middle(ports)? })));
    for tried in [true, false] {
        let open = ways(&[Service::Wss, Service::Ws], Transport::Tcp)
            .filter(|w| w.seen.is_some() == tried && w.seen.as_ref().is_none_or(ponged));
        all.extend(open.filter_map(|w| match &w.spec {
            Spec::Ws(spec) => Some(Candidate::Ws { port: w.ports?.first(), spec }),
            _ => None,
        }));
    }
    for tried in [true, false] {
        let open = task.ways.iter().filter(|w| w.transport == Transport::Tcp);
        let open = open.filter(|w| w.seen.is_some() == tried && w.seen.as_ref().is_none_or(connected));
        all.extend(open.filter_map(|w| Some(Candidate::Tcp { port: w.ports?.first() })));
    }
    once(all)
}

/// TLS ports on which a responder may be asked for a session: those whose own check came through a TLS handshake or that
/// were not tried, then `more`.
pub fn doors(task: &MeasureTask, more: &[u16]) -> Vec<u16> {
    let tls = [Service::Https, Service::Wss, Service::Rtmps, Service::Turns];
    let open = |w: &&Way| w.seen.as_ref().is_none_or(connected);
    let ways = task.ways.iter().filter(|w| w.transport == Transport::Tcp && tls.contains(&w.service)).filter(open);
    once(ways.filter_map(|w| Some(w.ports?.first())).chain(more.iter().copied()).collect())
}

fn once<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

fn passed(seen: &Observation) -> bool {
    seen.outcome == Outcome::Measured
}

/// The handshake went through, whatever came after it.
fn connected(seen: &Observation) -> bool {
    passed(seen) || seen.steps.iter().any(|s| s.step == Step::Connect && s.result == "ok")
}

/// A WebSocket that answered a ping.
fn ponged(seen: &Observation) -> bool {
    passed(seen) && seen.facts.has(&metric::PING_RTT_MS)
}

fn version(facts: &Facts) -> Option<String> {
    facts.get(&metric::RESPONDER)
}

/// The responder's version, if one showed itself, and the ports of a range that answered; `None` where none did.
fn answered(way: &Way) -> Option<(Option<String>, PortSet)> {
    let facts = &way.seen.as_ref()?.facts;
    let ports: PortSet = facts.get(&metric::ANSWERED)?;
    (!ports.is_empty()).then(|| (version(facts), ports))
}

/// A STUN port that a responder answered on.
fn responder(way: &Way) -> Option<Candidate<'_>> {
    let seen = way.seen.as_ref().filter(|seen| passed(seen))?;
    Some(Candidate::Responder { port: way.ports?.first(), version: Some(version(&seen.facts)?) })
}

fn first(ports: &PortSet) -> Option<u16> {
    ports.ranges().first().map(|r| r.first())
}

/// The port in the middle of a set: its ends are what a rule that is off by one spoils.
fn middle(ports: &PortSet) -> Option<u16> {
    let half = usize::try_from(ports.count() / 2).ok()?;
    ports.ranges().iter().flat_map(|r| r.iter()).nth(half)
}

/// A candidate in words, for the clause that says why it was not used.
pub fn words(candidate: &Candidate<'_>, address: IpAddr) -> String {
    let port = candidate.port();
    let at = std::net::SocketAddr::new(address, port);
    match candidate {
        Candidate::Responder { .. } | Candidate::Reflector { .. } => format!("STAMP to {at}"),
        Candidate::Stun { .. } => format!("STUN to {at}"),
        Candidate::Ws { .. } => format!("WebSocket pings to {at}"),
        Candidate::Tcp { .. } => format!("TCP connects to {at}"),
    }
}
