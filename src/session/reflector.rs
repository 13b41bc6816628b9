//! The responder's judgement of one datagram: at most one answer, to a STUN Binding request (RFC 8489), ICE's checks (RFC
//! 8445) among them, a STAMP test packet (RFC 8762), at their ports SIP's OPTIONS (RFC 3261) or an IKE_SA_INIT (RFC 7296),
//! and to nothing else. It goes to the address that asked, to another of its ports only where a second address is served or the request is signed; it is never longer than what caused it
//! but for a small number of STUN answers of at most 44 bytes. Under rate limits, and to holders of the key alone where
//! there is one, ICE's checks of granted sessions apart. Knows no socket, no clock and no randomness. What it holds about
//! sources has a size that no source can change.

mod alternate;
mod ike;
mod own_sockets;
mod refusal;
mod sip;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

pub use alternate::{Alternate, Ends};
pub use own_sockets::OwnSockets;
pub use refusal::Refusal;

use super::granted::{GrantLimits, Sessions};
use super::ice_lite::{IceSessions, Judged, Standing};
use super::limits::{Allowance, AnswerLimits, Exceeded};
use super::stamp::{self, Answer, Asked, Manner, NotAsked, Seen, Strangers};
use crate::wire::grant::Kind;
use crate::wire::stun::discovery::{UNDERSTOOD, write_discovery_success};
use crate::wire::stun::{
    BINDING, Class, Message, OTHER_ADDRESS_V4, ReadError, key_id, write_binding_error, write_ice_error,
    write_ice_success,
};
use crate::wire::{stamp as packet, stun};

/// No answer is longer, and no longer request is answered.
pub const LONGEST: usize = 2048;

/// Source ports below this are refused. Clients, and the address translators before them (RFC 4787 REQ-3), use higher
/// ones, while echo (7), chargen (19), DNS (53), NTP (123) and their like answer whatever they get, for ever. A STAMP
/// sender may use STAMP's own port, because no reflector's packet is taken for a sender's.
const FIRST_CLIENT_PORT: u16 = 1024;

/// Bytes of the bare answer: 20 header and an XOR-MAPPED-ADDRESS of 12.
const BARE_V4: usize = 32;

/// Bytes of the bare answer: 20 header and an XOR-MAPPED-ADDRESS of 24.
const BARE_V6: usize = 44;

/// What our marker and FINGERPRINT add to it.
const MARKED: usize = 16;

/// What MESSAGE-INTEGRITY-SHA256 adds to it.
const SIGNED: usize = 36;

/// The key of a restricted responder, and the user name under which its holders ask.
struct Restricted {
    key: Vec<u8>,
    user: String,
}

impl Restricted {
    /// Whether the request is signed with the key.
    fn check(&self, request: &Message<'_>) -> Result<(), Refusal> {
        if request.username() != Some(self.user.as_bytes()) {
            return Err(Refusal::Unsigned);
        }
        match request.integrity_sha256_ok(&self.key) {
            Some(true) => Ok(()),
            Some(false) => Err(Refusal::WrongKey),
            None => Err(Refusal::Unsigned),
        }
    }
}

/// What a datagram speaks, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Stun,
    Stamp,
    Sip,
}

impl Speaks {
    /// STUN has its cookie (RFC 8489 section 5) and two zero bits; all else that is long enough may be STAMP, but for
    /// what begins as OPTIONS does where SIP is served.
    fn of(datagram: &[u8], serves_sip: bool) -> Self {
        if serves_sip && sip::is_options(datagram) {
            return Speaks::Sip;
        }
        let stun = datagram.first().is_some_and(|b| b & 0xC0 == 0) && datagram.get(4..8) == Some(&stun::COOKIE);
        if stun || datagram.len() < packet::OPEN_LEN { Speaks::Stun } else { Speaks::Stamp }
    }
}

/// A datagram, and what the system told of it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    pub from: SocketAddr,
    pub bytes: &'a [u8],
    pub now: Instant,
    pub seen: Seen,
}

impl<'a> Incoming<'a> {
    /// One of which the system told nothing but its ends, received and answered at `now`.
    pub fn plain(now: Instant, from: SocketAddr, to: SocketAddr, bytes: &'a [u8]) -> Self {
        let at = Duration::ZERO;
        Self { from, bytes, now, seen: Seen { to, received: at, sending: at, ttl: None, tos: None, dropped: 0 } }
    }
}

/// The responder's logic.
pub struct Reflector {
    own: OwnSockets,
    restricted: Option<Restricted>,
    allowance: Allowance,
    /// Answers bear the DSCP that is asked for.
    dscp: bool,
    strangers: Strangers,
    alternate: Alternate,
    /// Ports of SIP rules.
    sip_ports: HashSet<u16>,
    /// Ports of IKE rules.
    ike_ports: HashSet<u16>,
    /// What was granted over TLS.
    pub sessions: Sessions,
    /// The same, of ICE.
    pub ice: IceSessions,
    start: Instant,
}

impl Reflector {
    /// A responder that listens on `own`. `seed` must be secret and random; with a `key`, only requests signed with it
    /// are answered.
    pub fn new(limits: AnswerLimits, own: OwnSockets, key: Option<&[u8]>, seed: u128, start: Instant) -> Self {
        let restricted = key.map(|k| Restricted { key: k.to_vec(), user: key_id(k) });
        Self {
            own,
            restricted,
            allowance: Allowance::new(limits, seed),
            dscp: limits.dscp,
            strangers: Strangers::new(seed),
            alternate: Alternate::default(),
            sip_ports: HashSet::new(),
            ike_ports: HashSet::new(),
            sessions: Sessions::new(GrantLimits::default()),
            ice: IceSessions::default(),
            start,
        }
    }

    /// With other limits for what is granted.
    pub fn granting(self, limits: GrantLimits) -> Self {
        Self { sessions: Sessions::new(limits), ..self }
    }

    /// With a second address for those who want to know what NATs do (RFC 5780).
    pub fn with_alternate(self, alternate: Alternate) -> Self {
        Self { alternate, ..self }
    }

    /// Judges one datagram. Writes the answer into `answer`, which should hold [`LONGEST`] bytes, or says why there is
    /// none.
    pub fn handle(&mut self, incoming: &Incoming<'_>, answer: &mut [u8]) -> Result<Answer, Refusal> {
        let from = SocketAddr::new(incoming.from.ip().to_canonical(), incoming.from.port());
        let incoming = Incoming { from, ..*incoming };
        if let Some(answered) = self.ike(&incoming, answer) {
            return answered;
        }
        let speaks = Speaks::of(incoming.bytes, self.sip_ports.contains(&incoming.seen.to.port()));
        self.check_ends(from, incoming.seen.to, speaks)?;
        match speaks {
            Speaks::Stun => self.stun(&incoming, answer),
            Speaks::Stamp => self.stamp(&incoming, answer),
            Speaks::Sip => self.sip(&incoming, answer),
        }
    }

    fn stun(&mut self, incoming: &Incoming<'_>, answer: &mut [u8]) -> Result<Answer, Refusal> {
        let from = incoming.from;
        let request = binding_request(incoming.bytes)?;
        if let Some(answered) = self.ice_check(&request, incoming, answer) {
            return answered.map(|len| Answer { len, tos: None, ends: None });
        }
        if let Some(restricted) = &self.restricted {
            restricted.check(&request)?;
        }
        let aside = self.alternate.asked(&request, from, incoming.seen.to, &self.own, self.restricted.is_some())?;
        let room = incoming.bytes.len();
        let bare = if from.is_ipv4() { BARE_V4 } else { BARE_V6 };
        let signed = if self.restricted.is_some() { SIGNED } else { 0 };
        let marked = room >= bare + MARKED + signed;
        let to_another_port = aside.ends.is_some_and(|e| e.to != from);
        if (self.restricted.is_some() && !marked) || (to_another_port && room < bare) {
            return Err(Refusal::TooShort);
        }
        self.take(from.ip(), room < bare, incoming.now)?;
        let key = self.restricted.as_ref().map(|r| &*r.key);
        let filled = bare + signed + if marked { MARKED } else { 0 };
        // A bare request is told of one address more, out of the budget that it is answered from, as long as the answer
        // is no longer than the longest bare one: of an IPv4 address.
        let spare = if from.is_ipv4() { OTHER_ADDRESS_V4 } else { 0 };
        let servers = aside.within(if room < bare { spare } else { room - filled });
        let len = write_discovery_success(answer, request.id(), from, marked, key, servers);
        Ok(Answer { len: len.ok_or(Refusal::Malformed)?, tos: None, ends: aside.ends })
    }

    /// Answers one of ICE's checks, those of a known session with a signature; `None`: it is none, or nobody's at a responder
    /// with a key. No answer is longer than the check.
    fn ice_check(
        &mut self,
        request: &Message<'_>,
        incoming: &Incoming<'_>,
        answer: &mut [u8],
    ) -> Option<Result<usize, Refusal>> {
        let (from, id) = (incoming.from, request.id());
        match self.ice.standing(request, incoming.now) {
            Standing::NoCheck => return None,
            Standing::Stranger if self.restricted.is_some() => return None,
            Standing::Stranger | Standing::Known => {}
        }
        // Before the signature is worked out, so that a flood costs no more than the limit.
        if let Err(refusal) = self.take(from.ip(), false, incoming.now) {
            return Some(Err(refusal));
        }
        let written = match self.ice.judge(request, incoming.now) {
            Judged::NoCheck => return None,
            Judged::TooMany => return Some(Err(Refusal::SessionRate)),
            Judged::Incomplete => write_binding_error(answer, id, 400, "Bad Request"),
            Judged::Unknown | Judged::WrongPassword => write_binding_error(answer, id, 401, "Unauthenticated"),
            Judged::RoleConflict { pwd } => write_ice_error(answer, id, 487, "Role Conflict", pwd),
            Judged::Right { pwd } => write_ice_success(answer, id, from, pwd),
        };
        let fits = |len| if len > incoming.bytes.len() { Err(Refusal::TooShort) } else { Ok(len) };
        Some(written.ok_or(Refusal::Malformed).and_then(fits))
    }

    /// Packets of a granted session with its state and within what was granted, those of everyone else with state of
    /// their own and within the limits of their source. One whose token is not known, or is another's, is a stranger's:
    /// its answer says so by a token of 0, while silence would look like loss.
    fn stamp(&mut self, incoming: &Incoming<'_>, answer: &mut [u8]) -> Result<Answer, Refusal> {
        let Incoming { from, bytes, now, ref seen } = *incoming;
        let asked = Asked::read(bytes, self.restricted.as_ref().map(|r| &*r.key)).map_err(|e| match e {
            NotAsked::NotSender => Refusal::NotStun,
            NotAsked::Open => Refusal::Unsigned,
            NotAsked::WrongKey => Refusal::WrongKey,
        })?;
        let claimed = asked.token().and_then(|t| Some((t, self.sessions.claim(t, Kind::Train, from, now)?)));
        let manner = Manner { key: self.restricted.as_ref().map(|r| &*r.key), dscp: self.dscp };
        let written = match claimed {
            Some((token, session)) => {
                let headers = if from.is_ipv4() { 28 } else { 48 };
                if !session.admit(now, bytes.len() + headers, bytes.len()) {
                    session.track.refuse();
                    return Err(Refusal::SessionRate);
                }
                stamp::answer(answer, bytes, &asked, seen, Some(&mut session.track), token, manner)
            }
            None => {
                let since_start = now.saturating_duration_since(self.start);
                self.allowance.take(from.ip(), false, since_start).map_err(|e| refusal(e, false))?;
                let track = self.strangers.track(from, seen.to, asked.ssid(), since_start);
                stamp::answer(answer, bytes, &asked, seen, track, 0, manner)
            }
        };
        written.ok_or(Refusal::Malformed)
    }

    /// Whether a datagram that is neither STUN nor STAMP comes from where a client may be, to where one may send.
    ///
    /// # Errors
    /// Why not.
    pub fn check_client(&self, from: SocketAddr, to: SocketAddr) -> Result<(), Refusal> {
        self.check_ends(from, to, Speaks::Stun)
    }

    /// Where it comes from and where it went to.
    fn check_ends(&self, from: SocketAddr, to: SocketAddr, speaks: Speaks) -> Result<(), Refusal> {
        if !one_host(from.ip()) || from.is_ipv4() != to.ip().to_canonical().is_ipv4() {
            return Err(Refusal::SourceAddress);
        }
        if from.port() < FIRST_CLIENT_PORT && (speaks, from.port()) != (Speaks::Stamp, packet::PORT) {
            return Err(Refusal::SourcePort);
        }
        if self.own.contains(from) {
            return Err(Refusal::OwnSocket);
        }
        if !one_host(to.ip()) {
            return Err(Refusal::Destination);
        }
        Ok(())
    }

    /// Takes an answer to `source` from what strangers are allowed; `bare`: it is longer than what it answers.
    ///
    /// # Errors
    /// Why there is none.
    pub fn take(&mut self, source: IpAddr, bare: bool, now: Instant) -> Result<(), Refusal> {
        let since_start = now.saturating_duration_since(self.start);
        self.allowance.take(source, bare, since_start).map_err(|exceeded| refusal(exceeded, bare))
    }
}

fn refusal(exceeded: Exceeded, bare: bool) -> Refusal {
    match (bare, exceeded) {
        (true, _) => Refusal::BareBudget,
        (false, Exceeded::Source) => Refusal::SourceRate,
        (false, Exceeded::Global) => Refusal::GlobalRate,
    }
}

/// Not multicast, broadcast or unspecified; v4-mapped addresses count as what they map.
fn one_host(address: IpAddr) -> bool {
    match address.to_canonical() {
        // 0.0.0.0/8 is "this network" (RFC 1122 section 3.2.1.3), 240.0.0.0/4 is reserved and ends in broadcast.
        IpAddr::V4(a) => a.octets()[0] != 0 && a.octets()[0] < 224,
        IpAddr::V6(a) => !a.is_multicast() && !a.is_unspecified(),
    }
}

/// The datagram as a STUN Binding request.
fn binding_request(datagram: &[u8]) -> Result<Message<'_>, Refusal> {
    let message = Message::read(datagram).map_err(|e| match e {
        ReadError::NotStun => Refusal::NotStun,
        ReadError::Truncated { .. } => Refusal::Malformed,
    })?;
    if message.class() != Class::Request {
        return Err(Refusal::NotRequest);
    }
    if message.method() != BINDING {
        return Err(Refusal::NotBinding);
    }
    if message.size() != datagram.len() || !message.well_formed() {
        return Err(Refusal::Malformed);
    }
    if message.fingerprint_ok() == Some(false) {
        return Err(Refusal::Fingerprint);
    }
    if message.has_unknown_required(UNDERSTOOD) {
        return Err(Refusal::UnknownAttribute);
    }
    Ok(message)
}

#[cfg(test)]
mod tests;
