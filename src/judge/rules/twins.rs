//! One cause that is seen over IPv4 and over IPv6 of one name: told once, with the rules for both.

use std::net::IpAddr;

use crate::judge::place;
use crate::model::{Check, Finding, Status};

/// Findings that are told of one address each.
const OF_AN_ADDRESS: &[&str] = &["blocked.dropped", "blocked.rejected", "blocked.local", "service.down"];

/// What tells twins: the finding's id and status, and of each check its name, its host and how far away it is stopped.
type Likeness = (String, Status, Vec<(String, String, Option<u8>)>);

/// Joins each finding to its twin in the other family.
pub fn fold(findings: &mut Vec<Finding>, checks: &[Check]) {
    let mut joined: Vec<Finding> = Vec::new();
    for finding in std::mem::take(findings) {
        let of = |f: &Finding| Some((likeness(f, checks)?, address(f, checks)?));
        let is_twin = |other: &&mut Finding| match (of(other), of(&finding)) {
            (Some((one, a)), Some((two, b))) => one == two && a.is_ipv4() != b.is_ipv4(),
            _ => false,
        };
        match joined.iter_mut().find(is_twin) {
            Some(twin) => join(twin, finding, checks),
            None => joined.push(finding),
        }
    }
    *findings = joined;
}

fn likeness(finding: &Finding, checks: &[Check]) -> Option<Likeness> {
    let stopped_at = |c: &Check| Some(place::of(&c.observed)?.before?.distance);
    let of = checks.iter().filter(|c| finding.checks.contains(&c.id));
    // A host whose addresses were given is one of its role.
    let host = |c: &Check| c.target.parse::<IpAddr>().map_or_else(|_| c.target.clone(), |_| c.role.to_string());
    let mut of: Vec<_> = of.map(|c| (c.name().to_owned(), host(c), stopped_at(c))).collect();
    of.sort();
    OF_AN_ADDRESS.contains(&finding.id.as_str()).then(|| (finding.id.clone(), finding.status, of))
}

/// The one address of its checks.
fn address(finding: &Finding, checks: &[Check]) -> Option<IpAddr> {
    let mut of = checks.iter().filter(|c| finding.checks.contains(&c.id)).map(|c| c.address);
    let first = of.next()??;
    of.all(|a| a == Some(first)).then_some(first)
}

fn join(one: &mut Finding, other: Finding, checks: &[Check]) {
    if let Some(address) = address(&other, checks) {
        one.title.push_str(&format!(", and to {address} likewise"));
    }
    one.evidence.extend(other.evidence);
    one.ask.extend(other.ask);
    one.checks.extend(other.checks);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(address: &str, distance: u8) -> Check {
        let trace = json!({
            "flow": {"carrier": "tcp", "port": 443}, "control": {"carrier": "tcp", "port": 80}, "hops": [],
            "end": "silent", "before": {"distance": distance, "address": address}, "rounds": 3
        });
        serde_json::from_value(json!({
            "id": format!("rtc.https/rtc/{address}"), "rule": "rtc.https", "probe": "tcp", "role": "rtc",
            "target": "rtc", "address": address, "need": "required", "status": "fail", "reason": "",
            "observed": {"trace": trace}, "limits": [], "started_ms": 0, "duration_ms": 1
        }))
        .unwrap()
    }

    #[test]
    fn both_families_of_a_name_are_told_once() {
        let finding = |c: &Check| Finding {
            id: "blocked.dropped".to_owned(),
            title: "It is dropped".to_owned(),
            ask: vec![format!("allow {}", c.id)],
            checks: vec![c.id.clone()],
            ..Finding::default()
        };
        for (distance, count) in [(2, 1), (3, 2)] {
            let checks = [check("192.0.2.1", 2), check("2001:db8::1", distance)];
            let mut findings: Vec<Finding> = checks.iter().map(finding).collect();
            fold(&mut findings, &checks);
            assert_eq!(findings.len(), count);
            assert_eq!(findings.iter().map(|f| f.ask.len()).sum::<usize>(), 2);
        }
    }
}
