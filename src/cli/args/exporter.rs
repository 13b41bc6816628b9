//! The flags of `rtc-check exporter`: where it listens, what it may ask of whom, and who may ask it.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::exporter::Entry;

#[derive(Args, Clone, Debug)]
pub struct ExporterArgs {
    /// Address and port, or a port alone for all addresses
    #[arg(long, value_name = "[ADDR]:PORT", default_value = ":9742", env = "RTC_CHECK_LISTEN")]
    pub listen: String,
    /// Hosts that a query may name: a name, *.DOMAIN for those below it, an address, a network, or `any` for every host.
    /// Names are held against names and addresses against networks; nothing else is looked up or asked
    #[arg(long, value_name = "HOST|*.DOMAIN|CIDR|any", env = "RTC_CHECK_ALLOW", value_delimiter = ',')]
    pub allow: Vec<Entry>,
    /// TLS and logins, in the format of Prometheus' web configuration; read again when it or a file of it changes
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_WEB_CONFIG")]
    pub web_config: Option<PathBuf>,
    /// Probes at once; further ones are answered 503
    #[arg(long, value_name = "N", default_value_t = 50, env = "RTC_CHECK_MAX_PROBES", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub max_probes: u16,
    /// Offer this profile file too, by the name that stands in it; may be repeated
    #[arg(short, long = "profile", value_name = "FILE", env = "RTC_CHECK_PROFILES", value_delimiter = ',')]
    pub profiles: Vec<PathBuf>,
    /// Configuration file for every probe (ports, relays, waivers, a profile where the query names none); no other is looked for
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Trust the authorities in this PEM file too, and certificates that stand in it themselves
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_CA", value_delimiter = ',')]
    pub ca: Vec<PathBuf>,
    /// Log as JSON lines
    #[arg(long, env = "RTC_CHECK_LOG_JSON", value_parser = BoolishValueParser::new())]
    pub log_json: bool,
}
