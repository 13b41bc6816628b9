//! Janus's HTTPS API: requests are posted one after the other over one connection, events come as answers to long polls
//! over another. Credentials stand in bodies and, where a GET has none, in the query of a URL that nobody is told.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Place;
use crate::model::{Failure, FailureKind, Secret, Step};
use crate::net::http::{self, Authority};
use crate::net::tcp::{self, CONNECT_TIMEOUT, Stream};
use crate::net::tls::{self, HTTP11};
use crate::session::janus::{Credentials, Outgoing, PATIENCE};
use crate::wire::janus::LONGEST;

/// A poll is answered after 30 s at the latest, with a sign of life.
const POLL: std::time::Duration = std::time::Duration::from_secs(40);
/// Events that one poll may bring.
const EVENTS: u32 = 10;

type Came = mpsc::Sender<Result<Vec<u8>, Failure>>;

/// One connection that takes request after request.
struct Kept {
    sender: SendRequest<Full<Bytes>>,
    _connection: JoinSet<hyper::Result<()>>,
    place: Place,
}

impl Kept {
    async fn over(stream: Stream, place: Place) -> Result<Self, Failure> {
        let (sender, connection) = http::open(stream, Step::Request).await?;
        Ok(Self { sender, _connection: connection, place })
    }

    async fn dial(place: Place) -> Result<Self, Failure> {
        let stream = tcp::connect(place.address, CONNECT_TIMEOUT).await.map_err(|e| e.failure)?;
        let ip = place.address.ip();
        let shaken = tls::handshake(stream, &place.host, ip, &place.trust, HTTP11, CONNECT_TIMEOUT).await;
        match (shaken.stream, shaken.failure) {
            (Some(stream), None) => Self::over(Box::new(stream), place).await,
            (_, failure) => Err(failure.unwrap_or_else(|| Failure::new(Step::Tls, FailureKind::Internal, "no result"))),
        }
    }

    /// The body of the answer to `body` posted, or to a GET, at `path`.
    async fn exchange(
        &mut self,
        path: &str,
        body: Option<String>,
        timeout: std::time::Duration,
    ) -> Result<Vec<u8>, Failure> {
        let to = Authority { host: &self.place.host, port: self.place.address.port(), tls: true };
        // Neither path nor header may be told: they bear credentials.
        let wrong = |_| Failure::new(Step::Request, FailureKind::Internal, "no request can be made");
        let mut request = Request::get(path).header(HOST, to.header());
        if body.is_some() {
            request = request.method(Method::POST).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).map_err(wrong)?;
        let failed = |e: hyper::Error| http::failure(Step::Request, &e);
        let sender = &mut self.sender;
        let exchange = async {
            sender.ready().await.map_err(failed)?;
            let mut response = sender.send_request(request).await.map_err(failed)?;
            let body = http::read_body(response.body_mut(), LONGEST).await?;
            if response.status().is_success() || body.starts_with(b"{") {
                return Ok(body);
            }
            let detail = format!("the server answered with HTTP status {}", response.status().as_u16());
            Err(Failure::new(Step::Request, FailureKind::HttpStatus, detail))
        };
        let late = |_| Err(crate::net::classify::timed_out(Step::Request, "no complete answer", timeout));
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(late)
    }
}

/// Sends requests in their order.
pub struct Posts(Kept);

impl Posts {
    pub async fn begin(stream: Stream, place: Place) -> Result<Self, Failure> {
        Ok(Self(Kept::over(stream, place).await?))
    }

    /// Until nobody asks any more or the connection ends; one that was closed between two requests is opened again.
    pub async fn carry(mut self, mut to_send: mpsc::Receiver<Outgoing>, came: Came) {
        while let Some(request) = to_send.recv().await {
            if self.0.sender.is_closed() {
                match Kept::dial(self.0.place.clone()).await {
                    Ok(kept) => self.0 = kept,
                    Err(failure) => return drop(came.send(Err(failure)).await),
                }
            }
            let path = path(&self.0.place.base, request.session, request.handle);
            let answer = self.0.exchange(&path, Some(request.text), PATIENCE).await;
            let ended = answer.is_err();
            if came.send(answer).await.is_err() || ended {
                return;
            }
        }
    }
}

/// Asks for events.
pub struct Poller {
    pub place: Place,
    pub credentials: Credentials,
    pub came: Came,
}

impl Poller {
    /// Until nobody listens any more, or polls fail.
    pub async fn carry(self, session: u64) {
        let mut path = format!("{}?maxev={EVENTS}", path(&self.place.base, Some(session), None));
        let known = [("token", &self.credentials.token), ("apisecret", &self.credentials.api_secret)];
        for (name, secret) in known {
            path.extend(secret.iter().map(|s| format!("&{name}={}", escaped(s))));
        }
        let mut kept = match Kept::dial(self.place).await {
            Ok(kept) => kept,
            Err(failure) => return drop(self.came.send(Err(failure)).await),
        };
        loop {
            let answer = kept.exchange(&path, None, POLL).await;
            let ended = answer.is_err();
            if self.came.send(answer).await.is_err() || ended {
                return;
            }
        }
    }
}

fn path(base: &str, session: Option<u64>, handle: Option<u64>) -> String {
    let part = |id: Option<u64>| id.map(|id| format!("/{id}")).unwrap_or_default();
    format!("{base}{}{}", part(session), part(handle))
}

/// Fit for a query (RFC 3986 section 2.3).
fn escaped(secret: &Secret) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    secret.expose().bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_in_a_query_whatever_is_in_it() {
        assert_eq!(escaped(&Secret::new("a-Z&=? ü%")), "a-Z%26%3D%3F%20%C3%BC%25");
        assert_eq!(path("/janus", Some(1), Some(2)), "/janus/1/2");
        assert_eq!(path("/janus", None, None), "/janus");
    }
}
