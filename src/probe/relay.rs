//! What opens a relay for whoever drives it: the way there, the login, what it is asked for; and a train of somebody else's
//! through it. Knows no probe.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::trial::RelayServer;
use super::{RelayLogin, Settings};
use crate::model::schedule::Schedule;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, RelayTransport, Step};
use crate::net::leg::{Carrier, Connected, Leg};
use crate::net::paced::{Paced, Start};
use crate::net::shim::Shim;
use crate::net::{chance, clock};
use crate::session::train::{self, Train};
use crate::session::turn::{self, Ending, Login, Peer, Relay, Relayed, TurnPlan};

/// Opening a relay at the most, beside what is sent through it.
pub const OPENING: Duration = Duration::from_secs(8);

/// A time-limited user name that is made here ends so long from now.
const REST_LASTS: Duration = Duration::from_secs(3600);

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

/// The way to a relay as the settings have it.
pub fn leg(server: &RelayServer, settings: &Settings) -> Leg {
    Leg {
        transport: server.transport,
        server: server.address,
        host: server.host.clone(),
        trust: settings.tls.clone(),
        proxy: server.proxy.clone(),
    }
}

/// What every relay of the run is told, ready for use.
pub fn login(settings: &Settings) -> Option<Login> {
    Some(match settings.relay_login.as_deref()? {
        RelayLogin::LongTerm { username, password } => {
            Login { username: username.clone(), password: password.clone(), rest: false }
        }
        RelayLogin::Rest { secret, user } => turn::rest(secret, user, (clock::wall() + REST_LASTS).as_secs()),
    })
}

/// What is left until then.
pub fn left(end: Instant) -> Duration {
    end.saturating_duration_since(clock::now())
}

/// What a relay is asked for over a way that is open.
pub fn turn_plan(settings: &Settings, way: &Connected, peer: Peer, relay_v6: bool) -> TurnPlan {
    TurnPlan {
        server: way.server,
        stream: matches!(way.carrier, Carrier::Tcp(_) | Carrier::Tls(_)),
        login: login(settings),
        peer,
        relay_v6,
        schedule: if settings.thorough { Schedule::THOROUGH } else { Schedule::QUICK },
        secret: chance::bytes(),
    }
}

/// DTLS becomes a UDP port on loopback; everything else stays.
pub async fn open(leg: &Leg, end: Instant, observation: &mut Observation) -> Result<(Connected, Option<Shim>), ()> {
    if leg.transport != RelayTransport::Dtls {
        return Ok((leg.connect(end, observation).await?, None));
    }
    let shim = Shim::open(leg, end, observation).await?;
    Ok((Connected { server: shim.address(), carrier: Carrier::Udp }, Some(shim)))
}
