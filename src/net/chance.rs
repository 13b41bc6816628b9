//! Bytes that a peer cannot guess: DNS ids and WebSocket ping payloads. Sampling is seeded and does not come from here.

use ring::rand::{SecureRandom, SystemRandom};

/// `N` bytes of the operating system's randomness; zeros where it has none, which makes an answer easier to forge and
/// breaks nothing else.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    let _ = SystemRandom::new().fill(&mut out);
    out
}
