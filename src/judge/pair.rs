//! The pair of ICE candidates that carries data, as probes record it.

use serde::Deserialize;
use serde_json::Value;

use crate::model::Way;

/// One end of a pair, or a candidate.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// `host`, `srflx`, `prflx` or `relay`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Address and port.
    pub address: String,
    /// What carries the way to its relay.
    pub via: Option<String>,
}

/// The two ends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Pair {
    pub local: Candidate,
    pub remote: Candidate,
}

impl Candidate {
    /// `relay 198.51.100.5:50123 by TURN/TLS`.
    pub fn words(&self) -> String {
        let by = self.way().map(|way| format!(" by {way}")).unwrap_or_default();
        let kind = if self.kind.is_empty() { "a candidate of unknown kind" } else { &self.kind };
        format!("{kind} {}{by}", self.address)
    }

    /// The way to its relay in words.
    fn way(&self) -> Option<String> {
        let via = self.via.as_ref().filter(|_| self.kind == "relay")?;
        let known = serde_json::from_value::<Way>(Value::String(via.clone())).ok();
        Some(known.map_or_else(|| via.clone(), |way| way.words().to_owned()))
    }
}

impl Pair {
    /// Reads the `pair` of an object of facts; `None` where no pair was found.
    pub fn read(object: &Value) -> Option<Self> {
        Self::deserialize(object.get("pair").filter(|p| p.is_object())?).ok()
    }

    /// No relay on this machine's side: packets go to the far end themselves. A kind that is absent or unknown shows nothing.
    pub fn is_direct(&self) -> bool {
        matches!(self.local.kind.as_str(), "host" | "srflx" | "prflx")
    }

    /// A relay on this machine's side.
    pub fn is_relayed(&self) -> bool {
        self.local.kind == "relay"
    }

    /// The far end's port.
    pub fn remote_port(&self) -> Option<u16> {
        self.remote.address.rsplit_once(':')?.1.parse().ok()
    }

    /// `host 192.0.2.7:40001 to host 203.0.113.10:19504`.
    pub fn words(&self) -> String {
        format!("{} to {}", self.local.words(), self.remote.words())
    }
}
