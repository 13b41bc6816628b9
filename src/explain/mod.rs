//! The longer texts of `rtc-check explain`: what each finding, check, limit and status is, why it matters for a call, how
//! it is measured, how to confirm it by hand, and what to change. Texts are data, a small file each; knows no report.

mod table;
mod text;

use serde::Serialize;

pub use table::TOPICS;
pub use text::{Block, Text};

/// What a topic is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A cause that a report tells.
    Finding,
    /// What carries out a check.
    Check,
    /// A bound on a measured quantity.
    Limit,
    /// A status, or what a run exits with.
    Status,
}

impl Kind {
    /// Every kind, in the order of a list.
    pub const ALL: [Kind; 4] = [Kind::Finding, Kind::Check, Kind::Limit, Kind::Status];

    /// As the head of a list names them.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Finding => "findings",
            Kind::Check => "checks",
            Kind::Limit => "limits and figures",
            Kind::Status => "statuses and exit codes",
        }
    }
}

/// One text and the words that lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub kind: Kind,
    /// The id as reports have it, in full.
    pub name: &'static str,
    /// Other words for the same, such as the services of a probe.
    pub also: &'static [&'static str],
    source: &'static str,
}

impl Topic {
    /// The text, taken apart.
    pub fn text(&self) -> Text<'static> {
        Text::read(self.source)
    }

    /// The text as its file has it: headings, paragraphs, items, and commands indented by four columns.
    pub fn markdown(&self) -> &'static str {
        self.source
    }

    /// The first line of the text.
    pub fn title(&self) -> &'static str {
        self.text().title
    }
}

/// The topic that a word leads to, whatever its case.
pub fn topic(word: &str) -> Option<&'static Topic> {
    let is = |name: &&str| name.eq_ignore_ascii_case(word);
    TOPICS.iter().find(|t| is(&t.name)).or_else(|| TOPICS.iter().find(|t| t.also.iter().any(is)))
}

/// The topic of a check or of a finding by its id as a report has it: `nat.stun/stun.example.com`,
/// `bandwidth.rtc.audio`, `host.cores`: what its id begins with. Rules of profiles are not known here.
pub fn topic_of_id(id: &str) -> Option<&'static Topic> {
    let name = id.split('/').next().unwrap_or_default();
    let check = || {
        let begins = name.split('.').next().unwrap_or_default();
        topic(begins)
            .filter(|t| (t.kind == Kind::Check || t.kind == Kind::Finding && t.name != begins) && name != begins)
    };
    topic(name).or_else(check)
}

/// Every word that leads to a topic.
pub fn words() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().flat_map(|t| std::iter::once(t.name).chain(t.also.iter().copied()))
}

#[cfg(test)]
mod tests;
