//! The way to a target: the interface it leaves by, the first routers, and which sizes of datagrams pass. Knows no limit and
//! judges nothing.

use std::net::{IpAddr, SocketAddr};

use tokio_util::sync::CancellationToken;

use super::Settings;
use super::stun::credential;
use super::trial::TrialTask;
use crate::model::path::PathHop;
use crate::model::{Facts, Observation, ProbeKind, metric};
use crate::net::host::{Root, link, processors};
use crate::net::{chance, hops as routers, interfaces, path_mtu};
use crate::session::path_mtu::Config;
use crate::wire::stun;

/// Routers that are looked at.
const FARTHEST: u8 = 3;

/// Where routers are looked for when nothing is known to answer: traceroute's own port.
const TRACEROUTE: u16 = 33_434;

/// Looks at the way to the task's address; `ports` may answer STUN.
pub async fn probe(task: &TrialTask, ports: &[u16], settings: &Settings, cancel: &CancellationToken) -> Observation {
    let mut observation = Observation::new(ProbeKind::Path);
    way_out(task.address, &mut observation.facts);
    let config = Config {
        target: task.address,
        ports: ports.to_vec(),
        secret: chance::bytes(),
        credential: credential(settings),
    };
    match path_mtu::run(config, task.deadline, cancel).await {
        Ok(session) => {
            if let Some(mtu) = session.outcome() {
                let port = mtu.port;
                observation.facts.set(&metric::MTU, mtu);
                look(SocketAddr::new(task.address, port), &mut observation, cancel).await;
            }
        }
        Err(failure) => return Observation::failed(ProbeKind::Path, failure),
    }
    observation
}

/// Looks for the first routers on the way to an address at which nothing is known to answer.
pub async fn hops(address: IpAddr, observation: &mut Observation, cancel: &CancellationToken) {
    look(SocketAddr::new(address, TRACEROUTE), observation, cancel).await;
}

async fn look(to: SocketAddr, observation: &mut Observation, cancel: &CancellationToken) {
    let mut buf = [0; stun::MAX_WRITTEN];
    let len = stun::write_binding_request(&mut buf, chance::bytes(), None, stun::request_len(false));
    let bytes = buf.get(..len.unwrap_or(0)).unwrap_or_default().to_vec();
    let found = routers::hops(to, FARTHEST, bytes, cancel).await.unwrap_or_default();
    let hop = |h: &routers::Hop| PathHop { distance: h.distance, address: h.address };
    observation.facts.set(&metric::HOPS, found.iter().map(hop).collect::<Vec<_>>());
}

/// The interface that packets leave by, where the system tells.
fn way_out(to: IpAddr, facts: &mut Facts) {
    let Some(route) = interfaces::route(to) else { return };
    facts.set(&metric::LOCAL, route.source.to_string());
    let Some(interface) = route.interface else { return };
    let root = Root::default();
    let is_guest = processors::processors(&root).is_ok_and(|p| p.is_guest);
    facts.set(&metric::WAY_OUT, link::link(&root, &interface.name, is_guest));
}
