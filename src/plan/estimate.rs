//! What a plan costs: datagrams and connections, and the longest time it can take. Each check's is its deadline, too.

use std::time::Duration;

use crate::model::schedule::{self, Most, Schedule};
use crate::model::{Host, PortsMode, RelayTransport};
use crate::profile::{SipCarrier, Spec};

use super::{Item, Measure, Measuring, Plan, Trial, TrialKind};

/// The settings that decide what a check may cost.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// The longest time of one connection-oriented check.
    pub timeout: Duration,
    /// The full STUN schedule of RFC 8489.
    pub thorough: bool,
    /// A WebSocket is held open for so long.
    pub hold: Option<Duration>,
    /// Datagrams a second of a sweep.
    pub pace: u32,
    /// How much of a range to ask.
    pub ports: PortsMode,
    /// The longest silence of a UDP mapping that is tried.
    pub nat_lifetime: Option<Duration>,
    /// How long media flow in a call.
    pub call_length: Duration,
    /// What fails is traced to where it is stopped.
    pub trace: bool,
    /// The deadline of the whole run.
    pub budget: Option<Duration>,
}

impl Default for Tuning {
    /// As the program probes without any flag.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            thorough: false,
            hold: None,
            pace: 4000,
            ports: PortsMode::Sample(12),
            nat_lifetime: None,
            call_length: Duration::from_secs(4),
            trace: true,
            budget: None,
        }
    }
}

/// What one check on one address may cost, at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// TCP connections; a range's requests for a responder's page are told once for all ranges.
    pub connections: u32,
    /// UDP datagrams sent.
    pub datagrams: u32,
    /// The longest time it can take, and the check's deadline.
    pub longest: Duration,
}

/// A machine under load wakes late: a tenth more, and so much on top, before what asks on a schedule is cut off.
const SLACK: Duration = Duration::from_millis(500);

/// So many addresses a name has at the most: [`schedule::ADDRESSES`] of each family.
pub(super) const ADDRESSES: u32 = 2 * schedule::ADDRESSES as u32;

impl Tuning {
    /// What one check of this item may cost on one address.
    pub fn cost(&self, item: &Item) -> Cost {
        let connections = |connections| Cost { connections, longest: self.timeout, ..Cost::default() };
        match (&item.rule.spec, item.rule.transport) {
            (Spec::Range, _) => scheduled(self.range(item)),
            // It may be asked again with the group of key exchange that it wants.
            (Spec::Ike(_), _) => scheduled(self.schedule().transaction() + self.schedule().transaction()),
            (Spec::Stun, _) => scheduled(self.stun()),
            (Spec::Sip(SipCarrier::Udp), _) => scheduled(self.schedule().transaction() + beside_sip(true)),
            (Spec::Sip(SipCarrier::Tcp), _) => {
                let beside = beside_sip(false);
                Cost { connections: 1, datagrams: beside.datagrams, longest: self.timeout + beside.time }
            }
            (Spec::Dns, _) => Cost::default(),
            // A keepalive and a plain packet each time.
            (Spec::Gre, _) => {
                let once = self.schedule().transaction();
                scheduled(Most { datagrams: once.datagrams * 2, time: once.time })
            }
            (Spec::Ws(_), _) => {
                let held = self.hold.map_or(Duration::ZERO, |hold| hold + schedule::PONG_TIMEOUT);
                Cost { longest: self.timeout + held, ..connections(1 + schedule::WS_STRANGERS) }
            }
            (Spec::Rtmp(_), _) => connections(1 + schedule::RTMP_STRANGERS),
            (Spec::Http(spec), _) => connections((1 + schedule::REDIRECTS) * if spec.either { 2 } else { 1 }),
            (Spec::Turn(transport), _) => {
                let connections = u32::from(!transport.is_udp());
                Cost { connections, longest: self.relay(*transport), ..Cost::default() }
            }
            _ => connections(1),
        }
    }

    /// A relay: its first answer or the connection to it, and all that follows.
    fn relay(&self, transport: RelayTransport) -> Duration {
        let first = if transport.is_udp() { self.schedule().transaction().time } else { self.timeout };
        first + schedule::trial::TURN
    }

    /// The longest time that a trial can take on one address (NAT: in one family), and its deadline.
    pub fn longest_trial(&self, trial: &Trial) -> Duration {
        let longest = match &trial.kind {
            TrialKind::Nat { .. } => {
                let patience = self.schedule().transaction().time.saturating_sub(Schedule::QUICK.transaction().time);
                let lifetime = self.nat_lifetime.map(|most| most + schedule::trial::LIFETIME_WIND_UP);
                schedule::trial::NAT + patience + lifetime.unwrap_or_default()
            }
            TrialKind::Turn(uri) => self.relay(uri.transport),
            TrialKind::Control(_) => self.timeout,
            TrialKind::Ice => schedule::trial::ICE,
            TrialKind::Resolver { .. } | TrialKind::Portal(_) => self.timeout,
            TrialKind::Call => schedule::trial::CALL + self.call_length,
            TrialKind::Path { .. } => schedule::trial::PATH,
        };
        longest + SLACK
    }

    fn schedule(&self) -> Schedule {
        if self.thorough { Schedule::THOROUGH } else { Schedule::QUICK }
    }

    /// With a responder's key a server that does not understand it is asked once more without it.
    fn stun(&self) -> Most {
        self.schedule().transaction() + self.schedule().most()
    }

    /// The longest time that measuring one address can take, and its deadline.
    pub fn longest_measure(&self, measure: &Measure) -> Duration {
        let loads = u32::try_from(measure.loads.len()).unwrap_or(u32::MAX);
        let Measuring { length, capacity, .. } = measure.measuring;
        let most = schedule::measure::most(loads, length, self.timeout, capacity.is_some());
        most + most / 10 + SLACK
    }

    /// The longest time that all measuring can take: what shares the wire first, in turn, then one by one what does not.
    fn longest_measures(&self, plan: &Plan, addresses: u32) -> Duration {
        let room = f64::from(schedule::measure::SIDE_BY_SIDE_KBPS);
        let (mut alone, mut shared, mut work, mut rate, mut sum) = (Duration::ZERO, Duration::ZERO, 0.0, 0.0f64, 0.0);
        for measure in &plan.measures {
            let longest = self.longest_measure(measure);
            let times = if matches!(measure.host, Host::Name(_)) { addresses } else { 1 };
            let kbps = measure.ip_kbps(true);
            if measure.is_alone(true) {
                alone += longest * times;
                continue;
            }
            shared = shared.max(longest);
            work += longest.as_secs_f64() * kbps * f64::from(times);
            sum += kbps * f64::from(times);
            rate = rate.max(kbps);
        }
        // Graham's bound: whenever the next waits, all but its own rate is in use.
        let waiting = if sum > room { work / (room - rate).max(1.0) } else { 0.0 };
        alone + shared + Duration::try_from_secs_f64(waiting).unwrap_or(Duration::MAX / 4)
    }

    /// A responder's page, a sample, and a sweep behind it where a responder shows itself at the sample's end.
    fn range(&self, item: &Item) -> Most {
        let total = item.rule.ports.map_or(0, |p| p.count());
        let page = Most { datagrams: 0, time: schedule::PAGE_PATIENCE };
        let sample = match self.ports {
            PortsMode::All if total <= schedule::sample::WHOLE => {
                schedule::sample::most(u16::try_from(total).unwrap_or(u16::MAX))
            }
            PortsMode::All => Most::default(),
            PortsMode::Sample(n) => schedule::sample::most(n.min(u16::try_from(total).unwrap_or(u16::MAX))),
        };
        let after = Most { datagrams: schedule::sweep::POLICED, time: schedule::sweep::AFTER };
        page + sample + after + schedule::sweep::most(total, self.pace, self.thorough)
    }

    /// The longest time that the whole plan can take on names of so many addresses each: names come first, then all
    /// checks side by side as far as [`schedule::SIDE_BY_SIDE`] goes, and ranges one after the other; the ways that media
    /// can take; measuring last. NAT is asked about beside all that.
    pub fn longest(&self, plan: &Plan, addresses: u32) -> Duration {
        let selected = || plan.items.iter().filter(|i| i.is_selected());
        let times = |host: &Host| if matches!(host, Host::Name(_)) { addresses } else { 1 };
        let is_named = |host: &Host| matches!(host, Host::Name(_));
        let beside = plan.measures.iter().map(|m| &m.host).chain(plan.trials.iter().flat_map(Trial::hosts));
        let mut hosts = selected().map(|i| &i.host).chain(beside);
        let names = if hosts.any(is_named) { self.timeout + schedule::NAME_GRACE } else { Duration::ZERO };
        let (mut jobs, mut work, mut single, mut ranges) = (0u32, Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for item in selected().filter(|i| i.relay().is_none()) {
            let longest = self.cost(item).longest;
            let times = times(&item.host);
            (jobs, work) = (jobs.saturating_add(times), work + longest * times);
            match &item.rule.spec {
                Spec::Range => ranges += longest * times,
                _ => single = single.max(longest),
            }
        }
        let waiting = waiting(jobs, schedule::SIDE_BY_SIDE, work);
        let others =
            single.max(ranges) + waiting + self.longest_media(plan, &times) + self.longest_measures(plan, addresses);
        let is_beside = |t: &&Trial| matches!(t.kind, TrialKind::Nat { .. } | TrialKind::Path { .. });
        let nat = plan.trials.iter().filter(is_beside);
        let nat = nat.map(|t| self.longest_trial(t)).max().unwrap_or_default();
        let controls = plan.trials.iter().filter(|t| matches!(t.kind, TrialKind::Control(_)));
        let controls = controls.map(|t| self.longest_trial(t)).max().unwrap_or_default();
        let known = plan.trials.iter().filter(|t| matches!(t.kind, TrialKind::Portal(_)));
        let known = known.map(|t| self.longest_trial(t) * times(&t.host)).max().unwrap_or_default();
        let resolvers = plan.trials.iter().filter(|t| matches!(t.kind, TrialKind::Resolver { .. }));
        let resolvers = resolvers.map(|t| self.longest_trial(t)).max().unwrap_or_default();
        let traced = if self.trace { schedule::trace::LONGEST } else { Duration::ZERO };
        let all = (names + others.max(nat).max(controls).max(known)).max(resolvers) + traced + SLACK;
        self.budget.map_or(all, |b| b.min(all))
    }

    /// Relays side by side, then ICE and calls one by one.
    fn longest_media(&self, plan: &Plan, times: &dyn Fn(&Host) -> u32) -> Duration {
        let rules = plan.items.iter().filter(|i| i.is_selected() && i.relay().is_some());
        let rules = rules.map(|i| (self.cost(i).longest, times(&i.host)));
        let given = plan.trials.iter().filter(|t| matches!(t.kind, TrialKind::Turn(_)));
        let given = given.map(|t| (self.longest_trial(t), times(&t.host)));
        let (mut jobs, mut work, mut longest) = (0u32, Duration::ZERO, Duration::ZERO);
        for (each, times) in rules.chain(given) {
            (jobs, work, longest) = (jobs.saturating_add(times), work + each * times, longest.max(each));
        }
        let alone = plan.trials.iter().filter(|t| matches!(t.kind, TrialKind::Ice | TrialKind::Call));
        let alone: Duration = alone.map(|t| self.longest_trial(t) * times(&t.host)).sum();
        let high = |i: &&Item| i.is_selected() && i.rule.ports.is_some_and(|p| p.first() >= schedule::trial::DYNAMIC);
        let high = plan.items.iter().filter(high).map(|i| schedule::trial::HIGH_PORTS * times(&i.host));
        let high = if jobs > 0 { high.sum() } else { Duration::ZERO };
        longest + waiting(jobs, schedule::trial::SIDE_BY_SIDE, work) + high + alone
    }
}

/// Graham's bound: whenever the longest of `jobs` waits for room, every place is at work.
fn waiting(jobs: u32, places: usize, work: Duration) -> Duration {
    let places = u32::try_from(places).unwrap_or(u32::MAX).max(1);
    if jobs > places { work / places } else { Duration::ZERO }
}

/// The second OPTIONS, over UDP a datagram, and STUN servers asked meanwhile.
fn beside_sip(udp: bool) -> Most {
    let aside = schedule::SIP_ASIDE.transaction();
    let servers = u32::try_from(schedule::SIP_STUN).unwrap_or(u32::MAX);
    Most { datagrams: aside.datagrams * (servers + u32::from(udp)), ..aside }
}

/// A schedule's cost, with room for late waking.
fn scheduled(most: Most) -> Cost {
    Cost { connections: 0, datagrams: most.datagrams, longest: most.time + most.time / 10 + SLACK }
}
