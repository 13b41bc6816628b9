//! What a browser is asked to do, as the JSON that the page's script reads, and why not for what no browser can do.

use serde::Serialize;

use super::Around;
use crate::model::{Host, Load, RelayTransport, RuleId, Service, TurnUri, shape};
use crate::plan::{Item, Measure, Plan, TrialKind};
use crate::profile::Spec;

/// How long each train lasts: enough packets for the documents' limit on loss.
const TRAIN_SECONDS: u32 = 8;

/// A login for relays, made for one visitor.
#[derive(Clone, Debug, Serialize)]
pub struct Login {
    pub username: String,
    pub credential: String,
}

/// What a browser can do for a rule.
pub(super) enum How {
    /// `fetch`.
    Page { url: String },
    /// `new WebSocket`.
    Socket { url: String, protocol: Option<String> },
    /// ICE with the responder on single ports of the rule.
    Ports,
    /// A connection through the relay.
    Relay { url: String },
    /// Nothing, because …
    Not(String),
}

/// A rule, and what the browser does for it.
#[derive(Serialize)]
struct Ask<'a> {
    item: usize,
    rule: &'a RuleId,
    /// `HTTPS on TCP 443 of 192.0.2.1`.
    what: String,
    how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<String>,
    /// The responder stands there: it sends back what a WebSocket gets.
    here: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// A relay that the operator names.
#[derive(Serialize)]
struct AskRelay {
    trial: usize,
    what: String,
    url: String,
}

/// A train of packets to the responder.
#[derive(Serialize)]
struct AskTrain<'a> {
    measure: usize,
    role: &'a str,
    /// On whose media port.
    rule: &'a RuleId,
    seconds: u32,
    streams: Vec<Stream>,
}

#[derive(Serialize)]
struct Stream {
    period_ms: f64,
    burst: u32,
    bytes: u32,
}

#[derive(Serialize)]
struct Whole<'a> {
    version: u32,
    profile: &'a str,
    from: String,
    host: String,
    /// The responder sends media back.
    peer: bool,
    /// Results are kept at the responder.
    kept: bool,
    items: Vec<Ask<'a>>,
    relays: Vec<AskRelay>,
    trains: Vec<AskTrain<'a>>,
    /// On whose media port relays lead to the responder.
    media: Option<&'a RuleId>,
    login: Option<Login>,
}

/// The JSON for the page. `kept`: results are kept at the responder.
pub fn ask(plan: &Plan, around: &Around, login: Option<Login>, kept: bool) -> String {
    let items = plan.items.iter().enumerate().map(|(n, item)| asked(n, item, around)).collect();
    let relay = |(trial, t): (usize, &crate::plan::Trial)| match &t.kind {
        TrialKind::Turn(uri) if uri.transport != RelayTransport::Dtls => {
            Some(AskRelay { trial, what: uri.to_string(), url: uri.to_string() })
        }
        _ => None,
    };
    let measures = plan.measures.iter().enumerate();
    let trains = measures.filter(|_| around.peer).filter_map(|(n, m)| train(plan, n, m, around)).collect();
    let whole = Whole {
        version: 1,
        profile: &plan.profile,
        from: plan.from.join(","),
        host: around.here.to_string(),
        peer: around.peer,
        kept,
        items,
        relays: plan.trials.iter().enumerate().filter_map(relay).collect(),
        trains,
        media: media(plan, around).filter(|_| around.peer),
        login,
    };
    serde_json::to_string(&whole).unwrap_or_default()
}

fn asked<'a>(n: usize, item: &'a Item, around: &Around) -> Ask<'a> {
    let mut ask = Ask {
        item: n,
        rule: &item.rule.id,
        what: what(item),
        how: "not",
        url: None,
        protocol: None,
        here: item.host == around.here,
        first: None,
        last: None,
        why: None,
    };
    match how(item, around) {
        How::Page { url } => (ask.how, ask.url) = ("page", Some(url)),
        How::Socket { url, protocol } => (ask.how, ask.url, ask.protocol) = ("socket", Some(url), protocol),
        How::Ports => {
            ask.how = "ports";
            (ask.first, ask.last) = (item.rule.ports.map(|p| p.first()), item.rule.ports.map(|p| p.last()));
        }
        How::Relay { url } => (ask.how, ask.url) = ("relay", Some(url)),
        How::Not(why) => ask.why = Some(why),
    }
    ask
}

/// `HTTPS on TCP 443 of 192.0.2.1`.
fn what(item: &Item) -> String {
    let transport = item.rule.transport.as_str().to_uppercase();
    let ports = item.rule.ports.map(|p| format!(" {p}")).unwrap_or_default();
    format!("{} on {transport}{ports} of {}", words(item.rule.service), item.host)
}

fn words(service: Service) -> &'static str {
    match service {
        Service::Https => "HTTPS",
        Service::Wss => "Secure WebSocket",
        Service::Rtp => "Media",
        Service::Turn => "TURN relay",
        Service::Turns => "TURN relay (TLS)",
        Service::HttpRedirect => "HTTP",
        other => other.as_str(),
    }
}

/// What is not for browsers, and who can do it.
fn cannot(what: &str) -> How {
    How::Not(format!("a browser cannot {what}; run rtc-check on this machine to have it tested"))
}

pub(super) fn how(item: &Item, around: &Around) -> How {
    if let Some(why) = &item.not_selected {
        return How::Not(why.clone());
    }
    let port = item.rule.ports.map_or(0, |p| p.first());
    let host = in_url(&item.host);
    match &item.rule.spec {
        Spec::Http(spec) if spec.tls => How::Page { url: format!("https://{host}:{port}{}", spec.path) },
        Spec::Ws(spec) if spec.tls => {
            How::Socket { url: format!("wss://{host}:{port}{}", spec.path), protocol: spec.subprotocol.clone() }
        }
        Spec::Http(_) | Spec::Redirect(_) | Spec::Ws(_) => cannot("ask for what is not encrypted from a page that is"),
        Spec::Range if item.host == around.here => How::Ports,
        Spec::Range => cannot("ask UDP ports of a host that is not this responder"),
        Spec::Turn(transport) => relay(item, *transport),
        Spec::Stun => cannot("tell an answer to STUN from the lack of one"),
        Spec::Ssh | Spec::Rtsp(_) | Spec::Rtmp(_) | Spec::Sip(_) | Spec::Ftp => {
            cannot(&format!("speak {}", item.rule.service.as_str().to_uppercase()))
        }
        Spec::Ike(_) => cannot("speak IKE"),
        Spec::Gre => cannot("send GRE"),
        Spec::Dns => cannot("ask a resolver by itself"),
    }
}

fn relay(item: &Item, transport: RelayTransport) -> How {
    if transport == RelayTransport::Dtls {
        return cannot("speak TURN over DTLS");
    }
    let Some(port) = item.rule.ports.map(|p| p.first()) else { return cannot("reach a relay without a port") };
    How::Relay { url: TurnUri { host: item.host.clone(), port, transport }.to_string() }
}

/// The relay of a rule or of a trial, where the page was asked to try it.
pub(super) fn relay_at(plan: &Plan, item: Option<usize>, trial: Option<usize>, around: &Around) -> Option<TurnUri> {
    let of_item = |n: usize| {
        let item = plan.items.get(n).filter(|i| matches!(how(i, around), How::Relay { .. }))?;
        let Spec::Turn(transport) = item.rule.spec else { return None };
        Some(TurnUri { host: item.host.clone(), port: item.rule.ports?.first(), transport })
    };
    let of_trial = |n: usize| match &plan.trials.get(n)?.kind {
        TrialKind::Turn(uri) if uri.transport != RelayTransport::Dtls => Some(uri.clone()),
        _ => None,
    };
    item.and_then(of_item).or_else(|| trial.and_then(of_trial))
}

pub(super) fn in_url(host: &Host) -> String {
    match host {
        Host::Address(a) if a.is_ipv6() => format!("[{a}]"),
        other => other.to_string(),
    }
}

/// A rule whose media the responder serves.
pub(super) fn media<'a>(plan: &'a Plan, around: &Around) -> Option<&'a RuleId> {
    let is_media = |item: &&Item| item.rule.service == Service::Rtp && matches!(how(item, around), How::Ports);
    plan.items.iter().find(is_media).map(|item| &item.rule.id)
}

/// Of the role's media at the responder.
fn train<'a>(plan: &'a Plan, n: usize, measure: &'a Measure, around: &Around) -> Option<AskTrain<'a>> {
    let mut items = measure.ways.iter().filter_map(|way| plan.items.get(*way));
    let rule = items.find(|i| i.rule.spec == Spec::Range && i.host == around.here && i.is_selected())?;
    let stream =
        |s: shape::Stream| Stream { period_ms: s.period.as_secs_f64() * 1e3, burst: s.burst, bytes: s.payload };
    let load = load(measure)?;
    let streams = shape::streams(load.media, load.up_kbps).into_iter().map(stream).collect();
    Some(AskTrain { measure: n, role: measure.role.as_str(), rule: &rule.rule.id, seconds: TRAIN_SECONDS, streams })
}

/// The highest load that goes both ways alike and that a data channel is fit for.
pub(super) fn load(measure: &Measure) -> Option<Load> {
    const MOST_KBPS: f64 = 1_500.0;
    let fits = |l: &&Load| l.is_symmetric() && l.sessions == 1 && l.up_kbps > 0.0 && l.up_kbps <= MOST_KBPS;
    measure.loads.iter().find(fits).copied()
}

/// What the page may connect to beside its own origin. An address of IPv6 cannot stand in such a list, so there the whole
/// scheme does.
pub fn sources(plan: &Plan, around: &Around) -> String {
    let mut all: Vec<String> = Vec::new();
    for item in &plan.items {
        let v6 = matches!(item.host, Host::Address(a) if a.is_ipv6());
        let port = item.rule.ports.map_or(0, |p| p.first());
        let mut add = |scheme: &str| {
            let source = if v6 { format!("{scheme}:") } else { format!("{scheme}://{}:{port}", item.host) };
            if !all.contains(&source) {
                all.push(source);
            }
        };
        match how(item, around) {
            How::Page { .. } => add("https"),
            How::Socket { .. } => ["https", "wss"].into_iter().for_each(add),
            _ => {}
        }
    }
    all.join(" ")
}
