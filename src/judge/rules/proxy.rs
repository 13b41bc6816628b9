//! `proxy.*`: what a proxy does to the rules that are tried directly and through it. Each conclusion reads both ways of
//! several checks; what one way alone shows concludes nothing of the proxy.

mod notes;
mod policy;
mod reach;
mod tunnel;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Finding;
use crate::model::{Check, FailureKind, ProxyAnswer, Status, Step, WayTaken, metric};
use crate::plan::Plan;

/// Every finding on proxies.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let all: Vec<Both<'_>> = checks.iter().filter_map(Both::of).collect();
    if all.is_empty() {
        return Vec::new();
    }
    let mut proxies: BTreeMap<&str, Vec<&Both<'_>>> = BTreeMap::new();
    for both in &all {
        proxies.entry(both.via()).or_default().push(both);
    }
    let of_one = |(via, all): (&&str, &Vec<&Both<'_>>)| {
        let rules = [reach::unreachable, reach::login, policy::port_policy, policy::refused, policy::cannot_reach];
        let more = [tunnel::answers_itself, tunnel::upgrade_stripped, tunnel::idle_cut, notes::dns];
        let found = rules.into_iter().chain(more).filter_map(|rule| rule(via, all));
        found.chain(notes::only_way(via, all, checks)).collect::<Vec<_>>()
    };
    let mut findings: Vec<Finding> = proxies.iter().flat_map(of_one).collect();
    findings.extend(notes::no_udp(plan, checks, proxies.keys().copied()));
    findings
}

/// One check and its ways.
struct Both<'a> {
    check: &'a Check,
    direct: WayTaken,
    proxy: WayTaken,
}

impl<'a> Both<'a> {
    fn of(check: &'a Check) -> Option<Self> {
        let (direct, proxy) = (check.observed.get(&metric::DIRECT)?, check.observed.get(&metric::PROXY)?);
        Some(Self { check, direct, proxy })
    }

    fn via(&self) -> &str {
        self.proxy.via.as_deref().unwrap_or("the proxy")
    }

    fn port(&self) -> u16 {
        let of_relay = || self.check.observed.get::<serde_json::Value>(&metric::VIA)?.get("port")?.as_u64();
        self.check.port.or_else(|| of_relay().and_then(|port| u16::try_from(port).ok())).unwrap_or_default()
    }

    /// `rtc.example.com:8989`.
    fn place(&self) -> String {
        match self.check.target.contains(':') {
            true => format!("[{}]:{}", self.check.target, self.port()),
            false => format!("{}:{}", self.check.target, self.port()),
        }
    }

    fn answer(&self) -> Option<ProxyAnswer> {
        self.proxy.facts.get(&metric::PROXY_ANSWER)
    }

    /// The proxy connected, or passed the request on.
    fn tunnelled(&self) -> bool {
        self.proxy.tunnelled()
    }

    fn failed_at(&self, step: Step) -> bool {
        self.proxy.failure.as_ref().is_some_and(|f| f.step == step)
    }

    fn failed_by(&self, kind: FailureKind) -> bool {
        self.proxy.failed_by(kind)
    }

    /// `CHECK: what the failure of the way through the proxy was`.
    fn evidence(&self) -> String {
        let seen = self.proxy.failure.as_ref().map_or("it works", |f| f.detail.as_str());
        format!("{}: {seen}; directly: {}", self.check.id, self.directly())
    }

    fn directly(&self) -> String {
        self.direct.failure.as_ref().map_or_else(|| "it works".to_owned(), |f| f.detail.clone())
    }
}

/// So many checks are told as evidence.
const TOLD: usize = 6;

fn evidence(of: &[&Both<'_>]) -> Vec<String> {
    let mut told: Vec<String> = of.iter().take(TOLD).map(|both| both.evidence()).collect();
    if of.len() > TOLD {
        told.push(format!("and {} more checks", of.len() - TOLD));
    }
    told
}

fn ids(of: &[&Both<'_>]) -> Vec<String> {
    of.iter().map(|both| both.check.id.clone()).collect()
}

/// The worst status of these checks; one that holds is not worth more than a warning.
fn worst(of: &[&Both<'_>]) -> Status {
    let failed = of.iter().any(|both| both.check.status == Status::Fail);
    if failed { Status::Fail } else { Status::Warn }
}

fn ports(of: &[&Both<'_>]) -> BTreeSet<u16> {
    of.iter().map(|both| both.port()).collect()
}

fn list<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}

/// Each place once, as something to ask for.
fn each_place(of: &[&Both<'_>], ask: impl Fn(&str) -> String) -> Vec<String> {
    let places: BTreeSet<String> = of.iter().map(|both| both.place()).collect();
    places.iter().map(|place| ask(place)).collect()
}

#[cfg(test)]
mod tests;
