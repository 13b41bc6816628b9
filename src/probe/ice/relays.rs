//! The relays of an attempt: a port on this machine in front of each, and what was heard through it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;

use crate::model::{Observation, ProbeKind, Way};
use crate::net::clock;
use crate::net::ice::{Found, Kind, RelayPort};
use crate::net::shim::Shim;
use crate::probe::Settings;
use crate::probe::relay::{leg, login};
use crate::probe::trial::{RelayServer, TrialTask};
use crate::session::turn::Login;

/// Relays that are tried, and the time to reach them.
const MOST: usize = 8;
const REACHING: Duration = Duration::from_secs(3);

/// Allocations are given back within this.
const RELEASING: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What relays said, at most.
const MOST_ERRORS: usize = 16;

/// As the words on an Allocation Quota Reached (RFC 8656 section 19) have it.
pub const QUOTA: &str = "Allocate was answered with 486";

/// One relay that can be reached.
pub struct Relay {
    pub way: Way,
    pub server: SocketAddr,
    /// How long it took to reach it: TCP, TLS, proxy.
    pub opened: Duration,
    shim: Shim,
}

/// All relays of an attempt.
#[derive(Default)]
pub struct Relays {
    open: Vec<Relay>,
    login: Option<Login>,
    /// Relays that were left out, and why.
    pub left_out: Vec<(SocketAddr, &'static str)>,
    /// Those that could not be reached.
    unreached: Vec<String>,
}

impl Relays {
    /// Reaches every relay of the run that can serve the target, side by side.
    pub async fn open(task: &TrialTask, settings: &Settings, left: Duration) -> Self {
        let mut relays = Relays { login: login(settings), ..Relays::default() };
        let unfit = if task.address.is_ipv6() {
            Some("the ICE agent asks relays for IPv4 addresses, and the target's is IPv6")
        } else if relays.login.is_none() {
            Some("the ICE agent asks only with credentials, and none were given")
        } else {
            None
        };
        if let Some(why) = unfit {
            relays.left_out = task.relays.iter().map(|relay| (relay.address, why)).collect();
            return relays;
        }
        let (used, more) = task.relays.split_at(task.relays.len().min(MOST));
        relays.left_out = more.iter().map(|relay| (relay.address, "more relays than are tried")).collect();
        for reached in join_all(used.iter().map(|relay| reach(relay, settings, left))).await {
            match reached {
                Ok(relay) => relays.open.push(relay),
                Err(words) => relays.unreached.push(words),
            }
        }
        relays
    }

    /// Whether there is none that can be used.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What the agent asks.
    pub fn ports(&self) -> Vec<RelayPort> {
        let Some(Login { username, password, .. }) = &self.login else { return Vec::new() };
        let port = |relay: &Relay| RelayPort {
            shim: relay.shim.address(),
            username: username.clone(),
            password: password.clone(),
        };
        self.open.iter().map(port).collect()
    }

    /// The relay that a candidate was got from.
    pub fn of(&self, found: &Found) -> Option<&Relay> {
        let asked_from = found.asked_from.filter(|_| found.kind == Kind::Relay)?;
        self.open.iter().find(|relay| relay.shim.client().is_some_and(|client| client.port() == asked_from))
    }

    /// What each relay said that is no success, in sentences.
    pub fn errors(&self) -> Vec<String> {
        let said = self.open.iter().flat_map(errors);
        self.unreached.iter().cloned().chain(said).take(MOST_ERRORS).collect()
    }

    /// Waits until every allocation is given back, for a moment.
    pub async fn released(&self) {
        let released = async {
            while self.open.iter().any(is_held) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let _ = tokio::time::timeout(RELEASING, released).await;
    }
}

async fn reach(relay: &RelayServer, settings: &Settings, left: Duration) -> Result<Relay, String> {
    let begun = clock::now();
    let mut steps = Observation::new(ProbeKind::Ice);
    let way = Way::from(relay.transport);
    match Shim::open(&leg(relay, settings), begun + REACHING.min(left), &mut steps).await {
        Ok(shim) => {
            let opened = clock::now().saturating_duration_since(begun);
            Ok(Relay { way, server: relay.address, opened, shim })
        }
        Err(()) => {
            let why = steps.failure().map_or("not reached", |failure| failure.detail.as_str());
            Err(format!("{} {}: {why}", way.words(), relay.address))
        }
    }
}

/// An allocation was made and not given back.
fn is_held(relay: &Relay) -> bool {
    let log = relay.shim.log();
    let answered = |method| log.iter().any(|e| e.method == method && e.took.is_some() && e.error.is_none());
    relay.shim.cut().is_none() && answered("Allocate") && !answered("Refresh")
}

fn errors(relay: &Relay) -> Vec<String> {
    let (log, who) = (relay.shim.log(), format!("{} {}", relay.way.words(), relay.server));
    let mut said = BTreeSet::new();
    if log.is_empty() {
        said.insert(format!("{who}: this machine's own port before it, {}, was not reached", relay.shim.address()));
    }
    // Every relay with credentials first asks for them (RFC 8489 section 9.2.3).
    let asks = log.iter().position(|e| e.method == "Allocate");
    for (place, exchange) in log.iter().enumerate().filter(|(_, e)| e.method != "Refresh") {
        match &exchange.error {
            // A nonce that is too old is asked with again.
            Some((438, _)) => {}
            Some((401, _)) if asks == Some(place) => {}
            Some((code, reason)) => {
                said.insert(format!("{who}: {} was answered with {code} {reason}", exchange.method));
            }
            None if exchange.took.is_none() && exchange.sent > 1 => {
                said.insert(format!("{who}: {} was not answered, sent {} times", exchange.method, exchange.sent));
            }
            None => {}
        }
    }
    let cut = relay.shim.cut().map(|failure| format!("{who}: {}", failure.detail));
    said.into_iter().chain(cut).collect()
}
