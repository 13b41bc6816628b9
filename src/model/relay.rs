//! Where a TURN server is and what carries the way to it: `turn:` and `turns:` URIs (RFC 7065).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::host::Host;

/// What carries TURN to its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RelayTransport {
    Udp,
    Dtls,
    Tcp,
    Tls,
}

impl RelayTransport {
    /// The one that a scheme and a `transport` parameter make together.
    pub fn of(secure: bool, udp: bool) -> Self {
        match (secure, udp) {
            (false, true) => RelayTransport::Udp,
            (true, true) => RelayTransport::Dtls,
            (false, false) => RelayTransport::Tcp,
            (true, false) => RelayTransport::Tls,
        }
    }

    /// Over UDP below.
    pub fn is_udp(self) -> bool {
        matches!(self, RelayTransport::Udp | RelayTransport::Dtls)
    }

    /// Encrypted to the server.
    pub fn is_secure(self) -> bool {
        matches!(self, RelayTransport::Dtls | RelayTransport::Tls)
    }
}

/// A TURN server as it is given on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnUri {
    pub host: Host,
    /// 3478, or 5349 for `turns:`, where none is given (RFC 8656 section 3).
    pub port: u16,
    pub transport: RelayTransport,
}

impl FromStr for TurnUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown = if may_hold_password(text) { "(not repeated, because it may hold a password)" } else { text };
            format!(
                "{shown}: not a TURN URI; write turn:HOST[:PORT][?transport=udp|tcp] or turns:HOST[:PORT][?transport=udp|tcp]"
            )
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(wrong)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "turn" => false,
            "turns" => true,
            _ => return Err(wrong()),
        };
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let udp = match query.map(|q| q.to_ascii_lowercase()).as_deref() {
            None => !secure,
            Some("transport=udp") => true,
            Some("transport=tcp") => false,
            Some(_) => return Err(wrong()),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') && (!host.contains(':') || host.starts_with('[')) => {
                (host, Some(port.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(wrong)?))
            }
            _ => (place, None),
        };
        let host: Host = host.parse().map_err(|_| wrong())?;
        Ok(Self {
            host,
            port: port.unwrap_or(if secure { 5349 } else { 3478 }),
            transport: RelayTransport::of(secure, udp),
        })
    }
}

/// Whether somebody may have put a password into a mistyped URI or URL, so that it must not be repeated: it has an `@`, or a
/// colon behind its scheme and outside brackets (`turn:user:password`).
pub fn may_hold_password(text: &str) -> bool {
    let schemes = ["turn:", "turns:", "stun:", "stuns:", "http://", "https://"];
    let behind = |scheme: &&str| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = schemes.iter().find_map(behind).unwrap_or(text);
    // An address in brackets has colons of its own.
    let outside = match (rest.find('['), rest.rfind(']')) {
        (Some(open), Some(close)) if rest.get(open + 1..close).is_some_and(|a| a.parse::<Ipv6Addr>().is_ok()) => {
            [rest.get(..open), rest.get(close..)]
        }
        _ => [Some(rest), None],
    };
    text.contains('@') || outside.iter().flatten().any(|part| part.contains(':'))
}

impl fmt::Display for TurnUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.transport.is_secure() { "turns" } else { "turn" };
        let transport = if self.transport.is_udp() { "udp" } else { "tcp" };
        let host = match &self.host {
            Host::Address(a) if a.is_ipv6() => format!("[{a}]"),
            other => other.to_string(),
        };
        write!(f, "{scheme}:{host}:{}?transport={transport}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_password_is_not_repeated() {
        for text in [
            "turn:bob:hunter2",
            "TURN:bob:hunter2@relay.example",
            "turns:[bob:hunter2]:1x",
            "bob:hunter2",
            "http://bob:hunter2",
            "turn:[2001:db8::1]:hunter2",
        ] {
            assert!(may_hold_password(text), "{text}");
            assert!(!text.parse::<TurnUri>().unwrap_err().contains("hunter2"), "{text}");
        }
        for text in ["", "a.example", "stun:a.example", "turn:[2001:db8::1]x", "turn:a?transport=tls"] {
            assert!(text.parse::<TurnUri>().unwrap_err().starts_with(text), "{text}");
        }
    }

    #[test]
    fn uris_are_read_with_the_defaults_of_rfc_7065() {
        for (text, shown) in [
            ("turn:a.example", "turn:a.example:3478?transport=udp"),
            ("TURN:192.0.2.1:80?transport=tcp", "turn:192.0.2.1:80?transport=tcp"),
            ("turns:[2001:db8::1]:443", "turns:[2001:db8::1]:443?transport=tcp"),
            ("turns:[2001:db8::1]?transport=udp", "turns:[2001:db8::1]:5349?transport=udp"),
        ] {
            assert_eq!(text.parse::<TurnUri>().map(|u| u.to_string()), Ok(shown.to_owned()), "{text}");
        }
        for text in ["", "a.example", "stun:a.example", "turn:", "turn:a:0", "turn:a:99999", "turn:a?transport=tls"] {
            assert!(text.parse::<TurnUri>().is_err(), "{text}");
        }
    }
}
