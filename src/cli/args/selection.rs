//! What of a profile is meant: the flags that the main job and firewall requests share.

use std::path::PathBuf;

use clap::Args;

/// Which rules, on which hosts.
#[derive(Args, Clone, Debug, Default)]
pub struct SelectionArgs {
    /// Built-in profile or path of a profile file
    #[arg(short, long, value_name = "NAME|FILE", env = "RTC_CHECK_PROFILE")]
    pub profile: Option<String>,
    /// Hosts of a role: names, IPv4, or IPv6 in brackets; in the environment variable, roles are set apart by spaces
    #[arg(short, long = "target", value_name = "ROLE=HOST[,HOST…]", env = "RTC_CHECK_TARGET", value_delimiter = ' ')]
    pub targets: Vec<String>,
    /// Where this machine stands: one of the profile's vantages, or several joined by commas
    #[arg(long, value_name = "VANTAGE", env = "RTC_CHECK_FROM", value_delimiter = ',')]
    pub from: Vec<String>,
    /// Set an option of the profile
    #[arg(long = "option", value_name = "NAME=true|false", env = "RTC_CHECK_OPTION", value_delimiter = ',')]
    pub options: Vec<String>,
    /// Move a rule's ports
    #[arg(long = "port", value_name = "RULE=PORT|A-B", env = "RTC_CHECK_PORT", value_delimiter = ',')]
    pub moved_ports: Vec<String>,
    /// Only these rules, roles or services, or what is tried and measured beside them
    #[arg(long, value_name = "RULE|ROLE|SERVICE", env = "RTC_CHECK_ONLY", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these rules, roles or services out, or what is tried and measured beside them
    #[arg(long, value_name = "RULE|ROLE|SERVICE", env = "RTC_CHECK_SKIP", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Configuration file; without it ./rtc-check.toml, then the user's configuration directory
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_CONFIG")]
    pub config: Option<PathBuf>,
}
