//! Probes: one kind a file, and one `match` where they meet. A probe gets a [`Task`] and answers an [`Observation`];
//! it never sees a limit and never judges.

mod asked;
pub mod bandwidth;
mod both;
mod call;
mod control;
pub mod figures;
mod ftp;
mod gre;
pub mod host;
mod http;
mod ice;
mod ike;
mod layers;
pub mod measure;
mod nat;
mod path;
mod policed;
mod portal;
mod quality;
mod redirect;
mod relay;
pub mod resolver;
mod rtmp;
mod rtsp;
pub mod session;
mod sip;
mod ssh;
mod stranger;
mod stun;
pub mod trial;
pub mod turn;
mod udp_range;
mod well_known;
mod ws;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use tokio_util::sync::CancellationToken;

pub use crate::model::PortsMode;
use crate::model::{CallMode, Failure, FailureKind, Observation, PortRange, ProbeKind, Secret, Transport, metric};
use crate::net;
use crate::net::proxy::Far;
pub use crate::net::proxy::{Proxies, Proxy};
use crate::profile::{SipCarrier, Spec};
pub use rtsp::{LoginTries, RtspAsk, RtspLogin};

/// One rule on one address.
#[derive(Clone, Debug)]
pub struct Task {
    /// The check's id, for events.
    pub check: String,
    /// What to probe.
    pub spec: Spec,
    /// The host as given: for SNI, the Host header and certificate names. An address literal has no brackets.
    pub host: String,
    /// Where to send.
    pub address: IpAddr,
    /// The rule's ports; absent for gre and dns.
    pub ports: Option<PortRange>,
    /// What carries it.
    pub transport: Transport,
    /// STUN servers of the address's family that a probe may ask how this machine looks from outside.
    pub stun: Vec<SocketAddr>,
    /// The proxy that a TCP connection is asked of; `None`: it is opened directly.
    pub proxy: Option<Arc<Proxy>>,
    /// Why the name has no address here: `address` is unspecified then, and only a proxy that is given names can lead there.
    pub unresolved: Option<Failure>,
    /// No longer than this.
    pub deadline: Duration,
}

impl Task {
    /// Address and first port.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.ports.map_or(0, PortRange::first))
    }

    /// Where a proxy is to lead.
    fn far(&self) -> Far<'_> {
        let address = Some(self.address).filter(|_| self.unresolved.is_none());
        Far { host: &self.host, address, port: self.ports.map_or(0, PortRange::first) }
    }
}

/// How every probe of a run is to be carried out.
#[derive(Clone)]
pub struct Settings {
    /// Trust anchors and the recording verifier's configuration.
    pub tls: Arc<net::tls::Trust>,
    /// The full retransmission schedule of RFC 8489 in place of the quick one.
    pub thorough: bool,
    /// Keep a WebSocket open in silence for so long, then ping.
    pub hold: Option<Duration>,
    /// How many ports of a range to ask where the far end is not a responder.
    pub ports: PortsMode,
    /// Datagrams a second of a sweep.
    pub pace: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// Key of a restricted responder.
    pub responder_key: Option<Arc<net::ResponderKey>>,
    /// How to log in to relays.
    pub relay_login: Option<Arc<RelayLogin>>,
    /// What a Janus Gateway wants to hear.
    pub janus: Arc<JanusSecrets>,
    /// What is asked of cameras beyond OPTIONS.
    pub rtsp: Arc<RtspAsk>,
    /// The proxies that TCP connections are asked of; where one leads, every rule over TCP is tried both ways.
    pub proxies: Arc<Proxies>,
    /// The longest silence of a UDP mapping that is tried; `None`: lifetimes are not measured.
    pub nat_lifetime: Option<Duration>,
    /// Whether a real call is made.
    pub call: CallMode,
    /// Ports of the plan's HTTPS rules, on which a responder's well-known page may be.
    pub page_ports: Arc<Vec<u16>>,
}

impl Settings {
    /// Without logins, proxies and calls; sweeps and samples as the program makes them without any flag.
    pub fn new(tls: Arc<net::tls::Trust>, seed: u64) -> Self {
        Self {
            tls,
            thorough: false,
            hold: None,
            ports: PortsMode::Sample(12),
            pace: 4000,
            seed,
            responder_key: None,
            relay_login: None,
            janus: Arc::default(),
            rtsp: Arc::default(),
            proxies: Arc::default(),
            nat_lifetime: None,
            call: CallMode::Never,
            page_ports: Arc::default(),
        }
    }

    /// The proxy that leads to `port` of `host`; for plain HTTP there may be another.
    pub fn proxy_to(&self, spec: &Spec, transport: Transport, host: &str, port: u16) -> Option<Arc<Proxy>> {
        let plain = match spec {
            Spec::Redirect(_) => true,
            Spec::Http(http) => !http.tls,
            _ => false,
        };
        self.proxies.to(host, port, plain).filter(|_| transport == Transport::Tcp)
    }
}

/// How to log in to relays (RFC 8489 section 9.2); one login for every relay of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayLogin {
    /// User name and password as they are.
    LongTerm { username: String, password: Secret },
    /// A user name with the time at which it ends, and a password made of it with a secret that is shared with the server.
    Rest { secret: Secret, user: String },
}

/// Of the environment: `RTC_CHECK_JANUS_TOKEN` and `RTC_CHECK_JANUS_APISECRET`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JanusSecrets {
    pub token: Option<Secret>,
    pub api_secret: Option<Secret>,
}

/// Tells how far a long probe is.
pub type Progress = Arc<dyn Fn(u32, u32) + Send + Sync>;

/// The probe that carries out a kind of rule, as a report names it.
pub fn kind(spec: &Spec) -> ProbeKind {
    match spec {
        Spec::Http(_) | Spec::Redirect(_) => ProbeKind::Http,
        Spec::Ws(_) => ProbeKind::Ws,
        Spec::Stun => ProbeKind::Stun,
        Spec::Range => ProbeKind::UdpRange,
        Spec::Ssh => ProbeKind::Ssh,
        Spec::Dns => ProbeKind::Dns,
        Spec::Turn(_) => ProbeKind::Turn,
        Spec::Rtsp(_) => ProbeKind::Rtsp,
        Spec::Ftp => ProbeKind::Ftp,
        Spec::Rtmp(_) => ProbeKind::Rtmp,
        Spec::Ike(_) => ProbeKind::Ike,
        Spec::Sip(_) => ProbeKind::Sip,
        Spec::Gre => ProbeKind::Gre,
    }
}

/// Carries out one task, both ways where a proxy leads there. Ends early when `cancel` does; what was seen until then is in
/// the observation.
pub async fn probe(
    task: &Task,
    settings: &Settings,
    tries: &LoginTries,
    cancel: &CancellationToken,
    progress: Progress,
) -> Observation {
    let way = |task: Task| {
        let progress = Arc::clone(&progress);
        async move { one_way(&task, settings, tries, cancel, progress).await }
    };
    both::ways(task, settings, way).await
}

/// Carries out one task the way that it says. On the heap: each probe's state is large, and the stack of a thread is not.
fn one_way<'a>(
    task: &'a Task,
    settings: &'a Settings,
    tries: &'a LoginTries,
    cancel: &'a CancellationToken,
    progress: Progress,
) -> BoxFuture<'a, Observation> {
    match &task.spec {
        Spec::Http(spec) => Box::pin(http::probe(task, settings, spec)),
        Spec::Redirect(spec) => Box::pin(redirect::probe(task, settings, spec)),
        Spec::Ws(spec) => Box::pin(ws::probe(task, settings, spec)),
        Spec::Stun => Box::pin(meaning_of_silence(stun::probe(task, settings, cancel), task, settings)),
        Spec::Range => Box::pin(range(task, settings, cancel, progress)),
        Spec::Ssh => Box::pin(ssh::probe(task)),
        // The look-up of every host is the run's first phase; a rule about the name is judged on it.
        Spec::Dns => Box::pin(ready(Observation::skipped(ProbeKind::Dns, "the name was looked up before"))),
        Spec::Turn(transport) => Box::pin(turn::probe(task, *transport, settings, cancel)),
        Spec::Rtsp(spec) => Box::pin(rtsp::probe(task, settings, tries, spec)),
        Spec::Ftp => Box::pin(ftp::probe(task)),
        Spec::Rtmp(spec) => Box::pin(rtmp::probe(task, settings, spec)),
        Spec::Sip(SipCarrier::Udp) => {
            Box::pin(meaning_of_silence(sip::probe(task, settings, SipCarrier::Udp, cancel), task, settings))
        }
        Spec::Sip(carrier) => Box::pin(sip::probe(task, settings, *carrier, cancel)),
        Spec::Ike(spec) => Box::pin(meaning_of_silence(ike::probe(task, *spec, settings, cancel), task, settings)),
        Spec::Gre => Box::pin(gre::probe(task, settings, cancel)),
    }
}

/// A responder's page says first whether it serves the range, and tells the clock.
async fn range(task: &Task, settings: &Settings, cancel: &CancellationToken, progress: Progress) -> Observation {
    let begun = net::clock::now();
    let page = well_known::ask(task, settings).await;
    let left = task.deadline.saturating_sub(net::clock::now().saturating_duration_since(begun));
    let task = Task { deadline: left, ..task.clone() };
    let mut seen = udp_range::probe(&task, settings, page.serves, progress, cancel).await;
    if let Some(clock) = page.clock {
        seen.facts.set(&metric::CLOCK_ERROR, clock);
    }
    seen
}

/// Silence of a port that a responder says it serves means something: the page is asked for, and noted.
async fn meaning_of_silence(
    probing: impl Future<Output = Observation>,
    task: &Task,
    settings: &Settings,
) -> Observation {
    let mut observation = probing.await;
    if observation.failure().is_some_and(|f| f.kind == FailureKind::TimedOut)
        && let Some(served) = well_known::serves(task, settings).await
    {
        observation.facts.set(&metric::RESPONDER_PAGE, served);
    }
    observation
}
