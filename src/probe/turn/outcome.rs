//! From what a relayed session saw to an observation: steps, facts, and one failure with its sentence.

use std::time::Duration;

use serde_json::json;

use crate::model::{
    Facts, Failure, FailureKind, Observation, Outcome, RelayTransport, Standing, Step, Way, hidden, metric, millis,
};
use crate::net::udp::Stop;
use crate::net::{clock, icmp};
use crate::probe::figures;
use crate::probe::trial::RelayServer;
use crate::session::train;
use crate::session::turn::{self, Ending, Login, Peer};

/// Everything that one run saw.
pub struct Seen<'a> {
    pub relay: &'a turn::Outcome,
    pub train: Option<train::Outcome>,
    pub stop: Stop,
    /// What ended the connection to the relay.
    pub cut: Option<Failure>,
    /// From the first packet until data could be sent.
    pub ready: Option<Duration>,
    pub login: Option<&'a Login>,
    pub peer: Peer,
    pub through_proxy: bool,
}

impl Seen<'_> {
    /// A text of the relay, which knows what it was told, without the password.
    fn hidden(&self, text: &str) -> String {
        hidden(text, self.login.map(|login| &login.password))
    }
}

/// Enters it all.
pub fn record(observation: &mut Observation, server: &RelayServer, seen: Seen<'_>) {
    for (step, took, result) in &seen.relay.steps {
        match result {
            Ok(()) => observation.step_ok(*step, *took),
            Err(failure) => observation.step_noted(&without(failure, &seen), *took),
        }
    }
    let facts = &mut observation.facts;
    facts.set(&metric::RELAY, relay(server, &seen));
    if let Some((error, _)) = &seen.relay.icmp {
        icmp::record(error, facts);
    }
    if let Some(error) = &seen.relay.error {
        let at = error.at.as_str();
        let error =
            json!({ "code": error.code, "reason": seen.hidden(&error.reason), "at": at, "retried": error.retried });
        facts.set(&metric::TURN_ERROR, error);
    }
    if let Some(ready) = seen.ready {
        facts.set(&metric::READY_MS, millis(ready));
    }
    if let Some(train) = &seen.train {
        let (tried, _) = figures::of_train(train, None, server.address.is_ipv6(), |_| Standing::Holds);
        facts.extend(tried.facts);
        let mut caveats: Vec<String> = facts.get(&metric::CAVEATS).unwrap_or_default();
        caveats.extend(own_caveats(server, seen.peer).map(str::to_owned));
        facts.set(&metric::CAVEATS, caveats);
    }
    settle(observation, &seen);
}

/// What of the figures comes of the way in which they were measured.
fn own_caveats(server: &RelayServer, peer: Peer) -> impl Iterator<Item = &'static str> {
    let dtls = "DTLS is not timed by the kernel: this machine adds some tenths of a millisecond to each round trip";
    let twice = "the relay forbids its own address as a peer, so packets went from it to this machine and back: a round trip is two";
    let dtls = (server.transport == RelayTransport::Dtls).then_some(dtls);
    dtls.into_iter().chain((peer != Peer::Itself).then_some(twice))
}

/// The fact `relay`; what is not known is left out.
fn relay(server: &RelayServer, seen: &Seen<'_>) -> serde_json::Map<String, serde_json::Value> {
    let outcome = seen.relay;
    let login = seen.login.filter(|_| outcome.asked_to_log_in);
    let fact = json!({
        "way": Way::from(server.transport),
        "server": server.address,
        "relayed": outcome.relayed,
        "mapped": outcome.mapped,
        "lifetime_s": outcome.lifetime,
        "software": outcome.software.as_ref().map(|software| seen.hidden(software)),
        "realm": outcome.realm.as_ref().map(|realm| seen.hidden(realm)),
        "peer": match seen.peer {
            Peer::Itself => "itself".to_owned(),
            Peer::Address(address) => address.to_string(),
        },
        "login": match login {
            Some(login) if login.rest => "rest",
            Some(_) => "long-term",
            None => "none",
        },
        "expired_s": login.and_then(expired),
        "proxy": seen.through_proxy,
    });
    let all = fact.as_object().into_iter().flatten();
    all.filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// How long ago the time in a given user name was up, in seconds.
fn expired(login: &Login) -> Option<u64> {
    let time = login.username.split(':').next()?;
    let expiry: u64 = time.parse().ok().filter(|_| time.len() >= 10)?;
    clock::wall().as_secs().checked_sub(expiry).filter(|_| !login.rest)
}

/// How it ended: the connection first, then the session, then what came back.
fn settle(observation: &mut Observation, seen: &Seen<'_>) {
    let relayed_all = seen.train.as_ref().is_some_and(|train| train.ending == train::Ending::Full);
    match (&seen.relay.ending, &seen.cut) {
        (Ending::Failed(failure), _) if failure.kind == FailureKind::NoCredentials && seen.login.is_none() => {
            observation.facts.set(&metric::FALLBACK, no_credentials(seen.relay));
        }
        (Ending::Done, _) if something_came(&observation.facts) => {}
        (Ending::Stopped, Some(cut)) if !relayed_all => cut_off(observation, seen.relay, &without(cut, seen)),
        (Ending::Failed(failure), _) => observation.outcome = Outcome::Failed(without(failure, seen)),
        (Ending::Stopped, _) if relayed_all && something_came(&observation.facts) => {}
        (Ending::Stopped, _) => observation.step_failed(stopped(seen), Duration::ZERO),
        (Ending::Done, _) => observation.step_failed(nothing_came(seen), Duration::ZERO),
    }
}

fn without(failure: &Failure, seen: &Seen<'_>) -> Failure {
    Failure { detail: seen.hidden(&failure.detail), ..failure.clone() }
}

fn something_came(facts: &Facts) -> bool {
    facts.get::<u64>(&metric::RECEIVED).is_some_and(|received| received > 0)
}

fn no_credentials(relay: &turn::Outcome) -> String {
    let realm = relay.realm.as_ref().map_or(String::new(), |realm| format!(" (realm {realm})"));
    format!(
        "it asks for credentials{realm} and none were given, so nothing was relayed: set RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD"
    )
}

/// The step that was under way.
fn under_way(relay: &turn::Outcome) -> Step {
    let done = relay.steps.iter().rev().find(|(_, _, result)| result.is_ok()).map(|(step, ..)| *step);
    match done {
        None => Step::Allocate,
        Some(_) if relay.relay.is_none() => Step::Permission,
        Some(_) => Step::Relay,
    }
}

fn cut_off(observation: &mut Observation, relay: &turn::Outcome, cut: &Failure) {
    let step = under_way(relay);
    let when = match step {
        Step::Allocate => "before it allocated anything",
        Step::Permission => "after it had allocated an address",
        _ => "while data were relayed",
    };
    let detail = match cut.kind {
        FailureKind::Closed | FailureKind::Reset => format!("{}, {when}", cut.detail),
        _ => cut.detail.clone(),
    };
    observation.step_failed(Failure { step, kind: cut.kind, detail }, Duration::ZERO);
}

fn stopped(seen: &Seen<'_>) -> Failure {
    let step = under_way(seen.relay);
    let how = if seen.stop == Stop::Cancelled { "interrupted" } else { "out of time" };
    let where_ = match step {
        Step::Allocate => "before an address was allocated",
        Step::Permission => "before the relay let the peer in",
        _ => "while data were relayed",
    };
    Failure::new(step, FailureKind::OutOfTime, format!("{how} {where_}"))
}

fn nothing_came(seen: &Seen<'_>) -> Failure {
    let sent = seen.train.as_ref().map_or(0, |train| train.record.sent.len());
    let relayed = seen.relay.relayed.map_or(String::new(), |relayed| format!(" {relayed}"));
    let peer = match seen.peer {
        Peer::Itself => "itself".to_owned(),
        Peer::Address(address) => format!("{address}, a socket of this machine,"),
    };
    let detail = format!("the relay allocated{relayed}, and none of {sent} packets to {peer} came back");
    Failure::new(Step::Relay, FailureKind::NoRelay, detail)
}
