//! `observed.trace`: how far a flow that failed gets, beside a control flow to the same host. Probe and judge share it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A router on the way, or the host at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// 1 is the nearest router.
    pub distance: u8,
    pub address: IpAddr,
}

/// What carried the packets of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    Udp,
    Tcp,
    /// A ClientHello over an open TCP connection.
    Tls,
}

impl Carrier {
    /// As a sentence has it.
    pub fn words(self) -> &'static str {
        match self {
            Carrier::Udp => "UDP",
            Carrier::Tcp => "TCP",
            Carrier::Tls => "TLS",
        }
    }
}

/// One flow: the same source and destination for all its packets, as far as the system allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    pub carrier: Carrier,
    pub port: u16,
    /// The name in the ClientHello.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a traced flow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TraceEnd {
    /// Nothing comes back from `before` on, where the control flow is answered; with no `before` nothing else is either.
    Silent,
    /// An ICMP error of `from` stops it.
    Rejected,
    /// A TCP reset, or port unreachable in the target's name, at the distance of `before`: nearer than the host it is not
    /// the host's.
    Refused,
    /// A TLS connection is cut off when the ClientHello comes as far as `before`.
    Cut,
    /// This machine itself does not send it.
    Local,
    /// It was answered now.
    Answered,
    /// The rounds did not agree, or were not enough.
    Unknown,
}

/// What came of the same ClientHello with another name in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherName {
    pub name: String,
    pub end: TraceEnd,
    /// How many rounds agreed.
    pub rounds: u8,
}

/// What came of UDP to a port of the same host that no rule names: where it ends too, it is not the port that is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherPort {
    pub port: u16,
    pub end: TraceEnd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Hop>,
}

/// The TTL of what comes back, where the system lets it be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ttl {
    /// Of the reset.
    pub reset: u8,
    /// Of what an open port of the host answers.
    pub host: u8,
}

impl Ttl {
    /// The reset came from nearer, or from another system than the host's.
    pub fn differ(self) -> bool {
        self.reset != self.host
    }
}

/// `observed.trace` of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    pub flow: Flow,
    /// The flow that found the hops: one to the same host that works where there is one.
    pub control: Flow,
    /// This machine's address on that way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// The control flow came to the host, so many hops away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_distance: Option<u8>,
    /// Routers that answered the control flow, nearest first.
    pub hops: Vec<Hop>,
    pub end: TraceEnd,
    /// The last router that the flow was seen at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Hop>,
    /// The next that answers the control flow and not this one; the host itself where no router is in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Hop>,
    /// How many rounds agreed; three are needed where only silence speaks.
    pub rounds: u8,
    /// Who sent the ICMP error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// The ICMP error's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<String>,
    /// The same ClientHello with a control name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_name: Option<OtherName>,
    /// UDP to another port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_port: Option<OtherPort>,
    /// TTL of the reset at the host's distance, beside the host's own; absent where the system forbids to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// Why no place can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_unknown: Option<String>,
}

impl Trace {
    /// So many rounds have to agree before silence places anything.
    pub const ROUNDS: u8 = 3;

    /// The flow ends at the host, or at what speaks in its name next to it.
    pub fn ends_at_host(&self) -> bool {
        self.before.is_some_and(|b| Some(b.distance) == self.host_distance)
    }

    /// Routers nearer than the one at `address`, and it: its number on the way.
    pub fn distance_of(&self, address: IpAddr) -> Option<u8> {
        self.hops.iter().find(|h| h.address == address).map(|h| h.distance)
    }
}
