//! The flags of `rtc-check diff`, and those of comparison and redaction that every report has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::RedactedSet;

/// Which two reports, and what to make of them.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The first JSON report: before, or outside; `-` for stdin
    pub before: PathBuf,
    /// The second JSON report: after, or inside
    pub after: PathBuf,
    /// table, json or markdown
    #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_DIFF_FORMAT")]
    pub format: DiffFormat,
    /// Exit with 1 where the second report is worse, or differs in anything: without it the exit code is 0 whatever
    /// was found
    #[arg(long, value_name = "worse|any|never", env = "RTC_CHECK_FAIL_ON")]
    pub fail_on: Option<FailOn>,
    /// Write to this file in place of stdout
    #[arg(short, long, value_name = "FILE", env = "RTC_CHECK_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Columns of the table [default: the terminal's, or 80]
    #[arg(long, value_name = "N", env = "RTC_CHECK_WIDTH", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
    #[command(flatten)]
    pub redact: RedactArgs,
}

/// What a report keeps to itself.
#[derive(Args, Clone, Debug, Default)]
pub struct RedactArgs {
    /// Replace addresses, names (of hosts, users and certificates' holders), or all of them by tokens such as private4-1
    /// and host-2; hosts that the profile itself names stay
    #[arg(long, value_name = "addresses|names|all", env = "RTC_CHECK_REDACT", value_delimiter = ',')]
    pub redact: Vec<RedactedSet>,
}

/// Against which report to hold this one.
#[derive(Args, Clone, Debug, Default)]
pub struct BaselineArgs {
    /// Hold the report against this saved JSON report, and say what got worse and better
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_BASELINE")]
    pub baseline: Option<PathBuf>,
    /// Exit with 1 where the report is worse than --baseline, or differs from it in anything, although its verdict is fine
    #[arg(long, value_name = "worse|any|never", env = "RTC_CHECK_FAIL_ON")]
    pub fail_on: Option<FailOn>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    #[default]
    Table,
    Json,
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// The verdict, a check that is neither optional nor waived, or a finding is worse.
    Worse,
    /// Anything differs beyond the noise.
    Any,
    /// Nothing.
    Never,
}
