//! One request over UDP, sent again until something that answers it comes (the schedule is that of STUN's transactions,
//! RFC 8489 section 6.2.1): SIP, IKE and their like. What an answer is, the one who asks says. Knows no socket, no
//! protocol and no verdict.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{IcmpError, Meaning, SendError, Session, Transmit, canonical};
use crate::model::schedule::Schedule;
use crate::wire::greeting;

/// EPERM so often, and nothing that ever left: once may be a full connection-tracking table.
const KEPT_BACK: u8 = 2;

/// What a datagram from the right address and port is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<T> {
    /// It answers the request.
    Answer(T),
    /// It belongs to the protocol and is not the answer: what the datagram carried, as the rest of a sentence,
    /// `carried a provisional answer`. Anybody may have sent it.
    Other(&'static str),
    /// It is none of the protocol, in words: `a STUN message`.
    Foreign(String),
}

/// What ended it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending<T> {
    Answered(T),
    /// A hard ICMP error: refused by the target itself, or prohibited on the way.
    Icmp(IcmpError),
    /// This machine would not send.
    NotSent(SendError),
    /// No answer to all requests.
    Silence,
}

/// Everything that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<T> {
    /// `None` while it is under way.
    pub ending: Option<Ending<T>>,
    /// Requests that left.
    pub sent: u8,
    /// Where only one was sent (Karn).
    pub rtt: Option<Duration>,
    /// From the first request to the end.
    pub took: Duration,
    /// The last ICMP error that came.
    pub icmp: Option<IcmpError>,
    /// What came from the right address and port and was none of the protocol: in words, and its name if it has one.
    pub garbage: Option<(String, Option<&'static str>)>,
    /// What the last of the protocol carried that was not the answer, and how many there were.
    pub other: Option<(&'static str, u32)>,
    /// Datagrams that came from another address or port.
    pub wrong_source: u32,
}

/// The transaction; `F` reads a datagram.
pub struct Ask<T, F> {
    target: SocketAddr,
    request: Vec<u8>,
    schedule: Schedule,
    read: F,
    started: Instant,
    sent_at: Instant,
    next: Instant,
    /// Requests that were due, whether they left or not.
    due: u8,
    kept_back: u8,
    outcome: Outcome<T>,
}

impl<T, F: FnMut(&[u8]) -> Heard<T>> Ask<T, F> {
    /// Begins at `now`. `request` is sent as it is, each time.
    pub fn new(now: Instant, target: SocketAddr, schedule: Schedule, request: Vec<u8>, read: F) -> Self {
        let outcome = Outcome {
            ending: None,
            sent: 0,
            rtt: None,
            took: Duration::ZERO,
            icmp: None,
            garbage: None,
            other: None,
            wrong_source: 0,
        };
        let target = canonical(target);
        Self { target, request, schedule, read, started: now, sent_at: now, next: now, due: 0, kept_back: 0, outcome }
    }

    /// What was seen.
    pub fn finish(self) -> Outcome<T> {
        self.outcome
    }

    fn end(&mut self, now: Instant, ending: Ending<T>) {
        self.outcome.took = now.saturating_duration_since(self.started);
        self.outcome.ending = Some(ending);
    }
}

impl<T, F: FnMut(&[u8]) -> Heard<T>> Session for Ask<T, F> {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        if self.outcome.ending.is_some() || now < self.next {
            return None;
        }
        if self.due >= self.schedule.requests {
            self.end(now, Ending::Silence);
            return None;
        }
        let len = self.request.len();
        buf.get_mut(..len)?.copy_from_slice(&self.request);
        self.due += 1;
        self.outcome.sent += 1;
        self.sent_at = now;
        self.next = now + self.schedule.wait(self.due);
        Some(Transmit { to: self.target, len })
    }

    fn wake(&self) -> Option<Instant> {
        self.outcome.ending.is_none().then_some(self.next)
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        if self.outcome.ending.is_some() || self.due == 0 {
            return;
        }
        if canonical(from) != self.target {
            self.outcome.wrong_source = self.outcome.wrong_source.saturating_add(1);
            return;
        }
        match (self.read)(bytes) {
            Heard::Answer(answer) => {
                self.outcome.rtt = (self.outcome.sent == 1).then(|| now.saturating_duration_since(self.sent_at));
                self.end(now, Ending::Answered(answer));
            }
            Heard::Other(words) => {
                let before = self.outcome.other.map_or(0, |(_, count)| count);
                self.outcome.other = Some((words, before.saturating_add(1)));
            }
            Heard::Foreign(words) => {
                self.outcome.garbage.get_or_insert_with(|| (words, greeting::protocol(bytes)));
            }
        }
    }

    fn on_icmp(&mut self, now: Instant, error: &IcmpError) {
        if self.outcome.ending.is_some() || canonical(error.to) != self.target {
            return;
        }
        self.outcome.icmp = Some(*error);
        if matches!(error.meaning(), Meaning::Refused | Meaning::Prohibited) {
            self.end(now, Ending::Icmp(*error));
        }
    }

    fn on_send_error(&mut self, now: Instant, _: SocketAddr, error: SendError) {
        self.outcome.sent = self.outcome.sent.saturating_sub(1);
        self.kept_back += u8::from(error == SendError::Prohibited);
        // The next request is due as if this one had left.
        let again = self.outcome.sent > 0 || self.kept_back < KEPT_BACK;
        if error != SendError::Prohibited || !again {
            self.end(now, Ending::NotSent(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Asking = Ask<u8, fn(&[u8]) -> Heard<u8>>;

    fn target() -> SocketAddr {
        "192.0.2.1:5060".parse().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn begin() -> (Instant, Asking) {
        let now = Instant::now();
        (now, Ask::new(now, target(), Schedule::QUICK, b"ask".to_vec(), read))
    }

    fn read(bytes: &[u8]) -> Heard<u8> {
        match bytes {
            [b'a', n] => Heard::Answer(*n),
            [b'a'] => Heard::Other("carried half an answer"),
            _ => Heard::Foreign("no answer of ours".to_owned()),
        }
    }

    /// Sends what is due at `now`; how many datagrams.
    fn send(ask: &mut impl Session, now: Instant) -> usize {
        let mut buf = [0; 100];
        std::iter::from_fn(|| ask.poll_transmit(now, &mut buf)).inspect(|t| assert_eq!(t.len, 3)).count()
    }

    #[test]
    fn the_first_answer_ends_it_and_tells_the_round_trip() {
        let (start, mut ask) = begin();
        assert_eq!(send(&mut ask, start), 1);
        ask.on_datagram(start + Duration::from_millis(3), "192.0.2.9:5060".parse().unwrap(), b"a1");
        ask.on_datagram(start + Duration::from_millis(4), target(), b"a");
        ask.on_datagram(start + Duration::from_millis(5), target(), b"a7");
        assert_eq!(ask.wake(), None);
        let seen = ask.finish();
        assert_eq!((seen.ending, seen.rtt), (Some(Ending::Answered(b'7')), Some(Duration::from_millis(5))));
        assert_eq!((seen.wrong_source, seen.garbage, seen.other), (1, None, Some(("carried half an answer", 1))));
    }

    #[test]
    fn after_a_repetition_no_round_trip_is_told() {
        let (start, mut ask) = begin();
        send(&mut ask, start);
        let later = ask.wake().unwrap();
        assert_eq!(send(&mut ask, later), 1);
        ask.on_datagram(later, target(), b"a7");
        assert_eq!(ask.finish().rtt, None);
    }

    #[test]
    fn silence_ends_after_the_schedule_and_keeps_what_came_instead() {
        let (start, mut ask) = begin();
        let mut sent = send(&mut ask, start);
        ask.on_datagram(start, target(), b"HTTP/1.1 400 Bad");
        while let Some(at) = ask.wake() {
            sent += send(&mut ask, at);
        }
        let seen = ask.finish();
        assert_eq!((sent, seen.sent), (4, 4));
        assert_eq!(seen.ending, Some(Ending::Silence));
        assert_eq!(seen.took, Schedule::QUICK.transaction().time);
        assert_eq!(seen.garbage.unwrap().1, Some("HTTP"));
    }
}
