//! Where flows are stopped, each cause and place once for each host: `host.unreachable`, `udp.blocked`, `blocked.local`,
//! `blocked.rejected`, `blocked.dropped`, `blocked.sni`, `service.down`. Silence concludes nothing without a trace.

mod host;
mod told;

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::judge::place::{self, Traced};
use crate::model::trace::{Carrier, Hop, TraceEnd, Ttl};
use crate::model::{Check, Finding, Status, Transport, metric};
use crate::plan::Plan;

/// What stops a flow; flows of one cause to one host are told together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A firewall of this machine.
    Local,
    /// An ICMP error of a router or of the host's firewall.
    Rejected(IpAddr),
    /// Somebody at or before so many hops resets in the host's name.
    Forged(u8),
    /// Nothing comes as far as the second of so many hops; the first is the last that it was seen at.
    Dropped(Option<u8>, u8),
    /// A ClientHello with the target's name.
    Name(String),
    /// The host itself.
    Refused,
}

/// Every finding, the widest first.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let by_family = super::ipv6_broken::addresses(checks);
    let mut traced = place::all(checks);
    traced.retain(|t| !by_family.contains(&t.address));
    let mut findings = Vec::new();
    let dead = dead_hosts(checks, &traced);
    findings.extend(dead.iter().map(|address| host::unreachable(*address, &of_address(&traced, *address), checks)));
    let mut left: Vec<&Traced<'_>> = traced.iter().filter(|t| !dead.contains(&t.address)).collect();
    if let Some(udp) = all_udp(checks, &left) {
        findings.push(host::udp(&udp));
        left.retain(|t| t.trace.flow.carrier != Carrier::Udp);
    }
    let mut groups: BTreeMap<(IpAddr, Cause), Vec<&Traced<'_>>> = BTreeMap::new();
    for one in left {
        if let Some(cause) = cause(one) {
            groups.entry((one.address, cause)).or_default().push(one);
        }
    }
    findings.extend(groups.iter().map(|((address, cause), of)| told::cause(*address, cause, of)));
    findings
}

fn of_address<'a, 'b>(traced: &'b [Traced<'a>], address: IpAddr) -> Vec<&'b Traced<'a>> {
    traced.iter().filter(|t| t.address == address).collect()
}

/// What stops a flow; `None` where nothing shows it.
fn cause(one: &Traced<'_>) -> Option<Cause> {
    let trace = &one.trace;
    let nearest = trace.before.is_some_and(|b| b.distance == 1) && !trace.ends_at_host();
    let by_name = trace.other_name.as_ref().is_some_and(|o| o.end == TraceEnd::Answered && o.rounds >= 3);
    match trace.end {
        TraceEnd::Silent | TraceEnd::Cut if by_name && trace.rounds >= 3 => trace.flow.name.clone().map(Cause::Name),
        TraceEnd::Local => Some(Cause::Local),
        // This machine says of a datagram that it keeps it back; of a SYN it says nothing.
        TraceEnd::Silent if trace.after.is_none() && nearest && trace.flow.carrier != Carrier::Udp => {
            Some(Cause::Local)
        }
        TraceEnd::Silent if trace.flow.carrier == Carrier::Tls => None,
        // A host need not answer a datagram.
        TraceEnd::Silent if trace.ends_at_host() && is_undecided_udp(one) => None,
        TraceEnd::Silent => trace.before.map(|b| Cause::Dropped(trace.after.map(|a| a.distance), b.distance)),
        TraceEnd::Rejected => trace.from.map(Cause::Rejected),
        TraceEnd::Refused | TraceEnd::Cut if trace.before.is_some() && !trace.ends_at_host() => {
            trace.before.map(|b| Cause::Forged(b.distance))
        }
        TraceEnd::Refused if trace.ttl.is_some_and(Ttl::differ) => trace.before.map(|b| Cause::Forged(b.distance)),
        TraceEnd::Refused => Some(Cause::Refused),
        TraceEnd::Cut | TraceEnd::Answered | TraceEnd::Unknown => None,
    }
}

fn is_undecided_udp(one: &Traced<'_>) -> bool {
    one.trace.flow.carrier == Carrier::Udp && one.check.status != Status::Fail
}

/// Hosts of which nothing was ever heard: no check holds, no trace came there, and at least one tried.
fn dead_hosts(checks: &[Check], traced: &[Traced<'_>]) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = traced.iter().map(|t| t.address).collect();
    all.sort();
    all.dedup();
    all.retain(|address| !super::ipv6_broken::lives_over_v4(checks, *address));
    let silent = |t: &Traced<'_>| {
        let nothing = t.trace.end == TraceEnd::Silent && t.trace.before.is_none() && t.trace.rounds >= 3;
        t.trace.host_distance.is_none() && (nothing || place::is_no_way(&t.trace))
    };
    all.retain(|address| {
        let lives = |c: &Check| c.status.holds() || c.observed.has(&metric::RTT_CONNECT_MS);
        let here = checks.iter().filter(|c| c.address == Some(*address) && c.rule.is_some());
        !here.into_iter().any(lives) && of_address(traced, *address).into_iter().all(silent)
    });
    all
}

/// All UDP that was traced is stopped, to ports that no rule names too, and none was answered anywhere while TCP was.
fn all_udp<'a, 'b>(checks: &[Check], traced: &[&'b Traced<'a>]) -> Option<Vec<&'b Traced<'a>>> {
    let udp: Vec<&Traced<'_>> = traced.iter().copied().filter(|t| t.trace.flow.carrier == Carrier::Udp).collect();
    // A host, or its own firewall, need not answer a datagram: only what ends on the way is stopped.
    let stopped = |t: &Traced<'_>, end: TraceEnd, before: Option<Hop>| match end {
        TraceEnd::Silent => before.is_some_and(|b| Some(b.distance) != t.trace.host_distance),
        TraceEnd::Rejected => true,
        _ => false,
    };
    let all = udp.iter().all(|t| {
        let other = t.trace.other_port.as_ref().is_some_and(|o| stopped(t, o.end, o.before));
        other && stopped(t, t.trace.end, t.trace.before)
    });
    let works = |transport| checks.iter().any(|c| c.transport == Some(transport) && c.status.holds());
    let mapped = checks.iter().any(|c| c.observed.has(&metric::MAPPED));
    let reached = udp.iter().any(|t| {
        let some = |m| t.check.observed.get::<crate::model::PortSet>(m).is_some_and(|set| !set.is_empty());
        some(&metric::ANSWERED) || some(&metric::REFUSED)
    });
    (!udp.is_empty() && all && works(Transport::Tcp) && !works(Transport::Udp) && !mapped && !reached).then_some(udp)
}

#[cfg(test)]
mod tests;
