//! The only sockets and the only clock. Classifies every error (errno first) into a [`Failure`](crate::model::Failure);
//! knows no profile, verdict or check.

pub mod clock;
pub mod icmp;
pub mod tls;
pub mod udp;

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
