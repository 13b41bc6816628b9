//! The check that comes of each thing tried beside the rules, one kind a file.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::model::metric::Metric;
use crate::model::{Check, Facts, ProbeKind, Seen, metric};
use crate::plan::{Plan, Trial, TrialKind};

use super::aim::Aim;
use super::check::Judgement;
use super::{call, control, ice, nat, observed, path, portal, proxied, resolver, turn, waived};

/// Judges what was seen of one trial.
pub fn check(plan: &Plan, trial: &Trial, seen: &Seen) -> Check {
    let host = Aim::of_host(&trial.host, seen.address);
    let Judgement { status, reason } = match &trial.kind {
        TrialKind::Nat { .. } => nat::judge(&host, seen),
        TrialKind::Turn(uri) => turn::judge(&Aim::of_relay(uri, seen.address), uri.transport, seen),
        TrialKind::Ice => ice::judge(&host, seen),
        TrialKind::Control(port) => control::judge(&host, *port, seen),
        TrialKind::Path { .. } => path::judge(seen),
        TrialKind::Call => call::judge(&host, call::media_range(plan, trial), seen),
        TrialKind::Resolver { server, .. } => resolver::judge(*server, seen),
        TrialKind::Portal(page) => portal::judge(page, &host, seen),
    };
    Check {
        id: trial.check_id(seen.address),
        rule: None,
        probe: kind(&trial.kind),
        role: trial.role.clone(),
        target: trial.host.to_string(),
        address: seen.address,
        transport: None,
        port: None,
        ports: None,
        need: trial.need,
        status,
        reason: proxied::told(reason, &seen.observation),
        observed: with_via(&trial.kind, seen, observed(seen)),
        limits: Vec::new(),
        source: None,
        group: trial.group.clone(),
        waived: waived(&trial.waived, trial.allow_unknown, status, seen),
        started_ms: seen.started_ms,
        duration_ms: seen.duration_ms,
    }
}

fn kind(kind: &TrialKind) -> ProbeKind {
    match kind {
        TrialKind::Nat { .. } => ProbeKind::Nat,
        TrialKind::Turn(_) => ProbeKind::Turn,
        TrialKind::Ice => ProbeKind::Ice,
        TrialKind::Call => ProbeKind::JanusCall,
        TrialKind::Control(_) => ProbeKind::Tls,
        TrialKind::Resolver { .. } => ProbeKind::Dns,
        TrialKind::Portal(_) => ProbeKind::Http,
        TrialKind::Path { .. } => ProbeKind::Path,
    }
}

/// A check without a rule names what it used, also where the probe got too short a way to say so.
fn with_via(kind: &TrialKind, seen: &Seen, mut facts: Facts) -> Facts {
    if facts.get::<Map<String, Value>>(&metric::VIA).is_some() {
        return facts;
    }
    let port = |fact: &Metric| -> Option<u16> {
        let fact: Value = facts.get(fact)?;
        let remote = fact.pointer("/pair/remote/address")?.as_str()?;
        Some(remote.parse::<SocketAddr>().ok()?.port())
    };
    let via = match kind {
        TrialKind::Turn(uri) => {
            json!({ "method": "turn", "transport": uri.transport, "address": seen.address, "port": uri.port })
        }
        TrialKind::Nat { .. } => json!({ "method": "stun", "transport": "udp", "address": seen.address }),
        TrialKind::Ice => {
            json!({ "method": "ice", "transport": "udp", "address": seen.address, "port": port(&metric::ICE) })
        }
        TrialKind::Control(port) => {
            json!({ "method": "tls", "transport": "tcp", "address": seen.address, "port": port })
        }
        TrialKind::Path { .. } => json!({ "method": "path", "address": seen.address }),
        TrialKind::Call => json!({ "method": "janus-echotest", "transport": "udp", "address": seen.address }),
        // No media is carried.
        TrialKind::Resolver { .. } | TrialKind::Portal(_) => return facts,
    };
    facts.set(&metric::VIA, via);
    facts
}
