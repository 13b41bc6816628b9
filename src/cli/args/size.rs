//! The flags of `rtc-check size`: for how many calls, how well, recorded for how long.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Args, Debug)]
pub struct SizeArgs {
    /// Built-in profile or path of a profile file, with tables of sizes
    #[arg(short, long, value_name = "NAME|FILE", default_value = "rtc-server", env = "RTC_CHECK_SIZE_PROFILE")]
    pub profile: String,
    /// Calls at the same time: a channel (or port) is one voice or video call between two peers
    #[arg(short = 'n', long, value_name = "N", env = "RTC_CHECK_SIZE_CHANNELS")]
    pub channels: u32,
    /// Mode of video, as the profile names it: low, medium, high or ultra
    #[arg(short, long, value_name = "MODE", default_value = "medium", env = "RTC_CHECK_SIZE_MODE")]
    pub mode: String,
    /// Hours that each channel records on a day, from 0 to 24; the document's day is 24
    #[arg(long, value_name = "H", default_value_t = 24.0, env = "RTC_CHECK_SIZE_HOURS")]
    pub hours: f64,
    /// Days that recordings are kept; the document's month is 30
    #[arg(long, value_name = "D", default_value_t = 30, env = "RTC_CHECK_SIZE_DAYS")]
    pub days: u32,
    /// table, json or markdown
    #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_SIZE_FORMAT")]
    pub format: SizeFormat,
    /// Write to this file in place of stdout
    #[arg(short, long, value_name = "FILE", env = "RTC_CHECK_SIZE_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Columns of the table [default: the terminal's, or 80]
    #[arg(long, value_name = "N", env = "RTC_CHECK_WIDTH", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SizeFormat {
    #[default]
    Table,
    Json,
    Markdown,
}
