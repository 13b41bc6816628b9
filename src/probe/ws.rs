//! WebSocket: the upgrade with the profile's path and subprotocol, SIP OPTIONS where that is `sip`, a ping, silence where it
//! is asked for, a clean close.

mod options;

use std::time::{Duration, Instant};

use super::layers::Climb;
use super::stranger::{self, Stranger};
use super::{Settings, Task};
use crate::model::schedule::PONG_TIMEOUT;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric, millis};
use crate::net::classify::{self, seconds};
use crate::net::clock;
use crate::net::http::Authority;
use crate::net::tls::HTTP11;
use crate::net::ws::{self, End, NoPong, WebSocket};
use crate::profile::WsSpec;

/// How long the server's close frame is waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Upgrades, asks, pings, holds the connection in silence where the settings ask for it, and closes.
pub async fn probe(task: &Task, settings: &Settings, spec: &WsSpec) -> Observation {
    let mut climb = Climb::new(ProbeKind::Ws, task);
    // Nothing but http/1.1 by ALPN: Janus picks h2 for a WebSocket wherever it is offered.
    let Some(stream) = climb.open(spec.tls.then_some((&*settings.tls, HTTP11))).await else { return climb.obs };
    let to = Authority { host: &task.host, port: task.socket().port(), tls: spec.tls };
    let start = clock::now();
    let left = climb.remaining();
    let upgrading = ws::upgrade(stream, to, &spec.path, spec.subprotocol.as_deref(), left);
    let (upgraded, found) = stranger::meanwhile(upgrading, left, stranger::in_rtmp(task, spec.tls)).await;
    let (mut socket, answer) = match upgraded {
        Ok(open) => open,
        Err(refused) => {
            climb.obs.facts.extend(refused.facts);
            return refused_by(climb, refused.failure, found, spec.tls, start).await;
        }
    };
    climb.obs.step_ok(Step::Upgrade, clock::now().duration_since(start));
    answer.record(&mut climb.obs.facts);
    if let Some(selected) = &spec.subprotocol {
        climb.obs.facts.set(&metric::SUBPROTOCOL, selected);
    }
    if spec.subprotocol.as_deref() == Some(options::SUBPROTOCOL)
        && let Some(end) = options::ask(&mut climb, &mut socket, spec.tls).await
    {
        return options::closed(climb, &end, settings.hold);
    }
    let Some(pongs) = first_ping(&mut climb, &mut socket, settings.hold).await else { return climb.obs };
    if let Some(hold) = settings.hold
        && !held(&mut climb, &mut socket, hold, pongs).await
    {
        return climb.obs;
    }
    socket.close(CLOSE_TIMEOUT.min(climb.remaining())).await;
    climb.obs
}

/// A port that hung up on the upgrade, or answered no HTTP, is asked whether it speaks RTMP, which shares ports with
/// WebSockets; one that was silent has been, which `found` tells.
async fn refused_by(
    mut climb: Climb<'_>,
    mut failure: Failure,
    found: Option<Stranger>,
    tls: bool,
    start: Instant,
) -> Observation {
    let took = clock::now().duration_since(start);
    let strange = matches!(failure.kind, FailureKind::Closed | FailureKind::Reset | FailureKind::Garbage)
        && !climb.obs.facts.has(&metric::HTTP_STATUS);
    let found = match strange && found.is_none() {
        true => stranger::at_once(climb.remaining(), stranger::in_rtmp(climb.task, tls)).await,
        false => found.filter(|_| strange || failure.kind == FailureKind::TimedOut),
    };
    if let Some(found) = found.filter(|s| s.name != "HTTP") {
        failure = Failure::new(Step::Upgrade, FailureKind::Garbage, found.words("and not WebSocket", &failure));
        climb.obs.facts.set(&metric::MET, found.name);
    }
    climb.obs.step_failed(failure, took);
    climb.obs
}

/// Pings once: whether the server answers pings, or `None` when the connection has ended. Silence decides nothing,
/// because some servers answer no ping; nor does a close frame, because a server that closes by the book was reached,
/// unless the connection was to be held open for a time (`hold`). A connection cut without one is a failure.
async fn first_ping(climb: &mut Climb<'_>, socket: &mut WebSocket, hold: Option<Duration>) -> Option<bool> {
    let start = clock::now();
    let limit = PONG_TIMEOUT.min(climb.remaining());
    let result = socket.ping(limit).await;
    let took = clock::now().duration_since(start);
    match result {
        Ok(rtt) => {
            climb.obs.step_ok(Step::Ping, took);
            climb.obs.facts.set(&metric::PING_RTT_MS, millis(rtt));
            Some(true)
        }
        Err(NoPong::Silent) => {
            climb.obs.step_noted(&classify::timed_out(Step::Ping, "no pong", limit), took);
            Some(false)
        }
        Err(NoPong::Ended(end)) => {
            let words = format!("the WebSocket {} right after the upgrade", end.words());
            let failure = Failure::new(Step::Ping, end.kind(), words);
            match (end, hold) {
                (End::CloseFrame(_), None) => climb.obs.step_noted(&failure, took),
                (End::CloseFrame(_), Some(hold)) => {
                    climb.obs.step_noted(&failure, took);
                    let detail = format!("{}, which was to be held open for {}", failure.detail, seconds(hold));
                    climb.obs.step_failed(Failure::new(Step::Hold, FailureKind::HoldCut, detail), Duration::ZERO);
                }
                _ => climb.obs.step_failed(failure, took),
            }
            None
        }
    }
}

/// Holds the connection in silence, then pings where the server answers pings (`pongs`). False when it ended. The time
/// comes on top of the task's deadline, which is for the steps that have work to do.
async fn held(climb: &mut Climb<'_>, socket: &mut WebSocket, time: Duration, pongs: bool) -> bool {
    climb.extend(time + PONG_TIMEOUT);
    let start = clock::now();
    let cut = |detail| Failure::new(Step::Hold, FailureKind::HoldCut, detail);
    let failure = match socket.hold(time).await {
        Err((end, after)) => {
            climb.obs.facts.set(&metric::HELD_S, tenths(after));
            Some(cut(format!("the WebSocket {} after {} of silence", end.words(), seconds(after))))
        }
        Ok(()) => {
            climb.obs.facts.set(&metric::HELD_S, tenths(time));
            after_silence(socket, time, PONG_TIMEOUT, pongs).await.map(cut)
        }
    };
    let took = clock::now().duration_since(start);
    match failure {
        Some(failure) => {
            climb.obs.step_failed(failure, took);
            false
        }
        None => {
            climb.obs.step_ok(Step::Hold, took);
            true
        }
    }
}

/// How the connection turns out to be dead after `time` of silence, if it does. Without a pong before, silence after
/// tells nothing.
async fn after_silence(socket: &mut WebSocket, time: Duration, limit: Duration, pongs: bool) -> Option<String> {
    match socket.ping(limit).await {
        Err(NoPong::Silent) if pongs => {
            Some(format!("no pong in {} after {} of silence: the way is dead", seconds(limit), seconds(time)))
        }
        Err(NoPong::Ended(end)) => {
            Some(format!("the WebSocket {} when pinged after {} of silence", end.words(), seconds(time)))
        }
        _ => None,
    }
}

fn tenths(d: Duration) -> f64 {
    (d.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
