//! Reports for tests: one of an agent's bad night, and generated ones of every shape.
#![allow(dead_code, unused_imports, reason = "each test binary uses its part")]

mod diagnosed;
mod generated;
mod measured;
mod night;
mod pictured;
mod ways;

use rtc_check::model::metric::Metric;
use rtc_check::model::{
    Check, Facts, Need, PortRange, ProbeKind, Report, RunInfo, SCHEMA, Source, Status, Step, StepTiming, Summary,
    ToolInfo, Transport, metric,
};

pub use diagnosed::diagnosed;
pub use generated::reports;
pub use measured::measured;
pub use night::{agent, healthy, unresolved};
pub use pictured::{many_checks, many_ports, pictured};
pub use ways::{fallback, fallback_to};

const RTC4: &str = "203.0.113.10";
const RTC6: &str = "2001:db8:85a3:8d3:1319:8a2e:370:7348";
const ACD4: &str = "203.0.113.20";
const ACD6: &str = "2001:db8:85a3:8d3:1319:8a2e:370:7350";

fn source(row: &str) -> Option<Source> {
    Some(Source {
        document: "Interactive Powers, Network Connectivity Requirements (2020-11-17)".to_owned(),
        section: "Agents: RTC and ACD".to_owned(),
        row: row.to_owned(),
    })
}

fn check(rule: &str, address: &str, transport: Transport, ports: &str, row: &str) -> Check {
    let role = rule.split('.').next().unwrap();
    let range: PortRange = ports.parse().unwrap();
    Check {
        id: format!("{rule}/{role}.example.com/{address}"),
        rule: Some(rule.into()),
        probe: ProbeKind::Tcp,
        role: role.into(),
        target: format!("{role}.example.com"),
        address: Some(address.parse().unwrap()),
        transport: Some(transport),
        port: range.is_single().then(|| range.first()),
        ports: (!range.is_single()).then_some(range),
        need: Need::Required,
        status: Status::Pass,
        reason: String::new(),
        observed: Facts::new(),
        limits: Vec::new(),
        source: source(row),
        group: None,
        waived: None,
        started_ms: 3,
        duration_ms: 40,
    }
}

fn steps(steps: &[(Step, f64, &str)]) -> Vec<StepTiming> {
    steps.iter().map(|(step, ms, result)| StepTiming { step: *step, ms: *ms, result: (*result).to_owned() }).collect()
}

fn with(mut check: Check, probe: ProbeKind, reason: &str, facts: &[(&Metric, serde_json::Value)]) -> Check {
    check.probe = probe;
    check.reason = reason.to_owned();
    for (metric, value) in facts {
        check.observed.set(metric, value);
    }
    check
}

fn judged(mut check: Check, status: Status) -> Check {
    check.status = status;
    check
}

fn good_tls(mut check: Check, probe: ProbeKind, last: Step, reason: &str) -> Check {
    let climbed = steps(&[(Step::Connect, 12.31, "ok"), (Step::Tls, 25.9, "ok"), (last, 14.02, "ok")]);
    check.observed.set(&metric::STEPS, climbed);
    check.observed.set(&metric::CERT_DAYS_LEFT, 61);
    with(check, probe, reason, &[])
}

/// A run of the profile `agent` without a check.
pub fn empty() -> Report {
    let targets = [("rtc", "rtc.example.com"), ("acd", "acd.example.com")];
    Report {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: ToolInfo { name: "rtc-check".to_owned(), version: "0.1.0".to_owned() },
        run: RunInfo {
            id: "2026-11-21T03-12-07Z-4f1c".to_owned(),
            started: "2026-11-21T03:12:07Z".to_owned(),
            finished: "2026-11-21T03:12:13Z".to_owned(),
            duration_ms: 6213,
            profile: "agent".to_owned(),
            from: "client".to_owned(),
            options: Default::default(),
            targets: targets.map(|(role, host)| (role.into(), vec![host.to_owned()])).into(),
            seed: 7,
            ended: None,
        },
        verdict: Status::Skip,
        summary: Summary::default(),
        findings: Vec::new(),
        checks: Vec::new(),
        ways: Vec::new(),
        comparison: None,
        redacted: Vec::new(),
    }
}

fn finish(mut report: Report, verdict: Status) -> Report {
    report.verdict = verdict;
    for check in report.checks.iter().filter(|c| c.waived.is_none()) {
        report.summary.count(check.status);
    }
    report
}
