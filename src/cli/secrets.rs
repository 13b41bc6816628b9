//! Secrets come from the environment or a file, never from a flag, and are never printed; and the files that other
//! variables of the environment name.

use std::ffi::OsString;
use std::sync::Arc;

use crate::model::Secret;
use crate::net::ResponderKey;
use crate::net::proxy::Proxies;
use crate::net::push::Headers;
use crate::probe::{JanusSecrets, RelayLogin, RtspLogin};

use super::Unusable;
use super::proxies::ProxyWords;

/// The shortest key that a responder takes, in bytes: a guess must not be worth a try.
const SHORTEST_KEY: usize = 16;

/// `RTC_CHECK_RESPONDER_KEY`, or the file that `RTC_CHECK_RESPONDER_KEY_FILE` names.
pub fn responder_key() -> Result<Option<Arc<ResponderKey>>, Unusable> {
    let Some(text) = read("RTC_CHECK_RESPONDER_KEY")? else { return Ok(None) };
    if text.len() < SHORTEST_KEY {
        return Err(Unusable(format!(
            "RTC_CHECK_RESPONDER_KEY is shorter than {SHORTEST_KEY} bytes; make a longer one"
        )));
    }
    Ok(Some(Arc::new(ResponderKey::new(text.into_bytes()))))
}

/// The longest user name of TURN, in bytes (RFC 8489 section 14.3).
const LONGEST_USER: usize = 508;

/// Who asks where only a shared secret is given: a relay that works with one takes any name.
const REST_USER: &str = "rtc-check";

/// What relays, Janus Gateways, cameras and a proxy want to hear.
#[derive(Clone, Debug, Default)]
pub struct Logins {
    pub relay: Option<Arc<RelayLogin>>,
    pub janus: Arc<JanusSecrets>,
    pub rtsp: Option<RtspLogin>,
    pub proxies: Arc<Proxies>,
}

/// Reads them all; `proxy` is what is said of proxies beside the environment. A login that nobody asks for need not be whole, except that a user name
/// is never meant to be all of it.
///
/// # Errors
/// Half a login, and a file that cannot be read.
pub fn logins(proxy: &ProxyWords, has_relays: bool) -> Result<Logins, Unusable> {
    let user = read("RTC_CHECK_TURN_USERNAME")?;
    let (password, shared) = (secret("RTC_CHECK_TURN_PASSWORD")?, secret("RTC_CHECK_TURN_SECRET")?);
    let relay = match relay_login(user.clone(), password, shared) {
        Err(_) if user.is_none() && !has_relays => None,
        read => read?.map(Arc::new),
    };
    let (token, api_secret) = (secret("RTC_CHECK_JANUS_TOKEN")?, secret("RTC_CHECK_JANUS_APISECRET")?);
    let proxies = proxies(proxy)?;
    let rtsp = rtsp_login(read("RTC_CHECK_RTSP_USERNAME")?, secret("RTC_CHECK_RTSP_PASSWORD")?)?;
    Ok(Logins { relay, janus: Arc::new(JanusSecrets { token, api_secret }), rtsp, proxies })
}

/// The proxies, with what logs in to them.
///
/// # Errors
/// Half a login where there is a proxy, and what is no proxy.
pub fn proxies(words: &ProxyWords) -> Result<Arc<Proxies>, Unusable> {
    let login = (read("RTC_CHECK_PROXY_USERNAME")?, secret("RTC_CHECK_PROXY_PASSWORD")?);
    let login = match proxy_login(login.0, login.1) {
        Err(_) if super::proxies::proxies(words, None, variable)?.is_empty() => None,
        read => read?,
    };
    Ok(Arc::new(super::proxies::proxies(words, login, variable)?))
}

/// `RTC_CHECK_UPLOAD_HEADERS`, or the file that `RTC_CHECK_UPLOAD_HEADERS_FILE` names.
///
/// # Errors
/// What are no headers; nothing of them is repeated.
pub fn upload_headers() -> Result<Headers, Unusable> {
    let text = read("RTC_CHECK_UPLOAD_HEADERS")?.unwrap_or_default();
    Headers::read(&text).map_err(|e| {
        Unusable(format!("RTC_CHECK_UPLOAD_HEADERS: {e}; write `Name: value` lines, or name=value between commas"))
    })
}

/// What relays alone want to hear.
///
/// # Errors
/// Half a login, and a file that cannot be read.
pub fn relay() -> Result<Option<RelayLogin>, Unusable> {
    let (password, shared) = (secret("RTC_CHECK_TURN_PASSWORD")?, secret("RTC_CHECK_TURN_SECRET")?);
    Ok(relay_login(read("RTC_CHECK_TURN_USERNAME")?, password, shared)?)
}

/// A shared secret makes the password, so that one of its own is not asked for.
fn relay_login(
    user: Option<String>,
    password: Option<Secret>,
    secret: Option<Secret>,
) -> Result<Option<RelayLogin>, String> {
    if user.as_ref().is_some_and(|u| u.len() > LONGEST_USER) {
        return Err(format!("RTC_CHECK_TURN_USERNAME is longer than the {LONGEST_USER} bytes that TURN can carry"));
    }
    let half = |set: &str, missing: &str| {
        Err(format!(
            "{set} is set without {missing}; a relay asks for both. Where it shares a secret, set RTC_CHECK_TURN_SECRET"
        ))
    };
    match (user, password, secret) {
        (None, None, None) => Ok(None),
        (user, _, Some(secret)) => {
            Ok(Some(RelayLogin::Rest { secret, user: user.unwrap_or_else(|| REST_USER.to_owned()) }))
        }
        (Some(username), Some(password), None) => Ok(Some(RelayLogin::LongTerm { username, password })),
        (Some(_), None, None) => half("RTC_CHECK_TURN_USERNAME", "RTC_CHECK_TURN_PASSWORD"),
        (None, Some(_), None) => half("RTC_CHECK_TURN_PASSWORD", "RTC_CHECK_TURN_USERNAME"),
    }
}

fn proxy_login(user: Option<String>, password: Option<Secret>) -> Result<Option<(String, Secret)>, String> {
    let half = |set: &str, missing: &str| Err(format!("{set} is set without {missing}; a proxy asks for both"));
    match (user, password) {
        (None, None) => Ok(None),
        // RFC 7617 section 2.
        (Some(user), Some(_)) if user.contains(':') => {
            Err("RTC_CHECK_PROXY_USERNAME has a colon, which HTTP's Basic authentication cannot carry".to_owned())
        }
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (Some(_), None) => half("RTC_CHECK_PROXY_USERNAME", "RTC_CHECK_PROXY_PASSWORD"),
        (None, Some(_)) => half("RTC_CHECK_PROXY_PASSWORD", "RTC_CHECK_PROXY_USERNAME"),
    }
}

fn rtsp_login(user: Option<String>, password: Option<Secret>) -> Result<Option<RtspLogin>, String> {
    let half = |set: &str, missing: &str| Err(format!("{set} is set without {missing}; a camera asks for both"));
    match (user, password) {
        (None, None) => Ok(None),
        // RFC 7617 section 2, RFC 7616 section 3.4.
        (Some(user), Some(_)) if user.contains(':') => {
            Err("RTC_CHECK_RTSP_USERNAME has a colon, which neither Basic nor Digest can carry".to_owned())
        }
        (Some(username), Some(password)) => Ok(Some(RtspLogin { username, password })),
        (Some(_), None) => half("RTC_CHECK_RTSP_USERNAME", "RTC_CHECK_RTSP_PASSWORD"),
        (None, Some(_)) => half("RTC_CHECK_RTSP_PASSWORD", "RTC_CHECK_RTSP_USERNAME"),
    }
}

fn secret(name: &str) -> Result<Option<Secret>, Unusable> {
    Ok(read(name)?.map(Secret::new))
}

/// `SSL_CERT_FILE` and `SSL_CERT_DIR`, where they are set, must be readable: without them every certificate would fail.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub fn trusted_files() -> Result<(), Unusable> {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let Some(path) = std::env::var_os(name).filter(|p| !p.is_empty()) else { continue };
        if let Err(e) = std::fs::metadata(&path) {
            return Err(Unusable(format!("{name}: {}: {e}", std::path::Path::new(&path).display())));
        }
    }
    Ok(())
}

/// A variable that every program reads; what is no text is as good as not set.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn read(name: &str) -> Result<Option<String>, Unusable> {
    if let Some(value) = std::env::var_os(name) {
        return text_of(name, value);
    }
    let Some(path) = std::env::var_os(format!("{name}_FILE")) else { return Ok(None) };
    let text = super::files::read_text(path.as_ref(), 4096).map_err(|e| Unusable(format!("{name}_FILE: {e}")))?;
    Ok(Some(text.trim_end().to_owned()).filter(|v| !v.is_empty()))
}

/// A variable that is set and empty is none; one that is no text must not pass for one that is not set.
fn text_of(name: &str, value: OsString) -> Result<Option<String>, Unusable> {
    let text = value.into_string().map_err(|_| Unusable(format!("{name} is not UTF-8 text")))?;
    Ok(Some(text).filter(|v| !v.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: Option<&str>, password: Option<&str>, secret: Option<&str>) -> Result<Option<RelayLogin>, String> {
        relay_login(user.map(str::to_owned), password.map(Secret::new), secret.map(Secret::new))
    }

    #[test]
    fn a_relay_takes_a_login_or_a_shared_secret_and_half_a_login_is_none() {
        assert_eq!(login(None, None, None), Ok(None));
        let both = login(Some("bob"), Some("hunter2"), None).unwrap().unwrap();
        assert!(matches!(&both, RelayLogin::LongTerm { username, .. } if username == "bob"));
        assert!(!format!("{both:?}").contains("hunter2"));
        for (user, password, want) in
            [(None, None, "rtc-check"), (Some("bob"), None, "bob"), (None, Some("p"), "rtc-check")]
        {
            let rest = login(user, password, Some("shared")).unwrap();
            assert!(matches!(rest, Some(RelayLogin::Rest { user, .. }) if user == want));
        }
        let long = "u".repeat(509);
        for (user, password) in [(Some("bob"), None), (None, Some("p")), (Some(&*long), Some("p"))] {
            assert!(login(user, password, None).unwrap_err().contains("RTC_CHECK_TURN_"));
        }
    }

    #[test]
    fn a_variable_that_is_no_text_is_an_error_and_its_bytes_are_not_repeated() {
        use std::os::unix::ffi::OsStringExt;
        let broken = OsString::from_vec(b"hunter2\xff".to_vec());
        let error = text_of("RTC_CHECK_JANUS_TOKEN", broken).unwrap_err().0;
        assert_eq!(error, "RTC_CHECK_JANUS_TOKEN is not UTF-8 text");
        assert!(matches!(text_of("X", OsString::new()), Ok(None)));
        assert!(matches!(text_of("X", "hunter2".into()), Ok(Some(text)) if text == "hunter2"));
    }

    #[test]
    fn a_camera_takes_a_whole_login() {
        let login =
            |user: Option<&str>, password: Option<&str>| rtsp_login(user.map(str::to_owned), password.map(Secret::new));
        assert_eq!(login(None, None), Ok(None));
        let both = login(Some("admin"), Some("hunter2")).unwrap().unwrap();
        assert!(both.username == "admin" && !format!("{both:?}").contains("hunter2"));
        for (user, password) in [(Some("a"), None), (None, Some("b")), (Some("a:b"), Some("c"))] {
            assert!(login(user, password).unwrap_err().contains("RTC_CHECK_RTSP_"));
        }
    }

    #[test]
    fn a_proxy_takes_a_whole_login() {
        let login = |user: Option<&str>, password: Option<&str>| {
            proxy_login(user.map(str::to_owned), password.map(Secret::new))
        };
        assert_eq!(login(None, None), Ok(None));
        assert!(login(Some("a"), Some("b")).unwrap().is_some());
        for (user, password) in [(Some("a"), None), (None, Some("b")), (Some("a:b"), Some("c"))] {
            assert!(login(user, password).unwrap_err().contains("RTC_CHECK_PROXY_"));
        }
    }
}
