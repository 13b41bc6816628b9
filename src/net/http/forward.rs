//! Plain HTTP that a proxy is asked for in our place: the request bears the proxy's login, and nothing of what comes back
//! may show it.

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HeaderValue, PROXY_AUTHORIZATION};

use super::{Answer, Authority, Exchange};
use crate::model::{Failure, FailureKind, Step};
use crate::net::proxy::Proxy;

/// A request to the proxy itself, in absolute form, with its login (RFC 9112 section 3.2.2); without a proxy, a plain one.
pub fn request(forward: Option<&Proxy>, to: Authority<'_>, path: &str) -> Result<Request<Full<Bytes>>, Failure> {
    let Some(proxy) = forward else { return super::request(to, path, Step::Request, &[(CONNECTION, "close")]) };
    let absolute = format!("http://{}{path}", to.header());
    let mut request = super::request(to, &absolute, Step::Request, &[(CONNECTION, "close")])?;
    if let Some(login) = proxy.authorization() {
        let mut value = HeaderValue::try_from(login.expose())
            .map_err(|_| Failure::new(Step::Request, FailureKind::Internal, "the login cannot stand in a header"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(PROXY_AUTHORIZATION, value);
    }
    Ok(request)
}

/// The head of the answer.
pub fn answer(forward: Option<&Proxy>, exchange: &Exchange) -> Answer {
    let answer = exchange.answer();
    match forward {
        Some(proxy) => proxy.answer_without_login(answer),
        None => answer,
    }
}

/// What came back.
pub fn told(forward: Option<&Proxy>, bytes: Vec<u8>) -> Vec<u8> {
    match forward {
        Some(proxy) => proxy.bytes_without_login(&bytes),
        None => bytes,
    }
}
