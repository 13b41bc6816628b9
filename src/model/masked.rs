//! Addresses that stand in for others in a redacted report: they keep family and kind (`private4-1`, `public6-2`) and
//! nothing else. A report's types have an [`IpAddr`] where such a token stands, so a token is carried as an address
//! that no host can have (RFC 1122 section 3.2.1.3: 0.0.0.0/8; RFC 4291 section 2.4: 0000::/8 is reserved) and is
//! written as its token everywhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first five groups of an IPv6 address that stands for a token: `rtc-check` in ASCII after a zero byte.
const PREFIX: [u16; 5] = [0x0072, 0x7463, 0x2d63, 0x6865, 0x636b];

/// Where an address belongs: what a reader of a redacted report may still know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Globally routed.
    Public,
    /// RFC 1918, RFC 4193.
    Private,
    /// Carrier-grade NAT, RFC 6598.
    Shared,
    /// 127.0.0.0/8 and ::1.
    Loopback,
    /// RFC 3927, RFC 4291.
    LinkLocal,
    /// RFC 5737, RFC 3849, RFC 9637.
    Documentation,
    /// RFC 2544, and whatever else is reserved.
    Reserved,
    /// To many.
    Multicast,
}

impl Scope {
    const ALL: [Scope; 8] = [
        Scope::Public,
        Scope::Private,
        Scope::Shared,
        Scope::Loopback,
        Scope::LinkLocal,
        Scope::Documentation,
        Scope::Reserved,
        Scope::Multicast,
    ];

    /// The scope of an address.
    pub fn of(address: IpAddr) -> Scope {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Scope::Public => "public",
            Scope::Private => "private",
            Scope::Shared => "shared",
            Scope::Loopback => "loopback",
            Scope::LinkLocal => "linklocal",
            Scope::Documentation => "documentation",
            Scope::Reserved => "reserved",
            Scope::Multicast => "multicast",
        }
    }
}

fn of_v4(v4: Ipv4Addr) -> Scope {
    let [a, b, ..] = v4.octets();
    match (a, b) {
        _ if v4.is_private() => Scope::Private,
        _ if v4.is_loopback() => Scope::Loopback,
        _ if v4.is_link_local() => Scope::LinkLocal,
        _ if v4.is_documentation() => Scope::Documentation,
        _ if v4.is_multicast() => Scope::Multicast,
        (100, 64..=127) => Scope::Shared,
        (0 | 240..=255, _) | (198, 18 | 19) => Scope::Reserved,
        _ => Scope::Public,
    }
}

fn of_v6(v6: Ipv6Addr) -> Scope {
    let [first, second, ..] = v6.segments();
    match first {
        _ if v6.is_loopback() => Scope::Loopback,
        _ if v6.is_multicast() => Scope::Multicast,
        0xfe80..=0xfebf => Scope::LinkLocal,
        0xfc00..=0xfdff => Scope::Private,
        0x3fff if second < 0x1000 => Scope::Documentation,
        0x2001 if second == 0xdb8 => Scope::Documentation,
        0x2000..=0x3fff | 0x0064 => Scope::Public,
        _ => Scope::Reserved,
    }
}

/// A token for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    pub scope: Scope,
    pub is_v4: bool,
    /// At least 1.
    pub number: u16,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let family = if self.is_v4 { '4' } else { '6' };
        f.pad(&format!("{}{family}-{}", self.scope.word(), self.number))
    }
}

impl Token {
    /// The token that `text` is.
    pub fn read(text: &str) -> Option<Token> {
        let (kind, digits) = text.split_once('-')?;
        let (word, is_v4) = match (kind.strip_suffix('4'), kind.strip_suffix('6')) {
            (Some(word), _) => (word, true),
            (None, word) => (word?, false),
        };
        let scope = Scope::ALL.into_iter().find(|s| s.word() == word)?;
        let number = digits.parse::<u16>().ok().filter(|n| *n > 0 && n.to_string() == digits)?;
        Some(Token { scope, is_v4, number })
    }

    /// The address that carries it.
    pub fn carried(self) -> IpAddr {
        let place = Scope::ALL.iter().position(|s| *s == self.scope).and_then(|n| u8::try_from(n + 1).ok());
        let (kind, [high, low]) = (place.unwrap_or(1), self.number.to_be_bytes());
        match self.is_v4 {
            true => Ipv4Addr::new(0, kind, high, low).into(),
            false => {
                let [a, b, c, d, e] = PREFIX;
                Ipv6Addr::new(a, b, c, d, e, 0, u16::from(kind), self.number).into()
            }
        }
    }

    /// The token that an address carries; none for an address that a host may have.
    pub fn carried_by(address: IpAddr) -> Option<Token> {
        let (is_v4, kind, number) = match address {
            IpAddr::V4(v4) => {
                let [zero, kind, high, low] = v4.octets();
                (true, (zero == 0).then_some(usize::from(kind))?, u16::from_be_bytes([high, low]))
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, zero, kind, number] = v6.segments();
                let ours = [a, b, c, d, e] == PREFIX && zero == 0;
                (false, ours.then_some(usize::from(kind))?, number)
            }
        };
        let scope = *Scope::ALL.get(kind.checked_sub(1)?)?;
        (number > 0).then_some(Token { scope, is_v4, number })
    }
}

/// The address as it is written in a report: itself, or the token that it carries.
pub fn shown(address: IpAddr) -> String {
    Token::carried_by(address).map_or_else(|| address.to_string(), |token| token.to_string())
}

/// Whether it needs brackets before a port.
pub fn needs_brackets(address: IpAddr) -> bool {
    address.is_ipv6() && Token::carried_by(address).is_none()
}

/// Serde of an `Option<IpAddr>` that may carry a token.
pub mod optional {
    use std::net::IpAddr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Token, shown};

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(address: &Option<IpAddr>, to: S) -> Result<S::Ok, S::Error> {
        address.map(shown).serialize(to)
    }

    /// # Errors
    /// What is neither null, an address nor a token.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IpAddr>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let token = Token::read(&text).map(Token::carried);
        let address = token.map_or_else(|| text.parse(), Ok);
        address.map(Some).map_err(|_| D::Error::custom(format!("`{text}` is no IP address")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_reads_back_from_its_text_and_from_its_address() {
        for scope in Scope::ALL {
            for (is_v4, number) in [(true, 1), (false, 7), (true, u16::MAX), (false, u16::MAX)] {
                let token = Token { scope, is_v4, number };
                assert_eq!(Token::read(&token.to_string()), Some(token));
                assert_eq!(Token::carried_by(token.carried()), Some(token));
                assert_eq!(token.carried().is_ipv4(), is_v4);
            }
        }
        for text in ["public4-0", "public4-01", "public5-1", "addr4-1", "public4", "private4-65536", ""] {
            assert_eq!(Token::read(text), None, "{text}");
        }
        for real in ["0.0.0.0", "192.0.2.1", "::", "::1", "2001:db8::1", "0.9.0.1"] {
            assert_eq!(Token::carried_by(real.parse().unwrap()), None, "{real}");
        }
    }

    #[test]
    fn an_address_keeps_where_it_belongs() {
        for (text, scope) in [
            ("10.1.2.3", Scope::Private),
            ("192.0.2.1", Scope::Documentation),
            ("100.100.0.1", Scope::Shared),
            ("127.0.0.9", Scope::Loopback),
            ("169.254.1.1", Scope::LinkLocal),
            ("8.8.4.4", Scope::Public),
            ("239.1.1.1", Scope::Multicast),
            ("fd00::1", Scope::Private),
            ("2001:db8::1", Scope::Documentation),
            ("fe80::1", Scope::LinkLocal),
            ("2a00::1", Scope::Public),
            ("::1", Scope::Loopback),
        ] {
            assert_eq!(Scope::of(text.parse().unwrap()), scope, "{text}");
        }
    }
}
