//! The answer to "for how many?": machines, bandwidth and storage for so many channels, every figure with its unit in
//! its name and the row behind it. Knows no profile and computes nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Source, ToolInfo};

/// The name of this shape, in the first field of the JSON.
pub const SIZING_SCHEMA: &str = "rtc-check/sizing/1";

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sizes {
    /// [`SIZING_SCHEMA`].
    pub schema: String,
    pub tool: ToolInfo,
    /// The profile whose tables these are.
    pub profile: String,
    pub asked: Asked,
    pub mode: ModeRow,
    pub server: ServerNeed,
    pub bandwidth: BandwidthNeed,
    pub recording: RecordingNeed,
    /// What the machine must be, in the order of the document.
    pub platform: Vec<PlatformRow>,
    /// What to know before trusting a figure.
    pub notes: Vec<Note>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Calls at the same time, each between two peers.
    pub channels: u32,
    pub mode: String,
    /// Hours that each channel records on each day.
    pub hours_per_day: f64,
    /// Days that recordings are kept.
    pub days: u32,
}

/// How the document bounds a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RateOp {
    /// The bare number.
    #[default]
    #[serde(rename = "=")]
    Exactly,
    #[serde(rename = "<")]
    Below,
    #[serde(rename = ">")]
    Above,
}

/// The parts of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum About {
    Platform,
    Server,
    Bandwidth,
    Recording,
}

/// Whose figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Origin {
    /// It follows from the document's rows.
    #[serde(rename = "document")]
    Document,
    /// It is rtc-check's own.
    #[serde(rename = "rtc-check")]
    OwnReckoning,
}

/// The chosen mode as the document has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModeRow {
    pub name: String,
    /// The document's sign before its rate.
    pub op: RateOp,
    /// Of one stream.
    pub stream_kbps: f64,
    /// `640x480`.
    pub resolution: String,
    pub fps: u32,
    /// The document's word.
    pub quality: String,
    pub source: Source,
}

/// The machines that hold the channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerNeed {
    /// How many servers in all.
    pub servers: u32,
    /// Channels that they hold together: at least those asked for.
    pub channels: u32,
    /// Processor cores of all servers together, from the document's lower to its upper figure.
    pub cores_least: u32,
    pub cores_most: u32,
    /// Of all servers together.
    pub memory_gb: f64,
    /// By size, the largest first.
    pub machines: Vec<Machines>,
}

/// Servers of one documented size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machines {
    pub count: u32,
    /// Channels that each of them holds.
    pub channels: u32,
    /// Of each.
    pub cores_least: u32,
    pub cores_most: u32,
    pub memory_gb: f64,
    /// The models that the document gives for this size, the smallest first.
    pub models: Vec<ModelRow>,
    pub source: Source,
}

/// A model of server and what to rent for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRow {
    pub name: String,
    pub title: String,
    pub cloud: String,
    pub reference: String,
    pub source: Source,
}

/// What the lines must carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BandwidthNeed {
    /// At the rate of the mode.
    pub mode: Rates,
    /// At the rate that the document recommends for every stream.
    pub recommended: Option<Rates>,
    /// How the streams were counted, a sentence each.
    pub assumptions: Vec<String>,
}

/// What the lines carry if each stream has one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// The document's sign before its rate: the figures below are bounded alike.
    pub op: RateOp,
    pub stream_kbps: f64,
    pub resolution: String,
    /// All servers together.
    pub server: Line,
    /// The agents' side.
    pub site: Line,
    pub source: Source,
}

/// One line, both ways. The document's kbit/s are taken as the codecs' payload; at the IP level RTP, UDP and IP headers
/// come on top.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub up_streams: u32,
    pub down_streams: u32,
    pub up_kbps: f64,
    pub down_kbps: f64,
    pub up_ip_kbps_v4: f64,
    pub down_ip_kbps_v4: f64,
    pub up_ip_kbps_v6: f64,
    pub down_ip_kbps_v6: f64,
}

/// What recordings fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordingNeed {
    /// From the document's table; absent where it has no column for the mode.
    pub documented: Option<Stored>,
    /// What the rates of two peers' streams make, to compare with.
    pub by_rate: Stored,
}

/// Storage for recordings; megabytes of 1,000,000 bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stored {
    pub origin: Origin,
    pub op: RateOp,
    /// The rate of a stream that this is for.
    pub stream_kbps: f64,
    /// One channel, one day.
    pub channel_day_megabytes: f64,
    /// All channels, one day.
    pub day_gigabytes: f64,
    /// All channels, all days.
    pub total_gigabytes: f64,
    /// How it was reckoned, with its numbers, a step each.
    pub steps: Vec<String>,
    pub sources: Vec<Source>,
}

/// One requirement on the machine itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformRow {
    pub name: String,
    /// In words.
    pub need: String,
    pub source: Source,
}

/// Something to know about a part of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    pub about: About,
    /// A sentence.
    pub text: String,
    /// The rows that it speaks of.
    pub sources: Vec<Source>,
}

impl RateOp {
    /// The document's sign, empty for the bare number.
    pub fn as_str(self) -> &'static str {
        match self {
            RateOp::Exactly => "",
            RateOp::Below => "<",
            RateOp::Above => ">",
        }
    }
}

impl About {
    /// The word of the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            About::Platform => "platform",
            About::Server => "server",
            About::Bandwidth => "bandwidth",
            About::Recording => "recording",
        }
    }
}
