//! In place of peers, in a build without the feature `media`: nobody sends media back.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Visit;
use super::gate::{Gate, Lane, Sender};
use crate::model::RuleId;
use crate::session::granted::Denied;

/// Where a peer would be met.
#[derive(Clone, Copy)]
pub struct Place {
    pub port: u16,
}

/// None at all.
pub struct Peers;

impl Peers {
    pub fn new(_: &Arc<Gate>, _: Vec<(RuleId, SocketAddr)>, _: Vec<(Lane, Sender)>, _: &CancellationToken) -> Self {
        Self
    }

    pub fn place(&self, _: &RuleId, _: std::net::IpAddr) -> Option<Place> {
        None
    }

    pub async fn open(
        &self,
        _: &str,
        _: Place,
        _: &Visit,
        _: (&TaskTracker, &CancellationToken),
    ) -> Result<String, Denied> {
        Err(Denied::Never("this responder was built without the feature `media`".to_owned()))
    }
}
