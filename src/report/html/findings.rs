//! What is wrong, in the order of mending: what shows it, who is to do what, and the lines to put into a ticket. Below the
//! causes what follows from them; notes in a section of their own.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::index::Index;
use super::mark::badge;
use super::{path, text};
use crate::model::{Finding, Status};
use crate::report::findings;

/// More lines of evidence, or checks, are behind a fold.
const SHOWN: usize = 5;
/// So many places where flows end are drawn; the checks have the others.
const PLACES: usize = 2;

/// What to change, the worst first; nothing where nothing is wrong.
pub(super) fn causes(index: &Index<'_>) -> Markup {
    let several = index.causes.len() > 1;
    html! {
        @if !index.causes.is_empty() {
            section #findings aria-labelledby="findings-title" {
                h2 #findings-title { @if several { "What is wrong, in the order of mending" } @else { "What is wrong" } }
                ol.findings {
                    @for (n, cause) in index.causes.iter().enumerate() {
                        li #{ "finding-" (n + 1) } {
                            article class={ "finding " (cause.status.as_str()) } {
                                h3 { @if several { (n + 1) ". " } (text(&cause.title)) }
                                (body(index, cause, Some(n + 1)))
                                (effects(index, n))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Findings with nothing to mend.
pub(super) fn notes(index: &Index<'_>) -> Markup {
    let notes = index.notes();
    html! {
        @if !notes.is_empty() {
            section #notes aria-labelledby="notes-title" {
                h2 #notes-title { "Notes" }
                @for note in notes {
                    article.note { h3 { (text(&note.title)) } (body(index, note, None)) }
                }
            }
        }
    }
}

/// `number` is that of a cause.
fn body(index: &Index<'_>, finding: &Finding, number: Option<usize>) -> Markup {
    html! {
        p.kind {
            @if finding.status != Status::Pass { (badge(finding.status)) " " }
            code { (text(&finding.id)) }
        }
        @if !finding.detail.is_empty() { p { (text(&finding.detail)) } }
        (folded(&finding.evidence.iter().map(|line| html! { (text(line)) }).collect::<Vec<_>>(), "lines of evidence"))
        @if let Some(number) = number { (places(index, finding, number)) }
        (to_do(finding))
        (seen_in(index, finding))
    }
}

/// Where flows of the cause's checks end, each place once.
fn places(index: &Index<'_>, finding: &Finding, number: usize) -> Markup {
    let traced = finding.checks.iter().filter_map(|id| index.check(id));
    let mut seen: Vec<String> = Vec::new();
    let mut drawn: Vec<Markup> = Vec::new();
    for (_, check) in traced {
        let Some(key) = path::key(check).filter(|key| !seen.contains(key)) else { continue };
        drawn.push(path::figure(&format!("finding-{number}-path-{}", drawn.len() + 1), check));
        seen.push(key);
        if drawn.len() == PLACES {
            break;
        }
    }
    html! { @for figure in drawn { (figure) } }
}

/// Who is to do what, and the lines to ask for, as one block that is copied whole.
fn to_do(finding: &Finding) -> Markup {
    let lines: Vec<String> = finding.ask.iter().map(|line| text(line)).collect();
    html! {
        @if !finding.remedy.is_empty() || !lines.is_empty() {
            div.todo {
                @if !finding.remedy.is_empty() {
                    p {
                        strong { "To do" }
                        @if let Some(who) = finding.who { " by " (who.words()) }
                        ": " (text(&finding.remedy))
                    }
                }
                @if !lines.is_empty() {
                    p.ask-for { "To ask for:" }
                    pre.ask { (lines.join("\n")) }
                }
            }
        }
    }
}

/// The checks that show it, each a link to its evidence.
fn seen_in(index: &Index<'_>, finding: &Finding) -> Markup {
    let links: BTreeSet<(&str, usize)> =
        finding.checks.iter().filter_map(|id| index.check(id)).map(|(place, check)| (check.name(), place)).collect();
    let link = |(name, place): &(&str, usize)| html! { a href={ "#check-" (place) } { (text(name)) } };
    let drawn: Vec<Markup> = links.iter().map(link).collect();
    let (shown, more) = drawn.split_at(SHOWN.min(drawn.len()));
    html! {
        @if !drawn.is_empty() {
            div.seen-in {
                "Seen in: " @for (n, link) in shown.iter().enumerate() { @if n > 0 { ", " } (link) }
                @if !more.is_empty() {
                    details {
                        summary { "and " (more.len()) " more" }
                        @for (n, link) in more.iter().enumerate() { @if n > 0 { ", " } (link) }
                    }
                }
            }
        }
    }
}

/// A list of which more than [`SHOWN`] lines are behind a fold.
fn folded(lines: &[Markup], what: &str) -> Markup {
    let (shown, more) = lines.split_at(SHOWN.min(lines.len()));
    html! {
        @if !shown.is_empty() { ul.evidence { @for line in shown { li { (line) } } } }
        @if !more.is_empty() {
            details {
                summary { (more.len()) " more " (what) }
                ul.evidence { @for line in more { li { (line) } } }
            }
        }
    }
}

/// What follows from causes of which this is the last.
fn effects(index: &Index<'_>, cause: usize) -> Markup {
    let report = index.report;
    let mine = |finding: &&Finding| findings::numbers(&index.causes, finding).last() == Some(&cause);
    let effects: Vec<&Finding> = report.findings.iter().filter(|f| findings::follows(report, f)).filter(mine).collect();
    html! {
        @if !effects.is_empty() {
            ul.follows {
                @for finding in effects {
                    li {
                        span.lead { (lead(index, finding)) } " "
                        strong { (text(&finding.title)) } " " code { (text(&finding.id)) } ". "
                        (text(&finding.detail)) " " (text(&finding.remedy))
                    }
                }
            }
        }
    }
}

fn lead(index: &Index<'_>, finding: &Finding) -> String {
    let numbers: Vec<String> = findings::numbers(&index.causes, finding).iter().map(|n| (n + 1).to_string()).collect();
    match index.causes.len() > 1 {
        _ if finding.id == "icmp.filtered" => "What makes the place unsure:".to_owned(),
        true => format!("Follows from {}:", numbers.join(" and ")),
        false => "Follows from it:".to_owned(),
    }
}
