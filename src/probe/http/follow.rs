//! Which redirects are followed: those that stay on the host, port and protocol that the rule is about, a few, and
//! none twice. Asks nobody.

use crate::model::schedule::REDIRECTS;
use crate::model::web::Left;
use crate::probe::redirect::same_host;

/// Longest reference that is followed, in bytes.
const LONGEST: usize = 2048;

/// What is asked for: the protocol and the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// HTTPS rather than HTTP.
    pub tls: bool,
    /// Path and query.
    pub path: String,
}

/// The places asked so far, on one port of one host.
#[derive(Clone, Debug)]
pub struct Trail<'a> {
    host: &'a str,
    port: u16,
    /// The port may speak HTTP or HTTPS.
    either: bool,
    places: Vec<Place>,
    here: Place,
}

impl<'a> Trail<'a> {
    /// Begins at `here`.
    pub fn new(here: Place, host: &'a str, port: u16, either: bool) -> Self {
        Self { host, port, either, places: Vec::new(), here }
    }

    /// What is to be asked for now.
    pub fn here(&self) -> &Place {
        &self.here
    }

    /// The paths that redirects led to.
    pub fn followed(&self) -> Vec<&str> {
        let places = self.places.iter().chain([&self.here]).skip(1);
        places.map(|p| p.path.as_str()).collect()
    }

    /// Goes where `location` leads.
    ///
    /// # Errors
    /// Why not.
    pub fn follow(&mut self, location: &str) -> Result<(), Left> {
        let next = self.place(location)?;
        if next == self.here || self.places.contains(&next) {
            return Err(Left::Circle);
        }
        if self.places.len() >= REDIRECTS as usize {
            return Err(Left::TooMany);
        }
        self.places.push(std::mem::replace(&mut self.here, next));
        Ok(())
    }

    /// The reference, resolved where we are (RFC 3986 section 5.2).
    fn place(&self, location: &str) -> Result<Place, Left> {
        let location = location.split('#').next().unwrap_or_default();
        if location.len() > LONGEST || !location.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Left::Unusable);
        }
        let own = if self.here.tls { "https" } else { "http" };
        let (scheme, rest) = match (location.split_once("://"), location.strip_prefix("//")) {
            (_, Some(rest)) => (own.to_owned(), rest),
            (Some((scheme, rest)), _) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                (scheme.to_ascii_lowercase(), rest)
            }
            _ => return Ok(Place { tls: self.here.tls, path: self.path(location) }),
        };
        let tls = match scheme.as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(Left::Unusable),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = split(authority).ok_or(Left::Unusable)?;
        if !same_host(host, self.host) {
            return Err(Left::AnotherHost);
        }
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        if port != self.port || (tls != self.here.tls && !self.either) {
            return Err(Left::AnotherPort);
        }
        Ok(Place { tls, path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") } })
    }

    /// A relative reference's path and query.
    fn path(&self, reference: &str) -> String {
        let here = self.here.path.split('?').next().unwrap_or_default();
        match reference.bytes().next() {
            Some(b'/') => reference.to_owned(),
            Some(b'?') => format!("{here}{reference}"),
            None => self.here.path.clone(),
            Some(_) => {
                let folder = here.rsplit_once('/').map_or("", |(folder, _)| folder);
                without_dots(&format!("{folder}/{reference}"))
            }
        }
    }
}

/// Removes `.` and `..` of the path (RFC 3986 section 5.2.4).
fn without_dots(reference: &str) -> String {
    let (path, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

/// Host without brackets, and port, of what stands between `://` and the path; `None` where they cannot be told.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    match port.strip_prefix(':') {
        None | Some("") => (!host.is_empty()).then_some((host, None)),
        Some(port) => Some((host, Some(port.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(tls: bool, path: &str, port: u16, either: bool) -> Trail<'static> {
        Trail::new(Place { tls, path: path.to_owned() }, "rtc.example", port, either)
    }

    #[test]
    fn what_stays_on_the_port_is_followed() {
        for (location, path) in [
            ("/b?c", "/b?c"),
            ("b", "/a/b"),
            ("../b/./c?d=../e", "/b/c?d=../e"),
            ("?x", "/a/here?x"),
            ("http://RTC.example:8088/b#f", "/b"),
            ("//rtc.example:8088", "/"),
            ("http://rtc.example:8088?x", "/?x"),
        ] {
            let mut trail = trail(false, "/a/here", 8088, false);
            assert_eq!(trail.follow(location), Ok(()), "{location}");
            assert_eq!((trail.here().path.as_str(), trail.here().tls), (path, false), "{location}");
        }
        let mut both = trail(false, "/", 8000, true);
        assert_eq!(both.follow("https://rtc.example:8000/"), Ok(()));
        assert!(both.here().tls);
        assert_eq!(both.follow("http://rtc.example:8000/"), Err(Left::Circle));
    }

    #[test]
    fn what_leaves_it_is_told() {
        for (location, left) in [
            ("http://other.example/", Left::AnotherHost),
            ("//rtc.example.evil.example/", Left::AnotherHost),
            ("http://rtc.example@evil.example/", Left::Unusable),
            ("https://rtc.example/", Left::AnotherPort),
            ("https://rtc.example:80/", Left::AnotherPort),
            ("http://rtc.example:8080/", Left::AnotherPort),
            ("http://rtc.example:99999/", Left::Unusable),
            ("ftp://rtc.example/", Left::Unusable),
            ("/a b", Left::Unusable),
            ("/\u{1b}[2J", Left::Unusable),
            ("", Left::Circle),
            ("/", Left::Circle),
            ("#top", Left::Circle),
        ] {
            assert_eq!(trail(false, "/", 80, false).follow(location), Err(left), "{location}");
        }
    }

    #[test]
    fn circles_and_endless_chains_end() {
        let mut circle = trail(false, "/a", 80, false);
        assert_eq!(
            (circle.follow("/b"), circle.follow("/c"), circle.follow("/a")),
            (Ok(()), Ok(()), Err(Left::Circle))
        );
        assert_eq!(circle.followed(), ["/b", "/c"]);
        let mut chain = trail(false, "/0", 80, false);
        let ends: Vec<_> = (1..=6).map(|n| chain.follow(&format!("/{n}"))).collect();
        assert_eq!(ends.iter().filter(|e| e.is_ok()).count(), 5);
        assert_eq!(ends[5], Err(Left::TooMany));
    }
}
