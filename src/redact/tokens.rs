//! Which token stands for what: the same for the same thing for as long as the table lives.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::model::masked::{Scope, Token};

/// What a name is of; the word before its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Host,
    User,
    /// Whom a certificate is for, a realm.
    Name,
    Hardware,
    Interface,
    Fingerprint,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Host, Kind::User, Kind::Name, Kind::Hardware, Kind::Interface, Kind::Fingerprint];

    fn word(self) -> &'static str {
        match self {
            Kind::Host => "host",
            Kind::User => "user",
            Kind::Name => "name",
            Kind::Hardware => "mac",
            Kind::Interface => "interface",
            Kind::Fingerprint => "fingerprint",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Tokens {
    addresses: HashMap<IpAddr, Token>,
    last_address: BTreeMap<(Scope, bool), u16>,
    names: HashMap<String, String>,
    last_name: BTreeMap<Kind, u32>,
}

impl Tokens {
    /// The token of an address, a new one where it has none. The 65,535th of a kind and all after it share one.
    pub(super) fn address(&mut self, address: IpAddr) -> Token {
        let address = address.to_canonical();
        if let Some(token) = Token::carried_by(address) {
            return token;
        }
        let (scope, is_v4) = (Scope::of(address), address.is_ipv4());
        let last = self.last_address.entry((scope, is_v4)).or_default();
        *self.addresses.entry(address).or_insert_with(|| {
            *last = last.saturating_add(1);
            Token { scope, is_v4, number: *last }
        })
    }

    pub(super) fn knows_address(&self, address: IpAddr) -> bool {
        self.addresses.contains_key(&address.to_canonical())
    }

    /// The token of a name, a new one where it has none.
    pub(super) fn name(&mut self, kind: Kind, name: &str) -> String {
        let last = self.last_name.entry(kind).or_default();
        let new = || {
            *last = last.saturating_add(1);
            format!("{}-{last}", kind.word())
        };
        self.names.entry(name.to_lowercase()).or_insert_with(new).clone()
    }

    /// The token of a name that has one.
    pub(super) fn known(&self, name: &str) -> Option<&str> {
        self.names.get(&name.to_lowercase()).map(String::as_str)
    }

    /// Never gives the number of a token that an earlier redaction left; whether `word` is one.
    pub(super) fn pass_over(&mut self, word: &str) -> bool {
        if let Some(token) = Token::read(word) {
            let last = self.last_address.entry((token.scope, token.is_v4)).or_default();
            *last = (*last).max(token.number);
            return true;
        }
        let Some((kind, number)) = named(word) else { return false };
        let last = self.last_name.entry(kind).or_default();
        *last = (*last).max(number);
        true
    }
}

/// Kind and number of a token for a name.
pub(super) fn named(word: &str) -> Option<(Kind, u32)> {
    let (kind, digits) = word.rsplit_once('-')?;
    let kind = Kind::ALL.into_iter().find(|k| k.word() == kind)?;
    Some((kind, digits.parse().ok().filter(|n: &u32| n.to_string() == digits)?))
}
