//! One rule on one host.

use std::net::IpAddr;

use crate::model::{Host, PortRange, RelayTransport, Service, Waived};
use crate::profile::{Profile, Rule, Spec};

use super::Request;

/// One rule on one host, before its name is resolved.
#[derive(Clone, Debug)]
pub struct Item {
    /// The rule, its ports moved where the operator moved them.
    pub rule: Rule,
    /// The document's ports, where the operator moved the rule to others.
    pub documented_ports: Option<PortRange>,
    /// The host to test it on.
    pub host: Host,
    /// The profile fixes the host: the operator gave none.
    pub fixed: bool,
    /// Why it is not tested; `None` when it is.
    pub not_selected: Option<String>,
    /// The operator waives whatever it says.
    pub waived: Option<Waived>,
    /// The operator waives it if it stays unknown.
    pub allow_unknown: bool,
}

impl Item {
    /// It is tested.
    pub fn is_selected(&self) -> bool {
        self.not_selected.is_none()
    }

    /// What carries the way to a relay; `None` for any other rule. Relays are tried when all others are done.
    pub fn relay(&self) -> Option<RelayTransport> {
        match self.rule.spec {
            Spec::Turn(transport) => Some(transport),
            _ => None,
        }
    }

    /// The check's id on one of the host's addresses.
    pub fn check_id(&self, address: Option<IpAddr>) -> String {
        check_id(self.rule.id.as_str(), &self.host, address)
    }
}

/// `rule/host` for an address literal or a name that did not resolve, else `rule/host/address`.
pub fn check_id(rule: &str, host: &Host, address: Option<IpAddr>) -> String {
    match (host, address) {
        (Host::Name(name), Some(address)) => format!("{rule}/{name}/{address}"),
        _ => format!("{rule}/{host}"),
    }
}

/// Whether a selector names the rule, its role or its service; `turn` names relays, encrypted ones too.
pub(super) fn matches(rule: &Rule, word: &str) -> bool {
    let service = rule.service.as_str() == word || (word == "turn" && rule.service == Service::Turns);
    rule.id.as_str() == word || rule.to.as_str() == word || service
}

/// Why a rule is left out; `None` when it is tested.
pub(super) fn selected(request: &Request, rule: &Rule) -> Option<String> {
    if !request.only.is_empty() && !request.only.iter().any(|w| matches(rule, w)) {
        return Some(format!("not selected by --only {}", request.only.join(",")));
    }
    let word = request.skip.iter().find(|w| matches(rule, w))?;
    Some(format!("left out by --skip {word}"))
}

/// The rule on each of its hosts: the operator's, or the document's.
pub(super) fn items(profile: &Profile, request: &Request, rule: &Rule) -> Vec<Item> {
    let fixed = || {
        let role = profile.roles.get(&rule.to);
        let all = role.map_or(&[][..], |r| r.hosts.as_slice());
        let hosts = if rule.hosts.is_empty() { all } else { rule.hosts.as_slice() };
        hosts.iter().filter_map(|h| h.parse().ok()).collect()
    };
    let given = request.targets.get(&rule.to);
    let hosts: Vec<Host> = given.cloned().unwrap_or_else(fixed);
    let mut rule = rule.clone();
    let moved_to = request.ports.get(&rule.id).copied();
    let documented_ports = rule.ports.filter(|ports| moved_to.is_some_and(|moved| moved != *ports));
    rule.ports = moved_to.or(rule.ports);
    let item = |host| Item {
        not_selected: selected(request, &rule),
        waived: request.waivers.iter().find(|w| w.rule == rule.id).map(super::Waiver::waived),
        allow_unknown: request.allow_unknown.contains(&rule.id),
        rule: rule.clone(),
        documented_ports,
        host,
        fixed: given.is_none(),
    };
    hosts.into_iter().map(item).collect()
}
