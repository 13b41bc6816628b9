//! The flags of `rtc-check doctor`.

use std::path::PathBuf;

use clap::Args;

use super::{ListFormat, RedactArgs};

#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// table or json
    #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_DOCTOR_FORMAT")]
    pub format: ListFormat,
    /// Write to this file in place of stdout
    #[arg(short, long, value_name = "FILE", env = "RTC_CHECK_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Columns of the table [default: the terminal's, or 80]
    #[arg(long, value_name = "N", env = "RTC_CHECK_WIDTH", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
    #[command(flatten)]
    pub redact: RedactArgs,
}
