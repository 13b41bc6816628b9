//! What a relayed session sends and takes in: requests and their answers, and the datagrams of the session inside.

use std::net::SocketAddr;
use std::time::Instant;

use super::request::Kind;
use super::{CHANNEL, Phase, Relayed, Wrote};
use crate::model::{FailureKind, Step};
use crate::session::{Arrival, IcmpError, Meaning, SendError, Session, Transmit, canonical};
use crate::wire::stun::{Class, Message};
use crate::wire::turn::frames::{CHANNEL_HEADER, channel_header, read_channel_data};
use crate::wire::turn::{read, read_data};

/// EPERM so often, and nothing that ever left: once may be a full connection-tracking table.
const KEPT_BACK: u8 = 2;

impl<S: Session> Relayed<S> {
    /// Gives up what was not answered in time, and asks again for what runs out.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let late = |p: &super::Request, most: u8| p.sent >= most && p.next <= now;
        while let Some(index) = self.pending.iter().position(|p| late(p, self.schedule_of(p.kind).requests)) {
            let request = self.pending.swap_remove(index);
            let (kind, detail) = self.silence(&request);
            self.give_up(request, kind, detail);
        }
        if self.phase != Phase::Running {
            return;
        }
        for n in 0..self.due.len() {
            let Some((kind, due)) = self.due.get_mut(n) else { break };
            if due.is_some_and(|due| due <= now) {
                let kind = *kind;
                *due = None;
                self.ask(kind, None);
            }
        }
    }

    /// Why a request was not answered, as far as that was seen.
    fn silence(&self, request: &super::Request) -> (FailureKind, String) {
        let (kind, sent) = (request.kind.words(), request.sent);
        let times = if sent == 1 { "once".to_owned() } else { format!("{sent} times") };
        let waited = self.now.saturating_duration_since(request.since()).as_secs_f64();
        let unanswered = format!("no answer to {kind}, sent {times} in {waited:.1} s");
        let malformed =
            self.outcome.malformed.as_ref().filter(|_| request.unproven > 0 || self.outcome.strays.not_stun > 0);
        match (malformed, self.outcome.icmp) {
            (Some(words), _) => (FailureKind::Garbage, format!("{unanswered}, but {words}")),
            (None, Some((error, _))) => {
                (error.meaning().decides().unwrap_or(FailureKind::TimedOut), format!("{unanswered}, and {error}"))
            }
            (None, None) => (FailureKind::TimedOut, unanswered),
        }
    }

    /// The request that is due.
    fn write_request(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let index = self.pending.iter().position(|p| p.next <= now)?;
        let schedule = self.schedule_of(self.pending.get(index)?.kind);
        let request = self.pending.get_mut(index)?;
        let len = request.bytes.len();
        buf.get_mut(..len)?.copy_from_slice(&request.bytes);
        request.send(now, schedule);
        self.wrote = Wrote::Request(request.number);
        self.outcome.requests += 1;
        self.outcome.resent += u32::from(request.sent > 1);
        Some(Transmit { to: self.server, len })
    }

    /// The datagram of the session inside that is due, as ChannelData.
    fn write_data(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let peer = self.outcome.relay.filter(|_| self.phase == Phase::Running)?.peer;
        let inner = self.inner.as_mut()?;
        loop {
            let transmit = inner.poll_transmit(now, buf.get_mut(CHANNEL_HEADER..)?)?;
            let header = channel_header(CHANNEL, transmit.len).filter(|_| canonical(transmit.to) == canonical(peer));
            let Some(header) = header else {
                // No channel leads anywhere else.
                inner.on_send_error(now, transmit.to, SendError::NoRoute);
                continue;
            };
            buf.get_mut(..CHANNEL_HEADER)?.copy_from_slice(&header);
            self.sent_inside.get_or_insert(now);
            self.outcome.relayed_out = self.outcome.relayed_out.saturating_add(1);
            self.wrote = Wrote::Data;
            return Some(Transmit { to: self.server, len: CHANNEL_HEADER + transmit.len });
        }
    }

    /// The session inside has nothing more to do.
    fn inner_over(&self) -> bool {
        self.phase == Phase::Running && self.inner.as_ref().is_some_and(|inner| inner.wake().is_none())
    }

    /// A datagram came through the relay.
    fn on_data(&mut self, at: Instant, from: SocketAddr, bytes: &[u8], arrival: Arrival) {
        if self.phase != Phase::Running {
            return;
        }
        self.outcome.relayed_in = self.outcome.relayed_in.saturating_add(1);
        if let Some(since) = self.sent_inside.filter(|_| self.outcome.relayed_in == 1) {
            self.done(Step::Relay, since);
        }
        if let Some(inner) = &mut self.inner {
            inner.on_arrival(at, from, bytes, arrival);
        }
    }

    fn on_channel_data(&mut self, at: Instant, bytes: &[u8], arrival: Arrival) {
        match (read_channel_data(bytes), self.outcome.relay) {
            (Some((CHANNEL, data)), Some(relay)) => self.on_data(at, relay.peer, data, arrival),
            (Some((CHANNEL, _)), None) => {}
            (Some((number, _)), _) => self.not_turn(format!("data came on channel 0x{number:04x}, which nobody bound")),
            (None, _) => self.not_turn(format!("{} bytes came that are no TURN message", bytes.len())),
        }
    }

    fn not_turn(&mut self, words: String) {
        self.outcome.strays.not_stun = self.outcome.strays.not_stun.saturating_add(1);
        self.malformed(words);
    }

    fn on_message(&mut self, at: Instant, bytes: &[u8], arrival: Arrival) {
        let Ok(message) = Message::read(bytes) else {
            return self.not_turn(format!("{} bytes came that are no TURN message", bytes.len()));
        };
        if let Some((peer, data)) = read_data(&message) {
            self.outcome.indications = self.outcome.indications.saturating_add(1);
            return self.on_data(at, peer, data, arrival);
        }
        let response = matches!(message.class(), Class::Success | Class::Error);
        let ours = |p: &super::Request| p.id == message.id() && p.kind.method() == message.method() && p.sent > 0;
        match self.pending.iter().position(ours).filter(|_| response) {
            Some(index) => match read(bytes, self.credentials.key()) {
                Ok(reply) => self.on_response(index, &reply),
                Err(error) => self.not_turn(error.to_string()),
            },
            // An answer to what was answered already, or to nothing.
            None => self.outcome.strays.wrong_id = self.outcome.strays.wrong_id.saturating_add(1),
        }
    }

    /// A request could not be sent: it counts as one that was not, and the next is due as if it had left.
    fn on_request_kept_back(&mut self, number: u16, error: SendError) {
        let Some(index) = self.pending.iter().position(|p| p.number == number) else { return };
        self.outcome.requests = self.outcome.requests.saturating_sub(1);
        self.outcome.not_sent = Some(error);
        let mut request = self.pending.swap_remove(index);
        self.outcome.resent = self.outcome.resent.saturating_sub(u32::from(request.sent > 1));
        request.kept_back += u8::from(error == SendError::Prohibited);
        let once_more = request.sent > request.kept_back || request.kept_back < KEPT_BACK;
        if error == SendError::Prohibited && once_more {
            self.pending.push(request);
            return;
        }
        let (kind, words) = match error {
            SendError::Prohibited => (FailureKind::Prohibited, "a firewall on this machine lets no datagram to it out"),
            SendError::NoRoute => (FailureKind::NoRoute, "this machine has no address or route towards it"),
            SendError::Unreachable => (FailureKind::Unreachable, "this machine's route to it leads nowhere"),
            SendError::TooBig => (FailureKind::TooBig, "the request is too big for this machine's link"),
            SendError::Other(_) => (FailureKind::Internal, "the request could not be sent"),
        };
        self.give_up(request, kind, words.to_owned());
    }
}

impl<S: Session> Session for Relayed<S> {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.advance(now);
        let transmit = self.write_request(now, buf).or_else(|| self.write_data(now, buf));
        if transmit.is_none() && self.inner_over() {
            self.outcome.ending = super::Ending::Done;
            self.wind_up();
            return self.write_request(now, buf);
        }
        transmit
    }

    fn wake(&self) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        let running = self.phase == Phase::Running;
        let due = self.due.iter().filter_map(|(_, due)| due.filter(|_| running));
        let inner = self.inner.as_ref().filter(|_| running).map(|inner| inner.wake().unwrap_or(self.now));
        self.pending.iter().map(|p| p.next).chain(due).chain(inner).min().or(Some(self.now))
    }

    fn on_datagram(&mut self, at: Instant, from: SocketAddr, bytes: &[u8]) {
        self.on_arrival(at, from, bytes, Arrival::default());
    }

    fn on_arrival(&mut self, at: Instant, from: SocketAddr, bytes: &[u8], arrival: Arrival) {
        if self.phase == Phase::Over {
            return;
        }
        if canonical(from) != self.server {
            self.outcome.strays.wrong_source = self.outcome.strays.wrong_source.saturating_add(1);
            return;
        }
        self.now = self.now.max(at);
        match bytes.first() {
            Some(first) if first & 0xC0 == 0x40 => self.on_channel_data(at, bytes, arrival),
            _ => self.on_message(at, bytes, arrival),
        }
    }

    fn on_icmp(&mut self, now: Instant, error: &IcmpError) {
        if canonical(error.to) != self.server || self.phase == Phase::Over {
            return;
        }
        self.now = self.now.max(now);
        self.outcome.icmp = Some((*error, self.outcome.icmp.map_or(0, |(_, n)| n).saturating_add(1)));
        let hard = matches!(error.meaning(), Meaning::Refused | Meaning::Prohibited);
        if hard && matches!(self.phase, Phase::Allocating | Phase::Opening) {
            let first = self.pending.iter().min_by_key(|p| p.number).map(|p| (p.kind, p.since()));
            let (kind, since) = first.unwrap_or((Kind::Allocate, self.now));
            let failure = error.meaning().failure_kind().unwrap_or(FailureKind::TimedOut);
            self.fail(kind, since, failure, error.to_string());
        }
    }

    fn on_send_error(&mut self, now: Instant, _to: SocketAddr, error: SendError) {
        self.now = self.now.max(now);
        match (self.wrote, self.outcome.relay) {
            (Wrote::Request(number), _) => self.on_request_kept_back(number, error),
            (Wrote::Data, Some(relay)) => {
                self.outcome.relayed_out = self.outcome.relayed_out.saturating_sub(1);
                if let Some(inner) = &mut self.inner {
                    inner.on_send_error(now, relay.peer, error);
                }
            }
            (Wrote::Data, None) => {}
        }
    }

    /// The allocation is given back: it would count against the user's quota until it runs out.
    fn farewell(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.now = self.now.max(now);
        if !self.outcome.allocated || matches!(self.phase, Phase::Releasing | Phase::Over) {
            return None;
        }
        self.note_unanswered();
        self.wind_up();
        self.write_request(now, buf)
    }

    fn progress(&self) -> (u32, u32) {
        self.inner.as_ref().map_or((0, 0), Session::progress)
    }
}
