//! What a report keeps to itself: addresses and names become tokens, the same for the same thing, everywhere in it. Works
//! on the JSON value, so that a fact of a later probe is covered without a line here. Knows no file and no renderer.
//!
//! First it learns: hosts of the run, then every address anywhere, and names where a key says that one stands there, in
//! URLs, in certificates and by their form. Then it replaces each of them wherever it is a word of its own. Statuses,
//! ports, numbers, kinds, software, documents and the hosts that it was told to keep stay.

mod addresses;
mod headers;
mod interfaces;
mod keys;
mod names;
mod text;
mod tokens;

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::doctor::Doctor;
use crate::model::{Comparison, Event, Redacted, Report};

use keys::Holds;
use tokens::{Kind, Tokens};

/// Replaces what it is asked to, and remembers what by, over any number of reports and events.
#[derive(Debug, Default)]
pub struct Redactor {
    asked: BTreeSet<Redacted>,
    /// What is left of `asked` for the document at hand.
    now: BTreeSet<Redacted>,
    tokens: Tokens,
    /// Hosts of the profile itself, in lower case.
    keep: HashSet<String>,
    /// Rules, roles, findings and the like: they look like names and are none.
    identifiers: HashSet<String>,
    /// Domains of known hosts.
    domains: HashSet<String>,
    /// Names that are no single word, by their first character.
    phrases: HashMap<char, BTreeSet<String>>,
    /// Tokens of an earlier redaction stand in the document and stay.
    again: bool,
}

impl Redactor {
    /// Redacts `asked`. With nothing asked for it changes nothing.
    pub fn new(asked: impl IntoIterator<Item = Redacted>) -> Self {
        let keep = [String::from("localhost")].into();
        let asked: BTreeSet<Redacted> = asked.into_iter().collect();
        Self { now: asked.clone(), asked, keep, ..Self::default() }
    }

    /// Lets these hosts stay.
    pub fn keep(&mut self, hosts: impl IntoIterator<Item = String>) {
        self.keep.extend(hosts.into_iter().map(|host| host.to_lowercase()));
    }

    /// What it is asked to replace, in order.
    pub fn asked(&self) -> Vec<Redacted> {
        self.asked.iter().copied().collect()
    }

    /// Nothing is asked for.
    pub fn is_idle(&self) -> bool {
        self.asked.is_empty()
    }

    /// Names a host before anything speaks of it.
    pub fn learn_host(&mut self, host: &str) {
        self.learn_name(host);
        self.learn_text(host, Holds::Anything);
    }

    /// The report with tokens, its comparison included. What is redacted in it already stays as it is.
    ///
    /// # Errors
    /// A defect of this module: what it made is no report. Nothing may be shown then.
    pub fn report(&mut self, report: &Report) -> Result<Report, String> {
        if self.is_idle() {
            return Ok(report.clone());
        }
        let compared = report.comparison.as_deref();
        let whole = [&report.redacted].into_iter().chain(compared.map(|c| &c.redacted));
        let sides = compared.into_iter().flat_map(|c| [&c.before.redacted, &c.after.redacted]);
        self.document(report, &whole.map(Vec::as_slice).collect::<Vec<_>>(), sides.map(Vec::as_slice))
    }

    /// The comparison with tokens.
    ///
    /// # Errors
    /// As [`Redactor::report`].
    pub fn comparison(&mut self, comparison: &Comparison) -> Result<Comparison, String> {
        let sides = [&comparison.before.redacted, &comparison.after.redacted];
        self.document(comparison, &[&comparison.redacted], sides.into_iter().map(Vec::as_slice))
    }

    /// What a machine allows, with tokens.
    ///
    /// # Errors
    /// As [`Redactor::report`].
    pub fn doctor(&mut self, doctor: &Doctor) -> Result<Doctor, String> {
        self.document(doctor, &[&doctor.redacted], std::iter::empty())
    }

    /// The event with tokens, as JSON.
    pub fn event(&mut self, event: &Event) -> Value {
        let mut value = serde_json::to_value(event).unwrap_or_default();
        self.value(&mut value);
        value
    }

    /// `done` says what each part is redacted of, `sides` what the reports of a comparison were.
    fn document<'a, T: Serialize + DeserializeOwned>(
        &mut self,
        whole: &T,
        done: &[&'a [Redacted]],
        sides: impl Iterator<Item = &'a [Redacted]>,
    ) -> Result<T, String> {
        let in_all = |level: &Redacted| done.iter().all(|part| part.contains(level));
        self.now = self.asked.iter().copied().filter(|level| !in_all(level)).collect();
        self.again = done.iter().copied().chain(sides).any(|part| !part.is_empty());
        let mut value = serde_json::to_value(whole).map_err(|e| e.to_string())?;
        if !self.now.is_empty() {
            self.value(&mut value);
            mark(&mut value, &self.asked);
        }
        self.now = self.asked.clone();
        T::deserialize(value).map_err(|e| format!("the redacted report is no report: {e}"))
    }

    /// Learns from the whole value, then replaces in it.
    fn value(&mut self, value: &mut Value) {
        if self.now.is_empty() {
            return;
        }
        if self.again {
            self.pass_over(value);
        }
        self.identify(value, "");
        // The operator's own words first, so that tokens are numbered as they were given.
        if let Some(run) = value.get("run") {
            self.learn(run, Holds::Anything);
        }
        self.learn(value, Holds::Anything);
        self.replace(value, Holds::Anything);
    }

    /// Tokens that stand in the document already are given to nothing else.
    fn pass_over(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                for word in text.split(|c: char| !names::in_word(c)) {
                    self.tokens.pass_over(word.trim_matches('.'));
                }
            }
            Value::Array(items) => items.iter().for_each(|v| self.pass_over(v)),
            Value::Object(map) => map.values().for_each(|v| self.pass_over(v)),
            _ => {}
        }
    }

    /// Learns the words that look like names and are the program's own.
    fn identify(&mut self, value: &Value, key: &str) {
        match value {
            Value::String(text) if keys::names_no_host(key) => {
                self.identifiers.insert(text.clone());
            }
            Value::String(text) if matches!(key, "id" | "check" | "checks" | "finding") => {
                let head = text.split('/').next().unwrap_or_default();
                if head.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b)) {
                    self.identifiers.insert(head.to_owned());
                }
            }
            Value::Array(items) => items.iter().for_each(|v| self.identify(v, key)),
            Value::Object(map) => {
                for (key, value) in map {
                    self.identify(value, key);
                }
            }
            _ => {}
        }
    }

    fn learn(&mut self, value: &Value, holds: Holds) {
        match value {
            Value::String(text) => self.learn_text(text, holds),
            Value::Array(items) => items.iter().for_each(|v| self.learn(v, holds)),
            Value::Object(map) => {
                // A check's own target before what is said of it.
                let (first, rest): (Vec<_>, Vec<_>) = map.iter().partition(|(key, _)| *key == "target");
                for (key, value) in first.into_iter().chain(rest) {
                    self.learn(value, Holds::of(key, value, holds));
                }
            }
            _ => {}
        }
    }

    fn learn_text(&mut self, text: &str, holds: Holds) {
        match holds {
            Holds::Nothing => {}
            Holds::Host => self.learn_name(text),
            Holds::MaybeHost if text != names::host(text) || names::is_domain(text) => {
                self.learn_name(names::host(text))
            }
            Holds::Check => {
                let mut parts = text.split('/').skip(1);
                if let Some(host) = parts.next() {
                    self.learn_name(host);
                }
            }
            Holds::Interface => self.learn_interface(text),
            Holds::Headers => headers::machines(text).into_iter().for_each(|name| self.learn_name(name)),
            Holds::User if self.names_go() => self.learn_phrase(Kind::User, text),
            Holds::Realm if names::is_domain(text) => self.learn_name(text),
            Holds::Realm => self.learn_phrase(Kind::Name, text),
            Holds::Holder => self.learn_holder(text),
            _ => {}
        }
        if !matches!(holds, Holds::Nothing | Holds::Software) {
            names::in_urls(text).for_each(|host| self.learn_name(host));
            interfaces::in_text(text).for_each(|name| self.learn_interface(name));
            self.learn_addresses(text);
        }
    }

    /// A host by name; an address is none.
    fn learn_name(&mut self, value: &str) {
        let name = names::host(value.trim());
        let lower = name.to_lowercase();
        let is_address = name.parse::<std::net::IpAddr>().is_ok() || crate::model::masked::Token::read(name).is_some();
        let stays = lower.is_empty() || is_address || self.keep.contains(&lower) || self.is_token(name);
        if stays || !self.names_go() {
            return;
        }
        if !name.chars().all(names::in_word) || name.trim_matches(['.', '-', '_']) != name {
            return self.learn_phrase(Kind::Host, name);
        }
        self.tokens.name(Kind::Host, name);
        // A public suffix of two labels hides a little more than need be.
        if let Some((_, domain)) = lower.split_once('.').filter(|(_, d)| d.contains('.')) {
            self.domains.insert(domain.to_owned());
        }
    }

    /// An interface that does not bear the name that the system gave it.
    fn learn_interface(&mut self, name: &str) {
        let is_address = name.parse::<std::net::IpAddr>().is_ok() || crate::model::masked::Token::read(name).is_some();
        if name.is_empty() || is_address || interfaces::is_given(name) || self.is_token(name) || !self.names_go() {
            return;
        }
        match name.chars().all(names::in_word) && name.trim_matches(['.', '-', '_']) == name {
            true => drop(self.tokens.name(Kind::Interface, name)),
            false => self.learn_phrase(Kind::Interface, name),
        }
    }

    /// What is looked for as it stands, because it is no single word.
    fn learn_phrase(&mut self, kind: Kind, phrase: &str) {
        let phrase = phrase.trim();
        let Some(first) = phrase.chars().next() else { return };
        if !self.names_go() || self.is_token(phrase) || self.keep.contains(&phrase.to_lowercase()) {
            return;
        }
        self.tokens.name(kind, phrase);
        self.phrases.entry(first).or_default().insert(phrase.to_owned());
    }

    /// Whom a certificate is for or by.
    fn learn_holder(&mut self, name: &str) {
        if !self.names_go() {
            return;
        }
        for (key, value) in names::attributes(name) {
            match () {
                () if names::is_public(key, value) || value.parse::<std::net::IpAddr>().is_ok() => {}
                () if names::is_domain(names::host(value)) => self.learn_name(value),
                () if names::is_particular(value) => self.learn_phrase(Kind::Name, value),
                () => {}
            }
        }
    }

    fn replace(&mut self, value: &mut Value, holds: Holds) {
        match value {
            Value::String(text) if holds != Holds::Nothing => *text = self.text(text, holds),
            Value::Array(items) => {
                if holds == Holds::Headers && self.names_go() {
                    items.retain(|item| item.as_str().is_none_or(|line| headers::told(line).is_some()));
                }
                items.iter_mut().for_each(|v| self.replace(v, holds));
            }
            Value::Object(map) => {
                let renamed: Map<String, Value> = std::mem::take(map)
                    .into_iter()
                    .map(|(key, mut value)| {
                        let inside = Holds::of(&key, &value, holds);
                        self.replace(&mut value, inside);
                        let is_own = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                        (
                            if is_own || self.identifiers.contains(&key) {
                                key
                            } else {
                                self.text(&key, Holds::Anything)
                            },
                            value,
                        )
                    })
                    .collect();
                *map = renamed;
            }
            _ => {}
        }
    }

    fn names_go(&self) -> bool {
        self.now.contains(&Redacted::Names)
    }

    fn addresses_go(&self) -> bool {
        self.now.contains(&Redacted::Addresses)
    }

    fn is_token(&self, word: &str) -> bool {
        self.again && tokens::named(word).is_some()
    }
}

/// Says of a document, and of what it is made of, what is redacted.
fn mark(value: &mut Value, levels: &BTreeSet<Redacted>) {
    let Some(map) = value.as_object_mut() else { return };
    let mut all: BTreeSet<Redacted> = levels.clone();
    let before = map.get("redacted").and_then(|v| serde_json::from_value::<Vec<Redacted>>(v.clone()).ok());
    all.extend(before.unwrap_or_default());
    map.insert("redacted".to_owned(), serde_json::to_value(&all).unwrap_or_default());
    for part in ["comparison", "before", "after"] {
        if let Some(part) = map.get_mut(part).filter(|p| p.is_object()) {
            mark(part, levels);
        }
    }
}
