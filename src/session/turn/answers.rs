//! What a server's answers do to a relayed session: the next step, the same again with another nonce or realm, or the
//! end.

use std::time::Duration;

use super::login::Told;
use super::request::{Kind, Request};
use super::{
    At, CHANNEL_AGAIN, LIFETIME, PERMISSION_AGAIN, Phase, Relayed, SHORTEST_HALF, Session, TurnError, meaning_of,
};
use crate::model::FailureKind;
use crate::wire::stun::Class;
use crate::wire::turn::{Integrity, Reply};

/// The same is asked so often with another nonce; who calls each of them stale means something else.
const MOST_NONCES: u8 = 4;

/// What came to nothing while the session inside runs is tried again after so long.
const LATER: Duration = Duration::from_secs(5);

/// Over datagrams anybody may have sent one success without a right MESSAGE-INTEGRITY; a second one is the server's.
const MOST_UNPROVEN: u8 = 2;

impl<S: Session> Relayed<S> {
    /// A response to the request at `index` of those that are pending.
    pub(super) fn on_response(&mut self, index: usize, reply: &Reply) {
        let mut request = self.pending.swap_remove(index);
        if let Some(words) = &reply.malformed {
            self.malformed(words.clone());
        }
        if self.outcome.software.is_none() {
            self.outcome.software.clone_from(&reply.software);
        }
        if reply.class == Class::Success && request.signed.is_some() && reply.integrity != Integrity::Right {
            request.unproven += 1;
            return self.on_unproven(request, reply.integrity);
        }
        if request.sent == 1 {
            // Karn: an answer to one of several requests tells no round trip.
            self.outcome.rtts.push(self.now.saturating_duration_since(request.sent_at));
        }
        match reply.class {
            Class::Success => self.on_success(&request, reply),
            _ => self.on_error(request, reply),
        }
    }

    /// A success that cannot be believed: over datagrams the next answer may be the right one (RFC 8489 section 9.2.5).
    fn on_unproven(&mut self, request: Request, integrity: Integrity) {
        let how =
            if integrity == Integrity::Absent { "without MESSAGE-INTEGRITY" } else { "with a wrong MESSAGE-INTEGRITY" };
        self.malformed(format!("a success response to {} {how}", request.kind.words()));
        if !self.stream && request.unproven < MOST_UNPROVEN {
            self.pending.push(request);
            return;
        }
        let detail = format!("{} was answered {how}, so the answer may be anybody's", request.kind.words());
        self.give_up(request, FailureKind::Garbage, detail);
    }

    /// A request comes to nothing.
    pub(super) fn give_up(&mut self, request: Request, kind: FailureKind, detail: String) {
        let (what, since) = (request.kind, request.since());
        if what == Kind::Release {
            self.pending.push(request);
        } else if self.phase == Phase::Running {
            self.again_at(what, LATER);
        }
        self.fail(what, since, kind, detail);
    }

    fn on_success(&mut self, request: &Request, reply: &Reply) {
        self.credentials.proved |= request.signed.is_some();
        let opening = self.phase == Phase::Opening;
        match request.kind {
            Kind::Allocate => return self.on_allocated(request, reply),
            Kind::Release => {
                self.pending.push(request.clone());
                return self.end_release(None);
            }
            Kind::Refresh => self.again_at(Kind::Refresh, half(reply.lifetime)),
            Kind::Permission => self.again_at(Kind::Permission, PERMISSION_AGAIN),
            Kind::Channel => self.again_at(Kind::Channel, CHANNEL_AGAIN),
        }
        if opening {
            self.done(request.kind.step(), request.since());
            if self.pending.is_empty() {
                self.run();
            }
        }
    }

    fn on_allocated(&mut self, request: &Request, reply: &Reply) {
        self.outcome.allocated = true;
        self.outcome.lifetime = reply.lifetime;
        self.outcome.mapped = reply.mapped;
        // Nobody can send to port 0 or to no address.
        self.outcome.relayed = reply.relayed.filter(|at| at.port() != 0 && !at.ip().is_unspecified());
        if self.outcome.relayed.is_none() {
            let detail = "Allocate was answered without a relayed address".to_owned();
            self.malformed("a success response to Allocate without a usable XOR-RELAYED-ADDRESS");
            return self.fail(Kind::Allocate, request.since(), FailureKind::Garbage, detail);
        }
        self.done(Kind::Allocate.step(), request.since());
        self.again_at(Kind::Refresh, half(reply.lifetime));
        self.phase = Phase::Opening;
        self.ask(Kind::Permission, None);
        self.ask(Kind::Channel, None);
    }

    /// The same is to be asked for again after `wait`.
    fn again_at(&mut self, kind: Kind, wait: Duration) {
        let at = self.now + wait;
        self.due.iter_mut().filter(|(known, _)| *known == kind).for_each(|(_, due)| *due = Some(at));
    }

    fn on_error(&mut self, request: Request, reply: &Reply) {
        let (code, reason) = reply.error.clone().unwrap_or_default();
        if code == 0 {
            self.malformed("an error response without ERROR-CODE");
        }
        if matches!(code, 401 | 438) {
            self.note_realm(reply);
        }
        match code {
            401 if request.signed.is_none() => self.on_login_wanted(request, reply),
            401 | 438 if request.retries < MOST_NONCES => match self.credentials.take(reply, request.signed.as_ref()) {
                Err(why) => {
                    self.give_up(request, FailureKind::NoCredentials, format!("nobody can log in there: {why}"))
                }
                Ok(told) if self.worth_asking_again(code, told) => self.ask(request.kind, Some(&request)),
                Ok(_) => self.on_final_error(request, code, reason),
            },
            // Nothing is there to be given back.
            437 if request.kind == Kind::Release => {
                self.pending.push(request);
                self.end_release(None);
            }
            300 => {
                self.outcome.alternate = reply.alternate;
                self.on_final_error(request, code, reason);
            }
            _ => self.on_final_error(request, code, reason),
        }
    }

    /// Whether what a 401 or 438 told is worth the same request again.
    fn worth_asking_again(&mut self, code: u16, told: Told) -> bool {
        self.outcome.stale_nonces += u32::from(code == 438);
        match (code, told) {
            // Some servers say 401 where a nonce has grown stale; who never accepted anything means what it says.
            (401, Told::NewNonce) => self.credentials.proved,
            (_, told) => told != Told::Nothing,
        }
    }

    fn note_realm(&mut self, reply: &Reply) {
        let shown = |realm: &Vec<u8>| {
            String::from_utf8_lossy(realm).chars().filter(|c| !c.is_control()).take(80).collect::<String>()
        };
        if let Some(realm) = &reply.realm {
            self.outcome.realm = Some(shown(realm));
        }
    }

    /// The first answer of almost every server: it wants credentials, and tells its realm and a nonce.
    fn on_login_wanted(&mut self, request: Request, reply: &Reply) {
        self.outcome.asked_to_log_in = true;
        if !self.credentials.given() {
            let realm = self.outcome.realm.clone().unwrap_or_default();
            let detail = format!("it asks for credentials (realm {realm}) and none were given");
            return self.give_up(request, FailureKind::NoCredentials, detail);
        }
        if reply.realm.is_none() || reply.nonce.is_none() {
            let detail = "it asks for credentials without REALM and NONCE, so that nobody can log in".to_owned();
            self.malformed("401 without REALM and NONCE");
            return self.give_up(request, FailureKind::Garbage, detail);
        }
        match self.credentials.take(reply, None) {
            Ok(_) => self.ask(request.kind, Some(&request)),
            Err(why) => self.give_up(request, FailureKind::NoCredentials, format!("nobody can log in there: {why}")),
        }
    }

    /// An error that asking again does not mend.
    fn on_final_error(&mut self, mut request: Request, code: u16, reason: String) {
        // A permission is part of a channel: a peer that is forbidden is forbidden there, whichever answer comes first.
        let permission = self.pending.iter().position(|p| p.kind == Kind::Permission);
        if let (403, Kind::Channel, Some(index)) = (code, request.kind, permission) {
            request = self.pending.swap_remove(index);
        }
        let named = if reason.is_empty() { code.to_string() } else { format!("{code} ({reason})") };
        let meaning = meaning_of(code).map_or(String::new(), |words| format!(": {words}"));
        let detail = format!("{} was answered with {named}{meaning}", request.kind.words());
        if request.kind != Kind::Release {
            let at: At = request.kind.at();
            let error = TurnError { code, reason, at, retried: request.retries > 0 };
            self.outcome.error.get_or_insert(error);
        }
        if self.phase == Phase::Running {
            // It would be answered so again.
            return self.fail(request.kind, request.since(), FailureKind::TurnError, detail);
        }
        self.give_up(request, FailureKind::TurnError, detail);
    }
}

/// Half of what an allocation lives.
fn half(lifetime: Option<u32>) -> Duration {
    (Duration::from_secs(lifetime.unwrap_or(LIFETIME).into()) / 2).max(SHORTEST_HALF)
}
