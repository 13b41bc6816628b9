//! An attempt as a report has it.

use serde_json::{Map, Value, json};

use super::Attempt;
use crate::model::metric::{self, Metric};
use crate::model::millis;
use crate::net::classify::clean;
use crate::net::ice::{Found, Plan};

/// The object of `ice` and `ice_relay_only`.
pub fn attempt(attempt: &Attempt) -> Value {
    let report = &attempt.report;
    let mut shown = Map::new();
    let mut set = |key: &str, value: Value| shown.insert(key.to_owned(), value);
    set("connected_ms", report.connected.map_or(Value::Null, |took| json!(millis(took))));
    set("gathered_ms", report.gathered.map_or(Value::Null, |took| json!(millis(took))));
    let pair = report.pair.map(|(local, remote)| json!({ "local": found(attempt, &local), "remote": far(&remote) }));
    set("pair", pair.unwrap_or(Value::Null));
    set("candidates", report.candidates.iter().map(|c| found(attempt, c)).collect());
    let hosts = report.left_out.iter().map(|(address, why)| json!({ "address": address, "why": why }));
    let relays = attempt.relays.left_out.iter().map(|(address, why)| json!({ "address": address, "why": why }));
    set("left_out", hosts.chain(relays).collect());
    set("relay_errors", json!(attempt.relay_errors));
    if let Some(failure) = &attempt.failure {
        set("failed", json!(failure.detail));
    }
    let figures: [&Metric; 4] = [&metric::RTT_MS, &metric::SENT, &metric::RECEIVED, &metric::LOSS_PCT];
    for metric in figures.into_iter().filter(|metric| attempt.facts.has(metric)) {
        set(metric.name, attempt.facts.get(metric).unwrap_or(Value::Null));
    }
    Value::Object(shown)
}

/// A candidate of ours; `via`: the way to the relay that gave it.
fn found(attempt: &Attempt, found: &Found) -> Value {
    let mut shown = far(found);
    if let (Some(relay), Some(object)) = (attempt.relays.of(found), shown.as_object_mut()) {
        object.insert("via".to_owned(), json!(relay.way));
    }
    shown
}

fn far(found: &Found) -> Value {
    json!({ "type": found.kind.as_str(), "address": found.address })
}

/// Why nothing connected: what was tried against what, and what the relays said.
pub fn failure(plan: &Plan, attempt: &Attempt, why: &str) -> String {
    let list = |candidates: &[Found]| candidates.iter().map(Found::to_string).collect::<Vec<_>>().join(", ");
    let own = match attempt.report.candidates.as_slice() {
        [] => "this machine had no candidate".to_owned(),
        candidates => format!("tried {}", list(candidates)),
    };
    let ports: Vec<String> = plan.remote.iter().map(|remote| remote.port().to_string()).collect();
    let target = plan.remote.first().map(|remote| remote.ip().to_string()).unwrap_or_default();
    let relays = match attempt.relay_errors.as_slice() {
        [] => String::new(),
        errors => format!("; {}", errors.join("; ")),
    };
    clean(&format!("{why}: {own} against UDP {} of {target}{relays}", ports.join(", ")), 900)
}
