//! Chance, from the operating system: bytes that a peer cannot guess, and the seeds of everything that is repeatable.

use ring::agreement::{Algorithm, ECDH_P256, ECDH_P384, EphemeralPrivateKey};
use ring::rand::{SecureRandom, SystemRandom};

/// `N` bytes of the operating system's randomness; zeros where it has none, which makes an answer easier to forge and
/// breaks nothing else.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    let _ = SystemRandom::new().fill(&mut out);
    out
}

/// A public value of a group of IKE's key exchange (RFC 7296 section 3.3.2, by its number), whose secret nobody keeps;
/// `None` for a group that is not known here. Of the MODP groups (RFC 2409, RFC 3526) random bytes are one: they are below
/// the prime, whose first eight bytes are all ones.
pub fn public_value(group: u16) -> Option<Vec<u8>> {
    let random = |len: usize| bytes::<512>().get(..len).map(<[u8]>::to_vec);
    match group {
        2 => random(128),
        14 => random(256),
        15 => random(384),
        16 => random(512),
        // Any 32 bytes are a public value of Curve25519 (RFC 7748 section 5).
        31 => random(32),
        19 => on_curve(&ECDH_P256),
        20 => on_curve(&ECDH_P384),
        _ => None,
    }
}

/// Without the byte that says that it is not compressed (RFC 5903 section 7).
fn on_curve(curve: &'static Algorithm) -> Option<Vec<u8>> {
    let private = EphemeralPrivateKey::generate(curve, &SystemRandom::new()).ok()?;
    private.compute_public_key().ok()?.as_ref().get(1..).map(<[u8]>::to_vec)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_values_have_the_length_of_their_group() {
        let lengths = [2, 14, 15, 16, 19, 20, 31, 21].map(|group| public_value(group).map(|v| v.len()));
        assert_eq!(lengths, [128, 256, 384, 512, 64, 96, 32, 0].map(|n| Some(n).filter(|n| *n > 0)));
    }
}
