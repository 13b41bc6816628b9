//! For formats in which a check stands by itself: that another of its group works where it does not, and which one. The
//! group's worth was judged before; this tells who stands in for whom, by the same rule.

use std::collections::HashMap;

use crate::model::{Check, Need, Report, Status, metric};

/// More checks are counted; the JSON report has them all.
const SHOWN: usize = 3;

/// The checks of each group that work.
pub(super) struct Groups<'a>(HashMap<&'a str, Vec<&'a Check>>);

impl<'a> Groups<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let mut working: HashMap<&str, Vec<&Check>> = HashMap::new();
        // What is only an open port is not shown to carry anything.
        for check in report.checks.iter().filter(|c| c.status.holds() && !c.observed.has(&metric::FALLBACK)) {
            if let Some(group) = &check.group {
                working.entry(group).or_default().push(check);
            }
        }
        Self(working)
    }

    /// `group rtc.signalling holds by its alternative alone: rtc.api/rtc.example.com/192.0.2.1 works (pass)`; `None` for
    /// a check that holds or was not tried, and where nothing stands in for it.
    pub(super) fn told(&self, check: &Check) -> Option<String> {
        let group = check.group.as_deref()?;
        if check.status.holds() || check.status == Status::Skip || check.waived.is_some() {
            return None;
        }
        let others: Vec<&Check> = self.0.get(group)?.iter().copied().filter(|other| serves(other, check)).collect();
        let works = |c: &&Check| format!("{} works ({})", c.id, c.status);
        let mut told: Vec<String> = others.iter().take(SHOWN).map(works).collect();
        let more = others.len().saturating_sub(SHOWN);
        told.extend((more > 0).then(|| format!("and {more} more")));
        let told = told.join(", ");
        match (told.is_empty(), check.need) {
            (true, _) => None,
            (false, Need::Alternative) => Some(format!("of group {group}, {told}")),
            (false, _) => Some(format!("group {group} holds by its alternative alone: {told}")),
        }
    }
}

/// An alternative serves its own address, and every one of other roles (a relay serves every role); what a group prefers
/// stands in for its alternatives there, and for nothing else.
fn serves(other: &Check, check: &Check) -> bool {
    let place = |c: &'_ Check| (c.target.clone(), c.address);
    let here = other.role != check.role || place(other) == place(check);
    here && other.id != check.id && (other.need == Need::Alternative || check.need == Need::Alternative)
}
