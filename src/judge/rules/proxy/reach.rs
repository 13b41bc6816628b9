//! `proxy.unreachable` and `proxy.login`: the proxy itself cannot be used.

use super::{Both, each, evidence, ids, without, worst};
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
    let from = lost.iter().find_map(|b| b.source).map_or_else(|| "this machine".to_owned(), |a| a.to_string());
    // `http://10.0.0.5:3128` is no address of a firewall's rule.
    let at = via.split_once("://").map_or(via, |(_, at)| at);
    let (host, port) = at.rsplit_once(':').unwrap_or((at, "its port"));
    let spare = lost.iter().all(|b| b.direct.is_ok());
    let way = match (by_name, why.kind) {
        (true, _) => format!("set the proxy to a name that this network knows, in place of {host}"),
        (_, FailureKind::Refused) => format!("start the proxy on {host}, TCP {port}, or give its right port"),
        _ => format!("allow TCP {port} from {from} to {host}, and replies; and see that the proxy there is up"),
    };
    let out = format!(
        "take {at} out of the settings of this machine that name it (--proxy, HTTPS_PROXY, HTTP_PROXY or ALL_PROXY)"
    );
    let who = match (by_name || spare, why.kind) {
        (true, _) => Who::ThisMachine,
        (_, FailureKind::Refused) => Who::Proxy,
        _ => Who::Firewall,
    };
    let (title, does) = match why.kind {
        FailureKind::Refused => (format!("The proxy {via} refuses connections"), "nothing listens there"),
        _ => (format!("The proxy {via} cannot be reached"), "it does not answer"),
    };
    Some(Finding {
        id: "proxy.unreachable".to_owned(),
        status: worst(&lost),
        title,
        detail: format!("This run was told to use the proxy, and {does}: {}. {}", why.detail, without(&lost)),
        remedy: match spare {
            true => format!(
                "Everything works without it: take it out of the settings or correct it there. If this network means it to be used: {way}."
            ),
            false => format!(
                "Make {at} reachable from here, or, where this network needs no proxy, take it out of the settings (--proxy none shows what works without)."
            ),
        },
        who: Some(who),
        ask: if spare && !by_name { vec![out, format!("or {way}")] } else { vec![way] },
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
    let exempted = match answer.login {
        true => Vec::new(),
        false => each(&refused, |both| format!("or allow without a login: {}", both.wanted())),
    };
    let status = answer.status.map_or_else(|| "SOCKS5's refusal".to_owned(), |code| format!("HTTP {code}"));
    Some(Finding {
        id: "proxy.login".to_owned(),
        status: worst(&refused),
        title,
        detail: format!(
            "It answered {status}, offering {schemes}, {}; nothing passes through it before that is settled. A browser may have a login of its own for it; what has none meets the same. {}",
            if answer.login { "to the login that was sent" } else { "to requests without a login" },
            without(&refused)
        ),
        remedy: match answer.login && !domain {
            true => format!(
                "Correct the login that this program was given ({}, or in the URL of the proxy in the environment); ask the proxy's administrator whether the account is locked.",
                remedy::PROXY_LOGIN
            ),
            false => format!(
                "Get an account of the proxy from its administrator, or have these hosts let through without one{}. For this program, {}.",
                if refused.iter().all(|b| b.direct.is_ok()) { ", or go directly (NO_PROXY), which works" } else { "" },
                remedy::of_proxy_login(&facts)
            ),
        },
        who: Some(if answer.login && !domain { Who::ThisMachine } else { Who::Proxy }),
        ask: std::iter::once(ask).chain(exempted).collect(),
        evidence: evidence(&refused),
        checks: ids(&refused),
        ..Finding::default()
    })
}
