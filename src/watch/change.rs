//! What differs between two runs, told in the order of its weight.

use std::net::IpAddr;

use crate::model::{Change, Check, CheckChange, Comparison, FindingChange, Report, Status, WayChange, masked};

/// What a change is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Verdict,
    Finding,
    Check,
    Way,
}

impl About {
    /// As a line has it.
    pub fn as_str(self) -> &'static str {
        match self {
            About::Verdict => "verdict",
            About::Finding => "finding",
            About::Check => "check",
            About::Way => "way",
        }
    }
}

/// One thing that is otherwise than in the run before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    pub change: Change,
    pub about: About,
    /// The finding's id, the check's name, the role of a way; empty for the verdict.
    pub name: String,
    /// The check's id in the later run that has it; empty for anything else.
    pub id: String,
    /// `203.0.113.10:443/tcp`; empty where there is none.
    pub place: String,
    /// Status before, or the way; absent where it was not there.
    pub was: Option<String>,
    /// Status now, or the way; absent where it is gone.
    pub is: Option<String>,
    /// A sentence: why it is as it is, or was.
    pub says: String,
}

impl Delta {
    /// Whether both are of the same thing.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        (self.about, &self.name, &self.id) == (other.about, &other.name, &other.id)
    }

    /// The change in a word.
    pub fn word(&self) -> &'static str {
        match self.change {
            Change::Worse => "worse",
            Change::Better => "better",
            Change::Appeared => "appeared",
            Change::Gone => "gone",
            Change::Changed | Change::Same => "changed",
        }
    }
}

/// The verdict first, then what is worse, what came, what is better, what went, and the rest. Notes are left out, and
/// figures too: two runs never measure the same, and a figure that crosses its limit changes its check.
pub(super) fn deltas(comparison: &Comparison) -> Vec<Delta> {
    let mut all: Vec<Delta> = comparison.findings.iter().filter_map(finding).collect();
    all.extend(comparison.ways.iter().map(way));
    all.extend(comparison.checks.iter().filter_map(check));
    all.sort_by_key(|delta| weight(delta.change));
    let verdict = (comparison.verdict != Change::Same).then(|| Delta {
        change: comparison.verdict,
        about: About::Verdict,
        name: String::new(),
        id: String::new(),
        place: String::new(),
        was: Some(comparison.before.verdict.to_string()),
        is: Some(comparison.after.verdict.to_string()),
        says: String::new(),
    });
    verdict.into_iter().chain(all).collect()
}

/// What a first run finds that is not as it should be, the worst first, as a later one would tell it: the causes, then the
/// checks; what is waived is known.
pub(super) fn found(report: &Report) -> Vec<Delta> {
    let findings = report.findings.iter().filter(|f| is_wrong(f.status)).map(|f| Delta {
        name: f.id.clone(),
        says: f.title.clone(),
        ..standing(About::Finding, f.status)
    });
    let mut checks: Vec<&Check> = report.checks.iter().filter(|c| is_wrong(c.status) && c.waived.is_none()).collect();
    checks.sort_by_key(|c| std::cmp::Reverse(c.status));
    let checks = checks.into_iter().map(|c| Delta {
        name: c.name().to_owned(),
        id: c.id.clone(),
        place: place(c.address, &c.target, &c.port_words()),
        says: c.reason.clone(),
        ..standing(About::Check, c.status)
    });
    findings.chain(checks).collect()
}

fn is_wrong(status: Status) -> bool {
    matches!(status, Status::Fail | Status::Unknown | Status::Warn)
}

fn standing(about: About, status: Status) -> Delta {
    Delta {
        change: Change::Same,
        about,
        name: String::new(),
        id: String::new(),
        place: String::new(),
        was: None,
        is: Some(status.to_string()),
        says: String::new(),
    }
}

/// `203.0.113.10:443/tcp`, `[2001:db8::1]:443/tcp`, or without a port the host alone.
fn place(address: Option<IpAddr>, target: &str, port: &str) -> String {
    let shown = address.map_or_else(|| target.to_owned(), masked::shown);
    match address {
        _ if port.is_empty() => shown,
        Some(address) if masked::needs_brackets(address) => format!("[{shown}]:{port}"),
        _ => format!("{shown}:{port}"),
    }
}

fn weight(change: Change) -> u8 {
    match change {
        Change::Worse => 0,
        Change::Appeared => 1,
        Change::Better => 2,
        Change::Gone => 3,
        Change::Changed | Change::Same => 4,
    }
}

fn finding(change: &FindingChange) -> Option<Delta> {
    let said = change.after.as_ref().or(change.before.as_ref())?;
    let differs = !matches!(change.change, Change::Changed | Change::Same);
    (change.counts && differs).then(|| Delta {
        change: change.change,
        about: About::Finding,
        name: change.finding.clone(),
        id: String::new(),
        place: String::new(),
        was: change.before.as_ref().map(|f| f.status.to_string()),
        is: change.after.as_ref().map(|f| f.status.to_string()),
        says: said.title.clone(),
    })
}

fn way(change: &WayChange) -> Delta {
    Delta {
        change: change.change,
        about: About::Way,
        name: change.role.to_string(),
        id: String::new(),
        place: String::new(),
        was: change.before.map(|way| way.words().to_owned()),
        is: change.after.map(|way| way.words().to_owned()),
        says: String::new(),
    }
}

fn check(change: &CheckChange) -> Option<Delta> {
    let state = change.after.as_ref().or(change.before.as_ref())?;
    Some(Delta {
        // What counted and is not tried any more is no news of the kind that can wait.
        change: if change.is_lost() { Change::Worse } else { change.change },
        about: About::Check,
        name: change.check.clone(),
        id: state.id.clone(),
        place: place(state.address, &state.target, &state.port),
        was: change.before.as_ref().map(|s| s.status.to_string()),
        is: change.after.as_ref().map(|s| s.status.to_string()),
        says: state.reason.clone(),
    })
}
