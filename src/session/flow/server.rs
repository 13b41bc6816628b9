//! The responder's end of flows: a half that receives and answers, and a half that sends, which run on different threads
//! and share what was sent. Neither says anything to a source that has not shown its cookie but the cookie itself, in
//! answer to something longer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use super::cookie::Baker;
use super::receiver::Receiver;
use super::sender::Sender;
use super::shape::{headers, within};
use super::{MS, S};
use crate::session::limits::{Bucket, Rate};
use crate::wire::flow::{Body, Feedback, Head, Kind, Shape, write};

/// Data stops when the client said nothing for so long.
pub const HEARD_WITHIN: u64 = S;

/// A session is forgotten when nothing came for so long.
pub const FORGOTTEN_AFTER: u64 = 2 * S;

/// An unused one likewise.
pub const UNUSED_FOR: u64 = 3 * S;

/// Each feedback answers one of the client's; where those are lost, it is told unasked.
const UNASKED_AFTER: u64 = 600 * MS;

/// What was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    pub token: u64,
    /// At the IP level, of the responder's own data.
    pub down_kbps: u32,
    /// Of the responder's own data.
    pub packets_per_second: u32,
    /// From the first datagram.
    pub seconds: u32,
    /// UDP payload of the responder's own data.
    pub bytes: u64,
}

impl Granted {
    /// Bytes at the IP level: a little more than the shapes are slowed down to, and a tenth of a second's at once.
    fn byte_rate(&self) -> Rate {
        let bytes = self.down_kbps.saturating_mul(125);
        Rate::new(bytes.saturating_add(bytes / 50), (bytes / 10).max(6000))
    }

    fn packet_rate(&self) -> Rate {
        Rate::new(self.packets_per_second, (self.packets_per_second / 10).max(64))
    }
}

/// What both halves know, and every sending half of a session after the other.
#[derive(Debug, Default)]
pub struct Shared {
    /// When the client was last heard.
    pub heard_at: AtomicU64,
    /// Packets of data sent so far.
    pub sent: AtomicU32,
    /// Nothing more will be sent.
    pub stopped: AtomicBool,
    spent: Mutex<Spent>,
}

/// What was used of a grant.
#[derive(Debug, Default)]
struct Spent {
    sent: u32,
    bytes: u64,
    byte_rate: Bucket,
    packet_rate: Bucket,
}

/// What became of a packet that was due.
enum Drawn {
    /// It is sent with this number.
    Number(u32),
    /// It would be more than was granted by now.
    TooSoon,
    /// All bytes are used.
    UsedUp,
}

impl Shared {
    /// Takes a packet with `len` bytes of UDP payload from the grant.
    fn draw(&self, granted: &Granted, now: u64, len: u16, headers: u32) -> Drawn {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = spent.bytes.saturating_add(u64::from(len));
        if bytes > granted.bytes {
            return Drawn::UsedUp;
        }
        let (byte_rate, packet_rate, whole) = (granted.byte_rate(), granted.packet_rate(), u32::from(len) + headers);
        if !spent.byte_rate.has_many(byte_rate, now, whole) || !spent.packet_rate.has(packet_rate, now) {
            return Drawn::TooSoon;
        }
        spent.byte_rate.take_many(byte_rate, now, whole);
        spent.packet_rate.take(packet_rate, now);
        spent.bytes = bytes;
        let number = spent.sent;
        spent.sent = number.wrapping_add(1);
        self.sent.store(spent.sent, Relaxed);
        Drawn::Number(number)
    }
}

/// What the sending half is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub stage: u16,
    pub shape: Shape,
    /// How long from the moment the order is taken, in nanoseconds.
    pub time: u64,
    /// The session is over.
    pub stop: bool,
}

/// The receiving half.
pub struct Server {
    granted: Granted,
    cookie: u64,
    source: Option<SocketAddr>,
    receiver: Receiver,
    made_at: u64,
    first_at: u64,
    heard_at: u64,
    told_at: u64,
    /// Of the client's last feedback, and the stage it asked for.
    heard: Option<(u32, u16)>,
}

/// A datagram that came.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    pub head: Head,
    pub body: Body,
    pub len: usize,
    /// By the kernel's telling, which may be a little before it is looked at.
    pub arrived: u64,
}

/// What a datagram led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Bytes to send back; 0: none.
    pub len: usize,
    pub order: Option<Order>,
}

impl Server {
    /// A session granted at `now`.
    pub fn new(granted: Granted, now: u64) -> Self {
        Self {
            granted,
            cookie: 0,
            source: None,
            receiver: Receiver::default(),
            made_at: now,
            first_at: 0,
            heard_at: now,
            told_at: 0,
            heard: None,
        }
    }

    /// Where data goes, once that has shown its cookie.
    pub fn source(&self) -> Option<(SocketAddr, u64)> {
        self.source.map(|source| (source, self.cookie))
    }

    /// Whether it can be forgotten.
    pub fn is_over(&self, now: u64) -> bool {
        let patience = if self.source.is_some() { FORGOTTEN_AFTER } else { UNUSED_FOR };
        now.saturating_sub(self.heard_at) > patience || self.is_spent(now)
    }

    fn is_spent(&self, now: u64) -> bool {
        self.source.is_some() && now.saturating_sub(self.first_at) > u64::from(self.granted.seconds) * S
    }

    /// The socket has lost so many datagrams of this session, as far as can be told.
    pub fn on_overflow(&mut self, lost: u32) {
        self.receiver.on_overflow(lost);
    }

    /// A datagram with this session's token came from `from`; the answer goes into `buf`.
    pub fn on_datagram(
        &mut self,
        now: u64,
        from: SocketAddr,
        Datagram { head, body, len, arrived }: Datagram,
        baker: &Baker,
        shared: &Shared,
        buf: &mut [u8],
    ) -> Reply {
        let known = match self.source {
            Some(source) => source == from && head.cookie == self.cookie,
            None => head.cookie != 0 && head.cookie == baker.cookie(head.token, from),
        };
        if head.kind == Kind::Hello && self.source.is_none_or(|s| s == from) {
            let head = Head { kind: Kind::Welcome, cookie: baker.cookie(head.token, from), time: now, ..head };
            return answer(write(buf, &head, &Body::Welcome, 0));
        }
        if !known || now.saturating_sub(self.made_at) > UNUSED_FOR && self.source.is_none() {
            return Reply::default();
        }
        if self.source.is_none() {
            (self.source, self.cookie, self.first_at) = (Some(from), head.cookie, now);
        }
        self.heard_at = now;
        shared.heard_at.store(now, Relaxed);
        if head.kind != Kind::Data {
            self.receiver.on_other(len);
        }
        match body {
            Body::Data { seq } => {
                self.receiver.on_data(arrived, head.time, head.stage, seq, len);
                let due = now.saturating_sub(self.told_at) >= UNASKED_AFTER;
                if due { answer(self.tell(now, shared, buf)) } else { Reply::default() }
            }
            Body::Feedback(feedback) => self.on_feedback(now, &feedback, shared, buf),
            Body::Ping { number } => {
                let pong = Head { kind: Kind::Pong, cookie: self.cookie, time: now, ..head };
                answer(write(buf, &pong, &Body::Pong { number, echoed: head.time }, 0))
            }
            Body::Hello | Body::Welcome | Body::Pong { .. } => Reply::default(),
        }
    }

    fn on_feedback(&mut self, now: u64, feedback: &Feedback, shared: &Shared, buf: &mut [u8]) -> Reply {
        let (newer, stage) = match self.heard {
            Some((number, stage)) => (feedback.number.wrapping_sub(number).cast_signed() > 0, Some(stage)),
            None => (true, None),
        };
        if !newer && !feedback.stop {
            return Reply::default();
        }
        self.heard = Some((feedback.number, feedback.asked_stage));
        let left = (u64::from(self.granted.seconds) * S).saturating_sub(now.saturating_sub(self.first_at));
        let order = (feedback.stop || stage != Some(feedback.asked_stage)).then(|| Order {
            stage: feedback.asked_stage,
            // What cannot be slowed down enough is not sent at all.
            shape: within(&feedback.asked, f64::from(self.granted.down_kbps) * 1.01, self.is_v6()).unwrap_or_default(),
            time: (u64::from(feedback.asked_ms) * MS).min(left),
            stop: feedback.stop,
        });
        let len = self.tell(now, shared, buf);
        Reply { order, ..answer(len) }
    }

    fn tell(&mut self, now: u64, shared: &Shared, buf: &mut [u8]) -> Option<usize> {
        self.told_at = now;
        let stop = shared.stopped.load(Relaxed) || self.is_spent(now);
        let asked_stage = self.heard.map_or(0, |(_, stage)| stage);
        let told = Feedback { sent: shared.sent.load(Relaxed), asked_stage, stop, ..self.receiver.tell() };
        let head = Head { kind: Kind::Feedback, stage: 0, token: self.granted.token, cookie: self.cookie, time: now };
        write(buf, &head, &Body::Feedback(told), 0)
    }

    fn is_v6(&self) -> bool {
        self.source.is_some_and(|s| s.ip().to_canonical().is_ipv6())
    }
}

fn answer(len: Option<usize>) -> Reply {
    Reply { len: len.unwrap_or(0), order: None }
}

/// The sending half.
pub struct Outgoing {
    head: Head,
    sender: Sender,
    granted: Granted,
    headers: u32,
    /// Nothing is sent before, because it would be more than was granted.
    held_until: u64,
}

/// The grant is asked again so long after it was used up for the moment.
const HELD_FOR: u64 = MS;

impl Outgoing {
    /// Of the session that was granted; `cookie` is the one its client has shown from `to`.
    pub fn new(granted: &Granted, to: SocketAddr, cookie: u64) -> Self {
        let head = Head { kind: Kind::Data, stage: 0, token: granted.token, cookie, time: 0 };
        let headers = headers(to.ip().to_canonical().is_ipv6());
        Self { head, sender: Sender::default(), granted: *granted, headers, held_until: 0 }
    }

    /// Takes an order at `now`.
    pub fn on_order(&mut self, order: &Order, now: u64) {
        self.head.stage = order.stage;
        self.sender.set(&order.shape, now, now + order.time);
    }

    /// Writes the packet that is due at `now` into `buf`, unless the client is gone or the grant used up.
    pub fn poll_transmit(&mut self, now: u64, shared: &Shared, buf: &mut [u8]) -> Option<usize> {
        if !self.is_on(now, shared) {
            self.sender.stop();
        }
        if now < self.held_until {
            return None;
        }
        let len = self.sender.due(now)?;
        let seq = match shared.draw(&self.granted, now, len, self.headers) {
            Drawn::Number(seq) => seq,
            Drawn::TooSoon => {
                self.held_until = now + HELD_FOR;
                return None;
            }
            Drawn::UsedUp => {
                shared.stopped.store(true, Relaxed);
                return None;
            }
        };
        self.sender.take(now);
        write(buf, &Head { time: now, ..self.head }, &Body::Data { seq }, usize::from(len))
    }

    /// When the next packet is due; `None`: nothing is to be sent before the next order.
    pub fn wake(&self) -> Option<u64> {
        self.sender.wake().map(|at| at.max(self.held_until))
    }

    /// Whether the client is there and something is left to send it.
    pub fn is_on(&self, now: u64, shared: &Shared) -> bool {
        now.saturating_sub(shared.heard_at.load(Relaxed)) <= HEARD_WITHIN && !shared.stopped.load(Relaxed)
    }
}
