//! What goes out and what comes in: the packet or question that is due, and each datagram, reply or not.

use std::net::SocketAddr;
use std::time::Instant;

use super::answer::{Answer, Asked, Unfit};
use super::stamp::{FIRST_QUERY, Written};
use super::{
    Gaps, MOST_QUESTIONS, Mark, Marking, Misbehaviour, Phase, QUESTION_EVERY, QUESTIONS, Side, Train, duration,
    unsigned,
};
use crate::session::{Arrival, IcmpError, SendError, Session, Transmit, canonical};
use crate::stats;

/// What replies and errors told beside the record.
#[derive(Default)]
pub(super) struct Seen {
    pub misbehaviour: Misbehaviour,
    pub marking: Marking,
    pub gaps: Gaps,
    pub icmp: Option<(IcmpError, u32)>,
    pub not_sent: Option<(SendError, u32)>,
    pub overflow: u32,
    pub shorter: u32,
    pub stun_errors: Option<(u16, u32)>,
}

impl Seen {
    fn answer(&mut self, answer: &Answer, arrival: Arrival) {
        self.shorter += u32::from(answer.shorter);
        if let Some(number) = answer.error {
            self.stun_errors = Some((number, self.stun_errors.map_or(0, |(_, n)| n).saturating_add(1)));
        }
        let see = |mark: &mut Option<Mark>, value: Option<u8>| {
            if let Some(value) = value {
                Mark::see(mark, value);
            }
        };
        see(&mut self.marking.there, answer.class.map(|c| c.received_dscp));
        see(&mut self.marking.ttl_there, answer.ttl);
        see(&mut self.marking.back, arrival.tos.map(|tos| tos >> 2));
        see(&mut self.marking.ttl_back, arrival.ttl);
        self.marking.refused |= answer.class.is_some_and(|c| c.reverse_path != 0);
    }
}

impl Train {
    /// The packet of the train that is due.
    fn write_packet(&mut self, now: i64, buf: &mut [u8]) -> Option<usize> {
        let slot = self.schedule.take(unsigned(now))?;
        let seq = self.book.count();
        let len = match &self.side {
            Side::Stamp(stamp) => stamp.write(buf, self.written(seq, now, slot.len.into()))?,
            Side::Stun(bindings) => bindings.write(buf, seq)?,
            Side::Echo(echoes) => echoes.write(buf, seq, slot.len.into())?,
        };
        let late = now.saturating_sub(i64::try_from(slot.due).unwrap_or(i64::MAX));
        self.book.push(stats::Sent { at: now, late, len: u16::try_from(len).unwrap_or(u16::MAX) });
        self.wrote_packet = true;
        Some(len)
    }

    /// The question that is due.
    fn write_question(&mut self, now: i64, buf: &mut [u8]) -> Option<usize> {
        let Phase::Asking { next, until } = self.phase else { return None };
        let Side::Stamp(stamp) = &self.side else { return None };
        let asked = self.questions.len();
        if now < next || asked >= self.asking_from + QUESTIONS || asked >= MOST_QUESTIONS {
            return None;
        }
        let seq = FIRST_QUERY + u32::try_from(asked).ok()?;
        let len = stamp.write(buf, self.written(seq, now, 0))?;
        self.questions.push(now);
        let more = asked + 1 < self.asking_from + QUESTIONS;
        self.phase = Phase::Asking { next: if more { now + QUESTION_EVERY } else { until }, until };
        self.wrote_packet = false;
        Some(len)
    }

    fn written(&self, seq: u32, now: i64, len: usize) -> Written {
        Written { seq, sent: self.wall + duration(now), dscp: self.dscp, len }
    }

    /// Reads a datagram from the target.
    fn read(&self, bytes: &[u8]) -> Result<(Answer, u32), Unfit> {
        let mut number = 0;
        let answer = match &self.side {
            Side::Stun(bindings) => bindings.read(bytes, self.book.count()),
            Side::Echo(echoes) => echoes.read(bytes, |seq| self.book.packet(seq).map(|sent| sent.len.into())),
            Side::Stamp(stamp) => stamp.read(bytes, |seq| {
                number = seq;
                let at = |nanos| self.wall + duration(nanos);
                match seq.checked_sub(FIRST_QUERY) {
                    Some(n) => self.questions.get(n as usize).map(|sent| (at(*sent), stamp.least_len())),
                    None => self.book.packet(seq).map(|sent| (at(sent.at), usize::from(sent.len))),
                }
            }),
        }?;
        Ok((answer, number))
    }

    fn on_answer(&mut self, at: i64, answer: &Answer, number: u32, arrival: Arrival) -> Result<(), Unfit> {
        match answer.asked {
            Asked::Packet(request) => self.book.reply(request, at, answer, &mut self.seen.misbehaviour)?,
            Asked::Query => self.on_report(answer, number),
        }
        self.seen.answer(answer, arrival);
        Ok(())
    }

    /// The answer to a question.
    fn on_report(&mut self, answer: &Answer, number: u32) {
        let Some(report) = &answer.report else { return };
        self.book.reports.take(report, self.book.count(), None);
        self.closed |= number.checked_sub(FIRST_QUERY).is_some_and(|n| n as usize >= self.asking_from);
    }
}

impl Session for Train {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let now = self.nanos(now);
        self.advance(now);
        let len = match self.phase {
            Phase::Sending => self.write_packet(now, buf),
            Phase::Asking { .. } => self.write_question(now, buf),
            Phase::Settling | Phase::Over => None,
        }?;
        Some(Transmit { to: self.target, len })
    }

    fn wake(&self) -> Option<Instant> {
        let at = match self.phase {
            Phase::Sending => {
                let due = i64::try_from(self.schedule.next_due()).unwrap_or(i64::MAX);
                let silent = if self.book.answered() == 0 { self.silent_at } else { i64::MAX };
                due.min(self.look_at()).min(silent)
            }
            Phase::Settling => self.settled_at(),
            Phase::Asking { .. } if self.closed => 0,
            Phase::Asking { next, until } => next.min(until),
            Phase::Over => return None,
        };
        Some(self.start + duration(at))
    }

    fn on_datagram(&mut self, at: Instant, from: SocketAddr, bytes: &[u8]) {
        self.on_arrival(at, from, bytes, Arrival::default());
    }

    fn on_arrival(&mut self, at: Instant, from: SocketAddr, bytes: &[u8], arrival: Arrival) {
        if self.phase == Phase::Over {
            return;
        }
        self.seen.overflow = self.seen.overflow.max(arrival.overflow);
        let at = self.nanos(at);
        let read = if canonical(from) == self.target { self.read(bytes) } else { Err(Unfit::OtherSource) };
        if let Err(unfit) = read.and_then(|(answer, number)| self.on_answer(at, &answer, number, arrival)) {
            self.seen.misbehaviour.count(unfit);
        }
    }

    fn on_icmp(&mut self, _now: Instant, error: &IcmpError) {
        if canonical(error.to) == self.target {
            self.seen.icmp = Some((*error, self.seen.icmp.map_or(0, |(_, n)| n).saturating_add(1)));
        }
    }

    fn on_send_error(&mut self, _now: Instant, _to: SocketAddr, error: SendError) {
        if std::mem::take(&mut self.wrote_packet) {
            self.book.take_back();
            self.seen.not_sent = Some((error, self.seen.not_sent.map_or(0, |(_, n)| n).saturating_add(1)));
        }
    }

    fn progress(&self) -> (u32, u32) {
        (self.book.count(), u32::try_from(self.expected()).unwrap_or(u32::MAX).max(self.book.count()))
    }
}
