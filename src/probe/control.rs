//! A host that has nothing to do with the platform: its certificates are looked at, and nothing is asked of it.

use std::time::Duration;

use super::layers::Climb;
use super::{Settings, Task, both};
use crate::model::{Observation, PortRange, ProbeKind, Transport};
use crate::net::tls::HTTP11;
use crate::profile::{HttpSpec, Spec};

/// Connects and shakes hands, both ways where a proxy leads there.
pub async fn probe(
    check: &str,
    host: &str,
    at: std::net::SocketAddr,
    deadline: Duration,
    settings: &Settings,
) -> Observation {
    let task = Task {
        check: check.to_owned(),
        spec: Spec::Http(HttpSpec { tls: true, either: false, path: "/".to_owned(), expect: None }),
        host: host.to_owned(),
        address: at.ip(),
        ports: PortRange::single(at.port()),
        transport: Transport::Tcp,
        stun: Vec::new(),
        proxy: None,
        unresolved: None,
        deadline,
    };
    let looked = |task: Task| async move {
        let mut climb = Climb::new(ProbeKind::Tls, &task);
        let _ = climb.open(Some((&settings.tls, HTTP11))).await;
        climb.obs
    };
    both::ways(&task, settings, looked).await
}
