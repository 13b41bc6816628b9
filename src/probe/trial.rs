//! What is tried beside the rules, one kind a file, and one `match` where they meet. Like every probe it sees no limit.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::measure::Way;
pub use super::path::hops;
use super::resolver::{self, Resolver};
use super::{Progress, Proxy, Settings, both, call, turn};
use crate::model::{KnownPage, Observation, ProbeKind, RelayTransport};

/// A relay's address and what carries the way to it.
#[derive(Clone, Debug, PartialEq)]
pub struct RelayServer {
    /// As given: for SNI, certificate names and the proxy.
    pub host: String,
    pub address: SocketAddr,
    pub transport: RelayTransport,
    /// The proxy that the way leads through, for TCP and TLS.
    pub proxy: Option<Arc<Proxy>>,
    /// What its own check saw; `None` where it was not tried.
    pub seen: Option<Observation>,
}

/// What to try.
#[derive(Clone, Debug)]
pub enum What {
    /// STUN servers of one family, by host and address.
    Nat(Vec<(String, SocketAddr)>),
    Turn(RelayServer),
    Ice,
    Call,
    /// A host that has nothing to do with the platform, by its port.
    Control(u16),
    Resolver(Resolver),
    Portal(KnownPage),
    /// UDP ports at which something may answer STUN.
    Path(Vec<u16>),
}

/// One thing to try at one address.
#[derive(Clone, Debug)]
pub struct TrialTask {
    /// The check's id, for events.
    pub check: String,
    pub what: What,
    /// The host as given.
    pub host: String,
    pub address: IpAddr,
    /// Every rule on this address, and what its own check saw, in the profile's order.
    pub ways: Vec<Way>,
    /// Every relay of the run whose own check relayed data, in the order in which a call prefers them.
    pub relays: Vec<RelayServer>,
    /// How long media flow in a call.
    pub length: Duration,
    /// No longer than this.
    pub deadline: Duration,
}

/// The probe that carries it out, as a report names it.
pub fn kind(what: &What) -> ProbeKind {
    match what {
        What::Nat(_) => ProbeKind::Nat,
        What::Turn(_) => ProbeKind::Turn,
        What::Ice => ProbeKind::Ice,
        What::Call => ProbeKind::JanusCall,
        What::Control(_) => ProbeKind::Tls,
        What::Resolver(_) => ProbeKind::Dns,
        What::Portal(_) => ProbeKind::Http,
        What::Path(_) => ProbeKind::Path,
    }
}

/// Carries out one trial.
pub async fn attempt(
    task: &TrialTask,
    settings: &Settings,
    cancel: &CancellationToken,
    progress: Progress,
) -> Observation {
    match &task.what {
        What::Turn(server) => {
            let way =
                |server: RelayServer| async move { turn::attempt(&server, task.deadline, settings, cancel).await };
            both::relay_ways(server, settings, way).await
        }
        What::Ice => super::ice::probe(task, settings, cancel).await,
        What::Call => call::attempt(task, settings, cancel, progress).await,
        What::Control(port) => {
            let at = SocketAddr::new(task.address, *port);
            super::control::probe(&task.check, &task.host, at, task.deadline, settings).await
        }
        What::Resolver(server) => resolver::probe(server, task.deadline).await,
        What::Portal(page) => super::portal::probe(task, page).await,
        What::Path(ports) => super::path::probe(task, ports, settings, cancel).await,
        What::Nat(servers) => super::nat::probe(task, servers, settings, cancel, progress).await,
    }
}
