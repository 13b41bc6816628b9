//! Where a document goes: an `http` or `https` URL. Its path and query may be what opens the place (a signed URL, a hook),
//! so nothing shows them.

use std::fmt;

use hyper::http::uri::PathAndQuery;

use crate::model::{Host, Secret};
use crate::net::http::Authority;

/// The longest URL that is taken, in bytes.
const LONGEST: usize = 8 << 10;
/// What is shorter says nothing, and hiding it would garble a sentence.
const SHORTEST_HIDDEN: usize = 6;

/// An `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    pub tls: bool,
    pub host: Host,
    pub port: u16,
    path: Secret,
}

/// Scheme, host and port alone.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.bare();
        let authority = Authority { host: &host, port: self.port, tls: self.tls };
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, authority.header())
    }
}

impl Destination {
    /// Reads a URL; an error repeats nothing of it but its scheme.
    ///
    /// # Errors
    /// A clause: what is no such URL, and one with a user name or password.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or("not a URL; write https://HOST[:PORT]/PATH")?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("the URL must begin with https:// or http://".to_owned()),
        };
        if text.len() > LONGEST {
            return Err(format!("the URL is longer than {LONGEST} bytes"));
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(
                "the URL has a user name or password, which everyone on this machine could read in the list of \
                        processes; send them as a header that stands in the environment (Authorization)"
                    .to_owned(),
            );
        }
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        PathAndQuery::try_from(path.as_str())
            .map_err(|_| "the URL's path has signs that must be percent-encoded".to_owned())?;
        let (host, port) = place(authority, tls).ok_or("the URL's host or port cannot be used")?;
        Ok(Self { tls, host, port, path: Secret::new(path) })
    }

    /// The same place with `more` behind its path, before its query.
    #[must_use]
    pub fn below(&self, more: &str) -> Self {
        let (path, query) = match self.path.expose().split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (self.path.expose(), String::new()),
        };
        Self { path: Secret::new(format!("{}/{more}{query}", path.trim_end_matches('/'))), ..self.clone() }
    }

    /// The request's target (RFC 9112 section 3.2.1), for the wire alone.
    pub fn path(&self) -> &str {
        self.path.expose()
    }

    /// What of the path and query must not be shown, each part by itself.
    pub fn secrets(&self) -> Vec<Secret> {
        let parts = self.path().split(['/', '?', '&', '=']).filter(|part| part.len() >= SHORTEST_HIDDEN);
        parts.chain([self.path()]).filter(|part| part.len() >= SHORTEST_HIDDEN).map(Secret::new).collect()
    }

    /// This machine itself: nobody else hears what is sent in plain text.
    pub fn is_own(&self) -> bool {
        match &self.host {
            Host::Address(address) => address.is_loopback(),
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }
}

fn place(authority: &str, tls: bool) -> Option<(Host, u16)> {
    let default = if tls { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, "")) if !host.contains(':') || host.ends_with(']') => (host, default),
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port > 0)?)
        }
        Some(_) if !authority.starts_with('[') => return None,
        _ => (authority, default),
    };
    Some((host.parse().ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_shown_without_what_may_open_it() {
        for (text, shown, path) in [
            ("https://reports.example.com", "https://reports.example.com", "/"),
            ("HTTPS://Reports.example.com:443/in?sig=abcdef#x", "https://reports.example.com", "/in?sig=abcdef"),
            ("http://192.0.2.1:4318/otlp/", "http://192.0.2.1:4318", "/otlp/"),
            ("http://[2001:db8::1]/a", "http://[2001:db8::1]", "/a"),
            ("http://[2001:db8::1]:81?q", "http://[2001:db8::1]:81", "/?q"),
            ("http://h:/x", "http://h", "/x"),
        ] {
            let read = Destination::read(text).unwrap();
            assert_eq!((read.to_string().as_str(), read.path()), (shown, path), "{text}");
            assert!(!format!("{read:?}").contains("sig="), "{read:?}");
        }
        let below = Destination::read("https://h/base/?token=hunter2").unwrap().below("v1/traces");
        assert_eq!(below.path(), "/base/v1/traces?token=hunter2");
        assert_eq!(Destination::read("http://h").unwrap().below("v1/metrics").path(), "/v1/metrics");
        assert!(below.secrets().contains(&Secret::new("hunter2")));
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_repeating_it() {
        for text in [
            "hunter2",
            "ftp://hunter2/x",
            "https://bob:hunter2@h/x",
            "https://h/a hunter2",
            "https://hunter2:0/",
            "https://hunter2:port/",
            "https://2001:db8::1/hunter2",
            "https://",
            "https:///hunter2",
        ] {
            let error = Destination::read(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(Destination::read("https://a@h/").unwrap_err().contains("list of processes"));
    }
}
