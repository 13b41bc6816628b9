//! Profiles: raw TOML in, resolved [`Profile`] or every error with its place out. Knows neither the command line, nor
//! sockets, the clock or the environment; a caller hands in the text of a file.

mod bounds;
mod built_in;
mod diagnostic;
mod hint;
mod layer;
mod read;
mod resolve;
mod row;
mod sizing;
mod spec;
mod syntax;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Issuer, Media, Need, PortRange, RoleName, RuleId, Service, Source, Transport};

pub use built_in::{BUILT_IN, built_in};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use hint::{meant, nearest};
pub use sizing::{
    About, Between, Mode, PlatformKind, PlatformNeed, Rate, RateOp, Recording, Resolution, ServerModel, ServerSize,
    Sizing, SizingNote, StreamNeed,
};
pub use spec::{
    Expected, HttpSpec, IkeSpec, RedirectSpec, RefusedUpgrade, RtmpSpec, RtspSpec, SipCarrier, Spec, WsSpec,
};

/// Reads a user's profile, which may extend built-in ones; messages call it `file`. Every error of the text is in the
/// answer, at its line and column; a syntax error alone stands by itself.
pub fn load(file: &str, text: &str) -> Result<Profile, Diagnostics> {
    resolve::load(file, text, BUILT_IN)
}

/// A resolved profile, in the shape that `profiles show NAME --format json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// The name on the command line.
    pub name: String,
    /// What it is, for people.
    pub title: String,
    /// Where the tool may run; the first is the default.
    pub vantages: Vec<String>,
    /// Named conditions and their defaults.
    pub options: BTreeMap<String, bool>,
    /// The kinds of server.
    pub roles: BTreeMap<RoleName, Role>,
    /// In the order of the documents.
    pub rules: Vec<Rule>,
    /// Bounds on measured quantities.
    pub limits: Vec<Limit>,
    /// Bandwidth that the documents ask for.
    pub bandwidth: Vec<Bandwidth>,
    /// How groups of alternatives count, by group; a group that is absent counts [`OnlyAlternative::Warn`].
    #[serde(skip)]
    pub groups: BTreeMap<String, OnlyAlternative>,
    /// The row in which the document takes it that TLS is inspected on the way, where it does.
    #[serde(skip)]
    pub inspection: Option<Source>,
    /// The documents' tables of sizes, where they have any.
    #[serde(skip)]
    pub sizing: Option<Sizing>,
}

/// One kind of server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// What it is, so that an admin knows which host to give.
    pub description: String,
    /// Hosts that the document fixes; empty where the operator binds the role.
    pub hosts: Vec<String>,
    /// Who issues the certificates of its hosts, where the document says so: any of them.
    #[serde(skip)]
    pub issuer: Vec<Issuer>,
    /// The role is tested only when a target is given for it (`ice`).
    #[serde(skip)]
    pub optional: bool,
}

/// What a group is worth when only an alternative works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnlyAlternative {
    /// It holds, but not as recommended.
    #[default]
    Warn,
    /// The document takes the alternative as good.
    Pass,
}

/// One row of a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    pub id: RuleId,
    /// Vantages from which it holds.
    pub from: Vec<String>,
    pub to: RoleName,
    pub transport: Transport,
    /// Absent for gre and dns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<PortRange>,
    pub service: Service,
    /// A subset of the role's fixed hosts; absent for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The document asks for it in some installations only: without a host for its role it is left out, and told.
    #[serde(skip)]
    pub if_given: bool,
    /// Options that must have these values; empty for always.
    pub when: BTreeMap<String, bool>,
    pub need: Need,
    /// Rules of one group are alternatives to each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub source: Source,
    /// What the service's probe has to know.
    #[serde(skip)]
    pub spec: Spec,
}

/// A bound on a measured quantity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// `rtt_ms`, `jitter_ms` or `loss_pct`.
    pub metric: String,
    /// `<`, `<=` or `>=`.
    pub op: String,
    pub value: f64,
    pub source: Source,
}

/// A bandwidth row: what is required, and what is recommended where the document gives a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bandwidth {
    pub name: String,
    pub up_kbps: Option<f64>,
    pub down_kbps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended_up_kbps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommended_down_kbps: Option<f64>,
    pub when: BTreeMap<String, bool>,
    pub source: Source,
    /// What flows at these rates.
    #[serde(skip)]
    pub media: Media,
}
