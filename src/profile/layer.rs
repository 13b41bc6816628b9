//! One file as it stands, before it is laid over the profiles that it extends. Knows the top level of the format; knows
//! nothing of whether its parts fit together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use crate::model::{Issuer, RuleId, Service, Source};

use super::bounds::{Amount, read_bandwidth, read_limit};
use super::hint::did_you_mean;
use super::read::{At, Problems, Span, Table, Value, one_of};
use super::row::{HOST, Row};
use super::sizing::{RawSizing, read_sizing};
use super::syntax::{is_dotted, is_host, is_name};
use super::{Limit, OnlyAlternative};

/// What a name must look like.
pub(super) const NAME: &str = "lower-case words and digits, joined by hyphens";

/// What an issuer must look like.
const ISSUER: &str = "a SHA-256 in hexadecimal, or 3 to 200 letters of the issuer's name";

fn is_issuer(text: &str) -> bool {
    text.parse::<Issuer>().is_ok()
}

/// Titles of documents by their short names; empty where the file spells titles out.
pub(super) type Documents = BTreeMap<String, String>;

/// The parts of one file, or of several laid over each other.
#[derive(Default)]
pub(super) struct Layer {
    pub name: Option<At<String>>,
    pub title: Option<At<String>>,
    pub extends: Vec<At<String>>,
    pub vantages: Option<Vec<At<String>>>,
    pub options: BTreeMap<String, bool>,
    pub roles: BTreeMap<String, RawRole>,
    pub groups: BTreeMap<String, At<OnlyAlternative>>,
    pub rules: Vec<Row>,
    pub limits: Vec<At<Limit>>,
    pub bandwidth: Vec<Amount>,
    pub inspection: Option<Source>,
    pub sizing: Option<RawSizing>,
    /// Top-level keys that stand in a file, readable or not.
    pub given: Vec<&'static str>,
}

/// The fields of `[roles.NAME]`.
#[derive(Clone)]
pub(super) struct RawRole {
    pub at: Span,
    pub description: Option<String>,
    pub hosts: Option<Vec<String>>,
    pub issuer: Option<Vec<Issuer>>,
    pub optional: Option<bool>,
}

const TOP: [&str; 12] = [
    "name",
    "title",
    "extend",
    "vantages",
    "options",
    "roles",
    "groups",
    "documents",
    "limits",
    "bandwidth",
    "inspection",
    "sizing",
];

impl Layer {
    /// Reads the top level of a file.
    pub(super) fn read(table: &Table<'_>, p: &mut Problems) -> Self {
        let mut layer = Self::default();
        let documents = table.get("documents").map_or_else(Documents::new, |v| read_documents(v, p));
        for key in TOP {
            if let Some(value) = table.get(key) {
                layer.given.push(key);
                layer.read_key(key, value, &documents, p);
            }
        }
        if table.entries().iter().any(|(key, _)| !TOP.contains(&key.value)) {
            layer.given.push("rules");
        }
        layer.rules = read_rules(table, &documents, p);
        layer
    }

    fn read_key(&mut self, key: &str, value: Value<'_>, documents: &Documents, p: &mut Problems) {
        match key {
            "name" => self.name = p.text_that(value, "name", is_name, NAME),
            "title" => self.title = p.text(value, "title"),
            "extend" => self.extends = p.texts(value, "profile", is_name, "names of built-in profiles"),
            "vantages" => self.vantages = Some(p.texts(value, "vantage", is_name, NAME)),
            "options" => self.options = read_options(value, p),
            "roles" => self.roles = read_roles(value, p),
            "groups" => self.groups = read_groups(value, p),
            "limits" => {
                for table in p.tables(value, "limits") {
                    let Some(limit) = read_limit(&table, documents, p) else { continue };
                    if self.limits.iter().any(|l| l.value.metric == limit.metric) {
                        p.add(
                            &table.at,
                            format!("there is a limit on `{}` already", limit.metric),
                            "one limit a metric",
                        );
                        continue;
                    }
                    self.limits.push(At { value: limit, at: p.place(table.at) });
                }
            }
            "bandwidth" => {
                let mut names = BTreeSet::new();
                for table in p.tables(value, "bandwidth") {
                    let Some(amount) = read_bandwidth(&table, documents, p) else { continue };
                    if !names.insert(amount.row.name.clone()) {
                        p.add(&table.at, format!("there is a row `{}` already", amount.row.name), "a name of its own");
                    }
                    self.bandwidth.push(amount);
                }
            }
            "inspection" => self.inspection = read_inspection(value, documents, p),
            "sizing" => self.sizing = read_sizing(value, documents, p),
            _ => {}
        }
    }

    /// Rules that name no vantage hold from all of this layer, and go on to do so beside those of other layers.
    pub(super) fn bind_vantages(&mut self) {
        for row in &mut self.rules {
            row.from = row.from.take().or_else(|| self.vantages.clone());
        }
    }

    /// This layer laid over `base`.
    pub(super) fn over(self, base: Self, p: &mut Problems) -> Self {
        Self {
            name: self.name.or(base.name),
            title: self.title.or(base.title),
            extends: self.extends,
            vantages: self.vantages.or(base.vantages),
            options: base.options.into_iter().chain(self.options).collect(),
            roles: lay_roles(self.roles, base.roles),
            groups: base.groups.into_iter().chain(self.groups).collect(),
            rules: lay_rules(self.rules, base.rules, p),
            limits: lay(self.limits, base.limits, |l| l.value.metric.clone()),
            bandwidth: lay(self.bandwidth, base.bandwidth, |b| b.row.name.clone()),
            inspection: self.inspection.or(base.inspection),
            sizing: match (self.sizing, base.sizing) {
                (Some(upper), Some(base)) => Some(upper.over(base)),
                (upper, base) => upper.or(base),
            },
            given: base.given.into_iter().chain(self.given).collect(),
        }
    }
}

/// `upper` over `base`: one with the same key takes its place, others follow.
pub(super) fn lay<T>(upper: Vec<T>, base: Vec<T>, key: fn(&T) -> String) -> Vec<T> {
    let mut all = base;
    let mut index: HashMap<String, usize> = all.iter().enumerate().map(|(i, t)| (key(t), i)).collect();
    for item in upper {
        match index.get(&key(&item)).and_then(|i| all.get_mut(*i)) {
            Some(place) => *place = item,
            None => {
                index.insert(key(&item), all.len());
                all.push(item);
            }
        }
    }
    all
}

fn lay_roles(upper: BTreeMap<String, RawRole>, base: BTreeMap<String, RawRole>) -> BTreeMap<String, RawRole> {
    let mut roles = base;
    for (name, role) in upper {
        let laid = match roles.remove(&name) {
            Some(b) => RawRole {
                at: role.at,
                description: role.description.or(b.description),
                hosts: role.hosts.or(b.hosts),
                issuer: role.issuer.or(b.issuer),
                optional: role.optional.or(b.optional),
            },
            None => role,
        };
        roles.insert(name, laid);
    }
    roles
}

fn lay_rules(upper: Vec<Row>, base: Vec<Row>, p: &mut Problems) -> Vec<Row> {
    let mut rows: Vec<Option<Row>> = base.into_iter().map(Some).collect();
    let mut index: HashMap<RuleId, usize> =
        rows.iter().enumerate().filter_map(|(i, r)| r.as_ref().map(|r| (r.id.clone(), i))).collect();
    for row in upper {
        let place = index.get(&row.id).and_then(|i| rows.get_mut(*i));
        match place {
            Some(place) => match place.take() {
                Some(base) if base.service != row.service => {
                    let message = format!("rule `{}` is `{}` in the profile that is extended", row.id, base.service);
                    p.add(&row.at, message, format!("[{}.\"{}\"]", base.service, row.id));
                    *place = Some(base);
                }
                Some(base) => *place = Some(row.over(base)),
                None => *place = Some(row),
            },
            None => {
                index.insert(row.id.clone(), rows.len());
                rows.push(Some(row));
            }
        }
    }
    rows.into_iter().flatten().collect()
}

/// Every table that is not of the top level is a service's, and holds rules by their ids.
fn read_rules(table: &Table<'_>, documents: &Documents, p: &mut Problems) -> Vec<Row> {
    let mut found = Vec::new();
    for (key, value) in table.entries() {
        if TOP.contains(&key.value) {
            continue;
        }
        match Service::from_str(key.value) {
            Ok(service) => {
                let rules = p.table(value, key.at, key.value);
                let rules = rules.iter().flat_map(Table::entries).map(|(id, rule)| (id, service, rule));
                found.extend(rules);
            }
            Err(()) => unknown_top(&key, value, p),
        }
    }
    found.sort_by_key(|(id, _, _)| id.at.start);
    let mut rows: Vec<Row> = Vec::new();
    let mut seen: HashMap<RuleId, Service> = HashMap::new();
    for (id, service, rule) in found {
        let Some(fields) = p.table(rule, id.at.clone(), id.value) else { continue };
        let Some(row) = Row::read(id, service, &fields, documents, p) else { continue };
        match seen.insert(row.id.clone(), service) {
            None => rows.push(row),
            Some(other) => {
                p.add(&row.at, format!("rule `{}` stands under `{other}` already", row.id), "an id of its own");
            }
        }
    }
    rows
}

fn unknown_top(key: &At<&str>, value: Value<'_>, p: &mut Problems) {
    let services: Vec<&str> = Service::ALL.iter().map(|s| s.as_str()).collect();
    let (what, names) = if value.get_ref().is_table() { ("service", services) } else { ("key", TOP.to_vec()) };
    let near = did_you_mean(key.value, names.iter().copied());
    let near = if near.is_empty() && what == "service" { did_you_mean(key.value, TOP) } else { near };
    p.add(&key.at, format!("unknown {what} `{}`{near}", key.value), one_of(&names));
}

fn read_documents(value: Value<'_>, p: &mut Problems) -> Documents {
    let Some(table) = p.table(value, value.span(), "documents") else { return Documents::new() };
    let title = |(key, value): (At<&str>, Value<'_>)| p.text(value, key.value).map(|t| (key.value.to_owned(), t.value));
    table.entries().into_iter().filter_map(title).collect()
}

fn read_options(value: Value<'_>, p: &mut Problems) -> BTreeMap<String, bool> {
    let mut options = BTreeMap::new();
    for (key, value) in named(value, "options", is_name, NAME, p) {
        if let Some(flag) = p.flag(value, key.value) {
            options.insert(key.value.to_owned(), flag.value);
        }
    }
    options
}

fn read_roles(value: Value<'_>, p: &mut Problems) -> BTreeMap<String, RawRole> {
    let mut roles = BTreeMap::new();
    for (key, value) in named(value, "roles", is_name, NAME, p) {
        let Some(table) = p.table(value, key.at.clone(), key.value) else { continue };
        p.unknown_keys(&table, "a role", &["description", "hosts", "issuer", "optional"]);
        let hosts = table.get("hosts").map(|v| p.texts(v, "host", is_host, HOST));
        let issuer = table.get("issuer").map(|v| p.texts(v, "issuer", is_issuer, ISSUER));
        let role = RawRole {
            at: p.place(key.at),
            description: table.get("description").and_then(|v| p.text(v, "description")).map(|t| t.value),
            hosts: hosts.map(|h| h.into_iter().map(|host| host.value).collect()),
            issuer: issuer.map(|all| all.iter().filter_map(|i| i.value.parse().ok()).collect()),
            optional: table.get("optional").and_then(|v| p.flag(v, "optional")).map(|f| f.value),
        };
        roles.insert(key.value.to_owned(), role);
    }
    roles
}

fn read_groups(value: Value<'_>, p: &mut Problems) -> BTreeMap<String, At<OnlyAlternative>> {
    let words = [("warn", OnlyAlternative::Warn), ("pass", OnlyAlternative::Pass)];
    let mut groups = BTreeMap::new();
    for (key, value) in named(value, "groups", is_dotted, "lower-case words and digits, joined by dots or hyphens", p) {
        let Some(table) = p.table(value, key.at.clone(), key.value) else { continue };
        p.unknown_keys(&table, "a group", &["only-alternative"]);
        let only = table.get("only-alternative").and_then(|v| p.word(v, "value of `only-alternative`", &words));
        let value = only.map(|o| o.value).unwrap_or_default();
        groups.insert(key.value.to_owned(), At { value, at: p.place(key.at) });
    }
    groups
}

/// The entries of a table whose keys are names.
fn named<'t>(
    value: Value<'t>,
    what: &str,
    is: fn(&str) -> bool,
    expected: &str,
    p: &mut Problems,
) -> Vec<(At<&'t str>, Value<'t>)> {
    let Some(table) = p.table(value, value.span(), what) else { return Vec::new() };
    let mut entries = table.entries();
    entries.retain(|(key, _)| {
        if !is(key.value) {
            p.add(&key.at, format!("bad name `{}` in `{what}`", key.value), expected);
        }
        is(key.value)
    });
    entries
}

/// `[inspection]`: the row that takes TLS inspection as allowed.
fn read_inspection(value: Value<'_>, documents: &Documents, p: &mut Problems) -> Option<Source> {
    let table = p.table(value, value.span(), "inspection")?;
    p.unknown_keys(&table, "inspection", &["source"]);
    match table.get("source") {
        Some(source) => read_source(source, documents, p),
        None => {
            p.add(&value.span(), "`inspection` has no `source`", "the row of the document that takes it as allowed");
            None
        }
    }
}

/// `{ document = "...", section = "...", row = "..." }`, the document by its short name where the file has any.
pub(super) fn read_source(value: Value<'_>, documents: &Documents, p: &mut Problems) -> Option<Source> {
    const FIELDS: [&str; 3] = ["document", "section", "row"];
    let table = p.table(value, value.span(), "source")?;
    p.unknown_keys(&table, "a source", &FIELDS);
    let [document, section, row] = FIELDS.map(|field| match table.get(field) {
        Some(value) => p.text(value, field),
        None => {
            p.add(&value.span(), format!("`source` has no `{field}`"), "document, section and row");
            None
        }
    });
    let document = document?;
    let title = match documents.get(&document.value) {
        Some(title) => title.clone(),
        None if documents.is_empty() => document.value,
        None => {
            let names: Vec<&str> = documents.keys().map(String::as_str).collect();
            let hint = did_you_mean(&document.value, names.iter().copied());
            let at = table.get("document").map_or(value.span(), |v| v.span());
            p.add(&at, format!("unknown document `{}`{hint}", document.value), one_of(&names));
            return None;
        }
    };
    Some(Source { document: title, section: section?.value, row: row?.value })
}
