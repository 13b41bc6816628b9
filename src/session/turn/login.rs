//! Credentials and what the server told of its realm and nonce.

use super::Login;
use crate::wire::turn::{Auth, Key, Reply, Unwritable};

/// The first realm, and another one once: who names a third means something else.
const MOST_REALMS: u8 = 2;

/// The state of the long-term mechanism (RFC 8489 section 9.2).
pub(super) struct Credentials {
    login: Option<Login>,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: Option<Key>,
    /// The server has accepted them once.
    pub proved: bool,
    /// Realms that there were.
    realms: u8,
}

/// Realm and nonce that a request was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    realm: Vec<u8>,
    nonce: Vec<u8>,
}

/// What a 401 or 438 told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Another realm than the request had.
    NewRealm,
    /// The same realm, another nonce than the request had.
    NewNonce,
    /// Nothing that was not known.
    Nothing,
}

impl Credentials {
    pub fn new(login: Option<Login>) -> Self {
        Self { login, realm: Vec::new(), nonce: Vec::new(), key: None, proved: false, realms: 0 }
    }

    /// There are any.
    pub fn given(&self) -> bool {
        self.login.is_some()
    }

    /// What requests are signed with, once the server has told its realm.
    pub fn auth(&self) -> Option<Auth<'_>> {
        let (login, key) = (self.login.as_ref()?, self.key.as_ref()?);
        Some(Auth { username: &login.username, realm: &self.realm, nonce: &self.nonce, key })
    }

    /// What a request that is signed now is signed with.
    pub fn signed(&self) -> Option<Signed> {
        self.auth().map(|auth| Signed { realm: auth.realm.to_vec(), nonce: auth.nonce.to_vec() })
    }

    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Takes realm and nonce out of an error response to a request that was signed with `used`. `Err`: credentials and
    /// realm make no key.
    pub fn take(&mut self, reply: &Reply, used: Option<&Signed>) -> Result<Told, Unwritable> {
        let Some(login) = &self.login else { return Ok(Told::Nothing) };
        if let Some(realm) = reply.realm.as_ref().filter(|realm| **realm != self.realm || self.key.is_none()) {
            if self.realms >= MOST_REALMS {
                return Ok(Told::Nothing);
            }
            self.key = Some(Key::long_term(&login.username, realm, login.password.expose())?);
            self.realm.clone_from(realm);
            self.realms += 1;
        }
        if let Some(nonce) = &reply.nonce {
            self.nonce.clone_from(nonce);
        }
        Ok(match used {
            Some(used) if used.realm == self.realm && used.nonce == self.nonce => Told::Nothing,
            Some(used) if used.realm == self.realm => Told::NewNonce,
            _ => Told::NewRealm,
        })
    }
}
