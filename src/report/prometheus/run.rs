//! Series of the whole run: what ran, how it ended, how many checks have which status, and what is wrong.

use jiff::Timestamp;

use super::page::{Family, Page, seconds};
use crate::model::{Ended, Report, Status};

const BUILD: Family =
    Family { name: "rtc_check_build_info", help: "the program that wrote the report, by its version" };
const SUCCESS: Family = Family {
    name: "rtc_check_run_success",
    help: "1 where the run's exit code would be 0: nothing that is required failed or is unknown",
};
const VERDICT: Family = Family { name: "rtc_check_run_verdict", help: "the run's verdict: 1 for the one that it is" };
const COMPLETE: Family =
    Family { name: "rtc_check_run_complete", help: "0 where the run was interrupted or its budget was used up" };
const DURATION: Family = Family { name: "rtc_check_run_duration_seconds", help: "how long the run took" };
const FINISHED: Family =
    Family { name: "rtc_check_run_finished_timestamp_seconds", help: "when the run ended, in Unix time" };
const CHECKS: Family = Family {
    name: "rtc_check_checks",
    help: "how many checks have each status; those that are waived count as waived alone",
};
const FINDING: Family =
    Family { name: "rtc_check_finding_active", help: "1 for each cause that was found, with who can act on it" };

/// Every status, the worst last.
pub(super) const STATUSES: [Status; 5] = [Status::Pass, Status::Warn, Status::Fail, Status::Unknown, Status::Skip];

/// Draws them.
pub(super) fn draw(page: &mut Page, report: &Report) {
    let (labels, run) = (page.run(), &report.run);
    let mut build = labels.clone();
    build.add("version", &report.tool.version);
    page.push(&BUILD, &build, 1.0);
    let success = report.verdict.holds() && run.ended != Some(Ended::Interrupted);
    page.push(&SUCCESS, &labels, f64::from(u8::from(success)));
    page.states(&VERDICT, &labels, &states(report.verdict));
    page.push(&COMPLETE, &labels, f64::from(u8::from(report.complete)));
    page.push(&DURATION, &labels, seconds(run.duration_ms as f64));
    if let Ok(finished) = run.finished.parse::<Timestamp>() {
        page.push(&FINISHED, &labels, finished.as_second() as f64);
    }
    let s = &report.summary;
    let waived = report.checks.iter().filter(|c| c.waived.is_some()).count();
    let counts = [("pass", s.pass), ("warn", s.warn), ("fail", s.fail), ("unknown", s.unknown), ("skip", s.skip)];
    for (status, count) in counts {
        page.push(&CHECKS, &labels.with("status", status), f64::from(count));
    }
    page.push(&CHECKS, &labels.with("status", "waived"), waived as f64);
    for finding in report.findings.iter().filter(|f| f.status != Status::Pass) {
        let mut labels = labels.clone();
        labels.add("finding", &finding.id);
        labels.add_clean("status", finding.status.as_str());
        let who = finding.who.and_then(|who| serde_json::to_value(who).ok());
        labels.add("who", who.as_ref().and_then(|who| who.as_str()).unwrap_or_default());
        page.push_once(&FINDING, &labels, 1.0);
    }
}

/// A state set of `status`.
pub(super) fn states(status: Status) -> [(&'static str, bool); 5] {
    STATUSES.map(|each| (each.as_str(), each == status))
}
