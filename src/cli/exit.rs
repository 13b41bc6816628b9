//! Exit codes: rtc-check's own, as the contract gives them, and those of a monitoring plugin. What a run comes to is
//! decided here, and renderers know of it what they are told.

use clap::ValueEnum;

use crate::model::{Ended, Report, Status};

/// Every required check passed.
pub const PASS: u8 = 0;
/// A required check failed.
pub const FAIL: u8 = 1;
/// Usage, profile or configuration error: nothing was probed.
pub const USAGE: u8 = 2;
/// None failed, but a required one is unknown.
pub const UNKNOWN: u8 = 3;
/// Interrupted; the partial report was written.
pub const INTERRUPTED: u8 = 130;

/// Whose exit codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Codes {
    /// rtc-check's own
    #[default]
    Default,
    /// a monitoring plugin's: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
    Nagios,
}

/// What a command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Passed,
    /// Nothing that is required failed, and not all is as it should be.
    Warned,
    Failed,
    Unknown,
    Interrupted,
    /// Nothing was probed, or what was found could not be written.
    Unusable,
}

impl End {
    /// Of a report: `strict` makes warnings failures.
    pub fn of(report: &Report, strict: bool) -> Self {
        match report.verdict {
            _ if report.run.ended == Some(Ended::Interrupted) => End::Interrupted,
            Status::Pass => End::Passed,
            Status::Warn if strict => End::Failed,
            Status::Warn => End::Warned,
            Status::Fail => End::Failed,
            Status::Unknown | Status::Skip => End::Unknown,
        }
    }

    /// The same where the run is held against a report that it is worse than.
    #[must_use]
    pub fn worse(self, is_worse: bool) -> Self {
        match self {
            End::Passed | End::Warned | End::Unknown if is_worse => End::Failed,
            end => end,
        }
    }

    /// The same where a report of it is lost: whoever waits for it would miss it.
    #[must_use]
    pub fn lost(self, is_lost: bool) -> Self {
        match self {
            End::Passed | End::Warned if is_lost => End::Unusable,
            end => end,
        }
    }

    /// The same where something beside the report is lost: another file, what was to be sent. A monitoring system reads
    /// one line and one code, both of what is watched, so there the code stays what the line says.
    #[must_use]
    pub fn lost_beside(self, is_lost: bool, codes: Codes) -> Self {
        self.lost(is_lost && codes == Codes::Default)
    }

    /// As a verdict, for the line of a monitoring plugin, which is to say what the code says.
    pub fn status(self) -> Status {
        match self {
            End::Passed => Status::Pass,
            End::Warned => Status::Warn,
            End::Failed => Status::Fail,
            End::Unknown | End::Interrupted | End::Unusable => Status::Unknown,
        }
    }

    /// As a process says it.
    pub fn code(self, codes: Codes) -> u8 {
        match (codes, self) {
            (Codes::Default, End::Passed | End::Warned) => PASS,
            (Codes::Default, End::Failed) => FAIL,
            (Codes::Default, End::Unknown) => UNKNOWN,
            (Codes::Default, End::Interrupted) => INTERRUPTED,
            (Codes::Default, End::Unusable) => USAGE,
            (Codes::Nagios, End::Passed) => 0,
            (Codes::Nagios, End::Warned) => 1,
            (Codes::Nagios, End::Failed) => 2,
            (Codes::Nagios, End::Unknown | End::Interrupted | End::Unusable) => 3,
        }
    }
}

impl Codes {
    /// What a command line asks for that may be wrong in any other way; `variable` is the environment's word.
    pub fn asked(arguments: impl IntoIterator<Item = String>, variable: Option<String>) -> Self {
        let mut arguments = arguments.into_iter();
        let mut asked = variable;
        while let Some(argument) = arguments.next() {
            match argument.split_once('=') {
                Some(("--exit-codes", value)) => asked = Some(value.to_owned()),
                None if argument == "--exit-codes" => asked = arguments.next(),
                _ => {}
            }
        }
        asked.and_then(|word| Codes::from_str(&word, false).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_a_code_in_both() {
        let all = [
            (End::Passed, 0, 0),
            (End::Warned, 0, 1),
            (End::Failed, 1, 2),
            (End::Unknown, 3, 3),
            (End::Interrupted, 130, 3),
            (End::Unusable, 2, 3),
        ];
        for (end, own, nagios) in all {
            assert_eq!((end.code(Codes::Default), end.code(Codes::Nagios)), (own, nagios), "{end:?}");
        }
        assert_eq!(End::Warned.worse(true).lost(true), End::Failed);
        assert_eq!(End::Warned.worse(false).lost(true), End::Unusable);
        assert_eq!(End::Unknown.lost(true), End::Unknown);
        assert_eq!(End::Interrupted.worse(true), End::Interrupted);
        assert_eq!(End::Passed.lost_beside(true, Codes::Default), End::Unusable);
        assert_eq!(End::Passed.lost_beside(true, Codes::Nagios), End::Passed);
    }

    #[test]
    fn a_wrong_command_line_still_says_whose_codes_it_wants() {
        let asked = |line: &str, variable: Option<&str>| {
            Codes::asked(line.split(' ').map(str::to_owned), variable.map(str::to_owned))
        };
        for (line, variable, codes) in [
            ("rtc-check --nonsense --exit-codes nagios", None, Codes::Nagios),
            ("rtc-check --exit-codes=nagios", Some("default"), Codes::Nagios),
            ("rtc-check --exit-codes default", Some("nagios"), Codes::Default),
            ("rtc-check", Some("nagios"), Codes::Nagios),
            ("rtc-check --exit-codes", None, Codes::Default),
            ("rtc-check --exit-codes icinga", None, Codes::Default),
        ] {
            assert_eq!(asked(line, variable), codes, "{line}");
        }
    }
}
