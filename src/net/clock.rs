//! The clocks, and the one source of chance. Everyone else is given the time and a seed.

use std::time::Instant;

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time; its display is RFC 3339 in UTC.
#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub fn utc() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A time as `20261121T083000`, for ids and file names.
pub fn compact(time: &jiff::Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%S").to_string()
}

/// A seed from the operating system's randomness.
pub fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // RandomState is keyed by the operating system once a thread; the time tells two calls apart.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_i128(utc().as_nanosecond());
    hasher.finish()
}

/// Bytes that nobody can guess, for transaction ids; `None` where the operating system has none to give.
pub fn secret() -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).ok()?;
    Some(bytes)
}
