//! Datagrams of flows: data one way, feedback the other, and small pings in between. Reading and writing into the
//! caller's buffers; nothing allocates, no input panics, and no field of a peer's says how much is read.
//!
//! Every datagram begins with a magic whose first byte has both upper bits set, which no STUN message has, and which a
//! STAMP packet would bear only as a sequence number near the end of its range.
//!
//! ```text
//!  0  magic, 4 bytes           32  body by kind:
//!  4  version, 1 byte              Hello, Welcome  nothing
//!  5  kind, 1 byte                 Data            sequence number, 4 bytes
//!  6  stage, 2 bytes               Feedback        see `Feedback`
//!  8  token, 8 bytes               Ping            number, 4 bytes; zeros, 8 bytes
//! 16  cookie, 8 bytes              Pong            number, 4 bytes; the ping's time, 8 bytes
//! 24  time, 8 bytes                then padding
//! ```
//!
//! The token is the grant's. The cookie is what the responder made of the token and the client's address and port, and
//! told in its Welcome: only who receives there knows it.

mod fields;

use fields::{Reader, Writer};

/// What every datagram of a flow begins with.
pub const MAGIC: [u8; 4] = [0xf7, b'R', b'C', b'F'];

/// The only version.
pub const VERSION: u8 = 1;

/// Bytes of the head.
pub const HEAD_LEN: usize = 32;

/// Bytes of the shortest data.
pub const DATA_LEN: usize = HEAD_LEN + 4;

/// Bytes of ping and pong.
pub const PING_LEN: usize = HEAD_LEN + 12;

/// Bytes of feedback.
pub const FEEDBACK_LEN: usize = HEAD_LEN + 104;

/// Bytes of a hello; its answer is shorter.
pub const HELLO_LEN: usize = 64;

/// No datagram is longer.
pub const LONGEST: usize = 1472;

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The client's first, until it has a cookie.
    Hello,
    /// The answer, which bears the cookie.
    Welcome,
    Data,
    Feedback,
    Ping,
    /// The answer to a ping, as long as the ping.
    Pong,
}

impl Kind {
    const ALL: [Kind; 6] = [Kind::Hello, Kind::Welcome, Kind::Data, Kind::Feedback, Kind::Ping, Kind::Pong];

    fn code(self) -> u8 {
        Self::ALL.iter().position(|k| *k == self).map_or(0, |at| at as u8 + 1)
    }
}

/// What every datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub kind: Kind,
    /// Which part of a measurement, or which rate of a search, it belongs to.
    pub stage: u16,
    pub token: u64,
    pub cookie: u64,
    /// When it left, in nanoseconds on the sender's own clock.
    pub time: u64,
}

/// One series of packets: `burst` of `len` bytes of UDP payload, back to back, every `interval_ns`. Nothing is sent where
/// one of them is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Series {
    pub interval_ns: u32,
    pub len: u16,
    pub burst: u16,
}

/// What a sender is asked to send: a series for sound and one for pictures.
pub type Shape = [Series; 2];

/// What a receiver tells of what came, and what it wants to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// Counts feedback; later ones replace earlier ones.
    pub number: u32,
    /// Packets of data that the teller itself has sent so far.
    pub sent: u32,
    /// One more than the highest sequence number seen.
    pub expected: u32,
    /// Different packets that came.
    pub received: u32,
    pub duplicates: u32,
    /// Lost by the receiver's own socket for want of room.
    pub overflow: u32,
    /// The stage of the last packet.
    pub last_stage: u16,
    /// Nothing more is wanted, or nothing more will be sent: the session is over.
    pub stop: bool,
    /// UDP payload of the packets that came.
    pub bytes: u64,
    /// Pings and feedback that came besides, and their UDP payload.
    pub aside: u32,
    pub aside_bytes: u64,
    /// When the last packet of data came, on the receiver's clock.
    pub last_at: u64,
    /// Arrival minus departure, each on its own clock, of what came since the feedback before: least, mean, last.
    pub least_delay: i64,
    pub mean_delay: i64,
    pub last_delay: i64,
    /// How many those were; 0: the three above say nothing.
    pub delays: u32,
    /// Which stage the peer is to send, for how many milliseconds from the moment it first hears of the stage, and what.
    pub asked_stage: u16,
    pub asked_ms: u16,
    pub asked: Shape,
}

/// A datagram that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Hello,
    Welcome,
    Data { seq: u32 },
    Feedback(Feedback),
    Ping { number: u32 },
    Pong { number: u32, echoed: u64 },
}

/// Whether a datagram is of a flow at all, so that nothing else need look at it.
pub fn is_flow(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a datagram; `None`: it is none of ours, too short or of another version.
pub fn read(bytes: &[u8]) -> Option<(Head, Body)> {
    let mut r = Reader(bytes);
    if r.take::<4>()? != MAGIC || r.u8()? != VERSION {
        return None;
    }
    let kind = *Kind::ALL.get(usize::from(r.u8()?).checked_sub(1)?)?;
    let head = Head { kind, stage: r.u16()?, token: r.u64()?, cookie: r.u64()?, time: r.u64()? };
    let body = match kind {
        Kind::Hello => (bytes.len() >= HELLO_LEN).then_some(Body::Hello)?,
        Kind::Welcome => Body::Welcome,
        Kind::Data => Body::Data { seq: r.u32()? },
        Kind::Feedback => Body::Feedback(read_feedback(&mut r)?),
        Kind::Ping => {
            let number = r.u32()?;
            r.u64().map(|_| Body::Ping { number })?
        }
        Kind::Pong => Body::Pong { number: r.u32()?, echoed: r.u64()? },
    };
    Some((head, body))
}

fn read_feedback(r: &mut Reader<'_>) -> Option<Feedback> {
    Some(Feedback {
        number: r.u32()?,
        sent: r.u32()?,
        expected: r.u32()?,
        received: r.u32()?,
        duplicates: r.u32()?,
        overflow: r.u32()?,
        last_stage: r.u16()?,
        stop: r.u16()? & 1 == 1,
        bytes: r.u64()?,
        aside: r.u32()?,
        aside_bytes: r.u64()?,
        last_at: r.u64()?,
        least_delay: r.u64()?.cast_signed(),
        mean_delay: r.u64()?.cast_signed(),
        last_delay: r.u64()?.cast_signed(),
        delays: r.u32()?,
        asked_stage: r.u16()?,
        asked_ms: r.u16()?,
        asked: [read_series(r)?, read_series(r)?],
    })
}

fn read_series(r: &mut Reader<'_>) -> Option<Series> {
    Some(Series { interval_ns: r.u32()?, len: r.u16()?, burst: r.u16()? })
}

/// Writes a datagram, padded with what `buf` holds already to at least `len` bytes, and answers its length; `None`: the
/// buffer is too small. Padding is left as it is, so that a sender pays for the head alone.
pub fn write(buf: &mut [u8], head: &Head, body: &Body, len: usize) -> Option<usize> {
    let mut w = Writer::new(buf);
    w.put(&MAGIC)?;
    w.put(&[VERSION, head.kind.code()])?;
    w.put(&head.stage.to_be_bytes())?;
    for field in [head.token, head.cookie, head.time] {
        w.put(&field.to_be_bytes())?;
    }
    match body {
        Body::Hello | Body::Welcome => {}
        Body::Data { seq } => w.put(&seq.to_be_bytes())?,
        Body::Feedback(feedback) => write_feedback(&mut w, feedback)?,
        Body::Ping { number } => {
            w.put(&number.to_be_bytes())?;
            w.put(&[0; 8])?;
        }
        Body::Pong { number, echoed } => {
            w.put(&number.to_be_bytes())?;
            w.put(&echoed.to_be_bytes())?;
        }
    }
    let least = if head.kind == Kind::Hello { HELLO_LEN } else { 0 };
    w.padded(len.max(least))
}

fn write_feedback(w: &mut Writer<'_>, f: &Feedback) -> Option<()> {
    for field in [f.number, f.sent, f.expected, f.received, f.duplicates, f.overflow] {
        w.put(&field.to_be_bytes())?;
    }
    w.put(&f.last_stage.to_be_bytes())?;
    w.put(&u16::from(f.stop).to_be_bytes())?;
    w.put(&f.bytes.to_be_bytes())?;
    w.put(&f.aside.to_be_bytes())?;
    w.put(&f.aside_bytes.to_be_bytes())?;
    w.put(&f.last_at.to_be_bytes())?;
    for field in [f.least_delay, f.mean_delay, f.last_delay] {
        w.put(&field.to_be_bytes())?;
    }
    w.put(&f.delays.to_be_bytes())?;
    w.put(&f.asked_stage.to_be_bytes())?;
    w.put(&f.asked_ms.to_be_bytes())?;
    for series in &f.asked {
        w.put(&series.interval_ns.to_be_bytes())?;
        w.put(&series.len.to_be_bytes())?;
        w.put(&series.burst.to_be_bytes())?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
