//! A plan as a person reads it, for `--dry-run`: what is sent, to whom, and how long each may take.

use std::collections::BTreeSet;

use crate::model::offered::Offered;
use crate::model::{Host, Length, schedule};
use crate::profile::Spec;

use super::estimate::ADDRESSES;
use super::{Item, Plan, Trial, TrialKind, Tuning, load_words};

/// The plan as a person reads it: every check in order, what it sends, how long it may take.
pub fn describe(plan: &Plan, tuning: &Tuning) -> String {
    let mut out = format!("profile {} from {}\n", plan.profile, plan.from.join(", "));
    let selected: Vec<&Item> = plan.items.iter().filter(|i| i.is_selected()).collect();
    let pages: Vec<String> = plan.page_ports().iter().map(ToString::to_string).collect();
    let when = if plan.has_relays() { "when relays are over" } else { "beside them" };
    let page = match pages.is_empty() {
        true => String::new(),
        false => {
            let doors = pages.join(", ");
            format!("; each first asks for a responder's page, one connection to each of TCP {doors}")
        }
    };
    let ranges = format!("media ranges, paced, {when}{page}");
    let rules = |takes: fn(&Item) -> bool| selected.iter().filter(move |i| takes(i)).map(|i| line(i, tuning));
    let trials =
        |takes: fn(&TrialKind) -> bool| plan.trials.iter().filter(move |t| takes(&t.kind)).map(|t| sent(t, tuning));
    let relays = format!("relays, beside them, up to {} at once", schedule::trial::SIDE_BY_SIDE);
    let sections: [(&str, String); 5] = [
        (
            "hosts that have nothing to do with the platform, beside all that follows",
            trials(|k| matches!(k, TrialKind::Control(_))).collect(),
        ),
        ("reachability, all side by side", rules(|i| i.rule.spec != Spec::Range && i.relay().is_none()).collect()),
        (&relays, rules(|i| i.relay().is_some()).chain(trials(|k| matches!(k, TrialKind::Turn(_)))).collect()),
        (&ranges, rules(|i| i.rule.spec == Spec::Range).collect()),
        (
            "ICE and calls, one after the other, through every relay that worked",
            trials(|k| matches!(k, TrialKind::Ice | TrialKind::Call)).collect(),
        ),
    ];
    let beside = plan.measures.iter().map(|m| &m.host).chain(plan.trials.iter().flat_map(Trial::hosts));
    let hosts = selected.iter().map(|i| &i.host).chain(beside);
    let names: BTreeSet<&Host> = hosts.filter(|h| matches!(h, Host::Name(_))).collect();
    if !names.is_empty() {
        let list: Vec<String> = names.iter().map(ToString::to_string).collect();
        out.push_str(&format!(
            "\nnames, side by side, each by the system's resolver and by every configured DNS server (A and AAAA, at most 2 tries):\n  {}\n",
            list.join("\n  ")
        ));
    }
    out.push_str(&resolvers(plan, tuning));
    out.push_str(&nat(plan, tuning));
    out.push_str(&known_pages(plan, tuning));
    let paths: String = trials(|k| matches!(k, TrialKind::Path { .. })).collect();
    if !paths.is_empty() {
        out.push_str(&format!("\nthe way to each target, beside all that follows, few packets:\n{paths}"));
    }
    for (title, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        out.push_str(&format!("\n{title}:\n{lines}"));
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

/// What is asked of each resolver.
fn resolvers(plan: &Plan, tuning: &Tuning) -> String {
    let mut lines = String::new();
    for trial in &plan.trials {
        let TrialKind::Resolver { server, name, .. } = &trial.kind else { continue };
        let seconds = tuning.longest_trial(trial).as_secs_f64();
        let check = trial.name();
        lines.push_str(&format!("  {check:<24} {server:<24} {name}, at most {seconds:.1} s\n"));
    }
    match lines.is_empty() {
        true => lines,
        false => format!(
            "\nresolvers, each by itself and beside all that follows: a name 3 times over UDP and once over TCP, 2 names that cannot exist:\n{lines}"
        ),
    }
}

/// Which pages are fetched whose answer is known.
fn known_pages(plan: &Plan, tuning: &Tuning) -> String {
    let mut lines = String::new();
    for trial in &plan.trials {
        let TrialKind::Portal(page) = &trial.kind else { continue };
        let seconds = tuning.longest_trial(trial).as_secs_f64();
        lines.push_str(&format!("  {:<24} {page}, at most {seconds:.1} s\n", trial.name()));
    }
    match lines.is_empty() {
        true => lines,
        false => format!(
            "\npages whose answer is known, over plain HTTP, beside all that follows: 1 connection each:\n{lines}"
        ),
    }
}

/// What is asked of STUN servers.
fn nat(plan: &Plan, tuning: &Tuning) -> String {
    let mut out = String::new();
    for trial in &plan.trials {
        let TrialKind::Nat { servers } = &trial.kind else { continue };
        let servers: Vec<String> = servers.iter().map(|(host, port)| format!("{host} UDP {port}")).collect();
        let lifetime = tuning
            .nat_lifetime
            .map_or_else(String::new, |most| format!(", and again after silences of up to {} s", most.as_secs_f64()));
        let seconds = tuning.longest_trial(trial).as_secs_f64();
        out.push_str(&format!(
            "\nNAT, beside all that follows, once a family: STUN requests from fresh sockets{lifetime}:\n  {:<24} {}, at most {seconds:.1} s\n",
            trial.name(),
            servers.join(", ")
        ));
    }
    out
}

/// What a relay is sent.
fn through_a_relay() -> String {
    format!("an allocation, {} packets through it", schedule::trial::RELAYED)
}

/// One trial's line.
fn sent(trial: &Trial, tuning: &Tuning) -> String {
    let what = match &trial.kind {
        TrialKind::Turn(uri) => {
            let what = format!("{} {}", if uri.transport.is_udp() { "udp" } else { "tcp" }, uri.port);
            let service = if uri.transport.is_secure() { "turns" } else { "turn" };
            format!("{what:<16} {service:<14} {}", through_a_relay())
        }
        TrialKind::Ice => "checks with an agent and packets over the pair, with and without direct UDP".to_owned(),
        TrialKind::Call => format!("a call of {} s with audio and video", tuning.call_length.as_secs_f64()),
        TrialKind::Control(port) => format!("tcp {port:<12} tls            its certificates alone"),
        // Told by themselves.
        TrialKind::Nat { .. } | TrialKind::Resolver { .. } | TrialKind::Portal(_) => String::new(),
        TrialKind::Path { ports } if ports.is_empty() => {
            "routers on the way, and the interface it leaves by".to_owned()
        }
        TrialKind::Path { ports } => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!("{:<16} {:<14} datagrams of 1200 to 1472 bytes", format!("udp {}", ports.join("/")), "stun")
        }
    };
    let seconds = tuning.longest_trial(trial).as_secs_f64();
    format!("  {:<24} {:<24} {what}, at most {seconds:.1} s\n", trial.name(), trial.host.to_string())
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
        _ if item.relay().is_some() => through_a_relay(),
        (0, 0) => "nothing more is sent".to_owned(),
        (0, n) => format!("at most {n} datagrams"),
        (1, _) => "1 connection".to_owned(),
        (n, _) => format!("at most {n} connections"),
    };
    let seconds = cost.longest.as_secs_f64();
    let (id, host, service) = (&rule.id, item.host.to_string(), rule.service);
    format!("  {id:<24} {host:<24} {what:<16} {service:<14} {packets}, at most {seconds:.1} s\n")
}
