//! What a report may be asked to keep to itself.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of thing that is replaced by tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Redacted {
    /// IP and hardware addresses.
    Addresses,
    /// Names of hosts, users, realms, and whom certificates are for.
    Names,
}

impl Redacted {
    /// The name on the command line and in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Redacted::Addresses => "addresses",
            Redacted::Names => "names",
        }
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One word of `--redact`: a kind, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedactedSet(pub Vec<Redacted>);

impl FromStr for RedactedSet {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "addresses" => Ok(Self(vec![Redacted::Addresses])),
            "names" => Ok(Self(vec![Redacted::Names])),
            "all" => Ok(Self(vec![Redacted::Addresses, Redacted::Names])),
            other => Err(format!("`{other}` is none of addresses, names, all")),
        }
    }
}
