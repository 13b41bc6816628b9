//! Ports of the rules on this machine: who listens, and whether that is as it is to be.

use super::{Judged, counted, is_partial};
use crate::model::machine::{Holder, PortsOf};
use crate::model::{Facts, PortSet, Service, Status, metric};
use crate::plan::Expect;

/// How many holders a sentence names.
const NAMED: usize = 3;

/// Judges the ports; `None` where the facts are not there.
pub fn judge(expect: Option<Expect>, of: &PortsOf, facts: &Facts) -> Option<Judged> {
    let holders: Vec<Holder> = facts.get(&metric::HELD_BY)?;
    let held: PortSet = facts.get(&metric::PORTS_HELD)?;
    Some(match of.ports.is_single() {
        true => one(expect, of, &holders, is_partial(facts)),
        false => range(expect, of, &holders, &held),
    })
}

fn one(expect: Option<Expect>, of: &PortsOf, holders: &[Holder], is_partial: bool) -> Judged {
    let place = place(of);
    let open: Vec<&Holder> = holders.iter().filter(|h| h.is_open).collect();
    let who = who(&open);
    let serves = if open.len() == 1 { "listens" } else { "listen" };
    match (expect, open.is_empty()) {
        (Some(Expect::Listening), true) if is_partial => Judged::new(
            Status::Unknown,
            format!("nothing was seen on {place}, and not all sockets of this machine were read"),
        ),
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
        (Some(Expect::Free), false) if is_own_ssh(of, &open) => {
            Judged::new(Status::Pass, format!("{who} {serves} on {place}, as SSH is to"))
        }
        (Some(Expect::Free), false) => Judged::new(
            Status::Fail,
            format!("{who} {serves} on {place} already, where {} is to answer: stop it or move it", services(of)),
        ),
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

/// SSH is the machine's own service: before a platform is installed, it is there.
fn is_own_ssh(of: &PortsOf, open: &[&Holder]) -> bool {
    let is_ssh = |h: &&Holder| h.process.as_deref().is_none_or(|p| p.starts_with("sshd") || p == "systemd");
    of.rules.iter().all(|(_, service)| *service == Service::Ssh) && open.iter().all(is_ssh)
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
