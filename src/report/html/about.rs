//! The end of the page: documents behind the checks, what signs mean, and which run it was.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::text;
use crate::model::{Comparison, Report};
use crate::report::{compare, limits};

/// Against another report; nothing where none was given.
pub(super) fn comparison(report: &Report) -> Markup {
    let Some(comparison) = report.comparison.as_deref() else { return Markup::default() };
    html! {
        section #comparison aria-labelledby="comparison-title" {
            h2 #comparison-title { "Against the baseline" }
            div.scroll tabindex="0" role="region" aria-labelledby="comparison-title" { pre { (drawn(comparison)) } }
        }
    }
}

/// As the terminal has it, a line a change.
fn drawn(comparison: &Comparison) -> String {
    let style = crate::report::Style { width: 96, colour: false, unicode: true };
    compare::render(comparison, compare::Format::Table, &style)
}

/// Documents and the run.
pub(super) fn footer(report: &Report) -> Markup {
    let documents: BTreeSet<&str> =
        report.checks.iter().filter_map(|c| c.source.as_ref()).map(|s| s.document.as_str()).collect();
    html! {
        footer {
            @for document in documents { p { "Document: " (text(document)) } }
            @if let Some(words) = limits::footnote(&report.checks) { p { (words.replace("In brackets: the interval", "The 95 % interval is the one")) } }
            p { "Run " code { (text(&report.run.id)) } ", seed " code { (report.run.seed) } ". Pictures and numbers are of one JSON report; " code { "rtc-check report FILE" } " draws it again." }
        }
    }
}
