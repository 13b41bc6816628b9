//! What the page is answered: files and JSON under what browsers are held to, and refusals in a sentence.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::session::granted::Denied;
use crate::wire;

/// A whole answer.
pub(in crate::serve) type Answer = Response<Full<Bytes>>;

/// More than one source may ask in a while.
pub(super) fn too_many() -> Answer {
    refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests from this address; wait a minute")
}

/// A session that was not granted, and why.
pub(super) fn denied_words(denied: Denied) -> Answer {
    match denied {
        Denied::Never(why) => refuse(StatusCode::BAD_REQUEST, &why),
        Denied::Source(why) => refuse(StatusCode::TOO_MANY_REQUESTS, &why),
        Denied::Busy(why) => refuse(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

/// What the desk said, which is JSON already.
pub(super) fn told(text: Result<String, String>) -> Answer {
    match text {
        Ok(text) => plain(StatusCode::OK, text.into_bytes()),
        Err(why) => refuse(StatusCode::BAD_REQUEST, &why),
    }
}

/// A refusal in a sentence.
pub(super) fn refuse(status: StatusCode, why: &str) -> Answer {
    json(status, &wire::grant::Refusal { refused: why.to_owned() })
}

/// A document.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    plain(status, serde_json::to_vec(body).unwrap_or_default())
}

fn plain(status: StatusCode, body: Vec<u8>) -> Answer {
    let mut answer = guarded(body, "application/json", "");
    *answer.status_mut() = status;
    answer
}

/// What browsers are held to: no script but the page's own, no frame around it, and connections to `sources` alone.
pub(super) fn guarded(body: Vec<u8>, kind: &'static str, sources: &str) -> Answer {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {sources}; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.extend(HeaderValue::from_str(&policy).ok().map(|p| (header::CONTENT_SECURITY_POLICY, p)));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
