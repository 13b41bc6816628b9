//! What a relayed session is to do, for whom and with which credentials.

use std::net::SocketAddr;

use crate::model::Secret;
use crate::model::schedule::Schedule;
use crate::wire::base64::base64;

/// Long-term credentials (RFC 8489 section 9.2), ready for use.
#[derive(Clone, Debug)]
pub struct Login {
    pub username: String,
    pub password: Secret,
    /// Worked out from a shared secret, for a time.
    pub rest: bool,
}

/// Credentials that a server with the same shared secret accepts until `expiry`, seconds since 1970: the user name is
/// `expiry:user`, or `expiry` alone where `user` is empty, the password its HMAC-SHA1 under the secret in base64
/// (draft-uberti-behave-turn-rest-00 section 2.2).
pub fn rest(secret: &Secret, user: &str, expiry: u64) -> Login {
    let username = if user.is_empty() { expiry.to_string() } else { format!("{expiry}:{user}") };
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose().as_bytes());
    let password = base64(ring::hmac::sign(&key, username.as_bytes()).as_ref());
    Login { username, password: Secret::new(password), rest: true }
}

/// Whom the relay passes data to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The own relayed address: data go to the relay, to the relay's own port, and back. Needs nobody else, and proves
    /// that the relay relays.
    Itself,
    Address(SocketAddr),
}

/// How the relay is asked.
#[derive(Clone, Debug)]
pub struct TurnPlan {
    pub server: SocketAddr,
    /// TCP or TLS: nothing is sent twice.
    pub stream: bool,
    /// `None`: a server that asks for credentials is not gone on with.
    pub login: Option<Login>,
    pub peer: Peer,
    /// An IPv6 address is asked for on the relay.
    pub relay_v6: bool,
    /// Of each request over datagrams; over a stream its whole time is waited for the answer.
    pub schedule: Schedule,
    /// Makes transaction ids; from a source nobody can guess.
    pub secret: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_credentials_are_those_that_coturn_computes() {
        // openssl: printf '1700000000:alice' | openssl dgst -sha1 -hmac north -binary | base64
        let login = rest(&Secret::new("north"), "alice", 1_700_000_000);
        assert_eq!(login.username, "1700000000:alice");
        assert_eq!(login.password.expose(), "Cd/49soE35ICqcJF/bCTn8Z4OyE=");
        assert_eq!(rest(&Secret::new("north"), "", 17).username, "17");
        assert!(login.rest && !format!("{login:?}").contains(login.password.expose()));
    }
}
