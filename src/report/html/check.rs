//! One check with all its evidence, behind a fold that is open where there is something to mend: the sentence, limits,
//! pictures, layers, both ways of a proxy, the document's row, and every fact that was recorded.

use maud::{Markup, html};

use super::index::Index;
use super::mark::badge;
use super::{histogram, path, ports, rtt, text};
use crate::model::metric::Metric;
use crate::model::{Check, LimitSource, Need, StepTiming, metric};
use crate::report::table::{other_address, place};
use crate::report::{both, capacity, evidence, limits, problems};

/// Facts that stand above in another form.
const TOLD: [&Metric; 5] =
    [&metric::STEPS, &metric::TIMELINE, &metric::RTT_HISTOGRAM, &metric::ESTIMATES, &metric::LOADS];

/// The check at `place` of the report; `line` is what stands beside its name.
pub(super) fn details(index: &Index<'_>, number: usize, check: &Check, line: Option<&str>, is_open: bool) -> Markup {
    html! {
        details.check id={ "check-" (number) } open[is_open] {
            summary {
                (badge(check.status)) " " span.name { (text(check.name())) } " "
                span.place { (text(&place(check))) @if other_address(check).is_some() { " " (text(&check.target)) } }
                @if check.need != Need::Required { " " span.need { (check.need) } }
                @if let Some(line) = line { " " span.line { (text(line)) } }
            }
            div.body { (body(index, number, check)) }
        }
    }
}

fn body(index: &Index<'_>, number: usize, check: &Check) -> Markup {
    let clauses = evidence::clauses(check);
    let others = index.alternatives(check, |group, ways| problems::alternatives_among(group, ways, check));
    html! {
        (reason(index, check))
        @if let Some(waiver) = &check.waived {
            p { strong { "Waived" } @if let Some(day) = &waiver.until { " until " (text(day)) } ": " (text(&waiver.reason)) }
        }
        @if let Some(others) = others { p { (text(&others)) } }
        (limits_table(check))
        (ports::figure(&format!("ports-{number}"), check))
        (path::figure(&format!("path-{number}"), check))
        (rtt::figure(&format!("rtt-{number}"), check))
        (histogram::figure(&format!("histogram-{number}"), check))
        @let found = capacity::lines(check);
        @if !found.is_empty() { ul.evidence { @for line in found { li { (text(&line)) } } } }
        @if let Some(lines) = both::lines(check) { ul.evidence { @for line in lines { li { (text(&line)) } } } }
        @if !clauses.is_empty() { p.seen { "Seen: " (text(&clauses.join(", "))) } }
        (steps(check))
        @if let Some(fallback) = evidence::fallback(check) { p.seen { "Note: " (text(&fallback)) } }
        @if let Some(moved) = evidence::moved(check) { p { (text(&moved)) } }
        @if let Some(source) = &check.source {
            p.source { "Asked for by " cite { (text(&source.document)) } ", " (text(&source.section)) ": " (text(&source.row)) }
        }
        (facts(check))
    }
}

/// The sentence, with a link in place of words that the finding has.
fn reason(index: &Index<'_>, check: &Check) -> Markup {
    let cause = index.cause_of(check);
    let said = cause.and_then(|(_, f)| check.reason.split_once(&format!("; {}: ", f.pointer()))).map(|(said, _)| said);
    html! {
        p { (text(said.unwrap_or(&check.reason))) @if said.is_some() { "." } }
        @if let Some((n, finding)) = cause {
            p.seen { "What is wrong: " a href={ "#finding-" (n + 1) } { (text(&finding.title)) } }
        }
    }
}

fn limits_table(check: &Check) -> Markup {
    html! {
        @if !check.limits.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Limits" {
                table {
                    thead { tr {
                        @for name in ["Limit on", "Status", "Measured", "Limit", "95 % interval", "Asked for by"] {
                            th scope="col" { (name) }
                        }
                    } }
                    tbody {
                        @for limit in &check.limits {
                            @let [name, value, interval, bound, _] = limits::row(limit, false);
                            tr {
                                th scope="row" { (text(&name)) }
                                td { (badge(limit.status)) }
                                td { (text(&value)) }
                                td { (text(&bound)) }
                                td { @if interval.is_empty() { "–" } @else { (text(interval.trim_matches(['(', ')']))) } }
                                td.which { @match &limit.source {
                                    LimitSource::Document(source) => { (text(&source.section)) ": " (text(&source.row)) },
                                    LimitSource::Own(words) => (text(words)),
                                } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The layers that the probe climbed.
fn steps(check: &Check) -> Markup {
    let steps: Vec<StepTiming> = check.observed.get(&metric::STEPS).unwrap_or_default();
    html! {
        @if !steps.is_empty() {
            table.steps {
                thead { tr { th scope="col" { "Layer" } th scope="col" { "Time" } th scope="col" { "Result" } } }
                tbody {
                    @for step in &steps {
                        tr { th scope="row" { (step.step.as_str()) } td { (evidence::ms(step.ms)) } td.which { (text(&step.result)) } }
                    }
                }
            }
        }
    }
}

/// Every other fact as it stands in the JSON report, long ones cut.
fn facts(check: &Check) -> Markup {
    let all: Vec<(&str, String)> = check
        .observed
        .iter()
        .filter(|(name, _)| TOLD.iter().all(|m| m.name != *name))
        .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    html! {
        @if !all.is_empty() {
            details.recorded {
                summary { "Everything that was recorded" }
                dl { @for (name, value) in &all { dt { code { (text(name)) } } dd { code { (text(value)) } } } }
            }
        }
    }
}
