//! The sentence of a check whose cause a finding tells: what was measured and what the finding says to do, without guesses
//! that it refutes. Changes no status.

use crate::model::{Check, Failure, Finding, PortSet, Status, metric};

use super::rules;

/// Gives every failing check the words of its cause.
pub fn tell(checks: &mut [Check], findings: &[Finding]) {
    let fails = |c: &&mut Check| !c.status.holds() && c.status != Status::Skip && c.waived.is_none();
    for check in checks.iter_mut().filter(fails) {
        if let Some(cause) = rules::cause_of(check, findings) {
            check.reason = told(check, cause);
        }
    }
}

fn told(check: &Check, cause: &Finding) -> String {
    let remedy = if cause.remedy.is_empty() { &cause.title } else { &cause.remedy };
    let remedy = remedy.split(". ").next().unwrap_or_default().trim_end_matches('.');
    format!("{}; {}: {remedy}.", measured(check), cause.pointer())
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
        None => range(check).unwrap_or_else(|| reason.split("; ").next().unwrap_or_default().to_owned()),
    };
    format!("{}{}", raw.trim_end_matches('.'), by_proxy.trim_end_matches('.'))
}

/// How much of a range was reached.
fn range(check: &Check) -> Option<String> {
    let (ports, asked) = (check.ports?, check.observed.get::<u32>(&metric::PROBED)?);
    let count = |m| check.observed.get::<PortSet>(m).map_or(0, |set| set.count());
    let reached = count(&metric::ANSWERED) + count(&metric::REFUSED);
    let asked = asked.max(reached + count(&metric::SILENT) + count(&metric::PROHIBITED));
    let to = check.address.map_or_else(|| check.target.clone(), |a| a.to_string());
    let words = if reached == 0 { "none".to_owned() } else { reached.to_string() };
    Some(format!("UDP {ports} to {to}: of {asked} ports asked {words} were reached"))
}
