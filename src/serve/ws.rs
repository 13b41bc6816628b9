//! A WebSocket that sends back what it gets: messages of at most 64 KiB, pongs to pings, silence otherwise, so that a
//! client can hold it open and see who cuts it. What comes faster than it may is read later, so that TCP slows the
//! client. Of subprotocols it knows SIP's OPTIONS alone, which it answers.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::counters::Cut;
use super::door::Granted;
use super::tcp::{Context, within};
use crate::net::{chance, clock};
use crate::session::limits::{Bucket, Rate};
use crate::wire;

/// Bytes of one message.
const LONGEST_MESSAGE: usize = 64 << 10;

/// What a message costs besides its bytes: a header and the records and packets around it, at the least.
const AROUND: u32 = 16;

/// Bytes a second without a session (64 kbit/s), and at once: pings, and a message of the greatest length.
const OPEN: Rate = Rate::new(8_000, 2 * LONGEST_MESSAGE as u32);

/// A session in use is told of so often, which keeps its place.
const IN_USE: Duration = Duration::from_secs(1);

/// Pings on a slow way may make a session last so much longer than was granted, as with datagrams.
const GRACE: Duration = Duration::from_secs(2);

/// The session that a WebSocket was opened with.
struct Session {
    token: u64,
    source: IpAddr,
    granted: Granted,
    told: Instant,
}

/// How fast messages are taken.
struct Pace {
    start: Instant,
    bucket: Bucket,
    session: Option<Session>,
}

impl Pace {
    async fn new(context: &Context, token: Option<u64>, source: IpAddr) -> Self {
        let start = clock::now();
        let session = match token {
            Some(token) => {
                context.door.claim(token, source).await.map(|g| Session { token, source, granted: g, told: start })
            }
            None => None,
        };
        Self { start, bucket: Bucket::default(), session }
    }

    /// How long a message of `len` bytes at `now` is to wait; takes it.
    fn take(&mut self, len: usize, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.start);
        self.session = self.session.take().filter(|s| s.granted.holds(len, since));
        let rate = match &mut self.session {
            None => OPEN,
            Some(session) => {
                session.granted.bytes -= len as u64;
                session.granted.rate()
            }
        };
        let cost = u32::try_from(len).unwrap_or(u32::MAX).saturating_add(AROUND).min(rate.burst);
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        // The bucket has room for it when what is above the burst has run off.
        let mut wait = Duration::ZERO;
        if !self.bucket.has_many(rate, nanos, cost) {
            wait = Duration::from_secs_f64(f64::from(cost) / f64::from(rate.per_second));
        }
        self.bucket.take_many(rate, nanos, cost);
        wait
    }

    /// Tells the session's owner, where it is time, that it is in use.
    async fn tell(&mut self, context: &Context, now: Instant) {
        let due = |s: &&mut Session| now.saturating_duration_since(s.told) >= IN_USE;
        if let Some(session) = self.session.as_mut().filter(due) {
            session.told = now;
            let _ = context.door.claim(session.token, session.source).await;
        }
    }
}

impl Granted {
    /// Whether `len` bytes more are within it, `since` its start.
    fn holds(&self, len: usize, since: Duration) -> bool {
        self.bytes >= len as u64 && since <= Duration::from_secs(self.seconds.into()) + GRACE
    }

    /// A fifth above what was asked for, and a second's worth at once, because what a repeated packet held up comes at once.
    fn rate(&self) -> Rate {
        let bytes = self.kbps.saturating_mul(150);
        Rate::new(bytes, bytes.max(OPEN.burst))
    }
}

fn bounds() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE))
        .read_buffer_size(8 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * LONGEST_MESSAGE)
}

/// The subprotocol of SIP (RFC 7118 section 4.1).
pub(super) const SIP: &str = "sip";

/// Echoes until the peer, `source`, closes, is silent for too long, or the responder stops; as fast as the session of
/// `token` may, else slowly. Where SIP was agreed on, OPTIONS is answered.
pub(super) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    context: &Context,
    (token, sip): (Option<u64>, bool),
    source: IpAddr,
) -> Result<(), Cut> {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(bounds())).await;
    let limits = &context.limits;
    let mut pace = Pace::new(context, token, source).await;
    let ended = loop {
        let next = within(limits.websocket_idle, socket.next());
        match context.cancel.run_until_cancelled(next).await {
            None => break Ok(Some(CloseCode::Away)),
            Some(Err(cut)) => break Err(cut),
            Some(Ok(None | Some(Err(Error::ConnectionClosed)))) => break Ok(None),
            Some(Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))))) => {
                pause(&mut pace, message.len(), context).await;
                let answer = options_answered(&message, sip, &context.version).map_or(message, Message::text);
                within(limits.handshake, socket.send(answer)).await?.map_err(|_| Cut::Protocol)?;
            }
            // Pongs and the answer to a close are sent by the library while it reads on.
            Some(Ok(Some(Ok(other)))) => pause(&mut pace, other.len(), context).await,
            Some(Ok(Some(Err(Error::Capacity(_))))) => break Ok(Some(CloseCode::Size)),
            Some(Ok(Some(Err(_)))) => break Err(Cut::Protocol),
        }
    };
    if let Ok(Some(code)) = ended {
        let frame = CloseFrame { code, reason: "".into() };
        let _ = within(limits.handshake.min(super::STOP_WITHIN / 2), socket.close(Some(frame))).await;
    }
    ended.map(|_| ())
}

/// The answer to SIP's OPTIONS, if it is that.
fn options_answered(message: &Message, sip: bool, version: &str) -> Option<String> {
    let Message::Text(text) = message else { return None };
    let request = wire::sip::decode(text.as_bytes()).ok().filter(|_| sip)?;
    let tag = format!("{:016x}", u64::from_ne_bytes(chance::bytes()));
    wire::sip::ok(&request, &tag, &format!("rtc-check/{version}"))
}

/// Waits until a message of `len` bytes may be sent back, or the responder stops.
async fn pause(pace: &mut Pace, len: usize, context: &Context) {
    let now = clock::now();
    pace.tell(context, now).await;
    let wait = pace.take(len, now);
    if !wait.is_zero() {
        let _ = context.cancel.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that pass in `seconds` when all are offered at once, in messages of `len`.
    fn passed(granted: Option<Granted>, len: usize, seconds: u64) -> u64 {
        let start = clock::now();
        let session = granted.map(|granted| Session { token: 1, source: [192, 0, 2, 1].into(), granted, told: start });
        let mut pace = Pace { start, bucket: Bucket::default(), session };
        let (mut at, mut bytes) = (Duration::ZERO, 0);
        while at <= Duration::from_secs(seconds) {
            at += pace.take(len, start + at);
            bytes += len as u64;
        }
        bytes
    }

    #[test]
    fn options_is_answered_where_sip_was_agreed_on_and_nothing_else_is() {
        let request = wire::sip::Options { host: "a.example", random: "k3b9", agent: "test" };
        let message = Message::text(request.encode(true));
        let answer = options_answered(&message, true, "0").unwrap();
        assert!(wire::sip::decode(answer.as_bytes()).unwrap().answers(&request), "{answer}");
        assert_eq!(options_answered(&message, false, "0"), None);
        assert_eq!(options_answered(&Message::text(answer), true, "0"), None);
        assert_eq!(options_answered(&Message::binary(request.encode(true)), true, "0"), None);
    }

    #[test]
    fn without_a_session_a_burst_and_then_64_kbit_a_second() {
        for len in [100, 8_000, LONGEST_MESSAGE] {
            let bytes = passed(None, len, 100);
            let most = u64::from(OPEN.burst) + 800_000 + 2 * LONGEST_MESSAGE as u64;
            assert!((600_000..=most).contains(&bytes), "{len}: {bytes}");
        }
    }

    #[test]
    fn a_session_gives_its_rate_bytes_and_seconds() {
        let granted = Granted { kbps: 8_000, bytes: u64::MAX, seconds: 10 };
        let bytes = passed(Some(granted), 1_000, 5);
        assert!((6_000_000..=7_300_000).contains(&bytes), "{bytes}");
        let bytes = passed(Some(granted), 1_000, 100);
        assert!(bytes < 15_600_000 + 90 * 8_000 + 200_000, "{bytes}");
        let bytes = passed(Some(Granted { bytes: 500_000, ..granted }), 1_000, 5);
        assert!((500_000..700_000).contains(&bytes), "{bytes}");
    }
}
