//! A train in time, as a report keeps it: `observed.timeline` and `observed.rtt_histogram`. Lists rather than an object for
//! each slot, because a report is sent by mail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Round trips and losses in slots of equal length since the train's first packet, by when packets were sent; all lists of
/// round trips are as long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Length of a slot.
    pub slot_ms: f64,
    /// Null where nothing of the slot was answered.
    pub rtt_min_ms: Vec<Option<f64>>,
    pub rtt_mean_ms: Vec<Option<f64>>,
    pub rtt_max_ms: Vec<Option<f64>>,
    /// Packets of each slot that were lost towards the target; left out where none is known to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_up: Vec<u32>,
    /// From the target; left out where none is known to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_down: Vec<u32>,
    /// On either way; left out where none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_unknown: Vec<u32>,
}

/// How often each round trip was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RttHistogram {
    /// Ascending, one more than there are counts; the last may be far from the one before it.
    pub bounds_ms: Vec<f64>,
    /// Round trips from each bound up to the next.
    pub counts: Vec<u32>,
}
