//! Lays a file over the profiles that it extends and holds the parts against each other: what comes out is a
//! [`Profile`] in which every name that is used is declared. Knows no TOML beyond handing the text over.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use crate::model::{Need, RoleName, Service};

use super::bounds::Amount;
use super::diagnostic::Diagnostics;
use super::hint::did_you_mean;
use super::layer::{Layer, RawRole};
use super::read::{At, Problems, Span, Table, one_of};
use super::row::{Row, When, has_port, transport};
use super::{Bandwidth, Limit, Profile, Role, Rule, spec};

/// A file larger than this is not read.
const LARGEST: usize = 1 << 20;
/// Profiles that extend each other, one below the other.
const DEEPEST: usize = 8;

/// Named texts that a profile may extend.
pub(super) type Library<'l> = &'l [(&'l str, &'l str)];

/// Reads `text`, which messages call `file`.
pub(super) fn load(file: &str, text: &str, library: Library<'_>) -> Result<Profile, Diagnostics> {
    let mut problems = Problems::default();
    let layer = read(text, None, &mut Vec::new(), library, &mut problems);
    let profile = layer.and_then(|layer| Checker::new(&layer, &mut problems).profile(layer));
    match (problems.finish(), profile) {
        (None, Some(profile)) => Ok(profile),
        (Some((list, more)), _) => Err(Diagnostics::locate(file, text, list, more)),
        (None, None) => {
            let mut unexplained = Problems::default();
            unexplained.plain(&(0..0), "the profile cannot be used, and rtc-check cannot say why");
            let (list, more) = unexplained.finish().unwrap_or_default();
            Err(Diagnostics::locate(file, text, list, more))
        }
    }
}

/// Reads one text and, below it, what it extends. `stack` holds the names of those that are being read.
fn read(
    text: &str,
    name: Option<&str>,
    stack: &mut Vec<String>,
    library: Library<'_>,
    p: &mut Problems,
) -> Option<Layer> {
    if text.len() > LARGEST {
        p.add(&(0..0), format!("the file has {} bytes", text.len()), format!("at most {LARGEST}"));
        return None;
    }
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            syntax_error(&error, text, p);
            return None;
        }
    };
    let upper = Layer::read(&Table::new(0..0, table.get_ref()), p);
    let own = name.map(str::to_owned).or_else(|| upper.name.as_ref().map(|n| n.value.clone()));
    stack.push(own.unwrap_or_default());
    let mut base = Layer::default();
    let mut vantages: Vec<At<String>> = Vec::new();
    for extend in upper.extends.clone() {
        if let Some(mut layer) = read_base(extend, stack, library, p) {
            if upper.vantages.is_none() {
                layer.bind_vantages();
            }
            vantages.extend(layer.vantages.clone().unwrap_or_default());
            base = layer.over(base, p);
        }
    }
    stack.pop();
    let mut seen = BTreeSet::new();
    vantages.retain(|v| seen.insert(v.value.clone()));
    base.vantages = (!vantages.is_empty()).then_some(vantages);
    (base.name, base.title) = (None, None);
    base.given.retain(|key| !["name", "title"].contains(key));
    Some(upper.over(base, p))
}

fn syntax_error(error: &toml::de::Error, text: &str, p: &mut Problems) {
    let at = error.span().unwrap_or(text.len()..text.len());
    match error.message().split_once(", expected ") {
        Some((message, expected)) => p.add(&at, message, expected),
        None => p.plain(&at, error.message()),
    }
}

fn read_base(extend: At<String>, stack: &mut Vec<String>, library: Library<'_>, p: &mut Problems) -> Option<Layer> {
    let name = extend.value.clone();
    if stack.contains(&name) {
        let chain = [stack.as_slice(), std::slice::from_ref(&name)].concat().join(" -> ");
        p.add(&extend.at, format!("profile `{name}` extends itself: {chain}"), "another profile");
        return None;
    }
    if stack.len() >= DEEPEST {
        p.plain(&extend.at, format!("more than {DEEPEST} profiles extend each other"));
        return None;
    }
    let Some((_, text)) = library.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = library.iter().map(|(name, _)| *name).collect();
        let hint = did_you_mean(&name, names.iter().copied());
        p.add(&extend.at, format!("there is no profile `{name}` to extend{hint}"), one_of(&names));
        return None;
    };
    p.within(extend, |p| read(text, Some(&name), stack, library, p))
}

/// Holds rules and rows against what is declared.
struct Checker<'p> {
    vantages: Vec<String>,
    options: BTreeMap<String, bool>,
    roles: BTreeMap<String, RawRole>,
    p: &'p mut Problems,
}

impl<'p> Checker<'p> {
    fn new(layer: &Layer, p: &'p mut Problems) -> Self {
        let vantages = layer.vantages.iter().flatten().map(|v| v.value.clone()).collect();
        Self { vantages, options: layer.options.clone(), roles: layer.roles.clone(), p }
    }

    fn profile(mut self, layer: Layer) -> Option<Profile> {
        self.required_keys(&layer);
        self.groups(&layer);
        let roles = self.declared_roles();
        let rules: Vec<Rule> = layer.rules.into_iter().filter_map(|row| self.rule(row)).collect();
        let limits: Vec<Limit> = layer.limits.into_iter().map(|limit| limit.value).collect();
        let bandwidth = self.bandwidth(layer.bandwidth);
        let sizing = layer.sizing.map(|s| s.resolve(&mut |what, name, names| undeclared(self.p, what, name, names)));
        Some(Profile {
            name: layer.name?.value,
            title: layer.title?.value,
            vantages: self.vantages,
            options: self.options,
            roles,
            rules,
            limits,
            bandwidth,
            inspection: layer.inspection,
            groups: layer.groups.into_iter().map(|(name, only)| (name, only.value)).collect(),
            sizing,
        })
    }

    fn required_keys(&mut self, layer: &Layer) {
        let examples = [
            ("name", "name = \"...\" at the top"),
            ("title", "title = \"...\" at the top"),
            ("vantages", "vantages = [\"client\"], or a profile to extend"),
        ];
        for (key, example) in examples {
            if !layer.given.contains(&key) {
                self.p.add(&(0..0), format!("the profile has no `{key}`"), example);
            }
        }
        if !layer.given.contains(&"rules") {
            let at = layer.name.as_ref().map_or(0..0, |n| n.at.clone());
            self.p.add(
                &at,
                "the profile has no rules, so it would find nothing wrong",
                "[https.\"web\"], or a profile to extend",
            );
        }
    }

    fn declared_roles(&mut self) -> BTreeMap<RoleName, Role> {
        let mut roles = BTreeMap::new();
        for (name, raw) in &self.roles {
            if raw.description.is_none() {
                self.p.add(&raw.at, format!("role `{name}` has no `description`"), "description = \"what it is\"");
            }
            let role = Role {
                description: raw.description.clone().unwrap_or_default(),
                hosts: raw.hosts.clone().unwrap_or_default(),
                issuer: raw.issuer.clone().unwrap_or_default(),
                optional: raw.optional.unwrap_or(false),
            };
            roles.insert(RoleName::from(name.as_str()), role);
        }
        roles
    }

    fn rule(&mut self, row: Row) -> Option<Rule> {
        self.fields_given(&row);
        let from = match &row.from {
            Some(from) => from.iter().filter_map(|v| self.vantage(v)).collect(),
            None => self.vantages.clone(),
        };
        if let Some(to) = &row.to {
            self.role(to, &row);
        }
        let spec = spec::build(&row);
        let when = self.when(row.when.unwrap_or_default());
        Some(Rule {
            id: row.id,
            from,
            to: RoleName::from(row.to?.value),
            transport: row.transport.unwrap_or(transport(row.service)),
            ports: row.ports,
            service: row.service,
            hosts: row.hosts.into_iter().flatten().map(|h| h.value).collect(),
            if_given: row.if_given.unwrap_or(false),
            when,
            need: row.need?.value,
            group: row.group.map(|g| g.value),
            source: row.source?,
            spec,
        })
    }

    fn fields_given(&mut self, row: &Row) {
        let range = row.service == Service::Rtp;
        let (port, other) = if range { ("ports", "port") } else { ("port", "ports") };
        let example = if range { "ports = \"19099-20099\"" } else { "port = 443" };
        let needs_port = has_port(row.service) && !row.given.contains(other);
        let fields = [
            ("to", "to = \"ROLE\""),
            (port, example),
            ("need", "need = \"required\", or recommended, alternative, optional"),
            ("source", "source = { document = \"...\", section = \"...\", row = \"...\" }"),
        ];
        for (field, example) in fields {
            if !row.given.contains(field) && (field != port || needs_port) {
                self.p.add(&row.at, format!("rule `{}` has no `{field}`", row.id), example);
            }
        }
    }

    fn vantage(&mut self, vantage: &At<String>) -> Option<String> {
        let names: Vec<&str> = self.vantages.iter().map(String::as_str).collect();
        if names.contains(&vantage.value.as_str()) {
            return Some(vantage.value.clone());
        }
        undeclared(self.p, "vantage", vantage, &names);
        None
    }

    fn role(&mut self, to: &At<String>, row: &Row) {
        let Some(role) = self.roles.get(&to.value) else {
            let names: Vec<&str> = self.roles.keys().map(String::as_str).collect();
            return undeclared(self.p, "role", to, &names);
        };
        let fixed: Vec<&str> = role.hosts.iter().flatten().map(String::as_str).collect();
        for host in row.hosts.iter().flatten().filter(|h| !fixed.contains(&h.value.as_str())) {
            let message =
                format!("rule `{}` names host `{}`, which role `{}` does not fix", row.id, host.value, to.value);
            let expected = if fixed.is_empty() { "a role that has `hosts`".to_owned() } else { one_of(&fixed) };
            self.p.add(&host.at, message, expected);
        }
    }

    fn when(&mut self, when: When) -> BTreeMap<String, bool> {
        let names: Vec<&str> = self.options.keys().map(String::as_str).collect();
        for (option, _) in when.iter().filter(|(option, _)| !self.options.contains_key(&option.value)) {
            undeclared(self.p, "option", option, &names);
        }
        when.into_iter().map(|(option, value)| (option.value, value)).collect()
    }

    /// A group needs one that is preferred, an alternative needs a group, and settings need rules.
    fn groups(&mut self, layer: &Layer) {
        let mut preferred: BTreeMap<&str, bool> = BTreeMap::new();
        let mut last: BTreeMap<&str, &Span> = BTreeMap::new();
        for row in &layer.rules {
            let alternative = row.need.as_ref().is_some_and(|n| n.value == Need::Alternative);
            match (&row.group, &row.need) {
                (Some(group), _) => {
                    *preferred.entry(&group.value).or_default() |= !alternative;
                    last.insert(&group.value, &group.at);
                }
                (None, Some(need)) if alternative && !row.given.contains("group") => {
                    let message = format!("rule `{}` is an alternative to nothing", row.id);
                    self.p.add(&need.at, message, "a `group` that holds what it is an alternative to");
                }
                _ => {}
            }
        }
        for (group, at) in last.iter().filter(|(group, _)| preferred.get(*group) == Some(&false)) {
            let message = format!("group `{group}` holds alternatives only");
            self.p.add(at, message, "a rule of the group that is required or recommended");
        }
        for (group, settings) in layer.groups.iter().filter(|(group, _)| !preferred.contains_key(group.as_str())) {
            let names: Vec<&str> = preferred.keys().copied().collect();
            let hint = did_you_mean(group, names.iter().copied());
            let expected = if names.is_empty() { "a rule with a `group`".to_owned() } else { one_of(&names) };
            self.p.add(&settings.at, format!("no rule is in group `{group}`{hint}"), expected);
        }
    }

    fn bandwidth(&mut self, rows: Vec<Amount>) -> Vec<Bandwidth> {
        rows.into_iter().map(|amount| Bandwidth { when: self.when(amount.when), ..amount.row }).collect()
    }
}

/// Reports a name that is used and not declared.
fn undeclared(p: &mut Problems, what: &str, name: &At<String>, names: &[&str]) {
    let hint = did_you_mean(&name.value, names.iter().copied());
    let expected = if names.is_empty() { format!("a declared {what}") } else { one_of(names) };
    p.add(&name.at, format!("unknown {what} `{}`{hint}", name.value), expected);
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "[roles.web]\ndescription = \"Web\"\n[https.web]\nto = \"web\"\nport = 443\nneed = \"required\"\n\
                        source = { document = \"d\", section = \"s\", row = \"r\" }\n";

    fn text(name: &str, extend: &str) -> String {
        let extend = if extend.is_empty() { String::new() } else { format!("extend = \"{extend}\"\n") };
        format!("name = \"{name}\"\ntitle = \"T\"\nvantages = [\"client\"]\n{extend}{RULE}")
    }

    fn errors(text: &str, library: Library<'_>) -> Vec<(usize, String)> {
        let found = load("my.toml", text, library).expect_err("an error");
        found.list().iter().map(|d| (d.line, d.message.clone())).collect()
    }

    #[test]
    fn a_circle_ends() {
        let (a, b) = (text("a", "b"), text("b", "a"));
        let library = [("a", a.as_str()), ("b", b.as_str())];
        let message = "in profile `a`: profile `b` extends itself: mine -> b -> a -> b".to_owned();
        assert_eq!(errors(&text("mine", "b"), &library), [(4, message)]);
    }

    #[test]
    fn depth_is_bounded() {
        let texts: Vec<(String, String)> =
            (0..20).map(|i| (format!("p{i}"), text(&format!("p{i}"), &format!("p{}", i + 1)))).collect();
        let library: Vec<(&str, &str)> = texts.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        let found = errors(&text("mine", "p0"), &library);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|(line, m)| *line == 4 && m.contains("more than 8 profiles")), "{found:?}");
        assert!(load("my.toml", &text("mine", "p14"), &[("p14", &text("p14", ""))]).is_ok());
    }

    #[test]
    fn what_is_wrong_in_a_base_is_told_where_it_is_named() {
        let base = text("base", "").replace("port = 443", "port = 0");
        let found = errors(&text("mine", "base"), &[("base", &base)]);
        assert_eq!(found, [(4, "in profile `base`: there is no port 0".to_owned())]);
    }

    #[test]
    fn rules_without_a_vantage_keep_those_of_their_own_file() {
        let left =
            text("left", "").replace("client", "office").replace(".web]", ".left]").replace("\"web\"", "\"left\"");
        let library = [("left", left.as_str()), ("right", &text("right", ""))];
        let both = "name = \"both\"\ntitle = \"T\"\nextend = [\"left\", \"right\"]\n";
        let profile = load("my.toml", both, &library).unwrap();
        let from: Vec<&str> = profile.rules.iter().flat_map(|r| &r.from).map(String::as_str).collect();
        assert_eq!(profile.vantages, ["office", "client"]);
        assert_eq!(from, ["office", "client"]);
        let own = format!("{both}vantages = [\"home\"]\n");
        let profile = load("my.toml", &own, &library).unwrap();
        assert!(profile.rules.iter().all(|r| r.from == ["home"]));
    }
}
