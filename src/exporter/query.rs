//! The query of `/probe`: text in, what to check out, or a sentence. Every value is read into what it means, so that a host
//! that was compared with the list is the host that is asked.

use std::time::Duration;

use crate::model::Host;
use crate::wire::percent;

use super::patience;

/// Bytes of a query.
pub const LONGEST: usize = 4096;

/// Parameters of a query, and hosts in all.
const MOST: usize = 64;

/// What a query may say, for messages.
const KNOWN: &str =
    "profile, target.ROLE, from, option.NAME, only, skip, allow-unknown, ip, strict, quality, timeout and format";

/// What a run may take of the command line's flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// A built-in profile, or one that the exporter was started with.
    pub profile: Option<String>,
    /// Hosts by role, as the role was written; without one the profile's only role is meant.
    pub targets: Vec<(Option<Named>, Vec<Host>)>,
    pub from: Vec<String>,
    pub options: Vec<(Named, bool)>,
    pub only: Vec<String>,
    pub skip: Vec<String>,
    pub allow_unknown: Vec<String>,
    /// One family alone; `true` for IPv6.
    pub v6: Option<bool>,
    /// Warnings are failures.
    pub strict: bool,
    /// Quality and bandwidth are measured too.
    pub quality: bool,
    /// No longer than this.
    pub timeout: Option<Duration>,
}

/// A name of a profile, behind `target.` or `option.`; or behind `target_` or `option_`, where Prometheus' relabelling can
/// set it: labels have no dots and no hyphens, so that an underscore stands for a hyphen too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    text: String,
    as_label: bool,
}

impl Named {
    /// Whether `name` is meant.
    pub fn is(&self, name: &str) -> bool {
        self.text == name || (self.as_label && self.text == name.replace('-', "_"))
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a query; what is empty is as good as absent.
///
/// # Errors
/// A sentence on the first thing that is wrong.
pub fn parse(text: &str) -> Result<Query, String> {
    if text.len() > LONGEST {
        return Err(format!("the query is longer than {LONGEST} bytes"));
    }
    let mut query = Query::default();
    let mut seen: Vec<String> = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decoded(key)?, decoded(value)?);
        if value.is_empty() && known(&key) {
            continue;
        }
        if seen.len() == MOST {
            return Err(format!("the query has more than {MOST} parameters"));
        }
        let once = ["profile", "ip", "strict", "quality", "timeout", "format"].contains(&key.as_str());
        if once && seen.contains(&key) {
            return Err(format!("{key} is given twice"));
        }
        query.take(&key, &value)?;
        seen.push(key);
    }
    Ok(query)
}

fn known(key: &str) -> bool {
    let single = [
        "profile",
        "from",
        "only",
        "skip",
        "allow-unknown",
        "allow_unknown",
        "ip",
        "strict",
        "quality",
        "timeout",
        "format",
    ];
    single.contains(&key) || key == "target" || named(key, "target").is_some() || named(key, "option").is_some()
}

/// What stands behind `KIND.` or `KIND_`.
fn named(key: &str, kind: &str) -> Option<Named> {
    let rest = key.strip_prefix(kind)?;
    let (as_label, text) = match rest.strip_prefix('_') {
        Some(text) => (true, text),
        None => (false, rest.strip_prefix('.')?),
    };
    is_word(text).then(|| Named { text: text.to_owned(), as_label })
}

/// A name of profiles, roles, options, rules and checks.
fn is_word(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl Query {
    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        let wrong = |e: String| format!("{key}: {e}");
        match key {
            "profile" => self.profile = Some(word(value).map_err(wrong)?),
            "target" => self.targets.push((None, hosts(value).map_err(wrong)?)),
            "from" => self.from.extend(words(value).map_err(wrong)?),
            "only" => self.only.extend(words(value).map_err(wrong)?),
            "skip" => self.skip.extend(words(value).map_err(wrong)?),
            "allow-unknown" | "allow_unknown" => self.allow_unknown.extend(words(value).map_err(wrong)?),
            "ip" => self.v6 = family(value).map_err(wrong)?,
            "strict" => self.strict = truth(value).map_err(wrong)?,
            "quality" => self.quality = truth(value).map_err(wrong)?,
            "timeout" => self.timeout = Some(patience::seconds(value).map_err(wrong)?),
            "format" if value == "prometheus" => {}
            "format" => return Err("format: only prometheus is answered here".to_owned()),
            _ => match (named(key, "target"), named(key, "option")) {
                (Some(role), _) => self.targets.push((Some(role), hosts(value).map_err(wrong)?)),
                (_, Some(option)) => self.options.push((option, truth(value).map_err(wrong)?)),
                _ => return Err(unknown(key)),
            },
        }
        let given = self.targets.iter().map(|(_, hosts)| hosts.len()).sum::<usize>();
        match given > MOST {
            true => Err(format!("more than {MOST} hosts are given")),
            false => Ok(()),
        }
    }

    /// The hosts of each role, by the profile's names; `roles` are its names with whether a host has to be given.
    ///
    /// # Errors
    /// A role that the profile does not have, and a target without a role where it has several.
    pub fn bound<'a>(&'a self, roles: &[(&'a str, bool)]) -> Result<Vec<(&'a str, &'a Host)>, String> {
        let list = |names: &[&str]| names.join(", ");
        let all: Vec<&str> = roles.iter().map(|(name, _)| *name).collect();
        let needed: Vec<&str> = roles.iter().filter(|(_, needed)| *needed).map(|(name, _)| *name).collect();
        let mut bound = Vec::new();
        for (role, hosts) in &self.targets {
            let name = match (role, needed.as_slice()) {
                (Some(role), _) => all
                    .iter()
                    .find(|name| role.is(name))
                    .copied()
                    .ok_or_else(|| format!("target.{role}: the profile has the roles {}", list(&all)))?,
                (None, [only]) => only,
                (None, _) => {
                    return Err(format!(
                        "target: the profile has several roles: give target.ROLE=HOST, with one of {}",
                        list(&all)
                    ));
                }
            };
            bound.extend(hosts.iter().map(|host| (name, host)));
        }
        Ok(bound)
    }
}

fn unknown(key: &str) -> String {
    let is = |names: &[&str]| names.iter().any(|name| key == *name || key.starts_with(&format!("{name}.")));
    if is(&["port"]) {
        return "port: a query cannot move a rule's ports: put them into the exporter's configuration file, or a profile of your own".to_owned();
    }
    if is(&["capacity", "hold", "ports", "thorough", "nat-lifetime"]) {
        return format!("{key}: is not offered for scrapes, because it takes long or sends much");
    }
    if is(&["module"]) {
        return "module: give profile=NAME in its place".to_owned();
    }
    format!("`{key}` is none of a query's parameters: {KNOWN}")
}

fn word(text: &str) -> Result<String, String> {
    match is_word(text) {
        true => Ok(text.to_owned()),
        false => Err("give a name of letters, digits, dots, hyphens and underscores".to_owned()),
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let all: Result<Vec<String>, String> = text.split(',').map(|w| word(w.trim())).collect();
    all.and_then(|all| if all.len() > MOST { Err(format!("gives more than {MOST} names")) } else { Ok(all) })
}

fn hosts(text: &str) -> Result<Vec<Host>, String> {
    text.split(',').map(|host| host.trim().parse::<Host>()).collect()
}

fn truth(text: &str) -> Result<bool, String> {
    match text {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("the value is `true` or `false`".to_owned()),
    }
}

fn family(text: &str) -> Result<Option<bool>, String> {
    match text {
        "4" => Ok(Some(false)),
        "6" => Ok(Some(true)),
        "both" => Ok(None),
        _ => Err("give 4, 6 or both".to_owned()),
    }
}

/// Percent-decoding of a form (`+` is a space). What it gives has no control character.
fn decoded(text: &str) -> Result<String, String> {
    let text = percent::decoded(&text.replace('+', " "))
        .ok_or_else(|| "the query is not rightly percent-encoded UTF-8 text".to_owned())?;
    if text.chars().any(char::is_control) { Err("the query has a control character".to_owned()) } else { Ok(text) }
}

#[cfg(test)]
mod tests;
