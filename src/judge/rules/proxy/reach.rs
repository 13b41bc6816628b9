//! `proxy.unreachable` and `proxy.login`: the proxy itself cannot be used.

use super::{Both, evidence, ids, worst};
use crate::judge::remedy;
use crate::model::{Facts, FailureKind, Finding, Step, Who, metric};

/// Nothing went through, and no answer of the proxy's came at all.
pub fn unreachable(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let lost: Vec<&Both<'_>> =
        all.iter().copied().filter(|b| b.failed_at(Step::Proxy) && b.answer().is_none()).collect();
    let why = lost.first()?.proxy.failure.clone()?;
    if all.iter().any(|b| b.tunnelled() || b.answer().is_some()) {
        return None;
    }
    let by_name = matches!(
        why.kind,
        FailureKind::NxDomain | FailureKind::NoAddress | FailureKind::ResolverError | FailureKind::ResolverTimeout
    );
    let (who, ask) = match (by_name, why.kind) {
        (true, _) => (Who::ThisMachine, format!("set the proxy to a name that this network knows, in place of {via}")),
        (_, FailureKind::Refused) => {
            (Who::Proxy, format!("start the proxy that listens at {via}, or give its right port"))
        }
        _ => (Who::Firewall, format!("allow TCP from this machine to {via}, and replies")),
    };
    let works = lost.iter().filter(|b| b.direct.is_ok()).count();
    Some(Finding {
        id: "proxy.unreachable".to_owned(),
        status: worst(&lost),
        title: format!("The proxy {via} cannot be reached"),
        detail: format!(
            "Programs on this machine are told to use the proxy, and it does not answer: {}. Directly, {works} of these {} checks work.",
            why.detail,
            lost.len()
        ),
        remedy: format!(
            "Make {via} reachable from here, or, where this network needs no proxy, take it out of the settings (--proxy none shows what works without)."
        ),
        who: Some(who),
        ask: vec![ask],
        evidence: evidence(&lost),
        checks: ids(&lost),
        ..Finding::default()
    })
}

/// 407, or SOCKS5's refusal of a login.
pub fn login(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let refused: Vec<&Both<'_>> = all.iter().copied().filter(|b| b.failed_by(FailureKind::ProxyLogin)).collect();
    let answer = refused.first()?.answer()?;
    let mut facts = Facts::new();
    facts.set(&metric::PROXY_ANSWER, &answer);
    let schemes = if answer.schemes.is_empty() { "no scheme".to_owned() } else { answer.schemes.join(", ") };
    let plain = answer.schemes.iter().any(|s| s.eq_ignore_ascii_case("basic") || s.starts_with("user name"));
    let domain = !answer.schemes.is_empty() && !plain;
    let title = match (domain, answer.login) {
        (true, _) => format!("The proxy {via} takes only logins of a domain ({schemes})"),
        (false, false) => format!("The proxy {via} asks for a login"),
        (false, true) => format!("The proxy {via} does not accept the login"),
    };
    let ask = match (domain, answer.login) {
        (true, _) => {
            "allow these destinations without a login, or add Basic to the schemes for this machine".to_owned()
        }
        (false, false) => format!("a user name and password for {via} ({schemes})"),
        (false, true) => {
            format!("the right user name and password for {via} ({schemes}), and that the account is not locked")
        }
    };
    let status = answer.status.map_or_else(|| "SOCKS5's refusal".to_owned(), |code| format!("HTTP {code}"));
    Some(Finding {
        id: "proxy.login".to_owned(),
        status: worst(&refused),
        title,
        detail: format!(
            "It answered {status}, offering {schemes}, {}; nothing passes through it before that is settled. Media servers' own programs and apps meet the same.",
            if answer.login { "to the login that was sent" } else { "to requests without a login" }
        ),
        remedy: format!("To use it, {}.", remedy::of_proxy_login(&facts)),
        who: Some(if domain { Who::Proxy } else { Who::ThisMachine }),
        ask: vec![ask],
        evidence: evidence(&refused),
        checks: ids(&refused),
        ..Finding::default()
    })
}
