//! Two reports side by side: what got worse, better, appeared, went, and what merely has another address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::masked;
use super::redaction::Redacted;
use super::report::{Finding, Summary};
use super::rule::{Need, RoleName};
use super::status::Status;
use super::way::Way;

/// The schema's name in every comparison.
pub const COMPARISON_SCHEMA: &str = "rtc-check/comparison/1";

/// What became of one thing between two reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It is worse in the second report.
    Worse,
    /// It is better in the second report.
    Better,
    /// Only the second report has it.
    Appeared,
    /// Only the first report has it.
    Gone,
    /// It is otherwise, and neither better nor worse.
    Changed,
    /// Nothing that matters differs.
    Same,
}

/// How a check of one report was recognised in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MatchedBy {
    /// The same rule on the same host at the same address.
    Id,
    /// The same rule on the same host, which has another address.
    Target,
    /// The same rule, on another host.
    Rule,
}

/// Two reports compared. `before` and `after` may as well be outside and inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Always [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// The first report, or the baseline.
    pub before: Side,
    /// The second report, or the run that was held against the baseline.
    pub after: Side,
    /// `worse` where the verdict, a check that counts or a finding is worse; else `better`, `changed` or `same`.
    pub result: Change,
    /// What became of the verdict.
    pub verdict: Change,
    /// What makes the two reports hard to compare, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Findings that differ; notes among them.
    pub findings: Vec<FindingChange>,
    /// Checks that differ.
    pub checks: Vec<CheckChange>,
    /// Measured quantities of checks that both reports have, those within the noise too.
    pub figures: Vec<FigureChange>,
    /// The way that a call would take, where it is another.
    #[serde(default)]
    pub ways: Vec<WayChange>,
    /// How many checks are the same, address included.
    pub same: u32,
    /// What is replaced in both reports by tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Redacted>,
}

/// One of the two reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The file, or what else the operator knows it by.
    pub name: String,
    pub run: String,
    /// RFC 3339 in UTC.
    pub started: String,
    pub profile: String,
    pub from: String,
    pub version: String,
    pub complete: bool,
    pub verdict: Status,
    pub summary: Summary,
    /// What was redacted in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Redacted>,
}

/// One finding in both reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingChange {
    pub change: Change,
    /// Its id.
    pub finding: String,
    /// A problem rather than a note, so that it counts for the result.
    pub counts: bool,
    /// Null where only the second report has it.
    pub before: Option<Finding>,
    /// Null where only the first report has it.
    pub after: Option<Finding>,
}

/// One check in both reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckChange {
    pub change: Change,
    /// The rule; of a check without one what its id begins with (`quality.rtc`).
    pub check: String,
    /// Null where only one report has it.
    pub matched: Option<MatchedBy>,
    /// It is neither optional nor waived, so that it counts for the result.
    pub counts: bool,
    /// Null where only the second report has it.
    pub before: Option<CheckState>,
    /// Null where only the first report has it.
    pub after: Option<CheckState>,
}

impl CheckChange {
    /// It counts and was found to work, and nobody has tried it since.
    pub fn is_lost(&self) -> bool {
        let worked = self.before.as_ref().is_some_and(|s| matches!(s.status, Status::Pass | Status::Warn));
        self.counts && worked && self.after.as_ref().is_none_or(|s| s.status == Status::Skip)
    }

    /// The two are of different addresses or hosts.
    pub fn moved(&self) -> bool {
        matches!(self.matched, Some(MatchedBy::Target | MatchedBy::Rule))
    }
}

/// A check in one of the reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckState {
    pub id: String,
    pub role: RoleName,
    pub target: String,
    /// Null when the name did not resolve.
    #[serde(with = "masked::optional")]
    #[schemars(with = "Option<std::net::IpAddr>")]
    pub address: Option<std::net::IpAddr>,
    /// `443/tcp`, `19099-20099/udp`; empty where the check has no port.
    pub port: String,
    pub need: Need,
    pub status: Status,
    pub reason: String,
}

/// One measured quantity of a check that both reports have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureChange {
    /// `better` or `worse` where both intervals are apart, `same` within the noise.
    pub change: Change,
    /// The check in the second report.
    pub check: String,
    pub metric: String,
    pub unit: String,
    pub before: Figure,
    pub after: Figure,
    /// The limit in the second report, `< 300`; absent where none is held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
}

/// A value and the interval that holds the truth 95 times in 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    pub value: f64,
    /// Null for a value that is exact.
    pub ci95: Option<[f64; 2]>,
}

impl Figure {
    /// Lowest and highest value that it may have.
    pub fn span(&self) -> (f64, f64) {
        self.ci95.map_or((self.value, self.value), |[low, high]| (low.min(high), high.max(low)))
    }
}

/// The way for media of one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WayChange {
    pub change: Change,
    /// The role whose media it is.
    pub role: RoleName,
    /// Null where no way is left.
    pub before: Option<Way>,
    pub after: Option<Way>,
}
