//! Exit codes, as the contract gives them.

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

/// The code of a report; `strict` makes warnings failures.
pub fn of(report: &Report, strict: bool) -> u8 {
    match report.verdict {
        _ if report.run.ended == Some(Ended::Interrupted) => INTERRUPTED,
        Status::Pass => PASS,
        Status::Warn if strict => FAIL,
        Status::Warn => PASS,
        Status::Fail => FAIL,
        Status::Unknown | Status::Skip => UNKNOWN,
    }
}
