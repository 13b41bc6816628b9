//! One flow that failed, on its way to being placed: a search for the last hop that it is seen at, then rounds that must
//! agree. Knows neither sockets nor the flows beside it.

use std::net::IpAddr;

use crate::model::trace::{Hop, TraceEnd};
use crate::session::IcmpError;

use super::Answer;

/// So often a round is repeated in which the control flow was not answered.
const MOST_ROUNDS: u8 = 6;

/// So often, beside the first time, a hop is asked to show that the flow comes so far.
const SHOWN: u8 = 1;

/// A hop that answers the control flow, or the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    pub ttl: u8,
    /// `None`: the far end, which nothing came back from.
    pub address: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Until another flow of its kind has found where it ends.
    Waiting,
    /// Between `low` and `high`.
    Search,
    /// Rounds at `high`.
    Confirm,
    /// It ends so at `high`: is it seen at the station before that?
    Show(TraceEnd),
    Done(TraceEnd),
}

/// What came back in rounds at one station.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub rounds: u8,
    /// Silent while the control flow was answered.
    silent: u8,
    expired: u8,
    rejected: u8,
    refused: u8,
    cut: u8,
    reached: u8,
}

impl Tally {
    /// Counts one round; `proven`: the control flow was answered in it.
    pub fn count(&mut self, answer: Option<&Answer>, proven: bool) {
        self.rounds += 1;
        let counter = match answer {
            None if proven => &mut self.silent,
            None | Some(Answer::NotSent(_)) => return,
            Some(Answer::Expired(_)) => &mut self.expired,
            Some(Answer::Rejected(_)) => &mut self.rejected,
            Some(Answer::Refused) => &mut self.refused,
            Some(Answer::Cut) => &mut self.cut,
            Some(Answer::Reached) => &mut self.reached,
        };
        *counter += 1;
    }

    /// Nothing came, and the control flow was not answered either.
    fn unproven(&self) -> u8 {
        self.rounds - self.silent - self.expired - self.rejected - self.refused - self.cut - self.reached
    }

    /// Without the rounds that showed nothing.
    fn proven(self) -> Self {
        Self { rounds: self.rounds - self.unproven(), ..self }
    }

    /// What the rounds agree on, and how many did; `None` where more are needed.
    pub fn verdict(&self, needed: u8) -> Option<(TraceEnd, u8)> {
        let enough = self.rounds >= needed;
        match self {
            _ if self.reached > 0 && enough => Some((TraceEnd::Answered, self.reached)),
            // An ICMP error names who sent it, and routers send few: silence beside it does not contradict it.
            _ if self.rejected > 0 && enough => Some((TraceEnd::Rejected, self.rejected)),
            _ if self.refused >= needed => Some((TraceEnd::Refused, self.refused)),
            _ if self.cut >= needed => Some((TraceEnd::Cut, self.cut)),
            _ if self.silent >= needed && self.refused + self.cut == 0 => Some((TraceEnd::Silent, self.silent)),
            _ if self.rounds >= MOST_ROUNDS => Some((TraceEnd::Unknown, 0)),
            _ => None,
        }
    }
}

pub struct Tracked {
    pub state: State,
    low: usize,
    high: usize,
    tally: Tally,
    shows: u8,
    /// Rounds given up because the station's budget of errors was used up.
    given_up: u8,
    /// What the rounds at a station brought before its budget was used up, while others are asked.
    kept: Option<(usize, Tally)>,
    /// The station at which rounds agreed, on what, and how many, while a nearer one is looked for.
    fallback: Option<(usize, TraceEnd, u8)>,
    pub rounds: u8,
    /// The farthest router that it was seen at.
    pub seen: Option<Hop>,
    pub icmp: Option<IcmpError>,
    pub why: Option<&'static str>,
}

impl Tracked {
    pub fn new(state: State) -> Self {
        let tally = Tally::default();
        Self {
            state,
            low: 0,
            high: 0,
            tally,
            shows: 0,
            given_up: 0,
            kept: None,
            fallback: None,
            rounds: 0,
            seen: None,
            icmp: None,
            why: None,
        }
    }

    /// Searches all of `count` stations.
    pub fn search(&mut self, count: usize) {
        (self.low, self.high) = (0, count.saturating_sub(1));
        self.begin();
    }

    /// Takes for granted, until rounds contradict it, that it ends before station `high`.
    pub fn suppose(&mut self, high: usize) {
        (self.low, self.high) = (high, high);
        self.begin();
    }

    fn begin(&mut self) {
        self.tally = Tally::default();
        if self.low >= self.high && self.fallback.is_some_and(|(high, ..)| high == self.high) {
            self.fall_back();
            return;
        }
        self.state = if self.low < self.high { State::Search } else { State::Confirm };
        if let Some((_, tally)) = self.kept.filter(|(high, _)| self.state == State::Confirm && *high == self.high) {
            self.tally = tally;
        }
    }

    /// The station at which it ends, where it is known or supposed.
    pub fn high(&self) -> Option<usize> {
        matches!(self.state, State::Confirm | State::Show(_) | State::Done(_)).then_some(self.high)
    }

    /// The station that is asked next.
    pub fn wants(&self) -> Option<usize> {
        match self.state {
            State::Search => Some((self.low + self.high) / 2),
            State::Confirm => Some(self.high),
            State::Show(_) => self.high.checked_sub(1),
            State::Waiting | State::Done(_) => None,
        }
    }

    /// Takes what came back from the station that it wanted; `proven`: the control flow was answered there.
    pub fn learn(&mut self, stations: &[Station], answer: Option<&Answer>, proven: bool) {
        let Some(station) = self.wants().and_then(|n| Some((n, *stations.get(n)?))) else { return };
        if let Some(Answer::NotSent(_)) = answer {
            (self.state, self.rounds) = (State::Done(TraceEnd::Local), 1);
            return;
        }
        if let Some(Answer::Rejected(error)) = answer {
            self.icmp = Some(*error);
        }
        if let Some(Answer::Expired(from)) = answer {
            self.saw(station.1, *from);
        }
        match self.state {
            State::Search => self.narrow(station.0, matches!(answer, Some(Answer::Expired(_)))),
            State::Confirm => self.confirm(stations, answer, proven),
            State::Show(_) => self.show(matches!(answer, Some(Answer::Expired(_)))),
            State::Waiting | State::Done(_) => {}
        }
    }

    fn saw(&mut self, station: Station, from: Option<IpAddr>) {
        let Some(address) = from.or(station.address) else { return };
        if self.seen.is_none_or(|h| h.distance <= station.ttl) {
            self.seen = Some(Hop { distance: station.ttl, address });
        }
    }

    fn narrow(&mut self, middle: usize, passed: bool) {
        if passed {
            self.low = middle + 1;
        } else {
            self.high = middle;
        }
        if self.low >= self.high {
            self.begin();
        }
    }

    fn confirm(&mut self, stations: &[Station], answer: Option<&Answer>, proven: bool) {
        let far = stations.last().is_some_and(|s| s.address.is_none()) && self.high + 1 == stations.len();
        // Nothing was heard of the far end at all: nobody can show that it would answer.
        self.tally.count(answer, proven || far);
        if self.tally.expired > 0 {
            let top = self.fallback.map_or(stations.len() - 1, |(high, ..)| high);
            if self.high < top {
                (self.low, self.high) = (self.high + 1, top);
                self.begin();
            } else {
                self.end(TraceEnd::Unknown, Some("the way changed while it was traced"));
            }
            return;
        }
        if self.tally.unproven() >= 2 && self.given_up < MOST_ROUNDS {
            self.given_up += self.tally.unproven();
            self.kept = Some((self.high, self.tally.proven()));
            self.state = State::Waiting;
            self.fall_back();
            return;
        }
        let Some((end, rounds)) = self.tally.verdict(crate::model::trace::Trace::ROUNDS) else { return };
        if end == TraceEnd::Unknown && self.fallback.is_some() {
            self.fall_back();
            return;
        }
        self.rounds = rounds;
        let before = self.high.checked_sub(1).and_then(|n| stations.get(n));
        let shown = before.is_none_or(|b| self.seen.is_some_and(|h| h.distance >= b.ttl));
        match end {
            TraceEnd::Silent | TraceEnd::Refused | TraceEnd::Cut if !shown => self.state = State::Show(end),
            TraceEnd::Unknown => self.end(end, Some("the rounds did not agree, or the routers limit their errors")),
            _ => self.state = State::Done(end),
        }
    }

    fn show(&mut self, expired: bool) {
        let State::Show(end) = self.state else { return };
        self.shows += 1;
        if expired || self.shows > SHOWN || self.high == 0 {
            self.state = State::Done(end);
        } else {
            // It may end nearer than was supposed; if that cannot be told, it ends here.
            self.fallback = Some((self.high, end, self.rounds));
            (self.low, self.high) = (0, self.high - 1);
            self.begin();
        }
    }

    fn fall_back(&mut self) {
        if let Some((high, end, rounds)) = self.fallback {
            (self.high, self.rounds, self.state) = (high, rounds, State::Done(end));
        }
    }

    fn end(&mut self, end: TraceEnd, why: Option<&'static str>) {
        (self.state, self.why) = (State::Done(end), why);
    }

    /// Time is up.
    pub fn close(&mut self) -> TraceEnd {
        match self.state {
            State::Done(end) => return end,
            State::Show(end) => self.end(end, None),
            _ if self.fallback.is_some() => self.fall_back(),
            _ => self.end(TraceEnd::Unknown, Some("time was up before three rounds agreed")),
        }
        if let State::Done(end) = self.state { end } else { TraceEnd::Unknown }
    }
}
