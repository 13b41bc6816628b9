//! HTTP and HTTPS: one GET. Any HTTP answer is an answer, whatever its status; what it is worth is not decided here.

use super::layers::Climb;
use super::{Settings, Task};
use crate::model::{FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::http::{Authority, get};
use crate::net::tls::HTTP11;
use crate::net::{clock, http};
use crate::profile::HttpSpec;

/// Asks for the spec's path. Where the document says "HTTP/HTTPS", the other of the two is tried when the port does not
/// speak the first; the steps of both are kept.
pub async fn probe(task: &Task, settings: &Settings, spec: &HttpSpec) -> Observation {
    if !spec.either {
        return once(task, settings, spec, spec.tls).await;
    }
    let start = clock::now();
    // A port that waits in silence for the other protocol must leave time to ask in it.
    let half = Task { deadline: task.deadline / 2, ..task.clone() };
    let first = once(&half, settings, spec, spec.tls).await;
    if !speaks_another(&first) {
        return first;
    }
    let left = task.deadline.saturating_sub(clock::now().duration_since(start));
    let rest = Task { deadline: left, ..task.clone() };
    let second = once(&rest, settings, spec, !spec.tls).await;
    merge(first, second)
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

async fn once(task: &Task, settings: &Settings, spec: &HttpSpec, tls: bool) -> Observation {
    let mut climb = Climb::new(ProbeKind::Http, task);
    let Some(stream) = climb.open(tls.then_some((&*settings.tls, HTTP11))).await else { return climb.obs };
    let to = Authority { host: &task.host, port: task.socket().port(), tls };
    let start = clock::now();
    match get(stream, to, &spec.path, climb.remaining()).await {
        Ok(answer) => record(climb, &answer, start),
        Err(failure) => climb.failed(failure, start),
    }
}

fn record(mut climb: Climb<'_>, answer: &http::Answer, start: std::time::Instant) -> Observation {
    climb.obs.step_ok(Step::Request, clock::now().duration_since(start));
    answer.record(&mut climb.obs.facts);
    if let Some(location) = answer.text(&hyper::header::LOCATION, 200) {
        climb.obs.facts.set(&metric::REDIRECT, location);
    }
    climb.obs
}

/// What came back lets us think that the port speaks the other of HTTP and HTTPS: an answer that is none, a hang-up
/// after our first bytes, or status 400, with which nginx answers plain text on its HTTPS port.
fn speaks_another(obs: &Observation) -> bool {
    let Some(failure) = obs.failure() else { return obs.facts.get::<u16>(&metric::HTTP_STATUS) == Some(400) };
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
