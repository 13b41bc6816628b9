//! `proxy.*`: what a proxy does to the rules that are tried directly and through it. Each conclusion reads both ways of
//! several checks; what one way alone shows concludes nothing of the proxy.

mod notes;
mod policy;
mod reach;
mod tunnel;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::Finding;
use crate::model::{Check, FailureKind, ProbeKind, ProxyAnswer, Status, Step, WayTaken, metric};
use crate::plan::Plan;

/// Every finding on proxies.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let mut all: Vec<Both<'_>> = checks.iter().filter_map(Both::of).collect();
    let source = own_address(checks);
    all.iter_mut().for_each(|both| both.source = source);
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

/// The plain request's port; others are asked for by CONNECT.
const HTTP: u16 = 80;

/// This machine's address as its packets leave with it; `None` where several were seen.
fn own_address(checks: &[Check]) -> Option<IpAddr> {
    let text = |c: &Check| c.observed.get::<String>(&metric::LOCAL)?.parse().ok();
    let seen: BTreeSet<IpAddr> = checks.iter().filter_map(text).collect();
    seen.first().copied().filter(|_| seen.len() == 1)
}

/// One check and its ways.
struct Both<'a> {
    check: &'a Check,
    direct: WayTaken,
    proxy: WayTaken,
    /// This machine's own address, where the run saw it.
    source: Option<IpAddr>,
}

impl<'a> Both<'a> {
    fn of(check: &'a Check) -> Option<Self> {
        let (direct, proxy) = (check.observed.get(&metric::DIRECT)?, check.observed.get(&metric::PROXY)?);
        Some(Self { check, direct, proxy, source: None })
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

    /// What to have allowed: port 80 is asked for by a plain request and not by CONNECT.
    fn wanted(&self) -> String {
        let from = self.source.map(|a| format!(" from {a}")).unwrap_or_default();
        match self.check.probe == ProbeKind::Http && self.port() == HTTP {
            true => format!("plain HTTP (GET){from} to {}", self.place()),
            false => format!("CONNECT{from} to {}", self.place()),
        }
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

    /// What the failure of the way through the proxy was, beside the direct way.
    fn evidence(&self) -> String {
        let seen = self.proxy.failure.as_ref().map_or("it works", |f| f.detail.as_str());
        let status = |way: &WayTaken| way.facts.get::<u16>(&metric::HTTP_STATUS);
        match (status(&self.direct), status(&self.proxy)) {
            (Some(direct), Some(proxied)) if direct != proxied => {
                format!("through the proxy HTTP {proxied}, directly HTTP {direct}")
            }
            _ => format!("{seen}; directly: {}", self.directly()),
        }
    }

    fn directly(&self) -> String {
        self.direct.failure.as_ref().map_or_else(|| "it works".to_owned(), |f| f.detail.clone())
    }
}

/// So many checks are told as evidence.
const TOLD: usize = 6;

fn evidence(of: &[&Both<'_>]) -> Vec<String> {
    let mut alike: Vec<(String, Vec<String>)> = Vec::new();
    for both in of {
        let words = both.evidence();
        match alike.iter_mut().find(|(w, _)| *w == words) {
            Some((_, ids)) => ids.push(both.check.id.clone()),
            None => alike.push((words, vec![both.check.id.clone()])),
        }
    }
    let more = alike.len().saturating_sub(TOLD);
    let line = |(words, ids): (String, Vec<String>)| format!("{}: {words}", ids.join(", "));
    let mut told: Vec<String> = alike.into_iter().take(TOLD).map(line).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
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
    each(of, |both| ask(&both.place()))
}

/// Each line once, in the order of ports.
fn each(of: &[&Both<'_>], ask: impl Fn(&Both<'_>) -> String) -> Vec<String> {
    let lines: BTreeSet<(u16, String)> = of.iter().map(|both| (both.port(), ask(both))).collect();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// How many of them work without the proxy, and what follows where all do.
fn without(of: &[&Both<'_>]) -> String {
    let works = of.iter().filter(|b| b.direct.is_ok()).count();
    match works == of.len() {
        true if works == 1 => "Directly, this check works.".to_owned(),
        true => format!("Directly, all {works} of these checks work."),
        false => format!("Directly, {works} of these {} checks work.", of.len()),
    }
}

#[cfg(test)]
mod tests;
