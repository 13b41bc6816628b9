//! Which proxies a run asks: `--proxy` and `--no-proxy`, or what the environment has for every program (`HTTPS_PROXY`,
//! `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in small letters too, which come first). A login stands in the environment alone, and
//! nothing here repeats one.

use std::sync::Arc;

use crate::model::{Host, Secret, may_hold_password};
use crate::net::proxy::{Exempt, Kind, Proxies, Proxy};
use crate::wire::percent::decoded;

use super::Unusable;
use super::media::host_and_port;

/// SOCKS's port (RFC 1928 section 3).
const SOCKS_PORT: u16 = 1080;

/// What the flags, or the configuration file, say of proxies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyWords {
    /// A URL, or `none`; `None`: as the environment has it.
    pub proxy: Option<String>,
    /// Hosts that need none, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// A login with user name and password.
pub type Login = (String, Secret);

/// The proxies of a run. `login` is what `RTC_CHECK_PROXY_…` gives, and wins over one in the environment's URLs; `variable`
/// reads the environment.
///
/// # Errors
/// What is no proxy; a URL that may hold a password is not repeated.
pub fn proxies(
    words: &ProxyWords,
    login: Option<Login>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Proxies, Unusable> {
    let set = |name: &str| {
        let found = variable(&name.to_ascii_lowercase()).or_else(|| variable(name));
        found.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    let exempt = Exempt::read(&words.no_proxy.clone().or_else(|| set("NO_PROXY")).unwrap_or_default());
    match words.proxy.as_deref().map(str::trim) {
        Some("none" | "") => Ok(Proxies::default()),
        Some(url) => {
            let proxy = given(url)?;
            Ok(Proxies::all(Arc::new(Proxy { login, ..proxy }), exempt))
        }
        None => {
            let of = |name: &str| {
                let url = set(name).or_else(|| set("ALL_PROXY"));
                let read = url.map(|url| of_environment(name, &url)).transpose()?;
                Ok::<_, Unusable>(read.map(|p| Arc::new(Proxy { login: login.clone().or(p.login), ..p })))
            };
            let (http, other) = (of("HTTP_PROXY")?, of("HTTPS_PROXY")?);
            // What every program is told to ask is not for this machine itself, as browsers have it.
            Ok(Proxies { http, other, exempt: exempt.and_loopback() })
        }
    }
}

/// For `--dry-run`: who is asked, without any login.
pub fn describe(proxies: &Proxies) -> String {
    let each: Vec<String> = proxies.each().iter().map(ToString::to_string).collect();
    match each.is_empty() {
        true => String::new(),
        false => format!(
            "\nproxy: every rule and relay over TCP is tried directly and through {}, which decides; UDP goes directly\n",
            each.join(" (plain HTTP: ") + if each.len() > 1 { ")" } else { "" }
        ),
    }
}

const WANTED: &str =
    "write http://HOST:PORT, socks5://HOST[:PORT], socks5h://HOST[:PORT] (the proxy looks names up), or none";

/// `--proxy`: one with credentials is not repeated.
fn given(text: &str) -> Result<Proxy, String> {
    if text.contains('@') {
        return Err(
            "--proxy: the URL must not have a user name or password, which everyone on this machine could read \
             in the list of processes; set RTC_CHECK_PROXY_USERNAME and RTC_CHECK_PROXY_PASSWORD in the \
             environment, or the files that …_FILE names"
                .to_owned(),
        );
    }
    let secret = may_hold_password(text);
    let shown = if secret { "(not repeated, because it may hold a password)" } else { text };
    let wrong = |why: &str| format!("--proxy {shown}: {why}; {WANTED}");
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("not a URL"))?;
    match place(scheme, rest) {
        Ok(proxy) => Ok(proxy),
        // What is wrong with a host repeats it.
        Err(Wrong::Host(_)) if secret => Err(wrong("this host and port cannot be used")),
        Err(Wrong::Host(why)) => Err(wrong(&why)),
        Err(Wrong::Other(why)) => Err(wrong(why)),
    }
}

/// A variable's URL, in which user name and password may stand; nothing of it is repeated.
pub fn of_environment(name: &str, text: &str) -> Result<Proxy, Unusable> {
    let wrong = |why: &str| {
        Unusable(format!("{name} or ALL_PROXY in the environment: {why}; {WANTED}; `--proxy none` goes without it"))
    };
    // Many programs take HOST:PORT alone.
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user_info, at) = rest.rsplit_once('@').map_or((None, rest), |(info, at)| (Some(info), at));
    let proxy = match place(scheme, at) {
        Ok(proxy) => proxy,
        Err(Wrong::Host(_)) => return Err(wrong("this host and port cannot be used")),
        Err(Wrong::Other(why)) => return Err(wrong(why)),
    };
    let Some(info) = user_info else { return Ok(proxy) };
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    match (decoded(user), decoded(password)) {
        (Some(user), Some(_)) if user.contains(':') => Err(wrong("a user name cannot have a colon")),
        (Some(user), Some(password)) => Ok(Proxy { login: Some((user, Secret::new(password))), ..proxy }),
        _ => Err(wrong("user name or password is not rightly percent-encoded UTF-8")),
    }
}

enum Wrong {
    /// The words repeat the host.
    Host(String),
    Other(&'static str),
}

fn place(scheme: &str, rest: &str) -> Result<Proxy, Wrong> {
    let kind = match scheme.to_ascii_lowercase().as_str() {
        "http" => Kind::Http,
        "socks5" => Kind::Socks5,
        "socks5h" | "socks" => Kind::Socks5h,
        "https" => {
            return Err(Wrong::Other(
                "a proxy that is spoken to over TLS is not known, only over plain HTTP or SOCKS5",
            ));
        }
        _ => return Err(Wrong::Other("only a proxy that is spoken to over plain HTTP or SOCKS5 is known")),
    };
    let (host, port): (Host, Option<u16>) =
        host_and_port(rest.strip_suffix('/').unwrap_or(rest)).map_err(Wrong::Host)?;
    let port = port.or((kind != Kind::Http).then_some(SOCKS_PORT)).ok_or(Wrong::Other("it names no port"))?;
    Ok(Proxy { kind, host, port, login: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(proxy: Option<&str>, environment: &[(&str, &str)]) -> Result<Proxies, String> {
        let words = ProxyWords { proxy: proxy.map(str::to_owned), no_proxy: None };
        let set = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        proxies(&words, None, set).map_err(|e| e.0)
    }

    fn shown(proxies: &Proxies) -> Vec<String> {
        proxies.each().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_flag_wins_over_the_environment_and_none_over_both() {
        let environment = [("HTTPS_PROXY", "http://env.example:1")];
        assert_eq!(shown(&read(None, &environment).unwrap()), ["http://env.example:1"]);
        assert_eq!(shown(&read(Some("socks5h://p.example"), &environment).unwrap()), ["socks5h://p.example:1080"]);
        assert!(read(Some("none"), &environment).unwrap().is_empty());
        assert!(read(None, &[("HTTPS_PROXY", "")]).unwrap().is_empty());
    }

    #[test]
    fn the_environment_has_a_proxy_for_plain_http_and_one_for_the_rest() {
        let all = [
            ("https_proxy", "http://small.example:2"),
            ("HTTPS_PROXY", "http://large.example:3"),
            ("ALL_PROXY", "socks5://all.example:4"),
            ("no_proxy", "near.example"),
        ];
        let proxies = read(None, &all).unwrap();
        assert_eq!(proxies.to("far.example", 443, false).unwrap().to_string(), "http://small.example:2");
        assert_eq!(proxies.to("far.example", 80, true).unwrap().to_string(), "socks5://all.example:4");
        assert_eq!(proxies.to("a.near.example", 443, false), None);
        assert_eq!(proxies.to("127.0.0.1", 443, false), None);
        let given = read(Some("http://p:1"), &[("NO_PROXY", "near.example")]).unwrap();
        assert!(given.to("near.example", 1, false).is_none() && given.to("127.0.0.1", 1, false).is_some());
        let text = describe(&proxies);
        assert!(text.contains("through http://small.example:2 (plain HTTP: socks5://all.example:4), which decides"));
        assert_eq!(describe(&Proxies::default()), "");
    }

    #[test]
    fn a_login_in_the_environments_url_is_taken_and_never_shown() {
        let proxies = read(None, &[("HTTPS_PROXY", "http://bob:hunter%3A2@p.example:8080/")]).unwrap();
        let (user, password) = proxies.other.as_ref().unwrap().login.clone().unwrap();
        assert_eq!((user.as_str(), password.expose()), ("bob", "hunter:2"));
        assert!(!format!("{proxies:?}{}", describe(&proxies)).contains("hunter"));
        let words = ProxyWords::default();
        let set = |name: &str| (name == "ALL_PROXY").then(|| "http://bob:hunter2@p.example:1".to_owned());
        let own = super::proxies(&words, Some(("al".to_owned(), Secret::new("x"))), set).unwrap();
        assert_eq!(own.http.as_ref().unwrap().login.as_ref().unwrap().0, "al");
        for url in
            ["http://bob:hunter2@p", "ftp://bob:hunter2@p:1", "http://bob:hunter2@a b:1", "http://b%zz:hunter2@p:1"]
        {
            let error = read(None, &[("HTTP_PROXY", url)]).unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains("bob"), "{error}");
            assert!(error.contains("--proxy none"), "{error}");
        }
    }

    #[test]
    fn a_flag_with_a_password_is_refused_and_not_repeated() {
        for url in
            ["http://bob:hunter2@p:1", "bob:hunter2", "http://bob:hunter2", "http://b ob:hunter2:1", "ftp://hunter2:1"]
        {
            let error = read(Some(url), &[]).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("not repeated") || error.contains("RTC_CHECK_PROXY_USERNAME"), "{error}");
        }
        for (url, word) in [("proxy:3128", "not a URL"), ("https://p:1", "over TLS"), ("http://p", "no port")] {
            let error = read(Some(url), &[]).unwrap_err();
            assert!(error.contains(word) && error.contains("http://HOST:PORT"), "{error}");
        }
        assert_eq!(shown(&read(Some("HTTP://[2001:db8::1]:3128/"), &[]).unwrap()), ["http://[2001:db8::1]:3128"]);
    }
}
