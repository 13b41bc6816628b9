//! The same small datagrams slowly and fast to one port that answers STUN: a policer lets the slow ones through and of the
//! fast ones only so many a second, while a full queue would first delay them. Knows no socket and no verdict.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::ids::Ids;
use super::{Credential, IcmpError, SendError, Session, Transmit, canonical, write_request};
use crate::model::millis;
use crate::model::path::AtRate;
use crate::wire::stun::{BINDING, Class, Message};

/// Slow ones, and the time between two.
const SLOW: u32 = 8;
const SLOW_GAP: Duration = Duration::from_millis(100);
/// Fast ones: for 0.7 s.
const FAST: u32 = 140;
const FAST_GAP: Duration = Duration::from_millis(5);
/// Between both, and for the last answers.
const PAUSE: Duration = Duration::from_millis(150);
const LAST: Duration = Duration::from_millis(300);

/// The longest that the test takes.
pub const LONGEST: Duration = Duration::from_millis(2200);

/// The test.
pub struct Rates {
    target: SocketAddr,
    ids: Ids,
    credential: Option<Credential>,
    start: Instant,
    next: u32,
    /// When each was sent; `None` where this machine kept it back.
    sent: Vec<Option<Instant>>,
    rtts: Vec<Option<Duration>>,
    over: bool,
}

impl Rates {
    /// Begins at `now`; `secret` makes ids that nobody can guess.
    pub fn new(now: Instant, target: SocketAddr, secret: &[u8; 32], credential: Option<Credential>) -> Self {
        let rtts = vec![None; (SLOW + FAST) as usize];
        let target = canonical(target);
        Self { target, ids: Ids::new(secret), credential, start: now, next: 0, sent: Vec::new(), rtts, over: false }
    }

    /// When the datagram of this number is due; `None` behind the last.
    fn due(&self, number: u32) -> Option<Instant> {
        let slow = SLOW_GAP * number.min(SLOW);
        let fast = number.checked_sub(SLOW).map(|n| PAUSE + FAST_GAP * n).unwrap_or_default();
        (number < SLOW + FAST).then(|| self.start + slow + fast)
    }

    fn end(&self) -> Instant {
        self.start + SLOW_GAP * SLOW + PAUSE + FAST_GAP * FAST + LAST
    }

    /// What the slow and the fast ones came to.
    pub fn outcome(&self) -> (AtRate, AtRate) {
        let of = |from: u32, to: u32, gap: Duration| {
            let range = from as usize..to as usize;
            let sent = self.sent.iter().enumerate().filter(|(n, at)| range.contains(n) && at.is_some()).count();
            let mut rtts: Vec<Duration> =
                self.rtts.iter().skip(range.start).take(range.len()).flatten().copied().collect();
            rtts.sort_unstable();
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let per_second = (1.0 / gap.as_secs_f64()).round() as u32;
            let rtt_ms = rtts.get(rtts.len() / 2).map(|rtt| millis(*rtt));
            AtRate { per_second, sent: count(sent), answered: count(rtts.len()), rtt_ms }
        };
        (of(0, SLOW, SLOW_GAP), of(SLOW, SLOW + FAST, FAST_GAP))
    }
}

impl Session for Rates {
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let Some(due) = self.due(self.next) else {
            self.over |= now >= self.end();
            return None;
        };
        if self.over || now < due {
            return None;
        }
        let id = self.ids.id(u16::try_from(self.next).ok()?, 0);
        let len = write_request(buf, id, self.credential.as_ref())?;
        self.next += 1;
        self.sent.push(Some(now));
        Some(Transmit { to: self.target, len })
    }

    fn wake(&self) -> Option<Instant> {
        (!self.over).then(|| self.due(self.next).unwrap_or_else(|| self.end()))
    }

    fn on_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let Some(message) = Message::read(bytes).ok().filter(|_| canonical(from) == self.target) else { return };
        let is_answer = message.method() == BINDING && matches!(message.class(), Class::Success | Class::Error);
        let Some((number, _)) = self.ids.asked(&message.id()).filter(|_| is_answer) else { return };
        let number = usize::from(number);
        let Some(sent) = self.sent.get(number).copied().flatten() else { return };
        if let Some(rtt) = self.rtts.get_mut(number) {
            rtt.get_or_insert(now.saturating_duration_since(sent));
        }
    }

    fn on_icmp(&mut self, _: Instant, _: &IcmpError) {}

    fn on_send_error(&mut self, _: Instant, _: SocketAddr, _: SendError) {
        if let Some(last) = self.sent.last_mut() {
            *last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lossy::{Bucket, Far, Link, zero};
    use super::*;

    /// Loss of each way, a policer's limit a second, and the round trip.
    fn over(loss: f64, policer: Option<f64>) -> (AtRate, AtRate, Duration) {
        let start = zero();
        let mut link = Link::new(start, 7, loss, 20, |_| Far::Responder);
        link.policer = policer.map(|limit| Bucket::new(start, 5.0, limit));
        let mut rates = Rates::new(start, "192.0.2.1:19099".parse().unwrap(), &[7; 32], None);
        let took = link.run(start, &mut rates);
        let (slow, fast) = rates.outcome();
        (slow, fast, took)
    }

    #[test]
    fn a_clean_path_answers_all_and_takes_two_seconds() {
        let (slow, fast, took) = over(0.0, None);
        assert_eq!((slow.sent, slow.answered, fast.sent, fast.answered), (8, 8, 140, 140));
        assert_eq!((slow.per_second, fast.per_second, slow.rtt_ms, fast.rtt_ms), (10, 200, Some(20.0), Some(20.0)));
        assert!(took < LONGEST, "{took:?}");
    }

    #[test]
    fn a_policer_lets_the_slow_through_and_its_rate_of_the_fast() {
        let (slow, fast, _) = over(0.0, Some(50.0));
        assert_eq!(slow.answered, 8);
        assert!((35..=45).contains(&fast.answered), "{fast:?}");
    }

    #[test]
    fn loss_takes_of_both() {
        let (_, fast, _) = over(0.1, None);
        assert!((95..=130).contains(&fast.answered), "{fast:?}");
    }
}
