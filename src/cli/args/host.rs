//! The flags of `rtc-check host`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::OutputArgs;

/// What to ask of this machine.
#[derive(Args, Debug)]
pub struct HostArgs {
    /// Built-in profile or path of a profile file
    #[arg(short, long, value_name = "NAME|FILE", env = "RTC_CHECK_PROFILE")]
    pub profile: String,
    /// Hold cores and memory against the document's row for so many channels (calls at once)
    #[arg(short, long, value_name = "N", env = "RTC_CHECK_CHANNELS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub channels: Option<u32>,
    /// This machine is a server of this role; without it, what the profile has a table of sizes for, or a machine that
    /// uses the platform
    #[arg(long = "role", value_name = "ROLE", env = "RTC_CHECK_ROLE", value_delimiter = ',')]
    pub roles: Vec<String>,
    /// This machine uses the platform, from this vantage
    #[arg(long, value_name = "VANTAGE", env = "RTC_CHECK_FROM", value_delimiter = ',')]
    pub from: Vec<String>,
    /// What is to be so with the ports of the role: before the platform is installed nothing may have them, afterwards
    /// its servers listen; without it they are told and judged by nothing
    #[arg(long, value_name = "listening|free", env = "RTC_CHECK_EXPECT")]
    pub expect: Option<Expectation>,
    /// Where the way out is to lead, in place of the Internet: hosts, as `--target` of a check has them, or alone
    #[arg(short, long = "target", value_name = "[ROLE=]HOST[,HOST…]", env = "RTC_CHECK_TARGET", value_delimiter = ' ')]
    pub targets: Vec<String>,
    /// Where recordings are to lie
    #[arg(long, value_name = "DIR", env = "RTC_CHECK_DISK", default_value = "/var")]
    pub disk: PathBuf,
    /// Set an option of the profile
    #[arg(long = "option", value_name = "NAME=true|false", env = "RTC_CHECK_OPTION", value_delimiter = ',')]
    pub options: Vec<String>,
    /// Move a rule's ports
    #[arg(long = "port", value_name = "RULE=PORT|A-B", env = "RTC_CHECK_PORT", value_delimiter = ',')]
    pub moved_ports: Vec<String>,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Expectation {
    /// The platform is installed: a port on which nothing listens fails.
    Listening,
    /// It is yet to be installed: a port that something has fails.
    Free,
}
