//! The only sockets and the only clock. Classifies every error (errno first) into a [`Failure`](crate::model::Failure);
//! knows no profile, verdict or check.

pub mod abilities;
pub mod cert;
pub mod chance;
pub mod classify;
pub mod clock;
pub mod dns;
pub mod engine;
pub mod environment;
pub mod first;
pub mod flow;
pub mod gre;
pub mod hops;
pub mod host;
pub mod http;
pub mod ice;
pub mod icmp;
pub mod interfaces;
pub mod janus;
pub mod leg;
#[cfg(test)]
pub mod loopback;
pub mod mirror;
pub mod paced;
pub mod path_mtu;
pub mod proxy;
pub mod push;
pub mod reach;
pub mod resolve;
pub mod several;
pub mod shim;
pub mod talk;
pub mod tcp;
mod thread;
pub mod ticks;
pub mod tls;
pub mod trace;
pub mod udp;
pub mod ws;

/// The key of a restricted responder; cannot be printed.
pub struct ResponderKey(Vec<u8>);

impl ResponderKey {
    /// Takes the key's bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for HMAC.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for ResponderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponderKey(..)")
    }
}
