//! An HTTP proxy that is asked to CONNECT (RFC 9110 section 9.3.6), with Basic credentials (RFC 7617). The answer's head is
//! read to its end and no further, because what follows it belongs to somebody else.

use hyper::header::{HeaderName, PROXY_AUTHENTICATE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Far, NotThrough, Proxy, authority};
use crate::model::{Failure, FailureKind, ProxyAnswer, Step};
use crate::net::classify::{self, clean};
use crate::net::http;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// The head of the proxy's answer.
struct Answer {
    status: u16,
    /// Without control characters.
    reason: String,
    /// Schemes that `Proxy-Authenticate` offers, without control characters.
    schemes: Vec<String>,
    /// The error as a header of the proxy's own names it.
    error: Option<String>,
    /// Where it sends a browser.
    location: Option<String>,
}

impl Proxy {
    pub(super) async fn ask_connect(&self, stream: &mut TcpStream, far: Far<'_>) -> Result<(), NotThrough> {
        let authority = authority(far);
        let asking = async {
            stream.write_all(self.request(&authority).as_bytes()).await?;
            read_head(stream).await
        };
        let nothing = ProxyAnswer::default;
        let head = asking.await.map_err(|e| self.said(classify::io(Step::Proxy, &e), nothing()))?;
        let mut answer =
            read(&head).map_err(|(kind, words)| self.said(Failure::new(Step::Proxy, kind, words), nothing()))?;
        // It was told the login, and may say it again.
        answer.reason = self.cleaned(&answer.reason, 60);
        answer.schemes.iter_mut().for_each(|scheme| *scheme = self.cleaned(scheme, 20));
        for text in [&mut answer.error, &mut answer.location] {
            *text = text.take().map(|text| self.cleaned(&text, 80));
        }
        self.judge(answer, &format!("CONNECT to {authority}"), &authority)
    }

    /// Whether an answer that came through a proxy that asked in our place is the proxy's own refusal: it asks for a login,
    /// or a header that only a proxy sends names its error.
    pub fn refuses(&self, answer: &http::Answer, authority: &str) -> Option<NotThrough> {
        let text = |name: &'static str| answer.text(&HeaderName::from_static(name), 80).map(|t| self.cleaned(&t, 80));
        let offered = answer.headers.get_all(PROXY_AUTHENTICATE).iter().take(5);
        let offered = offered.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let schemes =
            offered.filter_map(|v| v.split_whitespace().next().map(|s| self.cleaned(s.trim_end_matches(','), 20)));
        let error = ["x-squid-error", "proxy-status"].into_iter().find_map(text);
        let is_own = answer.status == 407 || (answer.status >= 400 && error.is_some());
        let answer =
            Answer { status: answer.status, reason: String::new(), schemes: schemes.collect(), error, location: None };
        is_own.then(|| self.judge(answer, &format!("plain HTTP to {authority}"), authority).err()).flatten()
    }

    fn request(&self, authority: &str) -> String {
        let login = self.authorization().map(|basic| format!("Proxy-Authorization: {}\r\n", basic.expose()));
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", login.unwrap_or_default())
    }

    fn judge(&self, answer: Answer, asked: &str, authority: &str) -> Result<(), NotThrough> {
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        let said = format!("HTTP {} {}", answer.status, answer.reason);
        // Squid's second word is a number of the system's, and 0 none.
        let error = answer.error.as_deref().map(|e| e.strip_suffix(" 0").unwrap_or(e));
        let said = match error {
            Some(error) => format!("{}, {error}", said.trim_end()),
            None => said.trim_end().to_owned(),
        };
        let (kind, words) = match answer.status {
            407 => (FailureKind::ProxyLogin, wants_login(&answer.schemes, self.login.is_some(), &said)),
            300..=399 => {
                let to = answer.location.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
                let words = format!("it answers {asked} with a page of its own{to} ({said})");
                (FailureKind::ProxyAnswered, words)
            }
            401 | 403 | 405 => {
                let words = format!("it does not allow {asked} ({said}): its rules must allow it");
                (FailureKind::ProxyRefused, words)
            }
            500 | 502..=504 => (FailureKind::ProxyRefused, format!("it could not reach {authority} ({said})")),
            _ => (FailureKind::ProxyRefused, format!("it did not take {asked} ({said})")),
        };
        let Answer { status, schemes, error, .. } = answer;
        let answer = ProxyAnswer { status: Some(status), schemes, error, ..ProxyAnswer::default() };
        Err(self.said(Failure::new(Step::Proxy, kind, words), answer))
    }
}

/// Why a login did not do: none was given, it was wrong, or only schemes are taken that need a domain account.
pub(super) fn wants_login(schemes: &[String], given: bool, said: &str) -> String {
    let by = match schemes {
        [] => String::new(),
        all => format!(" by {}", all.join(", ")),
    };
    let basic = schemes.is_empty() || schemes.iter().any(|s| s.eq_ignore_ascii_case("basic"));
    match (basic, given) {
        (false, _) => format!("it takes logins{by} alone, and not by Basic, which is all that rtc-check can ({said})"),
        (true, false) => format!("it asks for a login{by} and none was given ({said})"),
        (true, true) => format!("it did not accept the login; it asks for one{by} ({said})"),
    }
}

/// What came up to the end of a head, or up to the bound. Nothing behind it is taken from the socket.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head: Vec<u8> = Vec::new();
    let mut chunk = [0; 2048];
    while head.len() < LONGEST_ANSWER {
        let len = stream.peek(&mut chunk).await?;
        if len == 0 {
            break;
        }
        let before = head.len();
        head.extend_from_slice(chunk.get(..len).unwrap_or_default());
        let end = end_of_head(&head, before.saturating_sub(3));
        let taken = end.map_or(len, |end| end - before);
        head.truncate(before + taken);
        stream.read_exact(chunk.get_mut(..taken).unwrap_or_default()).await?;
        if end.is_some() {
            break;
        }
    }
    Ok(head)
}

fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let new = bytes.get(from..)?;
    new.windows(4).position(|w| w == b"\r\n\r\n").map(|at| from + at + 4)
}

/// Reads the head of an answer.
fn read(bytes: &[u8]) -> Result<Answer, (FailureKind, &'static str)> {
    let Some(end) = end_of_head(bytes, 0) else {
        return Err(match bytes {
            [] => (FailureKind::Closed, "it closed the connection without an answer to CONNECT"),
            _ if bytes.len() >= LONGEST_ANSWER => (FailureKind::TooLarge, "its answer to CONNECT exceeds 16 KiB"),
            _ if !bytes.starts_with(b"HTTP/") => (FailureKind::Garbage, "its answer to CONNECT is not HTTP"),
            _ => (FailureKind::Closed, "it closed the connection within its answer to CONNECT"),
        });
    };
    let garbage = (FailureKind::Garbage, "its answer to CONNECT is not HTTP/1");
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let version = first.next().unwrap_or_default();
    let status = first.next().and_then(|s| s.parse().ok()).filter(|s| (100..600).contains(s));
    let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else { return Err(garbage) };
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let all = |wanted: &'static str| {
        headers.iter().filter(move |(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let schemes = all("proxy-authenticate").filter_map(|value| value.split_whitespace().next());
    let schemes = schemes.map(|scheme| clean(scheme.trim_end_matches(','), LONGEST_ANSWER)).take(5).collect();
    let error = ["x-squid-error", "proxy-status"].into_iter().find_map(|name| all(name).next());
    let reason = clean(first.next().unwrap_or_default(), LONGEST_ANSWER);
    let location = all("location").next().map(str::to_owned);
    Ok(Answer { status, reason, schemes, error: error.map(str::to_owned), location })
}
