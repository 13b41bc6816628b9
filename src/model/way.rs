//! The ways that media can take to a target, and how each of them did, side by side.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::masked;
use super::relay::RelayTransport;
use super::rule::RoleName;
use super::status::Status;

/// A way for media, in the order in which a call prefers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// UDP to the target's own media ports.
    DirectUdp,
    /// A relay that is reached over UDP.
    TurnUdp,
    /// A relay that is reached over DTLS.
    TurnDtls,
    /// A relay that is reached over TCP.
    TurnTcp,
    /// A relay that is reached over TLS.
    TurnTls,
}

impl Way {
    /// As people write it.
    pub fn words(self) -> &'static str {
        match self {
            Way::DirectUdp => "direct UDP",
            Way::TurnUdp => "TURN/UDP",
            Way::TurnDtls => "TURN/DTLS",
            Way::TurnTcp => "TURN/TCP",
            Way::TurnTls => "TURN/TLS",
        }
    }
}

impl From<RelayTransport> for Way {
    fn from(transport: RelayTransport) -> Self {
        match transport {
            RelayTransport::Udp => Way::TurnUdp,
            RelayTransport::Dtls => Way::TurnDtls,
            RelayTransport::Tcp => Way::TurnTcp,
            RelayTransport::Tls => Way::TurnTls,
        }
    }
}

/// How one way did. A figure that was not measured is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WayRow {
    /// The role whose media take it; a relay's own role serves every other.
    pub role: RoleName,
    /// The host as given: the target's, or the relay's.
    pub target: String,
    /// Null when the name did not resolve.
    #[serde(default, with = "masked::optional")]
    #[schemars(with = "Option<IpAddr>")]
    pub address: Option<IpAddr>,
    /// Port of the relay; absent for direct UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    pub way: Way,
    pub status: Status,
    /// A call from here would take this one.
    pub used: bool,
    /// Until media could flow.
    pub connect_ms: Option<f64>,
    /// Mean round trip.
    pub rtt_ms: Option<f64>,
    /// As in the quality check; where one way cannot be seen, half the mean variation of the round trip is not given for it.
    pub jitter_ms: Option<f64>,
    pub loss_pct: Option<f64>,
    pub mos: Option<f64>,
    /// This machine's address as the far end saw it.
    pub seen_as: Option<String>,
    /// The check that has the evidence.
    pub check: String,
}
