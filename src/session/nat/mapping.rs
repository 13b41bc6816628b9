//! From the addresses that servers saw to the kind of mapping (RFC 5780 section 4.3). Knows no time.

use std::net::SocketAddr;

use super::Kind;

/// What can be said of how one socket was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    Known(Kind),
    /// It depends on the destination, and there is nothing to tell whether on its address alone.
    Varies,
    /// It is translated, alike towards everything that answered, which is all at one address.
    OneAddress,
    /// Translated towards some and not towards others.
    Partly,
    /// No server told an address, or the own one is not known.
    Nothing,
}

/// How a socket on `local` is mapped that was `seen` by servers: each by its address, with the socket's as it saw it.
pub fn infer(local: Option<SocketAddr>, seen: &[(SocketAddr, SocketAddr)]) -> Mapping {
    let (Some(local), Some((_, first))) = (local, seen.first()) else { return Mapping::Nothing };
    let own = seen.iter().filter(|(_, mapped)| *mapped == local).count();
    let one_address = |a: &SocketAddr, b: &SocketAddr| a.ip() == b.ip();
    let pairs = || {
        let each = seen.iter().enumerate();
        each.flat_map(|(i, a)| seen.iter().skip(i + 1).map(move |b| (a, b)))
    };
    if own > 0 {
        return if own == seen.len() { Mapping::Known(Kind::None) } else { Mapping::Partly };
    }
    if seen.iter().all(|(_, mapped)| mapped == first) {
        let many = pairs().any(|((a, _), (b, _))| !one_address(a, b));
        return if many { Mapping::Known(Kind::EndpointIndependent) } else { Mapping::OneAddress };
    }
    let of_one_address = || pairs().filter(|((a, _), (b, _))| one_address(a, b) && a != b);
    match (of_one_address().next(), of_one_address().all(|((_, a), (_, b))| a == b)) {
        (None, _) => Mapping::Varies,
        (Some(_), true) => Mapping::Known(Kind::AddressDependent),
        (Some(_), false) => Mapping::Known(Kind::AddressAndPortDependent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "192.168.1.2:5000";

    fn of(seen: &[(&str, &str)]) -> Mapping {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let seen: Vec<_> = seen.iter().map(|(server, mapped)| (at(server), at(mapped))).collect();
        infer(Some(at(LOCAL)), &seen)
    }

    #[test]
    fn the_tests_of_rfc_5780_tell_the_kinds_apart() {
        let (a, b, c, d) = ("198.51.100.1:3478", "198.51.100.2:3478", "198.51.100.2:3479", "198.51.100.1:3479");
        let (x, y, z) = ("203.0.113.1:1", "203.0.113.1:2", "203.0.113.1:3");
        assert_eq!(of(&[(a, LOCAL), (b, LOCAL), (c, LOCAL)]), Mapping::Known(Kind::None));
        assert_eq!(of(&[(a, x), (b, x), (c, x), (d, x)]), Mapping::Known(Kind::EndpointIndependent));
        assert_eq!(of(&[(a, x), (b, y), (c, y)]), Mapping::Known(Kind::AddressDependent));
        assert_eq!(of(&[(a, x), (b, y), (c, y), (d, x)]), Mapping::Known(Kind::AddressDependent));
        assert_eq!(of(&[(a, x), (b, y), (c, z)]), Mapping::Known(Kind::AddressAndPortDependent));
        assert_eq!(of(&[(a, x), (b, x), (c, y)]), Mapping::Known(Kind::AddressAndPortDependent));
        assert_eq!(of(&[(a, x), (b, y), (c, y), (d, z)]), Mapping::Known(Kind::AddressAndPortDependent));
        assert_eq!(of(&[(a, x), (b, "203.0.113.2:1")]), Mapping::Varies, "another address of the NAT's pool");
    }

    #[test]
    fn too_little_is_no_kind() {
        let (a, d, x) = ("198.51.100.1:3478", "198.51.100.1:3479", "203.0.113.1:1");
        assert_eq!(of(&[]), Mapping::Nothing);
        assert_eq!(of(&[(a, x)]), Mapping::OneAddress);
        assert_eq!(of(&[(a, x), (d, x)]), Mapping::OneAddress);
        assert_eq!(of(&[(a, x), (d, "203.0.113.1:2")]), Mapping::Known(Kind::AddressAndPortDependent));
        assert_eq!(of(&[(a, x), ("198.51.100.2:3478", "203.0.113.1:2")]), Mapping::Varies);
        assert_eq!(of(&[(a, x), ("198.51.100.2:3478", LOCAL)]), Mapping::Partly);
        assert_eq!(of(&[(a, LOCAL)]), Mapping::Known(Kind::None));
        assert_eq!(infer(None, &[(a.parse().unwrap(), x.parse().unwrap())]), Mapping::Nothing);
    }
}
