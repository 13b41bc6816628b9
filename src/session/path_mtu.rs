//! Which sizes of datagrams a way lets through unfragmented (RFC 8899 section 5 in one go): whoever answers STUN at a port is
//! asked with requests as long as each size, up to three times, with small ones around them. A responder of ours gives STAMP
//! answers as long as the request, so both directions are seen. Knows no socket and no verdict.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::ids::Ids;
use super::{Credential, SendError, Transmit, canonical};
use crate::model::path::{Mtu, MtuAnswerer, MtuSize, SizeFate, TooBig};
use crate::wire::stamp::{ErrorEstimate, Request, Timestamp, read_reply, write_request};
use crate::wire::stun::{BINDING, Class, Message, request_len, write_binding_request};

/// No datagram is longer.
pub const LONGEST: usize = 2048;

/// Rounds in which a size is asked for (RFC 8899's MAX_PROBES).
const ROUNDS: u8 = 3;

/// When it is asked who is there, after the start, and when nobody is.
const GREETINGS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(700)];
const NOBODY: Duration = Duration::from_millis(1200);

/// Between two datagrams of a round: no burst that a shallow queue would cut.
const GAP: Duration = Duration::from_millis(4);

/// Bounds of the wait after a round.
const LEAST_WAIT: Duration = Duration::from_millis(200);
const MOST_WAIT: Duration = Duration::from_millis(500);

/// Marks of ids: small ones, and long ones by the number of their size.
const SMALL: u16 = u16::MAX;
const ECHOED: u16 = 0x4000;

/// What to look for.
#[derive(Clone, Debug)]
pub struct Config {
    pub target: IpAddr,
    /// Ports at which STUN may be answered.
    pub ports: Vec<u16>,
    /// Makes ids that nobody can guess.
    pub secret: [u8; 32],
    pub credential: Option<Credential>,
}

/// Lengths of UDP payloads: what media need, and what fills packets of 1280 to 1500 bytes and what tunnels leave of them.
pub fn sizes(target: IpAddr) -> [u16; 5] {
    if target.is_ipv4() { [1200, 1280, 1372, 1400, 1472] } else { [1200, 1280, 1372, 1400, 1452] }
}

/// Bytes of the IP and UDP headers.
fn headers(target: IpAddr) -> u16 {
    if target.is_ipv4() { 28 } else { 48 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many greetings were sent.
    Greeting(usize),
    /// The round, and what of it is sent next.
    Sizing {
        round: u8,
        next: usize,
    },
    /// Nothing more is sent; the last answers are waited for.
    Closing,
    Over,
}

/// One size under way.
#[derive(Clone, Copy, Debug)]
struct Size {
    bytes: u16,
    up: SizeFate,
    down: SizeFate,
}

/// The search.
pub struct PathMtu {
    config: Config,
    ids: Ids,
    start: Instant,
    next: Instant,
    stage: Stage,
    refused: Vec<u16>,
    /// Where it was answered, by a responder or not, and how soon.
    answerer: Option<(u16, MtuAnswerer)>,
    rtt: Duration,
    /// Small ones that were sent and answered since then, as bits by round.
    small: (u8, u8),
    rounds: u8,
    sizes: Vec<Size>,
    too_big: Option<TooBig>,
}

impl PathMtu {
    /// Begins at `now`.
    pub fn new(now: Instant, config: Config) -> Self {
        let size = |bytes| Size { bytes, up: SizeFate::Untried, down: SizeFate::Untried };
        let stage = if config.ports.is_empty() { Stage::Over } else { Stage::Greeting(0) };
        Self {
            ids: Ids::new(&config.secret),
            sizes: sizes(config.target).into_iter().map(size).collect(),
            start: now,
            next: now,
            stage,
            refused: Vec::new(),
            answerer: None,
            rtt: Duration::ZERO,
            small: (0, 0),
            rounds: 0,
            too_big: None,
            config,
        }
    }

    /// When to ask again although nothing came; `None` when it is over.
    pub fn wake(&self) -> Option<Instant> {
        (self.stage != Stage::Over).then_some(self.next)
    }

    /// What was seen; `None` where nobody answered.
    pub fn outcome(&self) -> Option<Mtu> {
        let (port, answerer) = self.answerer?;
        let size = |s: &Size| MtuSize {
            bytes: s.bytes,
            packet: s.bytes + headers(self.config.target),
            up: s.up,
            down: s.down,
        };
        let control = self.small.0 != 0 && self.small.0 == self.small.1;
        let silent = if control { SizeFate::Silent } else { SizeFate::Untried };
        let mut sizes: Vec<MtuSize> = self.sizes.iter().map(size).collect();
        for size in sizes.iter_mut().filter(|_| self.rounds == ROUNDS && self.stage == Stage::Over) {
            let echoes = answerer == MtuAnswerer::Responder;
            if size.up == SizeFate::Untried {
                size.up = silent;
            } else if echoes && size.up == SizeFate::Passed && size.down == SizeFate::Untried {
                size.down = silent;
            }
        }
        Some(Mtu { answerer, port, control, sizes, too_big: self.too_big })
    }

    fn echoes(&self) -> bool {
        self.answerer.is_some_and(|(_, a)| a == MtuAnswerer::Responder)
    }

    /// What is to be sent for the size in this round: a long request, or one that is echoed.
    fn due(&self, round: u8, number: usize) -> Option<u16> {
        let (index, echoed) = (number / 2, number.is_multiple_of(2));
        let size = self.sizes.get(index)?;
        let index = u16::try_from(index).ok()?;
        match echoed {
            true => (self.echoes() && size.down == SizeFate::Untried && self.may_go(size)).then_some(ECHOED | index),
            // Of a responder the echo alone is asked for first: where it comes, both ways are known.
            false => (size.up == SizeFate::Untried && (round > 0 || !self.echoes())).then_some(index),
        }
    }

    fn may_go(&self, size: &Size) -> bool {
        matches!(size.up, SizeFate::Untried | SizeFate::Passed)
    }

    fn settled(&self) -> bool {
        let mut all = 0..self.sizes.len() * 2;
        !all.any(|number| self.due(1, number).is_some())
    }

    /// Writes the datagram that is due at `now`.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if now < self.next {
            return None;
        }
        match self.stage {
            Stage::Greeting(sent) => self.greet(sent, buf),
            Stage::Sizing { round, next } => self.sizing(now, round, next, buf),
            Stage::Closing => {
                self.stage = Stage::Over;
                None
            }
            Stage::Over => None,
        }
    }

    fn greet(&mut self, sent: usize, buf: &mut [u8]) -> Option<Transmit> {
        let count = self.config.ports.len();
        if sent >= GREETINGS.len() * count {
            self.stage = Stage::Over;
            return None;
        }
        self.stage = Stage::Greeting(sent + 1);
        self.next = self.start + GREETINGS.get((sent + 1) / count).copied().unwrap_or(NOBODY);
        let port = self.config.ports.get(sent % count).copied().filter(|p| !self.refused.contains(p))?;
        self.request(buf, port, SMALL, u8::try_from(sent / count).ok()?, 0)
    }

    fn sizing(&mut self, now: Instant, round: u8, next: usize, buf: &mut [u8]) -> Option<Transmit> {
        let (port, _) = self.answerer?;
        if next == 0 {
            self.stage = Stage::Sizing { round, next: 1 };
            self.small.0 |= 1 << round;
            self.next = now + GAP;
            if round == ROUNDS {
                self.stage = Stage::Closing;
                self.next = now + self.wait();
            }
            return self.request(buf, port, SMALL, 16 + round, 0);
        }
        let Some((number, mark)) = (next - 1..self.sizes.len() * 2).find_map(|n| Some((n, self.due(round, n)?))) else {
            self.rounds = round + 1;
            self.stage = if self.settled() { Stage::Over } else { Stage::Sizing { round: round + 1, next: 0 } };
            self.next = now + self.wait();
            return None;
        };
        self.stage = Stage::Sizing { round, next: number + 2 };
        self.next = now + GAP;
        let bytes = self.sizes.get(number / 2)?.bytes;
        self.request(buf, port, mark, round, bytes)
    }

    fn wait(&self) -> Duration {
        (self.rtt * 2).clamp(LEAST_WAIT, MOST_WAIT)
    }

    /// A Binding request, or a STAMP packet where an echo is wanted.
    fn request(&self, buf: &mut [u8], port: u16, mark: u16, attempt: u8, bytes: u16) -> Option<Transmit> {
        let to = SocketAddr::new(self.config.target, port);
        let auth = self.config.credential.as_ref().map(Credential::auth);
        if mark != SMALL && mark & ECHOED != 0 {
            let request =
                Request { seq: attempt.into(), sent: self.stamp(mark, attempt), error: ErrorEstimate(1), ssid: mark };
            let key = self.config.credential.as_ref().map(|c| &*c.key);
            let len = write_request(buf, &request, None, None, key, bytes.into())?;
            return Some(Transmit { to, len });
        }
        let length = usize::from(bytes).max(request_len(auth.is_some()));
        let len = write_binding_request(buf, self.ids.id(mark, attempt), auth, length)?;
        Some(Transmit { to, len })
    }

    /// A time that nobody can guess: it comes back with the answer.
    fn stamp(&self, mark: u16, attempt: u8) -> Timestamp {
        let id = self.ids.id(mark, attempt);
        Timestamp(u64::from_be_bytes([id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10]]))
    }

    /// A datagram came.
    pub fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let from = canonical(from);
        if self.stage == Stage::Over || from.ip() != self.config.target.to_canonical() {
            return;
        }
        match Message::read(bytes) {
            Ok(message) => self.on_stun(now, from.port(), &message),
            Err(_) => self.on_stamp(bytes),
        }
        let sizing = matches!(self.stage, Stage::Sizing { .. } | Stage::Closing);
        if sizing && self.answerer.is_some() && self.rounds > 0 && self.settled() {
            self.stage = Stage::Over;
        }
    }

    fn on_stun(&mut self, now: Instant, port: u16, message: &Message<'_>) {
        let Some((mark, attempt)) = self.ids.asked(&message.id()) else { return };
        if message.method() != BINDING || !matches!(message.class(), Class::Success | Class::Error) {
            return;
        }
        match (mark, self.answerer) {
            (SMALL, None) => {
                let answerer = if message.responder().is_some() { MtuAnswerer::Responder } else { MtuAnswerer::Stun };
                self.answerer = Some((port, answerer));
                let sent = GREETINGS.get(usize::from(attempt)).copied().unwrap_or_default();
                self.rtt = now.saturating_duration_since(self.start + sent);
                self.stage = Stage::Sizing { round: 0, next: 0 };
                self.next = now;
            }
            (SMALL, Some(_)) if attempt >= 16 => self.small.1 |= 1u8.checked_shl(u32::from(attempt) - 16).unwrap_or(0),
            (SMALL, _) => {}
            (mark, _) => {
                if let Some(size) = self.sizes.get_mut(usize::from(mark)) {
                    size.up = SizeFate::Passed;
                }
            }
        }
    }

    fn on_stamp(&mut self, bytes: &[u8]) {
        let key = self.config.credential.as_ref().map(|c| c.key.clone());
        let Ok((reply, _)) = read_reply(bytes, key.as_deref()) else { return };
        let Ok(attempt) = u8::try_from(reply.request_seq) else { return };
        let index = usize::from(reply.ssid & !ECHOED);
        let is_ours = reply.ssid & ECHOED != 0 && reply.request_sent == self.stamp(reply.ssid, attempt);
        if let Some(size) = self.sizes.get_mut(index).filter(|s| is_ours && bytes.len() >= usize::from(s.bytes)) {
            (size.up, size.down) = (SizeFate::Passed, SizeFate::Passed);
        }
    }

    /// A router says that a datagram is too big for the next link, of `mtu` (0: it does not say which).
    pub fn on_too_big(&mut self, _now: Instant, from: Option<IpAddr>, mtu: u32, quoted: &[u8]) {
        let of_stun = quoted.get(8..20).and_then(|id| <[u8; 12]>::try_from(id).ok()).and_then(|id| self.ids.asked(&id));
        let of_stamp = || Some(u16::from_be_bytes([*quoted.get(14)?, *quoted.get(15)?])).filter(|m| m & ECHOED != 0);
        let about = of_stun.map(|(mark, _)| mark).or_else(of_stamp).map(|mark| usize::from(mark & !ECHOED));
        let known = Some(mtu).filter(|m| *m >= 68);
        let headers = u32::from(headers(self.config.target));
        for (number, size) in self.sizes.iter_mut().enumerate() {
            let too_long = known.is_some_and(|mtu| u32::from(size.bytes) + headers > mtu);
            if size.up == SizeFate::Untried && (too_long || about == Some(number)) {
                size.up = SizeFate::TooBig;
            }
        }
        let smaller = self.too_big.is_none_or(|t| known.is_some_and(|m| t.mtu.is_none_or(|had| m < had)));
        if smaller {
            self.too_big = Some(TooBig { from, mtu: known });
        }
    }

    /// A port is closed.
    pub fn on_refused(&mut self, _now: Instant, to: SocketAddr) {
        if self.answerer.is_none() && !self.refused.contains(&to.port()) {
            self.refused.push(to.port());
            if self.config.ports.iter().all(|p| self.refused.contains(p)) {
                self.stage = Stage::Over;
            }
        }
    }

    /// A datagram of `len` bytes could not be sent.
    pub fn on_send_error(&mut self, _now: Instant, len: usize, error: SendError) {
        match error {
            SendError::TooBig => {
                let longer = |s: &&mut Size| usize::from(s.bytes) >= len && s.up == SizeFate::Untried;
                self.sizes.iter_mut().filter(longer).for_each(|s| s.up = SizeFate::Local);
            }
            SendError::Prohibited | SendError::NoRoute if self.answerer.is_none() => self.stage = Stage::Over,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
