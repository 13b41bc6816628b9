//! Stands in for TCP services whose own probe is not built: connects, shakes hands where the service runs over TLS, and
//! says in `observed.fallback` what that leaves open.

use super::layers::Climb;
use super::{Settings, Task, service_name};
use crate::model::{Observation, ProbeKind, Service, metric};

/// Connects for `service`; `rtmps` and `turns` shake hands too.
pub async fn probe(task: &Task, settings: &Settings, service: Service) -> Observation {
    let tls = matches!(service, Service::Rtmps | Service::Turns);
    let mut climb = Climb::new(if tls { ProbeKind::Tls } else { ProbeKind::Tcp }, task);
    let trust = tls.then_some((&*settings.tls, &[][..]));
    climb.open(trust).await;
    let (what, seen) =
        if tls { ("a TLS handshake", "the port speaks TLS") } else { ("TCP connect", "the port is open") };
    let name = service_name(service, task.transport);
    let left_open =
        if climb.obs.failure().is_none() { format!(": {seen}, what listens was not asked") } else { String::new() };
    climb.obs.facts.set(&metric::FALLBACK, format!("{what} stood in for {name}{left_open}"));
    climb.obs
}

#[cfg(test)]
mod tests;
