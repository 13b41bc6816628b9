//! Opening a test session or one of ICE: a short JSON body over TLS, from holders of the key where there is one. Decides
//! nothing; what is granted is decided by the thread that owns the sessions.

use std::net::IpAddr;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::{Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tcp::{Context, within};
use crate::session::granted::Denied;
use crate::wire::grant::{LONGEST, Refusal};

type Answer = Response<Full<Bytes>>;

/// Answers a request for a session from `source`. `authorised`: it shows the key's token, or there is no key.
pub(super) async fn open<B>(request: Request<B>, source: IpAddr, authorised: bool, context: &Context) -> Answer
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match admitted(request, authorised, context).await {
        Ok(ask) => answer(context.door.ask(ask, source).await, source),
        Err(refusal) => refusal,
    }
}

/// Answers a request for an ICE session, which came to the address `at`.
pub(super) async fn open_ice<B>(
    request: Request<B>,
    source: IpAddr,
    at: IpAddr,
    authorised: bool,
    context: &Context,
) -> Answer
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match admitted(request, authorised, context).await {
        Ok(ask) => {
            let ports = |chance| context.media.candidates(at, chance);
            answer(context.door.ask_ice(ask, source, ports).await, source)
        }
        Err(refusal) => refusal,
    }
}

/// What a client that may ask asks with; `Err`: the answer to any other.
async fn admitted<B, T: DeserializeOwned>(request: Request<B>, authorised: bool, context: &Context) -> Result<T, Answer>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if request.method() != Method::POST {
        let mut answer = refuse(StatusCode::METHOD_NOT_ALLOWED, "a session is opened with POST");
        answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return Err(answer);
    }
    if !authorised {
        let why = match request.headers().contains_key(header::AUTHORIZATION) {
            true => "the key given is not the responder's (RTC_CHECK_RESPONDER_KEY)",
            false => "the responder's key is needed (RTC_CHECK_RESPONDER_KEY)",
        };
        let mut answer = refuse(StatusCode::UNAUTHORIZED, why);
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        return Err(answer);
    }
    ask(request.into_body(), context).await.map_err(|why| refuse(StatusCode::BAD_REQUEST, &why))
}

/// What was granted, or why nothing was.
fn answer(granted: Result<impl Serialize, Denied>, source: IpAddr) -> Answer {
    match granted {
        Ok(grant) => json(StatusCode::OK, &grant),
        Err(denied) => {
            let (status, why) = match denied {
                Denied::Never(why) => (StatusCode::BAD_REQUEST, why),
                Denied::Source(why) => (StatusCode::TOO_MANY_REQUESTS, why),
                Denied::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
            };
            tracing::debug!(%source, %why, "session refused");
            refuse(status, &why)
        }
    }
}

/// The body, of bounded length and in bounded time.
async fn ask<B, T: DeserializeOwned>(body: B, context: &Context) -> Result<T, String>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let whole = within(context.limits.handshake, Limited::new(body, LONGEST).collect()).await;
    let whole = whole.map_err(|_| "the body did not come in time".to_owned())?;
    let whole = whole.map_err(|_| format!("the body is longer than {LONGEST} bytes or was cut off"))?;
    serde_json::from_slice(&whole.to_bytes()).map_err(|e| format!("the body is not what is asked with: {e}"))
}

fn refuse(status: StatusCode, why: &str) -> Answer {
    json(status, &Refusal { refused: why.to_owned() })
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(serde_json::to_vec(body).unwrap_or_default())));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    answer
}
