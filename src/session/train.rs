//! A train of test packets shaped like media, sent to one target and recorded as its replies come: over STAMP (RFC 8762,
//! RFC 8972), over STUN Binding requests where no reflector answers, or in packets that come back as they are. Knows no
//! socket, no clock and no limit: whether what was seen is enough is asked of a closure that was handed in.
//!
//! ```text
//! sending ──look: decided──▶ settling ──▶ asking ──still decided──▶ over
//!    ▲                                      │ (only a responder of ours: what became of every packet there)
//!    └───────────── undecided after all ────┘
//! ```

mod answer;
mod binding;
mod book;
mod datagrams;
mod echo;
mod far;
mod outcome;
mod plan;
mod schedule;
mod stamp;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use binding::Bindings;
use book::Book;
use datagrams::Seen;
use echo::Echoes;
pub use outcome::{Ending, Gaps, Mark, Marking, Misbehaviour, Outcome};
pub use plan::{Decision, Looks, Plan, Stamp, Via};
use schedule::Schedule;

use super::canonical;
use crate::model::shape::Figures;
use crate::stats;

/// Nothing back for so long from the beginning: nothing will come.
const SILENCE: i64 = 2_000_000_000;

/// How long replies are waited for at the end, at least and at most; in between it is twice the longest round trip.
const SHORTEST_SETTLE: i64 = 200_000_000;
const LONGEST_SETTLE: i64 = 2_000_000_000;

/// How long a look waits for answers while packets are sent.
const SHORTEST_LOOK_BACK: i64 = 100_000_000;
const LONGEST_LOOK_BACK: i64 = 1_000_000_000;

/// Questions in one asking, and how far apart.
const QUESTIONS: usize = 10;
const QUESTION_EVERY: i64 = 100_000_000;

/// Questions of all askings.
const MOST_QUESTIONS: usize = 250;

/// A server that is not ours is asked no longer, and nobody longer than this.
const LONGEST_STUN: i64 = 10_000_000_000;
const LONGEST: i64 = 3_600_000_000_000;

/// The z of 95 % where there is one look.
const ONE_LOOK: f64 = 1.96;

/// Room made for packets before the train begins.
const MOST_RESERVED: usize = 1 << 20;

/// A train under way. Times inside are nanoseconds since its start.
pub struct Train {
    target: SocketAddr,
    side: Side,
    dscp: u8,
    looks: Looks,
    start: Instant,
    wall: Duration,
    schedule: Schedule,
    book: Book,
    phase: Phase,
    /// The next look.
    look: Look,
    /// Its time has come: how many packets it is at, and until when their answers are waited for.
    looking: Option<(usize, i64)>,
    looked: u32,
    /// How long there was nothing to be sent, or no way to: such time brings no look nearer.
    paused: i64,
    /// Train time that was sent in, once sending stopped.
    sent_for: i64,
    /// Where nothing has come by then, nothing will.
    silent_at: i64,
    /// When each question was sent, by its number.
    questions: Vec<i64>,
    /// The first question of this asking.
    asking_from: usize,
    /// A question of this asking was answered: nothing is open at the far end.
    closed: bool,
    /// A packet of the train was written last, not a question.
    wrote_packet: bool,
    over_at: i64,
    ending: Ending,
    seen: Seen,
    /// What looks are made of, kept so that one look's memory serves the next.
    scratch: stats::Train,
}

/// The protocol, with what it needs.
enum Side {
    Stamp(Stamp),
    Stun(Bindings),
    Echo(Echoes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Sending,
    /// Replies may still come.
    Settling,
    /// The far end is asked what it has received: when to ask again, and until when answers are waited for.
    Asking {
        next: i64,
        until: i64,
    },
    Over,
}

/// When to look, in train time, and with which z.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: i64,
    z: f64,
    last: bool,
}

impl Train {
    /// Begins at `start`, which was `wall` after 1970 on this machine's clock; no later step of that clock matters.
    pub fn new(plan: Plan, start: Instant, wall: Duration) -> Self {
        let target = canonical(plan.target);
        let (side, schedule) = match plan.via {
            Via::Stamp(stamp) => {
                let schedule = Schedule::new(&plan.load, stamp.least_len(), target.is_ipv6());
                (Side::Stamp(stamp), schedule)
            }
            Via::Stun { credential, secret } => {
                let bindings = Bindings::new(&secret, credential);
                let schedule = Schedule::fixed(bindings.len());
                (Side::Stun(bindings), schedule)
            }
            Via::Echo { secret } => {
                let schedule = Schedule::new(&plan.load, echo::LEAST_LEN, target.is_ipv6());
                (Side::Echo(Echoes::new(&secret)), schedule)
            }
        };
        let mut train = Self {
            target,
            side,
            dscp: plan.dscp,
            looks: plan.looks,
            start,
            wall,
            schedule,
            book: Book::default(),
            phase: Phase::Sending,
            look: Look { at: 0, z: ONE_LOOK, last: true },
            looking: None,
            looked: 0,
            paused: 0,
            sent_for: 0,
            silent_at: SILENCE,
            questions: Vec::with_capacity(MOST_QUESTIONS),
            asking_from: 0,
            closed: false,
            wrote_packet: false,
            over_at: 0,
            ending: Ending::Stopped,
            seen: Seen::default(),
            scratch: stats::Train::default(),
        };
        train.look = train.look_after(Duration::ZERO).unwrap_or(Look { at: LONGEST_STUN, z: ONE_LOOK, last: true });
        train.book.reserve(train.expected().saturating_add(64).min(MOST_RESERVED));
        train
    }

    /// What is offered, in the packets that are sent.
    pub fn offered(&self) -> Figures {
        self.schedule.offered()
    }

    /// What came of it until `now`.
    pub fn finish(mut self, now: Instant) -> Outcome {
        if self.phase != Phase::Over {
            self.over_at = self.nanos(now);
        }
        if self.phase == Phase::Sending {
            self.sent_for = self.over_at - self.paused;
        }
        let mut record = stats::Train::default();
        let mut misbehaviour = self.seen.misbehaviour;
        self.record(&mut record, self.known());
        misbehaviour.wrong_report = self.book.reports.unbelievable;
        if self.closed && record.far.is_none() && misbehaviour.wrong_report == 0 {
            misbehaviour.wrong_report = 1;
        }
        Outcome {
            ending: self.ending,
            record,
            z: self.look.z,
            looks: self.looked,
            offered: self.schedule.offered(),
            responder: self.book.responder,
            icmp: self.seen.icmp,
            not_sent: self.seen.not_sent,
            misbehaviour,
            marking: self.seen.marking,
            gaps: self.seen.gaps,
            own_overflow: self.seen.overflow,
            shorter: self.seen.shorter,
            stun_errors: self.seen.stun_errors,
            took: duration(self.over_at),
            sent_for: duration(self.sent_for),
        }
    }

    /// How many packets the record is of: all, unless the train was stopped while replies were still waited for. Then what
    /// was sent just before is neither lost nor answered yet, and no part of the record; of a train that is younger than
    /// that wait, what was answered is.
    fn known(&self) -> usize {
        if !matches!(self.phase, Phase::Sending | Phase::Settling) || self.book.answered() == 0 {
            return usize::MAX;
        }
        let upto = self.book.sent_by(self.over_at.saturating_sub(self.look_back()));
        if self.book.distinct_until(upto) > 0 { upto } else { self.book.upto_last_answered() }
    }

    /// How long the reply to a packet is waited for while others are sent.
    fn look_back(&self) -> i64 {
        (2 * as_nanos(self.book.longest_rtt())).clamp(SHORTEST_LOOK_BACK, LONGEST_LOOK_BACK)
    }

    fn nanos(&self, now: Instant) -> i64 {
        i64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(i64::MAX / 2)
    }

    /// Packets until the next look.
    fn expected(&self) -> usize {
        (self.schedule.offered().packets_per_second * self.look.at as f64 / 1e9) as usize
    }

    /// The look behind the one at `time`, if there is one.
    fn look_after(&self, time: Duration) -> Option<Look> {
        let (at, z) = (self.looks.next)(time)?;
        let most = if matches!(self.side, Side::Stun(_)) { LONGEST_STUN } else { LONGEST };
        let nanos = i64::try_from(at.as_nanos()).unwrap_or(i64::MAX).min(most);
        // A look that is not behind this one would be the last too: time has to go on.
        let last = nanos == most || (self.looks.next)(at).is_none_or(|(then, _)| then <= at);
        Some(Look { at: nanos, z, last })
    }

    fn record(&self, train: &mut stats::Train, upto: usize) {
        let believed = self.seen.misbehaviour.wrong_number == 0;
        self.book.record(train, upto, self.closed, believed);
    }

    /// Looks at the first `upto` packets.
    fn decide(&mut self, upto: usize) -> Decision {
        let mut record = std::mem::take(&mut self.scratch);
        self.record(&mut record, upto);
        let decision = (self.looks.decide)(&stats::summarise(&record, self.look.z));
        self.scratch = record;
        decision
    }

    /// A look's time has come. The packets sent before it get time to come back while others are sent; what is found then
    /// is asked again at the end, of all.
    fn look(&mut self, now: i64) {
        let wait = self.look_back();
        let (upto, until) = *self.looking.get_or_insert_with(|| (self.book.watch(), now + wait));
        if !self.look.last && now < until && self.book.open() > 0 {
            return;
        }
        self.looking = None;
        self.looked += 1;
        if self.look.last || self.decide(upto) == Decision::Decided {
            self.sent_for = now - self.paused;
            self.phase = Phase::Settling;
        } else {
            self.next_look();
        }
    }

    /// Until when replies may still come: longer where any is missing, or came twice or late.
    fn settled_at(&self) -> i64 {
        let twice = 2 * as_nanos(self.book.longest_rtt());
        let wait = match self.book.in_order() {
            true => twice.clamp(SHORTEST_SETTLE / 10, SHORTEST_SETTLE),
            false => twice.clamp(SHORTEST_SETTLE, LONGEST_SETTLE),
        };
        self.book.last_sent().saturating_add(wait)
    }

    /// When the next look is worth a try: while nothing has come, there is nothing to look at.
    fn look_at(&self) -> i64 {
        match self.looking {
            None if self.book.answered() == 0 && !self.look.last => i64::MAX,
            Some((_, until)) if self.book.open() > 0 => until,
            Some(_) => 0,
            None => self.look.at + self.paused,
        }
    }

    fn next_look(&mut self) {
        let after = self.look_after(duration(self.look.at)).filter(|next| next.at > self.look.at);
        self.look = after.unwrap_or(Look { last: true, ..self.look });
    }

    /// All has come that will: over, or on to the next look.
    fn conclude(&mut self, now: i64) {
        let decided = !self.look.last && self.decide(usize::MAX) == Decision::Decided;
        if self.look.last || decided || self.book.answered() == 0 {
            let ending = if decided { Ending::Decided } else { Ending::Full };
            self.end(now, ending);
        } else {
            self.paused = now - self.sent_for;
            self.schedule.resume(unsigned(now));
            self.next_look();
            self.closed = false;
            self.phase = Phase::Sending;
        }
    }

    fn end(&mut self, now: i64, ending: Ending) {
        self.ending = if self.book.answered() == 0 { Ending::Silent } else { ending };
        (self.phase, self.over_at) = (Phase::Over, now);
    }

    /// Goes from phase to phase until there is something to send or to wait for.
    fn advance(&mut self, now: i64) {
        match self.phase {
            Phase::Sending => self.advance_sending(now),
            Phase::Settling if now >= self.settled_at() => self.ask(now),
            Phase::Asking { until, .. } if self.closed || now >= until => self.conclude(now),
            Phase::Settling | Phase::Asking { .. } | Phase::Over => {}
        }
    }

    fn advance_sending(&mut self, now: i64) {
        let skipped = self.schedule.leave_out(unsigned(now));
        if skipped.packets > 0 {
            self.seen.gaps.note(skipped.packets, skipped.length);
            self.paused += as_nanos(skipped.length);
            self.silent_at += as_nanos(skipped.length);
        }
        if self.book.answered() == 0 && now >= self.silent_at {
            self.sent_for = now - self.paused;
            self.end(now, Ending::Silent);
        } else if now >= self.look_at() {
            self.look(now);
        }
    }

    /// Begins to ask a responder of ours what became of every packet, unless all is known; no other would know what is
    /// asked.
    fn ask(&mut self, now: i64) {
        if !self.book.responder || self.book.in_order() || self.questions.len() >= MOST_QUESTIONS {
            return self.conclude(now);
        }
        self.asking_from = self.questions.len();
        self.phase = Phase::Asking { next: now, until: now + QUESTIONS as i64 * QUESTION_EVERY + LONGEST_LOOK_BACK };
    }
}

fn duration(nanos: i64) -> Duration {
    Duration::from_nanos(unsigned(nanos))
}

fn unsigned(nanos: i64) -> u64 {
    u64::try_from(nanos).unwrap_or(0)
}

fn as_nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
