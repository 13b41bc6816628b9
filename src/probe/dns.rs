//! Names themselves: fails when the system's resolver has no address for the host; what each server said is evidence.

use std::net::SocketAddr;
use std::time::Duration;

use super::Task;
use crate::model::{Observation, ProbeKind, Step, metric};
use crate::net::resolve::{self, NameReport};

/// Looks the task's host up, by the system and by each server of its configuration and of `servers`.
pub async fn probe(task: &Task, servers: &[SocketAddr]) -> Observation {
    observation(&resolve::look_up(&task.host, servers, task.deadline).await)
}

/// A look-up as an observation; a run that has looked the name up already need not ask again.
pub fn observation(report: &NameReport) -> Observation {
    let mut obs = Observation::new(ProbeKind::Dns);
    record(&mut obs, report);
    let took = Duration::from_secs_f64(report.ms.max(0.0) / 1e3);
    match &report.failure {
        None => obs.step_ok(Step::Name, took),
        Some(failure) => obs.step_failed(failure.clone(), took),
    }
    obs
}

fn record(obs: &mut Observation, report: &NameReport) {
    if !report.addresses.is_empty() {
        obs.facts.set(&metric::ADDRESSES, &report.addresses);
    }
    if !report.servers.is_empty() {
        obs.facts.set(&metric::DNS_SERVERS, &report.servers);
        obs.facts.set(&metric::DNS_DIFFER, report.differ);
    }
}

#[cfg(test)]
mod tests;
