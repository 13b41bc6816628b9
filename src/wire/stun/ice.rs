//! ICE's connectivity checks (RFC 8445 section 7): Binding requests with attributes of their own, signed with a short-term
//! password (RFC 8489 section 9.1), and the answers to them.

use std::net::SocketAddr;

use super::write::Writer;
use super::{Message, TransactionId, attr};

/// Which role an agent says it has, with its tie-breaker (RFC 8445 section 7.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Controlling(u64),
    Controlled(u64),
}

/// What a check asks beside a Binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check<'a> {
    /// The asked agent's fragment, a colon, the asking agent's.
    pub username: &'a str,
    pub priority: u32,
    pub role: Role,
    /// The pair is nominated.
    pub nominate: bool,
}

impl Message<'_> {
    /// PRIORITY.
    pub fn priority(&self) -> Option<u32> {
        Some(u32::from_be_bytes(self.value(attr::PRIORITY)?.try_into().ok()?))
    }

    /// USE-CANDIDATE is there.
    pub fn use_candidate(&self) -> bool {
        self.value(attr::USE_CANDIDATE).is_some()
    }

    /// ICE-CONTROLLED or ICE-CONTROLLING.
    pub fn role(&self) -> Option<Role> {
        let number = |kind| Some(u64::from_be_bytes(self.value(kind)?.try_into().ok()?));
        let controlled = number(attr::ICE_CONTROLLED).map(Role::Controlled);
        controlled.or_else(|| number(attr::ICE_CONTROLLING).map(Role::Controlling))
    }

    /// MESSAGE-INTEGRITY is there, right or not.
    pub fn is_signed_sha1(&self) -> bool {
        self.value(attr::MESSAGE_INTEGRITY).is_some()
    }

    /// Whether any attribute of a check is there, well formed or not.
    pub fn is_ice_check(&self) -> bool {
        let kinds = [attr::PRIORITY, attr::USE_CANDIDATE, attr::ICE_CONTROLLED, attr::ICE_CONTROLLING];
        kinds.into_iter().any(|kind| self.value(kind).is_some())
    }
}

/// Writes a check signed with the asked agent's password and answers its length. `None`: the buffer is too small.
pub fn write_ice_check(buf: &mut [u8], id: TransactionId, check: &Check<'_>, pwd: &str) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0001, id)?;
    w.attribute(attr::USERNAME, check.username.as_bytes())?;
    match check.role {
        Role::Controlling(tie) => w.attribute(attr::ICE_CONTROLLING, &tie.to_be_bytes())?,
        Role::Controlled(tie) => w.attribute(attr::ICE_CONTROLLED, &tie.to_be_bytes())?,
    }
    w.attribute(attr::PRIORITY, &check.priority.to_be_bytes())?;
    if check.nominate {
        w.attribute(attr::USE_CANDIDATE, &[])?;
    }
    w.sha1(pwd.as_bytes())?;
    w.finish(None)
}

/// Writes the answer to a check, signed with the answering agent's password, and answers its length: 64 bytes (IPv4) or
/// 76 (IPv6). `None`: the buffer is too small.
pub fn write_ice_success(buf: &mut [u8], id: TransactionId, mapped: SocketAddr, pwd: &str) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0101, id)?;
    w.xor_address(mapped, &id)?;
    w.sha1(pwd.as_bytes())?;
    w.finish(None)
}

/// Writes an error response to a check that was rightly signed, as [`write_binding_error`](super::write_binding_error)
/// does with one that was not.
pub fn write_ice_error(buf: &mut [u8], id: TransactionId, code: u16, reason: &str, pwd: &str) -> Option<usize> {
    let mut w = Writer::new(buf, 0x0111, id)?;
    w.error_code(code, reason)?;
    w.sha1(pwd.as_bytes())?;
    w.finish(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stun::{Class, MAX_WRITTEN};

    #[test]
    fn a_check_is_read_as_it_was_written() {
        let mut buf = [0; MAX_WRITTEN];
        for (role, nominate) in [(Role::Controlling(7), true), (Role::Controlled(u64::MAX), false)] {
            let check = Check { username: "ours:theirs", priority: 0x7E00_00FF, role, nominate };
            let n = write_ice_check(&mut buf, [9; 12], &check, "a password").unwrap();
            let read = Message::read(&buf[..n]).unwrap();
            assert_eq!((read.class(), read.role(), read.use_candidate()), (Class::Request, Some(role), nominate));
            assert_eq!((read.username(), read.priority()), (Some(&b"ours:theirs"[..]), Some(0x7E00_00FF)));
            assert!(read.is_ice_check() && read.well_formed() && !read.has_unknown_required(&[]));
            assert_eq!((read.integrity_sha1_ok(b"a password"), read.fingerprint_ok()), (Some(true), Some(true)));
            assert_eq!(read.integrity_sha1_ok(b"another"), Some(false));
        }
    }

    #[test]
    fn answers_are_signed_and_shorter_than_the_shortest_check() {
        let check = Check { username: "aaaa:bbbb", priority: 1, role: Role::Controlling(1), nominate: false };
        let mut buf = [0; MAX_WRITTEN];
        let shortest = write_ice_check(&mut buf, [1; 12], &check, "p").unwrap();
        for mapped in ["192.0.2.1:5", "[2001:db8::1]:5"] {
            let mapped = mapped.parse().unwrap();
            let n = write_ice_success(&mut buf, [1; 12], mapped, "p").unwrap();
            let read = Message::read(&buf[..n]).unwrap();
            assert_eq!((read.mapped_address(), read.integrity_sha1_ok(b"p")), (Some(mapped), Some(true)));
            assert!(n <= shortest, "{n} for {shortest}");
        }
        let n = write_ice_error(&mut buf, [1; 12], 487, "Role Conflict", "p").unwrap();
        let read = Message::read(&buf[..n]).unwrap();
        assert_eq!((read.error_code().map(|e| e.0), read.integrity_sha1_ok(b"p")), (Some(487), Some(true)));
        assert!(n <= shortest && !read.is_ice_check());
    }
}
