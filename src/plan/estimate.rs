//! What a plan costs, for `--dry-run`: datagrams and connections, and the longest time it can take.

use std::time::Duration;

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

/// What one check on one address may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Datagrams sent at the most; `None` for TCP, where the kernel decides.
    pub datagrams: Option<u32>,
    /// The longest time it can take.
    pub longest: Duration,
}

/// Sends of the quick and of the thorough STUN schedule, with the time after which each gives up (RFC 8489 6.2.1).
const QUICK: (u32, Duration) = (4, Duration::from_millis(5500));
const THOROUGH: (u32, Duration) = (7, Duration::from_millis(39_500));
/// A port of a sweep is asked at most so often.
const SWEEP_ROUNDS: u32 = 10;
/// A check's own deadlines come first; this much later it is cut off.
const SLACK: Duration = Duration::from_millis(500);

impl Tuning {
    /// What one check of this item may cost on one address.
    pub fn cost(&self, item: &Item) -> Cost {
        match &item.rule.spec {
            Spec::Range => self.range(item),
            Spec::Ws(_) => Cost { datagrams: None, longest: self.timeout + self.hold.unwrap_or_default() },
            Spec::Stun => self.stun(),
            Spec::Plain(_) if item.rule.transport == Transport::Udp => self.stun(),
            Spec::Plain(_) if item.rule.transport == Transport::Gre => {
                Cost { datagrams: Some(0), longest: Duration::ZERO }
            }
            _ => Cost { datagrams: None, longest: self.timeout },
        }
    }

    fn stun(&self) -> Cost {
        let (sends, longest) = if self.thorough { THOROUGH } else { QUICK };
        // Three more requests measure the round trip once the first was answered.
        Cost { datagrams: Some(sends.max(1 + 3)), longest: longest + SLACK }
    }

    fn range(&self, item: &Item) -> Cost {
        let total = item.rule.ports.map_or(0, |p| p.count());
        let sweep = Duration::from_secs_f64(f64::from(total) / f64::from(self.pace.max(1)));
        let asked = match self.ports {
            PortsMode::All => 0,
            PortsMode::Sample(n) => u32::from(n).min(total),
        };
        // Six at once, then one a second, silent ones once more; a responder is swept on top.
        let sample = Duration::from_secs(u64::from(asked.saturating_sub(6) + asked));
        let longest = sample + sweep * SWEEP_ROUNDS + Duration::from_secs(10);
        Cost { datagrams: Some(asked * 2 + total * SWEEP_ROUNDS), longest }
    }

    /// The longest time that the whole plan can take on hosts of `addresses` addresses each: phases follow one
    /// another, checks of a phase run side by side, ranges of one host one after the other.
    pub fn longest(&self, plan: &Plan, addresses: u32) -> Duration {
        let selected = || plan.items.iter().filter(|i| i.is_selected());
        let names = if selected().any(|i| matches!(i.host, Host::Name(_))) { self.timeout } else { Duration::ZERO };
        let single = selected().filter(|i| i.rule.spec != Spec::Range).map(|i| self.cost(i).longest).max();
        let hosts = plan.targets.values().flatten();
        let of_host = |host: &Host| -> Duration {
            let ranges = selected().filter(|i| i.host == *host && i.rule.spec == Spec::Range);
            ranges.map(|i| self.cost(i).longest).sum::<Duration>() * addresses
        };
        let ranges = hosts.map(of_host).max();
        let all = names + single.unwrap_or_default().max(ranges.unwrap_or_default());
        self.budget.map_or(all, |b| b.min(all))
    }
}

/// The plan as a person reads it: every check in order, what it sends, how long it may take.
pub fn describe(plan: &Plan, tuning: &Tuning) -> String {
    let mut out = format!("profile {} from {}\n", plan.profile, plan.from.join(", "));
    let selected: Vec<&Item> = plan.items.iter().filter(|i| i.is_selected()).collect();
    let phases = [
        ("reachability, all side by side", selected.iter().filter(|i| i.rule.spec != Spec::Range).collect::<Vec<_>>()),
        ("media ranges, paced, beside them", selected.iter().filter(|i| i.rule.spec == Spec::Range).collect()),
    ];
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
    let one = tuning.longest(plan, 1).as_secs_f64().ceil();
    let named = selected.iter().any(|i| matches!(i.host, Host::Name(_)));
    let each = if named { ", for each address that a name has" } else { "" };
    out.push_str(&format!("\nlongest time: {one} s{each}; most runs end far earlier\n"));
    out
}

fn line(item: &Item, tuning: &Tuning) -> String {
    let rule = &item.rule;
    let cost = tuning.cost(item);
    let ports = rule.ports.map_or_else(String::new, |p| format!(" {p}"));
    let what = format!("{}{ports}", rule.transport);
    let packets = match cost.datagrams {
        Some(n) => format!("at most {n} datagrams"),
        None => "1 connection".to_owned(),
    };
    let seconds = cost.longest.as_secs_f64();
    let (id, host, service) = (&rule.id, item.host.to_string(), rule.service);
    format!("  {id:<24} {host:<24} {what:<16} {service:<14} {packets}, at most {seconds:.1} s\n")
}
