//! Offers loads to a STAMP reflector, the highest first, until one holds: symmetric ones by a train whose packets are
//! answered with their like, others by flows. Knows no limit.

use std::time::Duration;

use serde_json::{Value, json};

use super::choose::doors;
use super::figures::{self, Tried};
use super::ride::{self, Ride};
use super::{Miss, Run, Used, silence};
use crate::model::offered::Offered;
use crate::model::{Estimates, Facts, Failure, FailureKind, Length, Load, Media, Standing, Step, metric};
use crate::probe::bandwidth::{self, Directions, Flowed, Offer, OneWay};
use crate::probe::session::{self, Door, Opened};
use crate::session::train::{Outcome, Stamp, Via};
use crate::wire::grant::{Ask, Grant, Kind};

/// A load of audio: the shape of packets that stand for nothing else, and what is offered beside loads that tell no round
/// trip.
pub const AUDIO: Load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };

/// All that opening a session may take.
const OPENING: Duration = Duration::from_secs(5);

/// Between two loads, so that a queue which the first one filled is empty again.
const REST: Duration = Duration::from_millis(500);

/// How long an asymmetric load flows, unless an exact length is asked for: at its rates, packets enough for a loss of
/// 1.5 % within four seconds.
const FLOW: Duration = Duration::from_secs(5);

/// One direction by itself, where both at once do not hold.
const ALONE: Duration = Duration::from_secs(4);

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
        let doors = if ours { doors(run.task, &run.settings.page_ports) } else { Vec::new() };
        Self { run, reflector, doors, key, granted: false, answered: false, tried: Vec::new(), refused: None }
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
                tokio::time::sleep(REST.min(self.run.remaining())).await;
            }
            let share = self.run.remaining() / u32::try_from(loads.len() - number).unwrap_or(1).max(1);
            let tried = self.one(*load, share).await?;
            let holds = tried.standing == Some(Standing::Holds);
            self.tried.push(tried);
            if holds {
                break;
            }
        }
        self.round_trips().await?;
        let more = self.capacity().await;
        Ok(self.used(more))
    }

    async fn one(&mut self, load: Load, time: Duration) -> Result<Tried, Miss> {
        if load.is_symmetric() {
            self.train(load, time).await
        } else {
            self.round_trips().await?;
            Ok(self.flows(load, time).await)
        }
    }

    /// Without a train there are no round trips, nor anything to judge quality by: audio is sent for them.
    async fn round_trips(&mut self) -> Result<(), Miss> {
        if !self.tried.iter().any(|tried| tried.train) && self.refused.is_none() {
            let tried = self.train(AUDIO, self.run.remaining()).await?;
            self.tried.push(tried);
        }
        Ok(())
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
    async fn train(&mut self, load: Load, time: Duration) -> Result<Tried, Miss> {
        let begun = self.run.remaining();
        let left = |run: &Run<'_>| time.saturating_sub(begun.saturating_sub(run.remaining()));
        let (v6, stands) = (self.run.v6(), self.run.stands.clone());
        loop {
            let length = self.run.fitting(self.run.task.length, left(self.run).saturating_sub(OPENING / 5));
            let stamp = match self.admission(train_ask(&load, length, v6)).await {
                Admission::Refused { why, .. } => return Ok(self.turned_away(load, &why)),
                Admission::Granted { ssid, token, .. } => Stamp { ssid, token, key: self.key.clone(), report: true },
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
            let ride = Ride { target, via: Via::Stamp(stamp), load, judged: load, length };
            let outcome = ride::ride(self.run, ride).await.map_err(Miss)?;
            if outcome.record.replies.is_empty() && !self.answered {
                // A responder without a key does not know packets that bear its proof.
                if self.key.take().is_some() {
                    continue;
                }
                return Err(Miss(self.unanswered(&outcome)));
            }
            self.answered = true;
            return Ok(figures::of_train(&outcome, Some(load), v6, |e| stands(&load, e)).0);
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

    /// An asymmetric load, by flows in a session of their own; needs a responder.
    async fn flows(&mut self, load: Load, time: Duration) -> Tried {
        let length = match self.run.task.length {
            Length::Exact(length) => length,
            Length::Decided { least, most } => FLOW.max(least).min(most),
        };
        let length = length.min(time.saturating_sub(ride::SETTLING));
        let both = match self.flow(load, Directions::Both, length).await {
            Ok(flowed) => flowed,
            Err(Admission::Refused { why, .. }) => return self.turned_away(load, &why),
            Err(_) => return Tried::nothing(load, self.run.v6(), &metric::FAILURE, NEEDS_FLOWS),
        };
        let both = match both {
            Ok(both) => both,
            Err(failure) => return Tried::nothing(load, self.run.v6(), &metric::FAILURE, &failure.detail),
        };
        let estimates = both.estimates();
        let standing = self.stands(&load, &estimates);
        let mut facts = flow_facts(&load.offered(self.run.v6()), &both, &estimates);
        if standing != Standing::Holds {
            self.alone(load, &mut facts).await;
        }
        Tried { load: Some(load), standing: Some(standing), estimates, train: false, facts }
    }

    /// Each direction by itself: tells which of them it is that does not hold.
    async fn alone(&mut self, load: Load, facts: &mut Facts) {
        for (directions, metric) in [(Directions::Up, &metric::UP_ALONE), (Directions::Down, &metric::DOWN_ALONE)] {
            if self.run.remaining() < ALONE + ride::SETTLING {
                return;
            }
            if let Ok(Ok(flowed)) = self.flow(load, directions, ALONE).await {
                facts.set(metric, flowed.up.or(flowed.down).map(one_way));
            }
        }
    }

    /// One offer in a session of its own.
    async fn flow(
        &mut self,
        load: Load,
        directions: Directions,
        length: Duration,
    ) -> Result<Result<Flowed, Failure>, Admission> {
        let offer = Offer { load, directions, length, dscp: self.run.task.dscp, z: 1.96 };
        match self.admission(bandwidth::ask(&offer, self.run.v6())).await {
            Admission::Granted { grant, .. } => {
                let target = self.run.at(self.reflector.port);
                Ok(bandwidth::flow(target, &grant, &offer, self.run.settings, self.run.cancel).await)
            }
            other => Err(other),
        }
    }

    /// How much there is, where it is asked for: under the highest ceiling that the responder grants.
    async fn capacity(&mut self) -> Facts {
        let Some(bytes) = self.run.task.capacity else { return Facts::new() };
        let mut facts = Facts::new();
        let mut refused = None;
        for ceiling_kbps in bandwidth::capacity_ceilings() {
            match self.admission(bandwidth::capacity_ask(ceiling_kbps)).await {
                Admission::Granted { grant, .. } => return self.search(&grant, ceiling_kbps, bytes).await,
                // As much can never be granted; less may be.
                Admission::Refused { why, status: 400 } => refused = Some(why),
                Admission::Refused { why, .. } => {
                    refused = Some(why);
                    break;
                }
                Admission::Plain => {
                    facts.set(&metric::CAPACITY, json!({ "failure": NEEDS_FLOWS }));
                    return facts;
                }
            }
        }
        facts.set(&metric::CAPACITY, json!({ "responder_refused": refused }));
        facts
    }

    async fn search(&self, grant: &Grant, ceiling_kbps: u32, bytes: u64) -> Facts {
        let run = self.run;
        let search = bandwidth::Search {
            target: run.at(self.reflector.port),
            https: self.doors.first().copied(),
            host: &run.task.host,
            grant,
            ceiling_kbps,
            bytes,
        };
        match bandwidth::capacity(&search, run.settings, run.cancel).await {
            Ok(found) => found.facts(&run.task.loads, run.v6()),
            Err(failure) => {
                let mut facts = Facts::new();
                facts.set(&metric::CAPACITY, json!({ "failure": failure.detail }));
                facts
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
        Used { tried: self.tried, session, responder: self.reflector.version, refused: self.refused, more, failure }
    }
}

/// Why an asymmetric load was not offered.
const NEEDS_FLOWS: &str = "needs flows, which a responder sends only in a session that it granted over HTTPS";

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

/// A flow's facts.
fn flow_facts(offered: &Offered, flowed: &Flowed, estimates: &Estimates) -> Facts {
    let mut facts = Facts::new();
    facts.set(&metric::LOAD, offered);
    facts.set(&metric::DURATION_S, super::estimates::rounded(flowed.seconds));
    facts.set(&metric::ESTIMATES, estimates);
    facts.set(&metric::CAVEATS, &flowed.caveats);
    facts.set(&metric::BYTES_USED, flowed.bytes);
    let loss = |way: Option<OneWay>| way.and_then(|w| w.loss_pct).map(|loss| super::estimates::rounded(loss.value));
    facts.set(&metric::LOSS_UP_PCT, loss(flowed.up));
    facts.set(&metric::LOSS_DOWN_PCT, loss(flowed.down));
    let carried =
        |way: Option<OneWay>| way.and_then(|w| w.carried_kbps).map(|kbps| super::estimates::rounded(kbps.value));
    facts.set(&metric::CARRIED, json!({ "up_kbps": carried(flowed.up), "down_kbps": carried(flowed.down) }));
    facts
}

fn one_way(way: OneWay) -> Value {
    use super::estimates::rounded;
    let value = |interval: Option<crate::stats::Interval>| interval.map(|i| rounded(i.value));
    json!({
        "carried_kbps": value(way.carried_kbps), "loss_pct": value(way.loss_pct),
        "delay_rise_ms": value(way.delay_rise_ms), "offered_kbps": rounded(way.offered_kbps),
        "offered_ip_kbps": rounded(way.offered_ip_kbps), "sent": way.sent, "received": way.received,
    })
}
