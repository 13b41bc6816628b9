//! What to ask of the machine that the program runs on, and which rows of the document stand behind it. Knows profiles,
//! never results.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::model::machine::{Destination, PortsOf};
use crate::model::{Host, Need, PortRange, RoleName, RuleId, Source, Subject};
use crate::profile::{self, PlatformKind, PlatformNeed, Profile, Rule, Sizing};

use super::{Day, Request, UsageErrors};

/// What is to be so with the ports of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// After the platform was installed: its servers listen.
    Listening,
    /// Before it is installed: nothing is in their way.
    Free,
}

/// What the operator asks of a machine, not yet held against a profile.
#[derive(Clone, Debug, Default)]
pub struct HostRequest {
    /// Roles that this machine plays; empty for what the profile is about.
    pub roles: Vec<RoleName>,
    /// Vantages of a machine that only uses the platform.
    pub from: Vec<String>,
    /// Options that differ from their default.
    pub options: BTreeMap<String, bool>,
    /// Rules whose ports are moved.
    pub ports: BTreeMap<RuleId, PortRange>,
    /// Where the way out is to lead; empty for the Internet.
    pub targets: Vec<Host>,
    /// How many channels the machine is to hold.
    pub channels: Option<u32>,
    /// What is to be so with the ports.
    pub expect: Option<Expect>,
    /// Where recordings are to lie.
    pub disk: PathBuf,
    /// Today, in UTC, which tells the latest release.
    pub today: Option<Day>,
    /// The machine's own name.
    pub name: String,
}

/// What will be asked of this machine.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// The profile's name.
    pub profile: String,
    /// The machine's own name.
    pub name: String,
    /// Every option and its value.
    pub options: BTreeMap<String, bool>,
    /// The roles that it plays; empty for a machine that uses the platform.
    pub roles: Vec<RoleName>,
    /// Where a machine that uses the platform stands.
    pub from: Vec<String>,
    /// How many channels it is to hold.
    pub channels: Option<u32>,
    /// What is to be so with the ports.
    pub expect: Option<Expect>,
    /// Today, in UTC.
    pub today: Option<Day>,
    /// The document's tables; empty where it has none.
    pub sizing: Sizing,
    /// One check each, in the order of the report.
    pub items: Vec<HostItem>,
}

/// One subject, and who asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostItem {
    pub subject: Subject,
    /// The role that it belongs to, or the vantage.
    pub role: RoleName,
    pub need: Need,
    /// The document's row; `None` where no document asks.
    pub source: Option<Source>,
}

impl HostItem {
    /// What the id of its check begins with: `host.cores`, `host.tcp-443`.
    pub fn name(&self) -> String {
        match &self.subject {
            Subject::Distribution => "host.distribution".to_owned(),
            Subject::Architecture => "host.architecture".to_owned(),
            Subject::Cores => "host.cores".to_owned(),
            Subject::Memory => "host.memory".to_owned(),
            Subject::Disk(_) => "host.disk".to_owned(),
            Subject::Clock => "host.clock".to_owned(),
            Subject::Ports(of) => format!("host.{}-{}", of.transport, of.ports),
            Subject::WayOut(Destination::Anywhere { v6: false }) => "host.way-out-ipv4".to_owned(),
            Subject::WayOut(Destination::Anywhere { v6: true }) => "host.way-out-ipv6".to_owned(),
            Subject::WayOut(Destination::Host(_)) => "host.way-out".to_owned(),
        }
    }
}

impl HostPlan {
    /// Holds a request against a profile.
    ///
    /// # Errors
    /// Every unknown vantage, option, role or rule; a role whose hosts the document fixes; a number of channels where the
    /// document has no table of them.
    pub fn new(profile: &Profile, request: &HostRequest) -> Result<HostPlan, UsageErrors> {
        let mut errors = Vec::new();
        let sizing = profile.sizing.clone().unwrap_or_default();
        let roles = roles(profile, &sizing, request, &mut errors);
        // The words for what is unknown are those of every plan.
        let asked = Request {
            from: request.from.clone(),
            options: request.options.clone(),
            ports: request.ports.clone(),
            ..Request::default()
        };
        let options = super::options(profile, &asked, &mut errors);
        super::known_names(profile, &asked, &mut errors);
        let from = if roles.is_empty() { super::vantages(profile, &asked, &mut errors) } else { Vec::new() };
        contradictions(profile, &sizing, request, &roles, &mut errors);
        if !errors.is_empty() {
            return Err(UsageErrors(errors));
        }
        let mut plan = HostPlan {
            profile: profile.name.clone(),
            name: request.name.clone(),
            options,
            roles,
            from,
            channels: request.channels,
            expect: request.expect,
            today: request.today,
            sizing,
            items: Vec::new(),
        };
        plan.items = plan.machine(request);
        let ports = plan.ports(profile, request);
        plan.items.extend(ports);
        plan.items.extend(plan.ways_out(request));
        Ok(plan)
    }

    /// The server of the document: it is held against the tables.
    pub fn is_server(&self) -> bool {
        !self.roles.is_empty()
    }

    /// The document's row on the machine that `is` tells from others; on the platform's servers, or on who uses them.
    fn row(&self, is: fn(&PlatformKind) -> bool) -> Option<&PlatformNeed> {
        self.sizing.platform.iter().find(|n| is(&n.kind))
    }

    /// The row on the distribution, which binds servers alone.
    pub fn distribution(&self) -> Option<&PlatformNeed> {
        let is = |k: &PlatformKind| matches!(k, PlatformKind::Distribution { .. } | PlatformKind::LatestLts(_));
        self.row(is).filter(|_| self.is_server())
    }

    /// The row on the architecture, which binds servers alone.
    pub fn architecture(&self) -> Option<&PlatformNeed> {
        self.row(|k| matches!(k, PlatformKind::Architecture(_))).filter(|_| self.is_server())
    }

    /// The row that recommends a wire, which is for machines that use the platform.
    pub fn wired(&self) -> Option<&PlatformNeed> {
        self.row(|k| matches!(k, PlatformKind::Wired)).filter(|_| !self.is_server())
    }

    fn place(&self) -> RoleName {
        let vantage = || self.from.first().map_or("client", String::as_str).into();
        self.roles.first().cloned().unwrap_or_else(vantage)
    }

    /// What every machine is asked.
    fn machine(&self, request: &HostRequest) -> Vec<HostItem> {
        let of_row = |row: Option<&PlatformNeed>| match row {
            // "Has been designed to work on" recommends.
            Some(PlatformNeed { kind: PlatformKind::LatestLts(_), source, .. }) => {
                (Need::Recommended, Some(source.clone()))
            }
            Some(row) => (Need::Required, Some(row.source.clone())),
            None => (Need::Optional, None),
        };
        let size = self.channels.filter(|_| !self.sizing.servers.is_empty());
        let sized = size.map_or((Need::Optional, None), |channels| {
            let row = self.sizing.servers.iter().find(|s| s.channels >= channels).or(self.sizing.servers.last());
            (Need::Required, row.map(|s| s.source.clone()))
        });
        let all = [
            (Subject::Distribution, of_row(self.distribution())),
            (Subject::Architecture, of_row(self.architecture())),
            (Subject::Cores, sized.clone()),
            (Subject::Memory, sized),
            (Subject::Disk(request.disk.clone()), (Need::Optional, None)),
            // No document asks for it; certificates and the times of logs do.
            (Subject::Clock, (Need::Recommended, None)),
        ];
        let item = |(subject, (need, source))| HostItem { subject, role: self.place(), need, source };
        all.into_iter().map(item).collect()
    }

    /// The ports of the rules that lead to this machine's roles; one check for all rules with the same.
    fn ports(&self, profile: &Profile, request: &HostRequest) -> Vec<HostItem> {
        let holds = |rule: &&Rule| rule.when.iter().all(|(o, v)| self.options.get(o) == Some(v));
        let mut items: Vec<HostItem> = Vec::new();
        for rule in profile.rules.iter().filter(|r| self.roles.contains(&r.to)).filter(holds) {
            let Some(ports) = request.ports.get(&rule.id).copied().or(rule.ports) else { continue };
            let named = (rule.id.clone(), rule.service);
            let need = if self.expect.is_some() { rule.need } else { Need::Optional };
            let same = items.iter_mut().find_map(|item| match &mut item.subject {
                Subject::Ports(of) if of.transport == rule.transport && of.ports == ports => {
                    Some((&mut of.rules, &mut item.need))
                }
                _ => None,
            });
            match same {
                Some((rules, first)) => {
                    rules.push(named);
                    *first = stronger(*first, need);
                }
                None => {
                    let of = PortsOf { transport: rule.transport, ports, rules: vec![named] };
                    let source = Some(rule.source.clone());
                    items.push(HostItem { subject: Subject::Ports(of), role: rule.to.clone(), need, source });
                }
            }
        }
        items
    }

    fn ways_out(&self, request: &HostRequest) -> Vec<HostItem> {
        let row = self.wired();
        let need = if row.is_some() { Need::Recommended } else { Need::Optional };
        let anywhere = [false, true].map(|v6| Destination::Anywhere { v6 });
        let to = match request.targets.is_empty() {
            true => anywhere.to_vec(),
            false => request.targets.iter().cloned().map(Destination::Host).collect(),
        };
        let item = |to| HostItem {
            subject: Subject::WayOut(to),
            role: self.place(),
            need,
            source: row.map(|r| r.source.clone()),
        };
        to.into_iter().map(item).collect()
    }
}

/// The one that counts more.
fn stronger(a: Need, b: Need) -> Need {
    let weight = |need: Need| match need {
        Need::Required => 3,
        Need::Recommended => 2,
        Need::Alternative => 1,
        Need::Optional => 0,
    };
    if weight(b) > weight(a) { b } else { a }
}

/// Roles that an operator binds, as opposed to those whose hosts the document fixes.
fn bindable(profile: &Profile) -> BTreeSet<&RoleName> {
    profile.roles.iter().filter(|(_, r)| r.hosts.is_empty()).map(|(name, _)| name).collect()
}

/// The roles that this machine plays: those asked for, or the profile's own where it is about a server's size.
fn roles(profile: &Profile, sizing: &Sizing, request: &HostRequest, errors: &mut Vec<String>) -> Vec<RoleName> {
    let known = bindable(profile);
    let names = || known.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", ");
    for role in request.roles.iter().filter(|r| !known.contains(r)) {
        let why = match profile.roles.contains_key(role) {
            true => "its hosts are fixed by the document, so this machine is none of them",
            false => "no such role",
        };
        let meant = profile::meant(role.as_str(), known.iter().map(|r| r.as_str()));
        errors.push(format!("--role {role}{meant}: {why}; profile `{}` has {}", profile.name, names()));
    }
    if !request.roles.is_empty() || !request.from.is_empty() || sizing.servers.is_empty() {
        return request.roles.clone();
    }
    known.into_iter().filter(|r| profile.roles.get(*r).is_some_and(|r| !r.optional)).cloned().collect()
}

/// What cannot be asked together.
fn contradictions(
    profile: &Profile,
    sizing: &Sizing,
    request: &HostRequest,
    roles: &[RoleName],
    errors: &mut Vec<String>,
) {
    if !request.roles.is_empty() && !request.from.is_empty() {
        errors.push("--role and --from: a machine is examined as a server or as one that uses it; give one".to_owned());
    }
    if request.expect.is_some() && roles.is_empty() {
        errors.push(format!("--expect: say which of the servers this machine is, with --role {}", first(profile)));
    }
    if request.channels.is_some() && sizing.servers.is_empty() {
        errors.push(format!("--channels: the documents of profile `{}` have no table of server sizes", profile.name));
    } else if request.channels.is_some() && roles.is_empty() {
        errors.push(format!("--channels: say that this machine is the server, with --role {}", first(profile)));
    }
}

fn first(profile: &Profile) -> String {
    bindable(profile).first().map_or_else(String::new, |r| r.to_string())
}

#[cfg(test)]
mod tests;
