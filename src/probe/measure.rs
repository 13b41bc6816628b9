//! Measurements: what is sent to learn how well a way carries media. Like every probe it sees no limit: whether its
//! figures decide what they are for is asked of a closure that was handed in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::quality::Run;
use super::{Progress, Settings};
use crate::model::{Estimates, Length, Load, Observation, PortRange, RuleId, Service, Transport};
use crate::profile::Spec;

/// One target address and what is to be measured on it.
#[derive(Clone)]
pub struct MeasureTask {
    /// The check's id, for events.
    pub check: String,
    /// The host as given.
    pub host: String,
    /// Where to send.
    pub address: IpAddr,
    /// Every rule of the role that could be a way to measure over, and what its own check saw, in the profile's order.
    pub ways: Vec<Way>,
    /// Every relay of the run whose own check relayed data, in the order in which a call prefers them.
    pub relays: Vec<super::trial::RelayServer>,
    /// Loads to offer, the highest first; the next is tried only where the one before did not hold.
    pub loads: Vec<Load>,
    /// How long each lasts.
    pub length: Length,
    /// DSCP to send with.
    pub dscp: u8,
    /// How much there is, beyond what is required, with the most bytes that may be used for it.
    pub capacity: Option<u64>,
    /// No longer than this, all loads together.
    pub deadline: Duration,
}

/// A rule on the task's address.
#[derive(Clone, Debug)]
pub struct Way {
    pub rule: RuleId,
    pub spec: Spec,
    pub service: Service,
    pub transport: Transport,
    pub ports: Option<PortRange>,
    /// What its own check saw before; `None` where it was not tried.
    pub seen: Option<Observation>,
}

pub use crate::model::Standing;

/// Tells how figures under a load stand: the judge's, handed in.
pub type Stands = Arc<dyn Fn(&Load, &Estimates) -> Standing + Send + Sync>;

/// Carries out one measurement: chooses what to measure with, and offers the loads from the top until one holds. Where
/// no load can be offered, `stands` is asked with [`Load::NONE`]. A failure says what was tried; `observed` has what was
/// seen in both cases.
pub async fn measure(
    task: &MeasureTask,
    settings: &Settings,
    stands: Stands,
    cancel: &CancellationToken,
    progress: Progress,
) -> Observation {
    Run::new(task, settings, stands, cancel, progress).measure().await
}
