//! The report as one line of a monitoring plugin: the state, what is wrong, and performance data with their bounds, by
//! the Monitoring Plugins' guidelines. The state is that of the verdict, or what a run comes to by rules that no report
//! has; which code the program exits with is decided elsewhere.

use serde_json::Value;

use super::text::clean;
use super::{evidence, headline};
use crate::model::{Change, Check, Ended, Finding, LimitResult, LimitSource, PortSet, Report, Status, metric};

/// Longer text is cut: a notification by SMS or chat shows less.
const TEXT: usize = 900;
/// Performance data end here; cores read 8 KiB of a plugin at most, agents on the way less.
const PERFORMANCE: usize = 3000;
/// More causes are counted.
const CAUSES: usize = 4;

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    line(report, report.verdict)
}

/// The same of a run that comes to `decided`: what its verdict is, or a failure by `--strict` or `--fail-on`.
pub fn line(report: &Report, decided: Status) -> String {
    format!("RTC-CHECK {} - {}|{}\n", state(report, decided), text(report, decided), performance(report))
}

/// The line of a plugin that could not run, with why.
pub fn cannot_run(why: &str) -> String {
    format!("RTC-CHECK UNKNOWN - {}\n", plain(why, TEXT))
}

fn state(report: &Report, decided: Status) -> &'static str {
    match decided {
        _ if report.run.ended == Some(Ended::Interrupted) => "UNKNOWN",
        Status::Pass => "OK",
        Status::Warn => "WARNING",
        Status::Fail => "CRITICAL",
        Status::Unknown | Status::Skip => "UNKNOWN",
    }
}

/// `agent from client: 2 fail, 5 pass; A firewall drops a part of the media range`.
fn text(report: &Report, decided: Status) -> String {
    let s = &report.summary;
    let counts = [
        (s.fail, headline::failures(report)),
        (s.unknown, "unknown"),
        (s.warn, "warn"),
        (s.pass, "pass"),
        (s.skip, "skip"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let counts = if counts.is_empty() { "nothing was tested".to_owned() } else { counts.join(", ") };
    let mut parts = vec![format!("{} from {}: {counts}", report.run.profile, report.run.from)];
    match report.run.ended {
        Some(Ended::Interrupted) => parts.push("interrupted".to_owned()),
        Some(Ended::Budget) => parts.push("the budget was used up".to_owned()),
        None if !report.complete => parts.push("not complete".to_owned()),
        None => {}
    }
    parts.extend(stricter(report, decided).map(str::to_owned));
    parts.extend(wrong(report));
    // Last, and never cut.
    let moved = moved(report);
    plain(&parts.join("; "), TEXT.saturating_sub(moved.len())) + &moved
}

/// Why it is a failure where the verdict is none.
fn stricter(report: &Report, decided: Status) -> Option<&'static str> {
    let changed = report.comparison.as_ref().map(|compared| compared.result);
    match (decided, report.verdict) {
        (Status::Fail, Status::Fail) => None,
        (Status::Fail, _) => Some(match changed {
            Some(Change::Worse) => "worse than the baseline",
            Some(Change::Same) | None => "warnings are failures here",
            Some(_) => "differs from the baseline",
        }),
        _ => None,
    }
}

/// `; 2 checks on other ports than the document's`; empty where every port is the document's.
fn moved(report: &Report) -> String {
    match report.checks.iter().filter_map(evidence::documented).count() {
        0 => String::new(),
        1 => "; 1 check on another port than the document's".to_owned(),
        moved => format!("; {moved} checks on other ports than the document's"),
    }
}

/// What is wrong: the causes, and where there are none the checks, the worst first.
fn wrong(report: &Report) -> Vec<String> {
    let mut causes: Vec<&Finding> =
        report.findings.iter().filter(|f| f.status != Status::Pass && f.follows.is_empty()).collect();
    causes.sort_by_key(|f| std::cmp::Reverse(f.status));
    let told: Vec<String> = match causes.is_empty() {
        false => causes.iter().map(|f| f.title.trim_end_matches('.').to_owned()).collect(),
        true => {
            let is_problem = |c: &&Check| !c.status.holds() && c.status != Status::Skip && c.waived.is_none();
            let mut checks: Vec<&Check> = report.checks.iter().filter(is_problem).collect();
            checks.sort_by_key(|c| std::cmp::Reverse(c.status));
            checks.iter().map(|c| format!("{} {}: {}", c.name(), c.status, c.reason.trim_end_matches('.'))).collect()
        }
    };
    let more = told.len().saturating_sub(CAUSES);
    let more = (more > 0).then(|| format!("and {more} more"));
    told.into_iter().take(CAUSES).chain(more).collect()
}

/// One line of at most `most` characters without the sign that begins performance data.
fn plain(words: &str, most: usize) -> String {
    let text = clean(words, true).replace('|', "/");
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default().trim_end()),
        None => text,
    }
}

/// As many as there is room for: the run's own first, then what has a bound, then the rest.
fn performance(report: &Report) -> String {
    let s = &report.summary;
    let counts = [("fail", s.fail), ("unknown", s.unknown), ("warn", s.warn), ("pass", s.pass), ("skip", s.skip)];
    let mut out = format!("duration={}s;;;0", report.run.duration_ms as f64 / 1000.0);
    counts.iter().for_each(|(name, count)| out.push_str(&format!(" {name}={count};;;0")));
    let checks = || report.checks.iter().filter(|c| c.waived.is_none());
    let bounded = checks().flat_map(|c| c.limits.iter().filter_map(|limit| of_limit(c, limit)));
    for datum in bounded.chain(checks().flat_map(of_check)) {
        if out.len() + datum.len() + 1 > PERFORMANCE {
            break;
        }
        out.push(' ');
        out.push_str(&datum);
    }
    out
}

/// `'quality.rtc/host/192.0.2.1 rtt_ms'=40.12ms;;300;0`. A document's bound is critical, rtc-check's own a warning. A
/// range `40:` is left below 40, `300` above 300.
fn of_limit(check: &Check, limit: &LimitResult) -> Option<String> {
    let (observed, bound) = (limit.observed?, number(limit.limit));
    let range = if limit.op == ">=" { format!("{bound}:") } else { bound };
    let (warning, critical) = match limit.source {
        LimitSource::Document(_) => ("", range.as_str()),
        LimitSource::Own(_) => (range.as_str(), ""),
    };
    let (unit, least) = match limit.metric.rsplit('_').next() {
        Some("ms") => ("ms", ";0"),
        Some("pct") => ("%", ";0;100"),
        Some("kbps") => ("", ";0"),
        _ => ("", ""),
    };
    Some(format!("{}={}{unit};{warning};{critical}{least}", label(check, &limit.metric), number(observed)))
}

/// What was seen and has no bound.
fn of_check(check: &Check) -> Vec<String> {
    let facts = &check.observed;
    let mut data = Vec::new();
    let bounded = |name: &str| check.limits.iter().any(|l| l.metric == name && l.observed.is_some());
    let rtt = facts.get::<Value>(&metric::RTT_MS).and_then(|rtt| rtt.get("mean")?.as_f64());
    let figures = [
        ("rtt_ms", rtt, "ms;;;0"),
        ("jitter_ms", facts.get(&metric::JITTER_MS), "ms;;;0"),
        ("loss_pct", facts.get(&metric::LOSS_PCT), "%;;;0;100"),
        ("mos", facts.get(&metric::MOS), ";;;1;4.5"),
        ("cert_days_left", facts.get(&metric::CERT_DAYS_LEFT), ""),
    ];
    for (name, value, rest) in figures {
        if let Some(value) = value.filter(|_| !bounded(name)) {
            data.push(format!("{}={}{rest}", label(check, name), number(value)));
        }
    }
    let total = facts.get::<u32>(&metric::TOTAL).map(|n| format!(";{n}")).unwrap_or_default();
    for m in [&metric::ANSWERED, &metric::REFUSED, &metric::SILENT, &metric::PROHIBITED] {
        if let Some(set) = facts.get::<PortSet>(m) {
            data.push(format!("{}={};;;0{total}", label(check, m.name), set.count()));
        }
    }
    data
}

/// Quoted, and without the signs that a label must not have.
fn label(check: &Check, what: &str) -> String {
    let signs = |c: char| if matches!(c, '=' | '\'' | '|' | ';') { '_' } else { c };
    format!("'{}'", plain(&format!("{} {what}", check.id), 200).chars().map(signs).collect::<String>())
}

/// Digits, a sign and a point: at most three decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
