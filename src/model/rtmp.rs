//! What an RTMP server says.

use serde::{Deserialize, Serialize};

/// `observed.rtmp`: how it shook hands, and its answer to `connect`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RtmpSaid {
    /// Version of the handshake.
    pub version: u8,
    /// S2 repeats C1.
    pub echoed: bool,
    /// What it made of `connect`; `None` where it did not answer.
    pub accepted: Option<bool>,
    /// `NetConnection.Connect.Success`.
    pub code: Option<String>,
    pub description: Option<String>,
    /// The name that it gives itself.
    pub server: Option<String>,
    pub capabilities: Option<f64>,
}
