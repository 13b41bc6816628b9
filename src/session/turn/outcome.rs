//! What came of a relayed session, beside what came of the session inside.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::{Failure, Step};
use crate::session::{IcmpError, Strays};

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
    /// Where error 300 sends its clients (ALTERNATE-SERVER); not followed.
    pub alternate: Option<SocketAddr>,
    /// The server asked for credentials.
    pub asked_to_log_in: bool,
    /// The last ICMP error for a datagram to the server, and how many.
    pub icmp: Option<(IcmpError, u32)>,
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
    /// Datagrams that came through the relay, and in how many of them as Data indications.
    pub relayed_in: u32,
    pub indications: u32,
    pub strays: Strays,
}
