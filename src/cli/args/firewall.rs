//! The flags of `firewall`: what the main job selects by, and how the request is written.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::{Ip, SelectionArgs};

const AFTER: &str = "\
Examples:
  rtc-check firewall --profile agent --target rtc=HOST --target acd=HOST --as markdown     for a ticket
  rtc-check firewall --profile agent --target rtc=HOST --target acd=HOST --as nftables     a file for nft -f
  rtc-check firewall --from-report report.json                                             only what failed

The head of every file of rules says how to load and how to remove it.";

/// What is asked for, in which form.
#[derive(Args, Debug, Default)]
#[command(after_help = AFTER)]
pub struct FirewallArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Ask for the way to this STUN server too, port 3478 unless another is given
    #[arg(long, value_name = "HOST[:PORT]", env = "RTC_CHECK_STUN", value_delimiter = ',')]
    pub stun: Vec<String>,
    /// Ask for the way to this relay too: turn:HOST[:PORT] or turns:HOST[:PORT], with ?transport=udp or tcp
    #[arg(long, value_name = "URI", env = "RTC_CHECK_TURN", value_delimiter = ',', hide_env_values = true)]
    pub turn: Vec<String>,
    /// Ask for the way to this machine's DNS servers too; without it only where a row of the document does
    #[arg(long, env = "RTC_CHECK_RESOLVERS", value_parser = BoolishValueParser::new())]
    pub resolvers: bool,
    /// Address families to ask for
    #[arg(long, value_name = "4|6|both", env = "RTC_CHECK_IP")]
    pub ip: Option<Ip>,
    /// Ask only for what failed in this JSON report, `-` for stdin; it says what was tested, so that no profile is needed
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_FROM_REPORT")]
    pub from_report: Option<PathBuf>,
    /// With --from-report: ask for what stayed unknown too
    #[arg(long, env = "RTC_CHECK_UNKNOWN", value_parser = BoolishValueParser::new())]
    pub unknown: bool,
    #[command(flatten)]
    pub written: WrittenArgs,
}

/// How the request is written.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "How it is written")]
pub struct WrittenArgs {
    /// What to write
    #[arg(long = "as", value_name = "FORM", env = "RTC_CHECK_AS", value_enum, default_value_t)]
    pub form: As,
    /// Write it to this file in place of stdout
    #[arg(short, long, value_name = "FILE", env = "RTC_CHECK_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Look up no names: what filters by address leaves them out and says so
    #[arg(long, env = "RTC_CHECK_NO_RESOLVE", value_parser = BoolishValueParser::new())]
    pub no_resolve: bool,
    /// nftables and iptables: filter what this machine sends, or what it forwards for others
    #[arg(long, value_name = "output|forward", env = "RTC_CHECK_HOOK", value_enum, default_value_t)]
    pub hook: HookArg,
    /// nftables and iptables: only what is to be let through, to be put before other rules; nothing is dropped
    #[arg(long, env = "RTC_CHECK_RULES_ONLY", value_parser = BoolishValueParser::new())]
    pub rules_only: bool,
    /// Columns of the table [default: the terminal's, or 80]
    #[arg(long, value_name = "N", env = "RTC_CHECK_WIDTH", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
}

/// What a request is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// For people
    #[default]
    Table,
    /// For a spreadsheet (RFC 4180)
    Csv,
    /// For a ticket
    Markdown,
    /// A file for `nft -f`, with a table of its own
    Nftables,
    /// A shell script for iptables and ip6tables, with a chain of its own
    Iptables,
    /// A security group with egress rules
    TerraformAws,
    /// A PowerShell script for the Windows firewall
    Windows,
}

/// Which packets a Linux packet filter is to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HookArg {
    #[default]
    Output,
    Forward,
}
