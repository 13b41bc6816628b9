//! The ways that media can take, by flags and configuration file: STUN servers, relays, a proxy, calls. A flag wins over
//! the file. Credentials are in neither.

use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::model::{CallMode, Host, TurnUri};

use super::Unusable;
use super::config::{Config, Words};
use super::proxies::ProxyWords;

/// STUN's port (RFC 8489 section 8.1).
const STUN_PORT: u16 = 3478;

/// The longest silence that is tried where `--nat-lifetime` gives none: as long as the most common keepalives need, and
/// twice the 30 s after which consent to send ends (RFC 7675 section 5.1).
const NAT_LIFETIME: &str = "60";

/// NAT, relays and calls.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Ways that media can take")]
pub struct MediaArgs {
    /// Ask this STUN server about NAT too, port 3478 unless another is given; two servers tell more than one
    #[arg(long, value_name = "HOST[:PORT]", env = "RTC_CHECK_STUN", value_delimiter = ',')]
    pub stun: Vec<String>,
    /// Try this relay too: turn:HOST[:PORT] or turns:HOST[:PORT], with ?transport=udp or tcp (RFC 7065)
    #[arg(long, value_name = "URI", env = "RTC_CHECK_TURN", value_delimiter = ',', hide_env_values = true)]
    pub turn: Vec<String>,
    /// Proxy, http://HOST:PORT, socks5://HOST[:PORT] or socks5h://HOST[:PORT]: every rule and relay over TCP is tried directly and
    /// through it, which decides; none for no proxy [default: HTTPS_PROXY, HTTP_PROXY and ALL_PROXY of the environment]
    #[arg(long, value_name = "URL", env = "RTC_CHECK_PROXY", hide_env_values = true)]
    pub proxy: Option<String>,
    /// Hosts that need no proxy: names with those below them, addresses, networks, or * [default: NO_PROXY of the environment]
    #[arg(long, value_name = "LIST", env = "RTC_CHECK_NO_PROXY")]
    pub no_proxy: Option<String>,
    /// Find out how long the NAT keeps a silent UDP mapping, trying silences of up to S seconds [default: 60]
    #[arg(long, value_name = "S", env = "RTC_CHECK_NAT_LIFETIME", value_parser = lifetime, num_args = 0..=1, default_missing_value = NAT_LIFETIME)]
    pub nat_lifetime: Option<Duration>,
    /// Make a call in any case: a Janus Gateway without EchoTest is a failure [default: where it has EchoTest]
    #[arg(long, env = "RTC_CHECK_CALL", value_parser = BoolishValueParser::new())]
    pub call: bool,
    /// Make no call
    #[arg(long, env = "RTC_CHECK_NO_CALL", value_parser = BoolishValueParser::new())]
    pub no_call: bool,
}

/// The same, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    pub stun: Vec<(Host, u16)>,
    pub turn: Vec<TurnUri>,
    pub proxy: ProxyWords,
    pub nat_lifetime: Option<Duration>,
    pub call: CallMode,
}

/// Merges flags and configuration.
///
/// # Errors
/// What is no STUN server or no TURN URI; a URI with credentials is not repeated.
pub fn media(flags: &MediaArgs, config: &Config) -> Result<Media, Unusable> {
    let stun = super::request::first(&flags.stun, &config.stun);
    let turn = super::request::first(&flags.turn, &config.turn);
    let lifetime_of = |words: &Words| {
        let read = lifetime(&words.to_string());
        read.map_err(|e| format!("nat-lifetime = {words} in the configuration file: {e}"))
    };
    let nat_lifetime = match (flags.nat_lifetime, &config.nat_lifetime) {
        (None, Some(words)) => Some(lifetime_of(words)?),
        (given, _) => given,
    };
    let call = match (flags.call, flags.no_call, config.call) {
        (true, true, _) => {
            return Err(Unusable("give either --call or --no-call, as flags or as variables".to_owned()));
        }
        (true, false, _) | (false, false, Some(true)) => CallMode::Always,
        (false, true, _) | (false, false, Some(false)) => CallMode::Never,
        (false, false, None) => CallMode::IfOffered,
    };
    Ok(Media {
        stun: stun.iter().map(|text| stun_server(text)).collect::<Result<_, _>>()?,
        turn: turn.iter().map(|text| turn_uri(text)).collect::<Result<_, _>>()?,
        proxy: ProxyWords {
            proxy: flags.proxy.clone().or_else(|| config.proxy.clone()),
            no_proxy: flags.no_proxy.clone().or_else(|| config.no_proxy.clone()),
        },
        nat_lifetime,
        call,
    })
}

/// Seconds of silence: 10 to 600.
fn lifetime(text: &str) -> Result<Duration, String> {
    let seconds = text.trim_end_matches('s').parse::<u64>().ok().filter(|s| (10..=600).contains(s));
    seconds.map(Duration::from_secs).ok_or_else(|| "give whole seconds from 10 to 600".to_owned())
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
fn stun_server(text: &str) -> Result<(Host, u16), String> {
    let wrong = |e: String| format!("--stun {text}: {e}");
    host_and_port(text).map(|(host, port)| (host, port.unwrap_or(STUN_PORT))).map_err(wrong)
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
pub fn host_and_port(text: &str) -> Result<(Host, Option<u16>), String> {
    match text.rsplit_once(':') {
        // A bare IPv6 address has more colons than that.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port.parse::<u16>().ok().filter(|p| *p > 0);
            let port = port.ok_or_else(|| "the port is a number from 1 to 65535".to_owned())?;
            Ok((host.parse()?, Some(port)))
        }
        _ => Ok((text.parse()?, None)),
    }
}

/// A TURN URI has no place for credentials (RFC 7065 section 3.1), and one that has any is not repeated.
pub fn turn_uri(text: &str) -> Result<TurnUri, String> {
    if text.contains('@') {
        return Err("--turn: a TURN URI has no user name and no password; set RTC_CHECK_TURN_USERNAME and \
                    RTC_CHECK_TURN_PASSWORD, or RTC_CHECK_TURN_SECRET, in the environment, or the files that …_FILE \
                    names"
            .to_owned());
    }
    text.parse().map_err(|e| format!("--turn {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: MediaArgs, file: &str) -> Result<Media, String> {
        media(&flags, &toml::from_str(file).unwrap()).map_err(|e| e.0)
    }

    fn flags(stun: &[&str], turn: &[&str], proxy: Option<&str>) -> MediaArgs {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
        MediaArgs { stun: words(stun), turn: words(turn), proxy: proxy.map(str::to_owned), ..MediaArgs::default() }
    }

    #[test]
    fn servers_have_the_ports_of_their_protocols_unless_they_name_others() {
        let stun =
            ["stun.example", "stun.example:19302", "192.0.2.1", "[2001:db8::1]", "[2001:db8::1]:80", "2001:db8::2"];
        let read = read(flags(&stun, &["turns:relay.example"], Some("http://proxy.example:3128/")), "").unwrap();
        let ports: Vec<u16> = read.stun.iter().map(|(_, port)| *port).collect();
        assert_eq!(ports, [3478, 19302, 3478, 3478, 80, 3478]);
        assert_eq!(read.turn[0].port, 5349);
        assert_eq!(read.proxy.proxy.as_deref(), Some("http://proxy.example:3128/"));
        for wrong in ["stun.example:0", "stun.example:99999", "stun:stun.example:3478", ""] {
            assert!(super::media(&flags(&[wrong], &[], None), &Config::default()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = "stun = [\"a.example\"]\nturn = [\"turn:b.example\"]\nproxy = \"http://c.example:1\"\ncall = false\nnat-lifetime = 30\n";
        let both = read(MediaArgs::default(), file).unwrap();
        assert_eq!((both.stun.len(), both.turn.len(), both.call), (1, 1, CallMode::Never));
        assert_eq!(both.proxy.proxy.as_deref(), Some("http://c.example:1"));
        assert_eq!(both.nat_lifetime, Some(Duration::from_secs(30)));
        let more = MediaArgs { call: true, nat_lifetime: Some(Duration::from_secs(90)), ..flags(&["x:1"], &[], None) };
        let both = read(more, file).unwrap();
        assert_eq!((both.stun, both.call), (vec![("x".parse().unwrap(), 1)], CallMode::Always));
        assert_eq!(both.nat_lifetime, Some(Duration::from_secs(90)));
        assert!(read(MediaArgs::default(), "nat-lifetime = 5").unwrap_err().contains("from 10 to 600"));
        assert_eq!(read(MediaArgs::default(), "").unwrap(), Media::default());
    }

    #[test]
    fn credentials_in_a_uri_are_refused_and_not_repeated() {
        let error = read(flags(&[], &["turn:bob:hunter2@relay.example"], None), "").unwrap_err();
        assert!(!error.contains("hunter2") && !error.contains("bob") && error.contains("RTC_CHECK_"), "{error}");
        let error = read(flags(&[], &["turn:bob:hunter2"], None), "").unwrap_err();
        assert!(!error.contains("hunter2") && error.contains("not a TURN URI"), "{error}");
    }
}
