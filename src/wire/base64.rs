//! Base64 with the standard alphabet and padding (RFC 4648 section 4), as Basic credentials and REST passwords have it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `bytes` in base64; four characters for every three bytes begun.
pub fn base64(bytes: &[u8]) -> String {
    bytes.chunks(3).flat_map(group).collect()
}

/// The characters of one to three bytes.
fn group(bytes: &[u8]) -> [char; 4] {
    let byte = |n: usize| u32::from(bytes.get(n).copied().unwrap_or(0));
    let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    std::array::from_fn(|n| match n <= bytes.len() {
        true => ALPHABET.get((bits >> (18 - 6 * n)) as usize & 63).copied().map_or('=', char::from),
        false => '=',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_section_10() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn every_digit_of_the_alphabet() {
        let all: Vec<u8> = (0..64u8).collect();
        let packed: Vec<u8> =
            all.chunks(4).flat_map(|d| [d[0] << 2 | d[1] >> 4, d[1] << 4 | d[2] >> 2, d[2] << 6 | d[3]]).collect();
        assert_eq!(base64(&packed).as_bytes(), ALPHABET);
    }
}
