//! The report as comma-separated values (RFC 4180), a row a check, with the run's own facts in each, so that the rows of
//! many sites can stand in one sheet. A spreadsheet takes no cell for a formula.

use std::collections::HashMap;

use serde_json::Value;

use super::firewall::cell;
use crate::model::metric::Metric;
use crate::model::{Check, PortRange, PortSet, Report, Status, masked, metric};

/// The header; columns are only ever added, at the end.
const COLUMNS: [&str; 39] = [
    "run",
    "started",
    "profile",
    "from",
    "verdict",
    "complete",
    "check",
    "rule",
    "probe",
    "role",
    "target",
    "address",
    "transport",
    "ports",
    "need",
    "group",
    "status",
    "waived",
    "reason",
    "findings",
    "document",
    "section",
    "row",
    "started_ms",
    "duration_ms",
    "rtt_ms",
    "jitter_ms",
    "loss_pct",
    "loss_up_pct",
    "loss_down_pct",
    "mos",
    "answered",
    "refused",
    "silent",
    "prohibited",
    "probed",
    "total",
    "cert_days_left",
    "documented_ports",
];

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    let run = &report.run;
    let complete = report.complete.to_string();
    let of_run =
        [&run.id, &run.started, &run.profile, &run.from, report.verdict.as_str(), &complete].map(|s: &str| cell(s));
    let of_run = of_run.join(",");
    let findings = findings(report);
    let mut out = COLUMNS.join(",") + "\r\n";
    for check in &report.checks {
        out.push_str(&of_run);
        for text in words(check, findings.get(check.id.as_str())) {
            out.push(',');
            out.push_str(&cell(text.as_ref()));
        }
        for number in figures(check) {
            out.push(',');
            out.push_str(&number);
        }
        out.push_str("\r\n");
    }
    out
}

/// The causes behind each check.
fn findings(report: &Report) -> HashMap<&str, Vec<&str>> {
    let mut by_check: HashMap<&str, Vec<&str>> = HashMap::new();
    for finding in report.findings.iter().filter(|f| f.status != Status::Pass) {
        for check in &finding.checks {
            by_check.entry(check).or_default().push(&finding.id);
        }
    }
    by_check
}

fn words(check: &Check, findings: Option<&Vec<&str>>) -> [String; 17] {
    let waived = check.waived.as_ref().map(|w| match &w.until {
        Some(day) => format!("until {day}: {}", w.reason),
        None => w.reason.clone(),
    });
    let ports = check.port.map(|p| p.to_string()).or_else(|| check.ports.map(|p| p.to_string()));
    let source = |of: fn(&crate::model::Source) -> &str| check.source.as_ref().map(of).unwrap_or_default().to_owned();
    [
        check.id.clone(),
        check.rule.as_ref().map(ToString::to_string).unwrap_or_default(),
        check.probe.to_string(),
        check.role.to_string(),
        check.target.clone(),
        check.address.map(masked::shown).unwrap_or_default(),
        check.transport.map(|t| t.to_string()).unwrap_or_default(),
        ports.unwrap_or_default(),
        check.need.to_string(),
        check.group.clone().unwrap_or_default(),
        check.status.to_string(),
        waived.unwrap_or_default(),
        check.reason.clone(),
        findings.map(|ids| ids.join(" ")).unwrap_or_default(),
        source(|s| &s.document),
        source(|s| &s.section),
        source(|s| &s.row),
    ]
}

/// Numbers, empty where nothing was seen.
fn figures(check: &Check) -> [String; 16] {
    let facts = &check.observed;
    let number = |m: &Metric| facts.get::<f64>(m).map(|n| n.to_string()).unwrap_or_default();
    let ports = |m: &Metric| facts.get::<PortSet>(m).map(|set| set.count().to_string()).unwrap_or_default();
    let rtt = facts.get::<Value>(&metric::RTT_MS).and_then(|rtt| rtt.get("mean")?.as_f64());
    [
        check.started_ms.to_string(),
        check.duration_ms.to_string(),
        rtt.map(|ms| ms.to_string()).unwrap_or_default(),
        number(&metric::JITTER_MS),
        number(&metric::LOSS_PCT),
        number(&metric::LOSS_UP_PCT),
        number(&metric::LOSS_DOWN_PCT),
        number(&metric::MOS),
        ports(&metric::ANSWERED),
        ports(&metric::REFUSED),
        ports(&metric::SILENT),
        ports(&metric::PROHIBITED),
        number(&metric::PROBED),
        number(&metric::TOTAL),
        number(&metric::CERT_DAYS_LEFT),
        facts.get::<PortRange>(&metric::DOCUMENTED_PORTS).map(|ports| ports.to_string()).unwrap_or_default(),
    ]
}
