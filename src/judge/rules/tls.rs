//! `tls.interception`: somebody between here and the server opens TLS and closes it again. `tls.private-root`: a private
//! authority signs, and nothing shows that it is anybody's but the platform's. `tls.issuer`: a public one, and not the one
//! that was expected.

mod chains;
mod signs;

use crate::judge::groups;
use crate::model::{Check, Failure, Finding, Issuer, Need, ProbeKind, RootStanding, Status, Step, Who, metric};
use crate::plan::Plan;

use chains::{Chain, Way};
use signs::Sign;

const INTERCEPTION: &str = "tls.interception";

/// One finding an authority.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let chains = chains::of(checks);
    let private: Vec<&Chain<'_>> = chains.iter().filter(|c| c.root.standing != RootStanding::Public).collect();
    let mut authorities: Vec<Vec<&Chain<'_>>> = Vec::new();
    for chain in private {
        match authorities.iter_mut().find(|a| a.iter().any(|c| c.root.is_same(&chain.root))) {
            Some(authority) => authority.push(chain),
            None => authorities.push(vec![chain]),
        }
    }
    let of_authority = |of: &Vec<&Chain<'_>>| {
        let signs = signs::of(plan, of, &chains);
        if signs.is_empty() { private_root(plan, of) } else { Some(interception(plan, checks, of, &signs, &chains)) }
    };
    let mut found: Vec<Finding> = authorities.iter().filter_map(of_authority).collect();
    // What else is private is told there as what is left alone.
    if found.iter().any(|f| f.id == INTERCEPTION) {
        found.retain(|f| f.id == INTERCEPTION);
    }
    found.extend(unexpected(plan, &chains));
    found
}

/// The hosts and ports of `of`, each once.
fn places(of: &[&Chain<'_>]) -> Vec<String> {
    let mut places: Vec<String> = of.iter().map(|c| c.place()).collect();
    places.sort();
    places.dedup();
    places
}

/// Their ids, each once.
fn ids(of: &[&Chain<'_>]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for chain in of {
        if !ids.contains(&chain.check.id) {
            ids.push(chain.check.id.clone());
        }
    }
    ids
}

/// A note; nothing where every certificate is by whom it was expected to be, or is not trusted at all, which each check
/// says itself.
fn private_root(plan: &Plan, of: &[&Chain<'_>]) -> Option<Finding> {
    let trusted: Vec<&Chain<'_>> = of.iter().copied().filter(|c| c.root.standing == RootStanding::Private).collect();
    let first = trusted.first()?;
    if trusted.iter().all(|c| signs::is_expected(plan, c) == Some(true)) {
        return None;
    }
    let name = first.root.short();
    Some(Finding {
        id: "tls.private-root".to_owned(),
        status: Status::Pass,
        title: format!("\"{name}\" is a private authority"),
        detail: format!(
            "It signs the certificates of {}. This machine trusts it and browsers do not know it. Many platforms have an authority of their own, and nothing shows that TLS is intercepted; --pin with the platform's authority, or --control with an unrelated public host, would tell.",
            places(&trusted).join(", ")
        ),
        checks: ids(&trusted),
        ..Finding::default()
    })
}

fn interception(plan: &Plan, checks: &[Check], of: &[&Chain<'_>], signs: &[Sign], all: &[Chain<'_>]) -> Finding {
    let aimed: Vec<&Chain<'_>> = of.iter().copied().filter(|c| !c.is_control()).collect();
    let status = status(plan, checks, &aimed);
    let product = of.iter().find_map(|c| c.root.inspection.as_ref());
    let is_local = product.is_some_and(|p| p.local);
    let trusted = of.iter().all(|c| c.root.standing == RootStanding::Private);
    let (place, by) = whereabouts(of, all, is_local);
    let name = of.first().map(|c| c.root.short()).unwrap_or_default();
    let known = product.map(|p| format!(" ({})", p.product)).unwrap_or_default();
    let title = match status {
        Status::Fail => format!("TLS is intercepted {place}, and that breaks it"),
        _ => format!("TLS is intercepted {place}"),
    };
    let mut evidence: Vec<String> = signs.iter().map(|s| s.words.clone()).collect();
    evidence.extend(untouched(of, all));
    evidence.push(by);
    evidence.extend(aimed.iter().filter(|c| c.check.probe == ProbeKind::Ws).map(|c| websocket(c.check)));
    evidence.extend(allowed(plan, &aimed));
    evidence.dedup();
    let mut ask: Vec<String> = aimed.iter().map(|c| format!("exempt {} from TLS inspection", c.full_place())).collect();
    ask.sort();
    ask.dedup();
    Finding {
        id: INTERCEPTION.to_owned(),
        status,
        title,
        detail: format!(
            "\"{name}\"{known} signs the certificates of {} in place of the authority of those hosts: whoever has its key reads what passes. {} {}",
            places(of).join(", "),
            match trusted {
                true => "This machine trusts it; other machines and programs here may not.",
                false => "This machine does not trust it, so browsers and programs here refuse the connection.",
            },
            needed(status, &aimed)
        ),
        remedy: remedy(aimed.is_empty(), trusted, is_local, name),
        who: Some(match (is_local, place.ends_with("proxy")) {
            (true, _) => Who::ThisMachine,
            (_, true) => Who::Proxy,
            _ => Who::Inspection,
        }),
        ask,
        evidence,
        checks: ids(of),
        ..Finding::default()
    }
}

/// Ports of the same hosts that show another authority: what shows best that somebody is in between.
fn untouched(of: &[&Chain<'_>], all: &[Chain<'_>]) -> Vec<String> {
    let aside = |c: &&Chain<'_>| {
        let here = |o: &&Chain<'_>| o.check.target == c.check.target && o.check.address == c.check.address;
        !c.is_control() && c.way != Way::Direct && of.iter().any(here) && !of.iter().any(|o| o.place() == c.place())
    };
    let words =
        |c: &Chain<'_>| format!("{} of the same host is left alone: \"{}\" signs there.", c.place(), c.root.short());
    let mut told: Vec<String> = all.iter().filter(aside).map(words).collect();
    told.sort();
    told.dedup();
    told
}

/// Whether something has to be done now.
fn needed(status: Status, aimed: &[&Chain<'_>]) -> &'static str {
    let works = aimed.iter().all(|c| c.check.status.holds());
    match (status, works) {
        (Status::Pass, _) => "",
        (Status::Fail, _) => "A required check fails in it, so it has to be changed for calls.",
        (_, true) => {
            "Every check of them works through it today, so calls need no change now; an exemption guards against the next update of what inspects."
        }
        (_, false) => "Some check of them does not work through it, and nothing that is required fails for that.",
    }
}

fn remedy(nothing_aimed: bool, trusted: bool, is_local: bool, name: &str) -> String {
    match (nothing_aimed, trusted, is_local) {
        (true, _, _) => "Nothing for the hosts that were tested: their certificates are their own.".to_owned(),
        (_, _, true) => "Have the program on this machine leave these hosts out of its scanning of TLS.".to_owned(),
        (_, false, _) => format!(
            "Find out whose \"{name}\" is before anything is trusted: an attack looks the same. If it is this network's own, exempt these hosts from TLS inspection, or install the authority \"{name}\" on this machine (for this program alone: --ca FILE)."
        ),
        _ => "Exempt these hosts from TLS inspection: signalling over WebSockets and relays over TLS can break in it or grow slow.".to_owned(),
    }
}

/// At least a warning, and a failure where what counts fails; a note where no tested host is concerned.
fn status(plan: &Plan, checks: &[Check], aimed: &[&Chain<'_>]) -> Status {
    let worth = |chain: &&Chain<'_>| {
        let check = chain.check;
        if check.waived.is_some() || check.status != Status::Fail {
            return Status::Warn;
        }
        match groups::unit_of(plan, checks, check) {
            Some((unit, only)) => unit.status(only).filter(|s| *s == Status::Fail).unwrap_or(Status::Warn),
            None if check.need == Need::Required => Status::Fail,
            None => Status::Warn,
        }
    };
    aimed.iter().map(worth).reduce(Status::worst).unwrap_or(Status::Pass)
}

/// How to find the place, which no packet tells.
const FIND_IT: &str = "At which hop is not known: run the check on another machine of this network and on another network (a phone's), and take what is common to those where it appears.";

/// Where it happens, in the title's words, and the sentence that shows it.
fn whereabouts(of: &[&Chain<'_>], all: &[Chain<'_>], is_local: bool) -> (String, String) {
    if is_local {
        let words = "The product that the issuer names runs on the machine itself, not in the network.";
        return ("on this machine".to_owned(), words.to_owned());
    }
    let proxies: Vec<&str> = of.iter().filter_map(|c| c.proxy()).collect();
    let Some(proxy) = proxies.first() else {
        let words = match of.iter().any(|c| c.way == Way::Direct) {
            true => {
                "The direct way is intercepted and the proxy's is not: it is done on the way itself (transparently)."
            }
            false => {
                "No proxy was used: a firewall or gateway on the way does it (transparently), or security software on this machine."
            }
        };
        return ("on the way".to_owned(), format!("{words} {FIND_IT}"));
    };
    let is_beside = |c: &Chain<'_>| c.way == Way::Direct && of.iter().any(|o| o.check.id == c.check.id);
    let direct: Vec<&Chain<'_>> = all.iter().filter(|c| is_beside(c)).collect();
    let intercepted = |c: &&&Chain<'_>| of.iter().any(|o| o.root.is_same(&c.root));
    match (direct.is_empty(), direct.iter().any(|c| intercepted(&c))) {
        (true, _) => (
            "behind the proxy".to_owned(),
            format!(
                "It was seen through the proxy {proxy}, and no direct way leads there: the proxy or something behind it does it."
            ),
        ),
        (_, true) => (
            "on the way".to_owned(),
            format!(
                "The direct way is intercepted as the one through the proxy {proxy} is: it is done on the way itself (transparently)."
            ),
        ),
        (_, false) => (
            "by the proxy".to_owned(),
            format!("Without the proxy {proxy} the server's own certificates come: the proxy does it."),
        ),
    }
}

/// What became of a WebSocket.
fn websocket(check: &Check) -> String {
    let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
    let held: Option<f64> = check.observed.get(&metric::HELD_S);
    match (failure, held) {
        (Some(failure), _) if failure.step == Step::Tls => {
            format!("{}: the WebSocket was not tried, because {}.", check.id, failure.detail)
        }
        (Some(failure), _) => format!("{}: the WebSocket does not get through ({}).", check.id, failure.detail),
        (None, Some(held)) => {
            format!("{}: the WebSocket upgrades, and was still open after {held} s of silence.", check.id)
        }
        (None, None) => format!("{}: the WebSocket upgrades; whether it stays open is shown by --hold 60.", check.id),
    }
}

/// What the document says of it.
fn allowed(plan: &Plan, aimed: &[&Chain<'_>]) -> Option<String> {
    let source = plan.trust.inspection.as_ref().filter(|_| !aimed.is_empty())?;
    Some(format!(
        "The document takes it as allowed where secure WebSockets get through it{} ({}, {}: \"{}\").",
        match aimed.iter().any(|c| c.check.probe == ProbeKind::Ws && c.check.observed.has(&metric::FAILURE)) {
            true => ", and here one does not",
            false => "",
        },
        source.document,
        source.section,
        source.row
    ))
}

/// A certificate by a public authority that is not the expected one: a change at the platform, or another server.
fn unexpected(plan: &Plan, chains: &[Chain<'_>]) -> Option<Finding> {
    let is_other =
        |c: &&Chain<'_>| c.root.standing == RootStanding::Public && signs::is_expected(plan, c) == Some(false);
    let of: Vec<&Chain<'_>> = chains.iter().filter(is_other).collect();
    let first = of.first()?;
    let expected: Vec<String> = plan.trust.expected(&first.check.role).into_iter().map(Issuer::to_string).collect();
    Some(Finding {
        id: "tls.issuer".to_owned(),
        status: Status::Warn,
        title: "Certificates are not by the expected authority".to_owned(),
        detail: format!(
            "The certificates of {} lead to the public root \"{}\" and not to {}. A device that inspects TLS cannot show a public root: the platform has changed its authority, or another server answers.",
            places(&of).join(", "),
            first.root.short(),
            expected.join(" or ")
        ),
        remedy: "Confirm with the platform who issues its certificates, and correct --pin or the profile.".to_owned(),
        who: Some(Who::Server),
        checks: ids(&of),
        ..Finding::default()
    })
}

#[cfg(test)]
mod tests;
