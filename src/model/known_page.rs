//! A page over plain HTTP whose answer is known beforehand, and what came back. Knows no socket.

use serde::{Deserialize, Serialize};

use super::Host;

/// A page and what it must say: `http://captive.example.com/generate_204=`, `http://ok.example.com/check.txt=all well`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPage {
    pub host: Host,
    pub port: u16,
    /// Begins with `/`.
    pub path: String,
    /// The whole body without line ends behind it; empty for an answer without a body (204).
    pub text: String,
}

/// Longest text that is taken.
const MAX_TEXT: usize = 1000;

impl std::str::FromStr for KnownPage {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let form = "write it as http://HOST[:PORT]/PATH=TEXT, or with nothing behind the = for an empty answer (204)";
        let (url, text) = given.split_once('=').ok_or(form)?;
        let rest =
            url.strip_prefix("http://").ok_or_else(|| format!("plain HTTP alone can be tampered with; {form}"))?;
        if rest.contains(['@', '?', '#']) || rest.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(format!("give the URL without login, query and white space; {form}"));
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, port.parse().ok().filter(|p| *p != 0).ok_or(form)?),
            None => (authority, 80),
        };
        if text.len() > MAX_TEXT {
            return Err(format!("give a text of at most {MAX_TEXT} bytes"));
        }
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        Ok(Self { host: host.parse()?, port, path: path.to_owned(), text })
    }
}

impl std::fmt::Display for KnownPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = match &self.host {
            Host::Address(a) if a.is_ipv6() => format!("[{a}]"),
            other => other.to_string(),
        };
        match self.port {
            80 => write!(f, "http://{host}{}", self.path),
            port => write!(f, "http://{host}:{port}{}", self.path),
        }
    }
}

/// What came back: `observed.portal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageAnswer {
    /// HTTP status.
    pub status: u16,
    /// It is the known answer, exactly.
    pub same: bool,
    /// Bytes of the body that were read.
    pub bytes: usize,
    /// How the body begins, fit to print.
    pub begins: String,
    /// Where a redirect leads, fit to print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_and_what_is_none_is_told() {
        let page: KnownPage = "http://ok.example/check.txt=all well\n".parse().unwrap();
        assert_eq!((page.to_string().as_str(), page.text.as_str()), ("http://ok.example/check.txt", "all well"));
        let empty: KnownPage = "http://192.0.2.1:8080=".parse().unwrap();
        assert_eq!((empty.to_string().as_str(), empty.text.as_str()), ("http://192.0.2.1:8080/", ""));
        let v6: KnownPage = "http://[2001:db8::1]:81/a=x=y".parse().unwrap();
        assert_eq!((v6.to_string().as_str(), v6.text.as_str()), ("http://[2001:db8::1]:81/a", "x=y"));
        for wrong in
            ["", "http://a.example/", "https://a.example/=x", "http://u@a.example/=x", "http://a:0/=", "http://a b/="]
        {
            assert!(wrong.parse::<KnownPage>().is_err(), "{wrong}");
        }
    }
}
