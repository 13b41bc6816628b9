//! What to change after a failure, by its class, for the one who can change it. Judges nothing.

use crate::model::{
    CertRoot, Facts, Failure, FailureKind, Inspection, ProbeKind, ProxyAnswer, RootStanding, Seen, Status, Step, metric,
};

use super::aim::Aim;

/// The words for a name that cannot be used, with what to change.
pub fn name(aim: &Aim<'_>, failure: &Failure) -> String {
    let change = match failure.kind {
        FailureKind::NxDomain if aim.fixed => {
            "the document fixes this name and the DNS of this network does not know it: have that DNS resolve names of the Internet, or ask another one with --dns, which also shows whether the name still exists"
        }
        FailureKind::NxDomain => {
            "check the name for a typing error, or have it added to the DNS that this network uses"
        }
        FailureKind::NoAddress => "have an A or AAAA record added for it, or test the family it has",
        FailureKind::ResolverTimeout => {
            "let questions to the resolver and its answers through (its own check, dns.resolver, tells whether UDP 53, TCP 53 or both are stopped), or mend the resolver"
        }
        FailureKind::OutOfTime => "run it again and let it end, with a longer --budget if one was set",
        _ => "mend the resolver, or ask another one with --dns",
    };
    format!("The name {} could not be used: {}; {change}.", aim.host, failure.detail)
}

/// What to change, by the class of failure.
pub fn of(aim: &Aim<'_>, seen: &Seen, failure: &Failure, status: Status) -> String {
    let (port, to) = (&aim.port, aim.to());
    let from: Option<String> = seen.observation.facts.get(&metric::ICMP_FROM);
    if let Some(words) =
        inspected(seen, failure).map(|by| exempt(aim, &by)).or_else(|| behind_inspection(seen, failure))
    {
        return words;
    }
    if failure.step == Step::Proxy {
        return at_proxy(aim, seen, failure.kind);
    }
    match failure.kind {
        _ if failure.step == Step::Options && seen.observation.probe == ProbeKind::Ws => {
            "the WebSocket works: look at the SIP service behind it, and whether it answers OPTIONS".to_owned()
        }
        FailureKind::NoPrivilege => "nothing was sent, so nothing is known of the way".to_owned(),
        FailureKind::TimedOut => silence(aim, failure, status),
        FailureKind::NotTold => format!(
            "open https://{} in a tab of that browser: a warning about the certificate means that, and no answer at all means that {port} to {to} is to be allowed, or that nothing listens there",
            place_in_url(aim)
        ),
        FailureKind::Refused if failure.step == Step::Gre => {
            "set up the GRE tunnel on that host, with this machine as its far end".to_owned()
        }
        FailureKind::Refused => format!(
            "nothing listens there, or a firewall answers in its name: start the service, or allow {port} to {to}"
        ),
        FailureKind::Prohibited => match from {
            Some(router) => format!("the firewall at {router} rejects it: allow {port} outbound to {to} there"),
            None => format!("a firewall rejects it, perhaps this machine's own: allow {port} outbound to {to}"),
        },
        FailureKind::Unreachable => match from {
            Some(router) => format!("{router} has no way to it: mend the route to {to} there"),
            None => format!("mend the route to {to}, or check that the host is up"),
        },
        FailureKind::NoRoute => format!("give this machine an address and a default route in the family of {to}"),
        FailureKind::Garbage if other_media(seen).is_some() => {
            let meant = other_media(seen).unwrap_or_default();
            format!("{meant}: have the server take both on this port, as Wowza does, or forward {port} to the one that the document means")
        }
        FailureKind::Garbage | FailureKind::NotTls if is_another_service(seen) => {
            format!("another service has this port: start the one that the document means, or forward {port} to it")
        }
        FailureKind::OutOfTime => "run it again and let it end, with a longer --budget if one was set".to_owned(),
        FailureKind::CertUnknownIssuer | FailureKind::CertIncompleteChain if issued_by_a_responder(seen) => {
            "this is the responder's throw-away certificate: give the client --ca with the file that `serve --ca-out FILE` wrote".to_owned()
        }
        FailureKind::Closed | FailureKind::Reset if is_without_a_word(seen, failure) => format!(
            "another service may listen there and hang up on what it does not understand: check what listens on {port}; otherwise a firewall or inspection device cuts the connection, or the service crashed: exempt this destination from inspection"
        ),
        FailureKind::CertUnknownIssuer if is_self_signed(seen) => {
            "have the server present a certificate that an authority issued, or trust this very certificate by giving it with --ca FILE; a device that inspects TLS shows itself this way too".to_owned()
        }
        other => above_transport(aim, other),
    }
}

/// `HOST:PORT`.
fn place_in_url(aim: &Aim<'_>) -> String {
    let port = aim.port.rsplit(' ').next().unwrap_or_default();
    match aim.host.bare() {
        host if host.contains(':') => format!("[{host}]:{port}"),
        host => format!("{host}:{port}"),
    }
}

/// What to change where nothing came back.
fn silence(aim: &Aim<'_>, failure: &Failure, status: Status) -> String {
    let (port, to) = (&aim.port, aim.to());
    if failure.step == Step::Gre {
        return format!(
            "a GRE endpoint need not answer strangers, least of all through a NAT, so silence decides nothing: look at the far end whether the packets arrive, or allow {port} to {to} and back"
        );
    }
    match (status, failure.step == Step::Connect || aim.udp) {
        (Status::Unknown, _) => format!(
            "silence over UDP decides nothing: run `rtc-check serve` at the far end to prove the path, or allow {port} outbound to {to}"
        ),
        (_, true) => {
            format!("a firewall between here and there drops it, or the host is down: allow {port} outbound to {to}")
        }
        (_, false) => "the port is open but the service behind it hangs, or a middlebox swallows its answer".to_owned(),
    }
}

/// What to change where the proxy itself did not connect.
fn at_proxy(aim: &Aim<'_>, seen: &Seen, kind: FailureKind) -> String {
    let (facts, port, host) = (&seen.observation.facts, &aim.port, aim.host);
    match kind {
        FailureKind::ProxyLogin => of_proxy_login(facts).to_owned(),
        FailureKind::ProxyRefused if facts.get::<ProxyAnswer>(&metric::PROXY_ANSWER).and_then(|a| a.status) >= Some(500) => {
            format!("have the proxy's administrator look at its way to {host} {port} and at its resolver")
        }
        FailureKind::ProxyRefused => format!("have the proxy's administrator allow {host} {port}"),
        FailureKind::ProxyAnswered => {
            format!("have the proxy's administrator let {host} {port} through unchanged, or exempt it (NO_PROXY)")
        }
        _ if facts.has(&metric::PROXY_ANSWER) => {
            "look at the proxy: it was reached, and did not do what was asked".to_owned()
        }
        _ => "check the proxy's address (--proxy, or HTTPS_PROXY of the environment) and the way to it, or go without one (--proxy none)".to_owned(),
    }
}

/// The variables of the login.
pub const PROXY_LOGIN: &str = "RTC_CHECK_PROXY_USERNAME and RTC_CHECK_PROXY_PASSWORD";

/// What to change where a proxy asks for a login, or does not accept the one that it got.
pub fn of_proxy_login(facts: &Facts) -> &'static str {
    let answer: ProxyAnswer = facts.get(&metric::PROXY_ANSWER).unwrap_or_default();
    let basic = answer.schemes.iter().any(|s| s.eq_ignore_ascii_case("basic") || s.starts_with("user name"));
    match (basic || answer.schemes.is_empty(), answer.login) {
        (false, _) => "have its administrator allow these hosts without a login, or a login by Basic from here",
        (true, false) => "set RTC_CHECK_PROXY_USERNAME and RTC_CHECK_PROXY_PASSWORD",
        (true, true) => "correct RTC_CHECK_PROXY_USERNAME and RTC_CHECK_PROXY_PASSWORD",
    }
}

/// The connection was open, and nothing that came shows which service it was that ended it.
fn is_without_a_word(seen: &Seen, failure: &Failure) -> bool {
    let is_below = |step| matches!(step, Step::Name | Step::Proxy | Step::Connect | Step::Tls);
    let understood = seen.observation.steps.iter().any(|s| s.result == "ok" && !is_below(s.step));
    seen.observation.connected() && !is_below(failure.step) && !understood
}

/// It named itself, and is none that only lacks TLS.
fn is_another_service(seen: &Seen) -> bool {
    seen.observation
        .facts
        .get::<String>(&metric::MET)
        .is_some_and(|met| met != "HTTP" || seen.observation.probe != ProbeKind::Http)
}

/// Browsers' WebSocket and devices' RTMP have the same ports in one document: what it means that one of them met the
/// other's service.
fn other_media(seen: &Seen) -> Option<&'static str> {
    let met: String = seen.observation.facts.get(&metric::MET)?;
    match (seen.observation.probe, met.as_str()) {
        (ProbeKind::Rtmp, "HTTP") => Some("the port is HTTP's or the browsers' WebSocket and not RTMP's"),
        (ProbeKind::Ws, "RTMP") => Some("the port is RTMP's and not the browsers' WebSocket"),
        _ => None,
    }
}

/// An issuer that no one here trusts and that calls itself a product which inspects TLS.
fn inspected(seen: &Seen, failure: &Failure) -> Option<Inspection> {
    use FailureKind::{CertIncompleteChain, CertInvalid, CertUnknownIssuer};
    let root: CertRoot = seen.observation.facts.get(&metric::CERT_ROOT)?;
    let by = root.inspection.filter(|_| root.standing == RootStanding::Untrusted);
    by.filter(|_| matches!(failure.kind, CertUnknownIssuer | CertIncompleteChain | CertInvalid))
}

/// The handshake succeeded with the certificate of a product that inspects TLS, and what follows does not get through.
fn behind_inspection(seen: &Seen, failure: &Failure) -> Option<String> {
    use FailureKind::{Closed, HoldCut, Reset, TimedOut, UpgradeRefused};
    let root: CertRoot = seen.observation.facts.get(&metric::CERT_ROOT)?;
    let by =
        root.inspection.filter(|_| matches!(failure.kind, Closed | HoldCut | Reset | TimedOut | UpgradeRefused))?;
    Some(format!(
        "TLS is inspected by what calls itself {}, which may well be what does this: have this destination exempted from it, and test again before the server is blamed",
        by.product
    ))
}

fn exempt(aim: &Aim<'_>, by: &Inspection) -> String {
    let Inspection { product, issuer, local } = by;
    let exempt = format!("have {}, {}, exempted from TLS inspection", aim.host, aim.port);
    match local {
        true => format!("the issuer \"{issuer}\" calls itself {product}, a program on this machine: {exempt} there"),
        false => format!(
            "the issuer \"{issuer}\" calls itself {product}, so TLS is inspected on the way: install its authority on this machine (for this program alone: --ca FILE), or {exempt}"
        ),
    }
}

/// The server's certificate names no issuer but itself, so that there is no authority to be trusted.
fn is_self_signed(seen: &Seen) -> bool {
    let chain: Option<serde_json::Value> = seen.observation.facts.get(&metric::CERT_CHAIN);
    let leaf = chain.as_ref().and_then(|c| c.get(0));
    leaf.is_some_and(|leaf| leaf.get("issuer").is_some_and(|issuer| leaf.get("subject") == Some(issuer)))
}

/// The certificate bears the name of the authority that `rtc-check serve` makes for itself.
fn issued_by_a_responder(seen: &Seen) -> bool {
    let chain: Option<serde_json::Value> = seen.observation.facts.get(&metric::CERT_CHAIN);
    let issuer = chain.as_ref().and_then(|c| c.get(0)?.get("issuer")?.as_str());
    issuer.is_some_and(|i| i.contains("rtc-check throw-away authority"))
}

fn above_transport(aim: &Aim<'_>, kind: FailureKind) -> String {
    let host = aim.host;
    match kind {
        FailureKind::CertExpired => format!("renew the certificate of {host}"),
        FailureKind::CertNotYetValid => "set the clocks of both machines, or wait until it is valid".to_owned(),
        FailureKind::CertWrongName => format!("use a name that the certificate has, or issue one for {host}"),
        FailureKind::CertUnknownIssuer => {
            "have the server present a publicly trusted certificate, or trust its authority with --ca FILE; a device that inspects TLS shows itself this way too".to_owned()
        }
        FailureKind::CertIncompleteChain => "configure the server to send its intermediate certificates too, or trust a private authority with --ca FILE".to_owned(),
        FailureKind::CertInvalid => format!("issue a correct certificate for {host}"),
        FailureKind::TlsOldVersion => "enable TLS 1.2 or 1.3 on the server; browsers refuse older ones".to_owned(),
        FailureKind::TlsCutOff | FailureKind::Reset | FailureKind::Closed => {
            "a firewall or inspection device cuts the connection, or the service crashed: exempt this destination from inspection".to_owned()
        }
        FailureKind::TlsRefused => "check the server's TLS set-up (name, ciphers, protocol)".to_owned(),
        FailureKind::NotTls => "enable TLS on this port".to_owned(),
        FailureKind::UpgradeRefused => {
            "the port is open and speaks HTTP: check the WebSocket path, or a proxy that strips the Upgrade header".to_owned()
        }
        FailureKind::WrongSubprotocol => "check that the service behind this port is the one the document means".to_owned(),
        FailureKind::WrongRedirect => format!("have it redirect to https://{host}/"),
        FailureKind::HoldCut => "raise the idle timeout of the proxy or firewall in between above the keepalive".to_owned(),
        FailureKind::Internal => "the other checks stand".to_owned(),
        _ => "check which service listens there and what lies in between".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Host, Observation, Planned};

    fn told(steps: &[Step], ended: Step) -> String {
        let host: Host = "192.0.2.1".parse().unwrap();
        let aim = Aim { host: &host, address: None, port: "TCP 5060".to_owned(), udp: false, fixed: false };
        let mut observation = Observation::new(ProbeKind::Sip);
        steps.iter().for_each(|step| observation.step_ok(*step, Duration::ZERO));
        let failure = Failure::new(ended, FailureKind::Closed, "the server closed the connection without a word");
        observation.step_failed(failure.clone(), Duration::ZERO);
        let seen = Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 };
        of(&aim, &seen, &failure, Status::Fail)
    }

    #[test]
    fn a_port_that_hangs_up_without_a_word_may_be_another_services() {
        for (steps, ended) in [
            (&[Step::Connect][..], Step::Options),
            (&[Step::Connect, Step::Tls], Step::Options),
            (&[Step::Connect], Step::Handshake),
        ] {
            let words = told(steps, ended);
            assert!(words.contains("another service may listen there") && words.contains("TCP 5060"), "{words}");
            assert!(words.contains("firewall or inspection device"), "{words}");
        }
        // The service had shown itself.
        for (steps, ended) in
            [(&[Step::Connect, Step::Banner][..], Step::KeyExchange), (&[Step::Connect, Step::Options], Step::Describe)]
        {
            let words = told(steps, ended);
            assert!(!words.contains("another service") && words.contains("crashed"), "{words}");
        }
    }
}
