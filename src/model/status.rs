//! The five judgements and how they add up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The judgement of one check, or of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not tried; changes no verdict.
    #[default]
    Skip,
    /// The requirement was seen to hold.
    Pass,
    /// It holds, but not as the document recommends.
    Warn,
    /// It could not be decided.
    Unknown,
    /// There is evidence that it does not hold.
    Fail,
}

impl Status {
    /// The name as it stands in the JSON report.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Skip => "skip",
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Unknown => "unknown",
            Status::Fail => "fail",
        }
    }

    /// The worse of two: skip < pass < warn < unknown < fail.
    #[must_use]
    pub fn worst(self, other: Status) -> Status {
        self.max(other)
    }

    /// The requirement holds, as recommended or not.
    pub fn holds(self) -> bool {
        matches!(self, Status::Pass | Status::Warn)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
