//! An ICE agent (RFC 8445, webrtc-ice) that controls: gathers candidates, checks them against those of one far agent, and
//! carries a session over the pair that wins. Its own statistics tell no round trip, so that is left to the session. Knows
//! neither who the far agent is nor what a pair is worth.

mod agent;
mod carry;
mod fit;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::model::Secret;

pub use agent::{Connection, connect};

/// A user name fragment and its password (RFC 8445 section 5.3).
#[derive(Clone, Debug)]
pub struct Credentials {
    pub ufrag: String,
    pub pwd: Secret,
}

/// A relay as this agent can ask it: over UDP, at a [`Shim`](super::shim::Shim) that leads there.
#[derive(Clone, Debug)]
pub struct RelayPort {
    pub shim: SocketAddr,
    pub username: String,
    pub password: Secret,
}

/// What is to be connected, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The far agent's candidates, of one family, the one to prefer first; at least one.
    pub remote: Vec<SocketAddr>,
    pub ours: Credentials,
    pub theirs: Credentials,
    /// Servers that tell a server-reflexive address, of the same family.
    pub stun: Vec<SocketAddr>,
    pub relays: Vec<RelayPort>,
    /// No host and no server-reflexive candidates, as where UDP to the far agent is forbidden.
    pub relay_only: bool,
    /// No longer than this.
    pub patience: Duration,
}

/// Where a candidate comes from (RFC 8445 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relay,
}

impl Kind {
    /// As SDP writes it (RFC 8839 section 5.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::ServerReflexive => "srflx",
            Kind::PeerReflexive => "prflx",
            Kind::Relay => "relay",
        }
    }
}

/// A candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    pub address: SocketAddr,
    /// The port from which this agent asked for it: of a relayed one, what the shim sees as its client's.
    pub asked_from: Option<u16>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.address)
    }
}

/// What was found on the way. Times are since gathering and checks began together.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// When there was nothing more to gather; `None`: that was not waited for.
    pub gathered: Option<Duration>,
    /// When a pair was nominated.
    pub connected: Option<Duration>,
    /// The pair: of this agent, of the far one.
    pub pair: Option<(Found, Found)>,
    pub candidates: Vec<Found>,
    /// Addresses of this machine that are no candidates, and why.
    pub left_out: Vec<(IpAddr, &'static str)>,
}

#[cfg(test)]
mod tests;
