//! Messages that a responder's WebSocket sends back, paced as a load: how many came back when. Bounded in time, memory and
//! length; knows no media.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::{End, MAX_MESSAGE, WebSocket, end_of};
use crate::net::{chance, clock};

/// From one message to the next.
pub const TICK: Duration = Duration::from_millis(20);

/// Number and time of departure.
const HEAD: usize = 12;

/// After the last message its echo is waited for so long.
const LATE: Duration = Duration::from_secs(1);

/// One message that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echoed {
    /// When it left and came back, since the start.
    pub left: Duration,
    pub back: Duration,
    pub bytes: usize,
}

/// What came of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Bytes of messages that the socket took.
    pub sent: u64,
    pub echoes: Vec<Echoed>,
    /// How long messages were offered.
    pub took: Duration,
    /// How the connection ended, where it ended first.
    pub ended: Option<End>,
}

impl WebSocket {
    /// Offers `bytes` every [`TICK`] for `length` in one binary message each, or several where one would be too long.
    /// What the connection does not take in time is left out: `Load::sent` tells.
    pub async fn load(self, bytes: usize, length: Duration, cancel: &CancellationToken) -> Load {
        let (mut sink, mut stream) = self.inner.split();
        let start = clock::now();
        let mark = chance::bytes::<4>();
        let mut load = Load::default();
        let sending = async {
            let (mut number, mut sent) = (0u32, 0u64);
            let mut tick = 0u32;
            while TICK * tick < length && !cancel.is_cancelled() {
                tokio::time::sleep_until((start + TICK * tick).into()).await;
                let mut left = bytes.max(HEAD);
                while left > 0 {
                    let len = left.clamp(HEAD, MAX_MESSAGE / 2);
                    let message = message(mark, number, clock::now().saturating_duration_since(start), len);
                    let patience = (start + length).saturating_duration_since(clock::now());
                    match tokio::time::timeout(patience, sink.send(message)).await {
                        Ok(Ok(())) => sent += len as u64,
                        // Blocked until the end, or broken: the reader tells which.
                        _ => return (sent, clock::now().saturating_duration_since(start)),
                    }
                    number = number.wrapping_add(1);
                    left = left.saturating_sub(len);
                }
                // Ticks that have passed while the connection was blocked are not made up for.
                let passed = clock::now().saturating_duration_since(start).as_nanos() / TICK.as_nanos();
                tick = (tick + 1).max(u32::try_from(passed).unwrap_or(u32::MAX));
            }
            (sent, clock::now().saturating_duration_since(start).min(length))
        };
        let mut echoes: Vec<Echoed> = Vec::new();
        let reading = async {
            loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(echo))) => echoes.extend(read(mark, &echo, start)),
                    Some(Ok(Message::Close(_))) | None => return End::Fin,
                    Some(Ok(_)) => {}
                    Some(Err(e)) => return end_of(&e),
                }
            }
        };
        tokio::pin!(reading);
        tokio::select! {
            (sent, took) = sending => {
                (load.sent, load.took) = (sent, took);
                load.ended = tokio::time::timeout(LATE, &mut reading).await.ok();
            }
            ended = &mut reading => {
                load.took = clock::now().saturating_duration_since(start);
                load.ended = Some(ended);
            }
        }
        load.echoes = echoes;
        load
    }
}

fn message(mark: [u8; 4], number: u32, at: Duration, len: usize) -> Message {
    let mut bytes = vec![0; len];
    let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
    let head = [&mark[..], &number.to_be_bytes()[..2], &nanos.to_be_bytes()[2..]].concat();
    bytes.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    // What can be made shorter on the way would be another load.
    let mut state = nanos | 1;
    for byte in bytes.iter_mut().skip(HEAD) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state as u8;
    }
    Message::Binary(bytes.into())
}

/// An echo of ours; `None`: something else.
fn read(mark: [u8; 4], echo: &[u8], start: Instant) -> Option<Echoed> {
    let head = echo.first_chunk::<HEAD>()?;
    let (ours, rest) = head.split_first_chunk::<4>()?;
    let (_, time) = rest.split_first_chunk::<2>()?;
    let time: [u8; 6] = time.try_into().ok()?;
    let nanos = time.iter().fold(0u64, |sum, b| sum << 8 | u64::from(*b));
    let (left, back) = (Duration::from_nanos(nanos), clock::now().saturating_duration_since(start));
    (*ours == mark && left <= back).then_some(Echoed { left, back, bytes: echo.len() })
}
