//! Where a flow ends, in words, from `observed.trace`. Knows one check, and no other.

use std::net::{IpAddr, SocketAddr};

use crate::model::trace::{Hop, Trace, TraceEnd, Ttl};
use crate::model::{Check, Facts, metric};

/// The trace of a check that was made because it failed.
pub fn of(observed: &Facts) -> Option<Trace> {
    observed.get(&metric::TRACE)
}

/// `hop 2 (192.0.2.1)`; the first is where this machine sends what is to go there.
pub fn hop(hop: Hop) -> String {
    match hop.distance {
        1 => format!("hop 1 ({}, your gateway)", hop.address),
        n => format!("hop {n} ({})", hop.address),
    }
}

/// A router by its place on the way where that is known: `hop 2 (192.0.2.1)`, `192.0.2.9`.
pub fn router(trace: &Trace, address: IpAddr) -> String {
    trace.distance_of(address).map_or_else(|| address.to_string(), |distance| hop(Hop { distance, address }))
}

/// Where silence begins, as `dropped …` goes on: `by hop 1 (192.0.2.1, your gateway), or between it and hop 2 (203.0.113.1)`;
/// `None` where nothing shows it.
pub fn between(trace: &Trace) -> Option<String> {
    let before = trace.before?;
    // A flow that was not itself seen at a router stays where it is known not to have come.
    Some(match (trace.after, trace.ends_at_host()) {
        (Some(after), true) => format!("by {}, something behind it, or the server's own firewall", hop(after)),
        (Some(after), false) => format!("by {}, or between it and {}", hop(after), hop(before)),
        (None, true) => "at a place on the way that is not known, or by the server's own firewall".to_owned(),
        (None, false) if before.distance == 1 => {
            format!("before the first router ({}), so on this machine or its local link", before.address)
        }
        (None, false) => format!("before {}", hop(before)),
    })
}

/// Routers that know no way there, which no rule of a firewall mends.
pub fn is_no_way(trace: &Trace) -> bool {
    trace.end == TraceEnd::Rejected
        && trace.icmp.as_deref().is_some_and(|i| i.ends_with("unreachable") && i != "port unreachable")
}

/// What is said of the place in the check's reason; `None` where nothing is gained.
pub fn clause(observed: &Facts) -> Option<String> {
    let trace = of(observed)?;
    match trace.end {
        TraceEnd::Silent => silent(&trace),
        TraceEnd::Rejected => {
            let from = trace.from?;
            let icmp = trace.icmp.as_deref().unwrap_or("ICMP error");
            if is_no_way(&trace) {
                return Some(format!("{} says: {icmp}", router(&trace, from)));
            }
            Some(format!("rejected by {} ({icmp})", router(&trace, from)))
        }
        TraceEnd::Refused if trace.ttl.is_some_and(Ttl::differ) => {
            let ttl = trace.ttl?;
            Some(format!("reset in the host's name (TTL {}, the host's own is {})", ttl.reset, ttl.host))
        }
        TraceEnd::Refused if trace.ends_at_host() => Some("refused only at the host itself".to_owned()),
        TraceEnd::Refused | TraceEnd::Cut => {
            let before = trace.before?;
            let what = if trace.end == TraceEnd::Cut { "cut off" } else { "reset" };
            Some(match trace.ends_at_host() {
                true => format!("{what} only where the packets come as far as the host"),
                false => format!("{what} at or before {}, in the host's name", hop(before)),
            })
        }
        TraceEnd::Local => Some("stopped on this machine".to_owned()),
        TraceEnd::Answered => Some("answered a moment later, when it was traced".to_owned()),
        TraceEnd::Unknown => None,
    }
}

fn silent(trace: &Trace) -> Option<String> {
    match between(trace) {
        Some(place) => Some(format!("dropped {place}")),
        None => trace.after.map(|after| format!("seen as far as {}, beyond which nothing answers", hop(after))),
    }
}

/// A flow that is stopped is told with where.
pub fn told(reason: &str, observed: &Facts, ok: bool) -> String {
    match clause(observed).filter(|_| !ok) {
        Some(clause) => format!("{}; traced: {clause}.", reason.trim_end_matches('.')),
        None => reason.to_owned(),
    }
}

/// A check that failed or stayed silent, with its trace.
pub struct Traced<'a> {
    pub check: &'a Check,
    pub address: IpAddr,
    pub trace: Trace,
    /// This machine's address as a NAT shows it to others, where that is another than its own.
    pub mapped: Option<IpAddr>,
}

impl Traced<'_> {
    /// From where the packets come at the place where they are stopped: `192.0.2.2 (seen there as 203.0.113.2)`.
    pub fn source(&self) -> Option<String> {
        let own = self.trace.source?;
        let place = match self.trace.end {
            TraceEnd::Silent => self.trace.after,
            _ => self.trace.from.and_then(|a| Some(Hop { distance: self.trace.distance_of(a)?, address: a })),
        };
        let beyond = self.trace.ends_at_host() || place.is_some_and(|h| h.distance > 1);
        Some(match self.mapped.filter(|_| beyond) {
            Some(mapped) => format!("{own} (seen there as {mapped})"),
            None => own.to_string(),
        })
    }
}

/// Every such check that is not waived.
pub fn all(checks: &[Check]) -> Vec<Traced<'_>> {
    let open = checks.iter().filter(|c| !c.status.holds() && c.waived.is_none());
    let traced = open.filter_map(|check| {
        let (address, trace) = (check.address?, of(&check.observed)?);
        let mapped = trace.source.and_then(|own| mapped(checks, own));
        Some(Traced { check, address, trace, mapped })
    });
    traced.collect()
}

/// What servers saw in place of the address `own`.
fn mapped(checks: &[Check], own: IpAddr) -> Option<IpAddr> {
    let seen = |c: &Check| c.observed.get::<String>(&metric::MAPPED)?.parse::<SocketAddr>().ok().map(|a| a.ip());
    checks.iter().filter_map(seen).find(|a| a.is_ipv4() == own.is_ipv4()).filter(|a| *a != own)
}
