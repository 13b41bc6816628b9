//! Opening an ICE session on a responder: the bodies of `POST /.well-known/rtc-check/ice` over TLS, and of its answers;
//! what denies one is [`grant::Refusal`](super::grant::Refusal). The responder's agent is a lite one (RFC 8445 section
//! 2.5): it sends no checks of its own, and so never needs the client's password.

use serde::{Deserialize, Serialize};

/// Where a session is asked for.
pub const PATH: &str = "/.well-known/rtc-check/ice";

/// So many candidates are granted at most.
pub const MOST_PORTS: usize = 4;

/// Characters of a user name fragment and of a password, at least and at most (RFC 8839 section 5.4).
const UFRAG: std::ops::RangeInclusive<usize> = 4..=256;
const PWD: std::ops::RangeInclusive<usize> = 22..=256;

/// What the client says of its agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Its user name fragment.
    pub ufrag: String,
}

/// What it gets.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The responder's user name fragment.
    pub ufrag: String,
    /// What its answers, and requests to it, are signed with.
    pub pwd: String,
    /// Its candidates: UDP ports on the address at which it was asked, the one to prefer first.
    pub ports: Vec<u16>,
    /// How long checks are answered from now.
    pub seconds: u32,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Grant({}, .., ports {:?}, {} s)", self.ufrag, self.ports, self.seconds)
    }
}

impl Ask {
    /// Whether the fragment is one (RFC 8839 section 5.4).
    pub fn is_valid(&self) -> bool {
        of_ice(&self.ufrag, UFRAG)
    }
}

impl Grant {
    /// Whether it can be used.
    pub fn is_valid(&self) -> bool {
        let ports = 1..=MOST_PORTS;
        of_ice(&self.ufrag, UFRAG)
            && of_ice(&self.pwd, PWD)
            && ports.contains(&self.ports.len())
            && !self.ports.contains(&0)
    }
}

/// Letters, digits, `+` and `/` alone (RFC 8839 section 5.1).
fn of_ice(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant { ufrag: "abcd".to_owned(), pwd: "0123456789abcdef0123+/".to_owned(), ports: vec![19_599], seconds: 60 }
    }

    #[test]
    fn what_cannot_stand_in_a_user_name_is_refused() {
        for (ufrag, valid) in [("abcd", true), ("a+/9", true), ("abc", false), ("ab:cd", false), ("ab\u{e9}cd", false)]
        {
            assert_eq!(Ask { ufrag: ufrag.to_owned() }.is_valid(), valid, "{ufrag}");
        }
        assert!(!Ask { ufrag: "a".repeat(257) }.is_valid());
    }

    #[test]
    fn a_grant_has_a_port_and_a_password_that_is_not_shown() {
        assert!(grant().is_valid() && !format!("{:?}", grant()).contains("0123456789"));
        assert!(!Grant { pwd: "short".to_owned(), ..grant() }.is_valid());
        for ports in [vec![], vec![0], vec![1; 5]] {
            assert!(!Grant { ports, ..grant() }.is_valid());
        }
    }
}
