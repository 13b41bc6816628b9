//! Flows: asymmetric loads, and the search for how much there is. Both need a session that a responder granted. Knows no
//! limit.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::figures::Tried;
use super::super::figures::estimates::rounded;
use super::super::ride;
use super::{Admission, Offering};
use crate::model::measure::names;
use crate::model::offered::Offered;
use crate::model::{Estimates, Facts, Failure, Length, Load, Standing, metric};
use crate::probe::bandwidth::{self, Directions, Flowed, Offer, OneWay};
use crate::stats::ONE_LOOK;
use crate::wire::grant::Grant;

/// How long an asymmetric load flows, unless an exact length is asked for: at its rates, packets enough for a loss of
/// 1.5 % within four seconds.
const FLOW: Duration = Duration::from_secs(5);

/// One direction by itself, where both at once do not hold.
const ALONE: Duration = Duration::from_secs(4);

/// A round trip that rises by more under a load stands in a queue.
const QUEUE_MS: f64 = 20.0;

/// Of the bytes of a search: feedback, the last packets under way, and the connections that responsiveness opens.
const BESIDE: u64 = 150_000;

/// Why an asymmetric load was not offered.
const NEEDS_FLOWS: &str = "needs flows, which a responder sends only in a session that it granted over HTTPS";

impl Offering<'_> {
    /// An asymmetric load, by flows in a session of their own; needs a responder.
    pub(super) async fn flows(&mut self, load: Load, time: Duration) -> Tried {
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
        facts.set(&metric::VIA, self.via_flow(&both));
        if standing != Standing::Holds {
            self.alone(load, &mut facts).await;
        }
        Tried { load: Some(load), standing: Some(standing), estimates, train: false, facts }
    }

    /// A train's load goes both ways at once. The least that did not flow goes each way alone too, which tells a way that is
    /// too narrow from a line that cannot do both; with `--thorough` the highest that did.
    pub(super) async fn each_way_alone(&mut self) {
        let failed = |tried: &Tried| tried.train && tried.standing == Some(Standing::Fails) && fills_a_queue(tried);
        let failed = self.tried.iter().rposition(failed);
        let held = || self.run.settings.thorough.then(|| self.tried.iter().position(|tried| tried.train)).flatten();
        let Some((place, load)) = failed.or_else(held).and_then(|n| Some((n, self.tried.get(n)?.load?))) else {
            return;
        };
        tokio::time::sleep(self.rest().min(self.run.remaining())).await;
        let mut facts = Facts::new();
        self.alone(load, &mut facts).await;
        if let Some(tried) = self.tried.get_mut(place) {
            tried.facts.extend(facts);
        }
    }

    fn via_flow(&self, flowed: &Flowed) -> Value {
        json!({
            "method": "flow", "transport": flowed.carrier, "address": self.run.task.address,
            "port": self.reflector.port, "responder": self.reflector.version, "session": "granted", "why": null,
        })
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
        let offer = Offer { load, directions, length, dscp: self.run.task.dscp, z: ONE_LOOK };
        match self.admission(bandwidth::ask(&offer, self.run.v6())).await {
            Admission::Granted { grant, .. } => {
                let target = self.run.at(self.reflector.port);
                Ok(bandwidth::flow(target, &grant, &offer, self.run.cancel).await)
            }
            other => Err(other),
        }
    }

    /// How much there is, where it is asked for: under the highest ceiling that the responder grants.
    pub(super) async fn capacity(&mut self) -> Facts {
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
            bytes: bytes.saturating_sub(BESIDE + bytes / 100),
        };
        match bandwidth::capacity(&search, run.cancel).await {
            Ok(found) => found.facts(&run.task.loads, run.v6()),
            Err(failure) => {
                let mut facts = Facts::new();
                facts.set(&metric::CAPACITY, json!({ "failure": failure.detail }));
                facts
            }
        }
    }
}

/// The round trip of a load rose: the ways may stand in each other's way. Loss by itself is told by direction already.
fn fills_a_queue(tried: &Tried) -> bool {
    tried.estimates.get(names::RTT_RISE_MS).is_some_and(|rise| rise.value > QUEUE_MS)
}

/// A flow's facts.
pub fn flow_facts(offered: &Offered, flowed: &Flowed, estimates: &Estimates) -> Facts {
    let mut facts = Facts::new();
    facts.set(&metric::LOAD, offered);
    facts.set(&metric::DURATION_S, rounded(flowed.seconds));
    facts.set(&metric::ESTIMATES, estimates);
    facts.set(&metric::CAVEATS, &flowed.caveats);
    facts.set(&metric::BYTES_USED, flowed.bytes);
    let loss = |way: Option<OneWay>| way.and_then(|w| w.loss_pct).map(|loss| rounded(loss.value));
    facts.set(&metric::LOSS_UP_PCT, loss(flowed.up));
    facts.set(&metric::LOSS_DOWN_PCT, loss(flowed.down));
    let carried = |way: Option<OneWay>| way.and_then(|w| w.carried_kbps).map(|kbps| rounded(kbps.value));
    facts.set(&metric::CARRIED, json!({ "up_kbps": carried(flowed.up), "down_kbps": carried(flowed.down) }));
    facts
}

fn one_way(way: OneWay) -> Value {
    let value = |interval: Option<crate::stats::Interval>| interval.map(|i| rounded(i.value));
    json!({
        "carried_kbps": value(way.carried_kbps), "loss_pct": value(way.loss_pct),
        "delay_rise_ms": value(way.delay_rise_ms), "offered_kbps": rounded(way.offered_kbps),
        "offered_ip_kbps": rounded(way.offered_ip_kbps), "sent": way.sent, "received": way.received,
    })
}
