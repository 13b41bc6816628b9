//! The web configuration of Prometheus' exporters: YAML text in, what it asks for or a sentence with its place out. Reads
//! no file that it names, and shows no hash.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A bcrypt cost that takes a second and more for each try is no help to anybody.
const COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// What the file asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// TLS in place of plain HTTP.
    #[serde(rename = "tls_server_config")]
    pub tls: Option<Tls>,
    #[serde(default, rename = "http_server_config")]
    pub http: Http,
    /// Who may ask, by name; empty for everybody.
    #[serde(default, rename = "basic_auth_users")]
    pub users: BTreeMap<String, Hash>,
}

/// `tls_server_config`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    #[serde(default)]
    pub client_auth_type: ClientAuth,
    /// The authorities of clients' certificates.
    pub client_ca_file: Option<PathBuf>,
    #[serde(default = "Version::oldest")]
    pub min_version: Version,
    #[serde(default = "Version::newest")]
    pub max_version: Version,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ClientAuth {
    #[default]
    NoClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Version {
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

impl Version {
    fn oldest() -> Self {
        Version::Tls12
    }

    fn newest() -> Self {
        Version::Tls13
    }
}

/// `http_server_config`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Taken as it comes: HTTP/1.1 is all that is offered.
    pub http2: Option<bool>,
    /// Fields of every answer.
    #[serde(default)]
    pub headers: Headers,
}

/// The header fields that may be set.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Headers {
    #[serde(rename = "Content-Security-Policy")]
    csp: Option<String>,
    #[serde(rename = "X-Frame-Options")]
    frames: Option<String>,
    #[serde(rename = "X-Content-Type-Options")]
    types: Option<String>,
    #[serde(rename = "X-XSS-Protection")]
    xss: Option<String>,
    #[serde(rename = "Strict-Transport-Security")]
    hsts: Option<String>,
}

impl Headers {
    /// Name and value of each that is set.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("content-security-policy", &self.csp),
            ("x-frame-options", &self.frames),
            ("x-content-type-options", &self.types),
            ("x-xss-protection", &self.xss),
            ("strict-transport-security", &self.hsts),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .filter(|(_, value)| !value.is_empty())
    }
}

/// A bcrypt hash of a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    /// The hash, for the verification alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// By how many powers of two it is slow; `None` for what is no hash.
    pub fn cost(&self) -> Option<u32> {
        let parts: bcrypt::HashParts = self.0.parse().ok()?;
        Some(parts.get_cost())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(..)")
    }
}

impl Web {
    /// Reads the text of a file in `directory`, against which relative paths are meant.
    ///
    /// # Errors
    /// What is wrong, with its key and line where YAML tells them; nothing of any value but a file's name.
    pub fn read(text: &str, directory: &Path) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut web: Web = serde_yaml_ng::from_str(text).map_err(|e| without_values(&e.to_string()))?;
        if let Some(tls) = &mut web.tls {
            for path in [&mut tls.cert_file, &mut tls.key_file].into_iter().chain(&mut tls.client_ca_file) {
                *path = directory.join(&*path);
            }
        }
        web.holds_together()?;
        Ok(web)
    }

    fn holds_together(&self) -> Result<(), String> {
        if let Some(tls) = &self.tls {
            let verifies = tls.client_auth_type != ClientAuth::NoClientCert;
            match (verifies, &tls.client_ca_file) {
                (true, None) => {
                    return Err(
                        "tls_server_config.client_auth_type: verifying clients' certificates takes a client_ca_file"
                            .to_owned(),
                    );
                }
                (false, Some(_)) => {
                    return Err(
                        "tls_server_config.client_ca_file: says whom to trust, and client_auth_type does not ask for \
                                certificates: set it to RequireAndVerifyClientCert"
                            .to_owned(),
                    );
                }
                _ => {}
            }
            if tls.min_version > tls.max_version {
                return Err("tls_server_config.min_version: is above max_version".to_owned());
            }
        }
        for (name, value) in self.http.headers.each() {
            if value.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
                return Err(format!("http_server_config.headers: {name} has characters that a header cannot have"));
            }
        }
        for (user, hash) in &self.users {
            let user = user.escape_debug();
            match hash.cost() {
                None => {
                    return Err(format!(
                        "basic_auth_users.{user}: is no bcrypt hash; `htpasswd -nBC 10 NAME` makes one (the value is not repeated)"
                    ));
                }
                Some(cost) if !COSTS.contains(&cost) => {
                    return Err(format!(
                        "basic_auth_users.{user}: a bcrypt cost of {cost} is not taken; make a hash with one from 4 to 15, such as 10"
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// The parser's words without what it quotes of the file's values, and fit for one line.
fn without_values(words: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    let mut before = ' ';
    for c in words.chars().take(600) {
        match c {
            '"' if before != '\\' => {
                quoted = !quoted;
                out.push_str(if quoted { "\"…" } else { "\"" });
            }
            c if !quoted => out.push(if c.is_control() { ' ' } else { c }),
            _ => {}
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$04$P6k/pgz9UPbUpYkcBqYS/O8UAyaFE9VhkQ0DGuxKb8N6pOTjaN9ti";

    fn read(text: &str) -> Result<Web, String> {
        Web::read(text, Path::new("/etc/rtc-check"))
    }

    #[test]
    fn a_whole_file_is_read() {
        let web = read(&format!(
            "tls_server_config:\n  cert_file: server.crt\n  key_file: /keys/server.key\n  client_auth_type: RequireAndVerifyClientCert\n  \
             client_ca_file: ca.pem\n  min_version: TLS13\nhttp_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n\
             basic_auth_users:\n  alice: {HASH}\n"
        ))
        .unwrap();
        let tls = web.tls.as_ref().unwrap();
        assert_eq!(tls.cert_file, Path::new("/etc/rtc-check/server.crt"));
        assert_eq!(tls.key_file, Path::new("/keys/server.key"));
        assert_eq!((tls.client_auth_type, tls.min_version), (ClientAuth::RequireAndVerifyClientCert, Version::Tls13));
        assert_eq!(web.http.headers.each().collect::<Vec<_>>(), [("x-frame-options", "deny")]);
        assert_eq!(web.users["alice"].cost(), Some(4));
        assert!(!format!("{web:?}").contains("P6k"));
        for empty in ["", "\n", "{}", "# nothing\n{}"] {
            let web = read(empty).unwrap();
            assert!(web.tls.is_none() && web.users.is_empty());
        }
    }

    #[test]
    fn each_mistake_names_its_key_or_line_and_no_value() {
        for (text, words) in [
            ("tls_server_config:\n  cert_file: a\n  keyfile: b\n", "unknown field `keyfile`"),
            ("tls_server_config:\n  cert_file: a\n", "key_file"),
            (
                "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequestClientCert\n",
                "client_auth_type",
            ),
            (
                "tls_server_config:\n  cert_file: a\n  key_file: b\n  client_auth_type: RequireAndVerifyClientCert\n",
                "client_ca_file",
            ),
            ("tls_server_config:\n  cert_file: a\n  key_file: b\n  client_ca_file: c\n", "RequireAndVerifyClientCert"),
            ("tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS10\n", "min_version"),
            (
                "tls_server_config:\n  cert_file: a\n  key_file: b\n  min_version: TLS13\n  max_version: TLS12\n",
                "above max_version",
            ),
            ("tls_config: {}\n", "tls_server_config"),
            ("rate_limit: {}\n", "rate_limit"),
            ("http_server_config:\n  headers:\n    Server: x\n", "Server"),
            ("http_server_config:\n  headers:\n    X-Frame-Options: \"a\\nb\"\n", "cannot have"),
            ("basic_auth_users:\n  bob: hunter2\n", "basic_auth_users.bob"),
            ("basic_auth_users:\n  bob: $2y$31$P6k/pgz9UPbUpYkcBqYS/O8UAyaFE9VhkQ0DGuxKb8N6pOTjaN9ti\n", "cost of 31"),
            ("basic_auth_users: hunter2\n", "basic_auth_users"),
            ("basic_auth_users:\n - \"bob:hunter2\"\n", "basic_auth_users"),
            ("basic_auth_users:\n  bob: [hunter2\n", "line"),
            ("hunter2", "invalid type"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_configuration_or_a_sentence(text in "\\PC{0,100}|((tls_server_config|basic_auth_users|  [a-z_]{1,12}):[ \"a-z0-9$\\n]{0,20}\n){0,5}") {
            if let Err(sentence) = read(&text) {
                proptest::prop_assert!(!sentence.is_empty() && !sentence.chars().any(char::is_control), "{:?}", sentence);
            }
        }
    }
}
