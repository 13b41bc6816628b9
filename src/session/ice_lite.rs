//! Sessions of the responder's ICE agent, a lite one (RFC 8445 section 2.5): it answers checks and sends none. A bounded
//! table with one owner. Knows no socket, no clock and no randomness.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::granted::Denied;
use super::limits::source_key;
use crate::wire::ice::{Ask, Grant, MOST_PORTS};
use crate::wire::stun::{Message, Role};

/// How long checks are answered: for gathering, checks, a train and all of it once more through relays.
const LASTS: Duration = Duration::from_secs(60);

/// Sessions at once.
const MOST: u32 = 512;

/// One source (/32, /64) may hold one in so many of them.
const SHARE: u32 = 8;

/// Checks that are answered in one session: of 40 pairs, asked fifty times a second for three seconds, twice.
const MOST_CHECKS: u32 = 12_000;

#[derive(Debug)]
struct Session {
    pwd: String,
    /// What checks bear as USERNAME: our fragment, a colon, the client's.
    username: String,
    /// Who asked for it, see [`source_key`].
    asked_by: u64,
    until: Instant,
    checks_left: u32,
}

/// How a request stands to the agent before its signature is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is for no agent.
    NoCheck,
    /// It is a check, of no session that is known.
    Stranger,
    /// It names a session.
    Known,
}

/// What a request is to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged<'a> {
    /// It is for no agent.
    NoCheck,
    /// It is a check, of no session that is known: 401 (RFC 8489 section 9.1.3).
    Unknown,
    /// A check of a session, without a signature, or with a wrong one: 401.
    WrongPassword,
    /// A check that lacks a user name or a signature: 400.
    Incomplete,
    /// Rightly signed, and of an agent that will not control, which a lite agent cannot either: 487, signed with this (RFC
    /// 8445 sections 6.1.1 and 7.3.1.1).
    RoleConflict { pwd: &'a str },
    /// Rightly signed; the answer is signed with this.
    Right { pwd: &'a str },
    /// Rightly signed, and one too many.
    TooMany,
}

/// All ICE sessions, by our user name fragment.
#[derive(Debug, Default)]
pub struct IceSessions(HashMap<String, Session>);

impl IceSessions {
    /// Grants a session whose candidates are `ports`, the one to prefer first. `name` and `chance` must be secret and random.
    ///
    /// # Errors
    /// It has a fragment that is none, or there is no room.
    pub fn grant(
        &mut self,
        ask: &Ask,
        ports: &[u16],
        source: IpAddr,
        (name, chance): (u32, u128),
        now: Instant,
    ) -> Result<Grant, Denied> {
        self.0.retain(|_, session| session.until > now);
        if !ask.is_valid() {
            return Err(Denied::Never(
                "an ICE user name fragment has 4 to 256 letters and digits (RFC 8839)".to_owned(),
            ));
        }
        if ports.is_empty() {
            return Err(Denied::Never("no UDP port is served on the address that was asked".to_owned()));
        }
        let asked_by = source_key(source);
        let held = self.0.values().filter(|s| s.asked_by == asked_by).count();
        if held >= (MOST / SHARE) as usize {
            let last = LASTS.as_secs();
            return Err(Denied::Source(format!("{source} holds {held} ICE sessions; ask again in up to {last} s")));
        }
        let ufrag = format!("{name:08x}");
        if self.0.len() >= MOST as usize || self.0.contains_key(&ufrag) {
            return Err(Denied::Busy(format!("all {MOST} ICE sessions are in use; ask again in some seconds")));
        }
        let (pwd, username) = (format!("{chance:032x}"), format!("{ufrag}:{}", ask.ufrag));
        let session = Session { pwd: pwd.clone(), username, asked_by, until: now + LASTS, checks_left: MOST_CHECKS };
        self.0.insert(ufrag.clone(), session);
        let ports = ports.iter().copied().take(MOST_PORTS).collect();
        Ok(Grant { ufrag, pwd, ports, seconds: u32::try_from(LASTS.as_secs()).unwrap_or(u32::MAX) })
    }

    /// How a Binding request stands to the agent, without a look at its signature: cheap, whatever is sent. A request without
    /// any of a check's attributes is one too where its user is known, because consent is asked so (RFC 7675 section 5.1).
    pub fn standing(&self, request: &Message<'_>, now: Instant) -> Standing {
        let known = ufrag(request).and_then(|ufrag| self.0.get(ufrag)).is_some_and(|session| session.until > now);
        match (known, request.is_ice_check()) {
            (true, _) => Standing::Known,
            (false, true) => Standing::Stranger,
            (false, false) => Standing::NoCheck,
        }
    }

    /// Judges a Binding request, and counts it where it is answered as a right one. Costs an HMAC where its session is
    /// known ([`IceSessions::standing`]).
    pub fn judge(&mut self, request: &Message<'_>, now: Instant) -> Judged<'_> {
        let username = request.username();
        let session = ufrag(request).and_then(|ufrag| self.0.get_mut(ufrag)).filter(|session| session.until > now);
        let Some(session) = session else {
            return match (request.is_ice_check(), username.is_some() && request.is_signed_sha1()) {
                (false, _) => Judged::NoCheck,
                (true, true) => Judged::Unknown,
                (true, false) => Judged::Incomplete,
            };
        };
        match request.integrity_sha1_ok(session.pwd.as_bytes()) {
            None => return Judged::Incomplete,
            Some(true) if username == Some(session.username.as_bytes()) => {}
            Some(_) => return Judged::WrongPassword,
        }
        let Some(left) = session.checks_left.checked_sub(1) else { return Judged::TooMany };
        session.checks_left = left;
        match request.role() {
            Some(Role::Controlled(_)) => Judged::RoleConflict { pwd: &session.pwd },
            _ => Judged::Right { pwd: &session.pwd },
        }
    }
}

/// The agent's user name fragment, which stands before the colon.
fn ufrag<'a>(request: &Message<'a>) -> Option<&'a str> {
    std::str::from_utf8(request.username()?.split(|b| *b == b':').next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stun::{Check, MAX_WRITTEN, write_ice_check};

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    fn ask() -> Ask {
        Ask { ufrag: "them".to_owned() }
    }

    fn here() -> IpAddr {
        "192.0.2.7".parse().unwrap()
    }

    fn check(username: &str, role: Role, pwd: &str) -> Vec<u8> {
        let mut buf = [0; MAX_WRITTEN];
        let n =
            write_ice_check(&mut buf, [1; 12], &Check { username, priority: 1, role, nominate: true }, pwd).unwrap();
        buf[..n].to_vec()
    }

    #[test]
    fn a_session_knows_its_own_checks_until_it_is_over() {
        let (mut sessions, now) = (IceSessions::default(), start());
        let grant = sessions.grant(&ask(), &[5, 6, 7, 8, 9], here(), (1, 2), now).unwrap();
        assert!(grant.is_valid());
        assert_eq!((grant.ufrag.as_str(), grant.ports.as_slice(), grant.seconds), ("00000001", &[5, 6, 7, 8][..], 60));
        let mut judge = |username: &str, role, pwd: &str, at| {
            let bytes = check(username, role, pwd);
            format!("{:?}", sessions.judge(&Message::read(&bytes).unwrap(), at))
        };
        let (controlling, pwd) = (Role::Controlling(1), grant.pwd.as_str());
        assert_eq!(judge("00000001:them", controlling, pwd, now), format!("Right {{ pwd: {pwd:?} }}"));
        assert_eq!(judge("00000001:them", Role::Controlled(1), pwd, now), format!("RoleConflict {{ pwd: {pwd:?} }}"));
        assert_eq!(judge("00000001:them", controlling, "wrong", now), "WrongPassword");
        assert_eq!(judge("00000001:others", controlling, pwd, now), "WrongPassword");
        assert_eq!(judge("00000002:them", controlling, pwd, now), "Unknown");
        assert_eq!(judge("00000001:them", controlling, pwd, now + LASTS), "Unknown");
    }

    #[test]
    fn neither_one_source_nor_all_together_get_more_than_their_share_and_time_gives_it_back() {
        let (mut sessions, now) = (IceSessions::default(), start());
        let mut grant = |source: u8, name: u32, at| {
            let source = IpAddr::from([192, 0, 2, source]);
            sessions.grant(&ask(), &[5], source, (name, 1), at).map(|_| ())
        };
        for name in 0..64 {
            assert_eq!(grant(1, name, now), Ok(()));
        }
        assert!(matches!(grant(1, 64, now), Err(Denied::Source(_))));
        for name in 64..512 {
            assert_eq!(grant(2 + (name / 64) as u8, name, now), Ok(()));
        }
        assert!(matches!(grant(100, 512, now), Err(Denied::Busy(_))));
        assert_eq!(grant(1, 512, now + LASTS), Ok(()));
    }

    #[test]
    fn what_cannot_be_granted_never_is() {
        let (mut sessions, now) = (IceSessions::default(), start());
        let colon = Ask { ufrag: "a:bcd".to_owned() };
        assert!(matches!(sessions.grant(&colon, &[5], here(), (1, 1), now), Err(Denied::Never(_))));
        assert!(matches!(sessions.grant(&ask(), &[], here(), (1, 1), now), Err(Denied::Never(_))));
        assert!(sessions.grant(&ask(), &[5], here(), (1, 1), now).is_ok());
        assert!(matches!(sessions.grant(&ask(), &[5], here(), (1, 1), now), Err(Denied::Busy(_))), "drawn twice");
    }

    #[test]
    fn checks_of_one_session_are_counted() {
        let (mut sessions, now) = (IceSessions::default(), start());
        let grant = sessions.grant(&ask(), &[5], here(), (1, 2), now).unwrap();
        let bytes = check("00000001:them", Role::Controlling(1), &grant.pwd);
        let read = Message::read(&bytes).unwrap();
        let answered =
            (0..MOST_CHECKS + 10).filter(|_| matches!(sessions.judge(&read, now), Judged::Right { .. })).count();
        assert_eq!(answered, MOST_CHECKS as usize);
        assert_eq!(sessions.judge(&read, now), Judged::TooMany);
    }
}
