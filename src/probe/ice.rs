//! ICE with the lite agent of a responder: with every candidate, then once more with relayed ones alone, and a short train
//! over each pair that wins. Sees no limit and judges nothing.

mod relays;
mod shown;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::figures::{self, AUDIO};
use super::session::doors;
use super::session::{self, Asked, Door, Wish};
use super::trial::TrialTask;
use super::{Settings, measure};
use crate::model::{
    Facts, Failure, FailureKind, Observation, Outcome, ProbeKind, RelayTransport, Secret, Service, Standing, Step,
    Transport, metric, millis,
};
use crate::net::ice::{self, Connection, Credentials, Report};
use crate::net::{chance, clock};
use crate::session::train::{self, Decision, Looks, Stamp, Train, Via};
use crate::stats;
use crate::wire::ice::{Ask, Grant, PATH};
use relays::Relays;

const KIND: ProbeKind = ProbeKind::Ice;

/// All that opening a session may take.
const OPENING: Duration = Duration::from_secs(5);

/// Checks, from the first to a nomination.
const PATIENCE: Duration = Duration::from_secs(5);

/// The train: 50 packets at audio's 20 ms.
const TRAIN: Duration = Duration::from_secs(1);

/// For what comes after the train's last packet.
const SETTLING: Duration = Duration::from_secs(3);

/// How long after its release an allocation may still count.
const QUOTA_FREED: Duration = Duration::from_millis(1500);

/// STUN servers that are asked for a server-reflexive address.
const MOST_STUN: usize = 4;

/// Opens a session on the responder at the task's address and connects to it.
pub async fn probe(task: &TrialTask, settings: &Settings, cancel: &CancellationToken) -> Observation {
    let trial = Trial { task, settings, cancel, begun: clock::now() };
    match trial.open().await {
        Ok((session, took)) => trial.try_both(&session, took).await,
        Err(observation) => observation,
    }
}

struct Trial<'a> {
    task: &'a TrialTask,
    settings: &'a Settings,
    cancel: &'a CancellationToken,
    begun: Instant,
}

/// An ICE session that a responder granted.
struct Session {
    ours: Credentials,
    theirs: Credentials,
    remote: Vec<SocketAddr>,
}

/// What came of one agent of ours.
#[derive(Default)]
struct Attempt {
    report: Report,
    relays: Relays,
    /// What each relay said that is no success.
    relay_errors: Vec<String>,
    /// Of the train, where there was one, and how long it took.
    facts: Facts,
    trained: Duration,
    /// How long a pair was looked for.
    tried: Duration,
    failure: Option<Failure>,
}

impl Trial<'_> {
    fn remaining(&self) -> Duration {
        self.task.deadline.saturating_sub(clock::now().saturating_duration_since(self.begun))
    }

    /// Asks for a session; `Err`: what stands for all of it where none is granted.
    async fn open(&self) -> Result<(Session, Duration), Observation> {
        let ours = Credentials { ufrag: hex(chance::bytes::<4>()), pwd: Secret::new(hex(chance::bytes::<16>())) };
        let ports = doors(&self.task.ways, &self.settings.page_ports);
        let door = Door { host: &self.task.host, address: self.task.address, ports: &ports };
        let json = serde_json::to_vec(&Ask { ufrag: ours.ufrag.clone() }).unwrap_or_default();
        let wish = Wish { path: PATH, json: &json };
        let asked = session::ask(door, wish, self.settings, OPENING.min(self.remaining()), read).await;
        let took = clock::now().saturating_duration_since(self.begun);
        match asked {
            Asked::Granted(grant, _) => {
                let theirs = Credentials { ufrag: grant.ufrag, pwd: Secret::new(grant.pwd) };
                let remote = grant.ports.iter().map(|port| SocketAddr::new(self.task.address, *port)).collect();
                Ok((Session { ours, theirs, remote }, took))
            }
            Asked::Refused { why, .. } => {
                let words = format!("the responder granted no ICE session: {why}");
                let mut observation = Observation::new(KIND);
                observation.step_failed(Failure::new(Step::Session, FailureKind::SessionRefused, words), took);
                Err(observation)
            }
            Asked::NoPage(seen) => Err(Observation::skipped(
                KIND,
                format!(
                    "no rtc-check responder at {} opens an ICE session ({seen}), and ICE with the platform's own agent is \
                     tried by the call",
                    self.task.address
                ),
            )),
        }
    }

    /// With every candidate, then with relayed ones alone where there are any.
    async fn try_both(&self, session: &Session, opened: Duration) -> Observation {
        let mut observation = Observation::new(KIND);
        observation.step_ok(Step::Session, opened);
        let full = self.attempt(session, false).await;
        observation.facts.set(&metric::ICE, shown::attempt(&full));
        observation.facts.extend(full.facts.clone());
        if let Some(connected) = full.ready() {
            observation.facts.set(&metric::READY_MS, millis(connected));
        }
        record(&mut observation, &full);
        if full.report.connected.is_some() && !full.relays.is_empty() && !self.cancel.is_cancelled() {
            let relayed = self.relayed(session).await;
            observation.facts.set(&metric::ICE_RELAY_ONLY, shown::attempt(&relayed));
        }
        observation
    }

    /// With relayed candidates alone. A relay may count what was just given back to it for a second more.
    async fn relayed(&self, session: &Session) -> Attempt {
        let first = self.attempt(session, true).await;
        let quota = first.relay_errors.iter().any(|said| said.contains(relays::QUOTA));
        if first.report.connected.is_some() || !quota || self.cancel.is_cancelled() {
            return first;
        }
        tokio::time::sleep(QUOTA_FREED.min(self.remaining())).await;
        self.attempt(session, true).await
    }

    /// One agent: its relays opened, a pair nominated, a train sent over it, and all of it closed.
    async fn attempt(&self, session: &Session, relay_only: bool) -> Attempt {
        let relays = Relays::open(self.task, self.settings, self.remaining()).await;
        let plan = ice::Plan {
            remote: session.remote.clone(),
            ours: session.ours.clone(),
            theirs: session.theirs.clone(),
            stun: self.stun(),
            relays: relays.ports(),
            relay_only,
            patience: PATIENCE.min(self.remaining()),
        };
        let begun = clock::now();
        let (report, connected) = ice::connect(&plan, self.cancel).await;
        let tried = clock::now().saturating_duration_since(begun);
        let mut attempt = Attempt { report, relays, tried, ..Attempt::default() };
        match connected {
            Ok(connection) => {
                let begun = clock::now();
                attempt.failure = self.train(&connection, &mut attempt.facts).await.err();
                attempt.trained = clock::now().saturating_duration_since(begun);
                attempt.relay_errors = attempt.relays.errors();
                connection.close().await;
            }
            Err(failure) => {
                attempt.relay_errors = attempt.relays.errors();
                attempt.failure = Some(Failure { detail: shown::failure(&plan, &attempt, &failure.detail), ..failure });
            }
        }
        attempt.relays.released().await;
        attempt
    }

    /// The servers of the run that told this machine's address, of the target's family.
    fn stun(&self) -> Vec<SocketAddr> {
        let passed = |way: &&measure::Way| {
            let seen = way.seen.as_ref().filter(|seen| seen.outcome == Outcome::Measured);
            // A responder with a key does not answer the agent, which has none.
            let answers =
                |seen: &Observation| self.settings.responder_key.is_none() || !seen.facts.has(&metric::RESPONDER);
            way.service == Service::Stun && way.transport == Transport::Udp && seen.is_some_and(answers)
        };
        let own = self.task.ways.iter().filter(passed).filter_map(|way| way.ports);
        let own = own.map(|ports| SocketAddr::new(self.task.address, ports.first()));
        let relays = self.task.relays.iter().filter(|r| r.transport == RelayTransport::Udp).map(|r| r.address);
        let mut all: Vec<SocketAddr> = Vec::new();
        for server in own.chain(relays).filter(|server| server.is_ipv4() == self.task.address.is_ipv4()) {
            if all.len() < MOST_STUN && !all.contains(&server) {
                all.push(server);
            }
        }
        all
    }

    /// Round trips over the pair. A responder without a key does not know packets that bear its proof.
    async fn train(&self, connection: &Connection, facts: &mut Facts) -> Result<(), Failure> {
        let key = self.settings.responder_key.as_ref().map(|key| key.bytes().to_vec());
        let with_key = key.is_some();
        let mut outcome = self.ride(connection, key).await;
        if with_key && outcome.record.replies.is_empty() {
            outcome = self.ride(connection, None).await;
        }
        let v6 = connection.remote().is_ipv6();
        facts.extend(figures::of_train(&outcome, None, v6, |_| Standing::Holds).0.facts);
        if self.cancel.is_cancelled() {
            return Err(Failure::new(Step::Train, FailureKind::OutOfTime, "interrupted"));
        }
        if outcome.record.replies.is_empty() {
            let sent = outcome.record.sent.len();
            let words = format!("a pair of candidates was nominated, and none of {sent} packets over it came back");
            return Err(Failure::new(Step::Train, FailureKind::NoMedia, words));
        }
        Ok(())
    }

    async fn ride(&self, connection: &Connection, key: Option<Vec<u8>>) -> train::Outcome {
        let stamp = Stamp { key, report: true, ..Stamp::default() };
        let once = stats::Looks::exact(TRAIN);
        let looks =
            Looks { next: Box::new(move |so_far| once.next(so_far)), decide: Box::new(|_| Decision::Undecided) };
        let plan = train::Plan { target: connection.remote(), load: AUDIO, via: Via::Stamp(stamp), dscp: 0, looks };
        let deadline = (TRAIN + SETTLING).min(self.remaining());
        let driven = connection.carry(|start| Train::new(plan, start.at, start.wall), deadline, self.cancel).await;
        driven.session.finish(driven.ended)
    }
}

impl Attempt {
    /// From the first packet until media could flow: of a relayed pair the way to the relay, too.
    fn ready(&self) -> Option<Duration> {
        let relay = self.report.pair.and_then(|(local, _)| self.relays.of(&local));
        Some(self.report.connected? + relay.map_or(Duration::ZERO, |relay| relay.opened))
    }
}

/// Steps and failure of the attempt with every candidate.
fn record(observation: &mut Observation, full: &Attempt) {
    if let Some(gathered) = full.report.gathered {
        observation.step_ok(Step::Gather, gathered);
    }
    if let Some(connected) = full.report.connected {
        observation.step_ok(Step::Checks, connected);
    }
    match &full.failure {
        Some(failure) if failure.step == Step::Checks => observation.step_failed(failure.clone(), full.tried),
        Some(failure) => observation.step_failed(failure.clone(), full.trained),
        None => observation.step_ok(Step::Train, full.trained),
    }
}

fn hex<const N: usize>(bytes: [u8; N]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A grant that can be used.
fn read(body: &[u8]) -> Option<Grant> {
    serde_json::from_slice(body).ok().filter(Grant::is_valid)
}
