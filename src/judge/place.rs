//! Where a flow ends, in words, from `observed.trace`. Knows one check, and no other.

use std::net::IpAddr;

use crate::model::trace::{Hop, Trace, TraceEnd, Ttl};
use crate::model::{Check, Facts, metric};

/// The trace of a check that was made because it failed.
pub fn of(observed: &Facts) -> Option<Trace> {
    observed.get(&metric::TRACE)
}

/// `hop 2 (192.0.2.1)`.
pub fn hop(hop: Hop) -> String {
    format!("hop {} ({})", hop.distance, hop.address)
}

/// A router by its place on the way where that is known: `hop 2 (192.0.2.1)`, `192.0.2.9`.
pub fn router(trace: &Trace, address: IpAddr) -> String {
    trace.distance_of(address).map_or_else(|| address.to_string(), |distance| hop(Hop { distance, address }))
}

/// Where silence begins: `at or after hop 1 (192.0.2.1), before hop 2 (203.0.113.1)`; `None` where nothing shows it.
pub fn between(trace: &Trace) -> Option<String> {
    let before = trace.before?;
    let end =
        if trace.ends_at_host() { "before the host answers".to_owned() } else { format!("before {}", hop(before)) };
    // A flow that was not itself seen at a router stays where it is known not to have come.
    Some(match trace.after {
        Some(after) => format!("at or after {}, {end}", hop(after)),
        None if before.distance == 1 && !trace.ends_at_host() => {
            format!("before the first router ({}), so on this machine or its local link", before.address)
        }
        None => end,
    })
}

/// What is said of the place in the check's reason; `None` where nothing is gained.
pub fn clause(observed: &Facts) -> Option<String> {
    let trace = of(observed)?;
    match trace.end {
        TraceEnd::Silent => silent(&trace),
        TraceEnd::Rejected => {
            let from = trace.from?;
            let icmp = trace.icmp.as_deref().unwrap_or("ICMP error");
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
}

/// Every such check that is not waived.
pub fn all(checks: &[Check]) -> Vec<Traced<'_>> {
    let open = checks.iter().filter(|c| !c.status.holds() && c.waived.is_none());
    open.filter_map(|check| Some(Traced { check, address: check.address?, trace: of(&check.observed)? })).collect()
}
