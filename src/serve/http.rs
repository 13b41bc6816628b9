//! HTTP/1.1 of the responder: the well-known page, redirects, the opening of test sessions, and the WebSocket upgrade.
//! Headers are bounded in size, number and time; no body is read but that which opens a session.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::Authority;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::admission::Pass;
use super::counters::Cut;
use super::face::Site;
use super::tcp::{Context, within};
use super::{grant, page, web, ws};
use crate::session::access::bearer_token_ok;
use crate::wire;

/// Bytes of a request's header.
const LONGEST_HEADER: usize = 16 << 10;

/// Fields of a request's header.
const MOST_FIELDS: usize = 64;

/// By which a client knows that it speaks to a responder and to no platform.
const NAME: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));

type Answer = Response<Full<Bytes>>;

/// What a connection is to be served with.
pub(super) struct Serving {
    pub(super) site: Site,
    /// Over TLS.
    pub(super) secure: bool,
    /// The address that it came to.
    pub(super) at: IpAddr,
}

/// Serves one connection.
pub(super) async fn serve<S>(stream: S, serving: Serving, pass: Pass, context: Arc<Context>) -> Result<(), Cut>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let idle = context.limits.idle;
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(context.limits.handshake);
    builder.max_buf_size(LONGEST_HEADER).max_headers(MOST_FIELDS);
    let Serving { site, secure, at } = serving;
    let server = Arc::new(Server { site, secure, at, pass: Arc::new(pass), context });
    let service = service_fn(move |request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(with(server.answer(request).await, header::SERVER, NAME)) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    within(idle, connection).await?.map_err(|e| if e.is_timeout() { Cut::Deadline } else { Cut::Protocol })
}

struct Server {
    site: Site,
    secure: bool,
    at: IpAddr,
    /// Held by the connection, and by the WebSocket that it becomes.
    pass: Arc<Pass>,
    context: Arc<Context>,
}

impl Server {
    async fn answer(&self, mut request: Request<Incoming>) -> Answer {
        let site = &self.site;
        if self.secure && request.uri().path() == wire::grant::PATH {
            let authorised = self.authorised(request.headers());
            return grant::open(request, self.pass.source(), authorised, &self.context).await;
        }
        if self.secure && request.uri().path() == wire::ice::PATH {
            let authorised = self.authorised(request.headers());
            return grant::open_ice(request, self.pass.source(), self.at, authorised, &self.context).await;
        }
        if site.websocket && asks_for_upgrade(request.headers()) {
            return self.upgrade(&mut request);
        }
        if let Some(pages) =
            self.context.web.as_ref().filter(|_| self.secure && site.page && web::is_ours(request.uri().path()))
        {
            return self.page_for_browsers(request, pages).await;
        }
        if let Some(port) = site.redirect {
            return redirect(&request, port);
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return with(text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n"), header::ALLOW, "GET, HEAD");
        }
        match request.uri().path() {
            page::PATH if site.page => self.well_known(request.headers()),
            page::PATH => text(StatusCode::NOT_FOUND, "the page is on the HTTPS port\n"),
            _ if site.hello => self.hello(),
            _ => {
                let refusal = text(StatusCode::UPGRADE_REQUIRED, "a WebSocket is served here\n");
                with(with(refusal, header::UPGRADE, "websocket"), header::CONNECTION, "upgrade")
            }
        }
    }

    /// What any path is answered with; the page for browsers may read it from its own port.
    fn hello(&self) -> Answer {
        let hello = text(StatusCode::OK, "rtc-check responder\n");
        match self.context.web {
            None => hello,
            Some(_) => {
                let shown = with(hello, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
                with(shown, header::ACCESS_CONTROL_EXPOSE_HEADERS, "Server")
            }
        }
    }

    async fn page_for_browsers(&self, request: Request<Incoming>, pages: &web::Pages) -> Answer {
        let field = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).map(str::to_owned);
        let Some((host, authority)) = field.and_then(|field| Some((host_name(&field)?, field))) else {
            return text(StatusCode::BAD_REQUEST, "no usable Host\n");
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        web::answer(request, (host, authority), (self.pass.source(), self.at), (pages, &self.context)).await
    }

    /// The page; where there is a key, to those who show its token, and over TLS alone.
    fn well_known(&self, headers: &HeaderMap) -> Answer {
        if !self.authorised(headers) {
            let refusal = text(StatusCode::UNAUTHORIZED, "the responder's key is needed\n");
            return with(refusal, header::WWW_AUTHENTICATE, "Bearer");
        }
        let page = Response::new(Full::new(Bytes::from(self.context.page.clone())));
        with(with(page, header::CONTENT_TYPE, "application/json"), header::CACHE_CONTROL, "no-store")
    }

    /// There is no key, or its token is shown over TLS.
    fn authorised(&self, headers: &HeaderMap) -> bool {
        let Some(key) = &self.context.key else { return true };
        let token = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let token = token.and_then(|v| v.strip_prefix("Bearer "));
        self.secure && token.is_some_and(|t| bearer_token_ok(key.bytes(), t.trim()))
    }

    /// RFC 6455 section 4.2.
    fn upgrade(&self, request: &mut Request<Incoming>) -> Answer {
        let headers = request.headers();
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|v| v != "13") {
            let refusal = text(StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 is spoken here\n");
            return with(refusal, header::SEC_WEBSOCKET_VERSION, "13");
        }
        // A nonce of 16 bytes has 24 characters in base64.
        let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|k| k.len() == 24);
        let (Some(key), &Method::GET) = (key, request.method()) else {
            return text(StatusCode::BAD_REQUEST, "no Sec-WebSocket-Key of 16 bytes\n");
        };
        let Ok(place) = self.context.websockets.enter_too(&self.pass) else {
            self.context.tally.cut(Cut::WebSocketLimit);
            let refusal = text(StatusCode::SERVICE_UNAVAILABLE, "as many WebSockets as the responder holds are open\n");
            return with(refusal, header::RETRY_AFTER, "60");
        };
        let accept = derive_accept_key(key.as_bytes());
        let offered = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL);
        let selected = self.site.select(offered);
        let sip = selected.is_some_and(|s| s == ws::SIP);
        let selected = selected.and_then(|s| HeaderValue::from_str(s).ok());
        let mut answer = text(StatusCode::SWITCHING_PROTOCOLS, "");
        answer = with(with(answer, header::UPGRADE, "websocket"), header::CONNECTION, "upgrade");
        answer.headers_mut().extend(HeaderValue::from_str(&accept).ok().map(|a| (header::SEC_WEBSOCKET_ACCEPT, a)));
        answer.headers_mut().extend(selected.map(|s| (header::SEC_WEBSOCKET_PROTOCOL, s)));
        answer.headers_mut().remove(header::CONTENT_TYPE);
        let token = session(request.headers());
        self.echo(hyper::upgrade::on(request), (token, sip), place);
        answer
    }

    /// Waits for the connection to be handed over, then echoes until its end, answering SIP's OPTIONS where that is `sip`.
    fn echo(&self, handing_over: hyper::upgrade::OnUpgrade, (token, sip): (Option<u64>, bool), place: Pass) {
        let (context, pass) = (self.context.clone(), self.pass.clone());
        self.context.tasks.spawn(async move {
            let echoing = async {
                let stream = within(context.limits.handshake, handing_over).await?.map_err(|_| Cut::Protocol)?;
                ws::echo(TokioIo::new(stream), &context, (token, sip), pass.source()).await
            };
            if let Err(cut) = echoing.await {
                context.tally.cut(cut);
            }
            drop((pass, place));
        });
    }
}

/// The token of a granted session that an upgrade bears.
fn session(headers: &HeaderMap) -> Option<u64> {
    let token = headers.get(crate::net::ws::SESSION)?.to_str().ok()?;
    (token.len() == 16).then(|| u64::from_str_radix(token, 16).ok())?
}

fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    let has = |name, token: &str| tokens(headers, name).any(|t| t.eq_ignore_ascii_case(token));
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// The comma-separated tokens of all fields of a name.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|t| !t.is_empty())
}

/// To the same path of the host that the client named, over HTTPS.
fn redirect(request: &Request<Incoming>, port: u16) -> Answer {
    let field = request.headers().get(header::HOST).and_then(|h| h.to_str().ok());
    let Some(host) = request.uri().host().or(field).and_then(host_name) else {
        return text(StatusCode::BAD_REQUEST, "no usable Host\n");
    };
    let path = request.uri().path_and_query().map(|p| p.as_str()).filter(|p| p.starts_with('/')).unwrap_or("/");
    let location = match port {
        443 => format!("https://{host}{path}"),
        port => format!("https://{host}:{port}{path}"),
    };
    with(text(StatusCode::MOVED_PERMANENTLY, "moved to HTTPS\n"), header::LOCATION, &location)
}

/// The host in a Host field, without its port: a name, or an address (IPv6 in brackets), and nothing else.
fn host_name(field: &str) -> Option<String> {
    let authority: Authority = field.parse().ok()?;
    let host = authority.host();
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let valid = match v6 {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    };
    (valid && !host.is_empty() && !field.contains('@')).then(|| host.to_owned())
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    with(answer, header::CONTENT_TYPE, "text/plain; charset=utf-8")
}

fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    answer.headers_mut().extend(HeaderValue::from_str(value).ok().map(|v| (name, v)));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tcp::tests::dribble;

    #[test]
    fn only_a_host_is_taken_from_a_host_field() {
        for (field, host) in [
            ("example.org", "example.org"),
            ("example.org:8080", "example.org"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "[::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(host_name(field).as_deref(), Some(host));
        }
        for field in ["", ":80", "a b", "a@b", "a/b", "evil.example/x?", "[::1", "[x]", "a\r\nb", "a%20b", "a;b"] {
            assert_eq!(host_name(field), None, "{field}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_comes_a_byte_at_a_time_is_cut_at_the_deadline() {
        let context = Context::of_test();
        let deadline = context.limits.handshake;
        let pass = context.admission.enter("192.0.2.1".parse().unwrap()).ok().unwrap();
        let (client, server) = tokio::io::duplex(64);
        let site = Site { hello: true, ..Site::default() };
        let serving = Serving { site, secure: false, at: Ipv6Addr::LOCALHOST.into() };
        let header = b"GET / HTTP/1.1\r\nX: ".iter().copied().chain(std::iter::repeat_n(b'x', 600));
        let (end, took) = tokio::join!(serve(server, serving, pass, context), dribble(client, header));
        assert_eq!(end, Err(Cut::Deadline));
        assert!(took >= deadline && took < deadline + std::time::Duration::from_secs(2), "{took:?}");
    }
}
