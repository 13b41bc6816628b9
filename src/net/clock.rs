//! The one place that asks for the time and for randomness; everything below is handed both.

use std::time::Instant;

/// Now, by the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
pub fn now() -> Instant {
    Instant::now()
}

/// 128 random bits of the operating system; `None` where it has none to give.
pub fn random_seed() -> Option<u128> {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    Some(u128::from_ne_bytes(bytes))
}
