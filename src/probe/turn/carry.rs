//! A train of somebody else's through a relay: the way there, the relayed session, and what came of the train.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::loops::{open, turn_plan};
use super::{left, leg};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step};
use crate::net::clock;
use crate::net::paced::{Paced, Start};
use crate::probe::Settings;
use crate::probe::trial::RelayServer;
use crate::session::train::{self, Train};
use crate::session::turn::{self, Ending, Peer, Relay, Relayed};

/// Opening a relay at the most, beside what is sent through it.
pub const OPENING: Duration = Duration::from_secs(8);

/// What is to be carried, and how.
pub struct Carried<'a> {
    pub relay: &'a RelayServer,
    pub peer: Peer,
    /// An IPv6 address is asked for.
    pub relay_v6: bool,
    pub dscp: u8,
    /// Opening, train and release together.
    pub deadline: Duration,
}

impl Carried<'_> {
    /// Carries the train that `make` makes for the peer, at that moment on both clocks.
    ///
    /// # Errors
    /// There was no relay to send anything through: of the way to it, or of what it answered.
    pub async fn train(
        self,
        settings: &Settings,
        cancel: &CancellationToken,
        make: impl FnOnce(SocketAddr, Instant, Duration) -> Train + Send + 'static,
        progress: impl Fn(u32, u32) + Send + 'static,
    ) -> Result<train::Outcome, Failure> {
        let end = clock::now() + self.deadline;
        let mut observation = Observation::new(ProbeKind::Turn);
        let no_way = || Failure::new(Step::Connect, FailureKind::Internal, "no way to the relay");
        // Held until the session is over: with it goes the way.
        let opened = open(&leg(self.relay, settings), end, &mut observation).await;
        let (way, shim) = opened.map_err(|()| observation.failure().cloned().unwrap_or_else(no_way))?;
        let plan = turn_plan(settings, &way, self.peer, self.relay_v6);
        let paced = Paced {
            target: way.server.ip(),
            dscp: self.dscp,
            deadline: left(end),
            cancel: cancel.clone(),
            step: Step::Allocate,
        };
        let session = move |start: Start| {
            let inside = move |relay: &Relay, now: Instant| {
                make(relay.peer, now, start.wall + now.saturating_duration_since(start.at))
            };
            Relayed::new(plan, inside, start.at)
        };
        let driven = paced.run_over(way, session, progress).await?;
        let (relay, train) = driven.session.finish(driven.ended);
        let cut = driven.cut.or_else(|| shim.and_then(|shim| shim.cut()));
        train.map(|train| train.finish(driven.ended)).ok_or_else(|| no_relay(&relay, cut))
    }
}

/// Why nothing could be sent through it.
fn no_relay(relay: &turn::Outcome, cut: Option<Failure>) -> Failure {
    match (&relay.ending, cut) {
        (Ending::Failed(failure), _) => failure.clone(),
        (_, Some(cut)) => cut,
        _ => Failure::new(Step::Allocate, FailureKind::OutOfTime, "out of time before the relay was open"),
    }
}
