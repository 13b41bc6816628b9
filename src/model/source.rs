//! Where a rule or limit comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The row of a vendor's document that a rule, limit or bandwidth figure repeats.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Title and date of the document.
    pub document: String,
    /// Heading of the table or paragraph.
    pub section: String,
    /// The row itself, as it stands there.
    pub row: String,
}
