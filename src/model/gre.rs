//! What came back for GRE (`observed.gre`): one shape for the one who records it and the one who judges it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What showed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GreAnswer {
    /// Our keepalive: our packets go there, and what they carry comes back.
    Keepalive,
    /// GRE of the peer's own: it comes from there, which says nothing of the way there.
    Packet,
    /// The host's own refusal of a port, which GRE has not.
    NoTunnel,
}

/// An answer, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gre {
    pub answer: GreAnswer,
    pub from: IpAddr,
    /// Round trip of a keepalive, in milliseconds; `None` for what answers no packet of ours.
    pub ms: Option<f64>,
}
