//! `dns.hijack`: a resolver gives an address for a name that cannot exist, so it may give a false one for any name.

use std::net::IpAddr;

use crate::model::{Check, Finding, Status, Who};
use crate::plan::Plan;

use super::resolvers::{self, Asked, ids, place};

/// One a run: a failure where a target's name leads to the same address, else a warning.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let all = resolvers::asked(checks);
    let liars: Vec<&Asked<'_>> = all.iter().filter(|a| !a.seen.lies().is_empty()).collect();
    if liars.is_empty() {
        return Vec::new();
    }
    let false_addresses = addresses(&liars);
    let led: Vec<&Check> = checks.iter().filter(|c| is_led(c, &false_addresses)).collect();
    let servers: Vec<String> = liars.iter().map(|a| place(a.seen.server)).collect();
    let list = false_addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut targets: Vec<&str> = led.iter().map(|c| c.target.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    let about_targets = match targets.is_empty() {
        true => "The names of this run have other addresses and were tested there, so this run is not affected. A name that is mistyped, or that the resolver does not know, ends at that address instead of failing.".to_owned(),
        false => format!("{} leads to the same place, so nothing of it was tested.", targets.join(", ")),
    };
    let own = if targets.is_empty() { "" } else { ", and the platform's names with their own addresses" };
    vec![Finding {
        id: "dns.hijack".to_owned(),
        status: if led.is_empty() { Status::Warn } else { Status::Fail },
        title: "The resolver gives addresses for names that cannot exist".to_owned(),
        detail: format!("{} answers {list} for names that do not exist. {about_targets}", servers.join(", ")),
        remedy: format!(
            "Have unknown names answered with NXDOMAIN, in place of the address of a search page, block page or log-in page{own}."
        ),
        who: Some(Who::Resolver),
        ask: ask(&servers, &targets),
        evidence: evidence(&liars, &led),
        checks: ids(liars.iter().map(|a| a.check).chain(led)),
        ..Finding::default()
    }]
}

/// Every address that a resolver gives for what cannot exist.
pub fn addresses(liars: &[&Asked<'_>]) -> Vec<IpAddr> {
    let lies = liars.iter().flat_map(|a| a.seen.lies()).flat_map(|q| q.answer.addresses.clone());
    let mut all: Vec<IpAddr> = lies.collect();
    all.sort();
    all.dedup();
    all
}

/// The check of a name that led to one of them.
pub fn is_led(check: &Check, addresses: &[IpAddr]) -> bool {
    let is_named = check.observed.has(&crate::model::metric::DNS_SERVERS);
    is_named && check.address.is_some_and(|a| addresses.contains(&a))
}

fn ask(servers: &[String], targets: &[&str]) -> Vec<String> {
    let mut all: Vec<String> =
        servers.iter().map(|s| format!("resolver {s}: answer NXDOMAIN for names that do not exist")).collect();
    all.extend(targets.iter().map(|t| format!("resolver {}: resolve {t} to its own addresses", servers.join(", "))));
    all
}

fn evidence(liars: &[&Asked<'_>], led: &[&Check]) -> Vec<String> {
    let lie = |a: &&Asked<'_>| {
        let server = place(a.seen.server);
        let words = |q: &crate::model::resolver::Question| {
            let given: Vec<String> = q.answer.addresses.iter().map(ToString::to_string).collect();
            format!(
                "{server} gives {} for {}, a random name that nobody can have registered.",
                given.join(", "),
                q.name
            )
        };
        a.seen.lies().into_iter().map(words).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = liars.iter().flat_map(lie).collect();
    let mut same: Vec<String> =
        led.iter().filter_map(|c| Some(format!("{} resolves to {} too.", c.target, c.address?))).collect();
    same.dedup();
    all.append(&mut same);
    all
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::{answer, check, named, resolver};
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn a_name_that_cannot_exist_and_resolves_is_a_lie_and_worse_where_targets_lead_there() {
        let honest = resolver("192.0.2.53", Some(5.0), Some(5.0), &[]);
        assert!(find(&plan(), std::slice::from_ref(&honest)).is_empty());
        let liar = resolver("192.0.2.53", Some(5.0), Some(5.0), &["10.0.0.1"]);
        let found = find(&plan(), &[honest, liar.clone()]);
        assert_eq!((found.len(), found[0].status), (1, Status::Warn));
        assert!(found[0].evidence[0].contains("10.0.0.1 for rc-1.invalid"), "{:?}", found[0]);
        let target = check("a/rtc.example/10.0.0.1", "rtc.example", Some("10.0.0.1"), Status::Fail);
        let target = named(target, 5.0, &[answer("192.0.2.53", Some(5.0), &["10.0.0.1"])]);
        let found = find(&plan(), &[liar, target]);
        assert_eq!(found[0].status, Status::Fail);
        assert_eq!(found[0].checks, ["dns.resolver/192.0.2.53", "a/rtc.example/10.0.0.1"]);
    }
}
