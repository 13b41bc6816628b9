//! A proxy that TCP connections are asked of, one kind a file: HTTP's CONNECT and SOCKS5. Bounded in time and size, and
//! nothing that a proxy sends is taken that belongs to the tunnel. Knows nothing of what the tunnel is for.

mod choice;
mod connect;
mod hide;
mod socks;

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

pub use choice::{Exempt, Proxies};

use super::classify;
use super::clock;
use crate::model::{Failure, FailureKind, Host, Observation, ProxyAnswer, Secret, Step, metric};
use crate::wire::base64::base64;
use crate::wire::greeting;

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// HTTP, in plain text.
    #[default]
    Http,
    /// SOCKS5 to addresses that are looked up here (`socks5://`).
    Socks5,
    /// SOCKS5 to names that the proxy looks up (`socks5h://`).
    Socks5h,
}

impl Kind {
    /// The URL's scheme.
    pub fn scheme(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Socks5 => "socks5",
            Kind::Socks5h => "socks5h",
        }
    }
}

/// Where the proxy is and how to log in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub kind: Kind,
    pub host: Host,
    pub port: u16,
    /// User name and password: Basic (RFC 7617), or RFC 1929.
    pub login: Option<(String, Secret)>,
}

/// Its URL, without the login.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Address(IpAddr::V6(v6)) => write!(f, "{}://[{v6}]:{}", self.kind.scheme(), self.port),
            _ => write!(f, "{}://{}:{}", self.kind.scheme(), self.host, self.port),
        }
    }
}

/// Where a tunnel is to lead.
#[derive(Clone, Copy, Debug)]
pub struct Far<'a> {
    /// As given; an address literal has no brackets.
    pub host: &'a str,
    /// `None` where the name does not resolve here.
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// A tunnel that did not come about.
#[derive(Debug)]
pub struct NotThrough {
    /// Step `proxy`.
    pub failure: Failure,
    /// What the proxy answered; `None` where it was not reached.
    pub answer: Option<ProxyAnswer>,
}

impl NotThrough {
    /// Puts it into an observation that it ends, after so long.
    pub fn record(self, took: Duration, obs: &mut Observation) {
        if let Some(answer) = &self.answer {
            if let Some(status) = answer.status {
                obs.facts.set(&metric::PROXY_STATUS, status);
            }
            obs.facts.set(&metric::PROXY_ANSWER, answer);
        }
        obs.step_failed(self.failure, took);
    }
}

impl From<Failure> for NotThrough {
    fn from(failure: Failure) -> Self {
        Self { failure, answer: None }
    }
}

impl Proxy {
    /// A connection through the proxy to `far`, by its name as given, which the proxy looks up; SOCKS5 without `h` is given
    /// the address.
    ///
    /// # Errors
    /// `ProxyRefused`, `ProxyLogin` and `ProxyAnswered` for what the proxy says; `Garbage`, `TooLarge`, `Closed`, `Reset`,
    /// `TimedOut`; the classes of [`super::tcp::connect`] where the proxy itself cannot be reached; `NxDomain`, `NoAddress`,
    /// `ResolverError` or `ResolverTimeout` where its name leads nowhere.
    pub async fn connect(&self, far: Far<'_>, deadline: Instant) -> Result<TcpStream, NotThrough> {
        let mut stream = self.reach(deadline).await?;
        let patience = deadline.saturating_duration_since(clock::now());
        let asking = async {
            match self.kind {
                Kind::Http => self.ask_connect(&mut stream, far).await,
                Kind::Socks5 | Kind::Socks5h => self.ask_socks(&mut stream, far).await,
            }
        };
        match tokio::time::timeout(patience, asking).await {
            Ok(Ok(())) => Ok(stream),
            Ok(Err(not)) => Err(not),
            Err(_) => {
                let words = format!("no answer to the request to connect to {}", authority(far));
                Err(self.said(classify::timed_out(Step::Proxy, &words, patience), ProxyAnswer::default()))
            }
        }
    }

    /// A connection to the first of the proxy's addresses that takes one; each gets its share of the time.
    ///
    /// # Errors
    /// Step `proxy`: the classes of [`super::tcp::connect`], and of a name that leads nowhere.
    pub async fn reach(&self, deadline: Instant) -> Result<TcpStream, Failure> {
        super::reach::reach(&self.host, self.port, deadline).await.map_err(|e| self.told(e))
    }

    /// `Proxy-Authorization` with Basic credentials (RFC 7617), where there is a login.
    pub fn authorization(&self) -> Option<Secret> {
        let (user, password) = self.login.as_ref()?;
        Some(Secret::new(format!("Basic {}", base64(format!("{user}:{}", password.expose()).as_bytes()))))
    }

    /// Says which proxy a failure is about.
    fn told(&self, failure: Failure) -> Failure {
        let detail = format!("the proxy {}:{}: {}", self.host, self.port, failure.detail);
        Failure::new(Step::Proxy, failure.kind, detail)
    }

    fn said(&self, failure: Failure, answer: ProxyAnswer) -> NotThrough {
        let answer = ProxyAnswer { login: self.login.is_some(), ..answer };
        NotThrough { failure: self.told(failure), answer: Some(answer) }
    }
}

/// Bytes that came through a tunnel before anything was said in it, where the one behind it waits for the client to begin: a
/// page of the proxy's own. What a service that speaks first greets with is none.
pub fn answers_itself(stream: &TcpStream, proxy: &Proxy) -> Option<NotThrough> {
    let mut bytes = [0; greeting::LOOKED_AT];
    let came = futures_util::FutureExt::now_or_never(stream.peek(&mut bytes))?.ok().filter(|len| *len > 0)?;
    let first = bytes.get(..came).unwrap_or_default();
    if greeting::protocol(first).is_some_and(|name| name != "HTTP") {
        return None;
    }
    let said = proxy.quoted(first);
    let words =
        format!("it sent {said} into the tunnel before anything was asked there: it answers in the target's place");
    let failure = Failure::new(Step::Proxy, FailureKind::ProxyAnswered, words);
    Some(proxy.said(failure, ProxyAnswer { status: Some(200), ..ProxyAnswer::default() }))
}

/// `host:port`, an IPv6 address in brackets.
fn authority(far: Far<'_>) -> String {
    match far.host.contains(':') {
        true => format!("[{}]:{}", far.host, far.port),
        false => format!("{}:{}", far.host, far.port),
    }
}

#[cfg(test)]
mod tests;
