//! Addresses in running text: IPv4, IPv6 in every spelling (with brackets, ports and zones around), hardware addresses,
//! names of reverse look-ups.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Ip(IpAddr),
    /// As it was written, in lower case.
    Hardware(String),
}

/// An address that begins at the first byte of `text`, and its length; `before` is the character in front of it.
pub(super) fn at(text: &str, before: Option<char>) -> Option<(usize, Found)> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let after = |len: usize| text.get(len..).and_then(|rest| rest.chars().next());
    hardware(text)
        .or_else(|| six(text))
        .or_else(|| reverse(text))
        .or_else(|| if matches!(before, Some('.')) { None } else { four(text) })
        .filter(|(len, _)| !after(*len).is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

/// No address is longer, however it is written.
const LONGEST: usize = 80;

/// The longest beginning of ASCII that `takes`, up to more than an address has.
fn run(text: &str, takes: impl Fn(u8) -> bool) -> &str {
    let len = text.bytes().take(LONGEST).take_while(|b| takes(*b)).count();
    text.get(..len).unwrap_or_default()
}

fn six(text: &str) -> Option<(usize, Found)> {
    let whole = run(text, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    if whole.matches(':').count() < 2 {
        return None;
    }
    let single = whole.trim_end_matches('.');
    // A colon may end the clause after the address.
    let forms = [single, single.strip_suffix(':').unwrap_or(single)];
    let address = |form: &str| form.parse::<Ipv6Addr>().ok().filter(|a| !a.is_unspecified());
    forms.into_iter().find_map(|form| Some((form.len(), Found::Ip(IpAddr::V6(address(form)?).to_canonical()))))
}

/// Four numbers and no fifth: object identifiers and longer versions have more.
fn four(text: &str) -> Option<(usize, Found)> {
    let whole = run(text, |b| b.is_ascii_digit() || b == b'.').trim_end_matches('.');
    whole.parse::<Ipv4Addr>().ok().filter(|a| !a.is_unspecified()).map(|a| (whole.len(), Found::Ip(a.into())))
}

/// `00:00:5e:00:53:01` or with hyphens, or `0000.5e00.5301`.
fn hardware(text: &str) -> Option<(usize, Found)> {
    pairs(text).or_else(|| fours(text))
}

fn fours(text: &str) -> Option<(usize, Found)> {
    let whole = run(text, |b| b.is_ascii_hexdigit() || b == b'.').trim_end_matches('.');
    let is_four = |part: &str| part.len() == 4 && !part.contains('.');
    let is_one = whole.len() == 14 && whole.split('.').count() == 3 && whole.split('.').all(is_four);
    let pairs = || whole.replace('.', "").to_lowercase();
    is_one.then(|| (14, Found::Hardware(in_pairs(&pairs(), ':'))))
}

/// Twelve digits as they are mostly written.
fn in_pairs(digits: &str, sign: char) -> String {
    let with_sign = |(n, c): (usize, char)| (n > 0 && n % 2 == 0).then_some(sign).into_iter().chain([c]);
    digits.chars().enumerate().flat_map(with_sign).collect()
}

fn pairs(text: &str) -> Option<(usize, Found)> {
    let whole = run(text, |b| b.is_ascii_hexdigit() || b == b':' || b == b'-');
    let is_one = |sign: char| {
        let pairs: Vec<&str> = whole.trim_end_matches(sign).split(sign).collect();
        pairs.len() == 6 && pairs.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    [':', '-'].into_iter().any(is_one).then(|| (17, Found::Hardware(whole.get(..17).unwrap_or(whole).to_lowercase())))
}

/// `1.2.0.192.in-addr.arpa`, and `ip6.arpa` of 32 nibbles (RFC 1035 section 3.5, RFC 3596 section 2.5).
fn reverse(text: &str) -> Option<(usize, Found)> {
    let lower = run(text, |b| b.is_ascii_alphanumeric() || b".-".contains(&b)).to_ascii_lowercase();
    if let Some((head, _)) = lower.split_once(".in-addr.arpa") {
        let parts: Vec<&str> = head.rsplit('.').collect();
        let address: Ipv4Addr = parts.join(".").parse().ok()?;
        return Some((head.len() + ".in-addr.arpa".len(), Found::Ip(address.into())));
    }
    let (head, _) = lower.split_once(".ip6.arpa")?;
    let nibbles: String = head.rsplit('.').collect();
    let is_whole = nibbles.len() == 32 && head.len() == 63;
    let bits = u128::from_str_radix(&nibbles, 16).ok().filter(|_| is_whole)?;
    Some((head.len() + ".ip6.arpa".len(), Found::Ip(IpAddr::V6(bits.into()).to_canonical())))
}

/// Where `word` has an IPv4 address that `knows` inside: after letters, with hyphens for dots, before a fifth number.
pub(super) fn hidden(word: &str, from: usize, knows: impl Fn(IpAddr) -> bool) -> Option<(Range<usize>, IpAddr)> {
    let digit = |n: usize| word.as_bytes().get(n).is_some_and(u8::is_ascii_digit);
    let starts = (from..word.len()).filter(|n| digit(*n) && !(*n > 0 && digit(n - 1)));
    for start in starts {
        for sign in ['.', '-'] {
            let rest = run(word.get(start..)?, |b| b.is_ascii_digit() || b == sign as u8);
            let parts: Vec<&str> = rest.split(sign).take(4).collect();
            let len = parts.iter().map(|p| p.len()).sum::<usize>() + 3;
            let address = parts.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::V4);
            let ends = !digit(start + len);
            if let Some(address) = address.filter(|a| ends && knows(*a)) {
                return Some((start..start + len, address));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_every_spelling() {
        for (text, len, found) in [
            ("192.0.2.1:443", 9, "192.0.2.1"),
            ("192.0.2.1.", 9, "192.0.2.1"),
            ("2001:DB8:0:0::1%eth0", 15, "2001:db8::1"),
            ("2001:db8::1: silent", 11, "2001:db8::1"),
            ("2001:db8::1]:443", 11, "2001:db8::1"),
            ("::ffff:192.0.2.1", 16, "192.0.2.1"),
            ("::1", 3, "::1"),
            ("1.2.0.192.in-addr.arpa.", 22, "192.0.2.1"),
        ] {
            assert_eq!(at(text, None), Some((len, Found::Ip(found.parse().unwrap()))), "{text}");
        }
        assert_eq!(at("00-00-5E-00-53-01.", None), Some((17, Found::Hardware("00-00-5e-00-53-01".to_owned()))));
        assert_eq!(at("0000.5E00.5301, x", None), Some((14, Found::Hardware("00:00:5e:00:53:01".to_owned()))));
        assert_eq!(at("0000.5e00.5301.0000", None), None);
        let six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(at(six, None), Some((six.len(), Found::Ip("2001:db8::1".parse().unwrap()))));
        for text in ["1.2.3", "1.3.6.1.5.5.7", "12:34:56", "192.0.2.1x", "0.0.0.0", "::", "256.1.1.1", "19099-20099"] {
            assert_eq!(at(text, None), None, "{text}");
        }
        assert_eq!(at("1.2.3.4", Some('v')), None);
    }

    #[test]
    fn a_known_address_is_found_inside_a_word() {
        let known: IpAddr = "192.0.2.1".parse().unwrap();
        for (word, range) in [("ip-192-0-2-1.example", 3..12), ("192.0.2.1.53", 0..9), ("x192.0.2.1", 1..10)] {
            assert_eq!(hidden(word, 0, |a| a == known), Some((range, known)), "{word}");
        }
        assert_eq!(hidden("192.0.2.11", 0, |a| a == known), None);
    }
}
