//! The sentence of a check whose cause a finding tells: what was measured and what the finding says to do, without guesses
//! that it refutes. Changes no status.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{Check, Failure, Finding, Status, metric};

use super::{place, rules};

/// Gives every failing check the words of its cause.
pub fn tell(checks: &mut [Check], findings: &[Finding]) {
    let addresses: BTreeSet<IpAddr> = checks.iter().filter_map(|c| c.address).collect();
    let fails = |c: &&mut Check| !c.status.holds() && c.status != Status::Skip && c.waived.is_none();
    for check in checks.iter_mut().filter(fails) {
        if let Some(cause) = rules::cause_of(check, findings) {
            check.reason = told(check, cause, &addresses);
        }
    }
}

/// What was measured, where it ends, and what the finding says to do, unless it says so of another address.
fn told(check: &Check, cause: &Finding, addresses: &BTreeSet<IpAddr>) -> String {
    let remedy = if cause.remedy.is_empty() { &cause.title } else { &cause.remedy };
    let remedy = remedy.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let place = place::clause(&check.observed).map(|place| format!("; traced: {place}")).unwrap_or_default();
    let elsewhere = addresses.iter().any(|a| Some(*a) != check.address && remedy.contains(&a.to_string()));
    let remedy = if elsewhere { String::new() } else { format!(": {remedy}") };
    format!("{}{place}; {}{remedy}.", measured(check), cause.pointer())
}

/// What was tried and what came back.
fn measured(check: &Check) -> String {
    let (reason, by_proxy) = match check.reason.find("; through the proxy ") {
        Some(at) => check.reason.split_at(at),
        None => (check.reason.as_str(), ""),
    };
    let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
    let detail = failure.map(|f| f.detail).filter(|d| !d.is_empty());
    let end = detail.and_then(|d| Some(reason.find(&d)? + d.len()));
    let raw = match end.and_then(|end| reason.get(..end)) {
        Some(raw) => raw.to_owned(),
        // Of a range: which of its ports, and how the others fared.
        None => {
            reason.split("; ").next().unwrap_or_default().split(": a firewall").next().unwrap_or_default().to_owned()
        }
    };
    format!("{}{}", raw.trim_end_matches('.'), by_proxy.trim_end_matches('.'))
}
