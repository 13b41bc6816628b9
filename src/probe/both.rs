//! A rule over TCP where a proxy leads to its host: probed directly and through the proxy, side by side, by the same code.
//! The way through the proxy decides, because it is the one that a browser there takes. Knows no service.

use std::sync::Arc;

use super::trial::RelayServer;
use super::{Proxy, Settings, Task};
use crate::model::{Failure, Observation, ProbeKind, Step, StepTiming, WayTaken, metric};

/// Carries out the task the one way there is, or both.
pub async fn ways<F>(task: &Task, settings: &Settings, way: impl Fn(Task) -> F) -> Observation
where
    F: Future<Output = Observation>,
{
    let port = task.socket().port();
    let proxy = settings.proxy_to(&task.spec, task.transport, &task.host, port).filter(|_| task.proxy.is_none());
    let kind = super::kind(&task.spec);
    let Some(proxy) = proxy else {
        return match &task.unresolved {
            Some(failure) => Observation::failed(kind, failure.clone()),
            None => way(task.clone()).await,
        };
    };
    let through = way(Task { proxy: Some(Arc::clone(&proxy)), ..task.clone() });
    let (direct, proxied) = match &task.unresolved {
        Some(failure) => (unresolved(kind, failure), through.await),
        None => tokio::join!(way(task.clone()), through),
    };
    merged(&proxy, &direct, proxied)
}

/// The same for a relay that the operator names.
pub async fn relay_ways<F>(server: &RelayServer, settings: &Settings, way: impl Fn(RelayServer) -> F) -> Observation
where
    F: Future<Output = Observation>,
{
    let proxy = settings.proxies.to(&server.host, server.address.port(), false);
    let Some(proxy) = proxy.filter(|_| !server.transport.is_udp()) else { return way(server.clone()).await };
    let through = way(RelayServer { proxy: Some(Arc::clone(&proxy)), ..server.clone() });
    let (direct, proxied) = tokio::join!(way(server.clone()), through);
    merged(&proxy, &direct, proxied)
}

fn unresolved(kind: ProbeKind, failure: &Failure) -> Observation {
    let mut observation = Observation::failed(kind, failure.clone());
    let result = format!("{}: {}", failure.kind.as_str(), failure.detail);
    observation.steps.push(StepTiming { step: Step::Name, ms: 0.0, result });
    observation
}

/// What was seen through the proxy, with both ways in its facts.
fn merged(proxy: &Proxy, direct: &Observation, mut proxied: Observation) -> Observation {
    proxy.hide_login(&mut proxied);
    let through = WayTaken::of(&proxied, Some(proxy.to_string()));
    proxied.facts.set(&metric::DIRECT, WayTaken::of(direct, None));
    proxied.facts.set(&metric::PROXY, through);
    proxied
}
