//! The head of the page: what was checked, from where and when, and the verdict in words.

use maud::{Markup, html};

use super::mark::sign;
use super::text;
use crate::model::Report;
use crate::report::{evidence, fold, headline};

/// What was checked.
pub(super) fn header(report: &Report) -> Markup {
    let (run, tool) = (&report.run, &report.tool);
    let options: Vec<String> = run.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let redacted: Vec<&str> = report.redacted.iter().map(|r| r.as_str()).collect();
    html! {
        header {
            p.eyebrow { (text(&tool.name)) " " (text(&tool.version)) }
            h1 { "Network check: " (text(&run.profile)) }
            dl.facts {
                div { dt { "From" } dd { (text(&run.from)) } }
                @for (role, hosts) in &run.targets {
                    div { dt { (text(role.as_str())) } dd { (text(&fold::ends(hosts))) } }
                }
                div { dt { "Started" } dd { (instant(&run.started)) } }
                div { dt { "Took" } dd { (evidence::ms(run.duration_ms as f64)) } }
                @if !options.is_empty() { div { dt { "Options" } dd { (text(&options.join(" "))) } } }
                @if !redacted.is_empty() { div { dt { "Redacted" } dd { (redacted.join(", ")) } } }
            }
        }
    }
}

/// `2026-11-21 03:12:07 UTC`, machine-readable beside it; anything else as it stands.
fn instant(rfc3339: &str) -> Markup {
    let told = rfc3339.strip_suffix('Z').and_then(|t| t.split_once('T'));
    html! {
        @match told {
            Some((day, time)) => time datetime=(text(rfc3339)) { (text(day)) " " (text(time)) " UTC" },
            None => (text(rfc3339)),
        }
    }
}

/// The judgement, how many checks there are of each kind, and what the exit code means.
pub(super) fn verdict(report: &Report) -> Markup {
    let status = report.verdict;
    html! {
        section class={ "verdict " (status.as_str()) } aria-labelledby="verdict" {
            h2 #verdict {
                span.sign aria-hidden="true" { (sign(status)) }
                span.visually-hidden { "Verdict: " }
                (status.as_str().to_uppercase())
            }
            p.counts { (headline::counts(report)) }
            p { (headline::meaning(report)) }
            @if let Some(why) = headline::incomplete(report) {
                p.incomplete { strong { "Incomplete: " } (why) }
            }
        }
    }
}
