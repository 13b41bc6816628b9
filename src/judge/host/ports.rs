//! Ports of the rules on this machine: who listens, and whether that is as it is to be.

use super::{Judged, counted};
use crate::model::machine::{Holder, PortsOf};
use crate::model::{Facts, PortSet, Service, Status, metric};
use crate::plan::Expect;

/// How many holders a sentence names.
const NAMED: usize = 3;

/// Judges the ports; `None` where the facts are not there.
pub fn judge(expect: Option<Expect>, of: &PortsOf, facts: &Facts) -> Option<Judged> {
    let holders: Vec<Holder> = facts.get(&metric::HELD_BY)?;
    let held: PortSet = facts.get(&metric::PORTS_HELD)?;
    let missing = facts.get::<Vec<String>>(&metric::CAVEATS).unwrap_or_default();
    let told = match of.ports.is_single() {
        true => one(expect, of, &holders),
        false => range(expect, of, &holders, &held),
    };
    Some(if missing.is_empty() { told } else { partly(told, expect, of, &holders, &missing) })
}

/// Where some sockets were not read: what was seen holds, and what was not seen is no absence.
fn partly(told: Judged, expect: Option<Expect>, of: &PortsOf, holders: &[Holder], missing: &[String]) -> Judged {
    let rest = format!("not all sockets of this machine were read ({})", missing.join("; "));
    // Whoever is in the way is there; whoever listens for all does, whatever else there is.
    let is_shown = match expect {
        Some(Expect::Free) => matches!(told.status, Status::Fail | Status::Warn),
        _ => of.ports.is_single() && holders.iter().any(|h| h.is_open) && told.status == Status::Pass,
    };
    if is_shown {
        return Judged::new(told.status, format!("{}; {rest}", told.reason));
    }
    let seen = match holders.is_empty() {
        true => "nothing was seen".to_owned(),
        false => format!("{} was seen, but perhaps not all,", who(&holders.iter().collect::<Vec<_>>())),
    };
    Judged::new(Status::Unknown, format!("{seen} on {}: {rest}", place(of)))
}

fn one(expect: Option<Expect>, of: &PortsOf, holders: &[Holder]) -> Judged {
    let place = place(of);
    let open: Vec<&Holder> = holders.iter().filter(|h| h.is_open).collect();
    let who = who(&open);
    let serves = if open.len() == 1 { "listens" } else { "listen" };
    match (expect, open.is_empty()) {
        (Some(Expect::Listening), true) => Judged::new(
            Status::Fail,
            format!(
                "nothing listens on {place}: start the server that answers {} there (a port that this machine hands on by a NAT rule is not seen)",
                services(of)
            ),
        ),
        (Some(Expect::Listening), false) if is_inside_only(&open) => Judged::new(
            Status::Fail,
            format!(
                "{who} {serves} on {place} for this machine alone ({}): let it listen on every address",
                addresses(&open)
            ),
        ),
        (Some(Expect::Free), false) => taken(of, &open, &format!("{who} {serves} on {place}")),
        (Some(Expect::Free), true) if !holders.is_empty() => {
            let who = self::who(&holders.iter().collect::<Vec<_>>());
            Judged::new(
                Status::Fail,
                format!("{who} has {place} for a connection of its own: stop it before installing"),
            )
        }
        (_, true) => Judged::new(Status::Pass, format!("nothing listens on {place}")),
        (_, false) => Judged::new(Status::Pass, format!("{who} {serves} on {place}, {}", addresses(&open))),
    }
}

/// A port that is to be free and is not. SSH is the machine's own service: before a platform is installed, it is there.
fn taken(of: &PortsOf, open: &[&Holder], so: &str) -> Judged {
    let is_for_ssh = of.rules.iter().all(|(_, service)| *service == Service::Ssh);
    match is_for_ssh.then(|| is_ssh(open)) {
        Some(Some(true)) => Judged::new(Status::Pass, format!("{so}, as SSH is to")),
        Some(None) => Judged::new(
            Status::Unknown,
            format!("{so}, which is in order if it is the machine's own SSH: run rtc-check as root to see its name"),
        ),
        _ => {
            Judged::new(Status::Fail, format!("{so} already, where {} is to answer: stop it or move it", services(of)))
        }
    }
}

/// Media ports are bound for the time of a call, so nothing in them is as it should be.
fn range(expect: Option<Expect>, of: &PortsOf, holders: &[Holder], held: &PortSet) -> Judged {
    let place = place(of);
    let total = of.ports.count();
    if held.is_empty() {
        let words = match expect {
            Some(Expect::Free) => format!("all {total} ports of {place} are free"),
            _ => format!("no port of {place} is in use, as between calls: all {total} are free"),
        };
        return Judged::new(Status::Pass, words);
    }
    let who = who(&holders.iter().collect::<Vec<_>>());
    let used = format!("{} of {total} ports of {place} are in use, by {who}", held.count());
    match expect {
        Some(Expect::Free) => Judged::new(
            Status::Warn,
            format!("{used}: the media server can take only the others; stop what has them, or give it another range"),
        ),
        _ => Judged::new(Status::Pass, used),
    }
}

/// `TCP 443`.
fn place(of: &PortsOf) -> String {
    format!("{} {}", of.transport.as_str().to_uppercase(), of.ports)
}

/// `HTTPS`, or all that rules expect there.
fn services(of: &PortsOf) -> String {
    let mut names: Vec<String> = of.rules.iter().map(|(_, s)| s.as_str().to_uppercase()).collect();
    names.sort();
    names.dedup();
    names.join(" or ")
}

/// Whether all of them are SSH servers, or systemd that starts one; `None` where this user may not see who one of them is.
fn is_ssh(open: &[&Holder]) -> Option<bool> {
    let is_named = |name: &str| name.starts_with("sshd") || name == "dropbear" || name == "systemd";
    let is_other = |h: &&Holder| h.is_kernel || h.process.as_deref().is_some_and(|name| !is_named(name));
    match open.iter().any(is_other) {
        true => Some(false),
        false => open.iter().all(|h| h.process.is_some()).then_some(true),
    }
}

fn is_inside_only(open: &[&Holder]) -> bool {
    open.iter().flat_map(|h| &h.addresses).all(|a| a.is_loopback())
}

/// `on every address`, or which.
fn addresses(open: &[&Holder]) -> String {
    let all = || open.iter().flat_map(|h| &h.addresses);
    if all().any(|a| a.is_unspecified()) {
        return "on every address".to_owned();
    }
    let mut told: Vec<String> = all().map(ToString::to_string).collect();
    told.dedup();
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("on {}{more}", told.join(", "))
}

/// `nginx (pid 7) and sshd (pid 8)`.
fn who(holders: &[&Holder]) -> String {
    let one = |h: &&Holder| match (&h.process, h.pid) {
        (Some(name), Some(pid)) => format!("{name} (pid {pid})"),
        _ if h.is_kernel => "the kernel itself".to_owned(),
        (None, Some(pid)) => format!("a process (pid {pid})"),
        _ => format!("a process of user {} that this user may not see", h.uid),
    };
    let mut told: Vec<String> = holders.iter().map(one).collect();
    told.dedup();
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    if more > 0 {
        told.push(counted(u32::try_from(more).unwrap_or(u32::MAX), "other", "others"));
    }
    told.join(" and ")
}
