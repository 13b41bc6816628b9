//! The flags of `rtc-check serve --web`: the page for people who can install nothing.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "A page for browsers")]
pub struct WebArgs {
    /// Serve a page on the HTTPS ports that tests the profile from a visitor's browser; the link to send is told at the
    /// start
    #[arg(long, env = "RTC_CHECK_WEB", value_parser = BoolishValueParser::new())]
    pub web: bool,
    /// Keep each result of the page in this directory, for `rtc-check report DIR/ID.json`; the last 500 are kept, of
    /// which one source (an IPv4 address or IPv6 /64) has at most 125, counted since the responder began
    #[arg(long, value_name = "DIR", requires = "web", env = "RTC_CHECK_WEB_RESULTS")]
    pub web_results: Option<PathBuf>,
    /// Have browsers test this role at the platform itself and not at this responder
    #[arg(long, value_name = "ROLE=HOST", value_delimiter = ',', requires = "web", env = "RTC_CHECK_WEB_TARGET")]
    pub web_target: Vec<String>,
    /// Address that browsers send UDP to, where a NAT gives this machine another one than it has
    #[arg(long, value_name = "ADDR", value_delimiter = ',', requires = "web", env = "RTC_CHECK_WEB_ADDRESS")]
    pub web_address: Vec<IpAddr>,
    /// Have browsers try this relay: turn:HOST[:PORT] or turns:HOST[:PORT], with ?transport=udp or tcp. Each visitor gets a
    /// login of ten minutes, made with RTC_CHECK_TURN_SECRET; that takes RTC_CHECK_RESPONDER_KEY
    #[arg(
        long,
        value_name = "URI",
        value_delimiter = ',',
        requires = "web",
        env = "RTC_CHECK_TURN",
        hide_env_values = true
    )]
    pub turn: Vec<String>,
    /// Give logins for relays to whoever reaches the page, also without RTC_CHECK_RESPONDER_KEY, and
    /// RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD themselves: every visitor can read them
    #[arg(long, requires = "web", env = "RTC_CHECK_WEB_SHARE_TURN_PASSWORD", value_parser = BoolishValueParser::new())]
    pub web_share_turn_password: bool,
}
