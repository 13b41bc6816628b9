//! A page's train as every other one: its figures are made where a probe's are.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::told::{self, Audio, PeerEnd, Told};
use super::{Around, ask};
use crate::judge;
use crate::model::{
    Failure, FailureKind, Observation, Planned, ProbeKind, Seen, Step, Transport, TurnUri, Way, metric,
};
use crate::plan::{Measure, Plan};
use crate::probe::figures;
use crate::session::train::{Ending, Gaps, Marking, Misbehaviour, Outcome};
use crate::stats;

/// What is less certain of figures that a page took.
const BY_A_PAGE: &str = "measured by a page in a browser over a data channel (SCTP over DTLS): its timers are coarser than \
                         a program's, and the browser's own delays are part of the round trip";
/// Of a relay that is reached over a stream.
const RESENT: &str = "what is lost on the way to the relay is sent again by TCP: loss there shows as delay";
const HIDDEN: &str = "the page was in the background meanwhile, where browsers slow it down";

/// What became of one measure; `told`: nothing where the page did not come to it.
pub fn seen(plan: &Plan, n: usize, measure: &Measure, told: &Told, around: &Around) -> Seen {
    let train = told.trains.iter().find(|t| t.measure == n);
    let observation = match (train, around.peer) {
        (_, false) => Observation::skipped(ProbeKind::Quality, "this responder was built without the feature `media`"),
        // Whatever a page tells of a host that is not this responder: it cannot have measured it.
        (_, true) if ask::load(measure).is_none() || !is_here(plan, measure, around) => Observation::skipped(
            ProbeKind::Quality,
            "a browser measures media to this responder alone; run rtc-check on this machine to have it measured",
        ),
        (None, true) => super::tried::not_reached(ProbeKind::Quality, Step::Train),
        (Some(train), true) => observation(plan, n, measure, train, told, around),
    };
    let span = train.map(|t| t.span).unwrap_or_default();
    Seen {
        of: Planned::Measure(n),
        address: super::tried::address(&measure.host, around),
        observation,
        started_ms: span.at_ms as u64,
        duration_ms: span.took_ms as u64,
    }
}

/// The responder stands in for its role.
pub fn is_here(plan: &Plan, measure: &Measure, around: &Around) -> bool {
    let mut items = measure.ways.iter().filter_map(|way| plan.items.get(*way));
    items.any(|i| matches!(ask::how(i, around), ask::How::Ports))
}

fn observation(
    plan: &Plan,
    n: usize,
    measure: &Measure,
    train: &told::Train,
    told: &Told,
    around: &Around,
) -> Observation {
    let mut observation = Observation::new(ProbeKind::Quality);
    observation.facts.set(&metric::BROWSER, super::tried::browser(&told.browser));
    let took = Duration::from_secs_f64(train.span.took_ms / 1e3);
    let taken = way(plan, train, &told.relays, around).and_then(|way| {
        let load = ask::load(measure).ok_or_else(|| failure(&train.peer))?;
        Ok((way, load))
    });
    let (way, load) = match taken {
        Ok(taken) => taken,
        Err(failure) => {
            observation.step_failed(failure, took);
            return observation;
        }
    };
    let outcome = outcome(train);
    if outcome.record.replies.is_empty() {
        let words = format!("none of {} messages over the data channel came back", outcome.record.sent.len());
        observation.step_failed(Failure::new(Step::Train, FailureKind::NoMedia, words), took);
        return observation;
    }
    let v6 = around.address.is_some_and(|a| a.is_ipv6());
    let stands = |estimates: &_| judge::stands(plan, n, &load, estimates);
    let (mut tried, _) = figures::of_train(&outcome, Some(load), v6, stands);
    let mut caveats: Vec<String> = tried.facts.get(&metric::CAVEATS).unwrap_or_default();
    caveats.push(BY_A_PAGE.to_owned());
    caveats.extend(train.hidden.then(|| HIDDEN.to_owned()));
    if way.relay.as_ref().is_some_and(|relay| !relay.transport.is_udp()) {
        caveats.insert(0, RESENT.to_owned());
    }
    tried.facts.set(&metric::CAVEATS, caveats);
    let facts = &mut observation.facts;
    facts.extend(tried.facts.clone());
    facts.set(&metric::LOADS, [tried.entry()]);
    facts.set(&metric::VIA, way.via(around));
    if let Some(audio) = &train.audio {
        facts.set(&metric::MEDIA_LOOP, looped(audio));
    }
    observation.step_ok(Step::Train, took);
    observation
}

/// The way that a train took.
struct Taken<'a> {
    peer: &'a told::Peer,
    /// `None`: the direct one.
    relay: Option<TurnUri>,
}

impl Taken<'_> {
    /// As `observed.via` says it, with a probe's words and places; what went through a relay never looks as if it had gone
    /// directly.
    fn via(&self, around: &Around) -> Value {
        let (address, port) = (around.address, self.peer.port);
        let Some(relay) = &self.relay else {
            return json!({ "method": "a data channel", "transport": "udp", "address": address, "port": port });
        };
        let transport = if relay.transport.is_udp() { Transport::Udp } else { Transport::Tcp };
        json!({
            "method": "turn", "transport": transport, "address": address, "port": relay.port,
            "way": Way::from(relay.transport), "server": format!("{}:{}", ask::in_url(&relay.host), relay.port),
            "peer": address.zip(port).map(|(a, p)| SocketAddr::new(a, p)),
        })
    }
}

fn doubtful(words: &str) -> Failure {
    Failure::new(Step::Session, FailureKind::SessionRefused, words)
}

/// Why the direct connection is not believed to have worked, where the page tells that it did: a relay is tried only where
/// it did not, and is no part of it.
pub fn doubt(train: &told::Train) -> Option<Failure> {
    if train.peer.failed.is_some() {
        return None;
    }
    let words = match (&train.relayed, left_by(&train.peer)) {
        (Some(_), _) => "the page tells of a direct way that worked, and of a relay in its place",
        (None, Some("relay")) => "the page tells of a direct way through a relay",
        (None, _) => return None,
    };
    Some(doubtful(words))
}

/// The kind of candidate by which packets leave the browser; `None` where the page tells no pair.
fn left_by(peer: &told::Peer) -> Option<&str> {
    peer.pair.as_ref().map(|pair| pair.local.kind.as_str())
}

/// Which way a train took, as far as what the page tells of it agrees with itself.
fn way<'a>(plan: &Plan, train: &'a told::Train, relays: &[told::Relay], around: &Around) -> Result<Taken<'a>, Failure> {
    if let Some(doubt) = doubt(train) {
        return Err(doubt);
    }
    let Some(relayed) = &train.relayed else {
        return match train.peer.failed {
            Some(_) => Err(failure(&train.peer)),
            None => Ok(Taken { peer: &train.peer, relay: None }),
        };
    };
    let Some(relay) = ask::relay_at(plan, relayed.item, relayed.trial, around) else {
        return Err(doubtful("the page tells of a relay that it was not asked to try"));
    };
    let carried = |r: &told::Relay| r.peer.failed.is_none() && r.received > 0;
    let is_it = |r: &told::Relay| ask::relay_at(plan, r.item, r.trial, around).as_ref() == Some(&relay);
    if !relays.iter().any(|r| carried(r) && is_it(r)) {
        return Err(doubtful("the page tells of a relay through which nothing came back when it was tried"));
    }
    match relayed.peer.failed {
        Some(_) => {
            let (direct, through) = (failure(&train.peer), failure(&relayed.peer));
            Err(Failure {
                detail: format!("{}; through the relay {relay}: {}", direct.detail, through.detail),
                ..direct
            })
        }
        // Where the relay's own address is behind a NAT, the browser learns of its other one by the answers to its checks.
        None => match left_by(&relayed.peer) {
            Some("relay" | "prflx") => Ok(Taken { peer: &relayed.peer, relay: Some(relay) }),
            Some(_) => Err(doubtful("the page tells of a relay, and went directly")),
            None => Err(doubtful("the page tells of a relay, and not by which pair of candidates it was used")),
        },
    }
}

fn looped(audio: &Audio) -> Value {
    json!({
        "sent": audio.sent, "received": audio.received, "lost": audio.lost,
        "jitter_ms": audio.jitter_ms.map(told::time), "rtt_ms": audio.rtt_ms.map(told::time),
    })
}

/// Why a connection carried nothing.
pub fn failure(peer: &told::Peer) -> Failure {
    let detail = |words: &str| match &peer.detail {
        Some(detail) if !detail.is_empty() => format!("{words} ({detail})"),
        _ => words.to_owned(),
    };
    match peer.failed {
        Some(PeerEnd::NoCandidates) => Failure::new(
            Step::Gather,
            FailureKind::NoPrivilege,
            detail(
                "the browser gave no UDP candidate: WebRTC is switched off or restricted there, by a policy or an add-on",
            ),
        ),
        Some(PeerEnd::Refused) => {
            Failure::new(Step::Session, FailureKind::SessionRefused, detail("the responder took no connection"))
        }
        Some(PeerEnd::NoRelay) => Failure::new(
            Step::Allocate,
            FailureKind::TimedOut,
            detail("the relay gave no address in the time that a browser waits"),
        ),
        Some(PeerEnd::NotConnected) => Failure::new(
            Step::Checks,
            FailureKind::IceFailed,
            detail("no pair of the browser's and the responder's candidates worked"),
        ),
        Some(PeerEnd::NoChannel) | None => Failure::new(
            Step::Dtls,
            FailureKind::NoMedia,
            detail("ICE found a way, and no data channel was opened over it"),
        ),
    }
}

const NANOS: f64 = 1e6;

fn outcome(train: &told::Train) -> Outcome {
    let nanos = |ms: f64| (told::time(ms) * NANOS) as i64;
    let sent: Vec<stats::Sent> = train
        .sent
        .iter()
        .map(|(at, late, len)| stats::Sent { at: nanos(*at), late: nanos(*late), len: *len })
        .collect();
    let is_of = |request: u32| usize::try_from(request).is_ok_and(|r| r < sent.len());
    let replies = train.replies.iter().filter(|(request, ..)| is_of(*request));
    let reply = |(request, number, back, far): &(u32, u32, f64, f64)| {
        let far = nanos(*far);
        stats::Reply { request: *request, number: *number, back: nanos(*back), far: Some((far, far)) }
    };
    let last = sent.last().map_or(0, |s| s.at);
    let sent_for = Duration::from_nanos(u64::try_from(last).unwrap_or(0));
    let record = stats::Train { replies: replies.map(reply).collect(), sent, far: None, stateful: true };
    Outcome {
        ending: Ending::Full,
        record,
        z: stats::ONE_LOOK,
        looks: 1,
        offered: Default::default(),
        responder: true,
        icmp: None,
        not_sent: None,
        misbehaviour: Misbehaviour::default(),
        marking: Marking::default(),
        gaps: Gaps { skipped: train.skipped, count: u32::from(train.skipped > 0), longest: Duration::ZERO },
        own_overflow: 0,
        shorter: 0,
        stun_errors: None,
        took: Duration::from_secs_f64(train.span.took_ms / 1e3),
        sent_for,
    }
}
