//! HTTP/1.1 over a stream that somebody else opened: one request, its status, headers, first byte and the beginning of
//! its page. Bounded in time, header size and body whatever the server sends; what is no HTTP is named.

mod answer;
mod dated;
mod forward;

pub use answer::Answer;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::classify::{self, clean};
use super::first::Heard;
use super::proxy::Proxy;
use super::talk::{self, NotSpoken, shown};
use super::tls::{self, Trust};
use super::{clock, tcp};
use crate::model::{ClockError, Failure, FailureKind, Step};
use crate::wire::{greeting, recognise};

/// Largest header of an answer that is read, in bytes.
const MAX_HEADER: usize = 64 * 1024;
/// Most headers of an answer that are read.
const MAX_HEADERS: usize = 100;

/// Longest beginning of a page that is read, in bytes: as much as is looked at to tell whose it is.
pub const MAX_PAGE: usize = recognise::LOOKED_AT;
/// How long the page is waited for after its header: a body that drips is told by its beginning.
const PAGE_PATIENCE: Duration = Duration::from_secs(2);

const AGENT: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));

/// Where a request goes, as its `Host` header says it.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// Name or address literal without brackets.
    pub host: &'a str,
    /// Port, left out of the header where it is the scheme's own.
    pub port: u16,
    /// HTTPS rather than HTTP.
    pub tls: bool,
}

impl Authority<'_> {
    /// The `Host` header (RFC 9110 section 7.2).
    pub fn header(self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_owned() };
        let default = if self.tls { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

/// A GET request for `path`.
///
/// # Errors
/// `Internal` where host, path or a header cannot stand in a request.
pub fn request(
    to: Authority<'_>,
    path: &str,
    step: Step,
    headers: &[(HeaderName, &str)],
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::get(path).header(HOST, to.header()).header(USER_AGENT, AGENT);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.body(Full::default()).map_err(|e| {
        Failure::new(
            step,
            FailureKind::Internal,
            format!("no request can be made of {} and {}: {e}", to.header(), clean(path, 80)),
        )
    })
}

/// Asks for `path` and reads the head of the answer; its body is left alone. `forward` is the proxy at the stream's end where
/// it is to ask in our place.
///
/// # Errors
/// Step `request`: `Garbage` with what was met, `TooLarge`, `Closed`, `Reset`, `TimedOut`.
pub async fn get<S>(
    stream: S,
    to: Authority<'_>,
    path: &str,
    timeout: Duration,
    forward: Option<&Proxy>,
) -> Result<Answer, NotSpoken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = forward::request(forward, to, path)?;
    Ok(forward::answer(forward, &send_by(forward, stream, request, Step::Request, timeout).await?))
}

/// As [`get`], and the beginning of the body: no more than [`MAX_PAGE`] bytes, waited for no
/// longer than two seconds. A body that breaks off is told by what came of it.
///
/// # Errors
/// Those of [`get`].
pub async fn page<S>(
    stream: S,
    to: Authority<'_>,
    path: &str,
    timeout: Duration,
    forward: Option<&Proxy>,
) -> Result<(Answer, Vec<u8>), NotSpoken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let start = clock::now();
    let request = forward::request(forward, to, path)?;
    let mut exchange = send_by(forward, stream, request, Step::Request, timeout).await?;
    let answer = forward::answer(forward, &exchange);
    let left = timeout.saturating_sub(clock::now().duration_since(start)).min(PAGE_PATIENCE);
    let mut body = Vec::new();
    let reading = async {
        while let Some(Ok(frame)) = exchange.response.body_mut().frame().await {
            let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
            body.extend_from_slice(data.get(..MAX_PAGE - body.len()).unwrap_or(data));
            if body.len() >= MAX_PAGE {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(left, reading).await;
    Ok((answer, forward::told(forward, body)))
}

/// An answer whose connection is still open.
pub(super) struct Exchange {
    pub response: Response<Incoming>,
    pub first_byte: Duration,
    pub wall: Duration,
    /// The task that moves the connection's bytes; it ends with this.
    pub _connection: JoinSet<hyper::Result<()>>,
}

impl Exchange {
    pub fn answer(&self) -> Answer {
        Answer {
            status: self.response.status().as_u16(),
            headers: self.response.headers().clone(),
            first_byte: self.first_byte,
            wall: self.wall,
        }
    }
}

/// Begins HTTP/1.1 over `stream`: what takes requests, and the task that moves their bytes.
pub(super) async fn open<S>(
    stream: S,
    step: Step,
) -> Result<(http1::SendRequest<Full<Bytes>>, JoinSet<hyper::Result<()>>), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, driver) = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER)
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| failure(step, &e))?;
    let mut connection = JoinSet::new();
    connection.spawn(driver.with_upgrades());
    Ok((sender, connection))
}

/// Sends `request` over `stream` and waits for the head of the answer.
pub(super) async fn send<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    step: Step,
    timeout: Duration,
) -> Result<Exchange, NotSpoken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    send_by(None, stream, request, step, timeout).await
}

/// The same to a proxy that asks in our place, whose login is in the request.
pub(super) async fn send_by<S>(
    forward: Option<&Proxy>,
    stream: S,
    request: Request<Full<Bytes>>,
    step: Step,
    timeout: Duration,
) -> Result<Exchange, NotSpoken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let start = clock::now();
    let sent = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri());
    let (stream, ear) = Heard::new(stream);
    let exchange = async {
        let (mut sender, mut connection) = open(stream, step).await?;
        match sender.send_request(request).await {
            Ok(response) => Ok((response, connection)),
            Err(e) => Err(reason(step, &e, &mut connection).await),
        }
    };
    let result = tokio::time::timeout(timeout, exchange).await;
    let first = ear.first();
    let said = || forward::told(forward, first.bytes.clone());
    match result {
        Ok(Ok((response, connection))) => {
            let at = first.at.unwrap_or_else(clock::now);
            Ok(Exchange {
                response,
                first_byte: at.saturating_duration_since(start),
                wall: clock::wall(),
                _connection: connection,
            })
        }
        Ok(Err(failure)) => Err(named(failure, &said(), &sent)),
        Err(_) if first.at.is_some() => {
            let late = classify::timed_out(step, "the HTTP answer began and did not end its header", timeout);
            Err(named(late, &said(), &sent))
        }
        Err(_) => Err(classify::timed_out(step, "no HTTP answer", timeout).into()),
    }
}

/// The failure, or the stranger that the first bytes show to have caused it; `sent` is how the request began.
fn named(failure: Failure, first: &[u8], sent: &str) -> NotSpoken {
    const OURS: &[u8] = b"HTTP/1.";
    let begun = first.len().min(OURS.len());
    if first.get(..begun) == OURS.get(..begun) {
        return failure.into();
    }
    if talk::is_echo(first, sent.as_bytes()) {
        return talk::echo(failure.step, "HTTP");
    }
    let met = greeting::protocol(first).filter(|name| *name != "HTTP");
    let said = shown(first);
    let detail = match met {
        Some(name) => format!("what listens there speaks {name} and not HTTP: it sent {said}"),
        None => format!("what listens there does not speak HTTP/1.1: it sent {said}"),
    };
    NotSpoken { failure: Failure::new(failure.step, FailureKind::Garbage, detail), met }
}

/// What ended a request: the request's own error, or the connection's where the request only knows that it is gone.
async fn reason(step: Step, e: &hyper::Error, connection: &mut JoinSet<hyper::Result<()>>) -> Failure {
    if (e.is_canceled() || e.is_closed())
        && let Some(Ok(Err(cause))) = connection.join_next().await
    {
        return failure(step, &cause);
    }
    failure(step, e)
}

pub(super) fn failure(step: Step, e: &hyper::Error) -> Failure {
    use std::error::Error;
    let fail = |kind, detail: &str| Failure::new(step, kind, detail);
    if e.is_parse_too_large() {
        return fail(FailureKind::TooLarge, "the header of the answer exceeds 64 KiB or 100 lines");
    }
    if e.is_parse() || e.is_parse_version_h2() {
        return fail(FailureKind::Garbage, "the answer is not HTTP/1.1");
    }
    if let Some(cause) = e.source().and_then(|s| s.downcast_ref::<io::Error>()) {
        return classify::io(step, cause);
    }
    if e.is_incomplete_message() || e.is_closed() || e.is_canceled() {
        return fail(FailureKind::Closed, "the server closed the connection without an HTTP answer");
    }
    Failure::new(step, FailureKind::Garbage, clean(&e.to_string(), 200))
}

/// A page that is never used for trust, over TLS at `address` **without verifying the certificate**.
#[derive(Clone, Copy, Debug)]
pub struct Unverified<'a> {
    pub address: SocketAddr,
    /// Name or address literal without brackets.
    pub host: &'a str,
    pub path: &'a str,
    /// Whoever answers reads it: it must prove a key without giving it away.
    pub bearer: Option<&'a str>,
    /// No longer body is taken.
    pub max_bytes: usize,
    /// For everything together, the connection too.
    pub timeout: Duration,
}

impl Unverified<'_> {
    /// Status and body of the page.
    ///
    /// # Errors
    /// As [`tcp::connect`], [`tls::handshake`] and [`get`]; `TooLarge` for a longer body.
    pub async fn fetch(self) -> Result<(u16, Vec<u8>), Failure> {
        self.exchange(None).await.map(|(status, body, _)| (status, body))
    }

    /// The same with this machine's clock against the server's, which wants no trust: a certificate is refused where the
    /// clock is wrong.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_dated(self) -> Result<(u16, Vec<u8>, Option<ClockError>), Failure> {
        self.exchange(None).await
    }

    /// Status and body of the answer to `json`, posted.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn post(self, json: Vec<u8>) -> Result<(u16, Vec<u8>), Failure> {
        self.exchange(Some(json)).await.map(|(status, body, _)| (status, body))
    }

    async fn exchange(self, json: Option<Vec<u8>>) -> Result<(u16, Vec<u8>, Option<ClockError>), Failure> {
        let late = || Err(classify::timed_out(Step::Request, "no complete answer", self.timeout));
        tokio::time::timeout(self.timeout, self.unhurried(json)).await.unwrap_or_else(|_| late())
    }

    async fn unhurried(self, json: Option<Vec<u8>>) -> Result<(u16, Vec<u8>, Option<ClockError>), Failure> {
        let stream = tcp::connect(self.address, self.timeout).await.map_err(|e| e.failure)?;
        let nobody = Trust::only([]);
        let shaken = tls::handshake(stream, self.host, self.address.ip(), &nobody, tls::HTTP11, self.timeout).await;
        let stream = match (shaken.stream, shaken.failure) {
            (Some(stream), _) => stream,
            (None, failure) => return Err(failure.unwrap_or_else(|| closed(Step::Tls))),
        };
        let to = Authority { host: self.host, port: self.address.port(), tls: true };
        let mut request = request(to, self.path, Step::Request, &[(CONNECTION, "close")])?;
        if let Some(token) = self.bearer {
            request.headers_mut().insert(AUTHORIZATION, secret(token)?);
        }
        if let Some(json) = json {
            *request.method_mut() = Method::POST;
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Full::new(json.into());
        }
        let mut exchange = send(stream, request, Step::Request, self.timeout).await.map_err(|not| not.failure)?;
        let body = read_body(exchange.response.body_mut(), self.max_bytes).await?;
        let answer = exchange.answer();
        Ok((answer.status, body, dated::clock_error(&answer)))
    }
}

fn closed(step: Step) -> Failure {
    Failure::new(step, FailureKind::Closed, "the connection was closed")
}

fn secret(token: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Failure::new(Step::Request, FailureKind::Internal, "the token cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(super) async fn read_body(body: &mut Incoming, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| failure(Step::Request, &e))?;
        let Some(data) = frame.data_ref() else { continue };
        if bytes.len() + data.len() > max_bytes {
            let detail = format!("the body exceeds {max_bytes} bytes");
            return Err(Failure::new(Step::Request, FailureKind::TooLarge, detail));
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
