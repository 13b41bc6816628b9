//! One relay (RFC 8656): a way to it, an allocation, and a second of audio through it to its own relayed address and back,
//! so that what passes is proven by data. Knows no limit and judges nothing.

mod loops;
mod outcome;
mod ports;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub use ports::{may_stand_in, relayed_ports};

use super::trial::RelayServer;
use super::{Settings, Task};
use crate::model::{Observation, RelayTransport, metric};
use crate::net::clock;
use crate::net::mirror::Mirror;
use crate::session::turn::{At, Outcome, Peer};
use loops::Loop;

/// No relay is waited for any longer, whatever it does; the full schedule of RFC 8489 takes its time.
const PATIENCE: Duration = Duration::from_secs(8);
const LONG_PATIENCE: Duration = Duration::from_secs(45);

/// Allocation Quota Reached (RFC 8656 section 19).
const QUOTA: u16 = 486;

/// What a rule asks of a relay.
pub async fn probe(
    task: &Task,
    transport: RelayTransport,
    settings: &Settings,
    cancel: &CancellationToken,
) -> Observation {
    let server = RelayServer {
        host: task.host.clone(),
        address: task.socket(),
        transport,
        proxy: task.proxy.clone(),
        seen: None,
    };
    attempt(&server, task.deadline, settings, cancel).await
}

/// Relays to itself; over a relay that forbids itself as a peer, to another socket of this machine.
pub async fn attempt(
    server: &RelayServer,
    deadline: Duration,
    settings: &Settings,
    cancel: &CancellationToken,
) -> Observation {
    let patience = if settings.thorough { LONG_PATIENCE } else { PATIENCE };
    let end = clock::now() + deadline.min(patience);
    through(Loop::new(server, settings, cancel, end)).await
}

async fn through(mut way: Loop<'_>) -> Observation {
    let (mut observation, mut seen) = past_quota(&way, None).await;
    // Not every relay that is reached over IPv6 relays to it.
    if way.relay_v6 && refused(&seen, &[At::Allocate], 440) {
        way.relay_v6 = false;
        (observation, seen) = past_quota(&way, None).await;
    }
    if refused(&seen, &[At::Permission, At::Channel], 403)
        && let Some(mirror) = Mirror::open(way.server.address).await
    {
        way.peer = Peer::Address(mirror.mapped());
        way.relay_v6 = mirror.mapped().is_ipv6();
        let (past_itself, _) = past_quota(&way, Some(&mirror)).await;
        // What is forbidden there too says no more than the first.
        if past_itself.failure().is_none() {
            return past_itself;
        }
    }
    observation
}

/// Once more, later, where the user holds as many allocations as it may: they may be those of the other ways of this run.
async fn past_quota(way: &Loop<'_>, mirror: Option<&Mirror>) -> (Observation, Outcome) {
    let (mut observation, mut seen) = way.run(mirror).await;
    if !refused(&seen, &[At::Allocate], QUOTA) || !way.rest().await {
        return (observation, seen);
    }
    let (again, seen_again) = way.run(mirror).await;
    if again.failure().is_none() || seen_again.error.is_some() {
        (observation, seen) = (again, seen_again);
    }
    if let Some(error) = seen.error.as_mut().filter(|error| error.code == QUOTA)
        && let Some(mut fact) = observation.facts.get::<Map<String, Value>>(&metric::TURN_ERROR)
    {
        error.retried = true;
        fact.insert("retried".to_owned(), true.into());
        observation.facts.set(&metric::TURN_ERROR, fact);
    }
    (observation, seen)
}

fn refused(seen: &Outcome, at: &[At], code: u16) -> bool {
    seen.error.as_ref().is_some_and(|error| error.code == code && at.contains(&error.at))
}
