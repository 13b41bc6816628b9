//! Facts and steps of the probe: from what sessions found to what a report says.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Seen;
use super::signs::{self, Clues};

use crate::model::{Failure, FailureKind, Observation, Step, StepTiming, metric, millis};
use crate::net::hops::Hop;
use crate::net::icmp;
use crate::net::interfaces::Route;
use crate::session::nat::Kind;
use crate::session::nat::lifetime::Outcome as Lifetimes;
use crate::session::nat::scout::{Ending, Found};

/// Mapping, filtering, hairpinning, and what they were found with.
pub fn behaviour(observation: &mut Observation, seen: &Seen) {
    let outcome = &seen.outcome;
    step(observation, Step::Mapping, outcome.mapping_took, &outcome.mapping);
    if seen.rfc5780 {
        step(observation, Step::Filtering, outcome.filtering_took, &outcome.filtering);
    }
    let word = |found: &Result<Kind, String>| found.as_ref().map_or("unknown", |kind| kind.as_str());
    let facts = &mut observation.facts;
    facts.set(&metric::MAPPING, word(&outcome.mapping));
    facts.set(&metric::FILTERING, word(&outcome.filtering));
    facts.set(&metric::MAPPED, outcome.mapped.or(seen.answer.mapped));
    facts.set(&metric::LOCAL, outcome.local);
    facts.set(&metric::HAIRPIN, outcome.hairpin);
    facts.set(&metric::VIA, via(seen));
    facts.set(&metric::STUN_RTT_MS, millis(seen.answer.rtt));
    if let Some(software) = &seen.answer.software {
        facts.set(&metric::STUN_SOFTWARE, software);
    }
    if let Some(version) = seen.answer.responder {
        facts.set(&metric::RESPONDER, version.to_string());
    }
    if let Some(why) = why_unknown(seen) {
        facts.set(&metric::NAT_WHY_UNKNOWN, why);
    }
}

fn step(observation: &mut Observation, step: Step, took: Duration, found: &Result<Kind, String>) {
    match found {
        Ok(_) => observation.step_ok(step, took),
        Err(why) => observation.steps.push(StepTiming { step, ms: millis(took), result: format!("unknown: {why}") }),
    }
}

/// How it was found, with whom, and whether the mapping varies by destination, as far as that alone is known.
fn via(seen: &Seen) -> Value {
    let addresses: BTreeSet<IpAddr> = seen.outcome.servers.iter().map(SocketAddr::ip).collect();
    let method = match (seen.rfc5780, addresses.len()) {
        (true, _) => "rfc5780",
        (false, 0 | 1) => "one-server",
        (false, _) => "two-servers",
    };
    let servers: Vec<String> = match seen.outcome.servers.is_empty() {
        true => vec![seen.server.to_string()],
        false => seen.outcome.servers.iter().map(ToString::to_string).collect(),
    };
    let mut via = Map::from_iter([("method".to_owned(), json!(method)), ("servers".to_owned(), json!(servers))]);
    if let Some(varies) = seen.outcome.varies {
        via.insert("varies".to_owned(), json!(varies));
    }
    Value::Object(via)
}

/// A sentence for each that is unknown.
fn why_unknown(seen: &Seen) -> Option<String> {
    let mapping = seen.outcome.mapping.as_ref().err().map(|why| format!("the mapping cannot be told: {why}"));
    let filtering = seen.outcome.filtering.as_ref().err().map(|why| match &seen.short {
        Some(short) if !seen.rfc5780 => format!("the filtering cannot be told: {why}: {short}"),
        _ => format!("the filtering cannot be told: {why}"),
    });
    let all: Vec<String> = mapping.into_iter().chain(filtering).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Signs in addresses and routes.
pub fn signs(
    observation: &mut Observation,
    server: IpAddr,
    route: Option<&Route>,
    mapped: Option<IpAddr>,
    hops: &[Hop],
) {
    let clues = Clues { server, route, mapped, hops };
    observation.facts.set(&metric::NAT_SIGNS, signs::signs(clues));
}

/// How long a silent source is remembered.
pub fn lifetime(observation: &mut Observation, found: &Lifetimes, took: Duration) {
    let seconds = |d: Duration| match d.subsec_nanos() {
        0 => json!(d.as_secs()),
        _ => json!(d.as_secs_f64()),
    };
    let tested: Vec<Value> =
        found.tested.iter().map(|t| json!({"silence_s": seconds(t.silence), "alive": t.alive})).collect();
    let told = found.tested.iter().any(|t| t.alive.is_some());
    let facts = &mut observation.facts;
    let mut fact = json!({
        "tested": tested,
        "alive_s": found.alive().map(seconds),
        "gone_s": found.gone().map(seconds),
    });
    if !found.response_port
        && let Some(fact) = fact.as_object_mut()
    {
        let why = "the server does not answer to another port (RESPONSE-PORT), so that only a changed mapping tells";
        fact.insert("why_unknown".to_owned(), json!(why));
    }
    facts.set(&metric::NAT_LIFETIME, fact);
    let result = if told { "ok".to_owned() } else { "unknown".to_owned() };
    observation.steps.push(StepTiming { step: Step::Lifetime, ms: millis(took), result });
}

/// No server answered.
pub fn silence(observation: &mut Observation, servers: &[(String, SocketAddr)], found: &[Found], took: Duration) {
    let facts = &mut observation.facts;
    facts.set(&metric::MAPPING, "unknown");
    facts.set(&metric::FILTERING, "unknown");
    let asked: Vec<String> = found.iter().map(|f| f.server.to_string()).collect();
    facts.set(&metric::VIA, json!({"method": "one-server", "servers": asked}));
    let name = |at: SocketAddr| {
        let named = servers.iter().find(|(_, address)| *address == at).map(|(host, _)| host);
        named.filter(|host| **host != at.ip().to_string()).map_or(at.to_string(), |host| format!("{host} ({at})"))
    };
    let one = |f: &Found| format!("{}: {}", name(f.server), words(&f.ending, took));
    let details: Vec<String> = found.iter().map(one).collect();
    let detail = format!("no STUN server answered: {}", details.join("; "));
    facts.set(&metric::NAT_WHY_UNKNOWN, &detail);
    let kinds: Vec<FailureKind> = found.iter().map(|f| kind(&f.ending, f.server)).collect();
    // Where one of them was silent, so may the others' refusals be; where all say the same, that is it.
    let first = kinds.first().copied().filter(|first| kinds.iter().all(|k| k == first));
    observation.step_failed(Failure::new(Step::Mapping, first.unwrap_or(FailureKind::TimedOut), detail), took);
}

fn kind(ending: &Ending, server: SocketAddr) -> FailureKind {
    match ending {
        Ending::Answered(_) | Ending::Silence => FailureKind::TimedOut,
        Ending::Error(..) => FailureKind::StunError,
        Ending::Icmp(error) => error.meaning().failure_kind().unwrap_or(FailureKind::TimedOut),
        Ending::NotSent(error) => icmp::not_sent(Step::Mapping, *error, server.ip()).kind,
    }
}

fn words(ending: &Ending, took: Duration) -> String {
    match ending {
        Ending::Answered(_) => "answered".to_owned(),
        Ending::Silence => format!("no answer in {:.1} s", took.as_secs_f64()),
        Ending::Error(code, reason) => format!("STUN error {code} {reason}").trim_end().to_owned(),
        Ending::Icmp(error) => error.to_string(),
        Ending::NotSent(error) => format!("the system would not send ({error:?})"),
    }
}
