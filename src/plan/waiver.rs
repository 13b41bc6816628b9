//! What an operator accepts for a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::Request;
use super::measure::Asked;
use crate::model::{RuleId, Waived};

/// A calendar day, `2026-12-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: i16,
    month: i8,
    day: i8,
}

impl Day {
    /// `None` for a day that no calendar has.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().map(|_| Self { year, month, day })
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let date: jiff::civil::Date = s.parse().map_err(|_| format!("`{s}` is not a day such as 2026-12-31"))?;
        Ok(Self { year: date.year(), month: date.month(), day: date.day() })
    }
}

/// One `[[waive]]` of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The rule that does not count, or a kind of measured checks, or one of these by its name in the table.
    pub rule: RuleId,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Day,
    /// Where it is written, for messages.
    pub file: String,
}

impl Waiver {
    /// As it stands in the report.
    pub fn waived(&self) -> Waived {
        Waived { reason: self.reason.clone(), until: Some(self.until.to_string()) }
    }

    /// The sentence for a waiver whose last day is past.
    pub(super) fn expired(&self, today: Option<Day>) -> Option<String> {
        (today? > self.until).then(|| {
            format!(
                "the waiver of `{}` (\"{}\") expired on {}: mend what it waives, or set a new `until` in {}",
                self.rule, self.reason, self.until, self.file
            )
        })
    }
}

/// What is waived by the name of a check, for checks that no rule is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    waived: BTreeMap<RuleId, Waived>,
    may_be_unknown: BTreeSet<RuleId>,
}

impl Accepted {
    /// All that a request names, rules too: no check of a measure has a rule's id.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            waived: request.waivers.iter().map(|w| (w.rule.clone(), w.waived())).collect(),
            may_be_unknown: request.allow_unknown.iter().cloned().collect(),
        }
    }

    /// What holds of the check `id` (`bandwidth.rtc.audio/host`), whose kind is asked for as `kind` says.
    pub fn of_check(&self, id: &str, kind: &Asked) -> Asked {
        let name = RuleId::from(id.split('/').next().unwrap_or(id));
        Asked {
            selected: kind.selected,
            waived: self.waived.get(&name).cloned().or_else(|| kind.waived.clone()),
            allow_unknown: kind.allow_unknown || self.may_be_unknown.contains(&name),
        }
    }
}
