//! Messages that a responder's WebSocket sends back, paced as a load: which came back when. Bounded in time, memory and
//! length; knows no media.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{Sink, SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;

use super::{End, MAX_MESSAGE, WebSocket, end_of};
use crate::net::{chance, clock};

/// From one message to the next.
pub const TICK: Duration = Duration::from_millis(20);

/// Mark and number.
const HEAD: usize = 8;
/// What nobody can send back who has not got the whole message.
const TAIL: usize = 8;

/// After the last message echoes are waited for so much longer than the longest round trip took, of which so much counts.
const LATE: Duration = Duration::from_secs(1);
const LONGEST_TRIP: Duration = Duration::from_secs(2);

/// One message of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When it was due by the bytes before it, what this machine missed left out: of a connection that blocks, later
    /// messages are due no later for it.
    pub due: Duration,
    /// When it was given to the connection and came back, since the start.
    pub left: Duration,
    pub back: Option<Duration>,
    pub bytes: usize,
    tail: [u8; TAIL],
}

impl Sent {
    /// A message that came back, or did not.
    pub fn new(due: Duration, left: Duration, back: Option<Duration>, bytes: usize) -> Self {
        Self { due, left, back, bytes, tail: [0; TAIL] }
    }
}

/// What came of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Bytes that were due in the time, those of `missed` among them.
    pub planned: u64,
    /// Bytes that this machine was too late to offer, though the connection blocked nothing.
    pub missed: u64,
    /// Bytes of messages that the socket took.
    pub sent: u64,
    /// In the order of sending.
    pub messages: Vec<Sent>,
    /// How long messages were offered.
    pub took: Duration,
    /// How the connection ended, where it ended first.
    pub ended: Option<End>,
}

impl WebSocket {
    /// Offers `bytes` every [`TICK`] for `length` in one binary message each, or several where one would be too long.
    /// Ticks that pass while the connection or this machine is too slow are not made up for; [`Load`] tells which it was.
    pub async fn load(self, bytes: usize, length: Duration, cancel: &CancellationToken) -> Load {
        let (mut sink, mut stream) = self.inner.split();
        let book = Book::new(bytes.max(HEAD + TAIL), length);
        let mut load = Load::default();
        let reading = async {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(echo))) => book.tick_off(&echo),
                    Some(Ok(Message::Close(_))) | None => return End::Fin,
                    Some(Ok(_)) => {}
                    Some(Err(e)) => return end_of(&e),
                }
            }
        };
        tokio::pin!(reading);
        tokio::select! {
            () = book.offer(&mut sink, length, cancel) => {
                load.took = book.passed().min(length);
                let grace = book.pages().longest.min(LONGEST_TRIP) + LATE;
                load.ended = tokio::time::timeout(grace, &mut reading).await.ok();
            }
            ended = &mut reading => {
                load.took = book.passed().min(length);
                load.ended = Some(ended);
            }
        }
        let pages = std::mem::take(&mut *book.pages());
        let ticks = (load.took.as_nanos() / TICK.as_nanos()).max(1) as u64;
        Load {
            planned: ticks * book.bytes as u64,
            missed: u64::from(pages.missed) * book.bytes as u64,
            sent: pages.sent,
            messages: pages.messages,
            ..load
        }
    }
}

/// What was sent, for the sending and the reading side.
struct Book {
    start: Instant,
    mark: [u8; 4],
    /// Of one tick.
    bytes: usize,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    messages: Vec<Sent>,
    sent: u64,
    /// Ticks that this machine was too late for.
    missed: u32,
    /// Round trip.
    longest: Duration,
}

impl Book {
    fn new(bytes: usize, length: Duration) -> Self {
        let each = bytes.div_ceil(MAX_MESSAGE / 2);
        let ticks = (length.as_nanos() / TICK.as_nanos()) as usize + 1;
        let messages = Vec::with_capacity(ticks.saturating_mul(each).min(1 << 16));
        let pages = Mutex::new(Pages { messages, ..Pages::default() });
        Self { start: clock::now(), mark: chance::bytes(), bytes, pages }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passed(&self) -> Duration {
        clock::now().saturating_duration_since(self.start)
    }

    /// Offers messages until the time is over, or the connection takes no more.
    async fn offer<S>(&self, sink: &mut S, length: Duration, cancel: &CancellationToken)
    where
        S: Sink<Message, Error = tungstenite::Error> + Unpin,
    {
        let (mut tick, mut due) = (0u32, 0u32);
        while TICK * tick < length && !cancel.is_cancelled() {
            tokio::time::sleep_until((self.start + TICK * tick).into()).await;
            let Some(blocked) = self.one_tick(sink, TICK * due, length).await else { return };
            let passed = self.passed().as_nanos() / TICK.as_nanos();
            let next = (tick + 1).max(u32::try_from(passed).unwrap_or(u32::MAX));
            let skipped = next - tick - 1;
            if blocked < TICK {
                self.pages().missed += skipped;
                due += skipped;
            }
            (tick, due) = (next, due + 1);
        }
    }

    /// All messages of a tick; how long the connection blocked them. `None`: blocked until the end, or broken, of which
    /// the reader tells.
    async fn one_tick<S>(&self, sink: &mut S, due: Duration, length: Duration) -> Option<Duration>
    where
        S: Sink<Message, Error = tungstenite::Error> + Unpin,
    {
        let (mut left, mut blocked) = (self.bytes, Duration::ZERO);
        while left > 0 {
            let len = left.clamp(HEAD + TAIL, MAX_MESSAGE / 2);
            let message = self.enter(due, len);
            let mut sending = sink.send(message);
            match futures_util::poll!(&mut sending) {
                std::task::Poll::Ready(result) => result.ok()?,
                std::task::Poll::Pending => {
                    let since = self.passed();
                    tokio::time::timeout(length.saturating_sub(since), sending).await.ok()?.ok()?;
                    blocked += self.passed().saturating_sub(since);
                }
            }
            self.pages().sent += len as u64;
            left = left.saturating_sub(len);
        }
        Some(blocked)
    }

    /// The next message of `len` bytes.
    fn enter(&self, due: Duration, len: usize) -> Message {
        let tail = chance::bytes::<TAIL>();
        let mut pages = self.pages();
        let number = u32::try_from(pages.messages.len()).unwrap_or(u32::MAX);
        pages.messages.push(Sent { tail, ..Sent::new(due, self.passed(), None, len) });
        message(self.mark, number, tail, len)
    }

    /// Takes an echo of a message of ours, whole and for the first time; all else is let pass.
    fn tick_off(&self, echo: &[u8]) {
        let back = self.passed();
        let Some((head, tail)) = echo.first_chunk::<HEAD>().zip(echo.last_chunk::<TAIL>()) else { return };
        let [a, b, c, d, number @ ..] = *head;
        let mut pages = self.pages();
        let Some(sent) = pages.messages.get_mut(u32::from_be_bytes(number) as usize) else { return };
        if [a, b, c, d] == self.mark && sent.back.is_none() && sent.bytes == echo.len() && sent.tail == *tail {
            sent.back = Some(back);
            let took = back.saturating_sub(sent.left);
            pages.longest = pages.longest.max(took);
        }
    }
}

fn message(mark: [u8; 4], number: u32, tail: [u8; TAIL], len: usize) -> Message {
    // What can be made shorter on the way would be another load.
    let mut state = u64::from_be_bytes(tail) | 1;
    let middle = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    let head = mark.into_iter().chain(number.to_be_bytes());
    let bytes: Vec<u8> = head.chain(middle.take(len.saturating_sub(HEAD + TAIL))).chain(tail).collect();
    Message::Binary(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(message: Message) -> Vec<u8> {
        message.into_data().to_vec()
    }

    #[test]
    fn an_echo_counts_once_whole_and_only_of_what_was_sent() {
        let book = Book::new(100, Duration::from_secs(1));
        let sent = bytes(book.enter(Duration::ZERO, 100));
        assert_eq!(sent.len(), 100);
        let back = || book.pages().messages.iter().filter(|m| m.back.is_some()).count();
        let longer = [&sent[..92], &[0; 50], &sent[92..]].concat();
        let mut other_number = sent.clone();
        other_number[7] ^= 1;
        let mut unread = sent.clone();
        unread[99] ^= 1;
        for wrong in [&[][..], &sent[..99], &longer, &other_number, &unread] {
            book.tick_off(wrong);
            assert_eq!(back(), 0);
        }
        for _ in 0..1000 {
            book.tick_off(&sent);
        }
        assert_eq!((back(), book.pages().messages.len()), (1, 1));
    }

    #[tokio::test]
    async fn ticks_that_a_busy_machine_misses_are_told_from_those_that_a_connection_blocks() {
        let (cancel, length) = (CancellationToken::new(), TICK * 20);
        // The first message stops the whole thread for five ticks.
        let book = Book::new(100, length);
        let busy = |n: usize| {
            if n == 0 {
                std::thread::sleep(TICK * 5)
            }
        };
        let sink = futures_util::sink::unfold(0, |n, _: Message| async move {
            busy(n);
            Ok(n + 1)
        });
        book.offer(&mut Box::pin(sink), length, &cancel).await;
        assert!((3..8).contains(&book.pages().missed), "{}", book.pages().missed);
        let book = Book::new(100, length);
        let sink = futures_util::sink::unfold(0, |n, _: Message| async move {
            tokio::time::sleep(if n == 0 { TICK * 5 } else { Duration::ZERO }).await;
            Ok(n + 1)
        });
        book.offer(&mut Box::pin(sink), length, &cancel).await;
        let pages = book.pages();
        let last = pages.messages.last().unwrap();
        assert!(last.left - last.due > TICK * 3, "{last:?}");
    }
}
