//! How long a NAT or firewall remembers a silent source (RFC 5780 section 4.5): one socket for each silence asks once and
//! then keeps still; when its silence is over, another socket asks the server to answer to the silent one's outside port
//! (RESPONSE-PORT). What comes shows that the way in is still open. Silence shows that it is closed where, at the same
//! moment, a socket that was not silent hears what it is sent so. Without RESPONSE-PORT only a changed mapping shows
//! anything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Sockets;
use super::asks::{Asks, Came, Pace, Place, Question};
use super::filtering::proven_silent;
use crate::session::{Credential, IcmpError, SendError, Transmit, canonical};
use crate::wire::stun::discovery::Wanted;

/// Seconds of silence that are tried, up to the longest that is wanted, and that one itself.
const SILENCES: [u64; 19] = [5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 150, 180, 240, 300, 360, 420, 480, 540, 600];

/// The socket that asks for others, and the one that keeps awake; silent ones follow.
const ASKER: usize = 0;
const AWAKE: usize = 1;
const FIRST_SILENT: usize = 2;

/// Requests for an answer to a silent socket, as close together as loss allows, so that the silence is no longer than said.
const TRIES: u8 = 14;
const GAP: Duration = Duration::from_millis(40);

/// The waking socket asks for its mapping so long before it is needed as a control.
const BEFORE: Duration = Duration::from_millis(900);

/// What is left to do when the longest silence is over.
pub const WIND_UP: Duration = crate::model::schedule::trial::LIFETIME_WIND_UP;

/// What is to be tested.
#[derive(Clone, Debug)]
pub struct Plan {
    pub server: SocketAddr,
    pub rtt: Duration,
    /// The longest silence.
    pub longest: Duration,
}

/// One silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tested {
    pub silence: Duration,
    /// `None`: it could not be told.
    pub alive: Option<bool>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub tested: Vec<Tested>,
    /// The server answers to another port where it is asked to.
    pub response_port: bool,
}

impl Outcome {
    /// The longest silence that was survived, with all shorter ones that were told.
    pub fn alive(&self) -> Option<Duration> {
        let gone = self.gone();
        let alive = self.tested.iter().filter(|t| t.alive == Some(true) && gone.is_none_or(|g| t.silence < g));
        alive.map(|t| t.silence).max()
    }

    /// The shortest that was not.
    pub fn gone(&self) -> Option<Duration> {
        self.tested.iter().filter(|t| t.alive == Some(false)).map(|t| t.silence).min()
    }
}

/// The silences that are tried up to `longest`.
pub fn silences(longest: Duration) -> Vec<Duration> {
    let mut all: Vec<Duration> = SILENCES.map(Duration::from_secs).into_iter().filter(|s| *s < longest).collect();
    all.push(longest);
    all
}

/// One silent socket.
struct Silent {
    socket: usize,
    silence: Duration,
    /// Its own request for a mapping.
    first: Place,
    /// When it was last sent or heard anything.
    last: Option<Instant>,
    trial: Option<Trial>,
    alive: Option<bool>,
    over: bool,
}

/// What is asked when a silence is over.
#[derive(Clone, Copy)]
enum Trial {
    /// For the silent socket, and for the one that is awake.
    Aside { silent: Place, awake: Place },
    /// The silent one asks for its mapping again.
    Again(Place),
}

/// The session.
pub struct Lifetime {
    plan: Plan,
    asks: Asks,
    asker: Place,
    /// The last request of the socket that keeps awake for its mapping, and when it was made.
    awake: (Place, Instant),
    /// Whether the server answers to another port.
    proof: Option<Place>,
    silent: Vec<Silent>,
}

impl Lifetime {
    /// Begins at `now`.
    pub fn new(now: Instant, plan: Plan, secret: &[u8; 32], credential: Option<Credential>) -> Self {
        let mut asks = Asks::new(secret, credential);
        let pace = plan.pace(8, (plan.rtt * 3 / 2).max(Duration::from_millis(150)), false);
        let mut ask = |socket| asks.ask(plan.question(socket, socket, None, pace), now);
        let (asker, awake) = (ask(ASKER), (ask(AWAKE), now));
        let silent = |(number, silence): (usize, Duration)| {
            let socket = FIRST_SILENT + number;
            Silent { socket, silence, first: ask(socket), last: None, trial: None, alive: None, over: false }
        };
        let silent = silences(plan.longest).into_iter().enumerate().map(silent).collect();
        Self { plan, asks, asker, awake, proof: None, silent }
    }

    /// What was found so far.
    pub fn outcome(&self) -> Outcome {
        let tested = self.silent.iter().map(|s| Tested { silence: s.silence, alive: s.alive }).collect();
        Outcome { tested, response_port: self.proof_heard() }
    }

    fn proof_heard(&self) -> bool {
        self.proof.and_then(|p| self.asks.get(p)).is_some_and(|a| a.plain().is_some())
    }

    fn mapped(&self, place: Place) -> Option<SocketAddr> {
        self.asks.get(place)?.plain()?.mapped
    }

    /// The outside port of what asked at `place`, if it is at the address from where the asker asks.
    fn aside(&self, place: Place) -> Option<u16> {
        let (asker, there) = (self.mapped(self.asker)?, self.mapped(place)?);
        (asker.ip() == there.ip()).then_some(there.port())
    }

    fn ask_aside(&mut self, listen: usize, port: u16, every: bool, now: Instant) -> Place {
        let pace = self.plan.pace(TRIES, GAP, every);
        self.asks.ask(self.plan.question(ASKER, listen, Some(port), pace), now)
    }

    fn advance(&mut self, now: Instant) {
        if self.proof.is_none()
            && let Some(port) = self.aside(self.awake.0)
        {
            self.proof = Some(self.ask_aside(AWAKE, port, false, now));
        }
        for number in 0..self.silent.len() {
            self.step(number, now);
        }
    }

    /// When a silence is over, if it has begun and is not tried yet.
    fn due(&self, silent: &Silent) -> Option<Instant> {
        (silent.trial.is_none() && !silent.over).then_some(silent.last? + silent.silence)
    }

    fn step(&mut self, number: usize, now: Instant) {
        let Some(silent) = self.silent.get(number).filter(|s| !s.over) else { return };
        let (socket, first) = (silent.socket, silent.first);
        if silent.last.is_none() && self.asks.over(first) {
            return self.end(number, None);
        }
        let due = self.due(silent);
        if let Some(due) = due {
            if now + BEFORE >= due && self.awake.1 + BEFORE < due {
                let pace = self.plan.pace(8, Duration::from_millis(100), false);
                self.awake = (self.asks.ask(self.plan.question(AWAKE, AWAKE, None, pace), now), now);
            }
            if now >= due {
                let trial = self.begin(socket, first, now);
                if let Some(silent) = self.silent.get_mut(number) {
                    silent.trial = Some(trial);
                }
            }
            return;
        }
        if let Some(trial) = silent.trial
            && let Some(alive) = self.judge(trial, first, now)
        {
            self.end(number, alive);
        }
    }

    fn begin(&mut self, socket: usize, first: Place, now: Instant) -> Trial {
        let ports = self.aside(first).zip(self.aside(self.awake.0)).filter(|_| self.proof_heard());
        match ports {
            Some((silent, awake)) => Trial::Aside {
                silent: self.ask_aside(socket, silent, false, now),
                awake: self.ask_aside(AWAKE, awake, true, now),
            },
            None => {
                let pace = self.plan.pace(8, Duration::from_millis(150), false);
                Trial::Again(self.asks.ask(self.plan.question(socket, socket, None, pace), now))
            }
        }
    }

    /// `None`: not yet. `Some(None)`: it cannot be told.
    fn judge(&self, trial: Trial, first: Place, now: Instant) -> Option<Option<bool>> {
        let server = canonical(self.plan.server);
        match trial {
            Trial::Aside { silent, awake } => {
                let (silent, awake) = (self.asks.get(silent)?, self.asks.get(awake)?);
                if silent.plain().is_some() {
                    return Some(Some(true));
                }
                let (asked, answered) = awake.counted(server, now);
                (silent.over && awake.over)
                    .then(|| proven_silent(silent.counted(server, now).0, asked, answered).then_some(false))
            }
            // A mapping that is the same may have been made anew, where the NAT keeps the port.
            Trial::Again(place) => {
                let changed = self.mapped(place).map(|now| self.mapped(first).is_some_and(|before| before != now));
                self.asks.over(place).then(|| changed.filter(|changed| *changed).map(|_| false))
            }
        }
    }

    fn end(&mut self, number: usize, alive: Option<bool>) {
        if let Some(silent) = self.silent.get_mut(number) {
            (silent.alive, silent.over) = (alive, true);
            match silent.trial {
                Some(Trial::Aside { silent, awake }) => [silent, awake].into_iter().for_each(|p| self.asks.stop(p)),
                Some(Trial::Again(_)) | None => {}
            }
        }
    }
}

impl Plan {
    fn pace(&self, most: u8, gap: Duration, every: bool) -> Pace {
        let patience = (self.rtt * 2 + Duration::from_millis(50)).max(Duration::from_millis(250));
        Pace { gap, doubling: false, most, patience: patience.min(Duration::from_millis(1500)), every }
    }

    fn question(&self, socket: usize, listen: usize, response_port: Option<u16>, pace: Pace) -> Question {
        Question { socket, to: self.server, wanted: Wanted { change: None, response_port }, listen, pace }
    }
}

impl Sockets for Lifetime {
    fn on_open(&mut self, _: usize, _: SocketAddr) {}

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<(usize, Transmit)> {
        loop {
            let before = self.asks.len();
            if let Some((socket, transmit)) = self.asks.poll_transmit(now, buf) {
                if let Some(silent) = self.silent.iter_mut().find(|s| s.socket == socket && s.trial.is_none()) {
                    silent.last = silent.last.map(|_| now);
                }
                return Some((socket, transmit));
            }
            self.advance(now);
            if self.asks.len() == before {
                return None;
            }
        }
    }

    fn wake(&self) -> Option<Instant> {
        let open = || self.silent.iter().filter(|s| !s.over);
        open().next()?;
        let due = open().filter_map(|s| self.due(s)).flat_map(|due| {
            // Before a silence is over, the control is woken.
            [due, due.checked_sub(BEFORE).filter(|b| self.awake.1 + BEFORE < due && *b > self.awake.1).unwrap_or(due)]
        });
        due.chain(self.asks.wake()).min()
    }

    fn on_datagram(&mut self, now: Instant, number: usize, from: SocketAddr, bytes: &[u8]) {
        if self.asks.on_datagram(now, number, from, bytes) == Came::Stranger {
            return;
        }
        if let Some(silent) = self.silent.iter_mut().find(|s| s.socket == number && s.trial.is_none()) {
            silent.last = Some(now);
        }
        self.advance(now);
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

#[cfg(test)]
mod tests {
    use super::super::simulated::{Manner, Ports, SERVER, Server, World, at};
    use super::super::{Kind, Sockets as _};
    use super::*;
    use crate::session::lossy::zero;

    fn found(manner: Manner, server: Server, seed: u64, loss: f64, longest: u64) -> (Outcome, Duration) {
        let mut world = World::new(zero(), seed, loss, 40, manner, server);
        let longest = Duration::from_secs(longest);
        let plan = Plan { server: at(SERVER), rtt: Duration::from_millis(40), longest };
        let mut session = Lifetime::new(world.now, plan, &[seed as u8; 32], None);
        let took = world.run(&mut session, longest + WIND_UP * 3);
        assert_eq!(session.wake(), None);
        (session.outcome(), took)
    }

    fn nat(mapping: Kind, filtering: Kind, ports: Ports, lifetime: u64) -> Manner {
        Manner { lifetime: Duration::from_secs(lifetime), ..Manner::new(mapping, filtering, ports) }
    }

    const TYPES: [Kind; 4] =
        [Kind::None, Kind::EndpointIndependent, Kind::AddressDependent, Kind::AddressAndPortDependent];

    #[test]
    fn the_lifetime_of_every_nat_is_right_with_ten_percent_loss_each_way() {
        let (mut told, mut all) = (0, 0);
        for mapping in TYPES {
            for filtering in &TYPES[1..] {
                for ports in [Ports::Preserved, Ports::Random] {
                    for (seed, lifetime) in (0..8).flat_map(|s| [12, 31, 200].map(|l| (s, l))) {
                        let manner = nat(mapping, *filtering, ports, lifetime);
                        let (outcome, took) = found(manner, Server::Honest, seed, 0.1, 60);
                        for tested in &outcome.tested {
                            let right = tested.silence < Duration::from_secs(lifetime);
                            assert!(tested.alive.is_none_or(|a| a == right), "{manner:?} {seed}: {outcome:?}");
                            told += usize::from(tested.alive.is_some());
                            all += 1;
                        }
                        assert!(outcome.response_port && took <= Duration::from_secs(60) + WIND_UP, "{took:?}");
                    }
                }
            }
        }
        assert!(told * 100 >= all * 99, "{told} of {all}");
    }

    #[test]
    fn without_response_port_only_a_new_mapping_tells() {
        for server in [Server::WithoutResponsePort, Server::RefusesResponsePort] {
            let random = nat(Kind::EndpointIndependent, Kind::AddressAndPortDependent, Ports::Random, 12);
            let (outcome, _) = found(random, server, 1, 0.0, 30);
            let alive: Vec<_> = outcome.tested.iter().map(|t| t.alive).collect();
            assert_eq!(alive, [None, None, Some(false), Some(false), Some(false), Some(false)], "{server:?}");
            assert_eq!((outcome.alive(), outcome.gone()), (None, Some(Duration::from_secs(15))));
            let (outcome, _) = found(Manner { ports: Ports::Preserved, ..random }, server, 1, 0.0, 30);
            assert!(outcome.tested.iter().all(|t| t.alive.is_none()), "{outcome:?}");
        }
    }

    #[test]
    fn a_silent_server_and_nothing_in_between_end_it_too() {
        let open = nat(Kind::None, Kind::None, Ports::Preserved, 1);
        let (outcome, took) = found(open, Server::Silent, 1, 0.0, 5);
        assert!(outcome.tested.iter().all(|t| t.alive.is_none()) && took < Duration::from_secs(3));
        let (outcome, _) = found(open, Server::Honest, 1, 0.0, 12);
        assert_eq!((outcome.alive(), outcome.gone()), (Some(Duration::from_secs(12)), None));
        assert_eq!(outcome.tested.len(), 3);
    }

    #[test]
    fn alive_is_below_gone() {
        let of = |all: &[(u64, bool)]| {
            let tested = |(s, alive): &(u64, bool)| Tested { silence: Duration::from_secs(*s), alive: Some(*alive) };
            let outcome = Outcome { tested: all.iter().map(tested).collect(), response_port: true };
            (outcome.alive().map(|d| d.as_secs()), outcome.gone().map(|d| d.as_secs()))
        };
        assert_eq!(of(&[(5, true), (10, true), (15, false), (20, true)]), (Some(10), Some(15)));
        assert_eq!(of(&[(5, false), (10, true)]), (None, Some(5)));
        assert_eq!(of(&[]), (None, None));
    }
}
