//! Where flows that failed are stopped. A control flow that works finds the routers of the way; each failed flow is then sent
//! with rising TTL, and believed when three rounds agree in which the control flow was answered. Sans-IO: what is to be sent
//! goes out as [`Ask`]s and what came back comes in as [`Answer`]s; knows no socket and no judgement.
//!
//! Routers send few ICMP errors (Linux: one a second for each destination, after a burst of six), so hops are found once for
//! all flows to an address, one flow of each kind searches and the others only try where that one ended, and each round first
//! asks the failed flows, whose silence costs nothing, and then the control flow once.

mod route;
mod tracked;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::model::trace::{Carrier, Flow, Trace};

use super::{IcmpError, SendError};
pub use route::FULL;
use route::Route;
use tracked::{State, Tracked};

/// Where to look, and for what.
#[derive(Clone, Debug)]
pub struct Aim {
    pub address: IpAddr,
    /// This machine's address on the way there.
    pub source: Option<IpAddr>,
    /// A flow that works, or else plain UDP to a high port.
    pub control: Flow,
    pub flows: Vec<Wanted>,
}

/// A flow that failed.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub flow: Flow,
    /// A name to put into the ClientHello in place of the flow's own.
    pub other_name: Option<String>,
}

/// Which flow of an [`Aim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Line {
    Control,
    Flow(usize),
    /// The flow with its other name.
    OtherName(usize),
}

/// A packet that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Unlike that of any other.
    pub number: u32,
    /// Index of the [`Aim`].
    pub aim: usize,
    pub line: Line,
    pub ttl: u8,
}

/// What came back for an [`Ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// ICMP time exceeded, and from whom where the system tells.
    Expired(Option<IpAddr>),
    /// Any other ICMP error that stops it.
    Rejected(IcmpError),
    /// A TCP reset in answer to a SYN, or port unreachable from the target.
    Refused,
    /// TLS was cut off in answer to the ClientHello.
    Cut,
    /// The far end answered.
    Reached,
    /// This machine would not send it.
    NotSent(SendError),
}

/// The shortest and the longest wait for answers of one round.
const WAIT: [Duration; 2] = [Duration::from_millis(180), Duration::from_millis(500)];

/// TLS needs a handshake of TCP first.
const TLS_WAIT: Duration = Duration::from_millis(120);

/// The control flow follows the failed flows so closely that a router's budget of errors hardly grows in between.
const AFTER: Duration = Duration::from_millis(12);

/// So many flows of one round ask one router to show that they come so far.
const SHOW_AT_ONCE: usize = 3;

/// Several ways, traced side by side in rounds.
pub struct Tracer {
    routes: Vec<Route>,
    stage: Stage,
    due: VecDeque<(Instant, Ask)>,
    open: BTreeMap<u32, (Ask, Instant)>,
    /// What the round brought: of each ask, by aim.
    round: Vec<(usize, Line, u8, Option<Answer>)>,
    next: u32,
    last_sent: Instant,
    slowest: Duration,
    deadline: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Looking,
    Placing,
    Over,
}

impl Tracer {
    /// Traces `aims`, and ends by `deadline`.
    pub fn new(now: Instant, aims: Vec<Aim>, deadline: Instant) -> Self {
        let routes = aims.into_iter().map(Route::new).collect();
        let (due, open, round) = (VecDeque::new(), BTreeMap::new(), Vec::new());
        let mut tracer = Self {
            routes,
            stage: Stage::Looking,
            due,
            open,
            round,
            next: 0,
            last_sent: now,
            slowest: Duration::ZERO,
            deadline,
        };
        tracer.plan(now);
        tracer
    }

    /// The packet that is due; to be asked until it answers `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Ask> {
        if self.stage == Stage::Over || now >= self.deadline {
            self.stage = Stage::Over;
            return None;
        }
        if self.due.is_empty() && self.round_ends().is_none_or(|end| now >= end) {
            self.conclude(now);
        }
        let (_, ask) = *self.due.front().filter(|(at, _)| *at <= now)?;
        self.due.pop_front();
        self.open.insert(ask.number, (ask, now));
        self.last_sent = now;
        Some(ask)
    }

    /// When to ask again although nothing came; `None` when it is over.
    pub fn wake(&self) -> Option<Instant> {
        if self.stage == Stage::Over {
            return None;
        }
        let next = self.due.front().map(|(at, _)| *at).or_else(|| self.round_ends()).unwrap_or(self.last_sent);
        Some(next.min(self.deadline))
    }

    /// Whether an answer to this ask is still waited for.
    pub fn is_open(&self, number: u32) -> bool {
        self.open.contains_key(&number)
    }

    /// The ask of `number`, while it is open.
    pub fn asked(&self, number: u32) -> Option<Ask> {
        self.open.get(&number).map(|(ask, _)| *ask)
    }

    /// The number of what is open of a flow, if that is one packet alone.
    pub fn only(&self, aim: usize, line: Line) -> Option<u32> {
        let mut of = self.open.iter().filter(|(_, (ask, _))| (ask.aim, ask.line) == (aim, line)).map(|(n, _)| *n);
        of.next().filter(|_| of.next().is_none())
    }

    /// An answer came.
    pub fn on_answer(&mut self, now: Instant, number: u32, answer: Answer) {
        let Some((ask, sent)) = self.open.remove(&number) else { return };
        self.slowest = self.slowest.max(now.saturating_duration_since(sent));
        self.round.push((ask.aim, ask.line, ask.ttl, Some(answer)));
    }

    /// What is known of each flow of each aim, in their order.
    pub fn outcome(mut self) -> Vec<Vec<Trace>> {
        self.routes.iter_mut().map(Route::outcome).collect()
    }

    /// When what is open counts as silent; `None` when nothing is open.
    fn round_ends(&self) -> Option<Instant> {
        let tls = self.open.values().any(|(ask, _)| self.carrier(ask) == Some(Carrier::Tls));
        let more = if tls { TLS_WAIT + self.slowest } else { Duration::ZERO };
        let wait = (self.slowest * 2).clamp(WAIT[0], WAIT[1]) + more;
        (!self.open.is_empty()).then(|| self.last_sent + wait)
    }

    fn carrier(&self, ask: &Ask) -> Option<Carrier> {
        let aim = &self.routes.get(ask.aim)?.aim;
        match ask.line {
            Line::Control => Some(aim.control.carrier),
            Line::Flow(n) | Line::OtherName(n) => aim.flows.get(n).map(|f| f.flow.carrier),
        }
    }

    fn ask(&mut self, at: Instant, aim: usize, line: Line, ttl: u8) {
        self.due.push_back((at, Ask { number: self.next, aim, line, ttl }));
        self.next = self.next.wrapping_add(1);
    }

    /// The round is over: what is open stays silent; the next one is planned.
    fn conclude(&mut self, now: Instant) {
        for (ask, _) in std::mem::take(&mut self.open).into_values() {
            self.round.push((ask.aim, ask.line, ask.ttl, None));
        }
        let round = std::mem::take(&mut self.round);
        match self.stage {
            Stage::Looking => self.looked(&round),
            Stage::Placing => self.placed(&round),
            Stage::Over => {}
        }
        self.plan(now);
    }

    fn looked(&mut self, round: &[(usize, Line, u8, Option<Answer>)]) {
        for (index, route) in self.routes.iter_mut().enumerate() {
            let of = round.iter().filter(|(aim, ..)| *aim == index);
            route.looked(&of.map(|(_, line, ttl, answer)| (*line, *ttl, *answer)).collect::<Vec<_>>());
        }
    }

    fn placed(&mut self, round: &[(usize, Line, u8, Option<Answer>)]) {
        // A router that answered one control flow would have answered any flow.
        let mut alive: Vec<IpAddr> = Vec::new();
        for (aim, line, ttl, answer) in round.iter().filter(|(_, line, ..)| *line == Line::Control) {
            let at = self.routes.get(*aim).and_then(|r| r.stations.iter().find(|s| s.ttl == *ttl)?.address);
            let answered = match answer {
                Some(Answer::Expired(from)) => *from == at || from.is_none(),
                Some(Answer::Reached | Answer::Refused) => at == self.routes.get(*aim).map(|r| r.aim.address),
                _ => false,
            };
            debug_assert_eq!(*line, Line::Control);
            alive.extend(at.filter(|_| answered));
        }
        for (aim, line, _, answer) in round {
            let Some(route) = self.routes.get_mut(*aim) else { continue };
            match line {
                Line::Control => {}
                Line::OtherName(number) => route.learn_other(*number, answer.as_ref()),
                Line::Flow(number) => {
                    let Some(tracked) = route.tracked.get_mut(*number) else { continue };
                    let at = tracked.wants().and_then(|n| route.stations.get(n)?.address);
                    tracked.learn(&route.stations, answer.as_ref(), at.is_some_and(|a| alive.contains(&a)));
                }
            }
        }
    }

    /// Plans the next round.
    fn plan(&mut self, now: Instant) {
        if self.stage == Stage::Looking {
            let wanted: Vec<(usize, Vec<u8>)> =
                self.routes.iter_mut().enumerate().map(|(n, r)| (n, r.look())).collect();
            wanted.iter().for_each(|(aim, all)| all.iter().for_each(|ttl| self.ask(now, *aim, Line::Control, *ttl)));
            if !self.due.is_empty() {
                return;
            }
            self.routes.iter_mut().for_each(Route::settle);
            self.stage = Stage::Placing;
        }
        if self.stage == Stage::Placing {
            self.release();
            self.plan_flows(now);
            if self.due.is_empty() {
                self.stage = Stage::Over;
            }
        }
    }

    fn plan_flows(&mut self, now: Instant) {
        let mut flows = Vec::new();
        let mut controls: Vec<(usize, u8, IpAddr)> = Vec::new();
        let mut shows: BTreeMap<IpAddr, usize> = BTreeMap::new();
        let confirming = self.confirming();
        for (aim, route) in self.routes.iter().enumerate() {
            for (number, tracked) in route.tracked.iter().enumerate() {
                let Some(station) = tracked.wants().and_then(|n| route.stations.get(n)) else { continue };
                match (tracked.state, station.address) {
                    // What it can send is wanted for rounds that decide more.
                    (State::Show(_), Some(address)) if confirming.contains(&address) => continue,
                    (State::Show(_), Some(address)) => {
                        let count = shows.entry(address).or_default();
                        *count += 1;
                        if *count > SHOW_AT_ONCE {
                            continue;
                        }
                    }
                    (State::Confirm, Some(address)) if !controls.iter().any(|(.., a)| *a == address) => {
                        controls.push((aim, station.ttl, address));
                    }
                    _ => {}
                }
                flows.push((aim, Line::Flow(number), station.ttl));
            }
            flows.extend(route.others().map(|number| (aim, Line::OtherName(number), FULL)));
        }
        flows.into_iter().for_each(|(aim, line, ttl)| self.ask(now, aim, line, ttl));
        controls.into_iter().for_each(|(aim, ttl, _)| self.ask(now + AFTER, aim, Line::Control, ttl));
    }

    /// The stations at which rounds go on.
    fn confirming(&self) -> Vec<IpAddr> {
        let of = |route: &Route, t: &Tracked| match t.state {
            State::Confirm => route.stations.get(t.wants()?)?.address,
            _ => None,
        };
        self.routes.iter().flat_map(|r| r.tracked.iter().filter_map(move |t| of(r, t))).collect()
    }

    /// Begins the first flow of each kind, and those whose first has found its place.
    fn release(&mut self) {
        let mut firsts: BTreeMap<(bool, Carrier), Option<Option<IpAddr>>> = BTreeMap::new();
        for route in &mut self.routes {
            let v6 = route.aim.address.is_ipv6();
            for (tracked, wanted) in route.tracked.iter_mut().zip(&route.aim.flows) {
                let (count, far) = (route.stations.len(), route.stations.len().saturating_sub(1));
                match (firsts.get(&(v6, wanted.flow.carrier)), tracked.state) {
                    (None, state) => {
                        if state == State::Waiting {
                            tracked.search(count);
                        }
                        // Where it ended: at a router of this address, or at the far end.
                        let end =
                            tracked.high().map(|n| route.stations.get(n).filter(|_| n < far).and_then(|s| s.address));
                        firsts.insert((v6, wanted.flow.carrier), end);
                    }
                    (Some(Some(end)), State::Waiting) => {
                        let at = |a: &IpAddr| route.stations.iter().position(|s| s.address == Some(*a));
                        match end.as_ref().map_or(Some(far), at) {
                            Some(station) => tracked.suppose(station),
                            None => tracked.search(count),
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
