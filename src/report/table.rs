//! The report for people: what is broken and what to change first, what is well last, never wider than the terminal.

use std::collections::BTreeSet;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::page::{Page, Tone, span};
use super::text::clean;
use super::{Style, capacity, evidence, limits, ways};
use crate::model::{Check, Ended, Finding, Need, ProbeKind, Report, RuleId, Source, Status, metric};

/// Draws the whole report.
pub(super) fn render(report: &Report, style: &Style) -> String {
    let mut page = Page::new(style);
    header(&mut page, report);
    verdict(&mut page, report);
    findings(&mut page, report);
    ways::draw(&mut page, &report.ways);
    problems(&mut page, report);
    waived(&mut page, report);
    notes(&mut page, report);
    skipped(&mut page, report);
    passed(&mut page, report);
    documents(&mut page, report);
    page.finish()
}

fn header(page: &mut Page, report: &Report) {
    let (run, tool) = (&report.run, &report.tool);
    let title = format!("{} {}: profile {}, from {},", tool.name, tool.version, run.profile, run.from);
    let when = format!("{}, took {}", run.started, evidence::ms(run.duration_ms as f64));
    page.flow(0, 2, &[span(Tone::Strong, title), span(Tone::Plain, when)]);
    for (role, hosts) in &run.targets {
        page.flow(2, 4, &[span(Tone::Faint, role.as_str()), span(Tone::Plain, hosts.join(", "))]);
    }
    let options: Vec<String> = run.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !options.is_empty() {
        page.flow(2, 4, &[span(Tone::Faint, "options"), span(Tone::Plain, options.join(" "))]);
    }
    page.blank();
}

/// The judgement, how many checks there are of each kind, and what the exit code means.
fn verdict(page: &mut Page, report: &Report) {
    let meaning = match report.verdict {
        _ if report.run.ended == Some(Ended::Interrupted) => "exit 130: interrupted",
        Status::Pass => "exit 0: every required check passed",
        Status::Warn => "exit 0 (1 with --strict): it works, but not as the documents recommend",
        Status::Fail => "exit 1: a required check failed",
        Status::Unknown => "exit 3: what is required could not be decided",
        Status::Skip => "nothing was tested",
    };
    let word = format!("{} {}:", mark(page, report.verdict), report.verdict.as_str().to_uppercase());
    page.flow(0, 2, &[span(tone(report.verdict), word), span(Tone::Strong, counts(report))]);
    page.flow(2, 2, &[span(Tone::Plain, meaning)]);
    if !report.complete {
        let why = match report.run.ended {
            Some(Ended::Interrupted) => "Ctrl-C or SIGTERM ended it; what did not finish is unknown",
            Some(Ended::Budget) => "the time of --budget was up; what did not finish is unknown",
            None => "it ended before its time; what did not finish is unknown",
        };
        page.flow(0, 2, &[span(Tone::Caution, "! INCOMPLETE:"), span(Tone::Plain, why)]);
    }
}

/// `2 fail, 1 warn, 8 pass, 1 waived`.
fn counts(report: &Report) -> String {
    let s = &report.summary;
    let waived = report.checks.iter().filter(|c| c.waived.is_some()).count();
    let all = [
        (u64::from(s.fail), "fail"),
        (u64::from(s.unknown), "unknown"),
        (u64::from(s.warn), "warn"),
        (u64::from(s.pass), "pass"),
        (u64::from(s.skip), "skip"),
        (waived as u64, "waived"),
    ];
    let told: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if told.is_empty() { "no checks".to_owned() } else { told.join(", ") }
}

/// What to change: causes that several checks share, the worst first.
fn findings(page: &mut Page, report: &Report) {
    let mut findings: Vec<&Finding> = report.findings.iter().filter(|f| f.status != Status::Pass).collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.status));
    heading(page, "WHAT IS WRONG", findings.is_empty());
    for (n, finding) in findings.into_iter().enumerate() {
        if n > 0 {
            page.blank();
        }
        let mark = mark(page, finding.status);
        let tone = tone(finding.status);
        page.flow(0, 2, &[span(tone, mark), span(Tone::Strong, finding.title.as_str())]);
        finding_body(page, report, finding);
    }
}

fn finding_body(page: &mut Page, report: &Report, finding: &Finding) {
    page.flow(2, 2, &[span(Tone::Plain, finding.detail.as_str())]);
    if !finding.remedy.is_empty() {
        let arrow = page.pick("→ To do:", "=> To do:");
        page.flow(2, 4, &[span(Tone::Good, arrow), span(Tone::Strong, finding.remedy.as_str())]);
    }
    let check = |id: &String| report.checks.iter().find(|c| c.id == *id);
    let rules: BTreeSet<&str> = finding.checks.iter().map(|id| check(id).map_or(id.as_str(), name)).collect();
    if !rules.is_empty() {
        let rules: Vec<&str> = rules.into_iter().collect();
        page.flow(2, 4, &[span(Tone::Faint, format!("seen in: {}", rules.join(", ")))]);
    }
}

/// Findings with nothing to mend.
fn notes(page: &mut Page, report: &Report) {
    let notes: Vec<&Finding> = report.findings.iter().filter(|f| f.status == Status::Pass).collect();
    heading(page, "NOTES", notes.is_empty());
    for note in notes {
        page.flow(0, 2, &[span(Tone::Plain, "-"), span(Tone::Strong, note.title.as_str())]);
        finding_body(page, report, note);
    }
}

/// Checks that do not pass, the worst and most needed first; those of one host with one reason share a block.
fn problems(page: &mut Page, report: &Report) {
    let mut checks: Vec<&Check> = report.checks.iter().filter(|c| is_problem(c) && c.waived.is_none()).collect();
    checks.sort_by_key(|c| (std::cmp::Reverse(c.status), c.need != Need::Required));
    let blocks = grouped(checks.into_iter(), |c| (c.status, c.target.as_str(), c.reason.as_str()));
    heading(page, "CHECKS THAT DO NOT PASS", blocks.is_empty());
    for (n, (_, block)) in blocks.iter().enumerate() {
        if n > 0 {
            page.blank();
        }
        problem(page, report, block);
    }
}

/// Checks with one reason: their names, the reason, what was seen, and the rows of the documents that ask for them.
fn problem(page: &mut Page, report: &Report, block: &[&Check]) {
    for check in block {
        head(page, check);
    }
    let Some(first) = block.first() else { return };
    page.flow(2, 2, &[span(Tone::Plain, first.reason.as_str())]);
    limits::draw(page, 2, &first.limits);
    capacity::draw(page, 2, first);
    let clauses = evidence::clauses(first).join(", ");
    if !clauses.is_empty() && block.len() == 1 {
        page.flow(2, 4, &[span(Tone::Faint, format!("seen: {clauses}"))]);
    }
    if let Some(fallback) = evidence::fallback(first) {
        page.flow(2, 4, &[span(Tone::Faint, format!("note: {fallback}"))]);
    }
    if let Some(others) = alternatives(report, first) {
        page.flow(2, 4, &[span(Tone::Plain, others)]);
    }
    let mut rows: Vec<&Source> = limits::rows_behind(&first.limits);
    for source in block.iter().filter_map(|c| c.source.as_ref()) {
        if !rows.contains(&source) {
            rows.push(source);
        }
    }
    for source in rows {
        page.flow(2, 4, &[span(Tone::Faint, format!("asks: {}: {}", source.section, source.row))]);
    }
}

/// One check by its status, name and place.
fn head(page: &mut Page, check: &Check) {
    let (mark, tone) = (mark(page, check.status), tone(check.status));
    let status = check.status.as_str().to_uppercase();
    let mut spans =
        vec![span(tone, format!("{mark} {status}")), span(Tone::Strong, name(check)), span(Tone::Plain, place(check))];
    if other_address(check).is_some() {
        spans.push(span(Tone::Faint, format!("({})", check.target)));
    }
    if check.need != Need::Required {
        spans.push(span(Tone::Faint, format!("[{}]", check.need)));
    }
    page.flow(0, 4, &spans);
}

/// The other ways of the check's group at the same kind of address, and how they fare.
fn alternatives(report: &Report, check: &Check) -> Option<String> {
    let group = check.group.as_ref()?;
    // The table of ways has them side by side.
    let is_way = |c: &Check| c.group.as_ref() == Some(group) && report.ways.iter().any(|way| way.check == c.id);
    if report.checks.iter().any(is_way) {
        return None;
    }
    let family = |c: &Check| c.address.map(|a| a.is_ipv4());
    // A rule that is required itself stands in for nobody.
    let stands_in = |c: &&Check| c.need == Need::Alternative || check.need == Need::Alternative;
    let mut others: Vec<(&str, Status, bool)> = Vec::new();
    for other in
        report.checks.iter().filter(|c| c.group.as_ref() == Some(group) && c.rule != check.rule).filter(stands_in)
    {
        let told = (name(other), other.status, other.observed.has(&metric::FALLBACK));
        if family(other) == family(check) && !others.contains(&told) {
            others.push(told);
        }
    }
    let told = others.iter().map(|(rule, status, fallback)| match (status.holds(), fallback) {
        (true, false) => format!("{rule} works in its place ({status})"),
        (true, true) => format!("its alternative {rule} is open, and not shown to work"),
        (false, _) => format!("its alternative {rule}: {status}"),
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn waived(page: &mut Page, report: &Report) {
    let mut nothing = true;
    for check in &report.checks {
        let Some(waiver) = &check.waived else { continue };
        if std::mem::take(&mut nothing) {
            heading(page, "WAIVED: THESE DO NOT COUNT", false);
        }
        head(page, check);
        page.flow(2, 2, &[span(Tone::Plain, check.reason.as_str())]);
        let until = waiver.until.as_ref().map(|day| format!(" until {day}")).unwrap_or_default();
        page.flow(2, 4, &[span(Tone::Faint, format!("waived{until}: {}", waiver.reason))]);
    }
}

/// What was not tried, by reason and place.
fn skipped(page: &mut Page, report: &Report) {
    let checks = report.checks.iter().filter(|c| c.status == Status::Skip && c.waived.is_none());
    let reasons = grouped(checks, |c| c.reason.as_str());
    heading(page, "NOT TRIED", reasons.is_empty());
    for (reason, checks) in reasons {
        let mark = mark(page, Status::Skip);
        page.flow(0, 2, &[span(Tone::Faint, mark), span(Tone::Plain, reason)]);
        for ((target, _), checks) in grouped(checks.iter().copied(), |c| (c.target.as_str(), c.address)) {
            let names: Vec<&str> = checks.iter().map(|c| name(c)).collect();
            let address = checks.first().and_then(|c| other_address(c)).unwrap_or_default();
            page.flow(2, 4, &[span(Tone::Faint, format!("{target} {address}: {}", names.join(", ")))]);
        }
    }
}

/// What holds, by role and address, a line each.
fn passed(page: &mut Page, report: &Report) {
    let checks = || report.checks.iter().filter(|c| c.status == Status::Pass && c.waived.is_none());
    let groups = grouped(checks(), |c| (c.role.as_str(), c.target.as_str(), c.address));
    heading(page, "PASSED", groups.is_empty());
    let name_width = checks().map(|c| name(c).len()).max().unwrap_or(0);
    for ((role, target, _), checks) in groups {
        let address = checks.first().and_then(|c| other_address(c)).unwrap_or_default();
        page.flow(0, 2, &[span(Tone::Strong, role), span(Tone::Plain, target), span(Tone::Plain, address)]);
        let (plain, limited): (Vec<&Check>, Vec<&Check>) =
            checks.into_iter().partition(|c| c.limits.is_empty() && !c.observed.has(&metric::CAPACITY));
        rows(page, &plain, name_width);
        for check in limited {
            let spans = [
                span(tone(Status::Pass), mark(page, Status::Pass)),
                span(Tone::Plain, name(check)),
                span(Tone::Plain, of_limited(check)),
            ];
            page.flow(2, 4, &spans);
            limits::draw(page, 4, &check.limits);
            capacity::draw(page, 4, check);
            for source in limits::rows_behind(&check.limits) {
                page.flow(4, 6, &[span(Tone::Faint, format!("document: {}: {}", source.section, source.row))]);
            }
        }
    }
}

/// Passed checks as a table without lines: mark, rule, port, what was seen.
fn rows(page: &mut Page, checks: &[&Check], name_width: usize) {
    let Style { width, unicode, .. } = *page.style();
    let indent = 2;
    let mut table = Table::new();
    // Colour is added below: the table's own would ask the environment.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).force_no_tty();
    table.set_width(u16::try_from(width - indent).unwrap_or(u16::MAX));
    let mark = mark(page, Status::Pass);
    for check in checks {
        table.add_row([mark, name(check), &port(check), &seen(check)].map(|text| clean(text, unicode)));
    }
    // A third of the line at most, and the same in every table, so that the columns of all stand below each other.
    let name_width = u16::try_from(name_width.min(width / 3) + 1).unwrap_or(u16::MAX);
    if let Some(column) = table.column_mut(1) {
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(name_width)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for line in table.lines() {
        let (mark, rest) = line.strip_prefix(mark).map_or(("", line.as_str()), |rest| (mark, rest));
        page.ready_line(indent, tone(Status::Pass), mark, rest);
    }
}

/// What a passed check saw, or its reason where it recorded nothing short.
fn seen(check: &Check) -> String {
    let mut clauses = evidence::clauses(check);
    clauses.extend(evidence::fallback(check));
    if clauses.is_empty() { check.reason.clone() } else { clauses.join(", ") }
}

/// What a passed check with limits saw: the figures are in these, and what a machine has is a sentence.
fn of_limited(check: &Check) -> String {
    if check.probe == ProbeKind::Host { check.reason.clone() } else { evidence::clauses(check).join(", ") }
}

/// The documents whose rows stand behind the checks above, and what signs in the limits mean.
fn documents(page: &mut Page, report: &Report) {
    let shown = report.checks.iter().filter(|c| is_problem(c) || !c.limits.is_empty());
    let documents: BTreeSet<&str> = shown.filter_map(|c| c.source.as_ref()).map(|s| s.document.as_str()).collect();
    let footnote = limits::footnote(&report.checks);
    if documents.is_empty() && footnote.is_none() {
        return;
    }
    page.blank();
    for document in documents {
        page.flow(0, 2, &[span(Tone::Faint, format!("Document: {document}"))]);
    }
    if let Some(footnote) = footnote {
        page.flow(0, 2, &[span(Tone::Faint, footnote)]);
    }
}

fn heading(page: &mut Page, title: &'static str, nothing_below: bool) {
    if !nothing_below {
        page.blank();
        page.flow(0, 0, &[span(Tone::Strong, title)]);
    }
}

/// Checks with the same key together, in the order in which the keys first come.
fn grouped<'a, K: PartialEq>(
    checks: impl Iterator<Item = &'a Check>,
    key: impl Fn(&'a Check) -> K,
) -> Vec<(K, Vec<&'a Check>)> {
    let mut groups: Vec<(K, Vec<&Check>)> = Vec::new();
    for check in checks {
        let key = key(check);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(check),
            None => groups.push((key, vec![check])),
        }
    }
    groups
}

/// The address, unless the target is that address itself.
fn other_address(check: &Check) -> Option<String> {
    check.address.map(|a| a.to_string()).filter(|a| a != check.target.trim_matches(['[', ']']))
}

fn is_problem(check: &Check) -> bool {
    matches!(check.status, Status::Fail | Status::Unknown | Status::Warn)
}

/// The rule; of a check that has none, what its id begins with (`quality.rtc`), or its probe.
fn name(check: &Check) -> &str {
    let begins = || check.id.split('/').next().filter(|n| n.starts_with(|c: char| c.is_ascii_lowercase()));
    check.rule.as_ref().map_or_else(|| begins().unwrap_or(check.probe.as_str()), RuleId::as_str)
}

/// `19099-20099/udp`, `443/tcp`, `gre`; empty where the check has no rule.
fn port(check: &Check) -> String {
    let transport = check.transport.map(|t| t.as_str()).unwrap_or_default();
    match (check.port, check.ports) {
        (Some(port), _) => format!("{port}/{transport}"),
        (None, Some(ports)) => format!("{ports}/{transport}"),
        (None, None) => transport.to_owned(),
    }
}

/// Address and port, or the name that has no address.
fn place(check: &Check) -> String {
    let numbered = check.port.is_some() || check.ports.is_some();
    let host = match check.address {
        Some(address) if address.is_ipv6() && numbered => format!("[{address}]"),
        Some(address) => address.to_string(),
        None => check.target.clone(),
    };
    format!("{host}{}{}", if numbered { ":" } else { " " }, port(check))
}

pub(super) fn mark(page: &Page, status: Status) -> &'static str {
    match status {
        Status::Pass => page.pick("✓", "+"),
        Status::Warn => "!",
        Status::Unknown => "?",
        Status::Fail => page.pick("✗", "X"),
        Status::Skip => "-",
    }
}

pub(super) fn tone(status: Status) -> Tone {
    match status {
        Status::Pass => Tone::Good,
        Status::Warn => Tone::Caution,
        Status::Unknown => Tone::Unsure,
        Status::Fail => Tone::Bad,
        Status::Skip => Tone::Faint,
    }
}
