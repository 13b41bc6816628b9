//! Conclusions from several checks: one a file, each a function from the plan and its checks to findings.

mod alternative_unproven;
mod as_tcp;
mod blocked;
mod cameras;
mod clock_wrong;
mod dns_differ;
mod dns_hijack;
mod dns_private_answer;
mod dns_slow;
mod dns_udp_blocked;
mod dns_unanswered;
mod dscp;
mod follows;
mod foreign;
mod icmp_filtered;
mod ipv6_broken;
mod lossy;
mod many_addresses;
mod media_way;
mod nat;
mod not_given;
mod only_alternative;
mod order;
mod path;
mod policed;
mod portal_captive;
mod proxy;
mod resolvers;
mod responder;
mod sampled;
mod sip_alg;
mod tls;
mod twins;
mod without_responder;

use crate::model::{Check, Finding};
use crate::plan::Plan;

/// Draws one conclusion, none or several times.
type Rule = fn(&Plan, &[Check]) -> Vec<Finding>;

/// What they find is put into `order`.
const RULES: &[Rule] = &[
    tls::find,
    portal_captive::find,
    clock_wrong::find,
    dns_hijack::find,
    dns_udp_blocked::find,
    dns_private_answer::find,
    dns_unanswered::find,
    dns_slow::find,
    blocked::find,
    ipv6_broken::find,
    proxy::find,
    media_way::find,
    only_alternative::find,
    alternative_unproven::find,
    path::find,
    as_tcp::find,
    policed::find,
    lossy::find,
    dscp::find,
    nat::find,
    sip_alg::find,
    icmp_filtered::find,
    many_addresses::find,
    dns_differ::find,
    cameras::find,
    responder::find,
    sampled::find,
    without_responder::find,
    not_given::find,
];

pub use follows::cause_of;
pub use order::ids;

/// Every finding, the worst first, and of those what to mend first.
pub fn all(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(plan, checks)).collect();
    order::sort(&mut findings);
    twins::fold(&mut findings, checks);
    follows::apply(&mut findings, checks);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Request;

    /// A plan, for rules that do not look at it.
    pub fn plan() -> Plan {
        let targets = [("rtc".into(), vec!["192.0.2.1".parse().unwrap()])].into_iter().collect();
        Plan::new(&crate::profile::built_in("user").unwrap(), &Request { targets, ..Request::default() }).unwrap()
    }
}
