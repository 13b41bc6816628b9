//! The documents' tables of sizes, as a profile keeps them: what machine holds how many channels, what a mode's stream
//! takes, what a recording fills. Knows rows and their sources; computes nothing.

mod read;

use std::fmt;

use crate::model::Source;

pub use crate::model::sizing::{About, RateOp};

pub(super) use read::{RawSizing, read_sizing};

/// The tables of sizes. Every list may be empty: a document need not have all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sizing {
    /// What the machine must be, in the order of the document.
    pub platform: Vec<PlatformNeed>,
    /// The smallest first; no two hold as many channels.
    pub servers: Vec<ServerSize>,
    /// In the order of the document, the smallest first.
    pub models: Vec<ServerModel>,
    /// In the order of the document, the thriftiest first.
    pub modes: Vec<Mode>,
    /// What the document recommends for each stream, whatever the mode.
    pub stream: Option<StreamNeed>,
    /// By mode, the shortest first.
    pub recordings: Vec<Recording>,
    /// Where the documents disagree with themselves or leave something open.
    pub notes: Vec<SizingNote>,
}

/// One requirement on the machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformNeed {
    /// Its own name in the profile.
    pub name: String,
    pub kind: PlatformKind,
    pub source: Source,
}

/// What is required of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformKind {
    /// A distribution, as `ID` of os-release(5) has it, of these releases (`VERSION_ID`), both included.
    Distribution { id: String, releases: Between },
    /// The machine's name of its architecture, as uname(2) has it.
    Architecture(String),
    /// The newest release with long-term support of a distribution, by its `ID`.
    LatestLts(String),
    /// A machine at the platform's edge is to be connected by a wire.
    Wired,
    /// What a program cannot decide, in the document's words.
    Words(String),
}

/// From one whole number to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    pub least: u32,
    pub most: u32,
}

/// A row of server requirements: the machine that holds so many channels.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSize {
    /// The most channels that it holds.
    pub channels: u32,
    pub cores: Between,
    pub memory_gb: f64,
    /// Names of [`ServerModel`]s, the smallest first; any of them may do.
    pub models: Vec<String>,
    pub source: Source,
}

/// A model of server, and what to rent for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerModel {
    /// `S`, `XL`.
    pub name: String,
    /// `Small`.
    pub title: String,
    /// Whose offer [`Self::reference`] is.
    pub cloud: String,
    /// `t2.small`.
    pub reference: String,
    pub source: Source,
}

/// A rate as the document has it, its own sign kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub op: RateOp,
    pub kbps: f64,
}

/// Columns and rows of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub width: u32,
    pub height: u32,
}

/// A mode of video: what one stream takes, and what one sees for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// `low`, `ultra`.
    pub name: String,
    /// Of one stream.
    pub rate: Rate,
    pub resolution: Resolution,
    pub fps: u32,
    /// The document's word: `Excellent`.
    pub quality: String,
    pub source: Source,
}

/// A rate that the document recommends for one stream, either way.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamNeed {
    pub kbps: f64,
    pub resolution: Resolution,
    pub source: Source,
}

/// A cell of the table of recordings: what one recording of a call of two peers fills.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Name of a [`Mode`].
    pub mode: String,
    /// The rate at the head of the column, which need not be that of the mode.
    pub rate: Rate,
    pub minutes: u32,
    /// Megabytes of 1,000,000 bytes.
    pub megabytes: f64,
    pub source: Source,
}

/// A place where documents disagree, or leave something open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizingNote {
    /// Its own name in the profile.
    pub name: String,
    /// The part of the answer that it belongs to.
    pub about: About,
    /// The modes that it concerns; empty for all.
    pub modes: Vec<String>,
    /// A sentence.
    pub text: String,
    /// The rows that say so, at least one.
    pub sources: Vec<Source>,
}

impl Sizing {
    /// The mode of that name.
    pub fn mode(&self, name: &str) -> Option<&Mode> {
        self.modes.iter().find(|m| m.name == name)
    }

    /// The model of that name.
    pub fn model(&self, name: &str) -> Option<&ServerModel> {
        self.models.iter().find(|m| m.name == name)
    }
}

impl Between {
    /// Whether `number` lies in it.
    pub fn contains(self, number: u32) -> bool {
        (self.least..=self.most).contains(&number)
    }
}

impl fmt::Display for Between {
    /// `1-2`, or `4`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least == self.most {
            true => self.least.fmt(f),
            false => write!(f, "{}-{}", self.least, self.most),
        }
    }
}

impl fmt::Display for Rate {
    /// `<80 kbps`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} kbps", self.op.as_str(), self.kbps)
    }
}

impl fmt::Display for Resolution {
    /// `640x480`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
