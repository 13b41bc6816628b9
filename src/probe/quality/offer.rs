//! Offers loads to a STAMP reflector, the highest first, until one holds: symmetric ones by a train whose packets are
//! answered with their like, others by flows. Knows no limit.

mod flows;

pub use flows::flow_facts;

use std::time::Duration;

use serde_json::Value;

use super::figures::{self, AUDIO, Tried};
use super::ride::{self, Ride};
use super::{Miss, Run, Used, relayed, silence};
use crate::model::{Estimates, Facts, Failure, FailureKind, Length, Load, Standing, Step, metric};
use crate::probe::session::doors;
use crate::probe::session::{self, Door, Opened};
use crate::probe::trial::RelayServer;
use crate::session::train::{Outcome, Stamp, Via};
use crate::session::turn::Peer;
use crate::wire::grant::{Ask, Grant, Kind};

/// All that opening a session may take.
const OPENING: Duration = Duration::from_secs(5);

/// Between two loads, beside the longest round trip of the first one, so that a queue which it filled is empty again.
const REST: Duration = Duration::from_millis(500);
/// No longer.
const LONGEST_REST: Duration = Duration::from_secs(3);

/// After a refusal for want of room this long, because sessions that ended are forgotten two seconds later.
const ROOM: Duration = Duration::from_millis(2500);

/// Where STAMP is spoken.
pub struct Reflector {
    pub port: u16,
    /// Version of the rtc-check responder that its own check saw.
    pub version: Option<String>,
    /// A responder of ours, or one that may be: a session is asked for.
    pub ours: bool,
}

/// Why an asymmetric load is not offered through a relay.
const NOT_THROUGH_A_RELAY: &str = "needs flows, which go to a responder directly and not through a relay";

/// What opening a session came to.
enum Admission {
    Granted {
        grant: Grant,
        ssid: u16,
        token: u64,
    },
    /// Nobody grants sessions here: packets without one.
    Plain,
    Refused {
        why: String,
        status: u16,
    },
}

/// Loads on offer.
pub struct Offering<'a> {
    run: &'a Run<'a>,
    reflector: Reflector,
    /// Trains go through it.
    relay: Option<&'a RelayServer>,
    /// TLS ports to ask for a session; empty as soon as none of them knows of any.
    doors: Vec<u16>,
    key: Option<Vec<u8>>,
    granted: bool,
    answered: bool,
    tried: Vec<Tried>,
    refused: Option<String>,
}

impl<'a> Offering<'a> {
    pub fn new(run: &'a Run<'a>, reflector: Reflector) -> Self {
        let ours = reflector.ours;
        let key = run.settings.responder_key.as_ref().filter(|_| ours).map(|key| key.bytes().to_vec());
        let doors = if ours { doors(&run.task.ways, &run.settings.page_ports) } else { Vec::new() };
        Self {
            run,
            reflector,
            relay: None,
            doors,
            key,
            granted: false,
            answered: false,
            tried: Vec::new(),
            refused: None,
        }
    }

    /// Through a relay, and in sessions alone: who grants none is not known to be a reflector.
    pub fn through(self, relay: &'a RelayServer) -> Self {
        Self { relay: Some(relay), ..self }
    }

    /// Offers every load until one holds.
    pub async fn offer(mut self) -> Result<Used, Miss> {
        if !self.reflector.ours {
            self.knock().await?;
        }
        let loads = &self.run.task.loads;
        for (number, load) in loads.iter().enumerate() {
            if self.run.cancel.is_cancelled() {
                break;
            }
            if number > 0 {
                tokio::time::sleep(self.rest().min(self.run.remaining())).await;
            }
            let share = self.run.remaining() / u32::try_from(loads.len() - number).unwrap_or(1).max(1);
            let tried = self.one(*load, share, number + 1 < loads.len()).await?;
            let holds = tried.standing == Some(Standing::Holds);
            self.tried.push(tried);
            if holds {
                break;
            }
        }
        self.round_trips().await?;
        if self.relay.is_some() {
            return Ok(self.used(Facts::new()));
        }
        self.each_way_alone().await;
        let more = self.capacity().await;
        Ok(self.used(more))
    }

    async fn one(&mut self, load: Load, time: Duration, more: bool) -> Result<Tried, Miss> {
        if load.is_symmetric() {
            self.train(load, time, more).await
        } else {
            self.round_trips().await?;
            match self.relay {
                Some(_) => Ok(Tried::nothing(load, self.run.v6(), &metric::FAILURE, NOT_THROUGH_A_RELAY)),
                None => Ok(self.flows(load, time).await),
            }
        }
    }

    /// Without a train there are no round trips, nor anything to judge quality by: audio is sent for them.
    async fn round_trips(&mut self) -> Result<(), Miss> {
        if !self.tried.iter().any(|tried| tried.train) && self.refused.is_none() {
            let tried = self.train(AUDIO, self.run.remaining(), false).await?;
            self.tried.push(tried);
        }
        Ok(())
    }

    fn rest(&self) -> Duration {
        let longest = |tried: &Tried| tried.facts.get::<Value>(&metric::RTT_MS)?.get("max")?.as_f64();
        let queue = self.tried.last().and_then(longest).unwrap_or(0.0).clamp(0.0, 1e4);
        (REST + Duration::from_secs_f64(queue / 1e3)).min(LONGEST_REST)
    }

    fn stands(&self, load: &Load, estimates: &Estimates) -> Standing {
        (self.run.stands)(load, estimates)
    }

    /// A few packets, before a train is sent to somebody who may know nothing of STAMP.
    async fn knock(&mut self) -> Result<(), Miss> {
        let target = self.run.at(self.reflector.port);
        let via = Via::Stamp(Stamp::default());
        let outcome = ride::knock(self.run, target, via, AUDIO).await.map_err(Miss)?;
        self.answered = !outcome.record.replies.is_empty();
        if self.answered { Ok(()) } else { Err(Miss(silence(&outcome))) }
    }

    /// A symmetric load, by a train.
    async fn train(&mut self, load: Load, time: Duration, more: bool) -> Result<Tried, Miss> {
        let begun = self.run.remaining();
        let left = |run: &Run<'_>| time.saturating_sub(begun.saturating_sub(run.remaining()));
        let (v6, stands) = (self.run.v6(), self.run.stands.clone());
        loop {
            let length = self.run.fitting(self.run.task.length, left(self.run).saturating_sub(OPENING / 5));
            let stamp = match self.admission(train_ask(&load, length, v6)).await {
                Admission::Refused { why, .. } => return Ok(self.turned_away(load, &why)),
                Admission::Granted { ssid, token, .. } => Stamp { ssid, token, key: self.key.clone(), report: true },
                Admission::Plain if self.relay.is_some() => {
                    let words = "no responder grants a session there";
                    return Err(Miss(Failure::new(Step::Session, FailureKind::SessionRefused, words)));
                }
                Admission::Plain if self.answered || self.known() => {
                    Stamp { ssid: 0, token: 0, key: self.key.clone(), report: self.known() }
                }
                Admission::Plain => {
                    self.knock().await?;
                    continue;
                }
            };
            let length = self.run.fitting(self.run.task.length, left(self.run));
            let target = self.run.at(self.reflector.port);
            let ride = Ride { target, via: Via::Stamp(stamp), load, judged: load, length, more };
            let outcome = match self.relay {
                Some(relay) => relayed::ride(self.run, relay, ride, Peer::Address(target)).await,
                None => ride::ride(self.run, ride).await,
            };
            let outcome = outcome.map_err(Miss)?;
            if outcome.record.replies.is_empty() && !self.answered {
                // A responder without a key does not know packets that bear its proof.
                if self.key.take().is_some() {
                    continue;
                }
                return Err(Miss(self.unanswered(&outcome)));
            }
            self.answered = true;
            return Ok(figures::of_train(&outcome, Some(load), v6, |e| ride::standing(&stands, &load, e, more)).0);
        }
    }

    /// A responder's own check saw it.
    fn known(&self) -> bool {
        self.reflector.version.is_some()
    }

    fn turned_away(&mut self, load: Load, why: &str) -> Tried {
        self.refused.get_or_insert_with(|| why.to_owned());
        Tried::nothing(load, self.run.v6(), &metric::RESPONDER_REFUSED, why)
    }

    /// Nothing came back, although a session was granted or a responder seen.
    fn unanswered(&self, outcome: &Outcome) -> Failure {
        let mut failure = silence(outcome);
        if self.granted {
            failure.detail.push_str(", although a session was granted");
        }
        failure
    }

    /// A session, asked for a second time where a responder has no room just now.
    async fn admission(&mut self, ask: Ask) -> Admission {
        let first = self.ask(ask).await;
        match first {
            Admission::Refused { status: 429 | 503, .. } if self.run.remaining() > ROOM * 4 => {
                tokio::time::sleep(ROOM).await;
                self.ask(ask).await
            }
            first => first,
        }
    }

    async fn ask(&mut self, ask: Ask) -> Admission {
        if self.doors.is_empty() {
            return Admission::Plain;
        }
        let door = Door { host: &self.run.task.host, address: self.run.task.address, ports: &self.doors };
        match session::open(door, &ask, self.run.settings, OPENING.min(self.run.remaining())).await {
            Opened::Granted { grant, ssid, token, port } => {
                self.granted = true;
                self.doors = vec![port];
                Admission::Granted { grant, ssid, token }
            }
            Opened::Refused { why, port, status } => {
                self.doors = vec![port];
                Admission::Refused { why, status }
            }
            Opened::NoPage(_) => {
                self.doors.clear();
                Admission::Plain
            }
        }
    }

    fn used(self, more: Facts) -> Used {
        let measured = self.tried.iter().any(|tried| tried.train);
        let refused = self.refused.as_ref().filter(|_| !measured);
        let failure = refused.map(|why| {
            let words = format!("the responder granted no test session: {why}");
            Failure::new(Step::Session, FailureKind::SessionRefused, words)
        });
        let session = match (self.granted, measured) {
            (true, _) => Some("granted"),
            (false, true) => Some("plain"),
            (false, false) => None,
        };
        Used {
            tried: self.tried,
            session,
            responder: self.reflector.version,
            refused: self.refused,
            peer: None,
            more,
            failure,
        }
    }
}

/// The session for a train.
fn train_ask(load: &Load, length: Length, v6: bool) -> Ask {
    let most = match length {
        Length::Exact(length) => length,
        Length::Decided { most, .. } => most,
    };
    let up = load.figures_up();
    let whole = |value: f64| value.ceil().clamp(0.0, f64::from(u32::MAX)) as u32;
    let kbps = whole(up.ip_kbps(v6));
    Ask {
        kind: Kind::Train,
        up_kbps: kbps,
        down_kbps: kbps,
        packets_per_second: whole(up.packets_per_second),
        seconds: whole((most + ride::SETTLING).as_secs_f64()),
    }
}
