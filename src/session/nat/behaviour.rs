//! Mapping, filtering and hairpinning, all side by side: two sockets ask every address of the server for their mapping, two
//! fresh ones each ask it to answer from another address and port, and from another port, and one whose mapping is known
//! asks the same as a control. Without a server that can do this, the two sockets ask several servers.

mod outcome;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::asks::{Asks, Came, Pace, Place, Question};
use super::filtering::{Control, Trial, judge};
use super::{Kind, Mapping, Sockets, mapping};
use crate::session::{Credential, IcmpError, SendError, Transmit, canonical};
use crate::wire::stun::discovery::{Change, Wanted};

pub use outcome::Outcome;

/// Sockets that ask for their mapping; two must agree, because a port may be taken by chance.
const MAPPERS: usize = 2;

/// The socket that also is the control.
const CONTROL: usize = 0;

/// The socket that never sends anything: where nothing is translated and all answers came through, an answer to its port
/// tells whether anything is kept out at all.
const MUTE: usize = MAPPERS;

/// Filtering: so many datagrams at least, and no more than this; at 200 ms, silence takes 1.6 s to be believed.
const MOST: u8 = 20;
const GAP: Duration = Duration::from_millis(200);

/// Requests for a mapping, and of hairpinning.
const TRIES: u8 = 8;

/// The longest that it may take, where everything is lost.
pub const LONGEST: Duration = Duration::from_millis(5500);

/// What is to be tested.
#[derive(Clone, Debug)]
pub struct Plan {
    pub server: SocketAddr,
    /// Its other address and port, if it can do RFC 5780.
    pub other: Option<SocketAddr>,
    /// Other servers to ask for a mapping.
    pub more: Vec<SocketAddr>,
    /// The round trip to the server.
    pub rtt: Duration,
}

impl Plan {
    /// Where mappings are asked for, the server first.
    fn destinations(&self) -> Vec<SocketAddr> {
        let server = canonical(self.server);
        let of_other = self
            .other
            .map(canonical)
            .map(|o| [SocketAddr::new(o.ip(), server.port()), o, SocketAddr::new(server.ip(), o.port())]);
        let mut all = vec![server];
        all.extend(of_other.into_iter().flatten().chain(self.more.iter().copied().map(canonical)));
        all
    }

    /// How long a request is waited for.
    fn patience(&self) -> Duration {
        (self.rtt * 2 + Duration::from_millis(50)).clamp(Duration::from_millis(250), Duration::from_millis(1500))
    }

    fn mapping_pace(&self) -> Pace {
        let gap = (self.rtt * 3 / 2).clamp(Duration::from_millis(100), Duration::from_millis(400));
        Pace { gap, doubling: false, most: TRIES, patience: self.patience(), every: false }
    }

    fn filtering_pace(&self, every: bool) -> Pace {
        Pace { gap: GAP, doubling: false, most: MOST, patience: self.patience(), every }
    }
}

/// A socket that asks for its mapping.
#[derive(Debug)]
struct Mapper {
    /// The first destination's.
    first: Place,
    /// The others', once the first has answered.
    rest: Option<Vec<Place>>,
}

/// The trials of one CHANGE-REQUEST.
#[derive(Debug)]
struct Fresh {
    change: Change,
    /// Where the answers should come from.
    from: SocketAddr,
    asks: [Place; 2],
    control: ControlAsk,
}

#[derive(Clone, Copy, Debug)]
enum ControlAsk {
    Later,
    At(Place),
    None(&'static str),
}

/// The session.
pub struct Behaviour {
    plan: Plan,
    asks: Asks,
    locals: Vec<Option<SocketAddr>>,
    mappers: [Mapper; MAPPERS],
    fresh: Option<[Fresh; 2]>,
    filtering: Option<Result<Kind, String>>,
    hairpin: Option<[Place; 2]>,
    /// For the mute socket, and the control.
    unasked: Option<[Place; 2]>,
    started: Instant,
    mapped_at: Option<Instant>,
    filtered_at: Option<Instant>,
    over: bool,
}

impl Behaviour {
    /// Begins at `now`. `secret` makes the transaction ids; the `credential` is for a server that took it before.
    pub fn new(now: Instant, plan: Plan, secret: &[u8; 32], credential: Option<Credential>) -> Self {
        let mut asks = Asks::new(secret, credential);
        let mappers = [0, 1].map(|socket| {
            let (to, pace) = (plan.server, plan.mapping_pace());
            Mapper {
                first: asks.ask(Question { socket, to, wanted: Wanted::default(), listen: socket, pace }, now),
                rest: None,
            }
        });
        let mut next = MUTE + 1;
        let mut trial = |change: Change, from: SocketAddr| {
            let wanted = Wanted { change: Some(change), response_port: None };
            let pace = plan.filtering_pace(false);
            let places = [next, next + 1];
            next += 2;
            let ask = |socket| asks.ask(Question { socket, to: plan.server, wanted, listen: socket, pace }, now);
            Fresh { change, from, asks: places.map(ask), control: ControlAsk::Later }
        };
        let fresh = plan.other.map(canonical).map(|other| {
            let port = SocketAddr::new(canonical(plan.server).ip(), other.port());
            [trial(Change::BOTH, other), trial(Change::PORT, port)]
        });
        Self {
            plan,
            asks,
            locals: Vec::new(),
            mappers,
            fresh,
            filtering: None,
            hairpin: None,
            unasked: None,
            started: now,
            mapped_at: None,
            filtered_at: None,
            over: false,
        }
    }

    /// All that a mapper asked.
    fn places(&self, mapper: &Mapper) -> Vec<Place> {
        [mapper.first].into_iter().chain(mapper.rest.iter().flatten().copied()).collect()
    }

    /// What a mapper's servers saw.
    fn seen(&self, mapper: &Mapper) -> Vec<(SocketAddr, SocketAddr)> {
        let of = |place| {
            let ask = self.asks.get(place)?;
            Some((ask.question.to, ask.plain()?.mapped?))
        };
        self.places(mapper).into_iter().filter_map(of).collect()
    }

    fn mapping_of(&self, number: usize) -> Mapping {
        let local = self.locals.get(number).copied().flatten();
        self.mappers.get(number).map_or(Mapping::Nothing, |m| mapping::infer(local, &self.seen(m)))
    }

    /// What a server at `to` saw of the socket that is the control.
    fn control_mapped(&self, to: SocketAddr) -> Option<SocketAddr> {
        let mapper = self.mappers.get(CONTROL)?;
        self.seen(mapper).into_iter().find(|(server, _)| *server == to).map(|(_, mapped)| mapped)
    }

    fn mapper_done(&self, mapper: &Mapper) -> bool {
        let first_silent = || self.asks.get(mapper.first).is_none_or(|a| a.plain().is_none());
        match &mapper.rest {
            Some(rest) => rest.iter().all(|p| self.asks.over(*p)),
            None => self.asks.over(mapper.first) && first_silent(),
        }
    }

    /// Does what has become possible.
    fn advance(&mut self, now: Instant) {
        self.ask_the_rest(now);
        if self.mapped_at.is_none() && self.mappers.iter().all(|m| self.mapper_done(m)) {
            self.mapped_at = Some(now);
            self.begin_hairpin(now);
        }
        self.begin_controls(now);
        self.judge_filtering(now);
        self.begin_unasked(now);
        let hairpinned = self.hairpin.is_none_or(|h| self.hairpin_heard() || h.iter().all(|p| self.asks.over(*p)));
        let filtered = self.fresh.is_none() || self.filtering.is_some();
        self.over = self.mapped_at.is_some() && filtered && hairpinned && self.unasked_done(now);
    }

    /// Only once the first is mapped, so that no NAT has to make two mappings of one socket at a time.
    fn ask_the_rest(&mut self, now: Instant) {
        let destinations = self.plan.destinations();
        let pace = self.plan.mapping_pace();
        for (socket, mapper) in self.mappers.iter_mut().enumerate() {
            let answered = self.asks.get(mapper.first).is_some_and(|a| a.plain().is_some());
            if answered && mapper.rest.is_none() {
                let question = |to| Question { socket, to, wanted: Wanted::default(), listen: socket, pace };
                let rest = destinations.iter().skip(1).map(|to| self.asks.ask(question(*to), now)).collect();
                mapper.rest = Some(rest);
            }
        }
    }

    /// The control may hear an answer from where it has asked before. Where it is mapped anew for each destination, the
    /// answer has to go to the mapping for that destination.
    fn begin_controls(&mut self, now: Instant) {
        let done = self.mappers.get(CONTROL).is_some_and(|m| self.mapper_done(m));
        let Some(mut fresh) = self.fresh.take_if(|_| done) else { return };
        for trial in &mut fresh {
            if matches!(trial.control, ControlAsk::Later) {
                trial.control = self.control(trial.change, trial.from, now);
            }
        }
        self.fresh = Some(fresh);
    }

    fn control(&mut self, change: Change, from: SocketAddr, now: Instant) -> ControlAsk {
        let server = canonical(self.plan.server);
        let (Some(here), Some(there)) = (self.control_mapped(server), self.control_mapped(from)) else {
            return ControlAsk::None("the server did not answer at its other address, which it may have or not");
        };
        if here.ip() != there.ip() {
            return ControlAsk::None("this NAT uses several outside addresses, so that silence proves nothing");
        }
        let response_port = (here != there).then_some(there.port());
        let wanted = Wanted { change: Some(change), response_port };
        let pace = self.plan.filtering_pace(true);
        ControlAsk::At(self.asks.ask(Question { socket: CONTROL, to: server, wanted, listen: CONTROL, pace }, now))
    }

    fn trial<'a>(&'a self, fresh: &Fresh) -> Option<Trial<'a>> {
        let [a, b] = fresh.asks.map(|p| self.asks.get(p));
        let control = match fresh.control {
            ControlAsk::Later => Control::Later,
            ControlAsk::None(why) => Control::None(why),
            ControlAsk::At(place) => Control::Asked(self.asks.get(place)?),
        };
        Some(Trial { from: fresh.from, server: canonical(self.plan.server), fresh: [a?, b?], control })
    }

    fn judge_filtering(&mut self, now: Instant) {
        let Some(fresh) = self.fresh.as_ref().filter(|_| self.filtering.is_none()) else { return };
        let [Some(both), Some(port)] = fresh.each_ref().map(|f| self.trial(f)) else { return };
        self.filtering = judge(&both, &port, now);
        if self.filtering.is_none() {
            return;
        }
        self.filtered_at = Some(now);
        let controls = fresh.iter().filter_map(|f| match f.control {
            ControlAsk::At(place) => Some(place),
            _ => None,
        });
        let all: Vec<Place> = fresh.iter().flat_map(|f| f.asks).chain(controls).collect();
        all.into_iter().for_each(|place| self.asks.stop(place));
    }

    /// Where there is no NAT and no filter of those that RFC 5780 tells apart, there may be none at all.
    fn begin_unasked(&mut self, now: Instant) {
        let open = self.filtering == Some(Ok(Kind::EndpointIndependent)) && self.unasked.is_none();
        let untranslated = || (0..MAPPERS).all(|n| self.mapping_of(n) == Mapping::Known(Kind::None));
        if !open || self.mapped_at.is_none() || !untranslated() {
            return;
        }
        let local = |n: usize| self.locals.get(n).copied().flatten().map(|l| l.port());
        let (Some(mute), Some(other)) = (local(MUTE), local(MAPPERS - 1)) else { return };
        let mut ask = |port, listen, every| {
            let wanted = Wanted { change: None, response_port: Some(port) };
            let pace = Pace { most: MOST / 2, gap: GAP / 2, ..self.plan.filtering_pace(every) };
            self.asks.ask(Question { socket: CONTROL, to: self.plan.server, wanted, listen, pace }, now)
        };
        self.unasked = Some([ask(mute, MUTE, false), ask(other, MAPPERS - 1, true)]);
    }

    /// Whether an answer came to a socket that never sent anything.
    fn unasked_heard(&self) -> bool {
        self.unasked.is_some_and(|[mute, _]| self.asks.get(mute).is_some_and(|a| a.plain().is_some()))
    }

    /// That one is kept out shows no more than that there is a filter, of a kind that is known by then: nothing has to be
    /// proven, and a server that cannot do this is soon known by its control.
    fn unasked_done(&mut self, now: Instant) -> bool {
        let Some(places @ [mute, control]) = self.unasked else { return true };
        let server = canonical(self.plan.server);
        let unable = self.asks.get(control).is_none_or(|a| {
            let (asked, answered) = a.counted(server, now);
            a.error.is_some() || (answered == 0 && asked >= u32::from(MOST / 4))
        });
        let done = self.unasked_heard() || unable || self.asks.over(mute);
        if done {
            places.into_iter().for_each(|p| self.asks.stop(p));
        }
        done
    }

    /// Each of the two sockets sends to the other's outside, so that a NAT that filters lets the answer in.
    fn begin_hairpin(&mut self, now: Instant) {
        let translated = |m| !matches!(m, Mapping::Known(Kind::None) | Mapping::Partly | Mapping::Nothing);
        let outside = |socket: usize| {
            let mapper = self.mappers.get(socket).filter(|_| translated(self.mapping_of(socket)))?;
            self.seen(mapper).first().map(|(_, mapped)| *mapped)
        };
        let (Some(a), Some(b)) = (outside(0), outside(1)) else { return };
        let pace = Pace { most: TRIES, gap: Duration::from_millis(100), ..self.plan.filtering_pace(false) };
        let mut ask =
            |socket, to, listen| self.asks.ask(Question { socket, to, wanted: Wanted::default(), listen, pace }, now);
        self.hairpin = Some([ask(0, b, 1), ask(1, a, 0)]);
    }

    fn hairpin_heard(&self) -> bool {
        self.hairpin.iter().flatten().any(|p| self.asks.get(*p).is_some_and(|a| a.heard))
    }
}

#[cfg(test)]
impl Behaviour {
    /// How the trials stand, for the tests.
    pub(super) fn datagrams(&self) -> u32 {
        self.asks.datagrams
    }
}

impl Sockets for Behaviour {
    fn on_open(&mut self, number: usize, local: SocketAddr) {
        if number <= MUTE {
            self.locals.resize(self.locals.len().max(number + 1), None);
            let known = Some(canonical(local)).filter(|l| !l.ip().is_unspecified());
            if let Some(slot) = self.locals.get_mut(number) {
                *slot = known;
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<(usize, Transmit)> {
        loop {
            if self.over {
                return None;
            }
            let transmit = self.asks.poll_transmit(now, buf);
            if transmit.is_some() {
                return transmit;
            }
            let before = (self.asks.len(), self.over);
            self.advance(now);
            if (self.asks.len(), self.over) == before {
                return None;
            }
        }
    }

    fn wake(&self) -> Option<Instant> {
        // Whatever is pending is decided at the latest when its asks are over.
        self.asks.wake().filter(|_| !self.over)
    }

    fn on_datagram(&mut self, now: Instant, number: usize, from: SocketAddr, bytes: &[u8]) {
        if self.asks.on_datagram(now, number, from, bytes) != Came::Stranger {
            self.advance(now);
        }
    }

    fn on_icmp(&mut self, now: Instant, number: usize, error: &IcmpError) {
        self.asks.on_icmp(number, error);
        self.advance(now);
    }

    fn on_send_error(&mut self, now: Instant, number: usize, to: SocketAddr, error: SendError) {
        self.asks.on_send_error(number, to, error);
        self.advance(now);
    }
}
