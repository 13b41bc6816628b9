//! How often and how fast is asked: the figures that the machines which ask keep to, and what they add up to at the most,
//! which the plan tells beforehand. Knows neither the machines nor the plan.

use std::time::Duration;

/// Addresses of one name and family that are tested; a resolver that names thousands decides no run.
pub const ADDRESSES: usize = 8;

/// Most redirects on the port of an HTTP rule that are followed, each a connection more.
pub const REDIRECTS: u32 = 5;

/// Connections more of an RTMP port that does not answer in RTMP: it is asked in two other protocols beside the probe's own
/// words, and in both again where these ended after that.
pub const RTMP_STRANGERS: u32 = 4;

/// The same of a WebSocket's port, which is asked in RTMP.
pub const WS_STRANGERS: u32 = 2;

/// Checks under way at once; ports of one host are few, cameras may be many.
pub const SIDE_BY_SIDE: usize = 128;

/// How long the DNS servers' own answers are waited for once the system has given a good one, and beyond its time-out.
pub const NAME_GRACE: Duration = Duration::from_secs(1);

/// How long a responder's well-known page is waited for. A responder answers at once; a platform that does not know the
/// page must not delay the sweep.
pub const PAGE_PATIENCE: Duration = Duration::from_secs(2);

/// How long a WebSocket's pong is waited for.
pub const PONG_TIMEOUT: Duration = Duration::from_secs(3);

/// What asking may come to at the most, on a machine that wakes in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// Datagrams sent.
    pub datagrams: u32,
    /// From the first to the end of the last wait.
    pub time: Duration,
}

impl std::ops::Add for Most {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { datagrams: self.datagrams.saturating_add(other.datagrams), time: self.time + other.time }
    }
}

/// How long the answer to SIP OPTIONS is waited for over a connection.
pub const SIP_PATIENCE: Duration = Duration::from_secs(5);

/// What is asked beside SIP OPTIONS that were answered, to see whether they are rewritten: SIP and STUN once more, where
/// silence decides little.
pub const SIP_ASIDE: Schedule = Schedule { rto: Duration::from_millis(400), requests: 2, last_wait: 2 };

/// STUN servers that are asked beside it at the most: the SIP server's own port, and others.
pub const SIP_STUN: usize = 4;

/// A STUN transaction: when to send again and when to give up (RFC 8489 section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Wait after the first request; doubles with each.
    pub rto: Duration,
    /// Rc: how many requests.
    pub requests: u8,
    /// Rm: the wait after the last request, in initial RTOs.
    pub last_wait: u32,
}

impl Schedule {
    /// Requests at 0, 0.5, 1.5 and 3.5 s, given up after 5.5 s: a healthy path that loses 10 % each way looks silent
    /// once in 770 times.
    pub const QUICK: Self = Self { rto: Duration::from_millis(500), requests: 4, last_wait: 4 };

    /// RFC 8489 section 6.2.1 in full: seven requests, given up after 39.5 s.
    pub const THOROUGH: Self = Self { rto: Duration::from_millis(500), requests: 7, last_wait: 16 };

    /// Fresh transactions after the first answer, of one request and one RTO each, for the round trip.
    pub const ROUND_TRIPS: u8 = 3;

    /// The wait after request number `sent`, from 1.
    pub fn wait(self, sent: u8) -> Duration {
        if sent >= self.requests { self.rto * self.last_wait } else { self.rto * (1 << u32::from(sent - 1).min(16)) }
    }

    /// The transaction itself, answered by its last wait or never.
    pub fn transaction(self) -> Most {
        Most { datagrams: self.requests.into(), time: (1..=self.requests).map(|n| self.wait(n)).sum() }
    }

    /// The transaction and what measures the round trip behind it.
    pub fn most(self) -> Most {
        let trips = u32::from(Self::ROUND_TRIPS);
        self.transaction() + Most { datagrams: trips, time: self.rto * trips }
    }
}

/// A sample of a range, which keeps within a target's budget of ICMP errors.
pub mod sample {
    use super::{Duration, Most};

    /// Linux's `XRLIM_BURST_FACTOR`: so many ICMP errors a peer is sent at once.
    pub const BURST: u16 = 6;

    /// A little over the second in which the target may send one more, so that a clock's jitter never asks too early.
    pub const GAP: Duration = Duration::from_millis(1050);

    /// A range of no more ports is asked whole within the target's budget when all of it is wanted.
    pub const WHOLE: u32 = 60;

    /// How often a port is asked before its silence counts.
    pub const ASKS: u8 = 3;
    /// So many times more where no more than [`FEW`] are silent: loss, or another program that uses up the target's budget
    /// of ICMP errors for this machine, could explain them.
    pub const MORE: u8 = 3;
    /// So many silent ports are few.
    pub const FEW: u16 = 4;

    /// A sample of `ports` ports of which none settles before its last round.
    pub fn most(ports: u16) -> Most {
        let datagrams = u32::from(ports) * u32::from(ASKS) + u32::from(ports.min(FEW)) * u32::from(MORE);
        Most { datagrams, time: GAP * (datagrams + 1 - u32::from(ports.min(BURST))) }
    }
}

/// A paced sweep over every port of a range.
pub mod sweep {
    use super::{Duration, Most};

    /// Rounds over ports that stay silent: never fewer, so that one burst of loss decides nothing, and never more.
    pub const ROUNDS: std::ops::RangeInclusive<u8> = 3..=10;

    /// A round that lost much makes the next one slower; the pace never falls below this share of what was asked for.
    const SLOWEST: u32 = 8;

    /// A wait for answers while no round trip is known; two of them and twice the ports/pace stay within a second more.
    const UNKNOWN_RTT: Duration = Duration::from_millis(450);

    /// Bounds of the wait once round trips are known.
    pub const LEAST_WAIT: Duration = Duration::from_millis(100);
    /// The longest wait once round trips are known.
    pub const MOST_WAIT: Duration = Duration::from_secs(3);

    /// What is asked of a range that did not answer: TCP, and datagrams at two rates.
    pub const AFTER: Duration = Duration::from_millis(3600);
    /// Datagrams at two rates.
    pub const POLICED: u32 = 148;

    /// How many ports, spread over the range, are asked before all others, twice if nothing answers.
    pub fn scouts(ports: u32) -> u32 {
        (ports / 20).max(64).min(ports)
    }

    /// The wait for answers while no round trip is known.
    pub fn first_wait(patient: bool) -> Duration {
        if patient { UNKNOWN_RTT * 4 } else { UNKNOWN_RTT }
    }

    /// The pace after one round more that lost much, where `asked_for` was the first.
    pub fn slower(per_second: u32, asked_for: u32) -> u32 {
        (per_second / 2).max(asked_for / SLOWEST).max(1)
    }

    /// The pace of the last round over `silent` ports: slower as far as a second allows, so that a limit on the rate is
    /// not taken for a block.
    pub fn last_pace(per_second: u32, silent: u32) -> u32 {
        (per_second / 4).max(silent).min(per_second)
    }

    /// A sweep in which nothing settles, every round loses much, and the first answer comes after all scouts were asked
    /// twice.
    pub fn most(ports: u32, pace: u32, patient: bool) -> Most {
        let pace = pace.max(1);
        let at = |ports: u32, pace: u32| Duration::from_secs(ports.into()) / pace;
        let scouts = scouts(ports);
        let mut time = at(scouts, pace) * 2 + first_wait(patient) * 2 + at(ports - scouts, pace);
        let mut per_second = pace;
        for _ in 1..*ROUNDS.end() {
            per_second = slower(per_second, pace);
            // Any of them may be taken for the last, which may use up a second.
            time += at(ports, per_second).max(Duration::from_secs(1));
        }
        time += first_wait(patient).max(MOST_WAIT) * u32::from(*ROUNDS.end());
        Most { datagrams: ports.saturating_mul(u32::from(*ROUNDS.end())).saturating_add(scouts), time }
    }
}

/// Trains and flows.
pub mod measure {
    use super::Duration;
    use crate::model::Length;

    /// Trains to different addresses share the wire while their rates at the IP level, the busier way of each, add up to
    /// no more kbit/s; one above that runs alone.
    pub const SIDE_BY_SIDE_KBPS: u32 = 1000;

    /// Finding the way and opening a session on a responder, beside one time-out of a connection for each.
    pub const SETUP: Duration = Duration::from_secs(4);

    /// From a train's last packet to its last answer, and the far end's report.
    pub const WIND_UP: Duration = Duration::from_secs(3);

    /// Where a load does not hold, each direction by itself, one after the other.
    pub const ALONE: Duration = Duration::from_secs(4);

    /// Datagrams at two rates, where much was lost.
    pub const POLICED: Duration = Duration::from_millis(2300);

    /// The search for how much there is, both directions, and latency under load.
    pub const CAPACITY: Duration = Duration::from_secs(60);

    /// So many loads one after the other, none of which holds, on a connection that is given up after `timeout`.
    pub fn most(loads: u32, length: Length, timeout: Duration, capacity: bool) -> Duration {
        let train = match length {
            Length::Exact(time) => time,
            Length::Decided { most, .. } => most,
        };
        let each = train + WIND_UP + (ALONE + WIND_UP) * 2;
        SETUP + POLICED + timeout * 2 + each * loads + if capacity { CAPACITY } else { Duration::ZERO }
    }
}

/// What is tried beside the rules, and relays.
pub mod trial {
    use super::Duration;

    /// Relays tried at once: the audio of each, there and back, shares the wire as trains do.
    pub const SIDE_BY_SIDE: usize = 12;

    /// Packets that are sent through a relay and come back.
    pub const RELAYED: u32 = 50;

    /// For so long media ranges wait for relays, so that a sweep disturbs no figure of a relay that answers: 50 packets at
    /// 20 ms, and the round trips of a connection and an allocation. One that stays silent is not waited for any longer.
    pub const RELAYS_FIRST: Duration = Duration::from_millis(2500);

    /// A relay, beside the time that the first answer or the connection may take.
    pub const TURN: Duration = Duration::from_millis(4500);

    /// Mapping and filtering, and hairpinning.
    pub const NAT: Duration = Duration::from_secs(8);

    /// From the longest silence of a mapping that is tried to what it showed.
    pub const LIFETIME_WIND_UP: Duration = Duration::from_secs(4);

    /// The first of the dynamic ports (RFC 6335 section 6), which a relay gives (RFC 8656 section 7.2).
    pub const DYNAMIC: u16 = 49_152;

    /// A sample of a relay's own ports.
    pub const HIGH_PORTS: Duration = Duration::from_secs(5);

    /// Gathering and checks, once with every candidate and once with relays alone, and the packets over each pair.
    pub const ICE: Duration = Duration::from_secs(12);

    /// What the way to a host lets through: whoever answers, three rounds of sizes, and routers.
    pub const PATH: Duration = Duration::from_secs(5);

    /// A call, beside the time for which media flow.
    pub const CALL: Duration = Duration::from_secs(10);
}

/// Tracing what failed.
pub mod trace {
    use std::time::Duration;

    /// All of it, side by side.
    pub const LONGEST: Duration = Duration::from_millis(2900);

    /// So many addresses of one family are traced: their first routers share what errors these may send.
    pub const ADDRESSES: usize = 4;

    /// So many flows in all.
    pub const FLOWS: usize = 32;

    /// A port that nobody serves (traceroute's first), where no flow to the host works.
    pub const NOBODYS_PORT: u16 = 33434;

    /// What a ClientHello says in place of the target's name: reserved for documentation (RFC 6761), and no filter's business.
    pub const OTHER_NAME: &str = "www.example.com";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_add_up_as_rfc_8489_has_them() {
        let seconds = |s: Schedule| (s.transaction().datagrams, s.transaction().time.as_secs_f64());
        assert_eq!((seconds(Schedule::QUICK), seconds(Schedule::THOROUGH)), ((4, 5.5), (7, 39.5)));
        assert_eq!(Schedule::QUICK.most(), Most { datagrams: 7, time: Duration::from_secs(7) });
    }

    #[test]
    fn a_sample_of_20_takes_as_long_as_19_silent_ports_make_it() {
        assert!(sample::most(20).time > Duration::from_millis(55_700));
        assert_eq!(sample::most(1).datagrams, 6);
    }

    #[test]
    fn a_pace_slows_by_halves_to_an_eighth() {
        let paces = std::iter::successors(Some(4000), |p| Some(sweep::slower(*p, 4000)));
        assert_eq!(paces.take(5).collect::<Vec<_>>(), [4000, 2000, 1000, 500, 500]);
        assert_eq!((sweep::slower(1, 1), sweep::last_pace(4000, 10), sweep::last_pace(4000, 9000)), (1, 1000, 4000));
    }
}
