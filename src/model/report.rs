//! The report, schema 1: what scripts, CI jobs and ticket systems read. Field names are a promise.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::Comparison;
use super::masked;
use super::observation::Facts;
use super::ports::PortRange;
use super::redaction::Redacted;
use super::rule::{Need, ProbeKind, RoleName, RuleId, Transport};
use super::source::Source;
use super::status::Status;
use super::way::WayRow;

/// The schema's name in every report.
pub const SCHEMA: &str = "rtc-check/report/1";

/// One run and all that it found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// False when the run was interrupted or ran out of its budget.
    pub complete: bool,
    /// The program that wrote it.
    pub tool: ToolInfo,
    /// When, what and from where.
    pub run: RunInfo,
    /// The judgement of groups and lone required checks together.
    pub verdict: Status,
    /// How many checks have each status; waived ones are not in it.
    pub summary: Summary,
    /// Causes inferred from several checks, and notes.
    pub findings: Vec<Finding>,
    /// Every rule on every address.
    pub checks: Vec<Check>,
    /// The ways that media can take, side by side; empty where none was tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<WayRow>,
    /// Against another report: `--baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Box<Comparison>>,
    /// What is replaced by tokens: `--redact`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Redacted>,
}

/// Name and version of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolInfo {
    /// `rtc-check`.
    pub name: String,
    /// Semantic version.
    pub version: String,
}

/// When, what and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Unique enough to tell two runs of a day apart.
    pub id: String,
    /// RFC 3339 in UTC.
    pub started: String,
    /// RFC 3339 in UTC.
    pub finished: String,
    /// Whole milliseconds.
    pub duration_ms: u64,
    /// The profile's name.
    pub profile: String,
    /// The vantages, joined by commas.
    pub from: String,
    /// Every option of the profile and its value in this run.
    pub options: BTreeMap<String, bool>,
    /// Role to hosts, as given.
    pub targets: BTreeMap<RoleName, Vec<String>>,
    /// Seed of every random choice; `--seed` repeats it.
    #[serde(default)]
    pub seed: u64,
    /// Why it ended before its time; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// Why a run ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// By Ctrl-C or SIGTERM.
    Interrupted,
    /// Its `--budget` was used up.
    Budget,
}

/// How many checks have each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub pass: u32,
    pub warn: u32,
    pub fail: u32,
    pub unknown: u32,
    pub skip: u32,
}

impl Summary {
    /// Counts one more of `status`.
    pub fn count(&mut self, status: Status) {
        let n = match status {
            Status::Pass => &mut self.pass,
            Status::Warn => &mut self.warn,
            Status::Fail => &mut self.fail,
            Status::Unknown => &mut self.unknown,
            Status::Skip => &mut self.skip,
        };
        *n += 1;
    }
}

/// A cause inferred from several checks, with a remedy; with status `pass` a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable and dotted.
    pub id: String,
    pub status: Status,
    /// A few words.
    pub title: String,
    /// What was seen, in sentences.
    pub detail: String,
    /// What to change; empty for a note.
    pub remedy: String,
    /// Who can act on it; absent for a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// The exact rules or settings to ask for, one an element, ready for a ticket.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<String>,
    /// What shows it, one sentence an element, with addresses and numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The checks that show it.
    pub checks: Vec<String>,
    /// The ids of the findings that cause it, where it is no job of its own; they share its failing checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
}

impl Finding {
    /// How the sentence of a check points to it: `see blocked.dropped`.
    pub fn pointer(&self) -> String {
        format!("see {}", self.id)
    }
}

/// Who can act on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Whoever administers the machine that the program runs on.
    ThisMachine,
    /// The administrator of a firewall or router on the way.
    Firewall,
    /// The administrator of the HTTP or SOCKS proxy, also where it inspects TLS.
    Proxy,
    /// Whoever runs what inspects TLS without being asked: a firewall or gateway on the way, or software on this machine.
    Inspection,
    /// The administrator of the DNS resolver.
    Resolver,
    /// The provider of the line.
    Provider,
    /// The operator of the platform's server.
    Server,
}

impl Who {
    /// As a sentence names them.
    pub fn words(self) -> &'static str {
        match self {
            Who::ThisMachine => "the administrator of this machine",
            Who::Firewall => "the administrator of the firewall",
            Who::Proxy => "the administrator of the proxy",
            Who::Inspection => "whoever runs TLS inspection on the way, or the security software of this machine",
            Who::Resolver => "the administrator of the DNS resolver",
            Who::Provider => "the provider of the line",
            Who::Server => "the operator of the server",
        }
    }
}

/// A waiver that applies to a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waived {
    /// Why the operator accepts it.
    pub reason: String,
    /// The last day on which it holds (`2026-12-31`), absent for `--allow-unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// One rule on one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Unique in the report: `rule/host/address`.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// The probe that really ran.
    pub probe: ProbeKind,
    pub role: RoleName,
    /// The host as given or as the profile fixes it.
    pub target: String,
    /// Null when the name did not resolve.
    #[serde(default, with = "masked::optional")]
    #[schemars(with = "Option<IpAddr>")]
    pub address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<PortRange>,
    pub need: Need,
    pub status: Status,
    /// One sentence a person can act on.
    pub reason: String,
    /// The probe's own facts, `steps` among them.
    pub observed: Facts,
    pub limits: Vec<LimitResult>,
    /// The document's row; absent where no document asks for the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The group of alternatives it counts in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Present when the operator waived it: the status stands and does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
    /// Milliseconds since the run's start.
    pub started_ms: u64,
    pub duration_ms: u64,
}

impl Check {
    /// The rule; of a check that has none, what its id begins with (`quality.rtc`), or its probe.
    pub fn name(&self) -> &str {
        let begins = || self.id.split('/').next().filter(|n| n.starts_with(|c: char| c.is_ascii_lowercase()));
        self.rule.as_ref().map_or_else(|| begins().unwrap_or(self.probe.as_str()), RuleId::as_str)
    }

    /// `19099-20099/udp`, `443/tcp`, `gre`; empty where the check has no rule.
    pub fn port_words(&self) -> String {
        let transport = self.transport.map(Transport::as_str).unwrap_or_default();
        match (self.port, self.ports) {
            (Some(port), _) => format!("{port}/{transport}"),
            (None, Some(ports)) => format!("{ports}/{transport}"),
            (None, None) => transport.to_owned(),
        }
    }

    /// It is neither optional nor waived.
    pub fn counts(&self) -> bool {
        self.need != Need::Optional && self.waived.is_none()
    }
}

/// A measured quantity against its limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitResult {
    pub metric: String,
    /// `<`, `<=` or `>=`.
    pub op: String,
    pub limit: f64,
    pub observed: Option<f64>,
    /// 95 % confidence interval.
    pub ci95: Option<[f64; 2]>,
    pub unit: String,
    pub status: Status,
    /// The document's row, or [`default_source`].
    pub source: LimitSource,
}

/// The document's row, or the words `rtc-check default`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LimitSource {
    /// A vendor's row.
    Document(Source),
    /// rtc-check's own.
    Own(String),
}

/// The source of a limit that no document gives.
pub fn default_source() -> LimitSource {
    LimitSource::Own("rtc-check default".to_owned())
}
