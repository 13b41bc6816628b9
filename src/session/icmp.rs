//! What an ICMP error says of the path. Knows only the error and where the datagram was going.

use std::net::{IpAddr, SocketAddr};

use crate::model::FailureKind;

/// An ICMP or ICMPv6 error that a datagram of ours caused; the family is that of `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// Who sent it, where the system tells.
    pub from: Option<IpAddr>,
    /// Where the datagram was going.
    pub to: SocketAddr,
}

/// What an ICMP error is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Port unreachable, from the target itself: the path is open, the port closed.
    Refused,
    /// Administratively prohibited, or a refusal in the target's stead from another address: blocked there.
    Prohibited,
    /// Host, network or protocol unreachable: may pass.
    Unreachable,
    /// The datagram was too big for a link.
    TooBig,
    /// It was sent round in circles until its time to live was over, or its fragments never met.
    TimeExceeded,
    /// Anything else (parameter problem, source quench): decides nothing.
    Other,
}

impl Meaning {
    /// One word for evidence.
    pub fn as_str(self) -> &'static str {
        match self {
            Meaning::Refused => "refused",
            Meaning::Prohibited => "prohibited",
            Meaning::Unreachable => "unreachable",
            Meaning::TooBig => "too-big",
            Meaning::TimeExceeded => "time-exceeded",
            Meaning::Other => "other",
        }
    }

    /// The class of failure that it is where it decides, of a connection as of a datagram; `None` where it decides
    /// nothing.
    pub fn failure_kind(self) -> Option<FailureKind> {
        match self {
            Meaning::Refused => Some(FailureKind::Refused),
            Meaning::Prohibited => Some(FailureKind::Prohibited),
            Meaning::Unreachable | Meaning::TimeExceeded => Some(FailureKind::Unreachable),
            Meaning::TooBig => Some(FailureKind::TooBig),
            Meaning::Other => None,
        }
    }
}

impl Meaning {
    /// The class of failure of a datagram that nothing else answered. A loop that one datagram met may be gone for the
    /// next: it is told and does not decide.
    pub fn decides(self) -> Option<FailureKind> {
        if self == Meaning::TimeExceeded { None } else { self.failure_kind() }
    }
}

impl IcmpError {
    /// Reads type and code (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1; RFC 4443 section 3). What only
    /// the far end's own stack may say (port or protocol unreachable) is a firewall's rejection from anyone else.
    pub fn meaning(&self) -> Meaning {
        match (self.to.is_ipv4(), self.kind, self.code) {
            (true, 3, 3) | (false, 1, 4) if self.from_target() => Meaning::Refused,
            (true, 3, 2) | (false, 4, 1) if self.from_target() => Meaning::Unreachable,
            (true, 3, 2 | 3 | 9 | 10 | 13..=15) | (false, 1, 1 | 4 | 5 | 6) => Meaning::Prohibited,
            (true, 3, 4) | (false, 2, _) => Meaning::TooBig,
            (true, 3, _) | (false, 1, _) => Meaning::Unreachable,
            (true, 11, _) | (false, 3, _) => Meaning::TimeExceeded,
            _ => Meaning::Other,
        }
    }

    /// Whether the target itself sent it.
    pub fn from_target(&self) -> bool {
        self.from.is_some_and(|from| from.to_canonical() == self.to.ip().to_canonical())
    }

    /// The name of type and code.
    pub fn name(&self) -> &'static str {
        match (self.to.is_ipv4(), self.kind, self.code) {
            (true, 3, 0 | 6 | 11) | (false, 1, 0) => "network unreachable",
            (true, 3, 1 | 7 | 12) | (false, 1, 3) => "host unreachable",
            (true, 3, 2) => "protocol unreachable",
            (true, 3, 3) | (false, 1, 4) => "port unreachable",
            (true, 3, 4) | (false, 2, _) => "packet too big",
            (true, 3, 9) => "network administratively prohibited",
            (true, 3, 10) => "host administratively prohibited",
            (true, 3, 13) | (false, 1, 1) => "administratively prohibited",
            (true, 3, 14) => "host precedence violation",
            (true, 3, 15) => "precedence cutoff in effect",
            (false, 4, 1) => "unrecognized next header",
            (false, 1, 5) => "source address refused by policy",
            (false, 1, 6) => "route rejected",
            (true, 3, _) | (false, 1, _) => "destination unreachable",
            (true, 11, 1) | (false, 3, 1) => "fragment reassembly time exceeded",
            (true, 11, _) | (false, 3, _) => "time exceeded, as in a routing loop",
            _ => "ICMP error",
        }
    }
}

impl std::fmt::Display for IcmpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let family = if self.to.is_ipv4() { "ICMP" } else { "ICMPv6" };
        write!(f, "{family} {} (type {} code {})", self.name(), self.kind, self.code)?;
        match self.from {
            Some(from) if self.from_target() => write!(f, " from the target {from} itself"),
            Some(from) => write!(f, " from {from}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(kind: u8, code: u8, from: &str, to: &str) -> Meaning {
        IcmpError { kind, code, from: from.parse().ok(), to: to.parse().unwrap() }.meaning()
    }

    #[test]
    fn only_the_target_itself_can_refuse_a_port() {
        assert_eq!(meaning(3, 3, "192.0.2.1", "192.0.2.1:9"), Meaning::Refused);
        assert_eq!(meaning(1, 4, "2001:db8::1", "[2001:db8::1]:9"), Meaning::Refused);
        assert_eq!(meaning(3, 3, "192.0.2.254", "192.0.2.1:9"), Meaning::Prohibited);
        assert_eq!(meaning(1, 4, "2001:db8::2", "[2001:db8::1]:9"), Meaning::Prohibited);
        assert_eq!(meaning(3, 3, "", "192.0.2.1:9"), Meaning::Prohibited, "nobody knows who");
    }

    #[test]
    fn codes_mean_what_their_documents_say_in_both_families() {
        for code in [9, 10, 13, 14, 15] {
            assert_eq!(meaning(3, code, "192.0.2.1", "192.0.2.1:9"), Meaning::Prohibited);
        }
        for code in [0, 1, 5, 6, 7, 8, 11, 12] {
            assert_eq!(meaning(3, code, "192.0.2.254", "192.0.2.1:9"), Meaning::Unreachable);
        }
        for code in [1, 5, 6] {
            assert_eq!(meaning(1, code, "2001:db8::9", "[2001:db8::1]:9"), Meaning::Prohibited);
        }
        for code in [0, 2, 3] {
            assert_eq!(meaning(1, code, "2001:db8::9", "[2001:db8::1]:9"), Meaning::Unreachable);
        }
        assert_eq!(meaning(3, 2, "192.0.2.1", "192.0.2.1:9"), Meaning::Unreachable, "the target lacks the protocol");
        assert_eq!(meaning(3, 2, "192.0.2.254", "192.0.2.1:9"), Meaning::Prohibited, "no router's business");
        assert_eq!(meaning(3, 4, "192.0.2.254", "192.0.2.1:9"), Meaning::TooBig);
        assert_eq!(meaning(2, 0, "2001:db8::9", "[2001:db8::1]:9"), Meaning::TooBig);
        assert_eq!(meaning(11, 0, "192.0.2.254", "192.0.2.1:9"), Meaning::TimeExceeded);
        assert_eq!(meaning(3, 0, "2001:db8::9", "[2001:db8::1]:9"), Meaning::TimeExceeded);
        assert_eq!(meaning(12, 0, "192.0.2.254", "192.0.2.1:9"), Meaning::Other);
    }

    #[test]
    fn one_map_leads_to_the_class_of_failure() {
        for (meaning, kind) in [
            (Meaning::Refused, Some(FailureKind::Refused)),
            (Meaning::Prohibited, Some(FailureKind::Prohibited)),
            (Meaning::Unreachable, Some(FailureKind::Unreachable)),
            (Meaning::TimeExceeded, Some(FailureKind::Unreachable)),
            (Meaning::TooBig, Some(FailureKind::TooBig)),
            (Meaning::Other, None),
        ] {
            assert_eq!(meaning.failure_kind(), kind);
        }
    }

    #[test]
    fn it_is_told_with_type_code_and_sender() {
        let error = IcmpError { kind: 3, code: 13, from: "10.0.0.1".parse().ok(), to: "192.0.2.1:5".parse().unwrap() };
        assert_eq!(error.to_string(), "ICMP administratively prohibited (type 3 code 13) from 10.0.0.1");
    }
}
