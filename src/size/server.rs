//! Channels to servers: the smallest documented size that holds them, or several servers. Knows the rows of server
//! requirements alone.

use crate::model::sizing::{Machines, ModelRow, ServerNeed};
use crate::profile::{ServerModel, ServerSize, Sizing};

use super::rounded;

/// The servers for `channels`; `None` where the profile has no size of server. Beyond the largest size there are as many
/// of it as are full, and the smallest size that holds the rest.
pub(super) fn need(sizing: &Sizing, channels: u32) -> Option<ServerNeed> {
    let largest = sizing.servers.last()?;
    let mut full = channels / largest.channels;
    let rest = channels % largest.channels;
    let mut machines = Vec::new();
    let last = (rest > 0).then(|| smallest(sizing, rest)).flatten();
    if last.is_some_and(|l| l.channels == largest.channels) {
        full += 1;
    }
    if full > 0 {
        machines.push(machine(sizing, largest, full));
    }
    machines.extend(last.filter(|l| l.channels < largest.channels).map(|l| machine(sizing, l, 1)));
    let sum = |figure: fn(&Machines) -> u32| machines.iter().map(|m| m.count.saturating_mul(figure(m))).sum();
    Some(ServerNeed {
        servers: machines.iter().map(|m| m.count).sum(),
        channels: sum(|m| m.channels),
        cores_least: sum(|m| m.cores_least),
        cores_most: sum(|m| m.cores_most),
        memory_gb: rounded(machines.iter().map(|m| f64::from(m.count) * m.memory_gb).sum()),
        machines,
    })
}

fn smallest(sizing: &Sizing, channels: u32) -> Option<&ServerSize> {
    sizing.servers.iter().find(|s| s.channels >= channels)
}

fn machine(sizing: &Sizing, size: &ServerSize, count: u32) -> Machines {
    let models = size.models.iter().filter_map(|name| sizing.model(name));
    Machines {
        count,
        channels: size.channels,
        cores_least: size.cores.least,
        cores_most: size.cores.most,
        memory_gb: size.memory_gb,
        models: models.map(model).collect(),
        source: size.source.clone(),
    }
}

fn model(model: &ServerModel) -> ModelRow {
    ModelRow {
        name: model.name.clone(),
        title: model.title.clone(),
        cloud: model.cloud.clone(),
        reference: model.reference.clone(),
        source: model.source.clone(),
    }
}
