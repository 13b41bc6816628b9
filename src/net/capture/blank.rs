//! Leaves out of a packet what a relay's password could be guessed from: the integrity of a STUN message is a keyed hash
//! whose key is made of user, realm and password, and the first two stand beside it (RFC 8489 section 9.2.2). Knows bytes
//! alone.

use crate::wire::stun::{COOKIE, attr};

/// Type and length come before the magic cookie, in a header of so many bytes (RFC 8489 section 5).
const BEFORE_COOKIE: usize = 4;
const HEADER: usize = 20;

const INTEGRITY: [u16; 2] = [attr::MESSAGE_INTEGRITY, attr::MESSAGE_INTEGRITY_SHA256];

/// Makes the integrity of every STUN message in a packet zeros, wherever in it one begins: an ICMP error quotes some.
pub(super) fn integrity(packet: &mut [u8]) {
    let cookies = packet.windows(COOKIE.len()).enumerate().filter(|(_, bytes)| *bytes == COOKIE);
    let messages: Vec<usize> = cookies.filter_map(|(at, _)| at.checked_sub(BEFORE_COOKIE)).collect();
    for begin in messages {
        of_message(packet.get_mut(begin..).unwrap_or_default());
    }
}

fn of_message(message: &mut [u8]) {
    let mut rest = message.get_mut(HEADER..).unwrap_or_default();
    while let Some((&mut [k0, k1, l0, l1], after)) = std::mem::take(&mut rest).split_first_chunk_mut() {
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        // A quote may end within the value.
        let (value, _) = after.split_at_mut(length.min(after.len()));
        if INTEGRITY.contains(&u16::from_be_bytes([k0, k1])) {
            value.fill(0);
        }
        rest = after.get_mut(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// USERNAME "u", MESSAGE-INTEGRITY of 7s, FINGERPRINT of 9s, behind what may stand before a message.
    fn packet(before: &[u8]) -> Vec<u8> {
        let header = [&[0, 3, 0, 40][..], &COOKIE, &[5; 12]].concat();
        let attributes =
            [&[0, 6, 0, 1, b'u', 0, 0, 0, 0, 8, 0, 20][..], &[7; 20], &[0x80, 0x28, 0, 4], &[9; 4]].concat();
        [before, &header, &attributes].concat()
    }

    #[test]
    fn the_integrity_is_zeros_and_the_rest_is_as_it_was() {
        for before in [&[][..], &[0x45; 28], &[3; 56]] {
            let mut seen = packet(before);
            integrity(&mut seen);
            let whole = packet(before);
            let at = before.len() + HEADER + 12;
            assert_eq!(seen[..at], whole[..at]);
            assert_eq!(seen[at..at + 20], [0; 20]);
            assert_eq!(seen[at + 20..], whole[at + 20..]);
            // The end of a quote.
            let mut cut = whole[..at + 5].to_vec();
            integrity(&mut cut);
            assert_eq!(cut[at..], [0; 5]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let length = bytes.len();
            if let Some(cookie) = bytes.get_mut(4..8) {
                cookie.copy_from_slice(&COOKIE);
            }
            integrity(&mut bytes);
            prop_assert_eq!(bytes.len(), length);
        }
    }
}
