//! What is measured under which load, and how sure the result is.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value and the interval that holds the truth 95 times in 100, looks at it before the end allowed for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Estimates by name: `observed.estimates`. The names are the keys of [`names`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Estimates(pub BTreeMap<String, Estimate>);

impl Estimates {
    /// The estimate of that name, `None` where nothing was measured.
    pub fn get(&self, name: &str) -> Option<Estimate> {
        self.0.get(name).copied()
    }
}

/// What an estimate may be of.
pub mod names {
    /// Mean round trip.
    pub const RTT_MS: &str = "rtt_ms";
    /// Mean variation of one-way delay, by direction.
    pub const JITTER_UP_MS: &str = "jitter_up_ms";
    /// See [`JITTER_UP_MS`].
    pub const JITTER_DOWN_MS: &str = "jitter_down_ms";
    /// Mean variation of the round trip, where one way cannot be seen; never less than that of either way.
    pub const RTT_VARIATION_MS: &str = "rtt_variation_ms";
    /// Round trip.
    pub const LOSS_PCT: &str = "loss_pct";
    /// The way up alone.
    pub const LOSS_UP_PCT: &str = "loss_up_pct";
    /// The way down alone.
    pub const LOSS_DOWN_PCT: &str = "loss_down_pct";
    /// Rate of the codec's payload that arrived, all sessions together.
    pub const UP_KBPS: &str = "up_kbps";
    /// See [`UP_KBPS`].
    pub const DOWN_KBPS: &str = "down_kbps";
    /// How much the one-way delay rose while the load was on.
    pub const DELAY_RISE_UP_MS: &str = "delay_rise_up_ms";
    /// See [`DELAY_RISE_UP_MS`].
    pub const DELAY_RISE_DOWN_MS: &str = "delay_rise_down_ms";
    /// How much the round trip rose; no less than either way's.
    pub const RTT_RISE_MS: &str = "rtt_rise_ms";
}

/// What a train or a flow stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// Opus, a packet every 20 ms.
    Audio,
    /// Opus and VP8-like frames, 30 a second, each a burst of packets.
    #[default]
    AudioVideo,
}

/// A rate that has to flow. Rates are the codec's payload of one session, in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    pub media: Media,
    pub up_kbps: f64,
    pub down_kbps: f64,
    /// Sessions side by side.
    pub sessions: u32,
    /// Streams that come down in each session: one for each visible participant.
    pub down_streams: u32,
}

impl Load {
    /// No load: what a probe's own packets measure. Only limits on quality are asked for under it.
    pub const NONE: Self = Self { media: Media::Audio, up_kbps: 0.0, down_kbps: 0.0, sessions: 1, down_streams: 1 };

    /// Nothing is to flow.
    pub fn is_none(&self) -> bool {
        self.up_kbps <= 0.0 && self.down_kbps <= 0.0
    }

    /// As much up as down, so that a train whose packets are answered with their like carries it.
    pub fn is_symmetric(&self) -> bool {
        self.up_kbps == self.down_kbps && self.down_streams == 1
    }

    /// Payload up, all sessions.
    pub fn total_up_kbps(&self) -> f64 {
        self.up_kbps * f64::from(self.sessions)
    }

    /// Payload down, all sessions and streams.
    pub fn total_down_kbps(&self) -> f64 {
        self.down_kbps * f64::from(self.sessions) * f64::from(self.down_streams)
    }
}

/// How long a train lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So long, and one look at its end (`--duration`).
    Exact(Duration),
    /// Until every limit is decided: at least, and at most (`--max-duration`).
    Decided { least: Duration, most: Duration },
}

/// What the figures so far are worth for what they are measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every limit's interval lies on its good side, and the load is carried.
    Holds,
    /// Every limit is decided, and at least one is not held.
    Fails,
    /// At least one interval spans its limit.
    Undecided,
}
