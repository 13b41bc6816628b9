//! What to ask of whom, in which order: selection, targets, moved ports, waivers. Knows profiles, never results.

mod describe;
mod estimate;
mod host;
mod item;
mod measure;
mod pin;
mod trial;
mod waiver;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::model::{CallMode, Host, KnownPage, PortRange, RoleName, RuleId, Service, TurnUri};
use crate::profile::{Bandwidth, OnlyAlternative, Profile, Rule, meant};

pub use describe::{capacity, describe};
pub use estimate::{Cost, Tuning};
pub use host::{Expect, HostItem, HostPlan, HostRequest};
pub use item::{Item, check_id};
pub use measure::{Asked, Measure, Measuring, load_words};
pub use pin::{Pin, Trust};
pub use trial::{KINDS, Trial, TrialKind};
pub use waiver::{Accepted, Day, Waiver};

/// Which address families to test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// Every address a name has.
    #[default]
    Both,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Families {
    /// Whether an address of this family is to be tested.
    pub fn takes(self, address: std::net::IpAddr) -> bool {
        match self {
            Families::Both => true,
            Families::V4 => address.is_ipv4(),
            Families::V6 => address.is_ipv6(),
        }
    }
}

/// What the operator asks for, parsed and not yet held against a profile.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Vantages; empty for the profile's default.
    pub from: Vec<String>,
    /// Options that differ from their default.
    pub options: BTreeMap<String, bool>,
    /// Hosts of each role.
    pub targets: BTreeMap<RoleName, Vec<Host>>,
    /// Rules whose ports are moved.
    pub ports: BTreeMap<RuleId, PortRange>,
    /// Rules, roles or services to test, kinds of what is tried or measured beside them, or a trial by its name; empty
    /// for all.
    pub only: Vec<String>,
    /// What to leave out, in the same words.
    pub skip: Vec<String>,
    /// Address families.
    pub families: Families,
    /// Waivers of the configuration file.
    pub waivers: Vec<Waiver>,
    /// Rules that may stay unknown, kinds of what is tried or measured beside them, or single checks of these
    /// (`bandwidth.rtc.audio`, `ice.rtc`).
    pub allow_unknown: Vec<RuleId>,
    /// How quality and bandwidth are measured.
    pub measuring: Measuring,
    /// Further STUN servers, with their ports.
    pub stun: Vec<(Host, u16)>,
    /// Further relays.
    pub turn: Vec<TurnUri>,
    /// Whether a real call is made.
    pub call: CallMode,
    /// Who is expected to have issued certificates.
    pub pins: Vec<Pin>,
    /// Hosts that have nothing to do with the platform, with their ports, whose certificates are looked at.
    pub controls: Vec<(Host, u16)>,
    /// Resolvers of this machine's configuration, in its order.
    pub resolvers: Vec<SocketAddr>,
    /// Resolvers that the operator adds.
    pub dns: Vec<SocketAddr>,
    /// Pages over plain HTTP whose answer the operator knows.
    pub portals: Vec<KnownPage>,
    /// Today, in UTC, for waivers that expire.
    pub today: Option<Day>,
}

/// What will be tested.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The profile's name.
    pub profile: String,
    /// Where the tool is taken to run.
    pub from: Vec<String>,
    /// Every option and its value.
    pub options: BTreeMap<String, bool>,
    /// Role to hosts, those with fixed hosts included where the plan reaches them.
    pub targets: BTreeMap<RoleName, Vec<Host>>,
    /// Every rule on every host, in the order of the profile.
    pub items: Vec<Item>,
    /// What is tried beside the rules.
    pub trials: Vec<Trial>,
    /// What is measured beside the rules, when these are done.
    pub measures: Vec<Measure>,
    /// What is waived of single checks of measures, by what their ids begin with.
    pub accepted: Accepted,
    /// How groups of alternatives count.
    pub groups: BTreeMap<String, OnlyAlternative>,
    /// Address families to test.
    pub families: Families,
    /// What certificates are taken for.
    pub trust: Trust,
    /// Rules of some installations only, left out because their role has no host.
    pub not_given: Vec<(RuleId, RoleName)>,
}

/// Everything that is wrong with a request, each a sentence or two with what to type instead.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageErrors(pub Vec<String>);

impl std::error::Error for UsageErrors {}

impl std::fmt::Display for UsageErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl Plan {
    /// Holds a request against a profile.
    ///
    /// # Errors
    /// Every unknown vantage, option, role, rule or selector, every role without a target, every expired waiver.
    pub fn new(profile: &Profile, request: &Request) -> Result<Plan, UsageErrors> {
        let mut errors = Vec::new();
        let from = vantages(profile, request, &mut errors);
        let options = options(profile, request, &mut errors);
        known_names(profile, request, &mut errors);
        let expired = request.waivers.iter().filter_map(|w| w.expired(request.today));
        errors.extend(expired);

        let reached = |rule: &&Rule| {
            rule.from.iter().any(|v| from.contains(v)) && rule.when.iter().all(|(o, v)| options.get(o) == Some(v))
        };
        let rules: Vec<&Rule> = profile.rules.iter().filter(reached).collect();
        missing_targets(profile, request, &rules, &mut errors);
        unreached_targets(request, &rules, &mut errors);
        errors.extend(trial::missing(request, &rules));
        let items: Vec<Item> = rules.iter().flat_map(|rule| item::items(profile, request, rule)).collect();
        let holds = |row: &&Bandwidth| row.when.iter().all(|(o, v)| options.get(o) == Some(v));
        let rows = profile.bandwidth.iter().filter(holds).cloned().collect();
        let measures = measure::measures(profile, request, &items, rows);
        let trials = trial::trials(profile, request, &items);
        let is_empty = !items.iter().any(Item::is_selected) && measures.is_empty() && trials.is_empty();
        if errors.is_empty() && is_empty {
            errors.push(nothing_left(profile, request));
        }
        if !errors.is_empty() {
            return Err(UsageErrors(errors));
        }
        let mut targets: BTreeMap<RoleName, Vec<Host>> = BTreeMap::new();
        for item in &items {
            let hosts = targets.entry(item.rule.to.clone()).or_default();
            if !hosts.contains(&item.host) {
                hosts.push(item.host.clone());
            }
        }
        let left_out = |r: &&&Rule| r.if_given && !targets.contains_key(&r.to) && item::selected(request, r).is_none();
        let not_given = rules.iter().filter(left_out).map(|r| (r.id.clone(), r.to.clone())).collect();
        let groups = profile.groups.clone();
        let (accepted, trust) = (Accepted::of(request), Trust::of(profile, request));
        let (profile, families) = (profile.name.clone(), request.families);
        Ok(Plan {
            profile,
            from,
            options,
            targets,
            items,
            trials,
            measures,
            accepted,
            groups,
            families,
            trust,
            not_given,
        })
    }

    /// A relay is tried, which may ask for a login.
    pub fn has_relays(&self) -> bool {
        self.items.iter().any(|i| i.is_selected() && i.relay().is_some())
            || self.trials.iter().any(|t| matches!(t.kind, TrialKind::Turn(_)))
    }

    /// Every host that a run of the plan looks up or asks, with the role that it is asked for; resolvers aside.
    pub fn hosts(&self) -> impl Iterator<Item = (&RoleName, &Host)> {
        let rules = self.items.iter().filter(|i| i.is_selected()).map(|i| (&i.rule.to, &i.host));
        let trials = self.trials.iter().flat_map(|t| t.hosts().map(|host| (&t.role, host)));
        rules.chain(trials).chain(self.measures.iter().map(|m| (&m.role, &m.host)))
    }

    /// Ports of the plan's HTTPS rules, each once, on which a responder's well-known page may be.
    pub fn page_ports(&self) -> Vec<u16> {
        let https = self.items.iter().filter(|i| i.is_selected() && i.rule.service == Service::Https);
        let ports: BTreeSet<u16> = https.filter_map(|i| i.rule.ports).map(PortRange::first).collect();
        ports.into_iter().collect()
    }
}

/// The words for what is measured.
const MEASURED: [&str; 2] = [measure::QUALITY, measure::BANDWIDTH];

fn vantages(profile: &Profile, request: &Request, errors: &mut Vec<String>) -> Vec<String> {
    for v in request.from.iter().filter(|v| !profile.vantages.contains(v)) {
        let known = profile.vantages.join(", ");
        let meant = meant(v, profile.vantages.iter().map(String::as_str));
        errors.push(format!("--from {v}{meant}: profile `{}` knows the vantages {known}", profile.name));
    }
    match request.from.is_empty() {
        true => profile.vantages.first().cloned().into_iter().collect(),
        false => request.from.clone(),
    }
}

fn options(profile: &Profile, request: &Request, errors: &mut Vec<String>) -> BTreeMap<String, bool> {
    let mut all = profile.options.clone();
    for (name, value) in &request.options {
        match all.get_mut(name) {
            Some(slot) => *slot = *value,
            None if profile.options.is_empty() => {
                errors.push(format!("--option {name}: profile `{}` has no options", profile.name));
            }
            None => {
                let known: Vec<&str> = profile.options.keys().map(String::as_str).collect();
                let meant = meant(name, known.iter().copied());
                errors.push(format!("--option {name}{meant}: profile `{}` has {}", profile.name, known.join(", ")));
            }
        }
    }
    all
}

fn known_names(profile: &Profile, request: &Request, errors: &mut Vec<String>) {
    let rules: BTreeSet<&str> = profile.rules.iter().map(|r| r.id.as_str()).collect();
    let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(", ");
    for role in request.targets.keys().filter(|r| !profile.roles.contains_key(*r)) {
        let known: BTreeSet<&str> = profile.roles.keys().map(RoleName::as_str).collect();
        let meant = meant(role.as_str(), known.iter().copied());
        errors.push(format!("--target {role}=…{meant}: profile `{}` has the roles {}", profile.name, list(&known)));
    }
    for role in request.pins.iter().filter_map(|p| p.role.as_ref()).filter(|r| !profile.roles.contains_key(*r)) {
        let known: BTreeSet<&str> = profile.roles.keys().map(RoleName::as_str).collect();
        let meant = meant(role.as_str(), known.iter().copied());
        errors.push(format!("--pin {role}=…{meant}: profile `{}` has the roles {}", profile.name, list(&known)));
    }
    let of = |rule: &RuleId| profile.rules.iter().find(|r| r.id == *rule);
    errors.extend(request.ports.iter().filter_map(|(rule, ports)| misfit(of(rule)?, *ports)));
    let a_rule = |word: &RuleId| meant(word.as_str(), rules.iter().copied());
    let unknown = request.ports.keys().filter(|rule| of(rule).is_none());
    let unknown = unknown.map(|rule| format!("--port {rule}=…{}", a_rule(rule)));
    errors.extend(together(unknown, || format!("no such rule; the rules are {}", list(&rules))));
    let waived = request.waivers.iter().map(|w| ("waive", &w.rule));
    let allowed = request.allow_unknown.iter().map(|r| ("--allow-unknown", r));
    let is_kind = |word: &str| MEASURED.contains(&word) || trial::is_word(word);
    let (measured, tried) = (measured_names(profile), trial::names(profile, request));
    let known = |word: &str| rules.contains(word) || is_kind(word) || measured.contains(word) || tried.contains(word);
    let unknown = waived.chain(allowed).filter(|(_, r)| !known(r.as_str())).map(|(what, rule)| {
        let checks = measured.iter().chain(&tried).map(String::as_str);
        let words = rules.iter().copied().chain(MEASURED).chain(KINDS).chain(checks);
        format!("{what} {rule}{}", meant(rule.as_str(), words))
    });
    errors.extend(together(unknown, || {
        format!(
            "no such rule; give quality, bandwidth, {}, a check of them as the table names it (such as quality.ROLE), or one of the rules {}",
            KINDS.join(", "),
            list(&rules)
        )
    }));
    let selects =
        |word: &str| profile.rules.iter().any(|r| item::matches(r, word)) || is_kind(word) || tried.contains(word);
    let words = request.only.iter().map(|w| ("--only", w)).chain(request.skip.iter().map(|w| ("--skip", w)));
    let roles = || profile.rules.iter().flat_map(|r| [r.to.as_str(), r.service.as_str()]);
    let all = || rules.iter().copied().chain(roles()).chain(MEASURED).chain(KINDS);
    let unknown = words.filter(|(_, word)| !selects(word));
    let unknown = unknown.map(|(flag, word)| format!("{flag} {word}{}", meant(word, all())));
    errors.extend(together(unknown, || {
        format!(
            "neither a rule, a role nor a service here, nor one of quality, bandwidth, {}; the rules are {}",
            KINDS.join(", "),
            list(&rules)
        )
    }));
}

/// Words with one thing wrong with all of them, which is told once; `None` without words.
fn together(words: impl Iterator<Item = String>, wrong: impl Fn() -> String) -> Option<String> {
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("{}: {}", words.join(", "), wrong()))
}

/// What the table calls the checks of measures: `quality.rtc`, `bandwidth.rtc.audio`, `capacity.rtc`.
fn measured_names(profile: &Profile) -> BTreeSet<String> {
    let rows: BTreeSet<&str> = profile.bandwidth.iter().map(|row| row.name.as_str()).collect();
    let of_role = |role: &RoleName| {
        let of_row = |row: &&str| format!("{}.{role}.{row}", measure::BANDWIDTH);
        let checks = [format!("{}.{role}", measure::QUALITY), format!("capacity.{role}")];
        checks.into_iter().chain(rows.iter().map(of_row)).collect::<Vec<_>>()
    };
    profile.roles.keys().flat_map(of_role).collect()
}

/// A moved rule must stay one port where its service is one port.
fn misfit(rule: &Rule, ports: PortRange) -> Option<String> {
    match rule.ports {
        None => Some(format!("--port {}: the rule has no ports to move", rule.id)),
        Some(p) if p.is_single() && !ports.is_single() => {
            Some(format!("--port {}={ports}: the rule is one port; give one, such as {}", rule.id, ports.first()))
        }
        Some(_) => None,
    }
}

/// Names every role without a target, what each is, and the command to type.
fn missing_targets(profile: &Profile, request: &Request, rules: &[&Rule], errors: &mut Vec<String>) {
    let media = measure::media_roles(profile, request, rules);
    let measured = |role: &RoleName| {
        let kinds = [measure::QUALITY, measure::BANDWIDTH];
        let named = kinds.iter().any(|kind| measure::selected(request, kind, role));
        !request.only.is_empty() && ((named && media.contains(role)) || trial::wants(request, rules, role))
    };
    let missing: BTreeSet<&RoleName> = rules
        .iter()
        .filter(|r| !r.if_given && (item::selected(request, r).is_none() || measured(&r.to)))
        .map(|r| &r.to)
        .filter(|r| !request.targets.contains_key(*r))
        .filter(|r| profile.roles.get(*r).is_none_or(|role| role.hosts.is_empty() && !role.optional))
        .collect();
    if missing.is_empty() {
        return;
    }
    let mut text = format!("profile `{}` needs a host for:", profile.name);
    for role in &missing {
        let description = profile.roles.get(*role).map_or("", |r| r.description.as_str());
        text.push_str(&format!("\n  {role}  {description}"));
    }
    let known = request.targets.iter().filter(|(role, _)| profile.roles.contains_key(*role));
    let given = known.map(|(r, hosts)| {
        let hosts: Vec<String> = hosts.iter().map(literal).collect();
        format!(" --target {r}={}", hosts.join(","))
    });
    let wanted = missing.iter().map(|r| format!(" --target {r}=HOST"));
    let from = if request.from.is_empty() { String::new() } else { format!(" --from {}", request.from.join(",")) };
    let options = request.options.iter().map(|(o, v)| format!(" --option {o}={v}"));
    let rest: String = options.chain(given).chain(wanted).collect();
    text.push_str(&format!("\ntype: rtc-check --profile {}{from}{rest}", profile.name));
    errors.push(text);
}

/// Why no rule is selected: most often a role that is tested only when a host is given for it.
fn nothing_left(profile: &Profile, request: &Request) -> String {
    let may_be_left_out = |r: &Rule| r.if_given || profile.roles.get(&r.to).is_some_and(|role| role.optional);
    let unbound = |r: &&Rule| may_be_left_out(r) && !request.targets.contains_key(&r.to);
    match profile.rules.iter().filter(unbound).find(|r| item::selected(request, r).is_none()) {
        Some(rule) => format!("`{}` has no host: add --target {}=HOST", rule.to, rule.to),
        None => trial::nothing_to_try(request)
            .unwrap_or("nothing is left to test: --only, --skip, --from or --option exclude every rule")
            .to_owned(),
    }
}

fn literal(host: &Host) -> String {
    match host {
        Host::Address(a) if a.is_ipv6() => format!("[{a}]"),
        other => other.to_string(),
    }
}

/// A target that no rule of this vantage reaches would silently not be tested.
fn unreached_targets(request: &Request, rules: &[&Rule], errors: &mut Vec<String>) {
    for role in request.targets.keys() {
        if errors.is_empty() && !rules.iter().any(|r| r.to == *role) {
            errors.push(format!("--target {role}=…: no rule reaches `{role}` from this vantage with these options"));
        }
    }
}

#[cfg(test)]
mod tests;
