//! `proxy.port-policy` and `proxy.refused`: the proxy works, and does not connect where it is asked to.

use std::collections::BTreeSet;

use super::{Both, each, each_place, evidence, ids, list, ports, without, worst};
use crate::model::{FailureKind, Finding, Who};

/// SOCKS5: connection not allowed by the rule set (RFC 1928 section 6).
const NOT_ALLOWED: u8 = 2;

/// It said that it may not, rather than that it cannot.
fn by_policy(both: &Both<'_>) -> bool {
    let answer = both.answer().filter(|_| both.failed_by(FailureKind::ProxyRefused));
    answer.is_some_and(|a| a.reply == Some(NOT_ALLOWED) || a.status.is_some_and(|code| code < 500))
}

/// Some ports are refused, on which nothing ever passes, and others of the run pass.
pub fn port_policy(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let (refused, open) = by_port(all);
    if refused.is_empty() || open.is_empty() {
        return None;
    }
    let (closed, passing) = (list(ports(&refused)), list(ports(&open)));
    Some(Finding {
        id: "proxy.port-policy".to_owned(),
        status: worst(&refused),
        title: format!("The proxy {via} connects to port {passing} and not to {closed}"),
        detail: format!(
            "It connected to port {passing} and refused port {closed} by its own rules; most proxies allow CONNECT to 443 alone unless they are told more."
        ),
        remedy: format!("Have the proxy allow CONNECT to port {closed} for these hosts, or {}.", exempt(&refused)),
        who: Some(Who::Proxy),
        ask: each(&refused, |both| format!("allow {}", both.wanted())),
        evidence: evidence(&refused),
        checks: ids(&refused),
        ..Finding::default()
    })
}

/// The other remedy: as far as the direct way works, nothing else has to be opened for it.
fn exempt(of: &[&Both<'_>]) -> &'static str {
    match of.iter().all(|b| b.direct.is_ok()) {
        true => "exempt them from the proxy (NO_PROXY, or the PAC file): the direct way works",
        false => "exempt them from the proxy and open the direct way",
    }
}

/// What is refused on ports that never pass, where such a port is refused on a host that passes on another one, and what
/// passes. What passes to another host alone shows no rule on ports: it may be one on hosts.
fn by_port<'a, 'b>(all: &[&'a Both<'b>]) -> (Vec<&'a Both<'b>>, Vec<&'a Both<'b>>) {
    let open: Vec<&Both<'_>> = all.iter().copied().filter(|b| b.tunnelled()).collect();
    let passing = ports(&open);
    let refused = all.iter().copied().filter(|b| by_policy(b) && !passing.contains(&b.port()));
    let refused: Vec<&Both<'_>> = refused.collect();
    let shown = |b: &&&Both<'_>| open.iter().any(|other| other.check.target == b.check.target);
    let closed: BTreeSet<u16> = refused.iter().filter(shown).map(|b| b.port()).collect();
    (refused.into_iter().filter(|b| closed.contains(&b.port())).collect(), open)
}

/// Refused by its rules, and not for the port alone.
pub fn refused(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let (by_port, open) = by_port(all);
    let for_port = |b: &&Both<'_>| !open.is_empty() && by_port.iter().any(|other| std::ptr::eq(*other, *b));
    let refused: Vec<&Both<'_>> = all.iter().copied().filter(|b| by_policy(b) && !for_port(b)).collect();
    let first = refused.first()?;
    let what = if open.is_empty() { "everything that it was asked" } else { "these hosts" };
    let said = first.proxy.failure.as_ref().map(|f| f.detail.clone()).unwrap_or_default();
    let hint = match open.is_empty() {
        true => "As every port is refused, its rule is about this client or these hosts, and not about ports.",
        false => "Other hosts pass on the same ports, so its rule is about these hosts.",
    };
    Some(Finding {
        id: "proxy.refused".to_owned(),
        status: worst(&refused),
        title: format!("The proxy {via} refuses {what}"),
        detail: format!("It answers, and its rules forbid the connections: {said}. {hint} {}", without(&refused)),
        remedy: format!("Have the proxy allow these requests, or {}.", exempt(&refused)),
        who: Some(Who::Proxy),
        ask: each(&refused, |both| format!("allow {}", both.wanted())),
        evidence: evidence(&refused),
        checks: ids(&refused),
        ..Finding::default()
    })
}

/// It said that it cannot, and from here the target is reached.
pub fn cannot_reach(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let lost = |b: &&Both<'_>| b.failed_by(FailureKind::ProxyRefused) && !by_policy(b) && b.direct.is_ok();
    let lost: Vec<&Both<'_>> = all.iter().copied().filter(lost).collect();
    let first = lost.first()?;
    let said = first.proxy.failure.as_ref().map(|f| f.detail.clone()).unwrap_or_default();
    Some(Finding {
        id: "proxy.refused".to_owned(),
        status: worst(&lost),
        title: format!("The proxy {via} cannot reach what this machine reaches directly"),
        detail: format!(
            "It allows the connections and cannot make them: {said}. The targets answer directly, so they are up: what is missing is the proxy's own way or name server."
        ),
        remedy: "Open the way from the proxy to these hosts and ports, and have it resolve their names.".to_owned(),
        who: Some(Who::Proxy),
        ask: each_place(&lost, |place| {
            format!("allow TCP from the proxy to {place}, and have its resolver know the name")
        }),
        evidence: evidence(&lost),
        checks: ids(&lost),
        ..Finding::default()
    })
}
