//! The report as one page for a browser: no script, nothing that is fetched, so it can be attached to a ticket and opened
//! anywhere. One part of the page a file; texts are those of the table. Every text passes [`text`], and maud escapes it.

mod about;
mod check;
mod checks;
mod findings;
mod headline;
mod histogram;
mod index;
mod mark;
mod path;
mod picture;
mod ports;
mod rtt;
mod ways;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::table::is_problem;
use super::text::clean;
use crate::model::{Check, Report, Status};
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
            (contents(index))
            (findings::causes(index))
            (ways::section(index.report))
            (checks::sections(index))
            (findings::notes(index))
            (about::comparison(index.report))
        }
        (about::footer(index.report))
    }
}

/// Links to the sections that there are; nothing on a page that is seen at a glance.
fn contents(index: &Index<'_>) -> Markup {
    let report = index.report;
    let checks = |wanted: fn(&Check) -> bool| report.checks.iter().filter(|c| wanted(c)).count();
    let sections = [
        ("findings", "What is wrong", index.causes.len()),
        ("ways", "Ways for media", report.ways.len()),
        ("problems", "Checks that do not pass", checks(|c| is_problem(c) && c.waived.is_none())),
        ("passed", "Passed", checks(|c| c.status == Status::Pass && c.waived.is_none())),
        ("waived", "Waived", checks(|c| c.waived.is_some())),
        ("skipped", "Not tried", checks(|c| c.status == Status::Skip && c.waived.is_none())),
        ("notes", "Notes", index.notes().len()),
        ("comparison", "Against the baseline", usize::from(report.comparison.is_some())),
    ];
    let there: Vec<_> = sections.into_iter().filter(|(.., count)| *count > 0).collect();
    html! {
        @if there.len() > 1 {
            nav aria-label="Sections" {
                ul { @for (id, name, count) in there { li { a href={ "#" (id) } { (name) } " " span.count { (count) } } } }
            }
        }
    }
}

/// Text on one line, without what could disguise it, bounded; maud escapes it where it is put.
fn text(text: &str) -> String {
    clean(text, true)
}
