//! Probes: one kind a file, and one `match` where they meet. A probe gets a [`Task`] and answers an [`Observation`];
//! it never sees a limit and never judges.

pub mod dns;
pub mod http;
mod layers;
pub mod plain_tcp;
pub mod plain_udp;
pub mod redirect;
pub mod ssh;
pub mod stun;
pub mod tcp;
pub mod udp_range;
pub mod ws;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use crate::model::PortsMode;
use crate::model::{Observation, PortRange};
use crate::net;
use crate::profile::Spec;

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
    /// No longer than this.
    pub deadline: Duration,
}

impl Task {
    /// Address and first port.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.ports.map_or(0, PortRange::first))
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
    /// HTTPS port of the well-known page per address, where a responder may be found: the profile's own HTTPS rules.
    pub responder_pages: Arc<Vec<SocketAddr>>,
}

/// Tells how far a long probe is.
pub type Progress = Arc<dyn Fn(u32, u32) + Send + Sync>;

/// Carries out one task.
pub async fn probe(task: &Task, settings: &Settings, progress: Progress) -> Observation {
    let _ = (settings, progress);
    Observation::skipped(crate::model::ProbeKind::Tcp, format!("{} is not built", task.check))
}
