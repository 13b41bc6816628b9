//! What the parts of a page look up in a report, found once, so that a page of many checks takes no longer than they need.

use std::collections::HashMap;

use crate::model::{Check, Finding, Report, Status, WayRow};
use crate::report::findings;

/// A report and its cross-references.
pub(super) struct Index<'a> {
    pub(super) report: &'a Report,
    /// What is wrong by itself, in the order of mending.
    pub(super) causes: Vec<&'a Finding>,
    /// Places in the report by id, the first of several.
    checks: HashMap<&'a str, usize>,
    /// The first cause that has a check.
    cause_of: HashMap<&'a str, usize>,
    /// Checks of each group of alternatives.
    groups: HashMap<&'a str, Vec<&'a Check>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let causes = findings::causes(report);
        let mut checks = HashMap::with_capacity(report.checks.len());
        let mut groups: HashMap<&str, Vec<&Check>> = HashMap::new();
        for (n, check) in report.checks.iter().enumerate() {
            checks.entry(check.id.as_str()).or_insert(n);
            if let Some(group) = &check.group {
                groups.entry(group.as_str()).or_default().push(check);
            }
        }
        let mut cause_of = HashMap::new();
        for (n, cause) in causes.iter().enumerate() {
            for id in &cause.checks {
                cause_of.entry(id.as_str()).or_insert(n);
            }
        }
        Self { report, causes, checks, cause_of, groups }
    }

    /// A check and its place in the report.
    pub(super) fn check(&self, id: &str) -> Option<(usize, &'a Check)> {
        let place = *self.checks.get(id)?;
        Some((place, self.report.checks.get(place)?))
    }

    /// The cause that a check shows, and its number from 0.
    pub(super) fn cause_of(&self, check: &Check) -> Option<(usize, &'a Finding)> {
        let n = *self.cause_of.get(check.id.as_str())?;
        Some((n, *self.causes.get(n)?))
    }

    /// What `tell` makes of the check's group and of all ways for media; `None` for a check that passes or has no group.
    pub(super) fn alternatives(
        &self,
        check: &Check,
        tell: impl Fn(&[&'a Check], &'a [WayRow]) -> Option<String>,
    ) -> Option<String> {
        let group = self.groups.get(check.group.as_deref()?)?;
        if check.status.holds() { None } else { tell(group, &self.report.ways) }
    }

    /// Findings with nothing to mend.
    pub(super) fn notes(&self) -> Vec<&'a Finding> {
        let report = self.report;
        report.findings.iter().filter(|f| f.status == Status::Pass && !findings::follows(report, f)).collect()
    }
}
