//! SOCKS5 as a client speaks it: the methods of login, user name and password (RFC 1929), CONNECT and its reply
//! (RFC 1928). No time, no sockets; never panics, and takes no more than a reply can be long.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest message of a server, in bytes: a reply with a name (RFC 1928 section 6).
pub const LONGEST: usize = 4 + 1 + 255 + 2;

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// No login (RFC 1928 section 3).
pub const NO_LOGIN: u8 = 0;
/// User name and password.
pub const PASSWORD: u8 = 2;
/// None of the methods that were offered.
pub const NONE_FITS: u8 = 0xff;

/// What became of the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// So many bytes at the least are still to come.
    More(usize),
    Done(T),
    /// It is not SOCKS5.
    Garbage,
}

/// The methods that the client can, `PASSWORD` among them where it has one.
pub fn greeting(has_login: bool) -> Vec<u8> {
    match has_login {
        true => vec![VERSION, 2, NO_LOGIN, PASSWORD],
        false => vec![VERSION, 1, NO_LOGIN],
    }
}

/// The method that the server chose.
pub fn method(bytes: &[u8]) -> Read<u8> {
    match bytes {
        [] => Read::More(2),
        [VERSION] => Read::More(1),
        [VERSION, method] => Read::Done(*method),
        _ => Read::Garbage,
    }
}

/// User name and password (RFC 1929 section 2); `None` where one is empty or longer than 255 bytes.
pub fn login(user: &str, password: &str) -> Option<Vec<u8>> {
    let field = |text: &str| {
        let len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
        Some([&[len], text.as_bytes()].concat())
    };
    Some([vec![LOGIN_VERSION], field(user)?, field(password)?].concat())
}

/// Whether the login was accepted. Some servers give the version of SOCKS in the place of the login's.
pub fn login_answer(bytes: &[u8]) -> Read<bool> {
    match bytes {
        [] => Read::More(2),
        [LOGIN_VERSION | VERSION] => Read::More(1),
        [LOGIN_VERSION | VERSION, status] => Read::Done(*status == 0),
        _ => Read::Garbage,
    }
}

/// CONNECT to an address, or to a name that the proxy is to look up; `None` for a name that is empty or too long.
pub fn connect(host: &str, port: u16) -> Option<Vec<u8>> {
    let mut message = vec![VERSION, CONNECT, 0];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            message.push(V4);
            message.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            message.push(V6);
            message.extend(address.octets());
        }
        Err(_) => {
            message.extend([NAME, u8::try_from(host.len()).ok().filter(|len| *len > 0)?]);
            message.extend(host.as_bytes());
        }
    }
    message.extend(port.to_be_bytes());
    Some(message)
}

/// The reply to CONNECT: its code, 0 for success. The address that the proxy connected from is read and left.
pub fn reply(bytes: &[u8]) -> Read<u8> {
    let (code, kind, rest) = match bytes {
        [VERSION, code, _, kind, rest @ ..] => (*code, *kind, rest),
        [] => return Read::More(4),
        [VERSION, ..] => return Read::More(4 - bytes.len()),
        _ => return Read::Garbage,
    };
    let address = match (kind, rest.first()) {
        (V4, _) => size_of::<Ipv4Addr>(),
        (V6, _) => size_of::<Ipv6Addr>(),
        (NAME, Some(len)) => 1 + usize::from(*len),
        (NAME, None) => return Read::More(1),
        // A refusal often has no address at all.
        _ if code != 0 => return Read::Done(code),
        _ => return Read::Garbage,
    };
    match (address + 2).checked_sub(rest.len()) {
        Some(0) => Read::Done(code),
        Some(missing) => Read::More(missing),
        None => Read::Garbage,
    }
}

/// A reply's meaning in words (RFC 1928 section 6).
pub fn reply_name(code: u8) -> &'static str {
    match code {
        0 => "succeeded",
        1 => "general failure",
        2 => "connection not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "an unknown reply",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_those_of_the_rfc() {
        assert_eq!(greeting(false), [5, 1, 0]);
        assert_eq!(greeting(true), [5, 2, 0, 2]);
        assert_eq!(login("ab", "c").unwrap(), [1, 2, b'a', b'b', 1, b'c']);
        assert_eq!(login("", "c"), None);
        assert_eq!(login(&"u".repeat(256), "c"), None);
        assert_eq!(connect("192.0.2.1", 443).unwrap(), [5, 1, 0, 1, 192, 0, 2, 1, 1, 187]);
        assert_eq!(connect("a.b", 80).unwrap(), [5, 1, 0, 3, 3, b'a', b'.', b'b', 0, 80]);
        assert_eq!(connect("2001:db8::1", 1).unwrap().len(), 4 + 16 + 2);
        assert_eq!(connect(&"n".repeat(256), 1), None);
    }

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        assert_eq!(method(&[5]), Read::More(1));
        assert_eq!(method(&[5, NONE_FITS]), Read::Done(NONE_FITS));
        assert_eq!(method(b"HT"), Read::Garbage);
        assert_eq!(login_answer(&[1, 0]), Read::Done(true));
        assert_eq!(login_answer(&[5, 1]), Read::Done(false));
        let whole = [5, 0, 0, 1, 192, 0, 2, 9, 0, 80];
        assert_eq!(reply(&whole), Read::Done(0));
        assert_eq!(reply(&whole[..7]), Read::More(3));
        assert_eq!(reply(&whole[..2]), Read::More(2));
        assert_eq!(reply(&[5, 0, 0, 3, 1, b'a', 0, 80]), Read::Done(0));
        assert_eq!(reply(&[5, 0, 0, 3]), Read::More(1));
        assert_eq!(reply(&[5, 2, 0, 0]), Read::Done(2));
        assert_eq!(reply(&[5, 0, 0, 9]), Read::Garbage);
        assert_eq!(reply(b"HTTP/1.1"), Read::Garbage);
        assert_eq!(reply_name(2), "connection not allowed by its rules");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_within_the_bound(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for read in [reply(&bytes), method(&bytes)] {
                if let Read::More(missing) = read {
                    prop_assert!(missing > 0 && bytes.len() + missing <= LONGEST);
                }
            }
            let _ = login_answer(&bytes);
        }

        #[test]
        fn asking_for_what_is_missing_comes_to_an_end(bytes in prop::collection::vec(any::<u8>(), LONGEST..=LONGEST)) {
            let mut taken = 0;
            while let Read::More(missing) = reply(&bytes[..taken]) {
                taken += missing;
                prop_assert!(taken <= LONGEST);
            }
        }
    }
}
