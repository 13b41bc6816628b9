//! HTTP and HTTPS: one GET, redirects on the same port followed, and which product answers. Any HTTP answer is an answer,
//! whatever its status; what it is worth is not decided here.

mod follow;

use std::time::Instant;

use super::layers::Climb;
use super::{Settings, Task, stranger};
use crate::model::web::{Left, Product, ProductKind, Redirects};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::classify::clean;
use crate::net::clock;
use crate::net::http::{self, Answer, Authority};
use crate::net::talk::NotSpoken;
use crate::net::tls::HTTP11;
use crate::profile::HttpSpec;
use crate::wire::recognise::{Kind, Page, Recognised, recognise};
use follow::{Place, Trail};
use hyper::header::LOCATION;

/// Asks for the spec's path. Where the document says "HTTP/HTTPS", the other of the two is tried when the port does not
/// speak the first; the steps of both are kept.
pub async fn probe(task: &Task, settings: &Settings, spec: &HttpSpec) -> Observation {
    let first = once(task, settings, spec, spec.tls);
    if !spec.either {
        return first.await;
    }
    let start = clock::now();
    // A port that waits in silence for the other protocol is asked in it beside the first, which may only be slow.
    let late = Task { deadline: task.deadline * 9 / 20, ..task.clone() };
    let other = async { Some(once(&late, settings, spec, !spec.tls).await) };
    let (first, beside) = stranger::meanwhile(first, task.deadline, other).await;
    if !speaks_another(&first) {
        return first;
    }
    let left = task.deadline.saturating_sub(clock::now().duration_since(start));
    match beside {
        Some(second) => merge(first, second),
        None if left.is_zero() => first,
        None => {
            let rest = Task { deadline: left, ..task.clone() };
            merge(first, once(&rest, settings, spec, !spec.tls).await)
        }
    }
}

/// The observation that got further, with the steps of both.
fn merge(mut first: Observation, mut second: Observation) -> Observation {
    if second.failure().is_some() && (first.failure().is_none() || !got_certificate(&second)) {
        first.steps.append(&mut second.steps);
        return first;
    }
    first.steps.append(&mut second.steps);
    second.steps = first.steps;
    second
}

/// TLS was spoken, whatever became of it.
fn got_certificate(obs: &Observation) -> bool {
    obs.facts.has(&metric::CERT_CHAIN)
}

/// One protocol: asks, and follows what redirects stay on the port.
async fn once(task: &Task, settings: &Settings, spec: &HttpSpec, tls: bool) -> Observation {
    let end = clock::now() + task.deadline;
    let port = task.socket().port();
    let mut trail = Trail::new(Place { tls, path: spec.path.clone() }, &task.host, port, spec.either);
    let mut sum: Option<Observation> = None;
    loop {
        let hop = Task { deadline: end.saturating_duration_since(clock::now()), ..task.clone() };
        let (seen, location) = ask(&hop, settings, trail.here()).await;
        let (all, broken) = match sum.take() {
            Some(before) => joined(before, seen),
            None => (seen, None),
        };
        let left = broken.or_else(|| location.as_deref().and_then(|l| trail.follow(l).err()));
        if location.is_none() || left.is_some() {
            return noted(all, &trail, left);
        }
        sum = Some(all);
    }
}

/// One request: what was seen, and where it leads.
async fn ask(task: &Task, settings: &Settings, place: &Place) -> (Observation, Option<String>) {
    let mut climb = Climb::new(ProbeKind::Http, task);
    let Some(stream) = climb.open_http(place.tls.then_some((&*settings.tls, HTTP11))).await else {
        return (climb.obs, None);
    };
    let to = Authority { host: &task.host, port: task.socket().port(), tls: place.tls };
    let start = clock::now();
    match http::page(stream, to, &place.path, climb.remaining(), climb.forward(place.tls)).await {
        Ok((answer, _)) if climb.refused_by_proxy(&answer, to) => (climb.obs, None),
        Ok((answer, body)) => recorded(climb, &answer, &body, start),
        Err(not) => (climb.not_spoken(not, start), None),
    }
}

fn recorded(mut climb: Climb<'_>, answer: &Answer, body: &[u8], start: Instant) -> (Observation, Option<String>) {
    answer.record(&mut climb.obs.facts);
    let product = match recognise(Page { status: answer.status, headers: &answer.lines(), body }).map(product) {
        Some(Err(WantsTls)) => {
            let detail = "what listens there speaks TLS and not plain HTTP: it answered 400 and said so".to_owned();
            let failure = Failure::new(Step::Request, FailureKind::Garbage, detail);
            return (climb.not_spoken(NotSpoken { failure, met: Some("TLS") }, start), None);
        }
        Some(Ok(product)) => Some(product),
        None => None,
    };
    climb.obs.step_ok(Step::Request, clock::now().duration_since(start));
    if let Some(product) = product {
        climb.obs.facts.set(&metric::SERVICE, product);
    }
    let redirects = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
    if let Some(location) = answer.text(&LOCATION, 200) {
        climb.obs.facts.set(&metric::REDIRECT, location);
    }
    let location = answer.headers.get(&LOCATION).filter(|_| redirects);
    (climb.obs, location.map(|l| String::from_utf8_lossy(l.as_bytes()).into_owned()))
}

/// The answer was that TLS is spoken here.
struct WantsTls;

fn product(Recognised { kind, name, by }: Recognised) -> Result<Product, WantsTls> {
    let kind = match kind {
        Kind::Responder => ProductKind::Responder,
        Kind::Wowza => ProductKind::Wowza,
        Kind::Janus => ProductKind::Janus,
        Kind::Acme => ProductKind::Acme,
        Kind::Repository => ProductKind::Repository,
        Kind::Aws => ProductKind::Aws,
        Kind::Portal => ProductKind::Portal,
        Kind::WebServer => ProductKind::WebServer,
        Kind::Tls => return Err(WantsTls),
    };
    Ok(Product { kind, name: clean(&name, 100), by: by.to_owned() })
}

/// The steps of both. What is known of the service is what the surer of the two showed; a place that a redirect led to
/// and that did not answer leaves what was seen before.
fn joined(mut before: Observation, mut after: Observation) -> (Observation, Option<Left>) {
    before.steps.append(&mut after.steps);
    if after.failure().is_some() {
        return (before, Some(Left::Broken));
    }
    let shown: Option<Product> = after.facts.get(&metric::SERVICE);
    if shown.is_none_or(|p| p.kind == ProductKind::WebServer)
        && let Some(product) = before.facts.get::<Product>(&metric::SERVICE)
    {
        after.facts.set(&metric::SERVICE, product);
    }
    after.steps = before.steps;
    (after, None)
}

/// Notes what redirects were followed and why no more.
fn noted(mut all: Observation, trail: &Trail<'_>, left: Option<Left>) -> Observation {
    let followed: Vec<String> = trail.followed().into_iter().map(|path| clean(path, 100)).collect();
    if left.is_some() || !followed.is_empty() {
        all.facts.set(&metric::REDIRECTS, Redirects { followed, left });
    }
    all
}

/// What came back lets us think that the port speaks the other of HTTP and HTTPS: an answer that is none, a hang-up
/// after our first bytes, or status 400, with which nginx answers plain text on its HTTPS port.
fn speaks_another(obs: &Observation) -> bool {
    let Some(failure) = obs.failure() else { return obs.facts.get::<u16>(&metric::HTTP_STATUS) == Some(400) };
    // A stranger who gave its name speaks neither.
    if obs.facts.get::<String>(&metric::MET).is_some_and(|met| met != "HTTP" && met != "TLS") {
        return false;
    }
    match failure.step {
        Step::Tls => matches!(
            failure.kind,
            FailureKind::NotTls | FailureKind::TlsCutOff | FailureKind::Garbage | FailureKind::TimedOut
        ),
        Step::Request => {
            matches!(
                failure.kind,
                FailureKind::Garbage | FailureKind::Closed | FailureKind::Reset | FailureKind::TimedOut
            )
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
