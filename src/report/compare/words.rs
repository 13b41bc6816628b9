//! A comparison in sentences, the same for every format: each item is a headline and the lines below it, worst first.

use super::{Part, part};
use crate::model::{
    Change, CheckChange, CheckState, Comparison, Figure, FigureChange, Finding, FindingChange, MatchedBy, Side, Status,
    WayChange, masked,
};
use crate::report::evidence::significant;

/// One thing that differs.
pub(super) struct Item {
    pub part: Part,
    /// The status that it has now, or had last.
    pub status: Status,
    /// What it is and what became of it.
    pub head: String,
    pub lines: Vec<Line>,
}

/// A line below a headline.
pub(super) enum Line {
    /// In plain words.
    Plain(String),
    /// What to do.
    Do(String),
    /// Beside the point.
    Faint(String),
}

/// Everything that differs, the verdict first, then findings, the way for media, checks and figures.
pub(super) fn items(comparison: &Comparison) -> Vec<Item> {
    let findings = comparison.findings.iter().filter_map(finding);
    let mut items: Vec<Item> = verdict(comparison).into_iter().chain(findings).collect();
    items.extend(comparison.ways.iter().map(way));
    items.extend(checks(&comparison.checks));
    items.extend(comparison.figures.iter().filter_map(figure));
    items
}

/// `2 checks and 1 finding are worse; 1 check is better; 12 checks are the same`.
pub(super) fn summary(comparison: &Comparison) -> String {
    let parts: Vec<(Part, &str)> = comparison
        .checks
        .iter()
        .map(|c| (part_of_check(c), "check"))
        .chain(comparison.findings.iter().map(|f| (part_of_finding(f), if f.counts { "finding" } else { "note" })))
        .chain(
            comparison
                .figures
                .iter()
                .filter(|f| f.change != Change::Same)
                .map(|f| (part(f.change, false, false), "figure")),
        )
        .collect();
    let of = |wanted: Part| {
        let counted = ["finding", "check", "figure", "note"].map(|noun| {
            let n = parts.iter().filter(|(part, what)| *part == wanted && *what == noun).count();
            (n > 0).then(|| count(n, noun))
        });
        counted.into_iter().flatten().collect::<Vec<_>>()
    };
    let mut clauses = Vec::new();
    for (wanted, word) in [
        (Part::Worse, "worse"),
        (Part::Better, "better"),
        (Part::Appeared, "new"),
        (Part::Gone, "gone"),
        (Part::Changed, "otherwise"),
        (Part::Moved, "the same at another address"),
    ] {
        let counted = of(wanted);
        if !counted.is_empty() {
            clauses.push(format!("{} {word}", listed(&counted)));
        }
    }
    if comparison.same > 0 {
        clauses.push(format!("{} the same", count(comparison.same as usize, "check")));
    }
    if clauses.is_empty() { "nothing was compared".to_owned() } else { clauses.join("; ") }
}

/// The result in a word.
pub(super) fn result(comparison: &Comparison) -> (&'static str, Status) {
    match comparison.result {
        Change::Worse => ("WORSE", Status::Fail),
        Change::Better => ("BETTER", Status::Pass),
        Change::Same => ("THE SAME", Status::Pass),
        Change::Changed | Change::Appeared | Change::Gone => ("NOT WORSE", Status::Warn),
    }
}

/// `office.json: 2026-11-21T03:12:07Z, profile agent, from client: pass (12 pass, 1 warn)`.
pub(super) fn side(side: &Side) -> String {
    let s = side.summary;
    let counts = [(s.fail, "fail"), (s.unknown, "unknown"), (s.warn, "warn"), (s.pass, "pass"), (s.skip, "skip")];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let counts = if counts.is_empty() { "no checks".to_owned() } else { counts.join(", ") };
    format!(
        "{}: {}, profile {}, from {}: {} ({counts})",
        side.name, side.started, side.profile, side.from, side.verdict
    )
}

/// Figures that differ by no more than chance, as one sentence; `None` where there are none.
pub(super) fn noise(comparison: &Comparison) -> Option<String> {
    let within = comparison.figures.iter().filter(|f| f.change == Change::Same).count();
    (within > 0).then(|| {
        let (are, their) =
            if within == 1 { ("differs", "its intervals overlap") } else { ("differ", "their intervals overlap") };
        format!("{} {are} by no more than chance explains: {their}.", count(within, "figure"))
    })
}

fn verdict(comparison: &Comparison) -> Option<Item> {
    let (before, after) = (comparison.before.verdict, comparison.after.verdict);
    (comparison.verdict != Change::Same).then(|| Item {
        part: part(comparison.verdict, false, false),
        status: after,
        head: format!("the verdict was {before} and is {after}"),
        lines: Vec::new(),
    })
}

fn part_of_finding(change: &FindingChange) -> Part {
    part(change.change, change.counts, change.counts)
}

fn finding(change: &FindingChange) -> Option<Item> {
    let (named, what) = match (&change.before, &change.after) {
        (Some(before), Some(after)) if before.status == after.status => (after, "shows in other checks".to_owned()),
        (Some(before), Some(after)) => (after, format!("was {}, is {}", before.status, after.status)),
        (None, Some(after)) => (after, if change.counts { "new" } else { "new, a note" }.to_owned()),
        (Some(before), None) => (before, "gone".to_owned()),
        (None, None) => return None,
    };
    let lines = if change.after.is_some() { finding_lines(named) } else { vec![Line::Plain(named.detail.clone())] };
    Some(Item {
        part: part_of_finding(change),
        status: if change.after.is_none() { Status::Pass } else { named.status },
        head: format!("{} [{}]: {what}", named.title, change.finding),
        lines,
    })
}

fn finding_lines(finding: &Finding) -> Vec<Line> {
    let mut lines = vec![Line::Plain(finding.detail.clone())];
    if !finding.remedy.is_empty() {
        lines.push(Line::Do(finding.remedy.clone()));
    }
    lines.extend(finding.ask.iter().map(|ask| Line::Plain(format!("ask for: {ask}"))));
    lines
}

fn way(change: &WayChange) -> Item {
    let words = |way: Option<crate::model::Way>| way.map_or("no way at all", crate::model::Way::words);
    Item {
        part: part(change.change, false, false),
        status: if change.change == Change::Worse { Status::Warn } else { Status::Pass },
        head: format!("media of {} took {}, and would take {}", change.role, words(change.before), words(change.after)),
        lines: Vec::new(),
    }
}

fn part_of_check(change: &CheckChange) -> Part {
    let broken = |state: &Option<CheckState>| {
        state.as_ref().is_some_and(|s| matches!(s.status, Status::Fail | Status::Unknown)) && change.counts
    };
    match change.is_lost() {
        true => Part::Worse,
        false => part(change.change, broken(&change.after), false),
    }
}

/// Checks, those that count first, and the worst of them first.
fn checks(changes: &[CheckChange]) -> Vec<Item> {
    let mut ordered: Vec<&CheckChange> = changes.iter().collect();
    let need = |c: &CheckChange| c.after.as_ref().or(c.before.as_ref()).map(|s| s.need);
    let now = |c: &CheckChange| c.after.as_ref().or(c.before.as_ref()).map(|s| s.status);
    ordered.sort_by_key(|c| (!c.counts, need(c), std::cmp::Reverse(now(c))));
    ordered.into_iter().filter_map(check).collect()
}

fn check(change: &CheckChange) -> Option<Item> {
    let state = change.after.as_ref().or(change.before.as_ref())?;
    let optional =
        if state.need == crate::model::Need::Required { String::new() } else { format!(" [{}]", state.need) };
    let what = match (&change.before, &change.after) {
        (Some(a), Some(b)) if a.status != b.status => format!("was {}, is {}", a.status, b.status),
        (Some(_), Some(b)) if change.change == Change::Changed && b.status == Status::Fail => {
            "fails in another way".to_owned()
        }
        (Some(a), Some(b)) => format!("{} as before{}", b.status, moved(change, a)),
        (None, Some(b)) => format!("only after: {}", b.status),
        (Some(a), None) => format!("only before: {}", a.status),
        (None, None) => return None,
    };
    Some(Item {
        part: part_of_check(change),
        status: state.status,
        head: format!("{} {}{optional}: {what}", change.check, place(state)),
        lines: check_lines(change),
    })
}

fn check_lines(change: &CheckChange) -> Vec<Line> {
    let mut lines = Vec::new();
    let (before, after) = (change.before.as_ref(), change.after.as_ref());
    if part_of_check(change) == Part::Moved {
        return lines;
    }
    lines.extend(after.filter(|a| !a.reason.is_empty()).map(|a| Line::Plain(format!("after: {}", a.reason))));
    lines.extend(before.filter(|b| !b.reason.is_empty()).map(|b| Line::Faint(format!("before: {}", b.reason))));
    if let (true, Some(before)) = (change.moved(), before) {
        lines.push(Line::Faint(moved(change, before).trim_start_matches([',', ' ']).to_owned()));
    }
    lines
}

/// Where the check was before, if elsewhere, and how the two were recognised where that is a guess.
fn moved(change: &CheckChange, before: &CheckState) -> String {
    match change.matched {
        Some(MatchedBy::Target) => format!(", before at {}", place(before)),
        Some(MatchedBy::Rule) => format!(", before at {}, recognised by its rule alone", place(before)),
        Some(MatchedBy::Id) | None => String::new(),
    }
}

/// Address and port, and the name where that is another.
fn place(state: &CheckState) -> String {
    let port = if state.port.is_empty() { String::new() } else { format!(":{}", state.port) };
    match state.address {
        None => format!("{} {}", state.target, state.port).trim_end().to_owned(),
        Some(address) => {
            let shown = masked::shown(address);
            let bracketed = masked::needs_brackets(address) && !port.is_empty();
            let host = if bracketed { format!("[{shown}]") } else { shown.clone() };
            let name = if state.target == shown { String::new() } else { format!(" ({})", state.target) };
            format!("{host}{port}{name}")
        }
    }
}

fn figure(change: &FigureChange) -> Option<Item> {
    if change.change == Change::Same {
        return None;
    }
    let unit = match change.unit.as_str() {
        "pct" => "%",
        "kbps" => "kbit/s",
        other => other,
    };
    let bare = change.metric.strip_suffix(&format!("_{}", change.unit)).unwrap_or(&change.metric).replace('_', " ");
    let limit = change.limit.as_ref().map(|limit| format!(" (limit {limit} {unit})")).unwrap_or_default();
    Some(Item {
        part: part(change.change, false, false),
        status: if change.change == Change::Worse { Status::Warn } else { Status::Pass },
        head: format!(
            "{} of {}: {}, was {} {unit}{limit}",
            if bare == "rtt" { "round trip".to_owned() } else { bare },
            change.check,
            value(&change.after),
            value(&change.before)
        ),
        lines: Vec::new(),
    })
}

/// `40.1 (39.9-40.3)`.
fn value(figure: &Figure) -> String {
    let (low, high) = figure.span();
    let between = if low < 0.0 || high < 0.0 { " to " } else { "-" };
    let interval = figure.ci95.map(|_| format!(" ({}{between}{})", significant(low), significant(high)));
    format!("{}{}", significant(figure.value), interval.unwrap_or_default())
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

fn listed(words: &[String]) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        few => few.join(""),
    }
}
