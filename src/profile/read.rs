//! Typed reading of a TOML table in which every wrong value is a [`Problem`] at its own place and reading goes on.
//! Knows TOML; knows nothing of what a profile is.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::hint::did_you_mean;

/// Byte offsets into the file.
pub(super) type Span = Range<usize>;

/// Problems beyond this many are counted, not kept.
const MOST: usize = 200;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct At<T> {
    pub value: T,
    pub at: Span,
}

/// One error, not yet a line and column.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub at: Span,
    pub message: String,
    pub expected: Option<String>,
}

/// Everything that is wrong so far.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    more: usize,
    /// While a base is read: its name and the place that names it, which stands for every place inside it.
    base: Option<At<String>>,
}

/// A table and the place that stands for it as a whole.
#[derive(Clone)]
pub(super) struct Table<'t> {
    pub at: Span,
    map: &'t DeTable<'t>,
}

/// A value of a table or array.
pub(super) type Value<'t> = &'t Spanned<DeValue<'t>>;

impl<'t> Table<'t> {
    pub(super) fn new(at: Span, map: &'t DeTable<'t>) -> Self {
        Self { at, map }
    }

    pub(super) fn get(&self, key: &str) -> Option<Value<'t>> {
        self.map.get(key)
    }

    /// Keys with their places, and values, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(At<&'t str>, Value<'t>)> {
        let entry = |(key, value): (&'t Spanned<_>, _)| {
            (At { value: AsRef::<str>::as_ref(key.get_ref()), at: key.span() }, value)
        };
        let mut entries: Vec<_> = self.map.iter().map(entry).collect();
        entries.sort_by_key(|(key, _)| key.at.start);
        entries
    }
}

impl Problems {
    /// Adds one error.
    pub(super) fn add(&mut self, at: &Span, message: impl Into<String>, expected: impl Into<String>) {
        self.push(at, message.into(), Some(expected.into()));
    }

    /// Adds one error of which nothing better can be said than that it is one.
    pub(super) fn plain(&mut self, at: &Span, message: impl Into<String>) {
        self.push(at, message.into(), None);
    }

    fn push(&mut self, at: &Span, message: String, expected: Option<String>) {
        if self.full() {
            self.more += 1;
            return;
        }
        let message = match &self.base {
            Some(base) => format!("in profile `{}`: {message}", base.value),
            None => message,
        };
        self.list.push(Problem { at: self.place(at.clone()), message, expected });
    }

    /// No more problems are kept, so none need be worded.
    fn full(&self) -> bool {
        self.list.len() >= MOST
    }

    /// The place of something at `at` of the file that is being read, as a place in the file that was asked for.
    pub(super) fn place(&self, at: Span) -> Span {
        self.base.as_ref().map_or(at, |b| b.at.clone())
    }

    /// Reads a base, whose places are all that of its name, and comes back.
    pub(super) fn within<T>(&mut self, base: At<String>, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.base.take();
        self.base = Some(outer.clone().map_or(base.clone(), |o| At { value: base.value, at: o.at }));
        let result = read(self);
        self.base = outer;
        result
    }

    /// All of them, and how many more there were; `None` when nothing is wrong.
    pub(super) fn finish(mut self) -> Option<(Vec<Problem>, usize)> {
        let mut seen = std::collections::BTreeSet::new();
        self.list.retain(|p| seen.insert((p.at.start, p.message.clone())));
        (!self.list.is_empty()).then_some((self.list, self.more))
    }

    /// Reports every key of `table` that is not in `known`.
    pub(super) fn unknown_keys(&mut self, table: &Table<'_>, what: &str, known: &[&str]) {
        for (key, _) in table.entries() {
            if known.contains(&key.value) {
                continue;
            }
            let hint = if self.full() { String::new() } else { did_you_mean(key.value, known.iter().copied()) };
            self.add(&key.at, format!("{what} has no field `{}`{hint}", key.value), one_of(known));
        }
    }

    fn wrong_type(&mut self, value: Value<'_>, what: &str, expected: &str) {
        self.add(&value.span(), format!("`{what}` is {}", kind(value.get_ref())), expected);
    }

    pub(super) fn table<'t>(&mut self, value: Value<'t>, at: Span, what: &str) -> Option<Table<'t>> {
        match value.get_ref() {
            DeValue::Table(map) => Some(Table { at, map }),
            _ => {
                self.wrong_type(value, what, "a table");
                None
            }
        }
    }

    /// Tables of an array such as `[[limits]]`.
    pub(super) fn tables<'t>(&mut self, value: Value<'t>, what: &str) -> Vec<Table<'t>> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(value, what, &format!("tables, each headed [[{what}]]"));
            return Vec::new();
        };
        array.iter().filter_map(|v| self.table(v, v.span(), what)).collect()
    }

    /// One line of text that is not empty.
    pub(super) fn text(&mut self, value: Value<'_>, what: &str) -> Option<At<String>> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(value, what, "text in quotes");
            return None;
        };
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            let problem = if text.trim().is_empty() { "is empty" } else { "holds a control character" };
            self.add(&value.span(), format!("`{what}` {problem}"), "one line of text");
            return None;
        }
        Some(At { value: text.to_owned(), at: self.place(value.span()) })
    }

    /// Text of which `is` says whether it will do.
    pub(super) fn text_that(
        &mut self,
        value: Value<'_>,
        what: &str,
        is: fn(&str) -> bool,
        expected: &str,
    ) -> Option<At<String>> {
        let text = self.text(value, what)?;
        if !is(&text.value) {
            self.add(&value.span(), format!("bad {what} `{}`", text.value), expected);
            return None;
        }
        Some(text)
    }

    /// One text or an array of them, none twice, at least one.
    pub(super) fn texts(
        &mut self,
        value: Value<'_>,
        what: &str,
        is: fn(&str) -> bool,
        expected: &str,
    ) -> Vec<At<String>> {
        let items: Vec<Value<'_>> = match value.get_ref() {
            DeValue::Array(array) => array.iter().collect(),
            _ => vec![value],
        };
        if items.is_empty() {
            self.add(&value.span(), format!("there is no {what} here"), "at least one");
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut texts = Vec::new();
        for item in items {
            let Some(text) = self.text_that(item, what, is, expected) else { continue };
            if seen.insert(text.value.clone()) {
                texts.push(text);
            } else {
                self.plain(&item.span(), format!("{what} `{}` stands here twice", text.value));
            }
        }
        texts
    }

    /// One of a closed set of words.
    pub(super) fn word<T: Copy>(&mut self, value: Value<'_>, what: &str, words: &[(&str, T)]) -> Option<At<T>> {
        let text = self.text(value, what)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = did_you_mean(&text.value, names.iter().copied());
            self.add(&value.span(), format!("unknown {what} `{}`{hint}", text.value), one_of(&names));
        }
        found.map(|(_, value)| At { value: *value, at: text.at })
    }

    pub(super) fn flag(&mut self, value: Value<'_>, what: &str) -> Option<At<bool>> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(value, what, "true or false");
        }
        flag.map(|value_| At { value: value_, at: self.place(value.span()) })
    }

    /// A whole number; one too large for 64 bits is as wrong as one too large for its purpose, so it saturates.
    pub(super) fn integer(&mut self, value: Value<'_>, what: &str, expected: &str) -> Option<i64> {
        let Some(digits) = value.get_ref().as_integer() else {
            self.wrong_type(value, what, expected);
            return None;
        };
        Some(i64::from_str_radix(digits.as_str(), digits.radix()).unwrap_or(i64::MAX))
    }

    /// A finite number that is not negative.
    pub(super) fn quantity(&mut self, value: Value<'_>, what: &str, expected: &str) -> Option<f64> {
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().unwrap_or(f64::NAN),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).map_or(f64::NAN, |i| i as f64)
            }
            _ => {
                self.wrong_type(value, what, expected);
                return None;
            }
        };
        if !(number.is_finite() && number >= 0.0) {
            self.add(&value.span(), format!("`{what}` cannot be {number}"), expected);
            return None;
        }
        Some(number)
    }
}

/// `one of: a, b, c`.
pub(super) fn one_of(names: &[&str]) -> String {
    format!("one of: {}", names.join(", "))
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
