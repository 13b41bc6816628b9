//! Who asks for what: logins first, then the path. Every answer has a type, its length and no more than it needs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::exporter::Refusal;
use crate::exporter::tally::Now;
use crate::net::clock;

use super::door::{Door, Turned};
use super::{Site, page, probe, process};

pub(super) type Answer = Response<Full<Bytes>>;

/// Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

const OWN_FAULT: &str = "the exporter cannot carry this out; its log says why";

/// When to ask again, in seconds, where everything is taken.
const AGAIN: &str = "5";

/// Answers one request.
pub async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    site: &Arc<Site>,
    door: &Door,
    connections: usize,
) -> Answer {
    let at = clock::now();
    let loaded = door.current();
    let mut answer = match door.admits(&loaded, request.headers().get(header::AUTHORIZATION)).await {
        Ok(()) => routed(request, peer, site, connections, at).await,
        Err(turned) => turned_away(turned, peer, site),
    };
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in &loaded.headers {
        answer.headers_mut().insert(name.clone(), value.clone());
    }
    answer
}

fn turned_away(turned: Turned, peer: SocketAddr, site: &Site) -> Answer {
    let (why, sentence) = match turned {
        Turned::Login => (Refusal::Login, "a user name and a password are needed"),
        Turned::Busy => (Refusal::Logins, "too many logins wait to be verified"),
    };
    site.tally.refused(why);
    site.log.refused(peer.ip().to_canonical(), why.as_str(), sentence);
    match turned {
        Turned::Login => with(
            text(StatusCode::UNAUTHORIZED, PLAIN, line(sentence)),
            header::WWW_AUTHENTICATE,
            "Basic realm=\"rtc-check\", charset=\"UTF-8\"",
        ),
        Turned::Busy => with(text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, line(sentence)), header::RETRY_AFTER, AGAIN),
    }
}

async fn routed(
    request: Request<Incoming>,
    peer: SocketAddr,
    site: &Arc<Site>,
    connections: usize,
    at: Instant,
) -> Answer {
    let path = request.uri().path();
    if !["/", "/metrics", "/probe", "/-/healthy", "/-/ready"].contains(&path) {
        return text(StatusCode::NOT_FOUND, PLAIN, line("there is /probe, /metrics, /-/healthy and /-/ready"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return with(text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, line("GET or HEAD")), header::ALLOW, "GET, HEAD");
    }
    match path {
        "/probe" => probed(&request, peer, site, at).await,
        "/metrics" => text(StatusCode::OK, EXPOSITION, metrics(site, connections)),
        "/" => text(StatusCode::OK, "text/html; charset=utf-8", page::page(site)),
        _ if site.stop.is_cancelled() => text(StatusCode::SERVICE_UNAVAILABLE, PLAIN, line("the exporter ends")),
        _ => text(StatusCode::OK, PLAIN, line("rtc-check exporter is well")),
    }
}

fn metrics(site: &Site, connections: usize) -> String {
    site.tally.text(&Now {
        version: env!("CARGO_PKG_VERSION"),
        in_flight: site.max_probes.saturating_sub(site.room.available_permits()),
        max_probes: site.max_probes,
        connections,
        process: process::now(site.started),
    })
}

async fn probed(request: &Request<Incoming>, peer: SocketAddr, site: &Arc<Site>, at: Instant) -> Answer {
    let peer = peer.ip().to_canonical();
    let timeout = request.headers().get(crate::exporter::patience::HEADER).map(|v| v.to_str().unwrap_or("?"));
    let asked = probe::Asked { query: request.uri().query().unwrap_or(""), timeout, at };
    // Planning costs, too: who finds no place plans nothing.
    let ready = probe::place(site).and_then(|place| Ok((probe::prepare(&asked, site)?, place)));
    let done = match ready {
        // A look whether the probe would be carried out.
        Ok(_) if request.method() == Method::HEAD => Ok(String::new()),
        Ok((ready, place)) => probe::carry_out(ready, peer, site, place).await,
        Err(refused) => Err(refused),
    };
    match done {
        Ok(exposition) => text(StatusCode::OK, EXPOSITION, exposition),
        Err(probe::Refused { status, why, sentence }) => {
            site.tally.refused(why);
            site.log.refused(peer, why.as_str(), &sentence);
            // What is wrong here is the operator's to read, and names files.
            let told = if why == Refusal::Exporter { OWN_FAULT } else { &sentence };
            let answer = text(status, PLAIN, line(told));
            if why == Refusal::Busy { with(answer, header::RETRY_AFTER, AGAIN) } else { answer }
        }
    }
}

fn line(sentence: &str) -> String {
    format!("{sentence}\n")
}

fn text(status: StatusCode, kind: &str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    with(with(answer, header::CONTENT_TYPE, kind), header::CACHE_CONTROL, "no-store")
}

fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    answer.headers_mut().extend(HeaderValue::from_str(value).ok().map(|v| (name, v)));
    answer
}
