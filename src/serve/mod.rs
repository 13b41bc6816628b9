//! The responder: stands in for a platform's servers, so that firewall rules can be proven before the platform is
//! there. Loops of I/O around [`session::reflector`](crate::session::reflector) and small TCP services. Knows no
//! profile, probe or verdict.

mod admission;
mod bind;
mod counters;
mod datagram;
mod descriptors;
mod door;
mod ear;
mod face;
mod flow;
mod ftp;
mod grant;
mod http;
mod ice;
mod page;
mod rtmp;
mod rtsp;
mod sip;
mod ssh;
mod tcp;
mod tls;
mod udp;
mod web;
mod ws;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{PortRange, PortSet, RoleName, RuleId, Service, Transport};
use crate::net::{ResponderKey, chance, clock};
use crate::session::granted::GrantLimits;
use crate::session::limits::AnswerLimits;
use crate::session::reflector::{Alternate, OwnSockets, Reflector};

use admission::Admission;

pub use bind::{is_own_address, machine_addresses};
pub use counters::Counters;
pub use tls::{CertificateError, CertificatePem, from_pem, self_signed};
pub use web::{Desk, PATH as WEB_PATH, Visit, Web, has_media};

/// The end of the ids of rules that stand for STAMP's own port.
pub const STAMP_RULE: &str = ".stamp";

/// How long [`Responder::stop`] waits for open connections to end.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How often the counters are logged, at debug level.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// What a responder is to do.
pub struct Config {
    /// The rules to stand in for.
    pub services: Vec<ServeRule>,
    /// Certificate of every TLS service; [`self_signed`] or [`from_pem`].
    pub tls: Arc<rustls::ServerConfig>,
    /// Answer only the holders of this key over UDP and on the well-known page.
    pub key: Option<Arc<ResponderKey>>,
    /// Bounds on what it takes and gives.
    pub limits: Limits,
    /// The second address and the ports of behaviour discovery (RFC 5780); its sockets are services like others.
    pub alternate: Alternate,
    /// The program's version, for the well-known page and the SSH line.
    pub tool_version: String,
}

/// One rule to stand in for, on some of this machine's addresses. Requests and upgrades are answered on every path.
#[derive(Clone, Debug)]
pub struct ServeRule {
    pub id: RuleId,
    pub role: RoleName,
    /// Addresses to listen on; an unspecified one stands for all of its family.
    pub bind: Vec<IpAddr>,
    pub ports: Ports,
    pub service: Service,
    pub transport: Transport,
    /// Subprotocol that a WebSocket service selects if it is offered; absent: the first that is offered.
    pub subprotocol: Option<String>,
}

/// Which ports a rule gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Those of the rule.
    Exact(PortRange),
    /// One that the kernel chooses, the same on all of the rule's addresses.
    Free,
}

/// Bounds on what a responder takes and gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// UDP answers.
    pub answers: AnswerLimits,
    /// TCP connections.
    pub connections: ConnectionLimits,
    /// Test sessions that are opened over TLS.
    pub sessions: GrantLimits,
}

/// Bounds on TCP connections. WebSockets, which may be silent for long, have places of their own among them, so that
/// whoever holds those leaves the others to connections that a deadline ends.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Open at once, WebSockets included; each may take a file descriptor.
    pub total: u32,
    /// Open at once from one source (/32, /64), WebSockets included.
    pub per_source: u32,
    /// WebSockets open at once; the next upgrade is answered with 503.
    pub websockets: u32,
    /// WebSockets open at once from one source.
    pub websockets_per_source: u32,
    /// For the TLS handshake, for a request's header, for each write.
    pub handshake: Duration,
    /// For all requests of one HTTP connection.
    pub idle: Duration,
    /// Silence on a WebSocket. Longer than the longest `--hold` of a client (3,000 s), so that a cut is never ours.
    pub websocket_idle: Duration,
}

impl Default for ConnectionLimits {
    /// One run of a client has 128 checks under way at once, and may reach 50 cameras that are one responder: 192 from a
    /// source leave room for what it has ended and we have not yet. A quarter of the places are for WebSockets, of which
    /// a run holds one for each rule and address; it takes four sources to fill either kind.
    fn default() -> Self {
        Self {
            total: 768,
            per_source: 192,
            websockets: 192,
            websockets_per_source: 48,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            websocket_idle: Duration::from_secs(3600),
        }
    }
}

/// Ports that are served.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    pub rule: RuleId,
    pub role: RoleName,
    pub address: IpAddr,
    pub ports: PortSet,
    pub service: Service,
    pub transport: Transport,
}

/// Ports that are not served.
#[derive(Clone, Debug, PartialEq)]
pub struct NotBound {
    pub rule: RuleId,
    pub address: IpAddr,
    /// Empty where the rule has none (gre, dns) or no free one was found.
    pub ports: PortSet,
    /// One clause in plain words that names a remedy where there is one.
    pub why: String,
}

/// Why a responder does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The hard limit of file descriptors is too low.
    #[error(
        "the responder needs {needed} open files and this process may have no more than {allowed}: raise the hard limit \
         (`ulimit -Hn {needed}` as root, LimitNOFILE={needed} in a systemd unit, --ulimit nofile={needed} for a \
         container) or serve fewer roles"
    )]
    Descriptors {
        /// Descriptors that all sockets and connections need.
        needed: u64,
        /// The hard limit.
        allowed: u64,
    },
    /// The operating system refused something that every responder needs.
    #[error("the responder cannot {what}: {why}")]
    System {
        /// What it wanted to do.
        what: &'static str,
        /// The operating system's words.
        why: String,
    },
}

impl StartError {
    fn system(what: &'static str, why: impl ToString) -> Self {
        Self::System { what, why: why.to_string() }
    }
}

/// A running responder. Dropping it stops it too, without waiting.
pub struct Responder {
    bound: Vec<Bound>,
    not_bound: Vec<NotBound>,
    tally: Arc<counters::Tally>,
    cancel: tokio_util::sync::DropGuard,
    tasks: TaskTracker,
    udp: udp::UdpThread,
}

impl Responder {
    /// Opens every port that can be opened and serves it. Must be called within a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, None).await
    }

    /// The same, with a page for browsers on the HTTPS ports.
    pub async fn start_with(config: Config, web: Option<Web>) -> Result<Self, StartError> {
        let Config { services, tls, key, limits, alternate, tool_version } = config;
        descriptors::raise(bind::sockets_needed(&services) + u64::from(limits.connections.total))?;
        let opening = tokio::task::spawn_blocking(move || {
            let opened = bind::open(&services);
            (services, opened)
        });
        let (services, opened) = opening.await.map_err(|e| StartError::system("open its sockets", e))?;
        let tally = Arc::new(counters::Tally::default());
        let seed = chance::secret_seed().ok_or_else(|| StartError::system("start", "no randomness"))?;
        let secret = chance::secret_seed().ok_or_else(|| StartError::system("start", "no randomness"))?;
        let key_bytes = key.as_ref().map(|k| k.bytes());
        let own = own_sockets(&opened.udp, &alternate);
        let aside: Vec<u16> = alternate.all_ports().collect();
        let reflector = Reflector::new(limits.answers, own, key_bytes, seed, clock::now());
        let sip = opened.bound.iter().filter(|b| b.service == Service::Sip && b.transport == Transport::Udp);
        let reflector = reflector.with_sip(sip.flat_map(|b| b.ports.ranges().iter().flat_map(|r| r.iter())));
        let reflector =
            reflector.granting(limits.sessions).with_alternate(alternate).with_ike(ike_ports(&opened.bound));
        let flows = flow::Flows::new(secret, clock::now());
        let (cancel, tasks) = (CancellationToken::new(), TaskTracker::new());
        let web = web.map(|web| web::Pages::new(web, &opened.bound, &opened.udp, &cancel));
        let gate = web.as_ref().map(web::Pages::gate);
        let udp = udp::UdpThread::start(opened.udp, &aside, reflector, flows, (tally.clone(), gate))
            .map_err(|e| StartError::system("start its UDP thread", e))?;
        let context = Arc::new(tcp::Context {
            acceptor: tokio_rustls::TlsAcceptor::from(tls),
            page: page::render(&opened.bound, key.is_some(), &limits.sessions, &tool_version),
            door: udp.door(),
            media: ice::MediaPorts::of(&opened.bound),
            key,
            version: tool_version,
            limits: limits.connections,
            admission: Admission::new(limits.connections.total, limits.connections.per_source),
            websockets: Admission::new(limits.connections.websockets, limits.connections.websockets_per_source),
            tally: tally.clone(),
            cancel: cancel.clone(),
            tasks: tasks.clone(),
            web,
        });
        for port in face::assign(opened.tcp, &services, &opened.bound) {
            tcp::listen(port, &context).map_err(|e| StartError::system("listen on TCP", e))?;
        }
        tasks.spawn(log_counters(tally.clone(), cancel.clone()));
        let responder =
            Self { bound: opened.bound, not_bound: opened.not_bound, tally, cancel: cancel.drop_guard(), tasks, udp };
        responder.log_start();
        Ok(responder)
    }

    /// What is served, in the order of the rules.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// What is not served, and why.
    pub fn not_bound(&self) -> &[NotBound] {
        &self.not_bound
    }

    /// What was answered and dropped so far.
    pub fn counters(&self) -> Counters {
        self.tally.read()
    }

    /// Ends every connection and closes every socket; returns the last counters when that is done.
    pub async fn stop(self) -> Counters {
        let Self { tally, cancel, tasks, udp, .. } = self;
        drop(cancel);
        tasks.close();
        if tokio::time::timeout(STOP_WITHIN, tasks.wait()).await.is_err() {
            tracing::warn!(connections = tasks.len(), "connections that did not end are dropped");
        }
        let _ = tokio::task::spawn_blocking(move || udp.join()).await;
        let counters = tally.read();
        tracing::info!(%counters, "responder stopped");
        counters
    }

    fn log_start(&self) {
        for b in &self.bound {
            tracing::info!(
                rule = %b.rule, role = %b.role, address = %b.address, transport = %b.transport, ports = %b.ports,
                service = %b.service, "serving"
            );
        }
        for n in &self.not_bound {
            tracing::warn!(rule = %n.rule, address = %n.address, ports = %n.ports, why = n.why, "not serving");
        }
    }
}

/// Every port of an `ike` rule.
fn ike_ports(bound: &[Bound]) -> Vec<u16> {
    let rules = bound.iter().filter(|b| b.service == Service::Ike);
    rules.flat_map(|b| b.ports.ranges().iter().flat_map(|r| r.iter())).collect()
}

/// Every address and port from which the responder itself could seem to ask.
fn own_sockets(sockets: &[udp::Socket], alternate: &Alternate) -> OwnSockets {
    let mut own = OwnSockets::default();
    let mut machine = bind::machine_addresses();
    // The system does not list each of the loopback network's addresses.
    machine.extend(&alternate.second);
    for socket in sockets.iter().map(|s| s.local) {
        own.insert(socket);
        if socket.ip().is_unspecified() {
            let family = machine.iter().filter(|a| a.is_ipv4() == socket.is_ipv4());
            family.for_each(|a| own.insert(std::net::SocketAddr::new(*a, socket.port())));
        }
    }
    own
}

async fn log_counters(tally: Arc<counters::Tally>, cancel: CancellationToken) {
    let mut before = tally.read();
    while cancel.run_until_cancelled(tokio::time::sleep(LOG_EVERY)).await.is_some() {
        let now = tally.read();
        if now != before {
            tracing::debug!(counters = %now, "counters");
            before = now;
        }
    }
}
