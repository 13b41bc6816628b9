//! What shows that a private authority is not the platform's own: each by itself is enough, and a private root by itself is
//! not.

use crate::model::{Check, Issuer, RootStanding};
use crate::plan::Plan;

use super::chains::{Chain, Way};

/// One of them, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) words: String,
}

/// The signs against the authority that signed `of`, among `all` chains of the run; none where nothing shows anything.
pub(super) fn of(plan: &Plan, of: &[&Chain<'_>], all: &[Chain<'_>]) -> Vec<Sign> {
    let mut found: Vec<String> = Vec::new();
    found.extend(product(of));
    found.extend(unrelated(plan, of));
    for chain in of {
        found.extend(pinned(plan, chain));
        found.extend(by_way(chain, all));
        found.extend(by_port(chain, all));
    }
    let mut signs: Vec<Sign> = Vec::new();
    for words in found {
        if !signs.iter().any(|s| s.words == words) {
            signs.push(Sign { words });
        }
    }
    signs
}

/// Whether the chain is by whom it should be; `None` where nobody is expected.
pub(super) fn is_expected(plan: &Plan, chain: &Chain<'_>) -> Option<bool> {
    if chain.is_control() {
        return None;
    }
    let expected = plan.trust.expected(&chain.check.role);
    (!expected.is_empty()).then(|| expected.iter().any(|issuer| issuer.issued(&chain.sent, &chain.root)))
}

/// The issuer's own words.
fn product(of: &[&Chain<'_>]) -> Option<String> {
    let claimed = of.iter().find_map(|c| c.root.inspection.as_ref())?;
    Some(format!("The issuer calls itself \"{}\", which is {}.", claimed.issuer, claimed.product))
}

fn pinned(plan: &Plan, chain: &Chain<'_>) -> Option<String> {
    let expected = plan.trust.expected(&chain.check.role).into_iter().map(Issuer::to_string);
    let expected: Vec<String> = expected.collect();
    (is_expected(plan, chain) == Some(false)).then(|| {
        format!(
            "The certificate of {} should be by {} ({}) and is by \"{}\".",
            chain.full_place(),
            expected.join(" or "),
            plan.trust.expects(&chain.check.role),
            chain.root.name
        )
    })
}

/// Hosts that have nothing to do with each other: a control name, or a host that a document fixes, and any other of another
/// domain. Two targets of the operator's may well be one platform's.
fn unrelated(plan: &Plan, of: &[&Chain<'_>]) -> Option<String> {
    let outside = |c: &Chain<'_>| c.is_control() || is_fixed(plan, c.check);
    let (strange, other) = of.iter().find_map(|strange| {
        let stranger = |o: &&&Chain<'_>| domain(&o.check.target) != domain(&strange.check.target);
        outside(strange).then(|| of.iter().find(stranger)).flatten().map(|other| (strange, other))
    })?;
    let kind = if strange.is_control() { "control name" } else { "public host" };
    Some(format!(
        "\"{}\" signs the certificates of {} and of the {kind} {}, which have nothing to do with each other.",
        strange.root.name,
        other.full_place(),
        strange.full_place()
    ))
}

/// The document names the host, and the operator bound no other in its place.
fn is_fixed(plan: &Plan, check: &Check) -> bool {
    let is_it = |rule| check.rule.as_ref() == Some(rule);
    plan.items.iter().any(|i| i.fixed && is_it(&i.rule.id) && i.host.to_string() == check.target)
}

/// The last two labels of a name, or an address.
fn domain(host: &str) -> &str {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    host.rmatch_indices('.').nth(1).and_then(|(at, _)| host.get(at + 1..)).unwrap_or(host)
}

/// The same check's other way leads to another root.
fn by_way(chain: &Chain<'_>, all: &[Chain<'_>]) -> Option<String> {
    let proxy = chain.proxy();
    let other = all.iter().find(|o| {
        o.check.id == chain.check.id && o.way != Way::Only && o.way != chain.way && !o.root.is_same(&chain.root)
    })?;
    // Of two private roots the proxy's is the stranger.
    if other.root.standing != RootStanding::Public && proxy.is_none() {
        return None;
    }
    let words = |c: &Chain<'_>| match c.proxy() {
        Some(via) => format!("through the proxy {via}"),
        None => "directly".to_owned(),
    };
    Some(format!(
        "{} shows \"{}\" {} and \"{}\" {}.",
        chain.full_place(),
        chain.root.name,
        words(chain),
        other.root.name,
        words(other)
    ))
}

/// What inspects TLS most often does so on 443 alone, and another port of the same host shows its own, public root. The
/// other way round proves nothing: a service beside a web server often has a certificate of its own making.
fn by_port(chain: &Chain<'_>, all: &[Chain<'_>]) -> Option<String> {
    const HTTPS: u16 = 443;
    let is_beside = |o: &&Chain<'_>| {
        (o.check.target == chain.check.target && o.check.address == chain.check.address)
            && o.way == chain.way
            && o.port().is_some_and(|p| p != HTTPS)
            && o.root.standing == RootStanding::Public
    };
    // A device's own page, which nobody else signed, is no inspection.
    let own_making = chain.sent.first().is_none_or(|leaf| leaf.subject == leaf.issuer);
    let other = all.iter().find(is_beside).filter(|_| chain.port() == Some(HTTPS) && !own_making)?;
    Some(format!(
        "{} shows \"{}\" and {} of the same host the public root \"{}\".",
        chain.full_place(),
        chain.root.name,
        other.place(),
        other.root.name
    ))
}
