//! What a page saw, as observations of its plan. What it did not come to is out of time, what no browser can do is
//! skipped; an error that a browser does not explain is told as just that.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::ask::{How, how};
use super::told::{self, Browser, PageEnd, PeerEnd, SocketEnd, Span, Told};
use super::{Around, relay, train};
use crate::model::web::{Product, ProductKind};
use crate::model::{
    Facts, Failure, FailureKind, Host, Observation, Planned, PortSet, ProbeKind, RelayTransport, Seen, Step, metric,
};
use crate::plan::{Item, Plan, TrialKind};
use crate::profile::Spec;

/// What `observed.tls_version` says where a browser spoke TLS.
const BY_BROWSER: &str = "as the browser negotiated it";

/// Ports of a range that the page asks.
const SAMPLE: u32 = 8;

/// A browser keeps the reason of an error from the page.
const UNTOLD: &str = "the browser got no connection and does not tell a page why: the port is blocked or closed, or this \
                      browser does not trust the certificate there";

/// Every planned thing as it was seen.
pub fn seen(plan: &Plan, told: &Told, around: &Around) -> Vec<Seen> {
    let items = plan.items.iter().enumerate().map(|(n, item)| of_item(n, item, (plan, told), around));
    let trials = plan.trials.iter().enumerate().filter_map(|(n, trial)| match &trial.kind {
        TrialKind::Turn(uri) => {
            let relay = told.relays.iter().find(|r| r.trial == Some(n));
            let observation = relay::seen(uri.transport, relay, plan, around);
            Some(placed(Planned::Trial(n), address(&trial.host, around), observation, relay.map(|r| r.span)))
        }
        TrialKind::Ice => {
            let of_role = |t: &&told::Train| {
                let of_trial = plan.measures.get(t.measure).filter(|m| m.role == trial.role && m.host == trial.host);
                of_trial.is_some_and(|m| train::is_here(plan, m, around))
            };
            let train = told.trains.iter().find(of_role)?;
            let observation = of_ice(train, &told.browser);
            Some(placed(Planned::Trial(n), address(&trial.host, around), observation, Some(train.span)))
        }
        _ => None,
    });
    let measures = plan.measures.iter().enumerate();
    let measures = measures.map(|(n, measure)| train::seen(plan, n, measure, told, around));
    items.chain(trials).chain(measures).collect()
}

fn placed(of: Planned, address: Option<IpAddr>, observation: Observation, span: Option<Span>) -> Seen {
    let span = span.unwrap_or_default();
    Seen { of, address, observation, started_ms: span.at_ms as u64, duration_ms: span.took_ms as u64 }
}

/// A literal's own; of the responder the one that the browser was told. A browser tells of no other.
pub fn address(host: &Host, around: &Around) -> Option<IpAddr> {
    match host {
        Host::Address(address) => Some(*address),
        Host::Name(_) if *host == around.here => around.address,
        Host::Name(_) => None,
    }
}

/// The page was left before, or did not get there.
pub fn not_reached(probe: ProbeKind, step: Step) -> Observation {
    Observation::failed(probe, Failure::new(step, FailureKind::OutOfTime, "the page did not come to it"))
}

/// What `observed.browser` says.
pub fn browser(b: &Browser) -> Value {
    json!({
        "agent": b.agent, "webrtc": b.webrtc, "secure_context": b.secure, "codecs": b.codecs, "devices": b.devices,
    })
}

fn of_item(n: usize, item: &Item, (plan, told): (&Plan, &Told), around: &Around) -> Seen {
    let (probe, step) = probe(item);
    let at = address(&item.host, around);
    let none = |observation| placed(Planned::Item(n), at, observation, None);
    let (mut observation, span) = match how(item, around) {
        How::Not(why) => return none(Observation::skipped(probe, why)),
        How::Page { .. } => match told.pages.iter().find(|p| p.item == n) {
            None => return none(not_reached(probe, step)),
            Some(page) => (of_page(page, opened_beside(item, plan, told)), page.span),
        },
        How::Socket { protocol, .. } => match told.sockets.iter().find(|s| s.item == n) {
            None => return none(not_reached(probe, step)),
            Some(socket) => (of_socket(socket, protocol.as_deref()), socket.span),
        },
        How::Ports => match told.ports.iter().find(|p| p.item == n) {
            None => return none(not_reached(probe, step)),
            Some(ports) => (of_ports(item, ports, around), ports.span),
        },
        How::Relay { .. } => {
            let relay = told.relays.iter().find(|r| r.item == Some(n));
            let transport = match item.rule.spec {
                Spec::Turn(transport) => transport,
                _ => RelayTransport::Udp,
            };
            (relay::seen(transport, relay, plan, around), relay.map(|r| r.span).unwrap_or_default())
        }
    };
    observation.facts.set(&metric::BROWSER, browser(&told.browser));
    placed(Planned::Item(n), at, observation, Some(span))
}

fn probe(item: &Item) -> (ProbeKind, Step) {
    match item.rule.spec {
        Spec::Ws(_) => (ProbeKind::Ws, Step::Upgrade),
        Spec::Range => (ProbeKind::UdpRange, Step::Sweep),
        Spec::Stun => (ProbeKind::Stun, Step::Stun),
        Spec::Turn(_) => (ProbeKind::Turn, Step::Allocate),
        Spec::Ssh => (ProbeKind::Ssh, Step::Banner),
        Spec::Dns => (ProbeKind::Dns, Step::Name),
        Spec::Rtsp(_) => (ProbeKind::Rtsp, Step::Options),
        Spec::Rtmp(_) => (ProbeKind::Rtmp, Step::Handshake),
        Spec::Sip(_) => (ProbeKind::Sip, Step::Options),
        Spec::Ike(_) => (ProbeKind::Ike, Step::IkeInit),
        Spec::Gre => (ProbeKind::Gre, Step::Gre),
        Spec::Ftp => (ProbeKind::Ftp, Step::Banner),
        Spec::Http(_) | Spec::Redirect(_) => (ProbeKind::Http, Step::Request),
    }
}

pub fn took(span: Span) -> Duration {
    Duration::from_secs_f64(span.took_ms / 1e3)
}

/// It did not connect, as far as a page is told.
fn unconnected(probe: ProbeKind, span: Span, timed_out: bool) -> Observation {
    let mut observation = Observation::new(probe);
    let seconds = span.took_ms / 1e3;
    let failure = match timed_out {
        true => {
            Failure::new(Step::Connect, FailureKind::TimedOut, format!("no answer to the browser in {seconds:.1} s"))
        }
        false => Failure::new(Step::Connect, FailureKind::NotTold, UNTOLD),
    };
    observation.step_failed(failure, took(span));
    observation
}

/// The subprotocol with which a WebSocket was opened on the host and port of a page.
fn opened_beside<'a>(page: &Item, plan: &'a Plan, told: &Told) -> Option<&'a str> {
    let opened = told.sockets.iter().filter(|s| s.end == SocketEnd::Open);
    opened.into_iter().find_map(|socket| {
        let item = plan.items.get(socket.item)?;
        let Spec::Ws(spec) = &item.rule.spec else { return None };
        let is_there = item.host == page.host && item.rule.ports == page.rule.ports;
        let wanted = spec.subprotocol.as_deref().filter(|_| spec.tls && is_there)?;
        (socket.protocol.as_deref() == Some(wanted)).then_some(wanted)
    })
}

fn of_page(page: &told::Page, opened: Option<&str>) -> Observation {
    let mut observation = Observation::new(ProbeKind::Http);
    match (page.end, page.status) {
        (PageEnd::Answered, Some(status)) => {
            let facts = &mut observation.facts;
            facts.set(&metric::HTTP_STATUS, status);
            facts.set(&metric::TLS_VERSION, BY_BROWSER);
            if let Some(server) = &page.server {
                facts.set(&metric::HTTP_SERVER, server);
            }
            if let Some(service) = page.server.as_deref().and_then(product) {
                facts.set(&metric::SERVICE, service);
            }
        }
        (PageEnd::Answered | PageEnd::Opaque, _) => {
            observation.facts.set(&metric::TLS_VERSION, BY_BROWSER);
            observation.facts.set(&metric::OPAQUE, true);
            if let Some(opened) = opened {
                observation.facts.set(&metric::SUBPROTOCOL, opened);
            }
        }
        (PageEnd::Failed, _) => return unconnected(ProbeKind::Http, page.span, false),
        (PageEnd::TimedOut, _) => return unconnected(ProbeKind::Http, page.span, true),
    }
    observation.step_ok(Step::Request, took(page.span));
    observation
}

/// What a Server field names.
fn product(server: &str) -> Option<Product> {
    server.starts_with("rtc-check/").then(|| Product {
        kind: ProductKind::Responder,
        name: format!("rtc-check's responder ({server})"),
        by: "Server header".to_owned(),
    })
}

fn of_socket(socket: &told::Socket, wanted: Option<&str>) -> Observation {
    let mut observation = Observation::new(ProbeKind::Ws);
    let took = took(socket.span);
    let chosen = socket.protocol.as_deref().filter(|p| !p.is_empty());
    let fail = |kind, words: &str| Failure::new(Step::Upgrade, kind, words);
    match socket.end {
        SocketEnd::Open if wanted.is_some() && chosen != wanted => {
            let words = format!("it was opened without the subprotocol {}", wanted.unwrap_or_default());
            observation.step_failed(fail(FailureKind::WrongSubprotocol, &words), took);
        }
        SocketEnd::Open => {
            let facts: &mut Facts = &mut observation.facts;
            facts.set(&metric::HTTP_STATUS, 101);
            if let Some(chosen) = chosen {
                facts.set(&metric::SUBPROTOCOL, chosen);
            }
            if let Some(ms) = socket.echo_ms {
                facts.set(&metric::ECHO_MS, ms);
            }
            observation.step_ok(Step::Upgrade, took);
        }
        SocketEnd::NoUpgrade => {
            let words = "HTTPS answers there, and the browser was refused a WebSocket";
            observation.step_failed(fail(FailureKind::UpgradeRefused, words), took);
        }
        SocketEnd::Failed => return unconnected(ProbeKind::Ws, socket.span, false),
        SocketEnd::TimedOut => return unconnected(ProbeKind::Ws, socket.span, true),
    }
    observation
}

/// A sample of the range. The responder that grants each session serves each port, so silence is the way's, where it is
/// certain that browsers reach its address.
fn of_ports(item: &Item, ports: &told::Ports, around: &Around) -> Observation {
    let probe = ProbeKind::UdpRange;
    let within = |all: &[u16]| -> PortSet {
        all.iter().copied().filter(|p| item.rule.ports.is_some_and(|r| r.contains(*p))).collect()
    };
    let (answered, silent) = (within(&ports.answered), within(&ports.silent));
    let silent: PortSet = silent.ranges().iter().flat_map(|r| r.iter()).filter(|p| !answered.contains(*p)).collect();
    let failed = |kind, words: String| Observation::failed(probe, Failure::new(Step::Sweep, kind, words));
    let asked = answered.count() + silent.count();
    if ports.no_candidates && answered.is_empty() {
        let peer = told::Peer { failed: Some(PeerEnd::NoCandidates), ..told::Peer::default() };
        return Observation::failed(probe, train::failure(&peer));
    }
    if asked == 0 {
        let why = ports.refused.clone().unwrap_or_else(|| "no port was asked".to_owned());
        return failed(FailureKind::OutOfTime, format!("the responder could not be asked for its ports ({why})"));
    }
    let total = item.rule.ports.map_or(0, |p| p.count());
    if let Some(why) = ports.refused.as_deref().filter(|_| silent.is_empty() && asked < SAMPLE.min(total)) {
        let words = format!("the responder could be asked for only {asked} of {} ports ({why})", SAMPLE.min(total));
        return failed(FailureKind::OutOfTime, words);
    }
    let mut observation = Observation::new(probe);
    let facts = &mut observation.facts;
    if !silent.is_empty() && around.certain {
        let by = if answered.is_empty() { &metric::RESPONDER_PAGE } else { &metric::RESPONDER };
        facts.set(by, true);
    }
    facts.set(&metric::ANSWERED, &answered);
    facts.set(&metric::REFUSED, PortSet::default());
    facts.set(&metric::SILENT, &silent);
    facts.set(&metric::PROHIBITED, PortSet::default());
    facts.set(&metric::PROBED, asked);
    facts.set(&metric::TOTAL, total);
    let share = 100.0 * f64::from(asked) / f64::from(total.max(1));
    facts.set(&metric::COVERAGE_PCT, (share * 10.0).round() / 10.0);
    facts.set(&metric::SAMPLED, true);
    observation.step_ok(Step::Sweep, took(ports.span));
    observation
}

fn of_ice(train: &told::Train, b: &Browser) -> Observation {
    let mut observation = Observation::new(ProbeKind::Ice);
    let peer = &train.peer;
    let facts = &mut observation.facts;
    facts.set(&metric::BROWSER, browser(b));
    facts.set(&metric::ICE, ice(peer));
    let failure = peer.failed.map(|_| train::failure(peer)).or_else(|| train::doubt(train));
    match failure {
        Some(failure) => observation.step_failed(failure, took(train.span)),
        None => observation.step_ok(Step::Checks, took(train.span)),
    }
    observation
}

fn ice(peer: &told::Peer) -> Value {
    let end = |e: &told::End| json!({ "type": e.kind, "address": e.address });
    let pair = peer.pair.as_ref().map(|p| json!({ "local": end(&p.local), "remote": end(&p.remote) }));
    let errors: Vec<String> = peer.errors.iter().map(|e| format!("{} {} {}", e.url, e.code, e.text)).collect();
    json!({
        "pair": pair, "connected_ms": peer.connected_ms, "candidates": peer.candidates.iter().map(end).collect::<Vec<_>>(),
        "left_out": [], "relay_errors": errors,
    })
}
