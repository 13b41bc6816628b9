//! With what to measure, in which order: the ways of a role and what their own checks saw, to a list of candidates. Asks
//! nobody and knows no figure.

use std::net::IpAddr;

use crate::model::{
    Facts, FailureKind, Observation, Outcome, PortRange, PortSet, Service, Transport, Way as ModelWay, metric,
};
use crate::probe::measure::{MeasureTask, Way};
use crate::probe::trial::RelayServer;
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
    /// Through a relay: STAMP in a session of a responder at the port, where one grants it; else to the relay and back.
    Relay { server: &'a RelayServer, port: Option<u16> },
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
            Candidate::Relay { .. } => "turn",
            Candidate::Ws { .. } => "ws",
            Candidate::Tcp { .. } => "tcp",
        }
    }

    /// What carries it; a relay's data, what carries them to it.
    pub fn transport(&self) -> Transport {
        match self {
            Candidate::Relay { server, .. } if !server.transport.is_udp() => Transport::Tcp,
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
            Candidate::Relay { server, .. } => server.address.port(),
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
    let untried = media().filter(|w| w.seen.is_none()).filter_map(|w| w.ports);
    all.extend(untried.map(|range| Candidate::Responder { port: middle_of(range), version: None }));
    let silent = ranges.iter().filter(|(version, _)| version.is_none());
    all.extend(silent.filter_map(|(_, ports)| Some(Candidate::Reflector { port: first(ports)? })));
    all.push(Candidate::Reflector { port: stamp::PORT });
    // Of what passed first, what was not tried after it.
    for tried in [true, false] {
        let open = stun().filter(|w| w.seen.is_some() == tried && w.seen.as_ref().is_none_or(passed));
        all.extend(open.filter_map(|w| Some(Candidate::Stun { port: w.ports?.first() })));
    }
    all.extend(ranges.iter().filter_map(|(_, ports)| Some(Candidate::Stun { port: middle(ports)? })));
    let port = media().find_map(|w| w.ports).map(middle_of);
    // Where packets reach the target directly, what a relay far from it shows is not how the target is reached.
    let cut_off = media().any(unreached) && !media().any(reached);
    let relays = task.relays.iter().filter(|_| cut_off);
    all.extend(relays.map(|server| Candidate::Relay { server, port }));
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
        let open = open.filter(|w| w.seen.is_some() == tried && w.seen.as_ref().is_none_or(Observation::connected));
        all.extend(open.filter_map(|w| Some(Candidate::Tcp { port: w.ports?.first() })));
    }
    once(all)
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

/// Something in the range answered, were it only to refuse.
fn reached(way: &Way) -> bool {
    let facts = way.seen.as_ref().map(|seen| &seen.facts);
    let some = |metric| facts.and_then(|facts| facts.get::<PortSet>(metric)).is_some_and(|ports| !ports.is_empty());
    some(&metric::ANSWERED) || some(&metric::REFUSED)
}

/// The range was tried to its end, and nothing in it was reached: all of it is silent or prohibited.
fn unreached(way: &Way) -> bool {
    let cut_short = [FailureKind::OutOfTime, FailureKind::Internal];
    let tried = way.seen.as_ref().filter(|seen| seen.failure().is_none_or(|f| !cut_short.contains(&f.kind)));
    tried.is_some() && !reached(way)
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

fn middle_of(range: PortRange) -> u16 {
    range.iter().nth(range.count() as usize / 2).unwrap_or(range.first())
}

/// A candidate in words, for the clause that says why it was not used.
pub fn words(candidate: &Candidate<'_>, address: IpAddr) -> String {
    let port = candidate.port();
    let at = std::net::SocketAddr::new(address, port);
    match candidate {
        Candidate::Responder { .. } | Candidate::Reflector { .. } => format!("STAMP to {at}"),
        Candidate::Stun { .. } => format!("STUN to {at}"),
        Candidate::Relay { server, .. } => {
            format!("{} at {}", ModelWay::from(server.transport).words(), server.address)
        }
        Candidate::Ws { .. } => format!("WebSocket pings to {at}"),
        Candidate::Tcp { .. } => format!("TCP connects to {at}"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Failure, Length, ProbeKind, RelayTransport, RuleId, Step};
    use crate::profile::RefusedUpgrade;

    fn way(service: Service, transport: Transport, ports: &str, seen: Option<Observation>) -> Way {
        let wss = WsSpec { tls: true, path: "/".to_owned(), subprotocol: None, refused: RefusedUpgrade::Fail };
        let spec = match service {
            Service::Wss => Spec::Ws(wss),
            Service::Rtp => Spec::Range,
            _ => Spec::Ssh,
        };
        let ports: Option<PortRange> = ports.parse().ok();
        Way { rule: RuleId::from("r"), spec, service, transport, ports, seen }
    }

    fn task(ways: Vec<Way>) -> MeasureTask {
        MeasureTask {
            check: "c".to_owned(),
            host: "h".to_owned(),
            address: [127, 0, 0, 1].into(),
            ways,
            relays: Vec::new(),
            loads: Vec::new(),
            length: Length::Exact(Duration::from_secs(1)),
            dscp: 0,
            capacity: None,
            deadline: Duration::from_secs(1),
        }
    }

    fn sweep(answered: &[u16], responder: bool) -> Observation {
        let mut seen = Observation::new(ProbeKind::UdpRange);
        seen.facts.set(&metric::ANSWERED, answered.iter().copied().collect::<PortSet>());
        if responder {
            seen.facts.set(&metric::RESPONDER, "1");
        }
        seen
    }

    fn drawn(task: &MeasureTask) -> Vec<String> {
        candidates(task).iter().map(|c| format!("{} {}", c.method(), c.port())).collect()
    }

    fn refused() -> Option<Observation> {
        Some(Observation::failed(ProbeKind::Tcp, Failure::new(Step::Connect, FailureKind::Refused, "no")))
    }

    #[test]
    fn a_responder_comes_first_in_the_middle_of_what_answered_and_everything_once() {
        let mut ponged_at = Observation::new(ProbeKind::Ws);
        ponged_at.facts.set(&metric::PING_RTT_MS, 1.0);
        let task = task(vec![
            way(Service::Ssh, Transport::Tcp, "22", Some(Observation::new(ProbeKind::Ssh))),
            way(Service::Wss, Transport::Tcp, "8989", Some(ponged_at)),
            way(Service::Stun, Transport::Udp, "3478", None),
            way(Service::Rtp, Transport::Udp, "19099-19200", Some(sweep(&[19_099, 19_150, 19_151, 19_200], true))),
            way(Service::Https, Transport::Tcp, "443", refused()),
        ]);
        let all = ["stamp 19151", "stamp 862", "stun 3478", "stun 19151", "ws 8989", "tcp 22", "tcp 8989"];
        assert_eq!(drawn(&task), all);
    }

    #[test]
    fn without_a_responder_the_first_port_that_answered_is_tried_and_a_silent_range_is_not() {
        let range = |seen| way(Service::Rtp, Transport::Udp, "19099-19101", seen);
        assert_eq!(
            drawn(&task(vec![range(Some(sweep(&[19_100, 19_101], false)))])),
            ["stamp 19100", "stamp 862", "stun 19101"]
        );
        assert_eq!(drawn(&task(vec![range(Some(sweep(&[], false)))])), ["stamp 862"]);
        // Not tried: whoever grants a session there is a responder.
        assert_eq!(drawn(&task(vec![range(None)])), ["stamp 19100", "stamp 862"]);
        assert_eq!(drawn(&task(Vec::new())), ["stamp 862"]);
    }

    #[test]
    fn relays_come_after_everything_over_udp_and_before_tcp_in_their_own_order() {
        let relay = |port, transport| {
            let address = std::net::SocketAddr::from(([192, 0, 2, 1], port));
            RelayServer { host: "relay.example".to_owned(), address, transport, proxy: None, seen: None }
        };
        let mut task = task(vec![
            way(Service::Rtp, Transport::Udp, "19099-20099", Some(sweep(&[], false))),
            way(Service::Stun, Transport::Udp, "3478", None),
            way(Service::Https, Transport::Tcp, "443", None),
        ]);
        task.relays = vec![relay(3478, RelayTransport::Udp), relay(443, RelayTransport::Tls)];
        assert_eq!(drawn(&task), ["stamp 862", "stun 3478", "turn 3478", "turn 443", "tcp 443"]);
        let all = candidates(&task);
        assert!(all.iter().any(|c| *c == Candidate::Relay { server: &task.relays[0], port: Some(19_599) }));
        let transports: Vec<_> = all.iter().filter(|c| c.method() == "turn").map(Candidate::transport).collect();
        assert_eq!(transports, [Transport::Udp, Transport::Tcp]);
        assert_eq!(words(&all[3], task.address), "TURN/TLS at 192.0.2.1:443");
    }

    #[test]
    fn a_relay_is_left_out_unless_the_media_range_was_tried_and_nothing_in_it_was_reached() {
        let relayed = |ranges: Vec<Option<Observation>>| {
            let ranges = ranges.into_iter().map(|seen| way(Service::Rtp, Transport::Udp, "19099-20099", seen));
            let mut task = task(ranges.chain([way(Service::Https, Transport::Tcp, "443", None)]).collect());
            let address = std::net::SocketAddr::from(([192, 0, 2, 1], 3478));
            let host = "relay.example".to_owned();
            task.relays = vec![RelayServer { host, address, transport: RelayTransport::Udp, proxy: None, seen: None }];
            assert!(drawn(&task).contains(&"tcp 443".to_owned()));
            candidates(&task).iter().any(|c| c.method() == "turn")
        };
        let with = |metric, ports: &[u16]| {
            let mut seen = sweep(&[], false);
            seen.facts.set(metric, ports.iter().copied().collect::<PortSet>());
            Some(seen)
        };
        let cut_short = Failure::new(Step::Sweep, FailureKind::OutOfTime, "interrupted");
        assert!(relayed(vec![with(&metric::SILENT, &[19_100])]) && relayed(vec![with(&metric::PROHIBITED, &[19_100])]));
        assert!(!relayed(vec![with(&metric::REFUSED, &[19_100])]) && !relayed(vec![Some(sweep(&[19_100], false))]));
        assert!(!relayed(vec![with(&metric::SILENT, &[19_100]), with(&metric::REFUSED, &[19_101])]));
        assert!(!relayed(vec![Some(Observation::failed(ProbeKind::UdpRange, cut_short))]));
        assert!(!relayed(vec![None]) && !relayed(Vec::new()), "not tried, so nobody knows");
    }

    #[test]
    fn what_failed_is_not_measured_with_but_a_handshake_under_a_bad_certificate_is() {
        let mut untrusted = Observation::new(ProbeKind::Ws);
        untrusted.step_ok(Step::Connect, Duration::from_millis(1));
        untrusted.step_failed(Failure::new(Step::Tls, FailureKind::CertExpired, "old"), Duration::ZERO);
        let silent = Observation::failed(ProbeKind::Stun, Failure::new(Step::Stun, FailureKind::TimedOut, "nothing"));
        let task = task(vec![
            way(Service::Turn, Transport::Udp, "3478", Some(silent)),
            way(Service::Wss, Transport::Tcp, "8989", Some(untrusted)),
            way(Service::Https, Transport::Tcp, "443", refused()),
        ]);
        assert_eq!(drawn(&task), ["stamp 862", "tcp 8989"]);
        assert_eq!(crate::probe::session::doors(&task.ways, &[8989, 8443]), [8989, 8443]);
    }
}
