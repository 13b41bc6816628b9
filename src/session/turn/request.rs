//! One request of a relayed session and when it is sent again.

use std::time::{Duration, Instant};

use super::At;
use super::login::Signed;
use crate::model::Step;
use crate::model::schedule::Schedule;
use crate::wire::stun::TransactionId;
use crate::wire::turn::method;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Allocate,
    Permission,
    Channel,
    /// More time for the allocation.
    Refresh,
    /// The allocation is given back: a Refresh too.
    Release,
}

impl Kind {
    pub fn step(self) -> Step {
        match self {
            Kind::Allocate | Kind::Refresh => Step::Allocate,
            Kind::Permission => Step::Permission,
            Kind::Channel => Step::Channel,
            Kind::Release => Step::Release,
        }
    }

    pub fn at(self) -> At {
        match self {
            Kind::Allocate => At::Allocate,
            Kind::Permission => At::Permission,
            Kind::Channel => At::Channel,
            Kind::Refresh | Kind::Release => At::Refresh,
        }
    }

    pub fn method(self) -> u16 {
        match self {
            Kind::Allocate => method::ALLOCATE,
            Kind::Permission => method::CREATE_PERMISSION,
            Kind::Channel => method::CHANNEL_BIND,
            Kind::Refresh | Kind::Release => method::REFRESH,
        }
    }

    /// The request's name in the standard.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Allocate => "Allocate",
            Kind::Permission => "CreatePermission",
            Kind::Channel => "ChannelBind",
            Kind::Refresh => "Refresh",
            Kind::Release => "Refresh with a lifetime of 0",
        }
    }
}

/// A request that is not answered.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub kind: Kind,
    pub number: u16,
    pub id: TransactionId,
    pub bytes: Vec<u8>,
    /// With what it is signed, if it is.
    pub signed: Option<Signed>,
    /// When the first request for the same thing was made, with whatever nonce; from its sending on, when that was.
    since: Instant,
    /// One for the same thing was sent before.
    begun: bool,
    /// How often this one was sent, and when last.
    pub sent: u8,
    pub sent_at: Instant,
    /// When it is to be sent again, or given up.
    pub next: Instant,
    /// How often the same was asked with another nonce or realm.
    pub retries: u8,
    /// How often it was not sent because of this machine's own rules.
    pub kept_back: u8,
    /// How many successes came without a right MESSAGE-INTEGRITY.
    pub unproven: u8,
}

impl Request {
    pub fn new(
        kind: Kind,
        number: u16,
        id: TransactionId,
        bytes: Vec<u8>,
        signed: Option<Signed>,
        now: Instant,
        again: Option<&Request>,
    ) -> Self {
        Self {
            kind,
            number,
            id,
            bytes,
            signed,
            since: again.map_or(now, |a| a.since),
            begun: again.is_some(),
            sent: 0,
            sent_at: now,
            next: now,
            // The first answer to a request without credentials is no refusal of any.
            retries: again.map_or(0, |a| a.retries + u8::from(a.signed.is_some())),
            kept_back: 0,
            unproven: 0,
        }
    }

    /// It is sent at `now`.
    pub fn send(&mut self, now: Instant, schedule: Schedule) {
        if !self.begun {
            (self.since, self.begun) = (now, true);
        }
        self.sent += 1;
        self.sent_at = now;
        self.next = now + schedule.wait(self.sent);
    }

    /// When the first request for the same thing was sent.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// From then until now.
    pub fn took(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}
