//! The book of a shim: who its client is, what was asked, when, and how it was answered. Bounded; keeps neither names
//! nor passwords.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::wire::stun::{BINDING, Class, MAX_WRITTEN, Message, TransactionId, write_binding_error};
use crate::wire::turn::frames::{CHANNEL_HEADER, read_channel_data};

/// So many requests are kept.
const MOST: usize = 256;

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// As RFC 8656 names it: `Allocate`, `Refresh`, `CreatePermission`, `ChannelBind`.
    pub method: &'static str,
    /// When it was first sent, from the shim's opening.
    pub at: Duration,
    /// How often it was sent.
    pub sent: u16,
    /// From its first sending to its answer; `None`: it was not answered.
    pub took: Option<Duration>,
    /// Number and reason of an error response, the reason fit to be shown.
    pub error: Option<(u16, String)>,
}

/// What becomes of a datagram of the client's.
#[derive(Debug, PartialEq, Eq)]
pub enum Outbound {
    /// Its first so many bytes are a frame.
    Forward(usize),
    /// It is answered here.
    Answer(Vec<u8>),
    /// Neither STUN nor ChannelData, or somebody else's.
    Drop,
}

pub struct Book {
    opened: Instant,
    client: Option<SocketAddr>,
    log: Vec<(TransactionId, Exchange)>,
}

impl Book {
    pub fn new(now: Instant) -> Self {
        Self { opened: now, client: None, log: Vec::new() }
    }

    pub fn client(&self) -> Option<SocketAddr> {
        self.client
    }

    pub fn log(&self) -> Vec<Exchange> {
        self.log.iter().map(|(_, exchange)| exchange.clone()).collect()
    }

    pub fn outbound(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Outbound {
        let Ok(message) = Message::read(bytes) else {
            let data = read_channel_data(bytes).filter(|_| self.client == Some(from));
            return data.map_or(Outbound::Drop, |(_, data)| Outbound::Forward(CHANNEL_HEADER + data.len()));
        };
        if message.method() == BINDING {
            return refusal(&message).map_or(Outbound::Drop, Outbound::Answer);
        }
        if *self.client.get_or_insert(from) != from {
            return Outbound::Drop;
        }
        if message.class() == Class::Request {
            self.note(now, &message);
        }
        Outbound::Forward(message.size())
    }

    /// A request, or one more time the same.
    fn note(&mut self, now: Instant, message: &Message<'_>) {
        if let Some(known) = self.find(message.id()) {
            known.sent = known.sent.saturating_add(1);
        } else if self.log.len() < MOST {
            let at = now.saturating_duration_since(self.opened);
            let exchange = Exchange { method: name(message.method()), at, sent: 1, took: None, error: None };
            self.log.push((message.id(), exchange));
        }
    }

    /// Notes the answer that came, and tells who waits for it.
    pub fn inbound(&mut self, now: Instant, frame: &[u8]) -> Option<SocketAddr> {
        if let Ok(message) = Message::read(frame)
            && matches!(message.class(), Class::Success | Class::Error)
        {
            let since = now.saturating_duration_since(self.opened);
            let error = (message.class() == Class::Error).then(|| message.error_code().unwrap_or_default());
            if let Some(exchange) = self.find(message.id()).filter(|exchange| exchange.took.is_none()) {
                exchange.took = Some(since.saturating_sub(exchange.at));
                exchange.error = error;
            }
        }
        self.client
    }

    fn find(&mut self, id: TransactionId) -> Option<&mut Exchange> {
        self.log.iter_mut().rev().find(|(known, _)| *known == id).map(|(_, exchange)| exchange)
    }
}

/// A Binding is answered with an error; nothing else of its kind is.
fn refusal(message: &Message<'_>) -> Option<Vec<u8>> {
    if message.class() != Class::Request {
        return None;
    }
    let mut buf = [0; MAX_WRITTEN];
    let len = write_binding_error(&mut buf, message.id(), 400, "relay only")?;
    buf.get(..len).map(<[u8]>::to_vec)
}

/// Methods of RFC 8656 section 17.
fn name(method: u16) -> &'static str {
    match method {
        0x003 => "Allocate",
        0x004 => "Refresh",
        0x008 => "CreatePermission",
        0x009 => "ChannelBind",
        _ => "another",
    }
}
