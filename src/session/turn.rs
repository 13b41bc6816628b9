//! A session through a TURN relay (RFC 8656): allocation, permission and channel, then another session whose datagrams go
//! through it, and at the end the allocation given back. Knows no socket, no clock, no transport but whether it is a
//! stream, and nothing of what the session inside is about.
//!
//! ```text
//! allocating ──▶ opening ──▶ running ──▶ releasing ──▶ over
//!  │ ▲ 401: realm and nonce    │ permission, channel, allocation kept up
//!  └─┘                         ▼ (438 anywhere: the same again with the new nonce)
//! ```

mod answers;
mod login;
mod outcome;
mod plan;
mod request;
#[cfg(test)]
mod tests;
mod traffic;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use login::Credentials;
pub use outcome::{At, Ending, Outcome, Relay, TurnError, meaning_of};
pub use plan::{Login, Peer, TurnPlan, rest};
use request::{Kind, Request};

use super::ids::Ids;
use super::{Session, canonical};
use crate::model::schedule::Schedule;
use crate::model::{Failure, FailureKind, Step};
use crate::wire::turn::{Ask, write_request};

/// Our channel: the first number there is.
const CHANNEL: u16 = *crate::wire::turn::frames::CHANNELS.start();

/// What an allocation lives where the server does not say (RFC 8656 section 3.2), and how long its half is at least.
const LIFETIME: u32 = 600;
const SHORTEST_HALF: Duration = Duration::from_secs(1);

/// A permission lives 300 s, a channel 600 s (RFC 8656 sections 9 and 12): they are asked for again some time before.
const PERMISSION_AGAIN: Duration = Duration::from_secs(240);
const CHANNEL_AGAIN: Duration = Duration::from_secs(540);

/// An allocation is given back within a second, or left to run out.
const RELEASE: Schedule = Schedule { rto: Duration::from_millis(250), requests: 3, last_wait: 1 };

/// The longest request that is written: a user name, a realm and a nonce of any length that is usual.
const LONGEST_REQUEST: usize = 2048;

type Make<S> = Box<dyn FnOnce(&Relay, Instant) -> S + Send>;

/// A session through a relay. To its driver it is one session with the TURN server: all it sends goes there. On a stream
/// each datagram is a frame, which the driver pads (`wire::turn::frames::padding`) and hands in one by one.
pub struct Relayed<S> {
    server: SocketAddr,
    stream: bool,
    peer: Peer,
    relay_v6: bool,
    schedule: Schedule,
    credentials: Credentials,
    ids: Ids,
    /// Of the next request: no two have one.
    serial: u16,
    /// Requests that are not answered: two at the most while the relay is opened, one of each kind afterwards.
    pending: Vec<Request>,
    phase: Phase,
    /// When the allocation, the permission and the channel are to be asked for again; `None` while they are.
    due: [(Kind, Option<Instant>); 3],
    make: Option<Make<S>>,
    inner: Option<S>,
    /// When the session inside first sent.
    sent_inside: Option<Instant>,
    /// The last time that was told.
    now: Instant,
    /// What was written last.
    wrote: Wrote,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Allocating,
    /// Permission and channel are asked for at once.
    Opening,
    /// The session inside runs.
    Running,
    /// The allocation is given back.
    Releasing,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrote {
    /// The request of that number.
    Request(u16),
    Data,
}

impl<S: Session> Relayed<S> {
    /// Begins at `now`. `make` makes the session inside once the channel is bound; what it sends must go to
    /// [`Relay::peer`].
    pub fn new(plan: TurnPlan, make: impl FnOnce(&Relay, Instant) -> S + Send + 'static, now: Instant) -> Self {
        let mut relayed = Self {
            server: canonical(plan.server),
            stream: plan.stream,
            peer: plan.peer,
            relay_v6: plan.relay_v6,
            schedule: plan.schedule,
            credentials: Credentials::new(plan.login),
            ids: Ids::new(&plan.secret),
            serial: 0,
            pending: Vec::with_capacity(4),
            phase: Phase::Allocating,
            due: [(Kind::Refresh, None), (Kind::Permission, None), (Kind::Channel, None)],
            make: Some(Box::new(make)),
            inner: None,
            sent_inside: None,
            now,
            wrote: Wrote::Data,
            outcome: Outcome::default(),
        };
        relayed.ask(Kind::Allocate, None);
        relayed
    }

    /// The session inside, while it runs or has run.
    pub fn inner(&self) -> Option<&S> {
        self.inner.as_ref()
    }

    /// What came of it until `now`, and the session inside where there was one.
    pub fn finish(mut self, now: Instant) -> (Outcome, Option<S>) {
        self.now = self.now.max(now);
        self.note_silence_inside();
        self.note_unanswered();
        (self.outcome, self.inner)
    }

    /// Says what was waited for when it was stopped; while the session inside runs, that is its own affair.
    fn note_unanswered(&mut self) {
        if self.phase == Phase::Running {
            return;
        }
        for request in &self.pending {
            let detail = format!("stopped while the answer to {} was waited for", request.kind.words());
            let failure = Failure::new(request.kind.step(), FailureKind::OutOfTime, detail);
            self.outcome.steps.push((request.kind.step(), request.took(self.now), Err(failure)));
        }
    }

    /// Asks for something, now; `again` is the request that it takes up again with what the server told.
    fn ask(&mut self, kind: Kind, again: Option<&Request>) {
        let ask = match kind {
            Kind::Allocate => Ask::Allocate { v6: self.relay_v6 },
            Kind::Permission => Ask::CreatePermission(self.peer_address()),
            Kind::Channel => Ask::ChannelBind(CHANNEL, self.peer_address()),
            Kind::Refresh => Ask::Refresh { lifetime: None },
            Kind::Release => Ask::Refresh { lifetime: Some(0) },
        };
        let (number, id) = (self.serial, self.ids.id(self.serial, 0));
        self.serial = self.serial.wrapping_add(1);
        let mut bytes = vec![0; LONGEST_REQUEST];
        let auth = self.credentials.auth();
        match write_request(&mut bytes, id, ask, auth.as_ref()) {
            Ok(len) => {
                bytes.truncate(len);
                let signed = self.credentials.signed();
                self.pending.push(Request::new(kind, number, id, bytes, signed, self.now, again));
            }
            Err(why) => self.fail(kind, self.now, FailureKind::NoCredentials, format!("nothing can be sent: {why}")),
        }
    }

    /// Whom the channel is for; before there is an allocation, the server itself stands in.
    fn peer_address(&self) -> SocketAddr {
        match (self.peer, self.outcome.relayed) {
            (Peer::Address(peer), _) => peer,
            (Peer::Itself, relayed) => relayed.unwrap_or(self.server),
        }
    }

    /// How a request is sent again: on a stream not at all.
    fn schedule_of(&self, kind: Kind) -> Schedule {
        let schedule = if kind == Kind::Release { RELEASE } else { self.schedule };
        if !self.stream {
            return schedule;
        }
        Schedule { rto: schedule.transaction().time, requests: 1, last_wait: 1 }
    }

    /// A step that was begun at `since` is done, the first time that it is.
    fn done(&mut self, step: Step, since: Instant) {
        let took = self.now.saturating_duration_since(since);
        if !self.outcome.steps.iter().any(|(known, ..)| *known == step) {
            self.outcome.steps.push((step, took, Ok(())));
        }
    }

    /// There is no relay, or none any more: what is left is to give the allocation back.
    fn fail(&mut self, kind: Kind, since: Instant, failure: FailureKind, detail: String) {
        if kind == Kind::Release || self.phase == Phase::Over {
            return self.end_release(Some((failure, detail)));
        }
        let failure = Failure::new(kind.step(), failure, detail);
        if self.phase == Phase::Running {
            // What is on its way is not called back: the session inside sees for itself what that does to its data.
            self.outcome.late.get_or_insert(failure);
            return;
        }
        let took = self.now.saturating_duration_since(since);
        self.outcome.steps.push((kind.step(), took, Err(failure.clone())));
        self.outcome.ending = Ending::Failed(failure);
        self.wind_up();
    }

    /// Permission and channel are there.
    fn run(&mut self) {
        let (Some(relayed), Some(make)) = (self.outcome.relayed, self.make.take()) else { return };
        let relay = Relay { relayed, mapped: self.outcome.mapped, peer: self.peer_address() };
        self.outcome.relay = Some(relay);
        self.phase = Phase::Running;
        self.inner = Some(make(&relay, self.now));
    }

    /// The session inside is over, or there is none: the allocation is given back.
    fn wind_up(&mut self) {
        self.note_silence_inside();
        self.pending.clear();
        self.due = self.due.map(|(kind, _)| (kind, None));
        if !self.outcome.allocated {
            self.phase = Phase::Over;
            return;
        }
        self.phase = Phase::Releasing;
        self.ask(Kind::Release, None);
    }

    /// The allocation was given back, or not.
    fn end_release(&mut self, problem: Option<(FailureKind, String)>) {
        let Some(request) = self.pending.pop() else {
            self.phase = Phase::Over;
            return;
        };
        self.outcome.released = problem.is_none();
        let result = problem.map_or(Ok(()), |(kind, detail)| Err(Failure::new(Step::Release, kind, detail)));
        self.outcome.steps.push((Step::Release, request.took(self.now), result));
        self.phase = Phase::Over;
    }

    /// Says so where nothing of what was sent through the relay came back.
    fn note_silence_inside(&mut self) {
        let Some(since) = self.sent_inside.take().filter(|_| self.outcome.relayed_in == 0) else { return };
        let sent = self.outcome.relayed_out;
        let detail = format!("{sent} datagrams were sent through the relay and none came back");
        let failure = Failure::new(Step::Relay, FailureKind::NoRelay, detail);
        self.outcome.steps.push((Step::Relay, self.now.saturating_duration_since(since), Err(failure)));
    }

    /// Takes note of what is against the standard, the first of it.
    fn malformed(&mut self, words: impl Into<String>) {
        self.outcome.malformed.get_or_insert_with(|| words.into());
    }
}
