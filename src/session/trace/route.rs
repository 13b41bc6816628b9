//! The way to one address: its hops as the control flow finds them, and the flows that failed there. Knows no socket.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::trace::{Hop, OtherName, Trace, TraceEnd};

use super::tracked::{State, Station, Tally, Tracked};
use super::{Aim, Answer, Line};

/// The farthest hop that is looked for.
const FARTHEST: u8 = 30;

/// So many hops are asked at once.
const BATCH: u8 = 4;

/// The time to live of a packet that is to come as far as any.
pub const FULL: u8 = 64;

pub struct Route {
    pub aim: Aim,
    /// Routers that answered, by distance.
    hops: BTreeMap<u8, IpAddr>,
    /// The distance at which the far end answered the control flow.
    reached: Option<u8>,
    /// Hops up to here were asked.
    asked: u8,
    /// Hops that were silent once.
    again: Vec<u8>,
    /// Batches in a row that brought nothing.
    barren: u8,
    pub stations: Vec<Station>,
    pub tracked: Vec<Tracked>,
    /// Rounds with another name in the ClientHello, of each flow.
    others: Vec<Tally>,
}

impl Route {
    pub fn new(aim: Aim) -> Self {
        let tracked = aim.flows.iter().map(|_| Tracked::new(State::Waiting)).collect();
        let others = aim.flows.iter().map(|_| Tally::default()).collect();
        let (hops, again, stations) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { aim, hops, reached: None, asked: 0, again, barren: 0, stations, tracked, others }
    }

    /// Distances that the control flow asks next; empty when the way is known.
    pub fn look(&mut self) -> Vec<u8> {
        let near = |ttl: &u8| self.reached.is_none_or(|r| *ttl < r);
        let mut wanted: Vec<u8> = std::mem::take(&mut self.again).into_iter().filter(near).collect();
        let over = self.reached.is_some() || self.barren >= 2 || self.asked >= FARTHEST;
        if !over {
            let last = (self.asked + BATCH).min(FARTHEST);
            self.again.extend(self.asked + 1..=last);
            wanted.extend(self.asked + 1..=last);
            self.asked = last;
        }
        wanted
    }

    /// Takes what a batch of the control flow brought.
    pub fn looked(&mut self, answers: &[(Line, u8, Option<Answer>)]) {
        let before = (self.hops.len(), self.reached);
        for (_, ttl, answer) in answers.iter().filter(|(line, ..)| *line == Line::Control) {
            match answer {
                Some(Answer::Expired(Some(from))) => {
                    self.hops.insert(*ttl, *from);
                }
                Some(Answer::Reached | Answer::Refused) => {
                    self.reached = Some(self.reached.map_or(*ttl, |r| r.min(*ttl)));
                }
                _ => {}
            }
        }
        let known = &self.hops;
        self.again.retain(|ttl| !known.contains_key(ttl));
        self.barren = if before == (self.hops.len(), self.reached) { self.barren + 1 } else { 0 };
    }

    /// The way is known: lists its stations.
    pub fn settle(&mut self) {
        let near = self.hops.iter().filter(|(ttl, _)| self.reached.is_none_or(|r| **ttl < r));
        self.stations = near.map(|(ttl, from)| Station { ttl: *ttl, address: Some(*from) }).collect();
        let end = match self.reached {
            Some(ttl) => Station { ttl, address: Some(self.aim.address) },
            None => Station { ttl: FULL, address: None },
        };
        self.stations.push(end);
    }

    /// Which flows still ask with another name.
    pub fn others(&self) -> impl Iterator<Item = usize> {
        let wants = |n: &usize| self.others.get(*n).is_some_and(|t| t.rounds < Trace::ROUNDS);
        (0..self.aim.flows.len())
            .filter(|n| self.aim.flows.get(*n).is_some_and(|f| f.other_name.is_some()))
            .filter(wants)
    }

    /// Counts a round with another name.
    pub fn learn_other(&mut self, number: usize, answer: Option<&Answer>) {
        if let Some(tally) = self.others.get_mut(number) {
            tally.count(answer, true);
        }
    }

    /// What is known of each flow.
    pub fn outcome(&mut self) -> Vec<Trace> {
        (0..self.aim.flows.len()).filter_map(|n| self.outcome_of(n)).collect()
    }

    fn outcome_of(&mut self, number: usize) -> Option<Trace> {
        let wanted = self.aim.flows.get(number)?.clone();
        let tracked = self.tracked.get_mut(number)?;
        let mut end = tracked.close();
        let before = tracked.high().and_then(|n| self.stations.get(n)).copied();
        let before = before.and_then(|s| Some(Hop { distance: s.ttl, address: s.address? }));
        let seen = tracked.seen.filter(|h| before.is_none_or(|b| h.distance < b.distance));
        let placed = !matches!(end, TraceEnd::Unknown | TraceEnd::Local);
        if end == TraceEnd::Rejected && tracked.icmp.is_none() {
            end = TraceEnd::Unknown;
        }
        let other = self.others.get(number).zip(wanted.other_name);
        let other_name = other.map(|(tally, name)| {
            let (end, rounds) = tally.verdict(Trace::ROUNDS).unwrap_or((TraceEnd::Unknown, 0));
            OtherName { name, end, rounds }
        });
        let routers = self.hops.iter().filter(|(ttl, _)| self.reached.is_none_or(|r| **ttl < r));
        Some(Trace {
            flow: wanted.flow,
            control: self.aim.control.clone(),
            source: self.aim.source,
            host_distance: self.reached,
            hops: routers.map(|(ttl, from)| Hop { distance: *ttl, address: *from }).collect(),
            end,
            after: seen.filter(|_| placed),
            before: before.filter(|_| placed),
            rounds: tracked.rounds,
            from: tracked.icmp.and_then(|e| e.from).filter(|_| end == TraceEnd::Rejected),
            icmp: tracked.icmp.filter(|_| end == TraceEnd::Rejected).map(|e| e.name().to_owned()),
            other_name,
            other_port: None,
            ttl: None,
            why_unknown: tracked.why.map(str::to_owned),
        })
    }
}
