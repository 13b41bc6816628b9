//! The book of a train: every packet sent, every reply, and what makes of them a [`stats::Train`].

use std::time::Duration;

use super::Misbehaviour;
use super::answer::{Answer, Unfit};
use super::far::Reports;
use crate::stats::{self, Reply, Sent};
use crate::wire::stamp::{ErrorEstimate, Timestamp};

/// So many replies to each packet are kept.
const MOST_REPLIES: u8 = 4;

/// A far end that does not tell how many packets came to it may number its replies up to so many times the packets.
const MOST_NUMBERS: u32 = 4;

/// How much longer a reply may claim to have been at the far end than it was away: clocks of a millisecond.
const CLOCK_SLACK: i64 = 1_000_000;

/// No reply had the number.
const FREE: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct Book {
    sent: Vec<Sent>,
    /// How many replies each packet has.
    answered: Vec<u8>,
    replies: Vec<Reply>,
    /// Which request each number of the far end's replies answered.
    numbers: Vec<u32>,
    distinct: u32,
    longest_rtt: i64,
    /// The far end numbers its replies: one had another number than its request.
    numbered: bool,
    /// The first so many packets are watched, and so many of them are unanswered.
    watched: usize,
    open: usize,
    /// The clock that the far end's times are counted from: its first, and its form.
    epoch: Option<(Timestamp, ErrorEstimate)>,
    pub reports: Reports,
    /// A report was understood.
    pub responder: bool,
}

impl Book {
    /// Room for so many packets, so that nothing is allocated while they are sent.
    pub fn reserve(&mut self, packets: usize) {
        self.sent.reserve(packets);
        self.answered.reserve(packets);
        self.replies.reserve(packets);
        self.numbers.reserve(packets);
        self.reports.reserve(packets);
    }

    pub fn count(&self) -> u32 {
        u32::try_from(self.sent.len()).unwrap_or(u32::MAX)
    }

    /// Different packets that were answered.
    pub fn answered(&self) -> u32 {
        self.distinct
    }

    pub fn longest_rtt(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.longest_rtt).unwrap_or(0))
    }

    pub fn packet(&self, number: u32) -> Option<&Sent> {
        self.sent.get(number as usize)
    }

    pub fn last_sent(&self) -> i64 {
        self.sent.last().map_or(0, |s| s.at)
    }

    /// How many packets were sent at `time` or before.
    pub fn sent_by(&self, time: i64) -> usize {
        self.sent.partition_point(|s| s.at <= time)
    }

    pub fn push(&mut self, sent: Sent) {
        self.sent.push(sent);
        self.answered.push(0);
    }

    /// The last packet never left.
    pub fn take_back(&mut self) {
        self.sent.pop();
        self.answered.pop();
    }

    /// Enters the reply to packet `request`, which came at `back`.
    pub fn reply(
        &mut self,
        request: u32,
        back: i64,
        answer: &Answer,
        misbehaviour: &mut Misbehaviour,
    ) -> Result<(), Unfit> {
        let sent = *self.packet(request).ok_or(Unfit::NeverSent)?;
        let answers = self.answered.get_mut(request as usize).ok_or(Unfit::NeverSent)?;
        if *answers >= MOST_REPLIES {
            return Err(Unfit::Flood);
        }
        *answers += 1;
        // A kernel's stamp is taken from another clock and may be off by its reading; a reply is never before its request.
        let back = back.max(sent.at);
        if *answers == 1 {
            self.distinct += 1;
            self.open = self.open.saturating_sub(usize::from((request as usize) < self.watched));
            self.longest_rtt = self.longest_rtt.max(back - sent.at);
        }
        self.report(request, answer);
        let number = answer.number.unwrap_or(request);
        if !self.number(number, request, answer) {
            misbehaviour.wrong_number = misbehaviour.wrong_number.saturating_add(1);
        }
        let far = answer.times.and_then(|times| self.far_times(times, back - sent.at, misbehaviour));
        self.replies.push(Reply { request, number, back, far });
        Ok(())
    }

    fn report(&mut self, request: u32, answer: &Answer) {
        let Some(report) = &answer.report else { return };
        self.responder = true;
        let sent = self.count();
        self.reports.take(report, sent, Some(request));
    }

    /// Whether the far end can have given its reply that number: below what it says to have received, or not far beyond
    /// what was sent, and not given to the reply to another packet.
    fn number(&mut self, number: u32, request: u32, answer: &Answer) -> bool {
        self.numbered |= number != request;
        let most = match &answer.report {
            Some(report) => report.unique.saturating_add(report.duplicates),
            None => u32::MAX,
        };
        let at = number as usize;
        if number >= most.min(self.count().saturating_mul(MOST_NUMBERS)) {
            return false;
        }
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, FREE);
        }
        let Some(before) = self.numbers.get_mut(at) else { return false };
        let mine = *before == FREE || *before == request;
        if mine {
            *before = request;
        }
        mine
    }

    /// When a request came and its reply left, in nanoseconds since the first time that the far end told.
    fn far_times(
        &mut self,
        (came, left, error): (Timestamp, Timestamp, ErrorEstimate),
        away: i64,
        misbehaviour: &mut Misbehaviour,
    ) -> Option<(i64, i64)> {
        let there = left.since(came, error);
        let (first, form) = *self.epoch.get_or_insert((came, error));
        if there < 0 || there > away.saturating_add(CLOCK_SLACK) || form.ptp() != error.ptp() {
            misbehaviour.wrong_times = misbehaviour.wrong_times.saturating_add(1);
            return None;
        }
        let came = came.since(first, error);
        Some((came, came.saturating_add(there)))
    }

    /// From now on counts how many of the packets sent so far are unanswered; tells how many were sent.
    pub fn watch(&mut self) -> usize {
        self.watched = self.sent.len();
        self.open = self.answered.iter().filter(|n| **n == 0).count();
        self.watched
    }

    /// How many of the watched packets are unanswered.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Every packet was answered once, and the far end knows of no other that it has seen twice or late: there is nothing
    /// to be waited for.
    pub fn in_order(&self) -> bool {
        let once = self.distinct == self.count() && self.replies.len() == self.sent.len();
        once && (!self.responder || self.reports.in_order(self.count()))
    }

    /// The record of the first `upto` packets, into `train`. `closed`: all that was to come to the far end had come when
    /// its last report was written. `numbers`: whether those of the far end are believed.
    pub fn record(&self, train: &mut stats::Train, upto: usize, closed: bool, numbers: bool) {
        let upto = upto.min(self.sent.len());
        let all = upto == self.sent.len();
        let sent = self.sent.get(..upto).unwrap_or_default();
        train.sent.clear();
        train.sent.extend_from_slice(sent);
        let far = self.reports.far(upto, self.distinct_until(upto), closed && all);
        // Of a part, the reports tell what came of it; the replies' numbers are of all.
        train.stateful = numbers && (self.numbered || self.responder) && (all || far.is_none());
        let stateful = train.stateful;
        let number = |r: &Reply| Reply { number: if stateful { r.number } else { r.request }, ..*r };
        train.replies.clear();
        train.replies.extend(self.replies.iter().filter(|r| (r.request as usize) < upto).map(number));
        train.far = far;
    }

    /// How many packets were sent until the last one that was answered, itself included.
    pub fn upto_last_answered(&self) -> usize {
        self.answered.iter().rposition(|n| *n > 0).map_or(0, |at| at + 1)
    }

    /// How many of the first `upto` packets were answered.
    pub fn distinct_until(&self, upto: usize) -> u32 {
        let answered = self.answered.get(..upto).unwrap_or_default().iter().filter(|n| **n > 0).count();
        u32::try_from(answered).unwrap_or(u32::MAX)
    }
}
