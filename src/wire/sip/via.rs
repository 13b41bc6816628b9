//! The Via header (RFC 3261 section 20.42) and what a server adds to it of the packet that bore it.

use std::net::{IpAddr, SocketAddr};

/// The topmost value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Host of sent-by, an IPv6 address without its brackets.
    pub host: String,
    /// Port of sent-by.
    pub port: Option<u16>,
    pub branch: Option<String>,
    /// The address that the server saw, of which some write the brackets too.
    pub received: Option<IpAddr>,
    /// The port that the server saw (RFC 3581).
    pub rport: Option<u16>,
}

impl Via {
    /// Reads a header's value up to the next one in the same line; `None` where it has no sent-by.
    pub fn read(value: &str) -> Option<Self> {
        let mut parts = first(value)?.split(';').map(str::trim);
        let (_, sent_by) = parts.next()?.rsplit_once([' ', '\t'])?;
        let (host, port) = match sent_by.strip_prefix('[') {
            Some(v6) => v6.split_once(']').map(|(host, port)| (host, port.strip_prefix(':')))?,
            None => sent_by.split_once(':').map_or((sent_by, None), |(host, port)| (host, Some(port))),
        };
        let mut via = Self {
            host: host.to_owned(),
            port: port.and_then(|p| p.parse().ok()),
            branch: None,
            received: None,
            rport: None,
        };
        for part in parts {
            let (name, value) = part.split_once('=').map_or((part, ""), |(n, v)| (n.trim(), v.trim()));
            match name.to_ascii_lowercase().as_str() {
                "branch" => via.branch = Some(value.to_owned()),
                "received" => {
                    via.received = value.trim_matches(['[', ']']).parse().ok().map(|a: IpAddr| a.to_canonical())
                }
                "rport" => via.rport = value.parse().ok(),
                _ => {}
            }
        }
        (!via.host.is_empty()).then_some(via)
    }

    /// The host of sent-by where it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok().map(|a: IpAddr| a.to_canonical())
    }

    /// A header's value with `source` in its first Via: `rport` filled where it was asked for, and `received` where that
    /// was so or sent-by says something else. `None`: it cannot be read.
    pub fn told(value: &str, source: SocketAddr) -> Option<String> {
        let via = Self::read(value)?;
        let top = first(value)?;
        let rest = value.get(top.len()..).unwrap_or_default().trim_start();
        let (mut told, mut asked) = (String::new(), false);
        for (n, part) in top.split(';').map(str::trim).enumerate() {
            let name = part.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
            match name.as_str() {
                _ if n == 0 => told.push_str(part),
                "received" => {}
                "rport" => {
                    asked = true;
                    told.push_str(&format!(";rport={}", source.port()));
                }
                _ => told.push_str(&format!(";{part}")),
            }
        }
        let address = source.ip().to_canonical();
        if asked || via.address() != Some(address) {
            told.push_str(&format!(";received={address}"));
        }
        Some(told + rest)
    }
}

/// Up to the comma that separates it from the next; a comma in quotation marks separates nothing.
fn first(value: &str) -> Option<&str> {
    let mut quoted = false;
    let end = value.find(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    value.get(..end.unwrap_or(value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_write_is_read() {
        let via = Via::read("SIP/2.0/UDP 10.0.0.5:4000;rport=61000;received=198.51.100.1;branch=z9hG4bKx").unwrap();
        assert_eq!((via.host.as_str(), via.port, via.rport), ("10.0.0.5", Some(4000), Some(61000)));
        assert_eq!((via.received, via.branch.as_deref()), ("198.51.100.1".parse().ok(), Some("z9hG4bKx")));
        let spaced =
            Via::read("SIP / 2.0 / TCP  [2001:db8::1]:5060 ; Received=[2001:DB8::2] ; rport , SIP/2.0/UDP a").unwrap();
        assert_eq!((spaced.address(), spaced.port), ("2001:db8::1".parse().ok(), Some(5060)));
        assert_eq!((spaced.received, spaced.rport), ("2001:db8::2".parse().ok(), None));
        let bare = Via::read("SIP/2.0/WSS k3b9.invalid;branch=a").unwrap();
        assert_eq!((bare.host.as_str(), bare.port, bare.received), ("k3b9.invalid", None, None));
        for wrong in ["", ";", "SIP/2.0/UDP", "SIP/2.0/UDP [2001:db8::1", ","] {
            assert_eq!(Via::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn received_is_told_where_it_differs_or_rport_asks_for_it() {
        let source: SocketAddr = "10.0.0.5:4000".parse().unwrap();
        for (value, told) in [
            ("SIP/2.0/UDP 10.0.0.5", "SIP/2.0/UDP 10.0.0.5"),
            ("SIP/2.0/UDP 10.0.0.6", "SIP/2.0/UDP 10.0.0.6;received=10.0.0.5"),
            ("SIP/2.0/UDP host.example", "SIP/2.0/UDP host.example;received=10.0.0.5"),
            ("SIP/2.0/UDP 10.0.0.5;rport", "SIP/2.0/UDP 10.0.0.5;rport=4000;received=10.0.0.5"),
            ("SIP/2.0/UDP a;received=1.2.3.4;x=y", "SIP/2.0/UDP a;x=y;received=10.0.0.5"),
        ] {
            assert_eq!(Via::told(value, source).as_deref(), Some(told));
        }
    }
}
