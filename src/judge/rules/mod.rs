//! Conclusions from several checks: one a file, each a function from the plan and its checks to findings.

mod alternative_unproven;
mod cameras;
mod dns_differ;
mod lossy;
mod many_addresses;
mod media_way;
mod nat;
mod not_given;
mod only_alternative;
mod proxy;
mod responder;
mod sampled;
mod sip_alg;
mod without_responder;

use crate::model::{Check, Finding};
use crate::plan::Plan;

/// Draws one conclusion, none or several times.
type Rule = fn(&Plan, &[Check]) -> Vec<Finding>;

/// In the order in which a report lists them.
const RULES: &[Rule] = &[
    proxy::find,
    media_way::find,
    only_alternative::find,
    alternative_unproven::find,
    lossy::find,
    nat::find,
    sip_alg::find,
    many_addresses::find,
    dns_differ::find,
    cameras::find,
    responder::find,
    sampled::find,
    without_responder::find,
    not_given::find,
];

/// Every finding, the worst first.
pub fn all(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(plan, checks)).collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.status));
    findings
}
