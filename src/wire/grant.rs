//! Opening a test session on a responder: the bodies of `POST /.well-known/rtc-check/session` over TLS, and of its
//! answers. What a responder grants bounds what it sends; the token in it validates the UDP source.

use serde::{Deserialize, Serialize};

/// Where a session is asked for.
pub const PATH: &str = "/.well-known/rtc-check/session";

/// No body is longer, either way.
pub const LONGEST: usize = 1024;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A STAMP train: the responder answers each packet with one of the same size.
    Train,
    /// Paced flows, of which the responder sends its own: `wire::flow`.
    Flow,
}

/// What the client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub kind: Kind,
    /// At the IP level, each way; the highest that it will use.
    pub up_kbps: u32,
    pub down_kbps: u32,
    /// UDP datagrams a second, the busier way.
    pub packets_per_second: u32,
    /// From the first datagram to the last.
    pub seconds: u32,
}

/// What it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// STAMP's session identifier (RFC 8972 section 3), never 0.
    pub ssid: u16,
    /// To be borne by every datagram of the session, sixteen hexadecimal digits.
    pub token: String,
    /// How long the session may last from its first datagram; unused, it is forgotten after three seconds, and two seconds
    /// after its last datagram.
    pub seconds: u32,
    /// How many bytes (UDP payload) the responder will send.
    pub bytes: u64,
}

impl Grant {
    /// The token as a number; `None`: not sixteen hexadecimal digits.
    pub fn token(&self) -> Option<u64> {
        (self.token.len() == 16).then(|| u64::from_str_radix(&self.token, 16).ok())?
    }
}

/// Why it gets none, with status 400 (what it wants can never be granted), 401 (key), 429 (this source has too much) or
/// 503 (the responder has too much).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// One sentence that an admin can act on.
    pub refused: String,
}
