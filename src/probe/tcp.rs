//! TCP connect: whether the port is open, and who says so when it is not.

use super::Task;
use super::layers::Climb;
use crate::model::{Observation, ProbeKind};

/// Connects to the task's first port.
pub async fn probe(task: &Task) -> Observation {
    let mut climb = Climb::new(ProbeKind::Tcp, task);
    climb.connect().await;
    climb.obs
}

#[cfg(test)]
mod tests;
