//! One sentence a check that a network admin can act on: what was tried, what was seen, what to change.

use crate::model::path::{Policed, PolicedVerdict};
use crate::model::{Facts, Failure, Seen, Service, Status, Step, metric};
use crate::plan::Item;

use super::aim::Aim;
use super::range::{Relayed, Swept};
use super::{remedy, services};

/// A certificate closer to its end than this, in days, is a warning; rtc-check's own limit.
pub const CERT_WARN_DAYS: f64 = 14.0;

/// The words for a check that was not tried.
pub fn skipped(because: &str) -> String {
    format!("Not tried: {because}.")
}

/// The words for a failure, with what to change.
pub fn failed(item: &Item, seen: &Seen, failure: &Failure, status: Status) -> String {
    let aim = Aim::of_item(item, seen.address);
    if failure.step == Step::Name {
        return remedy::name(&aim, failure);
    }
    let service = services::name(item.rule.service);
    let tried = match item.rule.ports.is_some() {
        true => format!("{service} on {} at {}", aim.port, aim.place()),
        false => format!("{service} to {}", aim.place()),
    };
    let remedy = remedy::of(&aim, seen, failure, status);
    format!("{tried}: {}; {remedy}.", failure.detail)
}

/// The words for what went through.
pub fn measured(item: &Item, seen: &Seen, days_left: Option<f64>) -> String {
    let facts = &seen.observation.facts;
    let aim = Aim::of_item(item, seen.address);
    let (port, place) = (&aim.port, aim.place());
    let service = match (item.rule.service, facts.has(&metric::TLS_VERSION)) {
        // The document says HTTP/HTTPS, and TLS is what answered.
        (Service::Http, true) => "HTTPS",
        (Service::Https, false) => "HTTP",
        (service, _) => services::name(service),
    };
    let what = match item.rule.ports.is_some() {
        true => format!("{service} on {port} at {place}"),
        false => format!("{service} to {place}"),
    };
    format!("{what} {}{}.", services::words(item, seen), certificate(days_left))
}

/// How long the server's certificate is valid, as a clause; empty where there was none.
pub fn certificate(days_left: Option<f64>) -> String {
    match days_left {
        Some(days) if days < CERT_WARN_DAYS => format!("; its certificate ends in {days:.0} days: renew it now"),
        Some(days) => format!("; its certificate is valid for {days:.0} more days"),
        None => String::new(),
    }
}

/// The answers that came from elsewhere in place of silent ports, in brackets; empty where none did.
fn astray(range: &Swept, facts: &Facts) -> String {
    let count: Option<u32> = facts.get(&metric::STRAY_ANSWERS).filter(|_| !range.silent.is_empty());
    let Some((count, from)) = count.zip(facts.get::<String>(&metric::STRAY_FROM)) else { return String::new() };
    let answers = if count == 1 { "1 answer".to_owned() } else { format!("{count} answers") };
    format!(
        " ({answers} came from {from} instead: the server sends from another address or port, or a NAT in between rewrites it)"
    )
}

/// The words for a media range.
pub fn range(item: &Item, seen: &Seen, range: &Swept, status: Status) -> String {
    let astray = astray(range, &seen.observation.facts);
    let to = seen.address.map_or_else(|| item.host.to_string(), |a| a.to_string());
    let all = item.rule.ports.map_or_else(String::new, |p| p.to_string());
    let reached = range.answered.count() + range.refused.count();
    let allow = format!("allow UDP {all} outbound to {to}");
    let coverage = match range.probed < range.total {
        true => format!("{} of {} ports asked, {:.1} %", range.probed, range.total, range.coverage_pct),
        false => format!("all {} ports asked", range.total),
    };
    let relayed = range.relayed.as_ref().filter(|_| range.is_left_open());
    if let Some(words) = relayed.and_then(|relayed| by_relay(relayed, &all, &to, &allow)) {
        return format!("{words} Of the ports of the range itself, {reached} were reached ({coverage}).");
    }
    if !range.prohibited.is_empty() {
        return prohibited(range, &seen.observation.facts, &all, &to, &allow, &coverage);
    }
    match status {
        Status::Pass => {
            let how = match range.refused.is_empty() {
                true => "answered".to_owned(),
                false => "were reached (the host itself refused them, as it does outside calls; a firewall on that host would look the same)".to_owned(),
            };
            match range.probed < range.total {
                true => format!("UDP {all} to {to}: all {reached} ports asked {how} ({coverage})."),
                false => format!("UDP {all} to {to}: all {reached} ports {how}."),
            }
        }
        Status::Fail if reached > 0 => format!(
            "UDP {} to {to} did not answer while {}{astray}: a firewall between here and there drops them; {allow} ({coverage}).",
            short(&range.silent),
            others(reached, range),
        ),
        Status::Fail => format!(
            "UDP {all} to {to} did not answer at all{astray}, although the responder there says on its HTTPS page that it serves these ports: a firewall between here and there drops them; {allow} ({coverage})."
        ),
        _ if range.responder && !range.refused.is_empty() => format!(
            "UDP {} to {to} was refused by the host itself while the responder answered on {} ports: it could not open them, or the host's own firewall rejects them; look at what `rtc-check serve` printed ({coverage}).",
            short(&range.refused),
            range.answered.count(),
        ),
        _ if reached == 0 => format!(
            "UDP {all} to {to} stayed silent{astray}, which decides nothing: no port answered or was refused; run `rtc-check serve` at the far end to prove the path (a responder with a key answers only with the same RTC_CHECK_RESPONDER_KEY here), or {allow} ({coverage})."
        ),
        _ if range.silent.is_empty() => format!(
            "UDP {all} to {to}: all {reached} ports asked were reached, but a sample proves only itself (--strict); run `rtc-check serve` at the far end to ask all of them ({coverage})."
        ),
        _ if range.responder => format!(
            "UDP {} to {to} stayed silent while {reached} other ports answered{astray}, which the loss on this path explains too: it decides nothing; {} ({coverage}).",
            short(&range.silent),
            slower(&seen.observation.facts),
        ),
        _ => format!(
            "UDP {} to {to} stayed silent while {}{astray}, which decides nothing; run `rtc-check serve` at the far end to prove each port ({coverage}).",
            short(&range.silent),
            others(reached, range),
        ),
    }
}

/// How to ask again: below the rate that was seen to pass, where one was.
fn slower(facts: &Facts) -> String {
    let policed = facts.get::<Policed>(&metric::POLICED).filter(|p| p.verdict == PolicedVerdict::Policed);
    match policed.map(|p| f64::from(p.fast.per_second) * f64::from(p.fast.answered) / f64::from(p.fast.sent.max(1))) {
        Some(passed) => format!(
            "about {passed:.0} datagrams a second pass, so ask again below that with --pace {:.0}, or have the limit raised",
            (passed / 2.0).floor().max(1.0)
        ),
        None => "ask again more slowly with --pace 50, or look for what limits UDP".to_owned(),
    }
}

/// The words for a range that ports of a relay stand in for; `None` where these decide nothing.
fn by_relay(relayed: &Relayed, all: &str, to: &str, allow: &str) -> Option<String> {
    let list = |ports: &[u16]| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let answered = relayed.answered.len();
    let share = relayed.coverage_pct.map(|pct| format!(", {pct} % of 49152-65535")).unwrap_or_default();
    let gave = format!("UDP {all} to {to}: of the ports that the relay there gave");
    match (answered, relayed.silent.is_empty()) {
        (0, _) => None,
        (_, false) => Some(format!(
            "{gave}, {} stayed silent when asked directly while {answered} answered ({}{share}), which decides nothing: loss or a firewall on a part of the range would look the same; run it again, and {allow}.",
            list(&relayed.silent),
            list(&relayed.answered)
        )),
        _ => Some(format!(
            "{gave}, all {answered} that were asked directly answered ({}{share}).",
            list(&relayed.answered)
        )),
    }
}

/// The words for ports that are stopped on the way, by what the ICMP error means: a firewall's rejection, or a router
/// without a way. One that limits its ICMP errors leaves the neighbours of such ports silent.
fn prohibited(range: &Swept, facts: &Facts, all: &str, to: &str, allow: &str, coverage: &str) -> String {
    let stopped = range.prohibited.ranges().iter().chain(range.silent.ranges()).flat_map(|r| r.iter());
    let reached = range.answered.count() + range.refused.count();
    let ports = if reached == 0 { all.to_owned() } else { short(&stopped.collect()) };
    let count = range.prohibited.count();
    let meaning: Option<String> = facts.get(&metric::ICMP_MEANING);
    if let (Some("unreachable"), Some(router)) = (meaning.as_deref(), &range.icmp_from) {
        let words: Option<String> = facts.get(&metric::ICMP);
        let words = words.as_deref().and_then(|w| w.split(" (").next()).unwrap_or("ICMP unreachable");
        let (of, silent) = match range.silent.is_empty() {
            true => (String::new(), ""),
            false => (format!(" of {count} of these ports"), ", and the rest stayed silent"),
        };
        return format!(
            "UDP {ports} to {to} does not arrive: {router} says{of} that there is no way to it ({words}){silent}; mend the route to {to} there ({coverage})."
        );
    }
    // Any other ICMP error, such as the target's own refusals, names no firewall.
    let by = match (&range.icmp_from, meaning.as_deref()) {
        (Some(router), None | Some("prohibited")) => format!("the firewall at {router}"),
        _ => "a firewall (perhaps this machine's own)".to_owned(),
    };
    match range.silent.is_empty() {
        true => format!("UDP {ports} to {to} is rejected by {by}; {allow} ({coverage})."),
        false => format!(
            "UDP {ports} to {to} is stopped: {by} rejected {count} of these ports and the rest stayed silent; {allow} ({coverage})."
        ),
    }
}

fn others(reached: u32, range: &Swept) -> String {
    let verb = if range.refused.is_empty() { "did" } else { "were reached" };
    match reached {
        1 => format!("the other one {}", if verb == "did" { "did" } else { "was reached" }),
        n => format!("the other {n} ports {verb}"),
    }
}

/// The first ranges of a set, and how many more there are.
fn short(set: &crate::model::PortSet) -> String {
    const SHOWN: usize = 4;
    let ranges = set.ranges();
    let text: Vec<String> = ranges.iter().take(SHOWN).map(ToString::to_string).collect();
    match ranges.len().saturating_sub(SHOWN) {
        0 => text.join(", "),
        more => {
            let ports = ranges.iter().all(|r| r.count() == 1);
            let what = if ports || more == 1 { "" } else { " parts" };
            format!("{} and {more} more{what} ({} ports in all)", text.join(", "), set.count())
        }
    }
}
