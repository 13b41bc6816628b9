//! What proves that a client receives where it sends from: a keyed hash of its token, address and port. Nothing is kept
//! for a source until it has shown it.

use std::net::{IpAddr, SocketAddr};

/// Makes and checks cookies.
pub struct Baker(ring::hmac::Key);

impl Baker {
    /// `secret` must be random and unknown to everyone else.
    pub fn new(secret: u128) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret.to_be_bytes()))
    }

    /// The cookie of whoever sends from `source` with `token`; never 0.
    pub fn cookie(&self, token: u64, source: SocketAddr) -> u64 {
        let mut context = ring::hmac::Context::with_key(&self.0);
        context.update(&token.to_be_bytes());
        match source.ip().to_canonical() {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        context.update(&source.port().to_be_bytes());
        let tag = context.sign();
        let first = tag.as_ref().first_chunk::<8>().map_or(1, |b| u64::from_be_bytes(*b));
        first.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_one_token_and_one_source() {
        let at = |s: &str| s.parse().unwrap();
        let baker = Baker::new(7);
        let own = baker.cookie(1, at("192.0.2.1:1000"));
        assert_eq!(own, baker.cookie(1, at("[::ffff:192.0.2.1]:1000")));
        for (token, source) in [(2, "192.0.2.1:1000"), (1, "192.0.2.2:1000"), (1, "192.0.2.1:1001"), (1, "[::1]:1000")]
        {
            assert_ne!(own, baker.cookie(token, at(source)));
        }
        assert_ne!(own, Baker::new(8).cookie(1, at("192.0.2.1:1000")));
    }
}
