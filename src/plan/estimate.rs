//! What a plan costs, for `--dry-run`: datagrams and connections, and the longest time it can take.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::schedule::{self, Most, Schedule};
use crate::model::{Host, PortsMode, Transport};
use crate::profile::Spec;

use super::{Item, Plan};

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
    /// checks side by side as far as [`schedule::SIDE_BY_SIDE`] goes, and ranges one after the other.
    pub fn longest(&self, plan: &Plan, addresses: u32) -> Duration {
        let selected = || plan.items.iter().filter(|i| i.is_selected());
        let is_named = |item: &Item| matches!(item.host, Host::Name(_));
        let names = if selected().any(is_named) { self.timeout + schedule::NAME_GRACE } else { Duration::ZERO };
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
        let all = names + single.max(ranges) + waiting + SLACK;
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
    let names: BTreeSet<&Host> = selected.iter().map(|i| &i.host).filter(|h| matches!(h, Host::Name(_))).collect();
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
    let left_out = plan.items.len() - selected.len();
    if left_out > 0 {
        out.push_str(&format!("\nnot selected: {left_out}\n"));
    }
    let longest = tuning.longest(plan, ADDRESSES).as_secs_f64().ceil();
    let named = selected.iter().any(|i| matches!(i.host, Host::Name(_)));
    let each = if named { format!(", for names of up to {ADDRESSES} addresses") } else { String::new() };
    out.push_str(&format!("\nlongest time: {longest} s{each}; most runs end far earlier\n"));
    out
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
