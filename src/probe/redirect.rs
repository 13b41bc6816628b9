//! Plain HTTP that is "Forwarded": a redirect to HTTPS on the same host is expected.

use std::net::IpAddr;

use super::layers::Climb;
use super::{Settings, Task};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::clock;
use crate::net::http::{Authority, get};
use crate::profile::RedirectSpec;

/// Asks for the spec's path and follows nothing. Measured for a right redirect, with `redirect` and `http_status`, and
/// for an answer that is no redirect, with `http_status` alone; `WrongRedirect` for one that leads elsewhere.
pub async fn probe(task: &Task, _: &Settings, spec: &RedirectSpec) -> Observation {
    let mut climb = Climb::new(ProbeKind::Http, task);
    let Some(stream) = climb.open_http(None).await else { return climb.obs };
    let to = Authority { host: &task.host, port: task.socket().port(), tls: false };
    let start = clock::now();
    let answer = match get(stream, to, &spec.path, climb.remaining(), climb.forward(false)).await {
        Ok(answer) if climb.refused_by_proxy(&answer, to) => return climb.obs,
        Ok(answer) => answer,
        Err(not) => return climb.not_spoken(not, start),
    };
    answer.record(&mut climb.obs.facts);
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        climb.obs.step_ok(Step::Request, clock::now().duration_since(start));
        return climb.obs;
    }
    let location = answer.text(&hyper::header::LOCATION, 300);
    if let Some(location) = &location {
        climb.obs.facts.set(&metric::REDIRECT, location);
    }
    match wrong(location.as_deref(), &task.host) {
        None => climb.obs.step_ok(Step::Request, clock::now().duration_since(start)),
        Some(detail) => {
            let detail = format!("status {}, {detail}", answer.status);
            return climb.failed(Failure::new(Step::Request, FailureKind::WrongRedirect, detail), start);
        }
    }
    climb.obs
}

/// What is wrong with a redirect to `location`, if anything.
fn wrong(location: Option<&str>, host: &str) -> Option<String> {
    let Some(location) = location else { return Some("a redirect without a Location".to_owned()) };
    let rest = match location.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) => {
            return Some(format!("the redirect leads to {location}, which is not HTTPS"));
        }
        _ => return Some(format!("the redirect leads to {location}, which stays on HTTP")),
    };
    let there = host_of(rest);
    (!same_host(there, host)).then(|| format!("the redirect leads to {location}, which is another host than {host}"))
}

/// The host in what follows `https://` (RFC 3986 section 3.2), without brackets, user or port.
fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Names are compared without case and final dot, addresses as addresses.
pub(super) fn same_host(a: &str, b: &str) -> bool {
    match (a.parse::<IpAddr>(), b.parse::<IpAddr>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.')),
    }
}

#[cfg(test)]
mod tests;
