//! A host as an operator or a document names it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A name or an address literal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name, in lower case, without a final dot.
    Name(String),
    /// An address; no name is looked up. An IPv4-mapped IPv6 address is the IPv4 address that it stands for.
    Address(IpAddr),
}

impl Host {
    /// As it stands in SNI and certificates: no brackets.
    pub fn bare(&self) -> String {
        match self {
            Host::Name(n) => n.clone(),
            Host::Address(a) => a.to_string(),
        }
    }
}

/// Names that no DNS server is to be asked for (RFC 6761 section 6.3, RFC 6762 section 3).
pub fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    ["localhost", "local"].iter().any(|top| name == *top || name.ends_with(&format!(".{top}")))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.bare())
    }
}

impl FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(v6) = inner {
            return v6.parse::<Ipv6Addr>().map(|a| Host::Address(a.to_canonical())).map_err(|_| not_v6(v6));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Host::Address(address.to_canonical()));
        }
        if text.contains("://") {
            return Err(format!("`{text}` is a URL; give the host alone"));
        }
        if let Some((host, port)) = text.rsplit_once(':') {
            return Err(match port.parse::<u16>() {
                Ok(port) => {
                    format!(
                        "`{text}` names a port; give `{host}` alone and move a rule's port with `--port RULE={port}`"
                    )
                }
                Err(_) => not_v6(text),
            });
        }
        name(text)
    }
}

fn not_v6(text: &str) -> String {
    match text.contains('%') {
        true => format!("`{text}` has a zone; give a global or unique local IPv6 address, in brackets"),
        false => format!("`{text}` is not an IPv6 address; write one as [2001:db8::1]"),
    }
}

/// Checks a name's form (RFC 1123 section 2.1; underscores are seen in the field and taken).
fn name(text: &str) -> Result<Host, String> {
    let bare = text.strip_suffix('.').unwrap_or(text);
    if text.contains('=') {
        return Err(format!("`{text}` looks like another role: give each role a --target of its own"));
    }
    if !bare.is_ascii() {
        return Err(format!("`{text}` is not ASCII; give an internationalised name in its xn-- form"));
    }
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last_is_number = bare.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if bare.is_empty() || bare.len() > 253 || !bare.split('.').all(label) || last_is_number {
        return Err(format!("`{text}` is neither a host name nor an address"));
    }
    Ok(Host::Name(bare.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_what_is_none() {
        for (text, want) in [
            ("rtc.example.com", Ok("rtc.example.com")),
            ("RTC.Example.com.", Ok("rtc.example.com")),
            ("192.0.2.1", Ok("192.0.2.1")),
            ("[2001:db8::1]", Ok("2001:db8::1")),
            ("2001:db8::1", Ok("2001:db8::1")),
            ("[::ffff:192.0.2.1]", Ok("192.0.2.1")),
            ("::ffff:192.0.2.1", Ok("192.0.2.1")),
            ("rtc:8989", Err("--port RULE=8989")),
            ("192.0.2.1:443", Err("--port RULE=443")),
            ("[fe80::1%eth0]", Err("zone")),
            ("https://rtc", Err("URL")),
            ("[192.0.2.1]", Err("not an IPv6 address")),
            ("192.0.2.300", Err("neither")),
            ("bücher.example", Err("xn--")),
            ("-a", Err("neither")),
            ("a..b", Err("neither")),
            ("", Err("neither")),
        ] {
            match (text.parse::<Host>(), want) {
                (Ok(host), Ok(want)) => assert_eq!(host.to_string(), want),
                (Err(error), Err(want)) => assert!(error.contains(want), "{text}: {error}"),
                (got, want) => panic!("{text}: {got:?}, wanted {want:?}"),
            }
        }
    }
}
