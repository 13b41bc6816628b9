//! Running text: every address and name in it becomes its token, and every other character stays.

use super::Redactor;
use super::addresses::{self, Found};
use super::headers;
use super::keys::Holds;
use super::names;
use super::tokens::Kind;

/// Directories below which users' own are named after them.
const HOMES: [&str; 3] = ["/home/", "/Users/", "/run/user/"];

impl Redactor {
    /// Learns every address in `text`.
    pub(super) fn learn_addresses(&mut self, text: &str) {
        if !self.addresses_go() {
            return;
        }
        let mut before = None;
        for (n, c) in text.char_indices() {
            let could_begin = c.is_ascii_hexdigit() || c == ':';
            if let Some((_, Found::Ip(address))) =
                text.get(n..).filter(|_| could_begin).and_then(|rest| addresses::at(rest, before))
            {
                self.tokens.address(address);
            }
            before = Some(c);
        }
    }

    /// `text` with tokens.
    pub(super) fn text(&mut self, text: &str, holds: Holds) -> String {
        match holds {
            Holds::Fingerprint if self.names_go() => return self.tokens.name(Kind::Fingerprint, text),
            Holds::Holder if self.names_go() => return self.holder(text),
            Holds::Check if self.names_go() => return self.check(text),
            Holds::Headers if self.names_go() => {
                return headers::told(text).map(|told| self.text(&told, Holds::Software)).unwrap_or_default();
            }
            _ => {}
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let head = text.get(..text.len() - rest.len()).unwrap_or_default();
            let (taken, token) = self.one(rest, head, holds).unwrap_or((c.len_utf8(), None));
            let (piece, tail) = rest.split_at_checked(taken).unwrap_or((rest, ""));
            out.push_str(token.as_deref().unwrap_or(piece));
            rest = tail;
        }
        out
    }

    /// The id of a check: what it begins with is the program's own word, although a host may be called the same.
    fn check(&mut self, id: &str) -> String {
        match id.split_once('/').map_or((id, None), |(head, rest)| (head, Some(rest))) {
            (head, rest) if self.identifiers.contains(head) => {
                let rest = rest.map(|rest| format!("/{}", self.text(rest, Holds::Host))).unwrap_or_default();
                format!("{head}{rest}")
            }
            _ => self.text(id, Holds::Anything),
        }
    }

    /// How much the thing at the beginning of `rest` takes, and its token; no token where it stays.
    fn one(&mut self, rest: &str, head: &str, holds: Holds) -> Option<(usize, Option<String>)> {
        let before = head.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric()) && rest.starts_with(names::in_word) {
            return None;
        }
        if let Some((len, found)) = addresses::at(rest, before).filter(|_| self.addresses_go()) {
            let token = match found {
                Found::Hardware(address) => self.tokens.name(Kind::Hardware, &address),
                Found::Ip(address) if holds == Holds::Software && !self.tokens.knows_address(address) => {
                    return Some((len, None));
                }
                Found::Ip(address) => self.tokens.address(address).to_string(),
            };
            return Some((len, Some(token)));
        }
        if let Some(found) = self.phrase(rest, before) {
            return Some(found);
        }
        let word = rest.split(|c| !names::in_word(c)).next().filter(|w| !w.is_empty())?;
        let inner = word.trim_start_matches(['.', '-', '_']);
        if inner.len() < word.len() {
            return Some((word.len() - inner.len(), None));
        }
        let word = word.trim_end_matches(['.', '-', '_']);
        let at_host =
            |r: &str| r.strip_prefix('@').is_some_and(|r| r.starts_with(|c: char| c.is_alphanumeric() || c == '['));
        let is_user = rest.get(word.len()..).is_some_and(at_host) || HOMES.iter().any(|home| head.ends_with(home));
        Some((word.len(), self.word(word, is_user)))
    }

    fn word(&mut self, word: &str, is_user: bool) -> Option<String> {
        // Whoever calls a host as a role is called has it hidden in sentences, too.
        let is_own = self.identifiers.contains(word) && !(self.names_go() && self.tokens.known(word).is_some());
        if is_own || self.keep.contains(&word.to_lowercase()) || self.is_token(word) {
            return None;
        }
        if crate::model::masked::Token::read(word).is_some() {
            return None;
        }
        if self.names_go() {
            if let Some(token) = self.tokens.known(word) {
                return Some(token.to_owned());
            }
            if is_user {
                return Some(self.tokens.name(Kind::User, word));
            }
            if names::is_domain(word) || self.in_domain(word) {
                return Some(self.tokens.name(Kind::Host, word));
            }
        }
        self.within(word)
    }

    /// A domain of a known host, or a host of one.
    fn in_domain(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        let mut rest = lower.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            if self.domains.contains(rest) {
                return true;
            }
            rest = parent;
        }
        false
    }

    /// A word with the addresses in it replaced: `ip-10-0-0-5.ec2`, or a run of two.
    fn within(&mut self, word: &str) -> Option<String> {
        let (mut out, mut from) = (String::new(), 0);
        while let Some((range, address)) = addresses::hidden(word, from, |a| self.tokens.knows_address(a)) {
            out.push_str(word.get(from..range.start).unwrap_or_default());
            out.push_str(&self.tokens.address(address).to_string());
            from = range.end;
        }
        out.push_str(word.get(from..).unwrap_or_default());
        (from > 0 && self.addresses_go()).then_some(out)
    }

    /// The longest phrase that `rest` begins with, as a word of its own.
    fn phrase(&self, rest: &str, before: Option<char>) -> Option<(usize, Option<String>)> {
        let first = rest.chars().next()?;
        let word = |c: char| c.is_alphanumeric();
        if before.is_some_and(word) && word(first) {
            return None;
        }
        let fits = |phrase: &&String| {
            let after = rest.strip_prefix(phrase.as_str()).and_then(|r| r.chars().next());
            rest.starts_with(phrase.as_str()) && !(phrase.ends_with(word) && after.is_some_and(word))
        };
        let longest = self.phrases.get(&first)?.iter().filter(fits).max_by_key(|p| p.len())?;
        Some((longest.len(), self.tokens.known(longest).map(str::to_owned)))
    }

    /// A distinguished name: its keys, the country and names that everybody knows stay.
    fn holder(&mut self, name: &str) -> String {
        let parts = names::attributes(name).into_iter().map(|(key, value)| {
            let stays = names::is_public(key, value) || self.is_token(value);
            let host = names::host(value);
            let token = match () {
                () if stays => value.to_owned(),
                () if host.parse::<std::net::IpAddr>().is_ok() => self.text(value, Holds::Anything),
                () if names::is_domain(host) || self.tokens.known(host).is_some() => self.text(value, Holds::Anything),
                () => self.tokens.name(Kind::Name, value),
            };
            if key.is_empty() { token } else { format!("{key}={token}") }
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}
