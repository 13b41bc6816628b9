//! Certificates and where their chain leads, as a report has them, and what an operator expects of them: one shape for the
//! one who looks and the one who judges. Verifies nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One certificate: an element of `observed.cert_chain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Distinguished name of the holder.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// DNS names and addresses it is for; the last says how many more there are beyond 20.
    pub names: Vec<String>,
    /// RFC 3339.
    pub not_before: String,
    /// RFC 3339.
    pub not_after: String,
    /// Type and size of the key in bits: `EC 256`, `RSA 2048`.
    pub key: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of its SubjectPublicKeyInfo (RFC 7469 section 2.4), in hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key_sha256: String,
}

/// By whom the end of a chain is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootStanding {
    /// By the public: it is among the roots that browsers bring with them (Mozilla's).
    Public,
    /// By this machine alone: its store, `SSL_CERT_FILE` or `--ca`.
    Private,
    /// By nobody here.
    Untrusted,
}

/// Where the chain that a server sent leads: `observed.cert_root`. Told of the signatures alone: a chain whose names or
/// dates are wrong may lead to a public root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertRoot {
    pub standing: RootStanding,
    /// Distinguished name of the root; of the last issuer that the chain names, where it leads to no trusted root.
    pub name: String,
    /// SHA-256 of the SubjectPublicKeyInfo of the one with that name, in hexadecimal, where its certificate is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_sha256: Option<String>,
    /// What the chain says to identify the key of the one with that name (RFC 5280 section 4.2.1.1), in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// An issuer in the chain that calls itself a product which inspects TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Inspection>,
}

/// An issuer's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The product as people know it.
    pub product: String,
    /// The distinguished name that says so.
    pub issuer: String,
    /// It runs on the machine itself, as a virus scanner does, and not in the network.
    pub local: bool,
}

impl CertRoot {
    /// Both lead to one authority: by its key where both tell it, by its name where they do not.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.key_sha256, &other.key_sha256, &self.key_id, &other.key_id) {
            (Some(a), Some(b), _, _) | (_, _, Some(a), Some(b)) => a == b,
            _ => self.name == other.name,
        }
    }

    /// The name's most telling part: its CN, else its O, else all of it.
    pub fn short(&self) -> &str {
        short_name(&self.name)
    }
}

/// The most telling part of a distinguished name: its CN, else its O, else all of it.
pub fn short_name(name: &str) -> &str {
    let part = |key: &str| name.split(", ").find_map(|p| p.strip_prefix(key)).filter(|p| !p.is_empty());
    part("CN=").or_else(|| part("O=")).unwrap_or(name)
}

/// What an operator, or a profile, expects to have issued a server's certificate: `--pin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// SHA-256 of a certificate of the chain, or of the key of one, in hexadecimal.
    Sha256(String),
    /// A part of an issuer's distinguished name, in any case.
    Name(String),
}

impl Issuer {
    /// The chain that `sent` leaf first, and which leads to `root`, is by this issuer.
    pub fn issued(&self, sent: &[Certificate], root: &CertRoot) -> bool {
        match self {
            Issuer::Sha256(hash) => {
                root.key_sha256.as_ref() == Some(hash)
                    || sent.iter().any(|c| c.sha256 == *hash || c.key_sha256 == *hash)
            }
            Issuer::Name(part) => {
                let says = |name: &str| name.to_lowercase().contains(&part.to_lowercase());
                says(&root.name) || sent.iter().any(|c| says(&c.issuer))
            }
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Issuer::Sha256(hash) => write!(f, "SHA-256 {hash}"),
            Issuer::Name(part) => write!(f, "\"{part}\""),
        }
    }
}

impl FromStr for Issuer {
    type Err = String;

    /// 64 hexadecimal digits, with or without colons, are a fingerprint; anything else is part of a name.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        if digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Ok(Issuer::Sha256(digits.to_ascii_lowercase()));
        }
        // No authority has such a name, and a digit too few would be taken for one.
        if digits.len() >= 32 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(format!("a SHA-256 has 64 hexadecimal digits, and this has {}", digits.len()));
        }
        match text.chars().count() {
            3..=200 if !text.chars().any(char::is_control) => Ok(Issuer::Name(text.to_owned())),
            _ => Err("give a SHA-256 of 64 hexadecimal digits, or 3 to 200 letters of the issuer's name".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn root(name: &str, key: Option<&str>) -> CertRoot {
        let key_sha256 = key.map(str::to_owned);
        CertRoot { standing: RootStanding::Private, name: name.to_owned(), key_sha256, key_id: None, inspection: None }
    }

    #[test]
    fn authorities_are_compared_by_key_where_it_is_known() {
        assert!(root("CN=A", Some("1")).is_same(&root("CN=B", Some("1"))));
        assert!(!root("CN=A", Some("1")).is_same(&root("CN=A", Some("2"))));
        assert!(root("CN=A", None).is_same(&root("CN=A", Some("2"))));
        assert_eq!(root("C=US, O=Org, CN=Root 1", None).short(), "Root 1");
        assert_eq!(root("C=US, O=Org", None).short(), "Org");
    }

    #[test]
    fn pins_are_fingerprints_or_names() {
        let hash = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(colons.parse::<Issuer>().unwrap(), Issuer::Sha256(hash.clone()));
        assert_eq!("Let's Encrypt".parse::<Issuer>().unwrap(), Issuer::Name("Let's Encrypt".to_owned()));
        assert!("x".parse::<Issuer>().is_err() && "a\nbc".parse::<Issuer>().is_err());
        let sent = [Certificate { issuer: "C=US, O=Let's Encrypt, CN=R11".to_owned(), ..Certificate::default() }];
        let public = root("C=US, O=ISRG, CN=ISRG Root X1", Some(&hash));
        assert!(Issuer::Name("let's encrypt".to_owned()).issued(&sent, &public));
        assert!(Issuer::Name("ISRG".to_owned()).issued(&sent, &public));
        assert!(Issuer::Sha256(hash).issued(&sent, &public));
        assert!(!Issuer::Name("DigiCert".to_owned()).issued(&sent, &public));
    }

    #[test]
    fn a_report_says_where_a_chain_leads() {
        let shown = serde_json::to_value(root("CN=A", None)).unwrap();
        assert_eq!(shown, json!({ "standing": "private", "name": "CN=A" }));
        assert_eq!(serde_json::from_value::<CertRoot>(shown).unwrap(), root("CN=A", None));
    }
}
