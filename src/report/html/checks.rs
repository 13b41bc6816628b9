//! Every check of the run in the order in which a reader needs them: what does not pass, what passes by host, what was
//! waived and what was not tried.

use std::collections::HashMap;
use std::hash::Hash;

use maud::{Markup, html};

use super::check::details;
use super::index::Index;
use super::text;
use crate::model::{Check, Need, Status, metric};
use crate::report::table::{is_problem, other_address, port};
use crate::report::{fold, passed};

/// So many failing checks are open when the page is; the others are a line each.
const OPEN: usize = 12;
/// More hosts of which the same is to be said are behind one fold.
const FEW: usize = 2;
/// Of more hosts than these what passed is behind a fold each.
const HOSTS: usize = 8;

type Placed<'a> = (usize, &'a Check);

/// All sections.
pub(super) fn sections(index: &Index<'_>) -> Markup {
    html! { (problems(index)) (passing(index)) (waived(index)) (skipped(index)) }
}

/// Checks with their places in the report.
fn some<'a>(index: &Index<'a>, wanted: impl Fn(&Check) -> bool) -> Vec<Placed<'a>> {
    index.report.checks.iter().enumerate().filter(|(_, check)| wanted(check)).collect()
}

/// The worst and most needed first; what says the same of many hosts is behind one fold.
fn problems(index: &Index<'_>) -> Markup {
    let mut checks = some(index, |c| is_problem(c) && c.waived.is_none());
    checks.sort_by_key(|(_, c)| (std::cmp::Reverse(c.status), c.need != Need::Required));
    let key = |(_, c): &Placed<'_>| (c.status, c.name().to_owned(), fold::mask(&fold::without_host(c)));
    let groups = grouped(checks, key);
    let few = groups.len() <= OPEN;
    html! {
        @if !groups.is_empty() {
            section #problems aria-labelledby="problems-title" {
                h2 #problems-title { "Checks that do not pass" }
                @for (n, (_, group)) in groups.iter().enumerate() {
                    @if group.len() > FEW {
                        (alike(index, group, n < OPEN))
                    } @else {
                        @for (place, check) in group { (details(index, *place, check, None, few || n < OPEN)) }
                    }
                }
            }
        }
    }
}

/// One sentence for many hosts, with each of them below.
fn alike(index: &Index<'_>, group: &[Placed<'_>], is_open: bool) -> Markup {
    let Some((_, first)) = group.first() else { return Markup::default() };
    let reasons: Vec<String> = group.iter().map(|(_, c)| fold::without_host(c)).collect();
    html! {
        details.check.alike open[is_open] {
            summary {
                (super::mark::badge(first.status)) " " span.name { (text(first.name())) } " "
                span.place { (text(&port(first))) " on " (group.len()) " hosts" }
            }
            div.body {
                p { (text(&fold::merge(&reasons))) }
                @for (place, check) in group { (details(index, *place, check, None, false)) }
            }
        }
    }
}

/// What holds, by host; a line a check.
fn passing(index: &Index<'_>) -> Markup {
    let checks = some(index, |c| c.status == Status::Pass && c.waived.is_none());
    let hosts = grouped(checks, |(_, c)| (c.role.as_str(), c.target.as_str(), c.address));
    let many = hosts.len() > HOSTS;
    html! {
        @if !hosts.is_empty() {
            section #passed aria-labelledby="passed-title" {
                h2 #passed-title { "Passed" }
                @for (_, checks) in &hosts {
                    @if let Some((_, first)) = checks.first() {
                        @if many {
                            details.host {
                                summary { strong { (text(first.role.as_str())) } " " (host(first)) ", " (checks.len()) " passed" }
                                (lines(index, checks, false))
                            }
                        } @else {
                            h3.host { (text(first.role.as_str())) span.place { (host(first)) } }
                            (lines(index, checks, true))
                        }
                    }
                }
            }
        }
    }
}

fn host(check: &Check) -> String {
    let address = other_address(check).map(|a| format!(" {a}")).unwrap_or_default();
    text(&format!("{}{address}", check.target))
}

/// A train in time is worth a look although all is well.
fn lines(index: &Index<'_>, checks: &[Placed<'_>], may_open: bool) -> Markup {
    html! {
        @for (place, check) in checks {
            (details(index, *place, check, Some(&passed::seen(check)), may_open && check.observed.has(&metric::TIMELINE)))
        }
    }
}

fn waived(index: &Index<'_>) -> Markup {
    let checks = some(index, |c| c.waived.is_some());
    html! {
        @if !checks.is_empty() {
            section #waived aria-labelledby="waived-title" {
                h2 #waived-title { "Waived: these do not count" }
                @for (place, check) in checks { (details(index, place, check, None, false)) }
            }
        }
    }
}

/// What was not tried, by reason.
fn skipped(index: &Index<'_>) -> Markup {
    let checks = some(index, |c| c.status == Status::Skip && c.waived.is_none());
    html! {
        @if !checks.is_empty() {
            section #skipped aria-labelledby="skipped-title" {
                h2 #skipped-title { "Not tried" }
                @for (reason, checks) in grouped(checks, |(_, c)| c.reason.as_str()) {
                    details.check {
                        summary { (super::mark::badge(Status::Skip)) " " span.line { (text(reason)) } " " span.place { (count(checks.len())) } }
                        div.body { ul.evidence {
                            @for (place, check) in checks {
                                li id={ "check-" (place) } { (text(check.name())) " " span.place { (text(&port(check))) " " (host(check)) } }
                            }
                        } }
                    }
                }
            }
        }
    }
}

fn count(checks: usize) -> String {
    if checks == 1 { "1 check".to_owned() } else { format!("{checks} checks") }
}

/// What has the same key together, in the order in which the keys first come.
fn grouped<'a, K: Eq + Hash + Clone>(
    checks: Vec<Placed<'a>>,
    key: impl Fn(&Placed<'a>) -> K,
) -> Vec<(K, Vec<Placed<'a>>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<Placed<'a>>)> = Vec::new();
    for check in checks {
        let key = key(&check);
        let place = *places.entry(key.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(check),
            None => groups.push((key, vec![check])),
        }
    }
    groups
}
