//! The `Authorization` header of HTTP's Basic authentication (RFC 7617): who asks, and with which password. Verifies
//! nothing.

use crate::model::Secret;

/// Bytes of the header that are read.
const LONGEST: usize = 1024;

/// User and password; `None` for everything that is neither.
pub fn credentials(header: &str) -> Option<(String, Secret)> {
    if header.len() > LONGEST {
        return None;
    }
    let (scheme, coded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(decoded(coded.trim().as_bytes())?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), Secret::new(password)))
}

/// Base64 (RFC 4648 section 4), with its padding or without.
fn decoded(coded: &[u8]) -> Option<Vec<u8>> {
    let padding = coded.iter().rev().take_while(|b| **b == b'=').count();
    let digits = coded.get(..coded.len() - padding)?;
    if padding > 2 || (padding > 0 && coded.len() % 4 != 0) || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len());
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for n in 0..4 {
            bits = bits << 6 | group.get(n).map_or(Some(0), |b| value(*b))?;
        }
        let [_, all @ ..] = bits.to_be_bytes();
        bytes.extend(all.iter().take(group.len() - 1));
    }
    Some(bytes)
}

fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Option<(String, String)> {
        credentials(header).map(|(user, password)| (user, password.expose().to_owned()))
    }

    #[test]
    fn the_vector_of_rfc_7617_and_colons_in_passwords() {
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Some(("Aladdin".into(), "open sesame".into())));
        assert_eq!(read("bAsIc QWxhZGRpbjpvcGVuIHNlc2FtZQ"), Some(("Aladdin".into(), "open sesame".into())));
        assert_eq!(read("Basic YTpiOmM="), Some(("a".into(), "b:c".into())));
        assert_eq!(read("Basic Og=="), Some((String::new(), String::new())));
    }

    #[test]
    fn what_is_no_login_is_none() {
        for header in [
            "",
            "Basic",
            "Basic ",
            "Bearer YTpi",
            "Basic YWI=",
            "Basic !!!!",
            "Basic YTpi=",
            "Basic Y",
            "Basic ====",
            "Basic /////zo=",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
        assert_eq!(read(&format!("Basic {}", "YTpi".repeat(300))), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_coded_is_decoded(bytes: Vec<u8>) {
            // Coded by the definition, a bit at a time.
            let bit = |n: usize| bytes.get(n / 8).map_or(0, |b| b >> (7 - n % 8) & 1);
            let digit = |n: usize| (0..6).fold(0, |d, k| d << 1 | bit(6 * n + k));
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let coded: Vec<u8> = (0..(bytes.len() * 8).div_ceil(6)).map(|n| alphabet[usize::from(digit(n))]).collect();
            proptest::prop_assert_eq!(decoded(&coded), Some(bytes));
        }

        #[test]
        fn any_header_is_read_without_harm(header in "\\PC{0,80}|Basic [A-Za-z0-9+/=]{0,80}") {
            let _ = credentials(&header);
        }
    }
}
