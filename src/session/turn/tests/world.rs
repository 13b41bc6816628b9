//! The path between a relayed session and its server in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::super::{Login, Outcome, Peer, Relay, Relayed, TurnPlan};
use super::server::{PASSWORD, SERVER, Server, USER, Way};
use crate::model::schedule::Schedule;
use crate::model::{Load, Media, Secret};
use crate::session::chance::Chance;
use crate::session::lossy::zero;
use crate::session::train::{self, Decision, Looks, Plan, Train, Via};
use crate::session::{IcmpError, SendError, Session};

/// A plan that the server takes.
pub fn plan() -> TurnPlan {
    TurnPlan {
        server: SERVER.parse().unwrap(),
        stream: false,
        login: Some(Login { username: USER.to_owned(), password: Secret::new(PASSWORD), rest: false }),
        peer: Peer::Itself,
        relay_v6: false,
        schedule: Schedule::QUICK,
        secret: [9; 32],
    }
}

/// A train of so many packets that come back as they are.
pub fn echo_train(packets: u32) -> impl FnOnce(&Relay, Instant) -> Train + Send + 'static {
    move |relay, now| {
        let length = Duration::from_millis(20) * packets;
        let looks = Looks {
            next: Box::new(move |after| (after < length).then_some((length, 1.96))),
            decide: Box::new(|_| Decision::Undecided),
        };
        let load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
        let plan = Plan { target: relay.peer, load, via: Via::Echo { secret: [5; 32] }, dscp: 0, looks };
        Train::new(plan, now, Duration::from_secs(1_800_000_000))
    }
}

pub struct World {
    pub server: Server,
    pub loss: f64,
    pub jitter: Duration,
    /// Comes back for every request.
    pub icmp: Option<IcmpError>,
    /// The first so many datagrams do not leave.
    pub kept_back: Option<(SendError, u32)>,
    /// Somebody else sends the same from another address, first.
    pub strangers: bool,
    /// The first so many signed successes come forged first.
    pub forged: u32,
    pub stop: Option<Duration>,
    /// Whether it is asked for its last words then, and how many it had.
    pub farewell: bool,
    pub farewells: u32,
    pub took: Duration,
    /// Of the train's packets, each once.
    pub lost_data: u32,
    chance: Chance,
    air: BinaryHeap<Reverse<(Instant, u64)>>,
    flying: std::collections::HashMap<u64, Flying>,
    flown: u64,
}

enum Flying {
    There(Vec<u8>),
    Back(SocketAddr, Vec<u8>),
    Icmp(IcmpError),
}

const ONE_WAY: Duration = Duration::from_millis(20);

impl World {
    pub fn new(seed: u64, way: Way) -> Self {
        Self {
            server: Server::new(way),
            loss: 0.0,
            jitter: Duration::ZERO,
            icmp: None,
            kept_back: None,
            strangers: false,
            forged: 0,
            stop: None,
            farewell: false,
            farewells: 0,
            took: Duration::ZERO,
            lost_data: 0,
            chance: Chance::new(seed),
            air: BinaryHeap::new(),
            flying: Default::default(),
            flown: 0,
        }
    }

    fn share(&mut self) -> f64 {
        self.chance.next() as f64 / u64::MAX as f64
    }

    fn fly(&mut self, at: Instant, what: Flying) {
        let data = match &what {
            Flying::There(bytes) | Flying::Back(_, bytes) => bytes.first().is_some_and(|b| b & 0xC0 == 0x40),
            Flying::Icmp(_) => false,
        };
        if self.share() < self.loss {
            self.lost_data += u32::from(data);
            return;
        }
        let jitter = self.jitter.mul_f64(self.share());
        self.flown += 1;
        self.air.push(Reverse((at + ONE_WAY + jitter, self.flown)));
        self.flying.insert(self.flown, what);
    }

    fn back(&mut self, at: Instant, bytes: Vec<u8>) {
        let server: SocketAddr = SERVER.parse().unwrap();
        if self.strangers {
            self.fly(at, Flying::Back("198.51.100.3:3479".parse().unwrap(), bytes.clone()));
        }
        if self.forged > 0 && bytes.len() > 60 && bytes[0] == 1 && bytes[1] & 0x10 == 0 {
            self.forged -= 1;
            let mut forged = bytes.clone();
            *forged.last_mut().unwrap() ^= 1;
            self.fly(at, Flying::Back(server, forged));
        }
        self.fly(at, Flying::Back(server, bytes));
    }

    /// Runs a train of so many packets through the relay.
    pub fn run(&mut self, plan: TurnPlan, packets: u32) -> (Outcome, Option<train::Outcome>) {
        let start = zero();
        let mut relayed = Relayed::new(plan, echo_train(packets), start);
        let mut now = start;
        let mut buf = [0; 2048];
        for _ in 0..5_000_000 {
            while let Some(transmit) = relayed.poll_transmit(now, &mut buf) {
                assert_eq!(transmit.to, SERVER.parse::<SocketAddr>().unwrap());
                self.on_sent(now, &mut relayed, &buf[..transmit.len]);
            }
            let Some(wake) = relayed.wake() else { break };
            now = match self.air.peek() {
                Some(Reverse((at, _))) if *at <= wake => (*at).max(now),
                _ => wake.max(now),
            };
            if self.stop.is_some_and(|stop| now - start >= stop) {
                break;
            }
            self.land(now, &mut relayed);
        }
        assert!(relayed.wake().is_none() || self.stop.is_some(), "the session never ends");
        self.took = now - start;
        let last = if self.farewell { relayed.farewell(now, &mut buf) } else { None };
        if let Some(last) = last {
            self.server.take(&buf[..last.len]);
            self.farewells += 1;
        }
        let (outcome, train) = relayed.finish(now);
        (outcome, train.map(|train| train.finish(now)))
    }

    fn on_sent(&mut self, now: Instant, relayed: &mut Relayed<Train>, bytes: &[u8]) {
        if let Some((error, left)) = self.kept_back.filter(|(_, left)| *left > 0) {
            self.kept_back = Some((error, left - 1));
            relayed.on_send_error(now, SERVER.parse().unwrap(), error);
            return;
        }
        if let Some(error) = self.icmp {
            self.fly(now + ONE_WAY, Flying::Icmp(error));
        }
        self.fly(now, Flying::There(bytes.to_vec()));
    }

    fn land(&mut self, now: Instant, relayed: &mut Relayed<Train>) {
        while let Some(Reverse((at, id))) = self.air.peek().copied().filter(|Reverse((at, _))| *at <= now) {
            self.air.pop();
            match self.flying.remove(&id).unwrap() {
                Flying::There(bytes) => {
                    for answer in self.server.take(&bytes) {
                        self.back(at, answer);
                    }
                }
                Flying::Back(from, bytes) => relayed.on_datagram(at, from, &bytes),
                Flying::Icmp(error) => relayed.on_icmp(at, &error),
            }
        }
    }
}
