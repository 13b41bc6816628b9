//! The rule to ask a firewall's administrator for, so that a check's traffic may pass: one line, ready for a ticket.

use std::net::{IpAddr, SocketAddr};

use super::place;
use crate::model::{Check, Failure, FailureKind, PortSet, Step, Transport, metric};

/// `allow UDP 19099-20099 from 192.0.2.2 to 203.0.113.10, and replies`; `None` where no firewall's rule can mend the
/// check: its name has no address, its port is open, or the host itself refuses.
pub fn ask(check: &Check, all: &[Check]) -> Option<String> {
    let transport = check.transport.filter(|t| matches!(t, Transport::Tcp | Transport::Udp))?;
    let address = check.address?;
    let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
    let beyond =
        |f: &Failure| transport == Transport::Tcp && (f.step != Step::Connect || f.kind == FailureKind::Refused);
    if failure.as_ref().is_some_and(beyond) {
        return None;
    }
    let ports = check.port.map(|p| p.to_string()).or_else(|| stopped(check))?;
    let from = source(all, address).map_or_else(String::new, |a| format!(" from {a}"));
    Some(format!("allow {} {ports}{from} to {address}, and replies", transport.as_str().to_uppercase()))
}

/// The ports of a range check that did not get through: a part of it where every port was asked and others got through, the
/// whole range elsewhere. `None` for a check without a range.
pub fn stopped(check: &Check) -> Option<String> {
    let whole = check.ports?.to_string();
    let set = |m| check.observed.get::<PortSet>(m).unwrap_or_default();
    let count = |m| check.observed.get::<u32>(m);
    let reached = [&metric::ANSWERED, &metric::REFUSED].into_iter().any(|m| !set(m).is_empty());
    let all_asked = count(&metric::PROBED).is_some() && count(&metric::PROBED) == count(&metric::TOTAL);
    let lost: Vec<String> = [&metric::SILENT, &metric::PROHIBITED]
        .into_iter()
        .flat_map(|m| set(m).ranges().iter().map(ToString::to_string).collect::<Vec<_>>())
        .collect();
    let is_part = reached && all_asked && !lost.is_empty() && lost.len() <= MOST_PARTS;
    Some(if is_part { lost.join(", ") } else { whole })
}

/// So many parts of a range are named; more are asked for as the whole range.
const MOST_PARTS: usize = 8;

/// The rules for several checks, each once.
pub fn asks<'a>(checks: impl IntoIterator<Item = &'a Check>, all: &[Check]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in checks.into_iter().filter_map(|c| ask(c, all)) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// This machine's own address towards `to`, where a probe recorded it; else the one in its family.
pub fn source(all: &[Check], to: IpAddr) -> Option<IpAddr> {
    let local = |c: &Check| {
        let traced = || place::of(&c.observed)?.source;
        let text: Option<String> = c.observed.get(&metric::LOCAL);
        let parsed = |text: String| text.parse::<SocketAddr>().map(|a| a.ip()).or_else(|_| text.parse::<IpAddr>()).ok();
        text.and_then(parsed).or_else(traced)
    };
    let fits = |a: &IpAddr| a.is_ipv4() == to.is_ipv4() && a.is_loopback() == to.is_loopback() && !a.is_unspecified();
    let towards = all.iter().filter(|c| c.address == Some(to)).filter_map(local).find(fits);
    towards.or_else(|| all.iter().filter_map(local).find(fits))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(transport: &str, address: Option<&str>, observed: serde_json::Value) -> Check {
        serde_json::from_value(json!({
            "id": "a/b", "probe": "tcp", "role": "a", "target": "b", "address": address, "transport": transport,
            "port": 8989, "need": "required", "status": "fail", "reason": "", "observed": observed, "limits": [],
            "started_ms": 0, "duration_ms": 1
        }))
        .unwrap()
    }

    #[test]
    fn a_line_names_both_ends_where_they_are_known() {
        let to = Some("203.0.113.10");
        let blocked = check("udp", to, json!({}));
        assert_eq!(ask(&blocked, &[]).as_deref(), Some("allow UDP 8989 to 203.0.113.10, and replies"));
        let others =
            [check("udp", to, json!({"local": "[2001:db8::1]:5"})), check("udp", to, json!({"local": "192.0.2.2:5"}))];
        let line = "allow UDP 8989 from 192.0.2.2 to 203.0.113.10, and replies";
        assert_eq!(asks([&blocked, &blocked], &others), [line]);
    }

    #[test]
    fn nothing_is_asked_of_a_firewall_that_it_cannot_mend() {
        let to = Some("203.0.113.10");
        let failed = |step, kind| json!({"failure": Failure::new(step, kind, "")});
        let timed_out = check("tcp", to, failed(Step::Connect, FailureKind::TimedOut));
        assert!(ask(&timed_out, &[]).is_some());
        for (step, kind) in [(Step::Connect, FailureKind::Refused), (Step::Tls, FailureKind::TimedOut)] {
            assert_eq!(ask(&check("tcp", to, failed(step, kind)), &[]), None);
        }
        assert_eq!(ask(&check("udp", None, json!({})), &[]), None);
        assert_eq!(ask(&check("gre", to, json!({})), &[]), None);
    }
}
