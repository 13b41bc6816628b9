//! Finding a Janus Gateway behind the rules of a target: the WebSocket with its subprotocol first, else its HTTPS API; and
//! what it says of itself. Whether a call follows is not decided here.

use std::time::{Duration, Instant};

use serde_json::json;

use super::talk::{Talk, credentials};
use crate::model::{Failure, FailureKind, Observation, Outcome, PortRange, ProbeKind, Step, Transport, metric};
use crate::net::http::Authority;
use crate::net::janus::{Api, Line, Place, SUBPROTOCOL};
use crate::net::tcp::Stream;
use crate::net::tls::HTTP11;
use crate::net::{clock, ws};
use crate::probe::layers::Climb;
use crate::probe::measure::Way;
use crate::probe::trial::TrialTask;
use crate::probe::{Settings, Task};
use crate::profile::{HttpSpec, Spec, WsSpec};
use crate::wire::janus::{ECHO_TEST, ServerInfo};

/// No more ways than this are tried.
const MOST_WAYS: usize = 3;
/// How long each is given.
const EACH: Duration = Duration::from_secs(5);
/// The port on which Janus's HTTPS API usually is, and its path.
const HTTPS: (u16, &str) = (8089, "/janus");

/// A Janus Gateway that answered.
pub struct Reached {
    pub talk: Talk,
    pub info: ServerInfo,
    pub port: u16,
}

impl Reached {
    /// Whether it can send media back.
    pub fn has_echo_test(&self) -> bool {
        self.info.plugins.iter().any(|p| p == ECHO_TEST)
    }

    /// `version 1.1.2`, or what there is of it.
    pub fn version(&self) -> String {
        match (&self.info.version_string, self.info.version) {
            (Some(version), _) => format!("version {version}"),
            (None, Some(number)) => format!("version {number}"),
            (None, None) => "of an unknown version".to_owned(),
        }
    }

    /// The fact `janus`.
    pub fn record(&self, obs: &mut Observation) {
        let api = match self.talk.api() {
            Api::Wss => "wss",
            Api::Https => "https",
        };
        let info = &self.info;
        let fact = json!({
            "version": info.version, "version_string": info.version_string, "plugins": info.plugins,
            "api": api, "port": self.port,
        });
        obs.facts.set(&metric::JANUS, fact);
    }
}

/// Where an API may be.
enum Access<'a> {
    WebSocket(&'a WsSpec),
    /// Its base path.
    Https(String),
}

/// Asks each possible way until one says that it is a Janus Gateway. Records the steps of that one, or of the last.
///
/// # Errors
/// Why there is none, a sentence for each way, and the last one's failure.
pub async fn reach(
    task: &TrialTask,
    settings: &Settings,
    end: Instant,
    obs: &mut Observation,
) -> Result<Reached, (String, Failure)> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for (way, access, port) in possible(&task.ways).take(MOST_WAYS) {
        let failure = match way.seen.as_ref().and_then(Observation::failure) {
            Some(failure) => failure.clone(),
            None => match ask(task, settings, (&access, port), end.min(clock::now() + EACH), obs).await {
                Ok(reached) => return Ok(reached),
                Err(failure) => failure,
            },
        };
        words.push(format!("port {port}: {}", failure.detail));
        last = Some(failure);
    }
    let none = "no rule of the target leads to a Janus Gateway's API".to_owned();
    match last {
        None => Err((none.clone(), Failure::new(Step::Info, FailureKind::ServerError, none))),
        Some(failure) => Err((format!("no Janus Gateway answered ({})", words.join("; ")), failure)),
    }
}

/// WebSockets first, then HTTPS with Janus's own path or port.
fn possible(ways: &[Way]) -> impl Iterator<Item = (&Way, Access<'_>, u16)> {
    let open = |way: &&Way| {
        way.transport == Transport::Tcp && !way.seen.as_ref().is_some_and(|o| matches!(o.outcome, Outcome::Skipped(_)))
    };
    let sockets = ways.iter().filter(open).filter_map(|way| match &way.spec {
        Spec::Ws(spec) if spec.subprotocol.as_deref() == Some(SUBPROTOCOL) => {
            Some((way, Access::WebSocket(spec), way.ports?.first()))
        }
        _ => None,
    });
    let pages = ways.iter().filter(open).filter_map(|way| {
        let (Spec::Http(spec), port) = (&way.spec, way.ports?.first()) else { return None };
        let base = spec.path.strip_suffix("/info").filter(|base| base.starts_with('/'));
        let base = base.or((port == HTTPS.0).then_some(HTTPS.1)).filter(|_| spec.tls)?;
        Some((way, Access::Https(base.to_owned()), port))
    });
    sockets.chain(pages)
}

async fn ask(
    task: &TrialTask,
    settings: &Settings,
    (access, port): (&Access<'_>, u16),
    end: Instant,
    obs: &mut Observation,
) -> Result<Reached, Failure> {
    let tls = !matches!(access, Access::WebSocket(spec) if !spec.tls);
    let way = Task {
        check: task.check.clone(),
        spec: Spec::Http(HttpSpec { tls, either: false, path: "/".to_owned(), expect: None }),
        host: task.host.clone(),
        address: task.address,
        ports: PortRange::single(port),
        stun: Vec::new(),
        proxy: settings.proxies.to(&task.host, port, false),
        unresolved: None,
        transport: Transport::Tcp,
        deadline: end.saturating_duration_since(clock::now()),
    };
    let mut climb = Climb::new(ProbeKind::JanusCall, &way);
    let stream = climb.open(tls.then_some((&*settings.tls, HTTP11))).await;
    obs.steps = std::mem::take(&mut climb.obs.steps);
    let lost = || Failure::new(Step::Connect, FailureKind::Internal, "no result");
    let stream = stream.ok_or_else(|| climb.obs.failure().cloned().unwrap_or_else(lost))?;
    let line = open(task, settings, stream, (access, &way, tls), obs).await?;
    let start = clock::now();
    let mut talk = Talk::new(line, credentials(&settings.janus), tls);
    let left = end.saturating_duration_since(start);
    let late =
        |_| Err(crate::net::classify::timed_out(Step::Info, "no answer to the question what the server is", left));
    let info = tokio::time::timeout(left, talk.info()).await.unwrap_or_else(late);
    let took = clock::now().duration_since(start);
    match info {
        Ok(info) => {
            obs.step_ok(Step::Info, took);
            Ok(Reached { talk, info, port })
        }
        Err(failure) => {
            obs.step_noted(&failure, took);
            Err(failure)
        }
    }
}

async fn open(
    task: &TrialTask,
    settings: &Settings,
    stream: Stream,
    (access, way, tls): (&Access<'_>, &Task, bool),
    obs: &mut Observation,
) -> Result<Line, Failure> {
    let start = clock::now();
    match access {
        Access::WebSocket(spec) => {
            let to = Authority { host: &task.host, port: way.socket().port(), tls };
            let upgraded = ws::upgrade(stream, to, &spec.path, Some(SUBPROTOCOL), way.deadline).await;
            let took = clock::now().duration_since(start);
            match upgraded {
                Ok((socket, _)) => {
                    obs.step_ok(Step::Upgrade, took);
                    Ok(Line::websocket(socket))
                }
                Err(refused) => {
                    obs.step_noted(&refused.failure, took);
                    Err(refused.failure)
                }
            }
        }
        Access::Https(base) => {
            let place = Place {
                host: task.host.clone(),
                address: way.socket(),
                base: base.clone(),
                trust: settings.tls.clone(),
            };
            Line::https(stream, place, credentials(&settings.janus)).await
        }
    }
}
