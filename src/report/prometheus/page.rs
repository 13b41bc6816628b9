//! The text format itself: families with their help and type, samples with escaped labels, no series twice. Knows no
//! check.

use std::collections::HashSet;
use std::fmt::Write;

use crate::model::Report;
use crate::report::text::clean;

/// One family of series: its name and what it is. All of them are gauges, for a report is a state and counts nothing up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub name: &'static str,
    pub help: &'static str,
}

/// Labels as they stand between the braces: `profile="agent",from="client"`.
#[derive(Clone)]
pub(super) struct Labels(String);

impl Labels {
    /// One more; an empty value is left out, as the format takes both for the same.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        self.add_clean(name, &clean(value, true));
    }

    /// One more, of a value that no stranger wrote.
    pub(super) fn add_clean(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(name);
        self.0.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }

    /// These and one more.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut more = self.clone();
        more.add_clean(name, value);
        more
    }
}

struct Block {
    family: &'static Family,
    samples: String,
    seen: HashSet<String>,
}

/// Families in the order in which they first come.
pub(super) struct Page {
    run: Labels,
    blocks: Vec<Block>,
}

impl Page {
    pub(super) fn new(report: &Report) -> Self {
        let mut run = Labels(String::new());
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
            let block = self.block(family);
            let _ = writeln!(block.samples, "{}{{{}}} {value}", family.name, labels.0);
        }
    }

    /// The same where the labels may come again: the first stands.
    pub(super) fn push_once(&mut self, family: &'static Family, labels: &Labels, value: f64) {
        if self.block(family).seen.insert(labels.0.clone()) {
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
            self.blocks.push(Block { family, samples: String::new(), seen: HashSet::new() });
            self.blocks.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was just found or made")]
        &mut self.blocks[place]
    }

    pub(super) fn finish(self) -> String {
        let mut out = String::with_capacity(self.blocks.iter().map(|b| b.samples.len() + 300).sum());
        for block in self.blocks {
            let Family { name, help } = block.family;
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
            out.push_str(&block.samples);
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
