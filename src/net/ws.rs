//! WebSocket (RFC 6455) over a stream that somebody else opened: the upgrade, a ping, silence, and a clean close. The
//! upgrade goes through the HTTP client, so that a refusal is read and bounded as any other HTTP answer.

pub mod echo;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, SET_COOKIE, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, error::ProtocolError};

use super::classify::{self, clean};
use super::http::{self, Answer, Authority};
use super::talk::NotSpoken;
use super::{chance, clock};
use crate::model::{Facts, Failure, FailureKind, Step, metric};

/// Largest message that is taken from a server, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Frames that may come between a ping and its pong.
const MAX_FRAMES: usize = 64;
/// Headers of a refused upgrade that are kept.
const MAX_SHOWN: usize = 20;

/// The header with which an upgrade bears the token of a session that a responder granted, sixteen hexadecimal digits.
pub const SESSION: HeaderName = HeaderName::from_static("rtc-check-session");

/// An open WebSocket.
pub struct WebSocket {
    pub(super) inner: WebSocketStream<TokioIo<Upgraded>>,
}

/// An upgrade that did not come about, with what was seen of the answer.
#[derive(Debug)]
pub struct Refused {
    /// Step `upgrade`.
    pub failure: Failure,
    /// Status, server and headers where there was an HTTP answer.
    pub facts: Facts,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, facts: Facts::new() }
    }
}

impl From<NotSpoken> for Refused {
    fn from(not: NotSpoken) -> Self {
        let mut facts = Facts::new();
        if let Some(met) = not.met {
            facts.set(&metric::MET, met);
        }
        Self { failure: not.failure, facts }
    }
}

/// Asks for an upgrade at `path`, offering `subprotocol`, which must then be selected.
///
/// # Errors
/// `UpgradeRefused` for an HTTP answer other than 101, `WrongSubprotocol`, `Closed` where the server hangs up without
/// any answer, `Garbage`, `TooLarge`, `Reset`, `TimedOut`.
pub async fn upgrade<S>(
    stream: S,
    to: Authority<'_>,
    path: &str,
    subprotocol: Option<&str>,
    timeout: Duration,
) -> Result<(WebSocket, Answer), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    upgrade_for(stream, to, path, (subprotocol, None), timeout).await
}

/// As [`upgrade`], in a `session` that the responder granted, by its token.
///
/// # Errors
/// Those of [`upgrade`].
pub async fn upgrade_for<S>(
    stream: S,
    to: Authority<'_>,
    path: &str,
    (subprotocol, session): (Option<&str>, Option<&str>),
    timeout: Duration,
) -> Result<(WebSocket, Answer), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let start = clock::now();
    let key = generate_key();
    let mut headers = vec![
        (CONNECTION, "Upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_VERSION, "13"),
        (SEC_WEBSOCKET_KEY, key.as_str()),
    ];
    headers.extend(subprotocol.map(|s| (SEC_WEBSOCKET_PROTOCOL, s)));
    headers.extend(session.map(|s| (SESSION, s)));
    let request = http::request(to, path, Step::Upgrade, &headers)?;
    let mut exchange = http::send(stream, request, Step::Upgrade, timeout).await?;
    let answer = exchange.answer();
    check(&answer, &key, subprotocol).map_err(|failure| Refused { failure, facts: seen(&answer) })?;
    let left = timeout.saturating_sub(clock::now().duration_since(start));
    let upgraded = match tokio::time::timeout(left, hyper::upgrade::on(&mut exchange.response)).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(e)) => return Err(garbage(&e.to_string()).into()),
        Err(_) => return Err(classify::timed_out(Step::Upgrade, "the upgrade did not end", timeout).into()),
    };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(4096);
    let inner = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
    Ok((WebSocket { inner }, answer))
}

/// What a client must see before it takes the connection as open (RFC 6455 section 4.1).
fn check(answer: &Answer, key: &str, offered: Option<&str>) -> Result<(), Failure> {
    if answer.status != 101 {
        let detail = format!("the server answered the upgrade with HTTP status {}", answer.status);
        return Err(Failure::new(Step::Upgrade, FailureKind::UpgradeRefused, detail));
    }
    let is = |name: &HeaderName, want: &str| answer.text(name, 100).is_some_and(|v| v.eq_ignore_ascii_case(want));
    if !is(&UPGRADE, "websocket") {
        return Err(garbage("status 101 without \"Upgrade: websocket\""));
    }
    if answer.text(&SEC_WEBSOCKET_ACCEPT, 100).as_deref() != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err(garbage("Sec-WebSocket-Accept does not answer our key: a cache or proxy replied"));
    }
    let selected = answer.text(&SEC_WEBSOCKET_PROTOCOL, 100);
    let detail = match (offered, selected.as_deref()) {
        (None, None) => return Ok(()),
        (Some(a), Some(b)) if a == b => return Ok(()),
        (Some(offered), None) => format!("the server selected no subprotocol, {offered} was offered"),
        (Some(offered), Some(other)) => format!("the server selected the subprotocol {other}, {offered} was offered"),
        (None, Some(other)) => format!("the server selected the subprotocol {other}, none was offered"),
    };
    Err(Failure::new(Step::Upgrade, FailureKind::WrongSubprotocol, detail))
}

fn garbage(detail: &str) -> Failure {
    Failure::new(Step::Upgrade, FailureKind::Garbage, clean(detail, 200))
}

/// The facts of an answer that is no upgrade.
fn seen(answer: &Answer) -> Facts {
    let mut facts = Facts::new();
    answer.record(&mut facts);
    facts.set(&metric::HTTP_HEADERS, shown(&answer.headers));
    if let Some(selected) = answer.text(&SEC_WEBSOCKET_PROTOCOL, 100) {
        facts.set(&metric::SUBPROTOCOL, selected);
    }
    facts
}

/// `name: value`, shortened; a cookie is a credential and keeps its value to itself.
fn shown(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &hyper::header::HeaderValue)| {
        let value = if name == SET_COOKIE { "(not shown)".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        format!("{name}: {}", clean(&value, 120))
    };
    headers.iter().take(MAX_SHOWN).map(line).collect()
}

/// How a WebSocket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By a close frame, with its code and reason where it has them.
    CloseFrame(Option<(u16, String)>),
    /// TCP FIN, or TLS closed, without a close frame.
    Fin,
    /// TCP RST.
    Reset,
    /// By another failure.
    Broken(FailureKind, String),
}

impl End {
    /// In words: `was closed by a close frame (1001 going away)`.
    pub fn words(&self) -> String {
        match self {
            End::CloseFrame(None) => "was closed by a close frame without a code".to_owned(),
            End::CloseFrame(Some((code, reason))) if reason.is_empty() => {
                format!("was closed by a close frame ({code})")
            }
            End::CloseFrame(Some((code, reason))) => format!("was closed by a close frame ({code} {reason})"),
            End::Fin => "was closed (FIN) without a close frame".to_owned(),
            End::Reset => "was reset (RST)".to_owned(),
            End::Broken(_, words) => format!("broke: {words}"),
        }
    }

    /// The class of failure.
    pub fn kind(&self) -> FailureKind {
        match self {
            End::CloseFrame(_) | End::Fin => FailureKind::Closed,
            End::Reset => FailureKind::Reset,
            End::Broken(kind, _) => *kind,
        }
    }
}

/// Why a ping got no pong, or a question no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPong {
    /// The connection stands, no pong came in time or among the frames read.
    Silent,
    /// The connection ended first.
    Ended(End),
}

impl WebSocket {
    /// Pings with a payload nobody can guess and waits for its pong: the round trip.
    ///
    /// # Errors
    /// [`NoPong`].
    pub async fn ping(&mut self, timeout: Duration) -> Result<Duration, NoPong> {
        let payload = chance::bytes::<8>();
        let start = clock::now();
        let exchange = async {
            let ping = Message::Ping(payload.to_vec().into());
            self.inner.send(ping).await.map_err(|e| NoPong::Ended(end_of(&e)))?;
            for _ in 0..MAX_FRAMES {
                match next(&mut self.inner).await {
                    Ok(Message::Pong(echo)) if echo.as_ref() == payload => {
                        return Ok(clock::now().duration_since(start));
                    }
                    Ok(_) => {}
                    Err(end) => return Err(NoPong::Ended(end)),
                }
            }
            Err(NoPong::Silent)
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(NoPong::Silent))
    }

    /// Sends `text` and waits for a message that `is_answer` takes: it, and the round trip.
    ///
    /// # Errors
    /// [`NoPong`].
    pub async fn ask(
        &mut self,
        text: String,
        timeout: Duration,
        is_answer: impl Fn(&[u8]) -> bool,
    ) -> Result<(Vec<u8>, Duration), NoPong> {
        let start = clock::now();
        let exchange = async {
            self.inner.send(Message::text(text)).await.map_err(|e| NoPong::Ended(end_of(&e)))?;
            for _ in 0..MAX_FRAMES {
                let message = next(&mut self.inner).await.map_err(NoPong::Ended)?;
                if !message.is_ping() && !message.is_pong() && is_answer(&message.clone().into_data()) {
                    return Ok((message.into_data().to_vec(), clock::now().duration_since(start)));
                }
            }
            Err(NoPong::Silent)
        };
        tokio::time::timeout(timeout, exchange).await.unwrap_or(Err(NoPong::Silent))
    }

    /// Says nothing for `time`, answering only the server's pings.
    ///
    /// # Errors
    /// How and after how long the connection ended.
    pub async fn hold(&mut self, time: Duration) -> Result<(), (End, Duration)> {
        let start = clock::now();
        let listen = async {
            loop {
                if let Err(end) = next(&mut self.inner).await {
                    return end;
                }
            }
        };
        match tokio::time::timeout(time, listen).await {
            Ok(end) => Err((end, clock::now().duration_since(start))),
            Err(_) => Ok(()),
        }
    }

    /// Closes by the book, waiting at most `timeout` for the server's close frame.
    pub async fn close(mut self, timeout: Duration) {
        let goodbye = async {
            let _ = self.inner.close(None).await;
            for _ in 0..MAX_FRAMES {
                if next(&mut self.inner).await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(timeout, goodbye).await;
    }
}

/// The next message, or how the connection ended.
async fn next(inner: &mut WebSocketStream<TokioIo<Upgraded>>) -> Result<Message, End> {
    match inner.next().await {
        Some(Ok(Message::Close(frame))) => Err(End::CloseFrame(frame.map(code_and_reason))),
        Some(Ok(message)) => Ok(message),
        Some(Err(e)) => Err(end_of(&e)),
        None => Err(End::Fin),
    }
}

pub(super) fn code_and_reason(frame: CloseFrame) -> (u16, String) {
    (frame.code.into(), clean(frame.reason.as_str(), 80))
}

pub(super) fn end_of(e: &tungstenite::Error) -> End {
    use tungstenite::Error;
    match e {
        Error::ConnectionClosed | Error::AlreadyClosed => End::Fin,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Fin,
        Error::Io(e) => match classify::io_kind(e) {
            FailureKind::Reset => End::Reset,
            FailureKind::Closed => End::Fin,
            _ => {
                let failure = classify::io(Step::Ping, e);
                End::Broken(failure.kind, failure.detail)
            }
        },
        Error::Capacity(_) => End::Broken(FailureKind::TooLarge, "a message exceeds 64 KiB".to_owned()),
        other => End::Broken(FailureKind::Garbage, clean(&other.to_string(), 200)),
    }
}

#[cfg(test)]
pub(crate) mod tests;
