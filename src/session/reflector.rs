//! The responder's judgement of one datagram: at most one answer, to a STUN Binding request (RFC 8489), ICE's checks (RFC
//! 8445) among them, or a STAMP test packet (RFC 8762) and to nothing else, never longer than what caused it but for a small budget of STUN, under rate
//! limits, and to holders of the key alone where there is one. Knows no socket, no clock and no randomness. What it holds
//! about sources has a size that no source can change.

mod alternate;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

pub use alternate::{Alternate, Ends};

use super::granted::{GrantLimits, Sessions};
use super::ice_lite::{IceSessions, Judged};
use super::limits::{Allowance, AnswerLimits, Exceeded};
use super::stamp::{self, Answer, Asked, Manner, NotAsked, Seen, Strangers};
use crate::wire::grant::Kind;
use crate::wire::stun::discovery::{UNDERSTOOD, write_discovery_success};
use crate::wire::stun::{
    BINDING, Class, Message, OTHER_ADDRESS_V4, OTHER_ADDRESS_V6, ReadError, key_id, write_binding_error,
    write_ice_error, write_ice_success,
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

/// Why a datagram gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// The source is a multicast, broadcast or unspecified address, or of another family than the socket.
    SourceAddress,
    /// The source port is 0 or below 1024.
    SourcePort,
    /// The source is one of the responder's own sockets.
    OwnSocket,
    /// It was sent to a multicast or broadcast address.
    Destination,
    /// Neither a STUN message nor a STAMP sender's packet.
    NotStun,
    /// A STUN message whose lengths do not fit each other or the datagram.
    Malformed,
    /// A STUN response, error response or indication.
    NotRequest,
    /// A STUN request for another method.
    NotBinding,
    /// FINGERPRINT is wrong.
    Fingerprint,
    /// It has an attribute that must be understood and is not (RFC 8489 section 6.3.1).
    UnknownAttribute,
    /// The responder has a key, and the request has no MESSAGE-INTEGRITY-SHA256 or another user name, or is a STAMP packet
    /// without authentication.
    Unsigned,
    /// MESSAGE-INTEGRITY-SHA256 or the HMAC of a STAMP packet is wrong.
    WrongKey,
    /// Shorter than the signed answer would be.
    TooShort,
    /// The budget for answers longer than their request is used up.
    BareBudget,
    /// The source's rate is exceeded.
    SourceRate,
    /// The rate of all sources together is exceeded.
    GlobalRate,
    /// A granted session asks more than it was granted.
    SessionRate,
}

impl Refusal {
    /// Every reason, in order of declaration.
    pub const ALL: [Refusal; 17] = [
        Refusal::SourceAddress,
        Refusal::SourcePort,
        Refusal::OwnSocket,
        Refusal::Destination,
        Refusal::NotStun,
        Refusal::Malformed,
        Refusal::NotRequest,
        Refusal::NotBinding,
        Refusal::Fingerprint,
        Refusal::UnknownAttribute,
        Refusal::Unsigned,
        Refusal::WrongKey,
        Refusal::TooShort,
        Refusal::BareBudget,
        Refusal::SourceRate,
        Refusal::GlobalRate,
        Refusal::SessionRate,
    ];

    /// The name of its counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::SourceAddress => "source_address",
            Refusal::SourcePort => "source_port",
            Refusal::OwnSocket => "own_socket",
            Refusal::Destination => "destination",
            Refusal::NotStun => "not_stun",
            Refusal::Malformed => "malformed",
            Refusal::NotRequest => "not_request",
            Refusal::NotBinding => "not_binding",
            Refusal::Fingerprint => "fingerprint",
            Refusal::UnknownAttribute => "unknown_attribute",
            Refusal::Unsigned => "unsigned",
            Refusal::WrongKey => "wrong_key",
            Refusal::TooShort => "too_short",
            Refusal::BareBudget => "bare_budget",
            Refusal::SourceRate => "source_rate",
            Refusal::GlobalRate => "global_rate",
            Refusal::SessionRate => "session_rate",
        }
    }
}

/// The responder's own UDP sockets: one bit a port for each address.
#[derive(Clone, Debug, Default)]
pub struct OwnSockets(HashMap<IpAddr, Box<[u64]>>);

impl OwnSockets {
    /// Adds a socket; for a wildcard socket, one call for each of the machine's addresses.
    pub fn insert(&mut self, socket: SocketAddr) {
        let bits = self.0.entry(socket.ip().to_canonical()).or_insert_with(|| vec![0; 1024].into_boxed_slice());
        if let Some(word) = bits.get_mut(usize::from(socket.port() / 64)) {
            *word |= 1 << (socket.port() % 64);
        }
    }

    /// Whether a datagram from `source` was sent by one of them.
    pub fn contains(&self, source: SocketAddr) -> bool {
        let word = self.0.get(&source.ip()).and_then(|bits| bits.get(usize::from(source.port() / 64)));
        word.is_some_and(|w| w >> (source.port() % 64) & 1 == 1)
    }
}

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
}

impl Speaks {
    /// STUN has its cookie (RFC 8489 section 5) and two zero bits; all else that is long enough may be STAMP.
    fn of(datagram: &[u8]) -> Self {
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
        let speaks = Speaks::of(incoming.bytes);
        self.check_ends(from, incoming.seen.to, speaks)?;
        match speaks {
            Speaks::Stun => self.stun(&incoming, answer),
            Speaks::Stamp => self.stamp(&incoming, answer),
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
        let aside = self.alternate.asked(&request, from, incoming.seen.to, &self.own)?;
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
        // A bare request is told of one address more, out of the budget that it is answered from.
        let address = if from.is_ipv4() { OTHER_ADDRESS_V4 } else { OTHER_ADDRESS_V6 };
        let servers = aside.within(if room < bare { address } else { room - filled });
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
        let written = match self.ice.judge(request, incoming.now) {
            Judged::NoCheck => return None,
            Judged::Unknown | Judged::Incomplete if self.restricted.is_some() => return None,
            Judged::TooMany => return Some(Err(Refusal::SessionRate)),
            Judged::Incomplete => write_binding_error(answer, id, 400, "Bad Request"),
            Judged::Unknown | Judged::WrongPassword => write_binding_error(answer, id, 401, "Unauthenticated"),
            Judged::RoleConflict { pwd } => write_ice_error(answer, id, 487, "Role Conflict", pwd),
            Judged::Right { pwd } => write_ice_success(answer, id, from, pwd),
        };
        let written = written.ok_or(Refusal::Malformed);
        let fits = written.and_then(|len| if len > incoming.bytes.len() { Err(Refusal::TooShort) } else { Ok(len) });
        Some(fits.and_then(|len| self.take(from.ip(), false, incoming.now).map(|()| len)))
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
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::stun::{
        Auth, Check, MAX_WRITTEN, Role, request_len, write_binding_request, write_binding_success, write_ice_check,
    };

    const CLIENT: &str = "192.0.2.7:40000";
    const HERE: &str = "198.51.100.1:19099";

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn own(sockets: &[&str]) -> OwnSockets {
        let mut own = OwnSockets::default();
        sockets.iter().for_each(|s| own.insert(at(s)));
        own
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    fn reflector(key: Option<&[u8]>) -> Reflector {
        Reflector::new(AnswerLimits::default(), own(&[HERE, "198.51.100.1:19100"]), key, 42, start())
    }

    fn request(len: usize, key: Option<&[u8]>) -> Vec<u8> {
        let name = key.map(key_id).unwrap_or_default();
        let auth = key.map(|key| Auth { key_id: &name, key });
        let mut buf = [0; MAX_WRITTEN];
        let n = write_binding_request(&mut buf, [3; 12], auth, len).unwrap();
        buf[..n].to_vec()
    }

    /// A request of 20 bytes, as many STUN clients send it.
    fn bare() -> Vec<u8> {
        [&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[3; 12]].concat()
    }

    fn ask(r: &mut Reflector, from: &str, to: &str, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut answer = [0; MAX_WRITTEN];
        let asked = Incoming::plain(r.start, at(from), at(to), bytes);
        r.handle(&asked, &mut answer).map(|a| answer[..a.len].to_vec())
    }

    #[test]
    fn a_padded_request_is_answered_with_our_mark_and_no_more_bytes() {
        for (from, to, mapped, len) in
            [(CLIENT, HERE, CLIENT, 48), ("[2001:db8::7]:40000", "[2001:db8::1]:19099", "[2001:db8::7]:40000", 60)]
        {
            let asked = request(request_len(false), None);
            let answer = ask(&mut reflector(None), from, to, &asked).unwrap();
            let read = Message::read(&answer).unwrap();
            assert_eq!((read.class(), read.id(), read.mapped_address()), (Class::Success, [3; 12], Some(at(mapped))));
            assert_eq!((answer.len(), read.responder(), read.fingerprint_ok()), (len, Some(1), Some(true)));
            assert!(answer.len() <= asked.len());
        }
    }

    #[test]
    fn a_bare_request_gets_the_bare_answer_in_small_numbers() {
        let mut r = reflector(None);
        let answers: Vec<_> = (0..6).map(|_| ask(&mut r, CLIENT, HERE, &bare())).collect();
        assert!(answers[..4].iter().all(|a| a.as_ref().is_ok_and(|a| a.len() == 32)));
        assert_eq!(answers[4], Err(Refusal::BareBudget));
        assert!(ask(&mut r, CLIENT, HERE, &request(60, None)).is_ok(), "padded requests go on");
        let mut answer = [0; MAX_WRITTEN];
        let later = r.start + Duration::from_millis(500);
        let request = bare();
        let asked = Incoming::plain(later, at(CLIENT), at(HERE), &request);
        assert_eq!(r.handle(&asked, &mut answer), Ok(Answer { len: 32, tos: None, ends: None }));
        let v6 = ask(&mut r, "[2001:db8::7]:40000", "[2001:db8::1]:19099", &bare()).unwrap();
        assert_eq!(v6.len(), 44);
    }

    #[test]
    fn what_cannot_be_a_client_gets_silence() {
        let r = &mut reflector(None);
        let mut refused = |from: &str, to: &str| ask(r, from, to, &request(60, None)).err();
        for from in ["0.0.0.0:4000", "0.1.2.3:4000", "224.0.0.1:4000", "255.255.255.255:4000", "240.0.0.1:4000"] {
            assert_eq!(refused(from, HERE), Some(Refusal::SourceAddress), "{from}");
        }
        for from in ["[ff02::1]:4000", "[::]:4000", "[::ffff:224.0.0.1]:4000", "[::ffff:192.0.2.7]:4000"] {
            assert_eq!(refused(from, "[2001:db8::1]:19099"), Some(Refusal::SourceAddress), "{from}");
        }
        for port in [0, 7, 13, 17, 19, 37, 53, 123, 1023] {
            assert_eq!(refused(&format!("192.0.2.7:{port}"), HERE), Some(Refusal::SourcePort));
        }
        for from in [HERE, "198.51.100.1:19100", "[::ffff:198.51.100.1]:19100"] {
            assert_eq!(refused(from, HERE), Some(Refusal::OwnSocket), "{from}");
        }
        assert_eq!(refused("198.51.100.1:19101", HERE), None, "a client on the same machine");
        assert_eq!(refused(CLIENT, "255.255.255.255:19099"), Some(Refusal::Destination));
    }

    #[test]
    fn only_binding_requests_are_answered() {
        let r = &mut reflector(None);
        let mut refused = |bytes: &[u8]| ask(r, CLIENT, HERE, bytes).err();
        let mut buf = [0; MAX_WRITTEN];
        let n = write_binding_success(&mut buf, [3; 12], at(CLIENT), true, None).unwrap();
        assert_eq!(refused(&buf[..n]), Some(Refusal::NotRequest), "its own answer");
        let n = write_binding_error(&mut buf, [3; 12], 400, "").unwrap();
        assert_eq!(refused(&buf[..n]), Some(Refusal::NotRequest));
        let changed = |at: usize, to: u8| {
            let mut bytes = request(60, None);
            bytes[at] = to;
            bytes
        };
        assert_eq!(refused(&changed(1, 0x11)), Some(Refusal::NotRequest), "an indication");
        assert_eq!(refused(&changed(1, 0x03)), Some(Refusal::NotBinding), "Allocate");
        assert_eq!(refused(&changed(4, 0)), Some(Refusal::NotStun));
        assert_eq!(refused(&changed(59, 0)), Some(Refusal::Fingerprint));
        assert_eq!(refused(&changed(3, 0)), Some(Refusal::Malformed), "bytes behind the message");
        assert_eq!(refused(&request(60, None)[..56]), Some(Refusal::Malformed));
        let change_request = [&bare()[..], &[0, 3, 0, 4, 0, 0, 0, 6]].concat();
        let change_request = [&change_request[..3], &[8], &change_request[4..]].concat();
        assert_eq!(refused(&change_request), Some(Refusal::UnknownAttribute));
        assert_eq!(refused(b""), Some(Refusal::NotStun));
    }

    #[test]
    fn with_a_key_its_holders_are_answered_and_the_answer_is_signed() {
        let key: &[u8] = b"a shared key";
        let r = &mut reflector(Some(key));
        let answer = ask(r, CLIENT, HERE, &request(request_len(true), Some(key))).unwrap();
        let read = Message::read(&answer).unwrap();
        assert_eq!((read.integrity_sha256_ok(key), read.responder(), answer.len()), (Some(true), Some(1), 84));
        assert_eq!(ask(r, CLIENT, HERE, &request(96, None)), Err(Refusal::Unsigned));
        assert_eq!(ask(r, CLIENT, HERE, &bare()), Err(Refusal::Unsigned));
        assert_eq!(ask(r, CLIENT, HERE, &request(96, Some(b"another"))), Err(Refusal::Unsigned), "another user");
        let (name, mut buf) = (key_id(key), [0; MAX_WRITTEN]);
        let n = write_binding_request(&mut buf, [3; 12], Some(Auth { key_id: &name, key: b"x" }), 96).unwrap();
        assert_eq!(ask(r, CLIENT, HERE, &buf[..n]), Err(Refusal::WrongKey));
        let shortest = request(0, Some(key));
        assert_eq!(shortest.len(), 92);
        let refused = ask(r, "[2001:db8::7]:40000", "[2001:db8::1]:19099", &shortest);
        assert_eq!(refused, Err(Refusal::TooShort), "96 bytes would be longer than 92");
    }

    const AGENT: &str = "00000001:them";

    fn agent(key: Option<&[u8]>) -> (Reflector, String) {
        let mut r = reflector(key);
        let ask = crate::wire::ice::Ask { ufrag: "them".to_owned() };
        let grant = r.ice.grant(&ask, &[19_099], at(CLIENT).ip(), (1, 2), r.start).unwrap();
        (r, grant.pwd)
    }

    fn check(username: &str, role: Role, pwd: &str) -> Vec<u8> {
        let mut buf = [0; MAX_WRITTEN];
        let check = Check { username, priority: 1, role, nominate: true };
        let n = write_ice_check(&mut buf, [3; 12], &check, pwd).unwrap();
        buf[..n].to_vec()
    }

    #[test]
    fn a_check_is_answered_with_a_signature_and_no_more_bytes_whatever_the_key() {
        for key in [None, Some(&b"a shared key"[..])] {
            let (mut r, pwd) = agent(key);
            let asked = check(AGENT, Role::Controlling(1), &pwd);
            for (from, to) in [(CLIENT, HERE), ("[2001:db8::7]:40000", "[2001:db8::1]:19099")] {
                let answer = ask(&mut r, from, to, &asked).unwrap();
                let read = Message::read(&answer).unwrap();
                assert_eq!((read.class(), read.id(), read.mapped_address()), (Class::Success, [3; 12], Some(at(from))));
                assert_eq!((read.integrity_sha1_ok(pwd.as_bytes()), read.fingerprint_ok()), (Some(true), Some(true)));
                assert!(answer.len() <= asked.len() && !read.has_unknown_required(&[]));
                assert_eq!(ask(&mut r, from, to, &answer), Err(Refusal::NotRequest), "its own answer");
            }
            let conflict = ask(&mut r, CLIENT, HERE, &check(AGENT, Role::Controlled(1), &pwd)).unwrap();
            let read = Message::read(&conflict).unwrap();
            assert_eq!(read.error_code().map(|e| e.0), Some(487));
            assert_eq!(read.integrity_sha1_ok(pwd.as_bytes()), Some(true));
        }
    }

    #[test]
    fn a_check_that_is_not_rightly_signed_gets_a_short_error_and_at_a_responder_with_a_key_a_stranger_gets_none() {
        let code = |answer: Result<Vec<u8>, Refusal>| {
            answer.map(|a| Message::read(&a).map(|m| (m.error_code().unwrap().0, a.len() <= 80)).unwrap())
        };
        let (mut r, pwd) = agent(None);
        let wrong = check(AGENT, Role::Controlling(1), "another password");
        let unknown = check("00000009:them", Role::Controlling(1), &pwd);
        let mut sent = |bytes: &[u8]| code(ask(&mut r, CLIENT, HERE, bytes));
        assert_eq!((sent(&wrong), sent(&unknown)), (Ok((401, true)), Ok((401, true))));
        let priority = [&bare()[..3], &[8], &bare()[4..], &[0, 0x24, 0, 4, 0, 0, 0, 1]].concat();
        assert_eq!(sent(&priority), Err(Refusal::TooShort));
        let padded = [&bare()[..3], &[40], &bare()[4..], &[0, 0x24, 0, 4, 0, 0, 0, 1, 0x80, 0x22, 0, 28], &[b'x'; 28]];
        assert_eq!(sent(&padded.concat()), Ok((400, true)));
        let (mut r, pwd) = agent(Some(b"key"));
        assert_eq!(code(ask(&mut r, CLIENT, HERE, &wrong)), Ok((401, true)));
        let unknown = check("00000009:them", Role::Controlling(1), &pwd);
        assert_eq!(ask(&mut r, CLIENT, HERE, &unknown), Err(Refusal::Unsigned));
    }

    #[test]
    fn without_a_key_a_signed_request_is_answered_unsigned() {
        let answer = ask(&mut reflector(None), CLIENT, HERE, &request(96, Some(b"key"))).unwrap();
        assert_eq!(Message::read(&answer).unwrap().integrity_sha256_ok(b"key"), None);
    }

    #[test]
    fn rates_hold_in_virtual_time() {
        let mut r = reflector(None);
        let (asked, mut answer) = (request(60, None), [0; MAX_WRITTEN]);
        let mut answered = |from: &str, ms: u64| {
            let now = r.start + Duration::from_millis(ms);
            let asked = Incoming::plain(now, at(from), at(HERE), &asked);
            (0..40_000).filter(|_| r.handle(&asked, &mut answer).is_ok()).count()
        };
        assert_eq!(answered(CLIENT, 0), 15_000);
        assert_eq!(answered(CLIENT, 0), 0);
        assert_eq!(answered("192.0.2.8:40000", 0), 15_000, "another source has its own");
        let after = answered(CLIENT, 100);
        assert!((2_999..=3_001).contains(&after), "{after}");
    }

    fn stamp_request(len: usize, token: u64, key: Option<&[u8]>) -> Vec<u8> {
        let asked = packet::Request {
            seq: 3,
            sent: packet::Timestamp(0xEB00_0000_1234_5678),
            error: packet::ErrorEstimate::UNSYNCHRONISED,
            ssid: 1,
        };
        let report = packet::Report { token, ..packet::Report::default() };
        let mut buf = [0; LONGEST];
        let n = packet::write_request(&mut buf, &asked, None, Some(&report), key, len).unwrap();
        buf[..n].to_vec()
    }

    #[test]
    fn a_stamp_packet_is_answered_with_its_like_also_to_port_862_and_an_answer_never() {
        for key in [None, Some(&b"a shared key"[..])] {
            let mut r = reflector(key);
            let mut answer = [0; LONGEST];
            for from in [CLIENT, "192.0.2.7:862"] {
                let asked = stamp_request(200, 0, key);
                let written = r.handle(&Incoming::plain(r.start, at(from), at(HERE), &asked), &mut answer).unwrap();
                assert_eq!((written.len, written.tos), (200, None));
                let back = answer[..200].to_vec();
                for other in ["192.0.2.7:862", "192.0.2.7:19099", CLIENT] {
                    let incoming = Incoming::plain(r.start, at(other), at(HERE), &back);
                    assert_eq!(r.handle(&incoming, &mut answer), Err(Refusal::NotStun));
                }
            }
            let mut refused = |from: &str, bytes: &[u8]| ask(&mut r, from, HERE, bytes).unwrap_err();
            assert_eq!(refused("192.0.2.7:861", &stamp_request(0, 0, key)), Refusal::SourcePort);
            assert_eq!(refused("192.0.2.7:862", &request(60, key)), Refusal::SourcePort, "STUN from there");
            assert_eq!(refused("198.51.100.1:19100", &stamp_request(0, 0, key)), Refusal::OwnSocket);
            if key.is_some() {
                assert_eq!(refused(CLIENT, &stamp_request(0, 0, None)), Refusal::Unsigned);
                assert_eq!(refused(CLIENT, &stamp_request(0, 0, Some(b"another"))), Refusal::WrongKey);
            }
        }
    }

    #[test]
    fn a_granted_session_has_its_own_state_and_limits_and_a_strange_token_has_neither() {
        let mut r = reflector(None);
        let ask = crate::wire::grant::Ask {
            kind: Kind::Train,
            up_kbps: 80,
            down_kbps: 80,
            packets_per_second: 50,
            seconds: 10,
        };
        let mut answer = [0; LONGEST];
        let start = r.start;
        r.sessions.grant(&ask, at(CLIENT).ip(), 7, start).unwrap();
        let mut told = |from: &str, token: u64| {
            let bytes = stamp_request(0, token, None);
            let written = r.handle(&Incoming::plain(start, at(from), at(HERE), &bytes), &mut answer)?;
            let (reply, tlvs) = packet::read_reply(&answer[..written.len], None).unwrap();
            let report = tlvs.first_of(packet::kind::REPORT).and_then(|t| packet::Report::read(t.value)).unwrap();
            Ok((reply.seq, report.token, report.duplicates, report.overflow))
        };
        assert_eq!(told(CLIENT, 7), Ok((0, 7, 0, 0)));
        assert_eq!(told("192.0.2.7:40001", 7), Ok((0, 0, 0, 0)), "another's token");
        assert_eq!(told(CLIENT, 8), Ok((0, 0, 0, 0)), "no session's token");
        assert_eq!(told(CLIENT, 7), Ok((1, 7, 1, 0)));
        let more = (0..100).map(|_| told(CLIENT, 7)).filter(|t| *t == Err(Refusal::SessionRate)).count();
        assert!((20..60).contains(&more), "{more}");
        r.sessions.end(7);
        assert!(ask_stamp_seq(&mut r) > 0, "the stranger's own session goes on");
    }

    fn ask_stamp_seq(r: &mut Reflector) -> u32 {
        let bytes = stamp_request(0, 7, None);
        let mut answer = [0; LONGEST];
        let written = r.handle(&Incoming::plain(r.start, at(CLIENT), at(HERE), &bytes), &mut answer).unwrap();
        packet::read_reply(&answer[..written.len], None).unwrap().0.seq
    }

    /// Carries datagrams between two responders, each of which may answer the other's answer, until nothing moves.
    fn exchanged(a: &mut Reflector, b: &mut Reflector, from: SocketAddr, to: SocketAddr, first: &[u8]) -> usize {
        let (mut bytes, mut ends, mut count) = (first.to_vec(), (from, to), 0);
        let mut answer = [0; LONGEST];
        while count < 10 {
            let who = if count % 2 == 0 { &mut *b } else { &mut *a };
            let Ok(a) = who.handle(&Incoming::plain(who.start, ends.0, ends.1, &bytes), &mut answer) else { break };
            bytes = answer[..a.len].to_vec();
            ends = (ends.1, ends.0);
            count += 1;
        }
        count
    }

    fn any_first() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            (20usize..200).prop_map(|n| request(n, None)),
            Just(bare()),
            (any::<[u8; 12]>(), any::<bool>()).prop_map(|(id, marker)| {
                let mut buf = [0; MAX_WRITTEN];
                let n = write_binding_success(&mut buf, id, at(CLIENT), marker, None).unwrap();
                buf[..n].to_vec()
            }),
            (0usize..300, any::<u64>()).prop_map(|(n, token)| stamp_request(n, token, None)),
            (0usize..300).prop_map(|n| stamp_request(n, 0, Some(b"key"))),
            (44usize..200, any::<u8>())
                .prop_map(|(n, fill)| [vec![fill; 16], vec![0; 28], vec![fill; n - 44]].concat()),
            (20usize..120, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(n, i, to)| {
                let mut bytes = request(n, None);
                let i = i.index(bytes.len());
                bytes[i] = to;
                bytes
            }),
        ]
    }

    proptest! {
        #[test]
        fn two_responders_exchange_at_most_one_datagram(first in any_first(), keyed in any::<bool>(), stamp in any::<bool>()) {
            let key: Option<&[u8]> = keyed.then_some(b"key");
            let (here, there) = if stamp { ("198.51.100.1:862", "203.0.113.5:862") } else { (HERE, "203.0.113.5:19100") };
            let mut a = Reflector::new(AnswerLimits::default(), own(&[here]), key, 42, start());
            let mut b = Reflector::new(AnswerLimits::default(), own(&[there]), key, 1, start());
            prop_assert!(exchanged(&mut a, &mut b, at(here), at(there), &first) <= 1);
            // One responder pointed at itself.
            let mut twin = reflector(None);
            prop_assert_eq!(exchanged(&mut a, &mut twin, at(HERE), at("198.51.100.1:19100"), &first), 0);
        }

        #[test]
        fn no_answer_is_longer_than_its_request_beyond_the_bare_budget(
            datagrams in proptest::collection::vec((any_first(), 1u32..2000, any::<bool>(), 0u64..5), 1..150)
        ) {
            let mut r = reflector(None);
            let (mut now, mut longer) = (r.start, 0);
            let mut answer = [0; LONGEST];
            for (bytes, host, v6, ms) in &datagrams {
                now += Duration::from_millis(*ms);
                let (from, to) = match v6 {
                    true => (format!("[2001:db8:0:{host:x}::1]:40000"), "[2001:db8::1]:19099"),
                    false => (format!("10.9.{}.{}:40000", host / 250, 1 + host % 250), HERE),
                };
                if let Ok(Answer { len: n, .. }) = r.handle(&Incoming::plain(now, at(&from), at(to), bytes), &mut answer) {
                    if Speaks::of(bytes) == Speaks::Stamp {
                        prop_assert_eq!(n, bytes.len());
                        continue;
                    }
                    let asked = Message::read(bytes).unwrap();
                    prop_assert_eq!((asked.class(), asked.method()), (Class::Request, BINDING));
                    if n > bytes.len() {
                        prop_assert_eq!(n, if *v6 { 44 } else { 32 });
                        longer += 1;
                    }
                }
            }
            // 100 at once and 100 a second, over at most 0.75 s.
            prop_assert!(longer <= 175, "{}", longer);
        }

        #[test]
        fn with_a_key_nothing_else_is_answered_and_never_with_more(first in any_first(), n in 0usize..200) {
            let mut r = reflector(Some(b"another key"));
            prop_assert!(ask(&mut r, CLIENT, HERE, &first).is_err());
            let mut r = reflector(Some(b"key"));
            let signed = request(n, Some(b"key"));
            if let Ok(answer) = ask(&mut r, CLIENT, HERE, &signed) {
                prop_assert!(answer.len() <= signed.len());
            }
        }
    }
}
