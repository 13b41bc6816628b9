//! What the client sends in each phase: hello, feedback, pings, data and farewell.

use super::{Client, HELLO_EVERY, HOLD_PING, IDLE_PING, MOST_HELLOS, MS, Phase, Work};
use crate::wire::flow::{Body, Feedback, HELLO_LEN, Kind, write};

impl Client {
    pub(super) fn hello(&mut self, now: u64, tries: u32, buf: &mut [u8]) -> Option<usize> {
        if now < self.next_hello {
            return None;
        }
        if tries >= MOST_HELLOS {
            self.phase = Phase::Over;
            return None;
        }
        self.phase = Phase::Hello { tries: tries + 1 };
        self.next_hello = now + HELLO_EVERY;
        write(buf, &self.head(Kind::Hello, 0, now), &Body::Hello, HELLO_LEN)
    }

    /// Says twice that nothing more is wanted; one of them may be lost.
    pub(super) fn farewell(&mut self, now: u64, left: u32, buf: &mut [u8]) -> Option<usize> {
        if now < self.next_feedback {
            return None;
        }
        self.next_feedback = now + 10 * MS;
        self.phase = if left <= 1 { Phase::Over } else { Phase::Farewell { left: left - 1 } };
        let body = Feedback { number: self.number, stop: true, ..*self.receiver.so_far() };
        write(buf, &self.head(Kind::Feedback, self.asked.0, now), &Body::Feedback(body), 0)
    }

    pub(super) fn due(&mut self, now: u64, buf: &mut [u8]) -> Option<usize> {
        if now >= self.next_feedback && !matches!(self.phase, Phase::Idle { .. }) {
            return self.tell(now, buf);
        }
        if now >= self.next_ping && self.pings_on() {
            return self.ping(now, buf);
        }
        let len = self.sender.take(now)?;
        let seq = self.sender.sent.wrapping_sub(1);
        write(buf, &self.head(Kind::Data, self.asked.0, now), &Body::Data { seq }, usize::from(len))
    }

    fn tell(&mut self, now: u64, buf: &mut [u8]) -> Option<usize> {
        self.next_feedback = (self.next_feedback + self.rhythm.feedback).max(now + self.rhythm.feedback / 2);
        let (asked_stage, asked, asked_ms) = self.asked;
        let sent = self.sender.sent;
        let told = Feedback { sent, asked_stage, asked, asked_ms, ..self.receiver.tell() };
        self.number = told.number.wrapping_add(1);
        if let Some(part) = self.parts.last_mut()
            && part.down.add(&told)
            && let (Some(Work::Search { up: false, .. }), Some(search), None) =
                (self.works.first(), &mut part.search, part.held_since)
        {
            search.on_feedback(&part.down, now);
        }
        write(buf, &self.head(Kind::Feedback, asked_stage, now), &Body::Feedback(told), 0)
    }

    fn ping(&mut self, now: u64, buf: &mut [u8]) -> Option<usize> {
        let idle = matches!(self.phase, Phase::Idle { .. });
        let every = match (idle, self.is_holding()) {
            (true, _) => IDLE_PING,
            (_, true) => HOLD_PING,
            _ => self.rhythm.ping,
        };
        self.next_ping = (self.next_ping + every).max(now + every / 2);
        let part = self.parts.last_mut()?;
        let number = if idle { part.idle.sent(now) } else { part.loaded.sent(now) };
        write(buf, &self.head(Kind::Ping, 0, now), &Body::Ping { number }, 0)
    }
}
