//! The text format itself: families with their help and type, samples with escaped labels, no series twice. Knows no
//! check.

use std::collections::HashSet;
use std::fmt::Write;

use crate::model::Report;
use crate::report::text::clean;

/// One family of series: its name and what it is. All of them are gauges, for a report is a state and counts nothing up.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::report) struct Family {
    pub name: &'static str,
    pub help: &'static str,
}

/// Names and values, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::report) struct Labels(Vec<(String, String)>);

impl Labels {
    /// One more; an empty value is left out, as the format takes both for the same.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.add_clean(name, &clean(value, true));
    }

    /// One more, of a value that no stranger wrote.
    pub(super) fn add_clean(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
    }

    /// These and one more.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut more = self.clone();
        more.add_clean(name, value);
        more
    }

    /// Each of them.
    pub(in crate::report) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As they stand between the braces: `profile="agent",from="client"`.
    fn write(&self, out: &mut String) {
        for (at, (name, value)) in self.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(name);
            out.push_str("=\"");
            for c in value.chars() {
                match c {
                    '\\' => out.push_str("\\\\"),
                    '"' => out.push_str("\\\""),
                    '\n' => out.push_str("\\n"),
                    c => out.push(c),
                }
            }
            out.push('"');
        }
    }
}

/// A family and its series.
pub(in crate::report) struct Block {
    pub family: &'static Family,
    pub samples: Vec<(Labels, f64)>,
    seen: HashSet<Labels>,
}

/// Families in the order in which they first come.
pub(super) struct Page {
    run: Labels,
    blocks: Vec<Block>,
}

impl Page {
    pub(super) fn new(report: &Report) -> Self {
        let mut run = Labels::default();
        run.add("profile", &report.run.profile);
        run.add("from", &report.run.from);
        Self { run, blocks: Vec::new() }
    }

    /// The labels of the run, which every series has.
    pub(super) fn run(&self) -> Labels {
        self.run.clone()
    }

    /// One sample of a series whose labels no other can have.
    pub(super) fn push(&mut self, family: &'static Family, labels: &Labels, value: f64) {
        if value.is_finite() {
            self.block(family).samples.push((labels.clone(), value));
        }
    }

    /// The same where the labels may come again: the first stands.
    pub(super) fn push_once(&mut self, family: &'static Family, labels: &Labels, value: f64) {
        if self.block(family).seen.insert(labels.clone()) {
            self.push(family, labels, value);
        }
    }

    /// A state: 1 for the one that it is, 0 for every other.
    pub(super) fn states(&mut self, family: &'static Family, labels: &Labels, states: &[(&str, bool)]) {
        for (state, is) in states {
            self.push(family, &labels.with("status", state), f64::from(u8::from(*is)));
        }
    }

    fn block(&mut self, family: &'static Family) -> &mut Block {
        let place = self.blocks.iter().position(|b| b.family == family);
        let place = place.unwrap_or_else(|| {
            self.blocks.push(Block { family, samples: Vec::new(), seen: HashSet::new() });
            self.blocks.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was just found or made")]
        &mut self.blocks[place]
    }

    /// The families, for another format.
    pub(super) fn blocks(self) -> Vec<Block> {
        self.blocks
    }

    pub(super) fn finish(self) -> String {
        let mut out = String::with_capacity(self.blocks.iter().map(|b| b.samples.len() * 300 + 300).sum());
        for Block { family: Family { name, help }, samples, .. } in self.blocks {
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
            for (labels, value) in samples {
                out.push_str(name);
                out.push('{');
                labels.write(&mut out);
                let _ = writeln!(out, "}} {value}");
            }
        }
        out
    }
}

/// Milliseconds in seconds, to the nanosecond.
pub(super) fn seconds(ms: f64) -> f64 {
    (ms * 1e6).round() / 1e9
}

/// Per cent as a ratio.
pub(super) fn ratio(pct: f64) -> f64 {
    (pct * 1e7).round() / 1e9
}

/// Kilobits a second in bytes a second.
pub(super) fn bytes_per_second(kbps: f64) -> f64 {
    (kbps * 125e3).round() / 1e3
}
