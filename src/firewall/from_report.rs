//! What a report found closed: the checks that failed and that a firewall's rule can mend. A report may come from
//! anywhere, so nothing in it is trusted to be of any size or to fit together.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::model::firewall::{Protocol, Reason, Request};
use crate::model::{
    Check, Failure, FailureKind, Host, Need, PortRange, ProbeKind, RelayTransport, Report, RoleName, Status, Step,
    metric,
};
use crate::profile::{Profile, Rule};

use super::fate::{self, Fate};
use super::openings::{Aim, Openings};
use super::words;

/// Why a check that did not pass is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    Name,
    Certificate,
    Service,
    Hangs,
    PathOpen,
    Route,
    Measured,
    Waived,
    Undecided,
    Unreadable,
    TooMany,
}

impl LeftOut {
    /// As a clause, with what to do in place of a rule.
    pub fn words(self) -> &'static str {
        match self {
            LeftOut::Name => "the name could not be resolved, which is for DNS to mend",
            LeftOut::Certificate => "the port is open and its certificate is not accepted",
            LeftOut::Service => "the path is open and the service behind it is not as expected",
            LeftOut::Hangs => "the port is open and the service behind it does not answer",
            LeftOut::PathOpen => "the target itself answered or refused, so the path is open",
            LeftOut::Route => "there is no route or address for it",
            LeftOut::Measured => "it was measured beside the rules and names no port",
            LeftOut::Waived => "it is waived",
            LeftOut::Undecided => "it is unknown whether anything is closed (--unknown asks for these too)",
            LeftOut::Unreadable => "the report does not say which host, protocol or port it was",
            LeftOut::TooMany => "there are more than one request can hold",
        }
    }
}

/// Where a closed firewall is one cause of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    Refused,
    Unreachable,
    Cut,
}

impl Kept {
    fn note(self, rules: &str) -> String {
        match self {
            Kept::Refused => format!(
                "Refused: {rules}. A firewall that rejects looks like this, and so does a server on which nothing listens: \
                 ask there too."
            ),
            Kept::Unreachable => format!(
                "A router said that the host is unreachable: {rules}. A firewall that rejects looks like this, and so does \
                 a missing route."
            ),
            Kept::Cut => format!(
                "The connection was opened and then cut: {rules}. The port may be open already: exempt these destinations \
                 from inspection too."
            ),
        }
    }
}

/// The request, and how many checks are not in it, by reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    pub request: Request,
    pub left_out: BTreeMap<LeftOut, usize>,
}

/// The request for what failed in `report`, and for what is unknown too where that is asked for. `profile` gives the words
/// for services and roles, where it is at hand.
pub fn from_report(report: &Report, profile: Option<&Profile>, unknown: bool) -> Mended {
    let profile = profile.filter(|p| p.name == report.run.profile);
    let mut gathered = Gathered::default();
    for check in report.checks.iter().filter(|c| matches!(c.status, Status::Fail | Status::Unknown)) {
        if let Err(why) = gathered.take(check, profile, unknown) {
            *gathered.left_out.entry(why).or_default() += 1;
        }
    }
    let mut notes: Vec<String> = gathered.kept.iter().map(|(kept, rules)| kept.note(&rules.join(", "))).collect();
    notes.insert(0, ONLY_FAILED.to_owned());
    let title = format!("what failed of profile {}, from {}", report.run.profile, report.run.from);
    let about = vec![format!("report {} of {}", report.run.id, report.run.started)];
    let mut request = Request { title, about, opened: gathered.openings.finish(), notes };
    request.note_age(&report.run.started);
    Mended { request, left_out: gathered.left_out }
}

/// What is open already is not in the request, so a file that drops all else would close it.
const ONLY_FAILED: &str = "Only what failed is asked for: it belongs before the rules that are there already, as \
                           --rules-only writes it for nftables and iptables.";

#[derive(Default)]
struct Gathered {
    openings: Openings,
    kept: BTreeMap<Kept, Vec<String>>,
    left_out: BTreeMap<LeftOut, usize>,
}

/// So many rules are named in a note.
const NAMED: usize = 12;

impl Gathered {
    /// Adds what the check needs, or says why it is left out.
    fn take(&mut self, check: &Check, profile: Option<&Profile>, unknown: bool) -> Result<(), LeftOut> {
        if check.waived.is_some() {
            return Err(LeftOut::Waived);
        }
        self.silent_resolvers(check);
        let (protocol, ports) = place(check)?;
        let kept = match fate::of(check, protocol) {
            Fate::Leave(why) => return Err(why),
            Fate::Ask(_) if check.status == Status::Unknown && !unknown => return Err(LeftOut::Undecided),
            Fate::Ask(kept) => kept,
        };
        let host = check.target.parse::<Host>().ok().or(check.address.map(Host::Address)).ok_or(LeftOut::Unreadable)?;
        let aim = Aim { host: &host, address: check.address, protocol, ports };
        if !self.openings.add(&aim, reason(check, profile)) {
            return Err(LeftOut::TooMany);
        }
        if let Some(kept) = kept {
            let rules = self.kept.entry(kept).or_default();
            let name = check.rule.as_ref().map_or_else(|| host.to_string(), ToString::to_string);
            if rules.len() < NAMED && !rules.contains(&name) {
                rules.push(name);
            }
        }
        Ok(())
    }

    /// A name for which no resolver answered shows that the way to them may be closed.
    fn silent_resolvers(&mut self, check: &Check) {
        let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
        if failure.is_none_or(|f| f.step != Step::Name || f.kind != FailureKind::ResolverTimeout) {
            return;
        }
        let asked: Vec<Resolver> = check.observed.get(&metric::DNS_SERVERS).unwrap_or_default();
        for resolver in asked.iter().filter(|r| r.rcode.is_none()).map(|r| r.server) {
            let host = Host::Address(resolver.ip());
            for protocol in [Protocol::Udp, Protocol::Tcp].into_iter().filter(|_| !resolver.ip().is_loopback()) {
                let ports = PortRange::single(resolver.port());
                self.openings.add(&Aim { host: &host, address: None, protocol, ports }, look_up());
            }
        }
    }
}

/// One resolver's answer, as far as it matters here.
#[derive(Deserialize)]
struct Resolver {
    server: SocketAddr,
    rcode: Option<String>,
}

fn look_up() -> Reason {
    Reason {
        rule: None,
        role: "resolver".into(),
        service: words::DNS.to_owned(),
        why: "DNS: this resolver did not answer, so no name could be looked up".to_owned(),
        need: Need::Required,
        group: None,
        source: None,
    }
}

/// What a check without a rule used.
#[derive(Deserialize)]
struct Via {
    transport: RelayTransport,
    address: Option<IpAddr>,
    port: u16,
}

/// Protocol and ports; the whole range of the rule although a part of it may have passed.
fn place(check: &Check) -> Result<(Protocol, Option<PortRange>), LeftOut> {
    if let (None, ProbeKind::Turn) = (&check.rule, check.probe) {
        let via: Via = check.observed.get(&metric::VIA).ok_or(LeftOut::Unreadable)?;
        via.address.ok_or(LeftOut::Name)?;
        let protocol = if via.transport.is_udp() { Protocol::Udp } else { Protocol::Tcp };
        return Ok((protocol, Some(PortRange::single(via.port).ok_or(LeftOut::Unreadable)?)));
    }
    let transport = check.transport.ok_or(LeftOut::Measured)?;
    let Some(protocol) = Protocol::of(transport) else { return Err(LeftOut::Name) };
    let ports = check.ports.or(check.port.and_then(PortRange::single));
    match protocol {
        Protocol::Gre => Ok((protocol, None)),
        _ => Ok((protocol, Some(ports.ok_or(LeftOut::Unreadable)?))),
    }
}

fn reason(check: &Check, profile: Option<&Profile>) -> Reason {
    let is_it = |rule: &&Rule| Some(&rule.id) == check.rule.as_ref();
    let rule = profile.and_then(|p| p.rules.iter().find(is_it));
    let service = rule.map_or_else(|| words::probe(check.probe), |rule| words::service(rule.service));
    let role: &RoleName = &check.role;
    Reason {
        rule: check.rule.clone(),
        role: role.clone(),
        service: service.to_owned(),
        why: words::why(service, role, profile),
        need: check.need,
        group: check.group.clone(),
        source: check.source.clone(),
    }
}

#[cfg(test)]
mod tests;
