//! Sessions that the responder granted over TLS: how many and how much, to whom each is bound, and when it is over. A
//! bounded table with one owner. Knows no socket, no clock, no randomness and no datagram.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::limits::{Bucket, Rate, source_key};
use super::stamp::Track;
use crate::wire::grant::{Ask, Grant, Kind};

/// A grant that is not used is forgotten after so long.
const UNUSED: Duration = Duration::from_secs(3);

/// A session is forgotten so long after its last datagram.
const IDLE: Duration = Duration::from_secs(2);

/// For datagrams on their way, and the sender's last queries, a session may outlast what was granted by so long.
const GRACE: Duration = Duration::from_secs(2);

/// One source (/32, /64) may hold one in so many of the sessions, kbit/s and packets a second, and what one session may
/// have in any case.
const SHARE: u32 = 4;

/// What is granted at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantLimits {
    /// Sessions at once.
    pub sessions: u32,
    /// Kbit/s of one session at the IP level, each way.
    pub session_kbps: u32,
    /// Kbit/s of all sessions together at the IP level, each way.
    pub kbps: u32,
    /// Seconds of one session.
    pub session_seconds: u32,
    /// Bytes that the responder sends in one session (UDP payload).
    pub session_bytes: u64,
    /// Datagrams a second of all sessions together: what this machine answers without loss or delay of its own.
    pub packets_per_second: u32,
}

impl Default for GrantLimits {
    /// `examples/stamp_load.rs` shows that two cores answer so many datagrams a second.
    fn default() -> Self {
        Self {
            sessions: 1000,
            session_kbps: 20_000,
            kbps: 200_000,
            session_seconds: 60,
            session_bytes: 200_000_000,
            packets_per_second: 60_000,
        }
    }
}

/// Why a session is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It never will be.
    Never(String),
    /// This source has enough.
    Source(String),
    /// All together have enough.
    Busy(String),
}

/// One granted session.
#[derive(Clone, Debug)]
pub struct Session {
    kind: Kind,
    /// What it may use.
    packets_per_second: u32,
    up_kbps: u32,
    down_kbps: u32,
    seconds: u32,
    /// Who asked for it, see [`source_key`].
    asked_by: u64,
    granted: Instant,
    first: Option<Instant>,
    last: Instant,
    /// Its UDP source: that of the first datagram with the token.
    source: Option<SocketAddr>,
    packets: Bucket,
    bytes_in: Bucket,
    /// UDP payload that may still be sent.
    bytes_left: u64,
    /// Of a train.
    pub track: Track,
}

// What a session costs is bounded, whatever its packets say.
const _: () = assert!(size_of::<Session>() < 2048);

impl Session {
    /// Whether a datagram of `up` bytes at the IP level, which is answered with `down` bytes of UDP payload, is within
    /// what was granted, with a fifth to spare; takes it from there.
    pub fn admit(&mut self, now: Instant, up: usize, down: usize) -> bool {
        let at = u64::try_from(now.saturating_duration_since(self.granted).as_nanos()).unwrap_or(u64::MAX);
        let packets = fifth_more(self.packets_per_second);
        // A second's worth at once, because what waited in a queue comes at once.
        let packets = Rate::new(packets, packets.max(64));
        let bytes = fifth_more(self.up_kbps.saturating_mul(125));
        let bytes = Rate::new(bytes, bytes.max(64 << 10));
        let (up, down) = (u32::try_from(up).unwrap_or(u32::MAX), down as u64);
        let fits = self.packets.has(packets, at) && self.bytes_in.has_many(bytes, at, up) && self.bytes_left >= down;
        if fits {
            self.packets.take(packets, at);
            self.bytes_in.take_many(bytes, at, up);
            self.bytes_left -= down;
        }
        fits
    }

    /// Whether more bytes of UDP payload may be sent; takes them.
    pub fn spend(&mut self, bytes: u64) -> bool {
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.unwrap_or(self.bytes_left);
        left.is_some()
    }

    /// Kbit/s at the IP level that the responder may send.
    pub fn down_kbps(&self) -> u32 {
        self.down_kbps
    }

    /// Datagrams a second.
    pub fn packets_per_second(&self) -> u32 {
        self.packets_per_second
    }

    /// UDP payload that may still be sent, and seconds that it may last from its first datagram.
    pub fn left(&self) -> (u64, u32) {
        (self.bytes_left, self.seconds)
    }

    /// Its place is free for others.
    fn is_over(&self, now: Instant) -> bool {
        match self.first {
            None => now.saturating_duration_since(self.granted) > UNUSED,
            Some(_) => now.saturating_duration_since(self.last) > IDLE || self.has_expired(now),
        }
    }

    /// It has lasted as long as it may.
    fn has_expired(&self, now: Instant) -> bool {
        let longest = Duration::from_secs(self.seconds.into()) + GRACE;
        match self.first {
            None => now.saturating_duration_since(self.granted) > UNUSED,
            Some(first) => now.saturating_duration_since(first) > longest,
        }
    }
}

/// All granted sessions, by token.
#[derive(Debug, Default)]
pub struct Sessions {
    limits: GrantLimits,
    table: HashMap<u64, Session>,
}

impl Sessions {
    /// None yet.
    pub fn new(limits: GrantLimits) -> Self {
        Self { limits, table: HashMap::new() }
    }

    /// Those whose place nobody else may take.
    #[cfg(test)]
    fn len(&self, now: Instant) -> usize {
        self.table.values().filter(|s| !s.is_over(now)).count()
    }

    /// Grants what is asked for, or says why not. `chance` must be secret and random.
    pub fn grant(&mut self, ask: &Ask, source: IpAddr, chance: u128, now: Instant) -> Result<Grant, Denied> {
        self.table.retain(|_, session| !session.is_over(now));
        let bytes = self.fits_alone(ask)?;
        self.fits_source(ask, source)?;
        self.fits_all(ask)?;
        let (token, ssid) = (chance as u64, (chance >> 64) as u16);
        if token == 0 || self.table.contains_key(&token) {
            return Err(Denied::Busy("the responder drew a token that is in use; ask again".to_owned()));
        }
        let session = Session {
            kind: ask.kind,
            packets_per_second: ask.packets_per_second,
            up_kbps: if ask.kind == Kind::Train { ask.up_kbps.max(ask.down_kbps) } else { ask.up_kbps },
            down_kbps: ask.down_kbps,
            seconds: ask.seconds,
            asked_by: source_key(source),
            granted: now,
            first: None,
            last: now,
            source: None,
            packets: Bucket::default(),
            bytes_in: Bucket::default(),
            bytes_left: bytes,
            track: Track::default(),
        };
        self.table.insert(token, session);
        Ok(Grant { ssid: ssid.max(1), token: format!("{token:016x}"), seconds: ask.seconds, bytes })
    }

    /// The session of that token and kind, for a datagram from `from`: the first one binds it to its source. `None`: there
    /// is none, its time is over, or it is another's. One that fell silent goes on while nobody has asked for its place.
    pub fn claim(&mut self, token: u64, kind: Kind, from: SocketAddr, now: Instant) -> Option<&mut Session> {
        let session = self.table.get_mut(&token).filter(|s| s.kind == kind)?;
        if session.has_expired(now) || session.source.is_some_and(|source| source != from) {
            return None;
        }
        session.source = Some(from);
        session.first.get_or_insert(now);
        session.last = now;
        Some(session)
    }

    /// The session of that token, whoever it is bound to.
    pub fn get_mut(&mut self, token: u64) -> Option<&mut Session> {
        self.table.get_mut(&token)
    }

    /// Ends a session.
    #[cfg(test)]
    pub(super) fn end(&mut self, token: u64) {
        self.table.remove(&token);
    }

    /// What one session may have; answers the bytes that it will be given.
    fn fits_alone(&self, ask: &Ask) -> Result<u64, Denied> {
        let limits = &self.limits;
        let never = |text: String| Err(Denied::Never(text));
        let kbps = ask.up_kbps.max(ask.down_kbps);
        if kbps == 0 || ask.packets_per_second == 0 || ask.seconds == 0 {
            return never("a session needs a rate, packets a second and seconds above 0".to_owned());
        }
        if kbps > limits.session_kbps {
            return never(format!(
                "a session may use at most {} kbit/s each way here (--max-session-kbps of serve), and {kbps} were asked for",
                limits.session_kbps
            ));
        }
        if ask.seconds > limits.session_seconds {
            return never(format!(
                "a session may last at most {} s here (--max-session-seconds of serve), and {} were asked for",
                limits.session_seconds, ask.seconds
            ));
        }
        if kbps > limits.kbps {
            return never(format!(
                "all sessions together may use {} kbit/s each way here (--max-kbps of serve), and {kbps} were asked for",
                limits.kbps
            ));
        }
        if ask.packets_per_second > limits.packets_per_second {
            return never(format!(
                "all sessions together may send {} packets a second here (--max-session-packets of serve), and {} were \
                 asked for",
                limits.packets_per_second, ask.packets_per_second
            ));
        }
        let down = if ask.kind == Kind::Train { kbps } else { ask.down_kbps };
        let needed = u64::from(down) * 125 * u64::from(ask.seconds);
        if needed > limits.session_bytes {
            return never(format!(
                "a session may be sent at most {} bytes here (--max-session-bytes of serve), and {down} kbit/s for {} s \
                 are {needed}",
                limits.session_bytes, ask.seconds
            ));
        }
        // Headers are counted in `needed` and not in what is spent; a fifth to spare as in `admit`, and as long again as
        // the grace.
        let spare = needed / 5 + u64::from(down) * 125 * GRACE.as_secs();
        Ok(needed.saturating_add(spare).min(limits.session_bytes))
    }

    fn fits_source(&self, ask: &Ask, source: IpAddr) -> Result<(), Denied> {
        let key = source_key(source);
        let own = || self.table.values().filter(|s| s.asked_by == key);
        let held = own().count();
        let most = (self.limits.sessions / SHARE).max(1) as usize;
        if held >= most {
            return Err(Denied::Source(format!(
                "{source} holds {held} sessions, and one source may hold a quarter of those that are served \
                 (--max-sessions {} of serve); ask again in some seconds",
                self.limits.sessions
            )));
        }
        let limits = &self.limits;
        let sum = |of: fn(&Session) -> u32| own().map(|s| u64::from(of(s))).sum::<u64>();
        let kbps = (limits.kbps / SHARE).max(limits.session_kbps);
        let asked = ask.up_kbps.max(ask.down_kbps);
        let used = sum(|s| s.up_kbps).max(sum(|s| s.down_kbps));
        if used + u64::from(asked) > u64::from(kbps) {
            return Err(Denied::Source(format!(
                "{source} holds {used} kbit/s, one source may hold {kbps} here (--max-kbps and --max-session-kbps of \
                 serve), and {asked} more were asked for; ask again in some seconds"
            )));
        }
        let packets = (limits.packets_per_second / SHARE).max(most_packets(limits.session_kbps));
        let (asked, used) = (ask.packets_per_second, sum(|s| s.packets_per_second));
        if used + u64::from(asked) > u64::from(packets) {
            return Err(Denied::Source(format!(
                "{source} holds {used} packets a second, one source may hold {packets} here (--max-session-packets of \
                 serve), and {asked} more were asked for; ask again in some seconds"
            )));
        }
        Ok(())
    }

    fn fits_all(&self, ask: &Ask) -> Result<(), Denied> {
        let limits = &self.limits;
        let busy = |text: String| Err(Denied::Busy(format!("{text}; ask again when others have ended")));
        if self.table.len() >= limits.sessions as usize {
            return busy(format!("all {} sessions are in use (--max-sessions of serve)", limits.sessions));
        }
        let sum = |of: fn(&Session) -> u32| self.table.values().map(|s| u64::from(of(s))).sum::<u64>();
        let free = |limit: u32, used: u64| u64::from(limit).saturating_sub(used);
        let kbps = free(limits.kbps, sum(|s| s.up_kbps).max(sum(|s| s.down_kbps)));
        let asked = ask.up_kbps.max(ask.down_kbps);
        if u64::from(asked) > kbps {
            return busy(format!(
                "of {} kbit/s for all sessions {kbps} are free (--max-kbps of serve), and {asked} were asked for",
                limits.kbps
            ));
        }
        let packets = free(limits.packets_per_second, sum(|s| s.packets_per_second));
        if u64::from(ask.packets_per_second) > packets {
            return busy(format!(
                "of {} packets a second for all sessions {packets} are free (--max-session-packets of serve), and {} were \
                 asked for",
                limits.packets_per_second, ask.packets_per_second
            ));
        }
        Ok(())
    }
}

/// What a session of so many kbit/s sends in packets of about 1,200 bytes, with pings and feedback.
fn most_packets(kbps: u32) -> u32 {
    kbps.div_ceil(9).saturating_add(100)
}

fn fifth_more(rate: u32) -> u32 {
    rate.saturating_add(rate / 5).saturating_add(1)
}

#[cfg(test)]
mod tests;
