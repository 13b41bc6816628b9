//! The flags of `rtc-check serve`: what the responder serves, where, and how much of it.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Built-in profile or path of a profile file
    #[arg(short, long, value_name = "NAME|FILE", env = "RTC_CHECK_PROFILE")]
    pub profile: String,
    /// Serve only these roles [default: all that an operator binds]
    #[arg(long, value_name = "ROLE", value_delimiter = ',', env = "RTC_CHECK_ROLE")]
    pub role: Vec<String>,
    /// Addresses to bind, for all roles (ADDR) or for one (ROLE=ADDR) [default: 0.0.0.0 and [::]]
    #[arg(long, value_name = "[ROLE=]ADDR", value_delimiter = ',', env = "RTC_CHECK_BIND")]
    pub bind: Vec<String>,
    /// A second address of this machine, one a family: STUN answers from there, too, and from the port after its own, which
    /// shows clients what NATs do on the way (RFC 5780)
    #[arg(long, value_name = "ADDR", value_delimiter = ',', env = "RTC_CHECK_ALT_BIND")]
    pub alt_bind: Vec<String>,
    /// Set an option of the profile
    #[arg(long = "option", value_name = "NAME=true|false", value_delimiter = ',', env = "RTC_CHECK_OPTION")]
    pub options: Vec<String>,
    /// Serve the rules of these vantages [default: all]
    #[arg(long, value_name = "VANTAGE", value_delimiter = ',', env = "RTC_CHECK_FROM")]
    pub from: Vec<String>,
    /// Move a rule's ports
    #[arg(long = "port", value_name = "RULE=PORT|A-B", value_delimiter = ',', env = "RTC_CHECK_PORT")]
    pub moved_ports: Vec<String>,
    /// Certificate chain in PEM; without it a self-signed one is made
    #[arg(long, value_name = "FILE", requires = "key", env = "RTC_CHECK_CERT")]
    pub cert: Option<PathBuf>,
    /// File with the private key of the certificate in PEM. The secret that clients share with the responder is another
    /// thing: RTC_CHECK_RESPONDER_KEY, or the file that RTC_CHECK_RESPONDER_KEY_FILE names
    #[arg(long, value_name = "FILE", requires = "cert", env = "RTC_CHECK_KEY", hide_env_values = true)]
    pub key: Option<PathBuf>,
    /// Write the authority of the self-signed certificate here, for the client's --ca
    #[arg(long, value_name = "FILE", conflicts_with = "cert", env = "RTC_CHECK_CA_OUT")]
    pub ca_out: Option<PathBuf>,
    /// Names and addresses of the self-signed certificate beside the bound ones, such as the outside one of a NAT
    #[arg(long, value_name = "NAME", value_delimiter = ',', conflicts_with = "cert", env = "RTC_CHECK_NAME")]
    pub name: Vec<String>,
    /// Log as JSON lines
    #[arg(long, env = "RTC_CHECK_LOG_JSON", value_parser = BoolishValueParser::new())]
    pub log_json: bool,
    #[command(flatten)]
    pub sessions: SessionArgs,
    #[command(flatten)]
    pub web: super::WebArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Test sessions")]
pub struct SessionArgs {
    /// UDP port of STAMP (RFC 8762), beside the media ports; 0 serves none
    #[arg(long, value_name = "PORT", default_value_t = crate::wire::stamp::PORT, env = "RTC_CHECK_STAMP_PORT")]
    pub stamp_port: u16,
    /// Test sessions at once; one source may hold a quarter of them
    #[arg(long, value_name = "N", default_value_t = 1000, env = "RTC_CHECK_MAX_SESSIONS", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub max_sessions: u32,
    /// Kbit/s of one session at the IP level, each way
    #[arg(long, value_name = "KBPS", default_value_t = 20_000, env = "RTC_CHECK_MAX_SESSION_KBPS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_session_kbps: u32,
    /// Kbit/s of all sessions together at the IP level, each way
    #[arg(long, value_name = "KBPS", default_value_t = 200_000, env = "RTC_CHECK_MAX_KBPS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_kbps: u32,
    /// Seconds of one session
    #[arg(long, value_name = "S", default_value_t = 60, env = "RTC_CHECK_MAX_SESSION_SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub max_session_seconds: u32,
    /// Bytes that one session may be sent
    #[arg(long, value_name = "BYTES", default_value_t = 200_000_000, env = "RTC_CHECK_MAX_SESSION_BYTES")]
    pub max_session_bytes: u64,
    /// Packets a second of all sessions together: what this machine answers without loss of its own
    #[arg(long, value_name = "N", default_value_t = 60_000, env = "RTC_CHECK_MAX_SESSION_PACKETS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub max_session_packets: u32,
    /// Answer without the DSCP that a client asks for (RFC 8972 section 4.4)
    #[arg(long, env = "RTC_CHECK_NO_DSCP", value_parser = BoolishValueParser::new())]
    pub no_dscp: bool,
}
