//! This machine's clock against another's. One shape for the one who reads and the one who judges.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far this machine's clock is from a server's: `observed.clock_error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClockError {
    /// This machine's time minus the server's, in seconds: above 0 where this machine is ahead.
    pub error_s: f64,
    /// It may be wrong by so much either way, in seconds.
    pub within_s: f64,
    /// The server's time, RFC 3339 in UTC.
    pub server_time: String,
}
