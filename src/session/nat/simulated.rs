//! A NAT or firewall, STUN servers honest and otherwise behind a lossy link, and the driver of a session with several
//! sockets, all in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{Kind, Sockets};
use crate::session::chance::Chance;
use crate::wire::stun::discovery::{Change, Servers, write_discovery_success};
use crate::wire::stun::{MAX_WRITTEN, Message, write_binding_error};

pub(super) const SERVER: &str = "198.51.100.10:3478";
pub(super) const OTHER: &str = "198.51.100.20:3479";
/// A server without a second address, on two ports.
pub(super) const PLAIN: [&str; 2] = ["192.0.2.50:3478", "192.0.2.50:3479"];
const CLIENT: &str = "192.168.1.2";
const OUTSIDE: &str = "203.0.113.5";

pub(super) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// How a NAT chooses outside ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// The inside port where it is free, by chance where it is not.
    Preserved,
    Random,
    /// The next one.
    Next,
}

/// A NAT, or with `mapping` none a firewall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub mapping: Kind,
    /// [`Kind::None`] keeps nothing out.
    pub filtering: Kind,
    pub ports: Ports,
    pub hairpin: bool,
    /// Forgets a mapping that was idle for so long.
    pub lifetime: Duration,
}

impl Manner {
    pub fn new(mapping: Kind, filtering: Kind, ports: Ports) -> Self {
        Self { mapping, filtering, ports, hairpin: false, lifetime: Duration::from_secs(30) }
    }
}

struct Entry {
    inside: SocketAddr,
    key: (Option<IpAddr>, Option<u16>),
    outside: SocketAddr,
    contacted: Vec<SocketAddr>,
    last: Instant,
}

struct Nat {
    manner: Manner,
    entries: Vec<Entry>,
    next: u16,
}

impl Nat {
    fn outbound(&mut self, now: Instant, inside: SocketAddr, to: SocketAddr, chance: &mut Chance) -> SocketAddr {
        let lifetime = self.manner.lifetime;
        self.entries.retain(|e| now.saturating_duration_since(e.last) < lifetime);
        let key = match self.manner.mapping {
            Kind::None | Kind::EndpointIndependent => (None, None),
            Kind::AddressDependent => (Some(to.ip()), None),
            Kind::AddressAndPortDependent => (Some(to.ip()), Some(to.port())),
        };
        let known = self.entries.iter().position(|e| e.inside == inside && e.key == key);
        let place = known.unwrap_or_else(|| {
            let outside = self.outside(inside, chance);
            self.entries.push(Entry { inside, key, outside, contacted: Vec::new(), last: now });
            self.entries.len() - 1
        });
        let entry = &mut self.entries[place];
        entry.last = now;
        if !entry.contacted.contains(&to) {
            entry.contacted.push(to);
        }
        entry.outside
    }

    fn outside(&mut self, inside: SocketAddr, chance: &mut Chance) -> SocketAddr {
        if self.manner.mapping == Kind::None {
            return inside;
        }
        let free = |port: u16| !self.entries.iter().any(|e| e.outside.port() == port);
        let random = |chance: &mut Chance| loop {
            let port = 1024 + u16::try_from(chance.below(64_000)).unwrap();
            if free(port) {
                return port;
            }
        };
        let port = match self.manner.ports {
            Ports::Preserved if free(inside.port()) => inside.port(),
            Ports::Preserved | Ports::Random => random(chance),
            Ports::Next => {
                self.next += 1;
                self.next
            }
        };
        SocketAddr::new(OUTSIDE.parse().unwrap(), port)
    }

    fn inbound(&mut self, now: Instant, from: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        let Manner { filtering, lifetime, .. } = self.manner;
        if self.manner.mapping == Kind::None && filtering == Kind::None {
            return Some(to);
        }
        let entry = self.entries.iter_mut().find(|e| e.outside == to)?;
        let alive = now.saturating_duration_since(entry.last) < lifetime;
        let allowed = match filtering {
            Kind::None | Kind::EndpointIndependent => true,
            Kind::AddressDependent => entry.contacted.iter().any(|c| c.ip() == from.ip()),
            Kind::AddressAndPortDependent => entry.contacted.contains(&from),
        };
        (alive && allowed).then(|| {
            entry.last = now;
            entry.inside
        })
    }
}

/// A STUN server at [`SERVER`] with more or less of RFC 5780.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Honest,
    /// RESPONSE-PORT is answered as if it were not there.
    WithoutResponsePort,
    /// RESPONSE-PORT is answered with 420.
    RefusesResponsePort,
    /// Names no other address.
    Plain,
    /// Names its own address, and its other port.
    NamesItself,
    /// Names an address of its inside.
    NamesInside,
    /// Answers CHANGE-REQUEST from where it was asked.
    Ignores,
    /// Answers CHANGE-REQUEST with 420.
    Refuses,
    /// Says nothing to CHANGE-REQUEST.
    Mute,
    /// Changes the port and never the address.
    PortOnly,
    /// Answers from an address that it did not name.
    Elsewhere,
    /// Is not at its other address, nor answers from there.
    Gone,
    /// Answers at its other address, and what it should send from there never arrives.
    KeptBack,
    Silent,
}

impl Server {
    /// What a request from `from` to `to` brings: from where, to where, what.
    fn react(self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let m = Message::read(bytes).unwrap();
        let mut buf = [0; MAX_WRITTEN];
        let mut plain = |other| {
            let servers = Servers { other, origin: None };
            let n = write_discovery_success(&mut buf, m.id(), from, false, None, servers).unwrap();
            assert!(n <= bytes.len(), "an answer is never longer than its request");
            buf[..n].to_vec()
        };
        if PLAIN.iter().any(|p| at(p) == to) {
            return Some((to, from, plain(None)));
        }
        let (server, other) = (at(SERVER), at(OTHER));
        let here = |a: SocketAddr| [server.ip(), other.ip()].contains(&a.ip()) && [3478, 3479].contains(&a.port());
        if self == Server::Silent || !here(to) || (self == Server::Gone && to.ip() == other.ip()) {
            return None;
        }
        let named = match self {
            Server::Plain => None,
            Server::NamesItself => Some(SocketAddr::new(server.ip(), other.port())),
            Server::NamesInside => Some(at("10.0.0.7:3479")),
            _ => Some(other),
        };
        let change = m.change_request().unwrap_or_default();
        let source = SocketAddr::new(
            if change.ip == (to.ip() == other.ip()) { server.ip() } else { other.ip() },
            if change.port == (to.port() == other.port()) { server.port() } else { other.port() },
        );
        let response_port = m.response_port().filter(|_| self != Server::WithoutResponsePort);
        let back = SocketAddr::new(from.ip(), response_port.unwrap_or(from.port()));
        let changes = change != Change::default();
        let refuse = (self == Server::RefusesResponsePort && response_port.is_some())
            || (matches!(self, Server::Refuses | Server::Plain) && changes);
        if refuse {
            let n = write_binding_error(&mut buf, m.id(), 420, "Unknown Attribute").unwrap();
            return Some((to, from, buf[..n].to_vec()));
        }
        let source = match self {
            _ if !changes => to,
            Server::Ignores | Server::NamesItself | Server::NamesInside => to,
            Server::Mute => return None,
            Server::PortOnly => SocketAddr::new(to.ip(), source.port()),
            Server::Elsewhere => at("198.51.100.77:5000"),
            Server::Gone | Server::KeptBack if source.ip() == other.ip() => return None,
            _ => source,
        };
        Some((source, back, plain(named)))
    }
}

enum Event {
    AtServer(SocketAddr, SocketAddr, Vec<u8>),
    /// From, to (an outside address), what.
    AtNat(SocketAddr, SocketAddr, Vec<u8>),
}

/// Client, NAT, link and servers.
pub(super) struct World {
    pub now: Instant,
    pub chance: Chance,
    /// Loss of each way, 0 to 1.
    pub loss: f64,
    one_way: Duration,
    nat: Nat,
    server: Server,
    air: BinaryHeap<Reverse<(Instant, usize)>>,
    events: Vec<Option<Event>>,
    /// Sessions so far; each has sockets of its own.
    sessions: u16,
}

impl World {
    pub fn new(now: Instant, seed: u64, loss: f64, rtt_ms: u64, manner: Manner, server: Server) -> Self {
        let mut chance = Chance::new(seed);
        let next = 20_000 + u16::try_from(chance.below(10_000)).unwrap();
        Self {
            now,
            chance,
            loss,
            one_way: Duration::from_micros(rtt_ms * 500),
            nat: Nat { manner, entries: Vec::new(), next },
            server,
            air: BinaryHeap::new(),
            events: Vec::new(),
            sessions: 0,
        }
    }

    /// How many random numbers `f` needs to say that a datagram is lost.
    fn lost(&mut self) -> bool {
        (self.chance.next() as f64) < self.loss * u64::MAX as f64
    }

    fn fly(&mut self, event: Event) {
        if !self.lost() {
            let jitter = Duration::from_micros(self.chance.below(4000) as u64);
            self.air.push(Reverse((self.now + self.one_way + jitter, self.events.len())));
            self.events.push(Some(event));
        }
    }

    fn local(&self, socket: usize) -> SocketAddr {
        SocketAddr::new(CLIENT.parse().unwrap(), 40_000 + self.sessions * 100 + u16::try_from(socket).unwrap() * 3)
    }

    /// Drives `session` until it is over or `longest` has passed, and answers how long that took.
    pub fn run(&mut self, session: &mut impl Sockets, longest: Duration) -> Duration {
        self.sessions += 1;
        let (start, mut open, mut buf) = (self.now, 0, [0; MAX_WRITTEN]);
        for _ in 0..1_000_000 {
            while let Some((socket, transmit)) = session.poll_transmit(self.now, &mut buf) {
                while open <= socket {
                    session.on_open(open, self.local(open));
                    open += 1;
                }
                let bytes = buf[..transmit.len].to_vec();
                let outside = self.nat.outbound(self.now, self.local(socket), transmit.to, &mut self.chance);
                if transmit.to.ip().to_string() != OUTSIDE {
                    self.fly(Event::AtServer(outside, transmit.to, bytes));
                } else if self.nat.manner.hairpin {
                    self.fly(Event::AtNat(outside, transmit.to, bytes));
                }
            }
            let Some(wake) = session.wake().filter(|_| self.now < start + longest) else { return self.now - start };
            let wake = wake.min(start + longest);
            match self.air.peek() {
                Some(Reverse((at, index))) if *at <= wake => {
                    let (at, index) = (*at, *index);
                    self.air.pop();
                    self.now = self.now.max(at);
                    match self.events[index].take() {
                        Some(Event::AtServer(from, to, bytes)) => {
                            if let Some((source, back, answer)) = self.server.react(from, to, &bytes) {
                                self.fly(Event::AtNat(source, back, answer));
                            }
                        }
                        Some(Event::AtNat(from, to, bytes)) => {
                            let inside = self.nat.inbound(self.now, from, to);
                            let socket = inside.and_then(|i| (0..open).find(|s| self.local(*s) == i));
                            if let Some(socket) = socket {
                                session.on_datagram(self.now, socket, from, &bytes);
                            }
                        }
                        None => {}
                    }
                }
                _ => self.now = self.now.max(wake),
            }
        }
        panic!("the session never ends");
    }
}
