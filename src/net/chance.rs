//! Chance, from the operating system: bytes that a peer cannot guess, and the seeds of everything that is repeatable.

use ring::rand::{SecureRandom, SystemRandom};

/// `N` bytes of the operating system's randomness; zeros where it has none, which makes an answer easier to forge and
/// breaks nothing else.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    let _ = SystemRandom::new().fill(&mut out);
    out
}

/// A seed, where guessing it would do no harm: `--seed` repeats it. Of 32 bits, so that every JSON reader keeps it whole.
pub fn seed() -> u64 {
    u32::from_ne_bytes(bytes()).into()
}

/// A seed that must not be guessed; `None` where the operating system has none to give.
pub fn secret_seed() -> Option<u128> {
    let mut out = [0; 16];
    SystemRandom::new().fill(&mut out).ok()?;
    Some(u128::from_ne_bytes(out))
}
