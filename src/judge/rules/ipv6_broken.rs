//! `ipv6.broken`: a name has an IPv6 address and this machine a route there, nothing of it is reached, and IPv4 to the same
//! host works.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::judge::{opening, place};
use crate::model::{Check, Failure, FailureKind, Finding, Status, Step, StepTiming, Transport, Who, metric};
use crate::plan::Plan;

/// How long a browser waits for IPv6 before it tries IPv4 beside it (RFC 8305 section 8), in milliseconds.
const HEAD_START_MS: u32 = 250;

/// One finding a name.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    by_name(checks).iter().filter_map(|(name, of)| finding(name, of, checks)).collect()
}

/// Addresses of which this is told: where else they are stopped needs no finding of its own.
pub fn addresses(checks: &[Check]) -> Vec<IpAddr> {
    let named = by_name(checks).into_iter().filter(|(name, of)| finding(name, of, checks).is_some());
    named.flat_map(|(_, checks)| checks).filter_map(|c| c.address).filter(IpAddr::is_ipv6).collect()
}

fn by_name(checks: &[Check]) -> BTreeMap<&str, Vec<&Check>> {
    let mut names: BTreeMap<&str, Vec<&Check>> = BTreeMap::new();
    for check in checks.iter().filter(|c| c.transport == Some(Transport::Tcp) && c.rule.is_some()) {
        if check.address.is_some() && check.target.parse::<IpAddr>().is_err() {
            names.entry(&check.target).or_default().push(check);
        }
    }
    names
}

fn finding(name: &str, checks: &[&Check], all: &[Check]) -> Option<Finding> {
    let of = |v6: bool| checks.iter().copied().filter(move |c| c.address.is_some_and(|a| a.is_ipv6() == v6));
    let broken: Vec<&Check> = of(true).filter(|c| c.status == Status::Fail && is_unreached(c)).collect();
    let works = |c: &Check| of(false).any(|o| o.rule == c.rule && connects(o));
    let over_v4 = broken.iter().filter(|c| works(c)).count();
    if over_v4 == 0 || broken.len() != of(true).count() {
        return None;
    }
    let address = broken.first()?.address?;
    let heard = |c: &Check| {
        let answered = c.rule.is_some() && c.status.holds();
        answered || place::of(&c.observed).is_some_and(|trace| trace.host_distance.is_some())
    };
    // Something comes there over IPv6: single ports are blocked, not the family.
    if all.iter().any(|c| c.address == Some(address) && heard(c)) {
        return None;
    }
    let took = broken.iter().filter_map(|c| connect_ms(c)).fold(0.0, f64::max);
    let udp: Vec<&Check> = all.iter().filter(|c| is_udp_of(c, name) && !c.status.holds()).collect();
    let mut ask = opening::asks(broken.iter().chain(&udp).copied(), all);
    ask.push(format!("or, until IPv6 works, of whoever runs the DNS zone: take the AAAA record of {name} away"));
    Some(Finding {
        id: "ipv6.broken".to_owned(),
        status: Status::Fail,
        title: format!("IPv6 does not come as far as {name}, and IPv4 does"),
        detail: format!(
            "{name} has the IPv6 address {address} and this machine a route there; none of its {} TCP ports was reached, and {over_v4} of them over IPv4. A browser loses {HEAD_START_MS} ms on every new connection before it tries IPv4, and a program that does not try both loses {:.1} s or more.",
            broken.len(),
            took / 1000.0
        ),
        remedy: format!(
            "Route IPv6 to {address} and let it through as IPv4 is: ask whoever runs the last router that answers, then the server's operator whether the server serves IPv6. Until then take the AAAA record of {name} or the IPv6 route away."
        ),
        who: Some(Who::Firewall),
        ask,
        evidence: evidence(&broken),
        checks: broken.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    })
}

fn is_udp_of(check: &Check, name: &str) -> bool {
    check.transport == Some(Transport::Udp)
        && check.rule.is_some()
        && check.target == name
        && check.address.is_some_and(|a| a.is_ipv6())
}

/// One line for all ports that failed alike.
fn evidence(broken: &[&Check]) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for check in broken {
        let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
        let (Some(failure), Some(port), Some(address)) = (failure, check.port, check.address) else { continue };
        let place = place::clause(&check.observed).map(|p| format!("; traced: {p}")).unwrap_or_default();
        let what = format!("to {address}: {}{place}.", failure.detail);
        match lines.iter_mut().find(|(told, _)| *told == what) {
            Some((_, ports)) => ports.push(port.to_string()),
            None => lines.push((what, vec![port.to_string()])),
        }
    }
    lines.into_iter().map(|(what, ports)| format!("TCP {} {what}", ports.join(", "))).collect()
}

/// Whether a name that has this IPv6 address answers over IPv4: then the host is there.
pub fn lives_over_v4(checks: &[Check], address: IpAddr) -> bool {
    let named = |c: &&Check| c.address == Some(address) && c.target.parse::<IpAddr>().is_err();
    let names: Vec<&str> = checks.iter().filter(named).map(|c| c.target.as_str()).collect();
    let over_v4 = |c: &Check| c.address.is_some_and(|a| a.is_ipv4()) && (c.status.holds() || connects(c));
    address.is_ipv6() && checks.iter().any(|c| c.rule.is_some() && names.contains(&c.target.as_str()) && over_v4(c))
}

fn is_unreached(check: &Check) -> bool {
    use FailureKind::{Prohibited, TimedOut, Unreachable};
    let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
    failure.is_some_and(|f| f.step == Step::Connect && matches!(f.kind, TimedOut | Unreachable | Prohibited))
}

fn connects(check: &Check) -> bool {
    let steps: Vec<StepTiming> = check.observed.get(&metric::STEPS).unwrap_or_default();
    check.status.holds() || steps.iter().any(|s| s.step == Step::Connect && s.result == "ok")
}

fn connect_ms(check: &Check) -> Option<f64> {
    let steps: Vec<StepTiming> = check.observed.get(&metric::STEPS)?;
    steps.iter().find(|s| s.step == Step::Connect).map(|s| s.ms)
}
