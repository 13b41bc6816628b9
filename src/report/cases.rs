//! The report as a list of test cases, for formats of test harnesses: a case a check, and what no check tells as a case
//! of its own, so that no harness is green where the run is not. Knows no format.

use std::collections::HashMap;

use super::evidence;
use super::group::Groups;
use super::text::clean;
use crate::model::{Check, Ended, Finding, LimitResult, LimitSource, Report, Status, Waived};

/// The role of cases that belong to the whole run.
const RUN: &str = "run";

/// One case.
pub(super) struct Case<'a> {
    /// The check's id, or a word for the run's.
    pub name: &'a str,
    pub role: &'a str,
    /// As a harness is to count it: what is waived is a skip.
    pub status: Status,
    /// One sentence.
    pub message: String,
    /// Absent for a case of the whole run.
    pub check: Option<&'a Check>,
    /// What is behind it.
    pub causes: Vec<&'a Finding>,
    /// That another of its group works where it does not.
    pub group: Option<String>,
}

/// Every case: those of the checks in their order, then those of the run.
pub(super) fn of(report: &Report) -> Vec<Case<'_>> {
    let causes = causes(report);
    let mut by_check: HashMap<&str, Vec<&Finding>> = HashMap::new();
    for cause in &causes {
        cause.checks.iter().for_each(|id| by_check.entry(id).or_default().push(cause));
    }
    let groups = Groups::of(report);
    let of_check =
        |check| Case { group: groups.told(check).map(|told| clean(&told, true)), ..of_check(check, &by_check) };
    let mut cases: Vec<Case<'_>> = report.checks.iter().map(of_check).collect();
    let told =
        |cause: &Finding| cases.iter().any(|c| tells(c) && c.causes.iter().any(|told| std::ptr::eq(*told, cause)));
    let untold: Vec<&Finding> = causes.iter().copied().filter(|cause| !told(cause)).collect();
    cases.extend(untold.into_iter().map(|cause| of_finding(report, cause)));
    cases.extend(of_run(report, &cases));
    cases
}

/// Its body says what is behind it.
fn tells(case: &Case<'_>) -> bool {
    matches!(case.status, Status::Fail | Status::Unknown | Status::Warn)
}

/// What is wrong by itself; notes and what merely follows are left out.
fn causes(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|f| f.status != Status::Pass && f.follows.is_empty()).collect()
}

fn of_check<'a>(check: &'a Check, by_check: &HashMap<&str, Vec<&'a Finding>>) -> Case<'a> {
    let (status, message) = match &check.waived {
        Some(waived) => (Status::Skip, waiver(check, waived)),
        None => (check.status, clean(&check.reason, true)),
    };
    let causes = by_check.get(check.id.as_str()).cloned().unwrap_or_default();
    Case { name: &check.id, role: check.role.as_str(), status, message, check: Some(check), causes, group: None }
}

/// `waived until 2026-12-31 (IPv4-only runner); it is unknown: …`.
fn waiver(check: &Check, waived: &Waived) -> String {
    let until = waived.until.as_ref().map(|day| format!(" until {day}")).unwrap_or_default();
    clean(&format!("waived{until} ({}); it is {}: {}", waived.reason, check.status, check.reason), true)
}

/// A cause that no check beside it tells: it fails a harness only where the verdict does.
fn of_finding<'a>(report: &Report, cause: &'a Finding) -> Case<'a> {
    let status = match (cause.status, report.verdict) {
        (Status::Fail, Status::Fail) => Status::Fail,
        (Status::Fail | Status::Unknown, Status::Fail | Status::Unknown) => Status::Unknown,
        (Status::Skip, _) => Status::Skip,
        _ => Status::Warn,
    };
    let message = clean(&format!("{}: {}", cause.title, cause.detail), true);
    Case { name: &cause.id, role: RUN, status, message, check: None, causes: vec![cause], group: None }
}

/// The verdict, where the cases so far would let a harness think otherwise.
fn of_run<'a>(report: &Report, cases: &[Case<'a>]) -> Option<Case<'a>> {
    let any = |status| cases.iter().any(|c| c.status == status);
    let status = match report.verdict {
        Status::Fail if !any(Status::Fail) => Status::Fail,
        Status::Unknown if !any(Status::Unknown) && !any(Status::Fail) => Status::Unknown,
        _ if !report.complete && !any(Status::Unknown) && !any(Status::Fail) => Status::Unknown,
        _ if cases.is_empty() => Status::Skip,
        _ => return None,
    };
    let message = match (status, report.run.ended) {
        (_, Some(Ended::Interrupted)) => "the run was interrupted, and what did not finish is unknown".to_owned(),
        (_, Some(Ended::Budget)) => "the run's budget was used up, and what did not finish is unknown".to_owned(),
        (Status::Skip, _) => "nothing was tested".to_owned(),
        _ => format!("the verdict of the run is {}, and no check by itself tells it", report.verdict),
    };
    Some(Case { name: "verdict", role: RUN, status, message, check: None, causes: Vec::new(), group: None })
}

impl Case<'_> {
    /// What was seen, a clause each.
    pub(super) fn seen(&self) -> Vec<String> {
        let Some(check) = self.check else { return Vec::new() };
        let beside = [evidence::fallback(check), evidence::moved(check)];
        evidence::clauses(check).iter().chain(beside.iter().flatten()).map(|clause| clean(clause, true)).collect()
    }

    /// Each limit and how it is held: `loss_pct 3.1 (95 %: 2.2 to 4.3) < 1.5 %: fail`.
    pub(super) fn limits(&self) -> Vec<String> {
        self.check.map(|check| check.limits.iter().map(limit).collect()).unwrap_or_default()
    }

    /// The rows of documents that ask for it.
    pub(super) fn rows(&self) -> Vec<String> {
        let Some(check) = self.check else { return Vec::new() };
        let of_limits = check.limits.iter().filter_map(|l| match &l.source {
            LimitSource::Document(source) => Some(source),
            LimitSource::Own(_) => None,
        });
        let mut rows: Vec<String> = Vec::new();
        for source in check.source.iter().chain(of_limits) {
            let row = clean(&format!("{}: {} ({})", source.section, source.row, source.document), true);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }
}

/// One limit and how it is held.
pub(super) fn limit(limit: &LimitResult) -> String {
    let seen = limit.observed.map_or_else(|| "not measured".to_owned(), evidence::significant);
    let sure = limit
        .ci95
        .map(|[low, high]| format!(" (95 %: {} to {})", evidence::significant(low), evidence::significant(high)));
    let unit = match limit.unit.as_str() {
        "pct" => "%",
        unit => unit,
    };
    let (metric, bound) = (&limit.metric, evidence::significant(limit.limit));
    let words = format!("{metric} {seen}{} {} {bound} {unit}: {}", sure.unwrap_or_default(), limit.op, limit.status);
    clean(&words, true)
}

/// The lines that tell one cause, with who is to do what and what to ask for.
pub(super) fn cause(finding: &Finding) -> Vec<String> {
    let mut lines = vec![format!("finding {} ({}): {}", finding.id, finding.status, finding.title)];
    lines.push(format!("  {}", finding.detail));
    lines.extend(finding.evidence.iter().map(|line| format!("  - {line}")));
    let who = finding.who.map(|who| format!(" ({})", who.words())).unwrap_or_default();
    if !finding.remedy.is_empty() {
        lines.push(format!("  to do{who}: {}", finding.remedy));
    }
    if !finding.ask.is_empty() {
        lines.push("  to ask for:".to_owned());
        lines.extend(finding.ask.iter().map(|line| format!("    {line}")));
    }
    lines.push(format!("  how to confirm it by hand: rtc-check explain {}", finding.id));
    lines.iter().map(|line| indented(line)).collect()
}

/// The line made fit for a terminal, with the spaces that it begins with.
fn indented(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let spaces = line.len() - text.len();
    format!("{}{}", " ".repeat(spaces.min(4)), clean(text, true))
}
