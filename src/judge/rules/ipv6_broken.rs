//! `ipv6.broken`: a name has an IPv6 address and this machine a route there, nothing of it is reached, and IPv4 to the same
//! host works.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::judge::place;
use crate::model::{Check, Failure, FailureKind, Finding, Status, Step, StepTiming, Transport, Who, metric};
use crate::plan::Plan;

/// How long a browser waits for IPv6 before it tries IPv4 beside it (RFC 8305 section 8), in milliseconds.
const HEAD_START_MS: u32 = 250;

/// One finding a name.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    by_name(checks).iter().filter_map(|(name, checks)| finding(name, checks)).collect()
}

/// Addresses of which this is told: where else they are stopped needs no finding of its own.
pub fn addresses(checks: &[Check]) -> Vec<IpAddr> {
    let named = by_name(checks).into_iter().filter(|(name, checks)| finding(name, checks).is_some());
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

fn finding(name: &str, checks: &[&Check]) -> Option<Finding> {
    let of = |v6: bool| checks.iter().copied().filter(move |c| c.address.is_some_and(|a| a.is_ipv6() == v6));
    let broken: Vec<&Check> = of(true).filter(|c| c.status == Status::Fail && is_unreached(c)).collect();
    let works = |c: &Check| of(false).any(|o| o.rule == c.rule && connects(o));
    let over_v4 = broken.iter().filter(|c| works(c)).count();
    if over_v4 == 0 || broken.len() != of(true).count() {
        return None;
    }
    let address = broken.first()?.address?;
    let took = broken.iter().filter_map(|c| connect_ms(c)).fold(0.0, f64::max);
    let evidence = broken.iter().filter_map(|c| {
        let failure: Failure = c.observed.get(&metric::FAILURE)?;
        let place = place::clause(&c.observed).map(|p| format!("; traced: {p}")).unwrap_or_default();
        Some(format!("TCP {} to {}: {}{place}.", c.port?, c.address?, failure.detail))
    });
    Some(Finding {
        id: "ipv6.broken".to_owned(),
        status: Status::Fail,
        title: format!("IPv6 to {name} is announced and does not work"),
        detail: format!(
            "{name} has the IPv6 address {address} and this machine a route there; none of its {} TCP ports was reached, and {over_v4} of them over IPv4. A browser loses {HEAD_START_MS} ms on every new connection before it tries IPv4, and a program that does not try both loses {:.1} s or more.",
            broken.len(),
            took / 1000.0
        ),
        remedy: format!(
            "Let IPv6 to {address} through as IPv4 is; until then take the AAAA record of {name} or the IPv6 route away."
        ),
        who: Some(Who::Firewall),
        ask: broken
            .iter()
            .filter_map(|c| Some(format!("allow TCP {} to {}, and replies", c.port?, c.address?)))
            .collect(),
        evidence: evidence.collect(),
        checks: broken.iter().map(|c| c.id.clone()).collect(),
        ..Finding::default()
    })
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
