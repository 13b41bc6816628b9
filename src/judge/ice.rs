//! ICE with an agent at the target: which pair of candidates wins, how fast, and what each candidate said where none
//! does. It informs and changes no verdict.

use serde_json::Value;

use crate::model::{Estimates, Facts, Failure, FailureKind, Outcome, Seen, Status, Step, metric};

use super::aim::Aim;
use super::check::Judgement;
use super::pair::{Candidate, Pair};
use super::{figures, limits, reason, remedy};

/// More of a list than this is counted.
const LISTED: usize = 6;

/// Judges one target's ICE.
pub fn judge(aim: &Aim<'_>, seen: &Seen) -> Judgement {
    let (facts, place) = (&seen.observation.facts, aim.place());
    let ice: Value = facts.get(&metric::ICE).unwrap_or_default();
    match &seen.observation.outcome {
        Outcome::Skipped(because) => Judgement { status: Status::Skip, reason: reason::skipped(because) },
        Outcome::Failed(failure) if failure.step == Step::Name => {
            Judgement { status: Status::Fail, reason: remedy::name(aim, failure) }
        }
        Outcome::Failed(failure) => failed(aim, seen, failure, &ice),
        Outcome::Measured => measured(&place, facts, &ice),
    }
}

/// The checks themselves failed, or they could not be begun, which says nothing of them.
fn failed(aim: &Aim<'_>, seen: &Seen, failure: &Failure, ice: &Value) -> Judgement {
    let place = aim.place();
    let status = match failure.kind {
        FailureKind::IceFailed | FailureKind::NoMedia => Status::Fail,
        _ => Status::Unknown,
    };
    let reason = match (status, failure.kind) {
        (Status::Fail, _) => format!(
            "ICE with {place}: {}{}; allow UDP to the target's media ports, or {}.",
            failure.detail,
            told(ice, &failure.detail),
            by_relay(ice)
        ),
        (_, FailureKind::OutOfTime | FailureKind::Internal) => {
            format!("ICE with {place}: {}; {}.", failure.detail, remedy::of(aim, seen, failure, status))
        }
        _ => format!(
            "ICE with {place} could not be tried: {}; run a current `rtc-check serve` there, and mend what the other checks of this address say.",
            failure.detail
        ),
    };
    Judgement { status, reason }
}

fn measured(place: &str, facts: &Facts, ice: &Value) -> Judgement {
    let silent = facts.get::<u64>(&metric::SENT).is_some_and(|n| n > 0) && facts.get(&metric::RECEIVED) == Some(0_u64);
    let failed = ice.get("failed").and_then(Value::as_str);
    let Some(pair) = Pair::read(ice).filter(|_| failed.is_none() && !silent) else {
        let words = match failed {
            Some(words) => words.to_owned(),
            None if silent => "a pair was agreed on, and none of its packets came back".to_owned(),
            None => "no pair of candidates worked".to_owned(),
        };
        let reason = format!(
            "ICE with {place}: {words}{}; allow UDP to the target's media ports, or {}.",
            told(ice, &words),
            by_relay(ice)
        );
        return Judgement { status: Status::Fail, reason };
    };
    let lossy = limits::loses_too_much(&facts.get::<Estimates>(&metric::ESTIMATES).unwrap_or_default());
    let status = match (pair.is_direct(), pair.is_relayed()) {
        (true, _) if !lossy => Status::Pass,
        (false, false) => Status::Unknown,
        _ => Status::Warn,
    };
    let way = match (pair.is_direct(), pair.is_relayed()) {
        (true, _) => "",
        (_, true) => "; no direct pair worked, so media take the relay: allow UDP to the target's media ports",
        _ => "; whether they went directly or through a relay is not known",
    };
    let loss = if lossy { "; it loses more than a call bears: look for what loads or limits the path" } else { "" };
    let hint = format!("{loss}{way}");
    let figures = Some(figures::train(facts)).filter(|f| !f.is_empty()).map(|f| format!("; {f}")).unwrap_or_default();
    let reason = format!(
        "ICE with {place}: {}{}{figures}{hint}.{}{}",
        pair.words(),
        connected(ice),
        relay_only(facts),
        figures::caveats_of_way(facts)
    );
    Judgement { status, reason }
}

/// What to do about relays, by whether any was tried.
fn by_relay(ice: &Value) -> &'static str {
    let list = |key: &str| ice.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let is_relay = |v: &Value| v.get("type").and_then(Value::as_str) == Some("relay");
    let unused = |v: &Value| v.get("why").and_then(Value::as_str).is_some_and(|why| why.contains("relay"));
    let tried = !list("relay_errors").is_empty() || list("candidates").iter().any(is_relay);
    match (tried, list("left_out").iter().any(unused)) {
        (true, _) => "mend the relays that were tried: the check of each says how",
        (_, true) => "have one of the relays that were left out tried",
        _ => "give a relay that works with --turn",
    }
}

fn connected(ice: &Value) -> String {
    let ms = ice.get("connected_ms").and_then(Value::as_f64);
    ms.map(|ms| format!(" connected in {} ms", figures::number(ms))).unwrap_or_default()
}

/// The run with relay candidates alone, as a sentence of its own; empty where there was none.
fn relay_only(facts: &Facts) -> String {
    let Some(ice) = facts.get::<Value>(&metric::ICE_RELAY_ONLY).filter(Value::is_object) else {
        return String::new();
    };
    let failed = ice.get("failed").and_then(Value::as_str);
    match Pair::read(&ice).filter(|_| failed.is_none()) {
        Some(pair) => {
            let rtt = ice.get("rtt_ms").and_then(|r| r.get("mean")).and_then(Value::as_f64);
            let rtt = rtt.map(|ms| format!(", round trip {} ms", figures::number(ms))).unwrap_or_default();
            format!(" With direct UDP left out: {}{}{rtt}.", pair.words(), connected(&ice))
        }
        None => {
            let words = failed.unwrap_or("no pair worked").trim_end_matches('.');
            format!(" With direct UDP left out: {words}{}.", told(&ice, words))
        }
    }
}

/// What each candidate and relay said, as clauses: `; candidates: …; left out: …; relays: …`. What `failure` says already
/// is not said again.
fn told(ice: &Value, failure: &str) -> String {
    let list = |key: &str| ice.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let candidate = |v: &Value| serde_json::from_value::<Candidate>(v.clone()).ok();
    let is_new = |c: &Candidate| !failure.contains(&c.address);
    let candidates = list("candidates").iter().filter_map(candidate).filter(is_new).map(|c| c.words()).collect();
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let left_out = list("left_out").iter().map(|v| format!("{} ({})", text(v, "address"), text(v, "why"))).collect();
    let relays = list("relay_errors").iter().map(relay_error).filter(|words| !failure.contains(words)).collect();
    [clause("candidates", candidates), clause("left out", left_out), clause("relays", relays)].concat()
}

fn clause(name: &str, words: Vec<String>) -> String {
    let more = words.len().saturating_sub(LISTED);
    let shown = words.into_iter().take(LISTED).collect::<Vec<_>>().join(", ");
    match (shown.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!("; {name}: {shown}"),
        (false, more) => format!("; {name}: {shown} and {more} more"),
    }
}

/// A relay's error, as text or as an object of texts and numbers.
fn relay_error(value: &Value) -> String {
    let plain = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match value.as_object() {
        Some(object) => {
            let known = ["relay", "server", "via", "method", "code", "reason", "detail"];
            let parts = known.iter().filter_map(|key| object.get(*key)).filter(|v| !v.is_null()).map(plain);
            parts.collect::<Vec<_>>().join(" ")
        }
        None => plain(value),
    }
}

#[cfg(test)]
mod tests;
