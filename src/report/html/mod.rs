//! The report as one page for a browser: no script, nothing that is fetched, so it can be attached to a ticket and opened
//! anywhere. One part of the page a file; texts are those of the table. Every text passes [`text`], and maud escapes it.

mod findings;
mod headline;
mod index;
mod mark;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text::clean;
use crate::model::Report;
use index::Index;

/// Forbids all but the page's own style, so that nothing in it can fetch or run anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A sheet of style that names no other file.
const STYLE: &str = include_str!("style.css");

/// Draws the whole page.
pub(super) fn render(report: &Report) -> String {
    let index = &Index::new(report);
    let title = format!("{}: {}, {}", report.verdict.as_str().to_uppercase(), report.run.profile, report.run.started);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(text(&format!("{} {}", report.tool.name, report.tool.version)));
                title { (text(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body(index)) }
        }
    };
    page.into_string() + "\n"
}

fn body(index: &Index<'_>) -> Markup {
    html! {
        (headline::header(index.report))
        main {
            (headline::verdict(index.report))
            (findings::causes(index))
            (findings::notes(index))
        }
    }
}

/// Text on one line, without what could disguise it, bounded; maud escapes it where it is put.
fn text(text: &str) -> String {
    clean(text, true)
}
