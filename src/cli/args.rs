//! The flags, as clap reads them; every one has an environment variable `RTC_CHECK_…`.

mod bundle;
mod compare;
mod doctor;
mod explain;
mod exporter;
mod firewall;
mod help;
mod host;
mod profiles;
mod push;
mod selection;
mod serve;
mod size;
mod watch;
mod web;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use bundle::BundleArgs;
pub use compare::{BaselineArgs, DiffArgs, DiffFormat, FailOn, RedactArgs};
pub use doctor::DoctorArgs;
pub use explain::{ExplainArgs, ExplainFormat};
pub use exporter::ExporterArgs;
pub use firewall::{As, FirewallArgs, HookArg};
pub use host::{Expectation, HostArgs};
pub use profiles::{ListFormat, ProfilesArgs, ProfilesCommand};
pub use push::{PushArgs, UploadMethod};
pub use selection::SelectionArgs;
pub use serve::{ServeArgs, SessionArgs};
pub use size::{SizeArgs, SizeFormat};
pub use watch::{Until, WatchArgs};
pub use web::WebArgs;

use super::exit::Codes;
use crate::model::{KnownPage, PortRange, PortsMode};

/// Pre-flight tester for real-time-communication networks: ports, media ranges and services, judged row by row
/// against the vendors' documents.
#[derive(Debug, Parser)]
#[command(name = "rtc-check", version, after_help = help::SHORT, after_long_help = help::LONG, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Colours on stdout: where it is a terminal and NO_COLOR is not set, always, or never
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true, env = "RTC_CHECK_COLOR")]
    pub color: Color,
    #[command(flatten)]
    pub check: CheckArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List, show and validate profiles
    Profiles(ProfilesArgs),
    /// The responder: stands in for a platform's servers, so that firewall rules can be proven end to end
    Serve(ServeArgs),
    /// A Prometheus exporter: each scrape of /probe is a run against the hosts that its query names, if they are allowed
    Exporter(ExporterArgs),
    /// The same test again and again: what each check came to over the last runs, and what changed
    ///
    /// With --upload or --otlp each run's report is sent in the background, as a single run's is. No run waits for that: what is
    /// still under way when the next run begins is let go, and is neither sent later nor saved (--log FILE keeps every
    /// report). It is said when sending begins to fail and when it works again, and not run by run; where the last report
    /// could not be sent, an exit code of 0 becomes 2.
    Watch(Box<WatchArgs>),
    /// The machine that this runs on: distribution, size, clock, ports and the way out, against the document's tables
    Host(Box<HostArgs>),
    /// One archive for whoever is to help: the report, this machine's state, the log, and with --pcap the packets of our
    /// own flows
    Bundle(Box<BundleArgs>),
    /// What this machine allows a run, and how it stands to the network; sends nothing to it
    Doctor(DoctorArgs),
    /// The whole job against a responder inside the same process, on loopback, without privileges
    Demo(DemoArgs),
    /// For how many: servers, bandwidth and storage for so many calls, from the document's tables
    Size(SizeArgs),
    /// Draw a saved JSON report again
    Report(ReportArgs),
    /// What got worse, better, appeared or went between two saved JSON reports: inside and outside, before and after
    Diff(DiffArgs),
    /// The outbound rules to ask a firewall's administrator for, or to load
    Firewall(FirewallArgs),
    /// What a finding, check, rule, limit or status means, how to confirm it by hand, and what to change
    Explain(ExplainArgs),
    /// Print the JSON Schema of a document that rtc-check writes
    Schema { document: SchemaDocument },
    /// Print a shell's completions: commands, flags, and the names of profiles, roles and rules
    Completions { shell: clap_complete::Shell },
    /// Print the man page, or write the page of every command into a directory
    Man { directory: Option<PathBuf> },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaDocument {
    /// The report of a run.
    Report,
    /// An answer of `size`.
    Sizing,
    /// What two reports differ in.
    Comparison,
    /// What `doctor` found.
    Doctor,
}

/// What to test, and how.
#[derive(Args, Debug, Default)]
pub struct CheckArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// A rule, or what is tried and measured beside the rules, or one of its checks as the table names it
    /// (`bandwidth.rtc.audio`, `ice.rtc`), that may stay unknown without changing the verdict
    #[arg(long, value_name = "RULE", env = "RTC_CHECK_ALLOW_UNKNOWN", value_delimiter = ',')]
    pub allow_unknown: Vec<String>,
    /// Print what would be tested, in which order and at what cost, and probe nothing
    #[arg(long, env = "RTC_CHECK_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    #[command(flatten)]
    pub tuning: TuningArgs,
    #[command(flatten)]
    pub media: super::media::MediaArgs,
    #[command(flatten)]
    pub trust: super::trust::TrustArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How to measure quality and bandwidth.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "How to measure")]
pub struct MeasureArgs {
    /// Exact length of every train in seconds, in place of ending as soon as its limits are decided
    #[arg(long, value_name = "S", env = "RTC_CHECK_DURATION", value_parser = train)]
    pub duration: Option<Duration>,
    /// The longest train in seconds where its limits stay undecided, at least 4 [default: 30]
    #[arg(long, value_name = "S", env = "RTC_CHECK_MAX_DURATION", value_parser = longest_train)]
    pub max_duration: Option<Duration>,
    /// Sessions side by side: so many times the rates of the document [default: 1]
    #[arg(long, value_name = "N", env = "RTC_CHECK_SESSIONS", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub sessions: Option<u32>,
    /// Streams that come down in each session, one for each participant that is seen [default: 1]
    #[arg(long, value_name = "M", env = "RTC_CHECK_DOWN_STREAMS", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub down_streams: Option<u32>,
    /// DSCP to send with, such as 46 (EF) where voice is marked; browsers send 0 [default: 0]
    #[arg(long, value_name = "N", env = "RTC_CHECK_DSCP", value_parser = clap::value_parser!(u8).range(0..=63))]
    pub dscp: Option<u8>,
    /// Search for how much the line carries, too; the most time and bytes are printed before it starts
    #[arg(long, env = "RTC_CHECK_CAPACITY", value_parser = BoolishValueParser::new())]
    pub capacity: bool,
    /// The most bytes that --capacity may send and receive in all [default: 100M]
    #[arg(long, value_name = "BYTES[k|M|G]", env = "RTC_CHECK_MAX_DATA", value_parser = bytes)]
    pub max_data: Option<u64>,
}

/// How to test it.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "How to probe")]
pub struct TuningArgs {
    /// Address families to test
    #[arg(long, value_name = "4|6|both", env = "RTC_CHECK_IP")]
    pub ip: Option<Ip>,
    /// The longest time of one TCP-based check and of a name's resolution, in seconds [default: 5]
    #[arg(long, value_name = "S", env = "RTC_CHECK_TIMEOUT", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Deadline of the whole run in seconds; what did not finish is unknown
    #[arg(long, value_name = "S", env = "RTC_CHECK_BUDGET", value_parser = seconds)]
    pub budget: Option<Duration>,
    /// Keep each WebSocket open in silence for so many seconds, then ping
    #[arg(long, value_name = "S", env = "RTC_CHECK_HOLD", value_parser = hold)]
    pub hold: Option<Duration>,
    /// Ask each RTSP server to describe this path too, in place of the profile's own; RTC_CHECK_RTSP_USERNAME and
    /// RTC_CHECK_RTSP_PASSWORD log in, once for each camera
    #[arg(long, value_name = "PATH", env = "RTC_CHECK_RTSP_PATH", hide_env_values = true, value_parser = rtsp_path)]
    pub rtsp_path: Option<String>,
    /// Full STUN retransmission schedule (39.5 s) in place of the quick one (5.5 s)
    #[arg(long, env = "RTC_CHECK_THOROUGH", value_parser = BoolishValueParser::new())]
    pub thorough: bool,
    /// How much of a media range to ask where the far end is no responder: `all`, or how many ports [default: 12]
    #[arg(long, value_name = "all|N", env = "RTC_CHECK_PORTS")]
    pub ports: Option<PortsMode>,
    /// Datagrams a second of a sweep [default: 4000]
    #[arg(long, value_name = "N", env = "RTC_CHECK_PACE", value_parser = clap::value_parser!(u32).range(1..=25_000))]
    pub pace: Option<u32>,
    /// Do not trace what failed to where it is stopped (3 s at the most, after all else)
    #[arg(long, env = "RTC_CHECK_NO_TRACE", value_parser = BoolishValueParser::new())]
    pub no_trace: bool,
    /// Seed of every random choice; a report names its own
    #[arg(long, value_name = "N", env = "RTC_CHECK_SEED")]
    pub seed: Option<u64>,
    /// Trust the authorities in this PEM file too, and certificates that stand in it themselves
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_CA", value_delimiter = ',')]
    pub ca: Vec<PathBuf>,
    /// Ask this resolver too
    #[arg(long, value_name = "SERVER", env = "RTC_CHECK_DNS", value_delimiter = ',', value_parser = dns_server)]
    pub dns: Vec<SocketAddr>,
    /// Fetch this page over plain HTTP, which must say exactly this, or nothing (204): another answer shows a captive portal
    #[arg(long, value_name = "URL=TEXT", env = "RTC_CHECK_PORTAL")]
    pub portal: Vec<KnownPage>,
}

/// Where the report goes.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Report")]
pub struct OutputArgs {
    /// table, json, ndjson (events as they happen), html, junit, markdown, prometheus, csv, tap or nagios [default: table]
    #[arg(short, long, value_name = "FORMAT", env = "RTC_CHECK_FORMAT")]
    pub format: Option<String>,
    /// Write the report to this file in place of stdout
    #[arg(short, long, value_name = "FILE", env = "RTC_CHECK_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Write a further report, to stdout as `-` where --output gives the first a file; may be repeated
    #[arg(long = "report", value_name = "FORMAT=FILE", env = "RTC_CHECK_REPORT", value_delimiter = ',')]
    pub reports: Vec<String>,
    /// Whose exit codes: `default` (below), or those of a monitoring plugin, `nagios`: 0 OK, 1 WARNING, 2 CRITICAL,
    /// 3 UNKNOWN, which usage errors and interruptions are too; what could not be sent, or written beside the
    /// plugin's line, is said on stderr and changes none of these
    #[arg(
        long,
        value_name = "default|nagios",
        env = "RTC_CHECK_EXIT_CODES",
        default_value = "default",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub exit_codes: Codes,
    /// Warnings are failures, and a sampled pass is unknown
    #[arg(long, env = "RTC_CHECK_STRICT", value_parser = BoolishValueParser::new())]
    pub strict: bool,
    /// No progress on stderr
    #[arg(short, long, env = "RTC_CHECK_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Columns of the table [default: the terminal's, or 80]
    #[arg(long, value_name = "N", env = "RTC_CHECK_WIDTH", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
    #[command(flatten)]
    pub against: BaselineArgs,
    #[command(flatten)]
    pub redact: RedactArgs,
    #[command(flatten)]
    pub push: PushArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ip {
    #[value(name = "4")]
    V4,
    #[value(name = "6")]
    V6,
    Both,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Built-in profile to demonstrate
    #[arg(short, long, value_name = "NAME", default_value = "agent", env = "RTC_CHECK_DEMO_PROFILE")]
    pub profile: String,
    /// Where the machine of the demonstration stands [default: the profile's first vantage]
    #[arg(long, value_name = "VANTAGE", env = "RTC_CHECK_DEMO_FROM", value_delimiter = ',')]
    pub from: Vec<String>,
    /// Set an option of the profile
    #[arg(long = "option", value_name = "NAME=true|false", env = "RTC_CHECK_DEMO_OPTION", value_delimiter = ',')]
    pub options: Vec<String>,
    #[command(flatten)]
    pub measure: MeasureArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Datagrams a second of a sweep [default: 8000]
    #[arg(long, value_name = "N", env = "RTC_CHECK_PACE", value_parser = clap::value_parser!(u32).range(1..=25_000))]
    pub pace: Option<u32>,
}

#[derive(Args, Debug)]
pub struct ReportArgs {
    /// A JSON report, `-` for stdin
    pub file: PathBuf,
    /// Trust the authorities in this PEM file too, where the report is sent
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_CA", value_delimiter = ',')]
    pub ca: Vec<PathBuf>,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Seconds, with a fraction: more than 0, at most a day.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.trim_end_matches('s').parse::<f64>() {
        Ok(s) if s > 0.0 && s <= 86_400.0 => Ok(Duration::from_secs_f64(s)),
        _ => Err("give seconds, more than 0 and at most 86400".to_owned()),
    }
}

/// The path alone: a URL may hold a password.
fn rtsp_path(text: &str) -> Result<String, String> {
    match crate::wire::rtsp::is_path(text) && !text.contains("://") {
        true => Ok(text.to_owned()),
        false => Err("give the path alone, such as /live/1, without host, white space or user name".to_owned()),
    }
}

/// Seconds that a responder's own idle limit of an hour does not cut short.
fn hold(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Ok(time) if time <= Duration::from_secs(3000) => Ok(time),
        _ => Err("give seconds, more than 0 and at most 3000".to_owned()),
    }
}

/// Seconds of a train: at least 1, so that there is anything to sum up, and at most an hour.
pub fn train(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Ok(time) if (1..=3600).contains(&time.as_secs()) => Ok(time),
        _ => Err("give seconds, at least 1 and at most 3600".to_owned()),
    }
}

/// Seconds of a train that may end early: at least 4.
pub fn longest_train(text: &str) -> Result<Duration, String> {
    match seconds(text) {
        Ok(time) if (4..=3600).contains(&time.as_secs()) => Ok(time),
        _ => Err("give seconds, at least 4 and at most 3600".to_owned()),
    }
}

/// Bytes, with `k`, `M` or `G` for thousands, millions and thousands of millions.
pub fn bytes(text: &str) -> Result<u64, String> {
    let units = [('k', 1_000u64), ('K', 1_000), ('M', 1_000_000), ('G', 1_000_000_000)];
    let (digits, unit) = match units.iter().find(|(letter, _)| text.ends_with(*letter)) {
        Some((letter, unit)) => (text.trim_end_matches(*letter), *unit),
        None => (text, 1),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    bytes.filter(|n| *n >= 1_000_000).ok_or_else(|| "give at least 1M, such as 100M, 1500k or 2000000".to_owned())
}

/// An address, with or without a port.
pub fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>();
    let without = || bare.parse::<IpAddr>().map(|a| SocketAddr::new(a, 53));
    without()
        .or_else(|_| with_port())
        .map_err(|_| "give the resolver's address, such as 192.0.2.53 or [2001:db8::53]:53".to_owned())
}

/// Splits at the first `=`; `form` says how the flag's value is written.
pub fn pair<'a>(flag: &str, form: &str, text: &'a str) -> Result<(&'a str, &'a str), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
        _ => Err(format!("{flag} {text}: write it as {flag} {form}")),
    }
}

/// `RULE=PORT` or `RULE=A-B`.
pub fn moved_port(text: &str) -> Result<(crate::model::RuleId, PortRange), String> {
    let (rule, ports) = pair("--port", "RULE=PORT or RULE=A-B", text)?;
    Ok((rule.into(), ports.parse().map_err(|e| format!("--port {text}: {e}"))?))
}

/// `NAME=true|false`; the name alone sets it.
pub fn option(text: &str) -> Result<(String, bool), String> {
    match text.split_once('=').unwrap_or((text, "true")) {
        (name, "true" | "yes" | "on" | "1") => Ok((name.to_owned(), true)),
        (name, "false" | "no" | "off" | "0") => Ok((name.to_owned(), false)),
        (name, other) => Err(format!("--option {name}={other}: the value is `true` or `false`")),
    }
}
