//! One run through a relay: the way to it, the relayed session with a train inside, and what came of both.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::outcome::{Seen, record};
use crate::model::{Failure, Observation, ProbeKind, Step};
use crate::net::leg::Connected;
use crate::net::mirror::Mirror;
use crate::net::paced::{Driven, Paced, Start};
use crate::net::{chance, clock};
use crate::probe::Settings;
use crate::probe::figures::AUDIO;
use crate::probe::relay::{left, leg, login, open, turn_plan};
use crate::probe::trial::RelayServer;
use crate::session::train::{Decision, Looks, Plan, Train, Via};
use crate::session::turn::{Login, Outcome, Peer, Relay, Relayed, TurnPlan};
use crate::stats;

/// Fifty packets of audio.
const LENGTH: Duration = Duration::from_secs(1);

/// For so long the other ways of a run may hold allocations that count against the same quota.
const QUOTA_FREED: Duration = Duration::from_millis(2500);

/// What is run.
pub struct Loop<'a> {
    pub server: &'a RelayServer,
    settings: &'a Settings,
    cancel: &'a CancellationToken,
    end: Instant,
    login: Option<Login>,
    pub peer: Peer,
    /// An IPv6 address is asked for.
    pub relay_v6: bool,
    /// Of the train.
    pub length: Duration,
    /// Before one more run where a quota was used up.
    pub freed: Duration,
}

impl<'a> Loop<'a> {
    pub fn new(server: &'a RelayServer, settings: &'a Settings, cancel: &'a CancellationToken, end: Instant) -> Self {
        let relay_v6 = server.address.is_ipv6();
        let login = login(settings);
        Self { server, settings, cancel, end, login, peer: Peer::Itself, relay_v6, length: LENGTH, freed: QUOTA_FREED }
    }

    /// Waits until a quota may be free again; `false` where the time is too short for that, or the run ends.
    pub async fn rest(&self) -> bool {
        if left(self.end) <= self.freed {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(self.freed) => true,
            () = self.cancel.cancelled() => false,
        }
    }

    /// Goes the whole way once; `mirror` is the peer's socket where it is one of ours.
    pub async fn run(&self, mirror: Option<&Mirror>) -> (Observation, Outcome) {
        let begun = clock::now();
        let mut observation = Observation::new(ProbeKind::Turn);
        let leg = leg(self.server, self.settings);
        let Ok((way, shim)) = open(&leg, self.end, &mut observation).await else {
            return (observation, Outcome::default());
        };
        let ready = Arc::new(OnceLock::new());
        let driven = match self.drive(way, ready.clone(), mirror).await {
            Ok(driven) => driven,
            Err(failure) => {
                observation.step_failed(failure, Duration::ZERO);
                return (observation, Outcome::default());
            }
        };
        let (relay, train) = driven.session.finish(driven.ended);
        let seen = Seen {
            relay: &relay,
            train: train.map(|train| train.finish(driven.ended)),
            stop: driven.stop,
            cut: driven.cut.or_else(|| shim.and_then(|shim| shim.cut())),
            ready: ready.get().map(|at: &Instant| at.saturating_duration_since(begun)),
            login: self.login.as_ref(),
            peer: self.peer,
            through_proxy: leg.proxy().is_some(),
        };
        record(&mut observation, self.server, seen);
        (observation, relay)
    }

    async fn drive(
        &self,
        way: Connected,
        ready: Arc<OnceLock<Instant>>,
        mirror: Option<&Mirror>,
    ) -> Result<Driven<Relayed<Train>>, Failure> {
        let plan = TurnPlan { login: self.login.clone(), ..turn_plan(self.settings, &way, self.peer, self.relay_v6) };
        let paced = Paced {
            target: way.server.ip(),
            dscp: 0,
            deadline: left(self.end),
            cancel: self.cancel.clone(),
            step: Step::Allocate,
        };
        let expect = mirror.map(Mirror::expect);
        let (secret, length) = (chance::bytes(), self.length);
        let make = move |start: Start| {
            let inside = move |relay: &Relay, now: Instant| {
                let _ = ready.set(now);
                if let Some(expect) = expect {
                    expect(relay.relayed);
                }
                let wall = start.wall + now.saturating_duration_since(start.at);
                let via = Via::Echo { secret };
                Train::new(Plan { target: relay.peer, load: AUDIO, via, dscp: 0, looks: exact(length) }, now, wall)
            };
            Relayed::new(plan, inside, start.at)
        };
        paced.run_over(way, make, |_, _| {}).await
    }
}

/// One look, at the end.
fn exact(length: Duration) -> Looks {
    let looks = stats::Looks::exact(length);
    Looks { next: Box::new(move |so_far| looks.next(so_far)), decide: Box::new(|_| Decision::Undecided) }
}
