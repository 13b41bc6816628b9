//! The agent: from its plan to a connection. Closes all that it opened, whenever it is dropped.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use webrtc_ice::agent::Agent;
use webrtc_ice::agent::agent_config::AgentConfig;
use webrtc_ice::candidate::candidate_base::CandidateBaseConfig;
use webrtc_ice::candidate::candidate_host::CandidateHostConfig;
use webrtc_ice::candidate::{Candidate, CandidateType};
use webrtc_ice::mdns::MulticastDnsMode;
use webrtc_ice::network_type::NetworkType;
use webrtc_ice::url::{ProtoType, SchemeType, Url};
use webrtc_util::Conn;

use super::fit::Sieve;
use super::{Found, Kind, Plan, RelayPort, Report};
use crate::model::{Failure, FailureKind, Step};
use crate::net::clock;

/// The agent looks at its pairs so often: it asks those again that have not answered, and nominates the best of those that
/// have. Each look costs a nomination half of this; Ta must not be below 5 ms (RFC 8445 section 14.2).
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// A pair is asked so often: for three seconds.
const MOST_CHECKS: u16 = 150;

/// Where there are other candidates, a relayed pair is not nominated earlier: it must not win because one check of a
/// shorter way was lost.
const RELAY_WAIT: Duration = Duration::from_millis(200);

/// Gathering that is not over when a pair is connected is waited for so long.
const LAST_CANDIDATES: Duration = Duration::from_millis(300);

/// The agent gives up gathering by itself within this.
const LONGEST_GATHERING: Duration = Duration::from_secs(10);

/// No closing takes longer.
const CLOSING: Duration = Duration::from_secs(1);

/// Candidates that are kept.
const MOST_FOUND: usize = 64;

type Shared = Arc<dyn Candidate + Send + Sync>;

/// A candidate and when it was found; without one, that there are no more.
type Event = (Instant, Option<Found>);

/// A connection over the pair that was nominated.
pub struct Connection {
    pub(super) conn: Arc<dyn Conn + Send + Sync>,
    /// The far agent's address of the pair.
    pub(super) remote: SocketAddr,
    agent: Closing,
}

impl Connection {
    /// Where the far agent is.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Gives back all relayed addresses and closes all sockets.
    pub async fn close(mut self) {
        self.agent.close().await;
    }
}

/// Gathers, checks and nominates. The report says what was there, also where nothing connected.
///
/// # Errors
/// Of step `gather`, where the agent could not be made, or `checks`: no pair worked in time.
pub async fn connect(plan: &Plan, cancel: &CancellationToken) -> (Report, Result<Connection, Failure>) {
    let sieve = Sieve::default();
    let begun = clock::now();
    let (mut agent, mut events) = match begin(plan, &sieve).await {
        Ok(agent) => agent,
        Err(e) => {
            let words = format!("the ICE agent could not be made: {e}");
            return (Report::default(), Err(Failure::new(Step::Gather, FailureKind::Internal, words)));
        }
    };
    let mut report = Report::default();
    let dialled = {
        let mut gathered = Gathered { begun, events: &mut events, report: &mut report };
        tokio::select! {
            dialled = dial(&agent, plan) => dialled,
            () = gathered.nothing() => Err((FailureKind::IceFailed, "there was nothing to try".to_owned())),
            () = tokio::time::sleep(plan.patience) => {
                let words = format!("no pair of candidates worked in {:.1} s", plan.patience.as_secs_f64());
                Err((FailureKind::IceFailed, words))
            }
            () = cancel.cancelled() => Err((FailureKind::OutOfTime, "interrupted".to_owned())),
        }
    };
    report.connected = dialled.is_ok().then(|| since(begun, clock::now()));
    if dialled.is_ok() {
        let mut gathered = Gathered { begun, events: &mut events, report: &mut report };
        let _ = tokio::time::timeout(LAST_CANDIDATES, gathered.all()).await;
    }
    report.left_out = sieve.left_out();
    let pair = agent.agent.get_selected_candidate_pair();
    let gone = || (FailureKind::IceFailed, "the nominated pair is gone".to_owned());
    match dialled.and_then(|conn| Ok((conn, pair.ok_or_else(gone)?))) {
        Ok((conn, pair)) => {
            report.pair = found(&pair.local).zip(found(&pair.remote));
            (report, Ok(Connection { conn, remote: pair.remote.addr(), agent }))
        }
        Err((kind, words)) => {
            agent.close().await;
            (report, Err(Failure::new(Step::Checks, kind, words)))
        }
    }
}

/// What the agent tells of its gathering, kept in the report.
struct Gathered<'a> {
    begun: Instant,
    events: &'a mut mpsc::UnboundedReceiver<Event>,
    report: &'a mut Report,
}

impl Gathered<'_> {
    /// Until there are no more candidates.
    async fn all(&mut self) {
        while self.report.gathered.is_none() {
            // The agent is there, and so is the other end.
            let Some((at, found)) = self.events.recv().await else { return };
            match found {
                Some(found) if self.report.candidates.len() < MOST_FOUND => self.report.candidates.push(found),
                Some(_) => {}
                None => self.report.gathered = Some(since(self.begun, at)),
            }
        }
    }

    /// Until it is known that there is none at all; for ever where there is one.
    async fn nothing(&mut self) {
        self.all().await;
        if !self.report.candidates.is_empty() {
            std::future::pending::<()>().await;
        }
    }
}

fn since(begun: Instant, at: Instant) -> Duration {
    at.saturating_duration_since(begun)
}

/// Makes the agent and begins to gather.
async fn begin(plan: &Plan, sieve: &Sieve) -> Result<(Closing, mpsc::UnboundedReceiver<Event>), webrtc_ice::Error> {
    let agent = Arc::new(Agent::new(config(plan, sieve)).await?);
    let (tell, events) = mpsc::unbounded_channel();
    let (done, gathered) = watch::channel(false);
    // From here on whoever drops this closes it.
    let agent = Closing { agent, gathered, closed: false };
    agent.agent.on_candidate(Box::new(move |candidate| {
        if candidate.is_none() {
            done.send_replace(true);
        }
        let event = match &candidate {
            Some(candidate) => found(candidate).map(Some),
            None => Some(None),
        };
        // Nobody listens any more once the pair is there.
        let _ = event.map(|event| tell.send((clock::now(), event)));
        Box::pin(async {})
    }));
    agent.agent.gather_candidates()?;
    Ok((agent, events))
}

/// Hands the far agent's candidates in and checks until a pair is nominated.
async fn dial(agent: &Closing, plan: &Plan) -> Result<Arc<dyn Conn + Send + Sync>, (FailureKind, String)> {
    let failed = |e: webrtc_ice::Error| (FailureKind::IceFailed, e.to_string());
    for (place, address) in plan.remote.iter().enumerate() {
        let candidate = far_host(*address, place).map_err(failed)?;
        agent.agent.add_remote_candidate(&candidate).map_err(failed)?;
    }
    // To drop the other end would cancel.
    let (_keeps, cancelled) = mpsc::channel(1);
    let (ufrag, pwd) = (plan.theirs.ufrag.clone(), plan.theirs.pwd.expose().to_owned());
    let conn = agent.agent.dial(cancelled, ufrag, pwd).await.map_err(failed)?;
    Ok(conn)
}

/// A candidate of the far agent, which is a lite one and has hosts alone; a later place is preferred less (RFC 8445
/// section 5.1.2.1).
fn far_host(address: SocketAddr, place: usize) -> Result<Shared, webrtc_ice::Error> {
    let local_preference = u32::from(u16::MAX).saturating_sub(u32::try_from(place).unwrap_or(0));
    let base_config = CandidateBaseConfig {
        network: "udp".to_owned(),
        address: address.ip().to_string(),
        port: address.port(),
        component: 1,
        priority: 126 << 24 | local_preference << 8 | 255,
        ..CandidateBaseConfig::default()
    };
    Ok(Arc::new(CandidateHostConfig { base_config, ..CandidateHostConfig::default() }.new_candidate_host()?))
}

fn config(plan: &Plan, sieve: &Sieve) -> AgentConfig {
    let target = plan.remote.first().map_or(IpAddr::from([0, 0, 0, 0]), SocketAddr::ip);
    let family = if target.is_ipv4() { NetworkType::Udp4 } else { NetworkType::Udp6 };
    let sieve = sieve.clone();
    let others = !plan.relay_only;
    AgentConfig {
        urls: plan.stun.iter().filter(|_| others).map(stun).chain(plan.relays.iter().map(turn)).collect(),
        local_ufrag: plan.ours.ufrag.clone(),
        local_pwd: plan.ours.pwd.expose().to_owned(),
        multicast_dns_mode: MulticastDnsMode::Disabled,
        network_types: vec![family],
        candidate_types: match others {
            true => vec![CandidateType::Host, CandidateType::ServerReflexive, CandidateType::Relay],
            false => vec![CandidateType::Relay],
        },
        check_interval: CHECK_EVERY,
        max_binding_requests: Some(MOST_CHECKS),
        is_controlling: true,
        host_acceptance_min_wait: Some(Duration::ZERO),
        srflx_acceptance_min_wait: Some(Duration::ZERO),
        prflx_acceptance_min_wait: Some(Duration::ZERO),
        relay_acceptance_min_wait: Some(if others { RELAY_WAIT } else { Duration::ZERO }),
        // The agent tells nobody what it leaves out, and so it leaves nothing out by itself.
        include_loopback: true,
        ip_filter: Arc::new(Some(Box::new(move |address| sieve.passes(address, target)))),
        ..AgentConfig::default()
    }
}

fn url(scheme: SchemeType, at: SocketAddr) -> Url {
    let host = if at.is_ipv4() { at.ip().to_string() } else { format!("[{}]", at.ip()) };
    Url { scheme, host, port: at.port(), proto: ProtoType::Udp, ..Url::default() }
}

fn stun(at: &SocketAddr) -> Url {
    url(SchemeType::Stun, *at)
}

fn turn(relay: &RelayPort) -> Url {
    let password = relay.password.expose().to_owned();
    Url { username: relay.username.clone(), password, ..url(SchemeType::Turn, relay.shim) }
}

/// A candidate of webrtc-ice's; `None`: of no kind that is known.
fn found(candidate: &Shared) -> Option<Found> {
    let kind = match candidate.candidate_type() {
        CandidateType::Host => Kind::Host,
        CandidateType::ServerReflexive => Kind::ServerReflexive,
        CandidateType::PeerReflexive => Kind::PeerReflexive,
        CandidateType::Relay => Kind::Relay,
        CandidateType::Unspecified => return None,
    };
    let address = SocketAddr::new(candidate.address().parse().ok()?, candidate.port());
    Some(Found { kind, address, asked_from: candidate.related_address().map(|related| related.port) })
}

/// An agent that is closed when it is dropped: by itself it would go on, its tasks keep it alive.
struct Closing {
    agent: Arc<Agent>,
    gathered: watch::Receiver<bool>,
    closed: bool,
}

impl Closing {
    /// Closes it now: sockets, and relayed addresses by asking their relays.
    async fn close(&mut self) {
        self.closed = true;
        let _ = tokio::time::timeout(CLOSING, self.agent.close()).await;
        if !*self.gathered.borrow() {
            tokio::spawn(close_late(self.agent.clone()));
        }
    }
}

/// Closes what was still being gathered when the agent was closed, and which it would keep for ever.
async fn close_late(agent: Arc<Agent>) {
    tokio::time::sleep(LONGEST_GATHERING).await;
    for candidate in agent.get_local_candidates().await.unwrap_or_default() {
        let _ = tokio::time::timeout(CLOSING, candidate.close()).await;
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let (false, Ok(runtime)) = (self.closed, Handle::try_current()) else { return };
        let agent = self.agent.clone();
        runtime.spawn(async move {
            let _ = tokio::time::timeout(CLOSING, agent.close()).await;
            close_late(agent).await;
        });
    }
}
