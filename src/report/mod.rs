//! Renderers: a [`Report`] in, text out, one format a file. They draw what was judged and judge nothing; they know no
//! profile, file or terminal, so a saved report can be drawn again in any format.

mod both;
mod capacity;
mod cases;
pub mod compare;
mod csv;
pub mod doctor;
mod evidence;
pub mod explain;
mod findings;
pub mod firewall;
mod fold;
mod group;
mod headline;
mod html;
mod json;
mod junit;
mod limits;
mod markdown;
mod nagios;
mod ndjson;
pub mod otlp;
mod page;
mod passed;
mod problems;
mod prometheus;
mod schema;
pub mod sizing;
mod table;
mod tap;
mod text;
mod told;
mod ways;

use std::fmt;
use std::str::FromStr;

use crate::model::Report;

pub use nagios::{cannot_run, line as nagios_line};
pub use ndjson::{line, line_of, line_of_report};
pub use schema::schema;
pub use text::clean;

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// The report of schema 1, as one document.
    Json,
    /// Events, one JSON document a line.
    Ndjson,
    /// JUnit XML, for CI: a role a suite, a check a case.
    Junit,
    /// For a ticket, or the summary of a CI step.
    Markdown,
    /// Prometheus text exposition.
    Prometheus,
    /// RFC 4180, a row a check.
    Csv,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// One line and performance data, as monitoring plugins answer.
    Nagios,
    /// For people, in a browser: one file that needs nothing else.
    Html,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: &'static [Format] = &[
        Format::Table,
        Format::Json,
        Format::Ndjson,
        Format::Junit,
        Format::Markdown,
        Format::Prometheus,
        Format::Csv,
        Format::Tap,
        Format::Nagios,
        Format::Html,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Junit => "junit",
            Format::Markdown => "markdown",
            Format::Prometheus => "prometheus",
            Format::Csv => "csv",
            Format::Tap => "tap",
            Format::Nagios => "nagios",
            Format::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let names = || Format::ALL.iter().map(|f| f.as_str()).collect::<Vec<_>>().join(", ");
        Format::ALL
            .iter()
            .copied()
            .find(|f| f.as_str() == s)
            .ok_or_else(|| format!("`{s}` is not a format; choose one of {}", names()))
    }
}

/// What the place of output can show; the command line decides it from the terminal, `NO_COLOR` and the locale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns; fewer than 20 are drawn as 20.
    pub width: usize,
    /// ANSI colours.
    pub colour: bool,
    /// Anything but ASCII.
    pub unicode: bool,
}

impl Default for Style {
    /// What every file and every terminal can show.
    fn default() -> Self {
        Self { width: 80, colour: false, unicode: false }
    }
}

/// Draws `report`. Every format ends with a newline; `style` matters to formats for people only.
pub fn render(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Table => table::render(report, style),
        Format::Json => json::render(report),
        Format::Ndjson => ndjson::render(report),
        Format::Junit => junit::render(report),
        Format::Markdown => markdown::render(report),
        Format::Prometheus => prometheus::render(report),
        Format::Csv => csv::render(report),
        Format::Tap => tap::render(report),
        Format::Nagios => nagios::render(report),
        Format::Html => html::render(report),
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn every_format_reads_back_and_nonsense_names_the_choices() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(*format));
        }
        let error = "xml".parse::<Format>().unwrap_err();
        assert!(error.starts_with("`xml` is not a format; choose one of table, json, ndjson, junit, "), "{error}");
    }
}
