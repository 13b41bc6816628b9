//! The flags of `rtc-check explain`: what to explain, and how to draw it.

use clap::{Args, ValueEnum};

#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// The id of a finding or of a check as a report has it, a probe, service, rule, limit, status or exit code; without
    /// it all topics are listed
    #[arg(value_name = "WORD")]
    pub word: Option<String>,
    /// Look for rules in this profile first: built-in, or path of a profile file
    #[arg(short, long, value_name = "NAME|FILE", env = "RTC_CHECK_EXPLAIN_PROFILE")]
    pub profile: Option<String>,
    /// table, json or markdown
    #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_EXPLAIN_FORMAT")]
    pub format: ExplainFormat,
    /// Columns of the text [default: the terminal's, or 80]
    #[arg(long, value_name = "N", env = "RTC_CHECK_WIDTH", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    #[default]
    Table,
    Json,
    Markdown,
}
