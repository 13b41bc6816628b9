//! What a plan costs, for `--dry-run`: datagrams and connections, and the longest time it can take.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::offered::Offered;
use crate::model::schedule::{self, Most, Schedule};
use crate::model::{Host, Length, PortsMode, Transport};
use crate::profile::Spec;

use super::{Item, Measure, Measuring, Plan, load_words};

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
    /// The deadline of the whole run.
    pub budget: Option<Duration>,
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
const ADDRESSES: u32 = 2 * schedule::ADDRESSES as u32;

impl Tuning {
    /// What one check of this item may cost on one address.
    pub fn cost(&self, item: &Item) -> Cost {
        let connections = |connections| Cost { connections, longest: self.timeout, ..Cost::default() };
        match (&item.rule.spec, item.rule.transport) {
            (Spec::Range, _) => scheduled(self.range(item)),
            (Spec::Stun, _) | (Spec::Plain(_), Transport::Udp) => scheduled(self.stun()),
            (Spec::Dns, _) | (Spec::Plain(_), Transport::Gre) => Cost::default(),
            (Spec::Ws(_), _) => {
                let held = self.hold.map_or(Duration::ZERO, |hold| hold + schedule::PONG_TIMEOUT);
                Cost { longest: self.timeout + held, ..connections(1) }
            }
            (Spec::Http(spec), _) if spec.either => connections(2),
            _ => connections(1),
        }
    }

    /// With a responder's key a server that does not understand it is asked once more without it.
    fn stun(&self) -> Most {
        let schedule = if self.thorough { Schedule::THOROUGH } else { Schedule::QUICK };
        schedule.transaction() + schedule.most()
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
        page + sample + schedule::sweep::most(total, self.pace, self.thorough)
    }

    /// The longest time that the whole plan can take on names of so many addresses each: names come first, then all
    /// checks side by side as far as [`schedule::SIDE_BY_SIDE`] goes, and ranges one after the other; measuring last.
    pub fn longest(&self, plan: &Plan, addresses: u32) -> Duration {
        let selected = || plan.items.iter().filter(|i| i.is_selected());
        let is_named = |item: &Item| matches!(item.host, Host::Name(_));
        let is_measured = plan.measures.iter().any(|m| matches!(m.host, Host::Name(_)));
        let names =
            if is_measured || selected().any(is_named) { self.timeout + schedule::NAME_GRACE } else { Duration::ZERO };
        let (mut jobs, mut work, mut single, mut ranges) = (0u32, Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for item in selected() {
            let longest = self.cost(item).longest;
            let times = if is_named(item) { addresses } else { 1 };
            (jobs, work) = (jobs.saturating_add(times), work + longest * times);
            match &item.rule.spec {
                Spec::Range => ranges += longest * times,
                _ => single = single.max(longest),
            }
        }
        // Graham's bound: whenever the longest chain waits for room, every place is at work.
        let side_by_side = u32::try_from(schedule::SIDE_BY_SIDE).unwrap_or(u32::MAX);
        let waiting = if jobs > side_by_side { work / side_by_side } else { Duration::ZERO };
        let all = names + single.max(ranges) + waiting + self.longest_measures(plan, addresses) + SLACK;
        self.budget.map_or(all, |b| b.min(all))
    }
}

/// A schedule's cost, with room for late waking.
fn scheduled(most: Most) -> Cost {
    Cost { connections: 0, datagrams: most.datagrams, longest: most.time + most.time / 10 + SLACK }
}

/// The plan as a person reads it: every check in order, what it sends, how long it may take.
pub fn describe(plan: &Plan, tuning: &Tuning) -> String {
    let mut out = format!("profile {} from {}\n", plan.profile, plan.from.join(", "));
    let selected: Vec<&Item> = plan.items.iter().filter(|i| i.is_selected()).collect();
    let pages: Vec<String> = plan.page_ports().iter().map(ToString::to_string).collect();
    let ranges = match pages.is_empty() {
        true => "media ranges, paced, beside them".to_owned(),
        false => format!(
            "media ranges, paced, beside them; each first asks for a responder's page, one connection to each of TCP {}",
            pages.join(", ")
        ),
    };
    let phases = [
        (
            "reachability, all side by side".to_owned(),
            selected.iter().filter(|i| i.rule.spec != Spec::Range).collect::<Vec<_>>(),
        ),
        (ranges, selected.iter().filter(|i| i.rule.spec == Spec::Range).collect()),
    ];
    let hosts = selected.iter().map(|i| &i.host).chain(plan.measures.iter().map(|m| &m.host));
    let names: BTreeSet<&Host> = hosts.filter(|h| matches!(h, Host::Name(_))).collect();
    if !names.is_empty() {
        let list: Vec<String> = names.iter().map(ToString::to_string).collect();
        out.push_str(&format!(
            "\nnames, side by side, each by the system's resolver and by every configured DNS server (A and AAAA, at most 2 tries):\n  {}\n",
            list.join("\n  ")
        ));
    }
    for (title, items) in phases.iter().filter(|(_, items)| !items.is_empty()) {
        out.push_str(&format!("\n{title}:\n"));
        for item in items {
            out.push_str(&line(item, tuning));
        }
    }
    out.push_str(&measures(plan, tuning));
    let left_out = plan.items.len() - selected.len();
    if left_out > 0 {
        out.push_str(&format!("\nnot selected: {left_out}\n"));
    }
    let longest = tuning.longest(plan, ADDRESSES).as_secs_f64().ceil();
    let each = if !names.is_empty() { format!(", for names of up to {ADDRESSES} addresses") } else { String::new() };
    out.push_str(&format!("\nlongest time: {longest} s{each}; most runs end far earlier\n"));
    out
}

/// What is measured, with what each load comes to on the wire.
fn measures(plan: &Plan, tuning: &Tuning) -> String {
    let Some(first) = plan.measures.first() else { return String::new() };
    let mut out = format!(
        "\nquality and bandwidth, when all of these are done; side by side up to {} kbit/s at the IP level, the next load\nonly where the one before does not hold:\n",
        schedule::measure::SIDE_BY_SIDE_KBPS
    );
    for measure in &plan.measures {
        let seconds = tuning.longest_measure(measure).as_secs_f64();
        let names: Vec<String> = measure.kinds().into_iter().map(|kind| format!("{kind}.{}", measure.role)).collect();
        let (id, host) = (names.join(", "), measure.host.to_string());
        out.push_str(&format!("  {id:<24} {host:<24} at most {seconds:.1} s\n"));
    }
    let length = match first.measuring.length {
        Length::Exact(time) => format!("{} s", time.as_secs_f64()),
        Length::Decided { least, most } => format!("{} to {} s", least.as_secs_f64(), most.as_secs_f64()),
    };
    for load in &first.loads {
        let (v4, v6) = (load.offered(false), load.offered(true));
        let packets = v4.up.packets_per_second.max(v4.down.packets_per_second);
        let kbps = |way: fn(&Offered) -> f64| match (way(&v4), way(&v6)) {
            (v4, v6) if v4 == v6 => format!("{v4:.0}"),
            (v4, v6) => format!("{v4:.0} (IPv6 {v6:.0})"),
        };
        out.push_str(&format!(
            "    load: {}, {length}: at most {packets:.0} packets/s, IP level {} kbit/s up, {} down\n",
            load_words(load),
            kbps(|o| o.up.ip_kbps),
            kbps(|o| o.down.ip_kbps),
        ));
    }
    if let Some(line) = capacity(plan) {
        out.push_str(&format!("    capacity: {line}\n"));
    }
    out
}

/// What `--capacity` may cost, in words; `None` where it is not asked for.
pub fn capacity(plan: &Plan) -> Option<String> {
    let bytes = plan.measures.iter().find_map(|m| m.measuring.capacity)?;
    let megabytes = bytes as f64 / 1e6;
    let seconds = schedule::measure::CAPACITY.as_secs();
    Some(format!(
        "at most {megabytes} MB ({bytes} bytes) are sent and received in all (--max-data), and at most {seconds} s an address, one after the other"
    ))
}

fn line(item: &Item, tuning: &Tuning) -> String {
    let rule = &item.rule;
    let cost = tuning.cost(item);
    let ports = rule.ports.map_or_else(String::new, |p| format!(" {p}"));
    let what = format!("{}{ports}", rule.transport);
    let packets = match (cost.connections, cost.datagrams) {
        (0, 0) => "nothing more is sent".to_owned(),
        (0, n) => format!("at most {n} datagrams"),
        (1, _) => "1 connection".to_owned(),
        (n, _) => format!("at most {n} connections"),
    };
    let seconds = cost.longest.as_secs_f64();
    let (id, host, service) = (&rule.id, item.host.to_string(), rule.service);
    format!("  {id:<24} {host:<24} {what:<16} {service:<14} {packets}, at most {seconds:.1} s\n")
}
