//! One attempt: the connection, the request, the beginning of the answer.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, PROXY_AUTHORIZATION, RETRY_AFTER,
};
use hyper::{Method as Verb, Request, Response, StatusCode, Uri};

use super::{Destination, MAX_ANSWER, Method, Parcel, Taken, Trouble, Way, retry_after};
use crate::model::{Failure, FailureKind, Step, hidden};
use crate::net::classify::{self, clean};
use crate::net::http::{self, Authority};
use crate::net::proxy::{Far, Kind, Proxy};
use crate::net::reach::reach;
use crate::net::tcp::Stream;
use crate::net::{clock, tls};

/// Characters of a refusal's own words that are repeated.
const QUOTED: usize = 200;

/// Sends it once, within `timeout`.
pub(super) async fn once(parcel: &Parcel, way: &Way, timeout: Duration) -> Result<Taken, Trouble> {
    let deadline = clock::now() + timeout;
    let exchange = exchange(parcel, way, deadline);
    match tokio::time::timeout(timeout, exchange).await {
        Ok(result) => result,
        Err(_) => Err(parcel.failed(&classify::timed_out(Step::Request, "no complete answer", timeout))),
    }
}

async fn exchange(parcel: &Parcel, way: &Way, deadline: Instant) -> Result<Taken, Trouble> {
    let to = &parcel.to;
    let host = to.host.bare();
    let proxy = way.proxies.to(&host, to.port, !to.tls);
    // HTTP's own proxies take plain HTTP as it is, and tunnel all else.
    let forward = proxy.as_deref().filter(|proxy| !to.tls && proxy.kind == Kind::Http);
    let stream = open(parcel, way, proxy.as_deref(), forward.is_some(), deadline).await?;
    let request = request(parcel, &host, forward).map_err(|e| parcel.failed(&e))?;
    let left = deadline.saturating_duration_since(clock::now());
    let sent = http::send_by(forward, stream, request, Step::Request, left).await;
    let mut exchange = sent.map_err(|not| parcel.failed(&not.failure))?;
    let status = exchange.response.status();
    let body = beginning(exchange.response.body_mut()).await;
    match status.is_success() {
        true => Ok(Taken { status: status.as_u16(), body }),
        false => Err(parcel.refused(&exchange.response, &body)),
    }
}

async fn open(
    parcel: &Parcel,
    way: &Way,
    proxy: Option<&Proxy>,
    forward: bool,
    deadline: Instant,
) -> Result<Stream, Trouble> {
    let to = &parcel.to;
    let host = to.host.bare();
    let stream = match proxy {
        None => reach(&to.host, to.port, deadline).await.map_err(|e| parcel.failed(&e))?,
        Some(proxy) if forward => proxy.reach(deadline).await.map_err(|e| parcel.failed(&e))?,
        Some(proxy) => {
            let address = match proxy.kind {
                Kind::Socks5 => first_address(to, deadline).await.map_err(|e| parcel.failed(&e))?,
                _ => None,
            };
            let far = Far { host: &host, address, port: to.port };
            proxy.connect(far, deadline).await.map_err(|not| {
                let passing = not.answer.and_then(|answer| answer.status).is_some_and(|s| (502..=504).contains(&s));
                let trouble = parcel.failed(&not.failure);
                Trouble { passing: trouble.passing || passing, ..trouble }
            })?
        }
    };
    if !to.tls {
        return Ok(Box::new(stream));
    }
    let address = stream.peer_addr().map_err(|e| parcel.failed(&classify::io(Step::Connect, &e)))?.ip();
    let left = deadline.saturating_duration_since(clock::now());
    let shaken = tls::handshake(stream, &host, address, &way.trust, tls::HTTP11, left).await;
    match (shaken.failure, shaken.stream) {
        (None, Some(stream)) => Ok(Box::new(stream)),
        (Some(failure), _) => Err(parcel.failed(&failure)),
        (None, None) => Err(parcel.failed(&Failure::new(Step::Tls, FailureKind::Closed, "no TLS session came about"))),
    }
}

/// SOCKS5 without `h` is given the address.
async fn first_address(to: &Destination, deadline: Instant) -> Result<Option<std::net::IpAddr>, Failure> {
    match &to.host {
        crate::model::Host::Address(address) => Ok(Some(*address)),
        crate::model::Host::Name(name) => {
            let left = deadline.saturating_duration_since(clock::now());
            Ok(crate::net::resolve::system(name, left).await?.first().copied())
        }
    }
}

fn request(parcel: &Parcel, host: &str, forward: Option<&Proxy>) -> Result<Request<Full<Bytes>>, Failure> {
    let to = Authority { host, port: parcel.to.port, tls: parcel.to.tls };
    let target = match forward {
        Some(_) => format!("{}{}", parcel.to, parcel.to.path()),
        None => parcel.to.path().to_owned(),
    };
    // What cannot stand in a request is not repeated: the path may be secret.
    let wrong =
        |what: &str| Failure::new(Step::Request, FailureKind::Internal, format!("{what} cannot stand in a request"));
    let mut request = http::request(to, "/", Step::Request, &[(CONNECTION, "close")])?;
    *request.uri_mut() = Uri::try_from(target).map_err(|_| wrong("the URL"))?;
    *request.method_mut() = match parcel.method {
        Method::Put => Verb::PUT,
        Method::Post => Verb::POST,
    };
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(parcel.content_type));
    if let Some(encoding) = parcel.encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if !parcel.key.is_empty() {
        let key = HeaderValue::try_from(format!("\"{}\"", parcel.key)).map_err(|_| wrong("the run's id"))?;
        headers.insert(HeaderName::from_static("idempotency-key"), key);
    }
    parcel.headers.put_into(headers);
    if let Some(login) = forward.and_then(Proxy::authorization) {
        let mut value = HeaderValue::try_from(login.expose()).map_err(|_| wrong("the proxy's login"))?;
        value.set_sensitive(true);
        headers.insert(PROXY_AUTHORIZATION, value);
    }
    *request.body_mut() = Full::new(parcel.body.clone());
    Ok(request)
}

/// The body as far as it came; one that breaks off takes nothing from the status.
async fn beginning(body: &mut Incoming) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
        bytes.extend_from_slice(data.get(..MAX_ANSWER - bytes.len()).unwrap_or(data));
        if bytes.len() >= MAX_ANSWER {
            break;
        }
    }
    bytes
}

impl Parcel {
    /// What a peer said, without anything that opens the place.
    fn told(&self, text: &str) -> String {
        let secrets: Vec<_> = self.headers.secrets().into_iter().chain(self.to.secrets()).collect();
        clean(&hidden(text, &secrets), QUOTED)
    }

    fn failed(&self, failure: &Failure) -> Trouble {
        use FailureKind::*;
        let passing = matches!(
            failure.kind,
            ResolverError | ResolverTimeout | Refused | TimedOut | Unreachable | NoRoute | Reset | Closed | TlsCutOff
        );
        Trouble { why: format!("{}: {}", self.to, self.told(&failure.detail)), passing, asked: None }
    }

    fn refused(&self, response: &Response<Incoming>, body: &[u8]) -> Trouble {
        let status = response.status();
        let header = |name: &HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let asked = header(&RETRY_AFTER).and_then(|text| retry_after(text, clock::wall()));
        let more = match header(&LOCATION).filter(|_| status.is_redirection()) {
            Some(location) => {
                format!(" and points to {}; redirects are not followed: {WHOLE}", pointed(location, &self.to))
            }
            None if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                "; the proxy wants a login: set RTC_CHECK_PROXY_USERNAME and RTC_CHECK_PROXY_PASSWORD".to_owned()
            }
            None => self.quoted(body),
        };
        let why = format!("{} answers {}{more}", self.to, words(status));
        Trouble { why, passing: self.passing.contains(&status.as_u16()), asked }
    }

    /// What the receiver says of it. Who was sent a token may say it again in many forms, so then nothing is repeated.
    fn quoted(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace()) && !text.contains('\u{fffd}');
        match self.told(text.trim()) {
            said if is_text && self.headers.is_empty() && !said.is_empty() => format!(": \"{said}\""),
            _ => String::new(),
        }
    }
}

const WHOLE: &str = "give the URL where the report is to go";

/// Where a redirect leads, without its path.
fn pointed(location: &str, from: &Destination) -> String {
    match Destination::read(location) {
        Ok(there) => there.to_string(),
        Err(_) if location.starts_with('/') => format!("another path of {from}"),
        Err(_) => "another place".to_owned(),
    }
}

/// `503 Service Unavailable`.
fn words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}
