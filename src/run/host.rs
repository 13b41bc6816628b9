//! Carries out a plan of the machine that the program runs on: its subjects one after another, each bounded in time.
//! Judges nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::model::machine::Destination;
use crate::model::{Failure, FailureKind, Host, Observation, Planned, ProbeKind, Seen, Step, Subject};
use crate::net::{clock, resolve};
use crate::plan::HostPlan;
use crate::probe::host::{self, Machine};

/// Files of the kernel are read at once; a directory on a server that is away is not.
const LONGEST: Duration = Duration::from_secs(10);

/// Looks at every subject in the order of the plan. A destination that is a name is looked up, and gives one [`Seen`] for
/// each family that it has an address in.
pub async fn run(plan: &HostPlan, machine: Arc<Machine>, timeout: Duration, cancel: &CancellationToken) -> Vec<Seen> {
    let start = clock::now();
    let mut all = Vec::new();
    for (index, item) in plan.items.iter().enumerate() {
        let addresses = match &item.subject {
            Subject::WayOut(Destination::Host(host)) => addresses(host, timeout).await,
            _ => Ok(vec![None]),
        };
        let begun = clock::now();
        match addresses {
            Ok(addresses) => {
                for address in addresses {
                    let begun = clock::now();
                    let observation = look(&machine, &item.subject, address, cancel).await;
                    all.push(seen(index, address, observation, start, begun));
                }
            }
            Err(failure) => {
                let observation = Observation::failed(ProbeKind::Host, failure);
                all.push(seen(index, None, observation, start, begun));
            }
        }
    }
    all
}

fn seen(index: usize, address: Option<IpAddr>, observation: Observation, start: Instant, begun: Instant) -> Seen {
    let ms =
        |from: Instant, to: Instant| u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX);
    let (started_ms, duration_ms) = (ms(start, begun), ms(begun, clock::now()));
    Seen { of: Planned::Machine(index), address, observation, started_ms, duration_ms }
}

/// Looks on a thread that may wait, and gives up waiting for it.
async fn look(
    machine: &Arc<Machine>,
    subject: &Subject,
    address: Option<IpAddr>,
    cancel: &CancellationToken,
) -> Observation {
    let (machine, subject) = (Arc::clone(machine), subject.clone());
    let looking = tokio::task::spawn_blocking(move || machine.look(&subject, address));
    tokio::select! {
        told = looking => told.unwrap_or_else(|error| super::guard::crashed(ProbeKind::Host, &error)),
        () = tokio::time::sleep(LONGEST) => host::too_long(LONGEST),
        () = cancel.cancelled() => super::guard::ended(ProbeKind::Host),
    }
}

/// The first address of each family.
async fn addresses(host: &Host, timeout: Duration) -> Result<Vec<Option<IpAddr>>, Failure> {
    let report = resolve::look_up(&host.bare(), &[], timeout).await;
    let first = |v6: bool| report.addresses.iter().copied().find(|a| a.is_ipv6() == v6);
    let found: Vec<Option<IpAddr>> = [first(false), first(true)].into_iter().flatten().map(Some).collect();
    let none = || Failure::new(Step::Name, FailureKind::NoAddress, format!("{host} has no address"));
    if found.is_empty() { Err(report.failure.unwrap_or_else(none)) } else { Ok(found) }
}
