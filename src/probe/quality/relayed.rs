//! Trains through a relay that is known to work: to a responder behind it where one grants a session, else to the relay's
//! own address and back. Knows no limit.

use std::net::SocketAddr;

use serde_json::Value;

use super::offer::{Offering, Reflector};
use super::ride::{self, Ride};
use super::{Miss, Run, Used, figures, silence};
use crate::model::{Facts, Failure, Length, Load, RelayTransport, metric};
use crate::net::chance;
use crate::probe::relay::{Carried, OPENING};
use crate::probe::trial::RelayServer;
use crate::session::train::{Outcome, Plan, Train, Via};
use crate::session::turn::Peer;

/// Of a relay that is reached over a stream.
const RESENT: &str = "what is lost on the way to the relay is sent again by TCP: loss there shows as delay";

/// Measures through the relay; `port` is where a responder may be.
pub async fn measure(run: &Run<'_>, relay: &RelayServer, port: Option<u16>) -> Result<Used, Miss> {
    let mut used = match port {
        None => to_itself(run, relay, None).await?,
        Some(port) => {
            let reflector = Reflector { port, version: None, ours: true };
            match Offering::new(run, reflector).through(relay).offer().await {
                Ok(used) => Used { peer: Some(run.at(port).to_string()), ..used },
                Err(Miss(why)) => to_itself(run, relay, Some(&why)).await?,
            }
        }
    };
    if matches!(relay.transport, RelayTransport::Tcp | RelayTransport::Tls) {
        let trains = used.tried.iter_mut().filter(|tried| tried.train);
        trains.for_each(|tried| caveat(&mut tried.facts, RESENT));
    }
    Ok(used)
}

/// Audio to the relay's own address and back; `why` nothing was measured to the target.
async fn to_itself(run: &Run<'_>, relay: &RelayServer, why: Option<&Failure>) -> Result<Used, Miss> {
    let length = run.fitting(run.task.length, run.remaining().saturating_sub(OPENING / 4));
    let (target, via) = (relay.address, Via::Echo { secret: chance::bytes() });
    let train = Ride { target, via, load: figures::AUDIO, judged: Load::NONE, length, more: false };
    let outcome = ride(run, relay, train, Peer::Itself).await.map_err(Miss)?;
    if outcome.record.replies.is_empty() {
        return Err(Miss(silence(&outcome)));
    }
    let v6 = relay.address.is_ipv6();
    let (mut tried, _) = figures::of_train(&outcome, None, v6, |e| (run.stands)(&Load::NONE, e));
    let why = why.map_or(String::new(), |why| format!(" ({})", why.detail));
    let target = run.task.address;
    caveat(&mut tried.facts, &format!("measured to the relay and back: from there to {target} nothing is known{why}"));
    Ok(Used { peer: Some("itself".to_owned()), ..Used::own(tried) })
}

/// Sends a train through the relay to `peer`.
///
/// # Errors
/// There is no relay to send through.
pub async fn ride(run: &Run<'_>, relay: &RelayServer, train: Ride, peer: Peer) -> Result<Outcome, Failure> {
    let most = match train.length {
        Length::Exact(length) => length,
        Length::Decided { most, .. } => most,
    };
    let relay_v6 = match peer {
        Peer::Address(peer) => peer.is_ipv6(),
        Peer::Itself => relays_in_v6(relay),
    };
    let deadline = (most + ride::SETTLING + OPENING).min(run.remaining());
    let carried = Carried { relay, peer, relay_v6, dscp: run.task.dscp, deadline };
    let looks = ride::looks(train.length, train.judged, train.more, run.stands.clone());
    let (load, via, dscp) = (train.load, train.via, run.task.dscp);
    let make = move |target, now, wall| Train::new(Plan { target, load, via, dscp, looks }, now, wall);
    let progress = run.progress.clone();
    carried.train(run.settings, run.cancel, make, move |done, total| progress(done, total)).await
}

/// The family in which the relay's own check saw it relay; without one, that in which it is reached.
fn relays_in_v6(relay: &RelayServer) -> bool {
    let seen: Option<Value> = relay.seen.as_ref().and_then(|seen| seen.facts.get(&metric::RELAY));
    let relayed = seen.and_then(|fact| fact.get("relayed")?.as_str()?.parse::<SocketAddr>().ok());
    relayed.unwrap_or(relay.address).is_ipv6()
}

/// One more, before the others.
fn caveat(facts: &mut Facts, words: &str) {
    let mut all: Vec<String> = facts.get(&metric::CAVEATS).unwrap_or_default();
    all.insert(0, words.to_owned());
    facts.set(&metric::CAVEATS, all);
}
