//! What came of a relayed session, beside what came of the session inside.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::{Failure, Step};
use crate::session::{IcmpError, SendError, Strays};

/// An allocation that is ready to relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// XOR-RELAYED-ADDRESS: where peers send to.
    pub relayed: SocketAddr,
    /// XOR-MAPPED-ADDRESS: this machine as the server saw it.
    pub mapped: Option<SocketAddr>,
    /// Whom the channel is bound to.
    pub peer: SocketAddr,
}

/// Which request an error response answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Allocate,
    Permission,
    Channel,
    Refresh,
    Send,
}

impl At {
    /// As it stands in `turn_error`.
    pub fn as_str(self) -> &'static str {
        match self {
            At::Allocate => "allocate",
            At::Permission => "permission",
            At::Channel => "channel",
            At::Refresh => "refresh",
            At::Send => "send",
        }
    }
}

/// An error response that was not answered by asking again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnError {
    /// 0 where the response has no readable ERROR-CODE.
    pub code: u16,
    /// The server's words, fit to be shown.
    pub reason: String,
    pub at: At,
    /// The request had been sent again with a new nonce or realm.
    pub retried: bool,
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The session inside ran to its end.
    Done,
    /// There is no relay, for the reason given; an error response is in [`Outcome::error`] besides.
    Failed(Failure),
    /// It was stopped from outside before its end.
    #[default]
    Stopped,
}

/// What was seen of the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub ending: Ending,
    /// Each from its first request to its answer: allocate (both exchanges where credentials were asked for), permission,
    /// channel, relay (from the first datagram of the session inside to the first that came back), release.
    pub steps: Vec<(Step, Duration, Result<(), Failure>)>,
    /// The server allocated something.
    pub allocated: bool,
    /// `None`: nothing was allocated, or there is no permission or channel.
    pub relay: Option<Relay>,
    /// XOR-RELAYED-ADDRESS and XOR-MAPPED-ADDRESS, as soon as there is an allocation.
    pub relayed: Option<SocketAddr>,
    pub mapped: Option<SocketAddr>,
    /// Of the allocation, seconds.
    pub lifetime: Option<u32>,
    pub software: Option<String>,
    pub realm: Option<String>,
    pub error: Option<TurnError>,
    /// What went wrong while the session inside ran already, the first of it: it went on.
    pub late: Option<Failure>,
    /// Where error 300 sends its clients (ALTERNATE-SERVER); not followed.
    pub alternate: Option<SocketAddr>,
    /// The server asked for credentials.
    pub asked_to_log_in: bool,
    /// The last ICMP error for a datagram to the server, and how many.
    pub icmp: Option<(IcmpError, u32)>,
    /// Why this machine would not send a request, the last time it would not.
    pub not_sent: Option<SendError>,
    /// The server took the allocation back.
    pub released: bool,
    /// Round trips of requests that were sent once, in the order in which they were answered.
    pub rtts: Vec<Duration>,
    /// Requests sent, and those of them that were sent again for want of an answer.
    pub requests: u32,
    pub resent: u32,
    /// How often the server called a nonce stale and it was answered with a new one.
    pub stale_nonces: u32,
    /// What the server sent that is against the standard, in words: the first of it.
    pub malformed: Option<String>,
    /// Datagrams that were sent through the relay, that came through it, and how many of those as Data indications.
    pub relayed_out: u32,
    pub relayed_in: u32,
    pub indications: u32,
    pub strays: Strays,
}

/// What an error code means to who asked (RFC 8656 section 19, RFC 8489 section 18.4), in a clause; `None`: no code of
/// theirs.
pub fn meaning_of(code: u16) -> Option<&'static str> {
    Some(match code {
        300 => "the server sends its clients to another one",
        400 => "the server cannot make sense of the request",
        401 => "it does not accept the user name and password, or the time-limited user name has expired",
        403 => "its administrator does not allow it, or not to this peer",
        420 => "it does not know an attribute that it would have to",
        437 => "it knows of another allocation for this address and port, or of none",
        438 => "it calls every nonce stale that it gives out itself",
        440 => "it has no addresses of the family to relay with",
        441 => "the allocation was made with other credentials",
        442 => "it relays over other transports only, not over UDP",
        443 => "the peer's address is of another family than the relayed one",
        486 => "this user has as many allocations as the server allows",
        487 => "the two ends disagree on who controls",
        500 => "the server failed at it and may not the next time",
        508 => "the server has no relayed address or port left",
        _ => return None,
    })
}
