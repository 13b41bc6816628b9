//! What is told of a whole host, or of all UDP.

use std::net::IpAddr;

use crate::judge::place::{self, Traced};
use crate::model::path::PathHop;
use crate::model::trace::{Hop, TraceEnd};
use crate::model::{Check, Finding, Who, metric};

use super::told::{ask, evidence, of_flows, ports};

/// All UDP is stopped.
pub fn udp(of: &[&Traced<'_>]) -> Finding {
    let mut places: Vec<String> = of.iter().filter_map(|t| place::clause(&t.check.observed)).collect();
    places.sort();
    places.dedup();
    let port = of.iter().find_map(|t| t.trace.other_port.as_ref()).map_or(0, |o| o.port);
    let base = of_flows("udp.blocked", of);
    let mut shown = base.evidence.clone();
    shown.push(format!("UDP {port} (no rule names it: traceroute's own port) to the same hosts is stopped as well."));
    Finding {
        title: "All UDP to the targets is stopped, and TCP works".to_owned(),
        detail: format!(
            "No datagram to any target was answered, to whatever port: {}. UDP to what is nearer, such as a resolver, may well pass.",
            places.join("; ")
        ),
        remedy: "Allow UDP to the ports below, and their replies; media need it. A relay over TLS on port 443 is the second best.".to_owned(),
        who: Some(Who::Firewall),
        ask: ask(of),
        evidence: shown,
        ..base
    }
}

/// Nothing answers from a host.
pub fn unreachable(address: IpAddr, of: &[&Traced<'_>], checks: &[Check]) -> Finding {
    let no_way = of.iter().find(|t| place::is_no_way(&t.trace));
    let router = no_way.and_then(|t| Some(place::router(&t.trace, t.trace.from?)));
    let icmp = no_way.and_then(|t| t.trace.icmp.clone()).unwrap_or_default();
    let last = of.iter().filter_map(|t| t.trace.hops.last()).max_by_key(|h| h.distance).copied();
    let meaning = match (&router, last) {
        (Some(router), _) => format!("{router} says: {icmp}. So nothing has this address there, or the host is off."),
        (None, Some(last)) => format!(
            "The last that answers on the way is {}. The host is off, its address is another, or everything to it is dropped there or behind it.",
            place::hop(last)
        ),
        (None, None) => "No router on the way answers either. The host is off, its address is another, or everything to it is dropped.".to_owned(),
    };
    let clue = last.and_then(|last| neighbour(checks, address, last)).map(|other| {
        format!(" {other}, whose way leads over the same router, answers: as far as there the way is good.")
    });
    let here = checks.iter().filter(|c| c.address == Some(address) && c.rule.is_some() && !c.status.holds());
    Finding {
        title: format!("{address} is not reached at all"),
        detail: format!(
            "Nothing answers from {address}, no TCP and no UDP port of the rules. {meaning}{}",
            clue.unwrap_or_default()
        ),
        remedy: "First see that the address is the right one; then ask the server's operator whether the host is up, and only then whoever runs the last router that answers.".to_owned(),
        who: Some(Who::Server),
        ask: asks(address, of, router.as_deref(), last),
        evidence: unanswered(address, of, last),
        checks: here.map(|c| c.id.clone()).collect(),
        ..of_flows("host.unreachable", of)
    }
}

/// First of the server's operator, then of who runs the router.
fn asks(address: IpAddr, of: &[&Traced<'_>], router: Option<&str>, last: Option<Hop>) -> Vec<String> {
    let first = format!("of the server's operator: is {address} its address, and is the host up?");
    let from = of.iter().find_map(|t| t.source()).map(|s| format!(" from {s}")).unwrap_or_default();
    let second = match (router, last) {
        (Some(router), _) => format!("of whoever runs {router}, if it is: mend its route or link to {address}"),
        (None, last) => {
            let at = last.map_or_else(|| "the firewall".to_owned(), place::hop);
            format!(
                "of whoever runs {at} and what is behind it, if it is: allow {}{from} to {address}, and replies",
                ports(of)
            )
        }
    };
    vec![first, second]
}

/// How far all flows came, in one line, and what a router said of them.
fn unanswered(address: IpAddr, of: &[&Traced<'_>], last: Option<Hop>) -> Vec<String> {
    let (said, silent): (Vec<&Traced<'_>>, Vec<&Traced<'_>>) =
        of.iter().partition(|t| t.trace.end == TraceEnd::Rejected);
    let mut all = evidence(&said);
    if !silent.is_empty() {
        let far = last.map(|l| format!(" from beyond {}", place::hop(l))).unwrap_or_default();
        all.push(format!("{} to {address}: in three rounds nothing came back{far}.", ports(&silent)));
    }
    all
}

/// Another target that answers, on whose way the router lies.
fn neighbour(checks: &[Check], dead: IpAddr, last: Hop) -> Option<IpAddr> {
    let over = |c: &Check| {
        let hops: Vec<PathHop> = c.observed.get(&metric::HOPS).unwrap_or_default();
        hops.iter().any(|h| h.address == last.address)
    };
    let others = checks.iter().filter(|c| over(c)).filter_map(|c| c.address).filter(|a| *a != dead);
    let mut living =
        others.filter(|a| checks.iter().any(|c| c.address == Some(*a) && c.rule.is_some() && c.status.holds()));
    living.next()
}
