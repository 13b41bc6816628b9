//! A support bundle: which files are in it, in which order, and the archive that they make. Bytes in, bytes out; opens no
//! file and knows neither how a report is drawn nor how it came about. Names in the archive are this module's own.

mod archive;
mod words;

use crate::model::Redacted;

pub use archive::{archive, directory};
pub use words::{list, readme};

/// What a file of the bundle is; their order is that of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Readme,
    Text,
    Html,
    Report,
    Environment,
    Log,
    Packets,
}

impl Part {
    /// Every one, in order.
    pub const ALL: [Part; 7] =
        [Part::Readme, Part::Text, Part::Html, Part::Report, Part::Environment, Part::Log, Part::Packets];

    /// Its file's name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Readme => "README.txt",
            Part::Text => "report.txt",
            Part::Html => "report.html",
            Part::Report => "report.json",
            Part::Environment => "environment.json",
            Part::Log => "log.ndjson",
            Part::Packets => "flows.pcap",
        }
    }

    /// What it is, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Part::Readme => "what each file is, and what was redacted",
            Part::Text => "the report as text",
            Part::Html => "the report as a page for a browser",
            Part::Report => "the report as data: `rtc-check report` draws it again",
            Part::Environment => {
                "this machine: system, privileges, interfaces, routes, VPN, resolvers, proxies without logins, clock, versions"
            }
            Part::Log => "what happened in the run, an event a line",
            Part::Packets => {
                "packets of this run's own flows, for Wireshark or tcpdump; of TCP that is not TLS the headers alone"
            }
        }
    }
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub part: Part,
    /// `None` while it is only said what will be in it.
    pub bytes: Option<Vec<u8>>,
}

/// What a bundle says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// What is replaced by tokens.
    pub redacted: Vec<Redacted>,
    /// What is to be known besides, a sentence each.
    pub notes: Vec<String>,
}
