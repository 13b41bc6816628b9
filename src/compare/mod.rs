//! Two reports in, what differs out: per check, finding, figure and way. Knows no file, no renderer and no socket; which
//! report is the better world (before and after, outside and inside) is the caller's.

mod checks;
mod figures;
mod findings;
mod matching;
mod ways;

use crate::model::{COMPARISON_SCHEMA, Change, CheckChange, Comparison, Report, Side, Status};

/// Holds `after` against `before`; the names are what the operator knows them by. The comparison says of itself that it
/// is redacted where both reports are.
///
/// The result is [`Change::Worse`] where the verdict is worse, a check that counts (neither optional nor waived) is worse
/// or came in failing or undecided or worked and is not tried any more, or a finding that is no note appeared or is worse; else [`Change::Better`] where
/// any of these is better, [`Change::Changed`] where anything else differs beyond the noise, and [`Change::Same`].
pub fn compare(before: (&str, &Report), after: (&str, &Report)) -> Comparison {
    let pairs = matching::pairs(&before.1.checks, &after.1.checks);
    let (checks, same) = checks::changes(&pairs);
    let mut comparison = Comparison {
        schema: COMPARISON_SCHEMA.to_owned(),
        before: side(before),
        after: side(after),
        result: Change::Same,
        verdict: status(before.1.verdict, after.1.verdict),
        notes: notes(before.1, after.1),
        findings: findings::changes(&before.1.findings, &after.1.findings),
        figures: figures::changes(&pairs),
        ways: ways::changes(before.1, after.1),
        checks,
        same,
        redacted: before.1.redacted.iter().copied().filter(|r| after.1.redacted.contains(r)).collect(),
    };
    comparison.result = result(&comparison);
    comparison
}

fn side((name, report): (&str, &Report)) -> Side {
    Side {
        name: name.to_owned(),
        run: report.run.id.clone(),
        started: report.run.started.clone(),
        profile: report.run.profile.clone(),
        from: report.run.from.clone(),
        version: report.tool.version.clone(),
        complete: report.complete,
        verdict: report.verdict,
        summary: report.summary,
        redacted: report.redacted.clone(),
    }
}

/// What a status became. What was not tried on either side is neither better nor worse, but for what is then found to
/// be broken.
fn status(before: Status, after: Status) -> Change {
    match (before, after) {
        _ if before == after => Change::Same,
        (Status::Skip, Status::Fail) => Change::Worse,
        (Status::Skip, _) | (_, Status::Skip) => Change::Changed,
        _ if after > before => Change::Worse,
        _ => Change::Better,
    }
}

/// What a reader must know before believing the rest.
fn notes(before: &Report, after: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let (a, b) = (&before.run, &after.run);
    if a.profile != b.profile {
        notes.push(format!(
            "The profiles differ ({} and {}): only checks that both have can be held against each other.",
            a.profile, b.profile
        ));
    }
    if a.from != b.from {
        notes.push(format!("The runs take different vantages: {} before, {} after.", a.from, b.from));
    }
    for (name, value) in &b.options {
        if let Some(other) = a.options.get(name).filter(|other| *other != value) {
            notes.push(format!("The option {name} was {other} before and is {value} after."));
        }
    }
    for (when, report) in [("before", before), ("after", after)] {
        if !report.complete {
            notes.push(format!("The run {when} ended before its time: what it did not finish is unknown."));
        }
    }
    if before.redacted != after.redacted {
        notes.push(
            "Not the same is redacted in both reports: hosts are recognised by their rules, not by name or address."
                .to_owned(),
        );
    }
    notes
}

fn result(comparison: &Comparison) -> Change {
    let came_broken = |status: Status| matches!(status, Status::Fail | Status::Unknown);
    let checks = comparison.checks.iter().filter(|c| c.counts).map(|c| match (c.change, &c.after) {
        (Change::Appeared, Some(after)) if came_broken(after.status) => Change::Worse,
        // A gate must not open because nothing is tested any more.
        _ if c.is_lost() => Change::Worse,
        (change, _) => change,
    });
    let findings = comparison.findings.iter().filter(|f| f.counts).map(|f| match f.change {
        Change::Appeared => Change::Worse,
        Change::Gone => Change::Better,
        change => change,
    });
    let weighty: Vec<Change> = checks.chain(findings).chain([comparison.verdict]).collect();
    // Another address is a difference, although nothing came of it.
    let of_check = |c: &CheckChange| if c.moved() { Change::Changed } else { c.change };
    let light = comparison.checks.iter().map(of_check).chain(comparison.findings.iter().map(|f| f.change));
    let light =
        light.chain(comparison.figures.iter().map(|f| f.change)).chain(comparison.ways.iter().map(|w| w.change));
    match () {
        () if weighty.contains(&Change::Worse) => Change::Worse,
        () if weighty.contains(&Change::Better) => Change::Better,
        () if weighty.iter().copied().chain(light).any(|c| c != Change::Same) => Change::Changed,
        () => Change::Same,
    }
}
