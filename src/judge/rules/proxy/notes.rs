//! `proxy.only-way`, `proxy.dns` and `proxy.no-udp`: what is worth knowing where a proxy is in use.

use super::{Both, each_place, evidence, ids, list};
use crate::model::{Check, FailureKind, Finding, Need, Status, Step, Transport, WayTaken, Who, metric};
use crate::plan::Plan;

/// So many destinations stand in a title.
const NAMED: usize = 3;

/// The direct way is closed and the proxy works. That it is closed for all TCP is said only where no check shows otherwise.
pub fn only_way(via: &str, all: &[&Both<'_>], checks: &[Check]) -> Option<Finding> {
    let closed = |b: &&Both<'_>| b.proxy.is_ok() && b.direct.failure.as_ref().is_some_and(|f| f.step == Step::Connect);
    let closed: Vec<&Both<'_>> = all.iter().copied().filter(closed).collect();
    let first = closed.first()?;
    Some(Finding {
        id: "proxy.only-way".to_owned(),
        status: Status::Pass,
        title: match closed.iter().any(|b| b.direct.failed_by(FailureKind::Refused))
            || checks.iter().any(passes_directly)
        {
            false => format!("TCP leaves this network only through the proxy {via}"),
            true => format!("{} answers only through the proxy {via}", places(&closed)),
        },
        detail: format!(
            "{} checks pass through the proxy and fail without it ({}). What does not use the proxy, media over UDP above all, needs a way of its own.",
            closed.len(),
            first.directly()
        ),
        evidence: evidence(&closed),
        checks: ids(&closed),
        ..Finding::default()
    })
}

/// TCP without any proxy.
fn passes_directly(check: &Check) -> bool {
    let way = check.observed.get::<WayTaken>(&metric::DIRECT);
    way.map_or_else(|| check.transport == Some(Transport::Tcp) && check.status == Status::Pass, |way| way.is_ok())
}

fn places(of: &[&Both<'_>]) -> String {
    let mut places: Vec<String> = each_place(of, str::to_owned);
    let more = places.len().saturating_sub(NAMED);
    places.truncate(NAMED);
    if more > 0 {
        places.push(format!("and {more} more"));
    }
    list(places)
}

/// Names that this machine cannot resolve, and the proxy can.
pub fn dns(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let by_proxy = |b: &&Both<'_>| {
        b.check.address.is_none() && b.tunnelled() && b.direct.failure.as_ref().is_some_and(|f| f.step == Step::Name)
    };
    let found: Vec<&Both<'_>> = all.iter().copied().filter(by_proxy).collect();
    let first = found.first()?;
    let mut names: Vec<&str> = found.iter().map(|b| b.check.target.as_str()).collect();
    names.dedup();
    Some(Finding {
        id: "proxy.dns".to_owned(),
        status: Status::Pass,
        title: "Names resolve only at the proxy".to_owned(),
        detail: format!(
            "{} cannot be resolved on this machine ({}), and {via}, asked by name, connects there. Browsers that use the proxy work; UDP to these hosts was not tested: a proxy carries none, and it needs a resolver here that knows them, or the address as the target.",
            list(names),
            first.directly()
        ),
        evidence: evidence(&found),
        checks: ids(&found),
        ..Finding::default()
    })
}

/// A proxy carries no UDP, and the profile needs some.
pub fn no_udp<'a>(plan: &Plan, checks: &[Check], proxies: impl Iterator<Item = &'a str>) -> Option<Finding> {
    let needs = |item: &&crate::plan::Item| {
        let is_udp = item.rule.transport == Transport::Udp && item.rule.need != Need::Optional;
        item.is_selected() && is_udp
    };
    let first = plan.items.iter().find(needs)?;
    let of_udp = |c: &&Check| c.transport == Some(Transport::Udp) && c.need != Need::Optional && c.waived.is_none();
    let failed: Vec<&Check> = checks.iter().filter(of_udp).filter(|c| c.status == Status::Fail).collect();
    let via = list(proxies);
    let place = |c: &Check| {
        let to = c.address.map_or_else(|| c.target.clone(), |a| a.to_string());
        let ports = c.ports.map(|p| p.to_string()).or(c.port.map(|p| p.to_string())).unwrap_or_default();
        format!("allow UDP {ports} from this machine to {to} without the proxy, and replies")
    };
    let note = Finding {
        id: "proxy.no-udp".to_owned(),
        status: Status::Pass,
        title: "The proxy carries no UDP".to_owned(),
        detail: format!(
            "{via} leads TCP alone. UDP ({} and others of this profile) goes directly, whatever browsers are set to, and was tested directly.",
            first.rule.id
        ),
        ..Finding::default()
    };
    Some(match failed.is_empty() {
        true => note,
        false => Finding {
            status: Status::Warn,
            title: "Media cannot take the proxy, and UDP fails directly".to_owned(),
            detail: format!(
                "{} A proxy cannot stand in for it: without UDP, media have only relays over TCP or TLS, which the proxy would have to let through.",
                note.detail
            ),
            remedy: "Open UDP directly for these destinations; or have a relay on TCP 443 (TURN over TLS) and let the proxy connect to it.".to_owned(),
            who: Some(Who::Firewall),
            ask: failed.iter().map(|c| place(c)).collect(),
            evidence: failed.iter().take(super::TOLD).map(|c| format!("{}: {}", c.id, c.reason)).collect(),
            checks: failed.iter().map(|c| c.id.clone()).collect(),
            ..note
        },
    })
}
