//! An HTTP proxy that is asked to CONNECT (RFC 9110 section 9.3.6), with Basic credentials (RFC 7617). Its answer is read
//! by hand, because what follows it belongs to somebody else; bounded in time and size. Knows nothing of what the tunnel
//! is for.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::classify::{self, clean};
use super::{clock, resolve, tcp};
use crate::model::{Failure, FailureKind, Host, Secret, Step, hidden};
use crate::wire::base64::base64;

/// Addresses of the proxy's name that are tried.
const MOST_ADDRESSES: usize = 4;
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Where the proxy is and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub host: Host,
    pub port: u16,
    /// Basic credentials (RFC 7617).
    pub login: Option<(String, Secret)>,
}

/// A tunnel that did not come about.
#[derive(Debug)]
pub struct NotThrough {
    /// Step `proxy`.
    pub failure: Failure,
    /// HTTP status of the proxy's answer, where there was one.
    pub status: Option<u16>,
}

impl From<Failure> for NotThrough {
    fn from(failure: Failure) -> Self {
        Self { failure, status: None }
    }
}

/// The head of the proxy's answer.
struct Answer {
    status: u16,
    /// Without control characters.
    reason: String,
    /// Schemes that `Proxy-Authenticate` offers, without control characters.
    schemes: Vec<String>,
    /// What came behind the head.
    surplus: usize,
}

impl Proxy {
    /// A connection to `port` of `host` through the proxy, which looks a name up itself.
    ///
    /// # Errors
    /// `ProxyRefused` for an answer that is not 2xx; `Garbage`, `TooLarge`, `Closed`, `Reset`, `TimedOut`; the classes of
    /// [`tcp::connect`] where the proxy itself cannot be reached; `NxDomain`, `NoAddress`, `ResolverError` or
    /// `ResolverTimeout` where its name leads nowhere.
    pub async fn connect(&self, host: &str, port: u16, deadline: Instant) -> Result<TcpStream, NotThrough> {
        let left = || deadline.saturating_duration_since(clock::now());
        let mut stream = self.reach(deadline).await?;
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let patience = left();
        let asking = async {
            stream.write_all(self.request(&authority).as_bytes()).await?;
            read_head(&mut stream).await
        };
        let head = match tokio::time::timeout(patience, asking).await {
            Ok(head) => head.map_err(|e| self.told(classify::io(Step::Proxy, &e)))?,
            Err(_) => return Err(self.told(classify::timed_out(Step::Proxy, "no answer to CONNECT", patience)).into()),
        };
        let mut answer = read(&head).map_err(|(kind, words)| self.told(Failure::new(Step::Proxy, kind, words)))?;
        // It was told the login, and may say it again.
        answer.reason = clean(&self.without_login(&answer.reason), 60);
        answer.schemes.iter_mut().for_each(|scheme| *scheme = clean(&self.without_login(scheme), 20));
        self.judge(&answer, &authority)?;
        Ok(stream)
    }

    /// A connection to the first of the proxy's addresses that takes one; each gets its share of the time.
    async fn reach(&self, deadline: Instant) -> Result<TcpStream, Failure> {
        let left = || deadline.saturating_duration_since(clock::now());
        let addresses = match &self.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                let found = resolve::system(name, left()).await;
                in_turns(&found.map_err(|e| self.told(Failure { detail: format!("its name: {}", e.detail), ..e }))?)
            }
        };
        let mut failures = Vec::new();
        for (address, shares) in addresses.iter().zip((1..=addresses.len()).rev()) {
            let share = left() / u32::try_from(shares).unwrap_or(1);
            let at = SocketAddr::new(*address, self.port);
            match tcp::connect(at, tcp::CONNECT_TIMEOUT.min(share)).await {
                Ok(stream) => return Ok(stream),
                Err(not_open) => failures.push((*address, not_open.failure)),
            }
        }
        Err(self.unreached(&failures))
    }

    /// The first address's failure, and in words those of the others.
    fn unreached(&self, failures: &[(IpAddr, Failure)]) -> Failure {
        match failures {
            [] => self.told(Failure::new(Step::Proxy, FailureKind::NoAddress, "its name has no address")),
            [(_, only)] => self.told(only.clone()),
            [(_, first), ..] => {
                let words: Vec<String> = failures.iter().map(|(at, e)| format!("{at}: {}", e.detail)).collect();
                self.told(Failure { detail: words.join("; "), ..first.clone() })
            }
        }
    }

    fn without_login(&self, text: &str) -> String {
        let Some((user, password)) = &self.login else { return text.to_owned() };
        let coded = Secret::new(base64(format!("{user}:{}", password.expose()).as_bytes()));
        hidden(text, [password, &coded])
    }

    fn request(&self, authority: &str) -> String {
        let login = self.login.as_ref().map(|(user, password)| {
            let both = base64(format!("{user}:{}", password.expose()).as_bytes());
            format!("Proxy-Authorization: Basic {both}\r\n")
        });
        format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", login.unwrap_or_default())
    }

    /// Says which proxy a failure is about.
    fn told(&self, failure: Failure) -> Failure {
        let detail = format!("the proxy {}:{}: {}", self.host, self.port, failure.detail);
        Failure::new(Step::Proxy, failure.kind, detail)
    }

    fn judge(&self, answer: &Answer, authority: &str) -> Result<(), NotThrough> {
        let status = Some(answer.status);
        let proxy = format!("the proxy {}:{}", self.host, self.port);
        if (200..300).contains(&answer.status) {
            let words = format!("{proxy} sent {} bytes of its own into the tunnel to {authority}", answer.surplus);
            let failure = Failure::new(Step::Proxy, FailureKind::Garbage, words);
            return if answer.surplus == 0 { Ok(()) } else { Err(NotThrough { failure, status }) };
        }
        let schemes = match answer.schemes.is_empty() {
            true => String::new(),
            false => format!(" by {}", answer.schemes.join(", ")),
        };
        let said = format!("HTTP {} {}", answer.status, answer.reason);
        let said = said.trim_end();
        let detail = match (answer.status, &self.login) {
            (407, None) => format!("{proxy} asks for a login{schemes} and none was given ({said})"),
            (407, Some(_)) => format!("{proxy} did not accept the login; it asks for one{schemes} ({said})"),
            (403 | 405, _) => {
                format!("{proxy} does not allow CONNECT to {authority} ({said}): its rules must allow it")
            }
            (502..=504, _) => format!("{proxy} could not reach {authority} ({said})"),
            _ => format!("{proxy} did not CONNECT to {authority} ({said})"),
        };
        Err(NotThrough { failure: Failure::new(Step::Proxy, FailureKind::ProxyRefused, detail), status })
    }
}

/// At most [`MOST_ADDRESSES`], one family after the other, the resolver's first choice first: a host without IPv6 must come
/// to its IPv4 addresses in time.
fn in_turns(found: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = found.first() else { return Vec::new() };
    let (like, unlike): (Vec<IpAddr>, Vec<IpAddr>) = found.iter().partition(|a| a.is_ipv6() == first.is_ipv6());
    let longest = like.len().max(unlike.len());
    let turns = (0..longest).flat_map(|turn| [like.get(turn), unlike.get(turn)]);
    turns.flatten().copied().take(MOST_ADDRESSES).collect()
}

/// What came up to the end of a head and a little more, or up to the bound.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    while end_of_head(&head).is_none() && head.len() < LONGEST_ANSWER {
        let len = stream.read(&mut chunk).await?;
        if len == 0 {
            break;
        }
        head.extend_from_slice(chunk.get(..len).unwrap_or_default());
    }
    Ok(head)
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads the head of an answer.
fn read(bytes: &[u8]) -> Result<Answer, (FailureKind, &'static str)> {
    let Some(end) = end_of_head(bytes) else {
        return Err(match bytes {
            [] => (FailureKind::Closed, "closed the connection without an answer to CONNECT"),
            _ if bytes.len() >= LONGEST_ANSWER => (FailureKind::TooLarge, "the answer to CONNECT exceeds 16 KiB"),
            _ if !bytes.starts_with(b"HTTP/") => (FailureKind::Garbage, "the answer to CONNECT is not HTTP"),
            _ => (FailureKind::Closed, "closed the connection within its answer to CONNECT"),
        });
    };
    let garbage = (FailureKind::Garbage, "the answer to CONNECT is not HTTP/1");
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let version = first.next().unwrap_or_default();
    let status = first.next().and_then(|s| s.parse().ok()).filter(|s| (100..600).contains(s));
    let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else { return Err(garbage) };
    let schemes = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let scheme = value.split_whitespace().next()?;
        name.eq_ignore_ascii_case("proxy-authenticate").then(|| clean(scheme.trim_end_matches(','), LONGEST_ANSWER))
    });
    let reason = clean(first.next().unwrap_or_default(), LONGEST_ANSWER);
    Ok(Answer { status, reason, schemes: schemes.take(5).collect(), surplus: bytes.len() - end })
}

#[cfg(test)]
mod tests;
