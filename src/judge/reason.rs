//! One sentence a check that a network admin can act on: what was tried, what was seen, what to change.

use std::net::IpAddr;

use crate::model::{Facts, Failure, FailureKind, Seen, Service, Status, Step, Transport, metric};
use crate::plan::Item;

use super::range::Swept;

/// A certificate closer to its end than this, in days, is a warning; rtc-check's own limit.
pub const CERT_WARN_DAYS: f64 = 14.0;

/// `TCP 8989` or `UDP 19099-20099`.
fn port_words(item: &Item) -> String {
    let transport = item.rule.transport.as_str().to_uppercase();
    item.rule.ports.map_or(transport.clone(), |p| format!("{transport} {p}"))
}

/// The address, with the name it belongs to.
fn place_words(item: &Item, address: Option<IpAddr>) -> String {
    match (address, &item.host) {
        (Some(a), crate::model::Host::Name(name)) => format!("{name} ({a})"),
        (_, host) => host.to_string(),
    }
}

/// The words for a check that was not tried.
pub fn skipped(because: &str) -> String {
    format!("Not tried: {because}.")
}

/// The words for a failure, with what to change.
pub fn failed(item: &Item, seen: &Seen, failure: &Failure, status: Status) -> String {
    let (port, place) = (port_words(item), place_words(item, seen.address));
    if failure.step == Step::Name {
        return name_failed(item, failure);
    }
    let tried = format!("{} on {port} at {place}", service_words(item.rule.service));
    let remedy = remedy(item, seen, failure, status);
    format!("{tried}: {}; {remedy}.", failure.detail)
}

fn name_failed(item: &Item, failure: &Failure) -> String {
    let change = match failure.kind {
        FailureKind::NxDomain => {
            "check the name for a typing error, or have it added to the DNS that this network uses"
        }
        FailureKind::NoAddress => "have an A or AAAA record added for it, or test the family it has",
        FailureKind::ResolverTimeout => "allow DNS (UDP and TCP 53) to the resolver, or mend the resolver",
        FailureKind::OutOfTime => "run it again and let it end, with a longer --budget if one was set",
        _ => "mend the resolver, or ask another one with --dns",
    };
    format!("The name {} could not be used: {}; {change}.", item.host, failure.detail)
}

/// What to change, by the class of failure.
fn remedy(item: &Item, seen: &Seen, failure: &Failure, status: Status) -> String {
    let port = port_words(item);
    let to = seen.address.map_or_else(|| item.host.to_string(), |a| a.to_string());
    let from: Option<String> = seen.observation.facts.get(&metric::ICMP_FROM);
    match failure.kind {
        FailureKind::TimedOut if status == Status::Unknown => format!(
            "silence over UDP decides nothing: run `rtc-check serve` at the far end to prove the path, or allow {port} outbound to {to}"
        ),
        FailureKind::TimedOut
            if failure.step == Step::Connect || item.rule.transport == Transport::Udp =>
        {
            format!("a firewall between here and there drops it, or the host is down: allow {port} outbound to {to}")
        }
        FailureKind::TimedOut => {
            "the port is open but the service behind it hangs, or a middlebox swallows its answer".to_owned()
        }
        FailureKind::Refused if status == Status::Unknown => {
            "the path is open, and a plain datagram cannot tell whether IKE listens there: look at the server".to_owned()
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
        FailureKind::OutOfTime => "run it again and let it end, with a longer --budget if one was set".to_owned(),
        FailureKind::CertUnknownIssuer | FailureKind::CertIncompleteChain if issued_by_a_responder(seen) => {
            "this is the responder's throw-away certificate: give the client --ca with the file that `serve --ca-out FILE` wrote".to_owned()
        }
        other => remedy_above_transport(item, other),
    }
}

/// The certificate bears the name of the authority that `rtc-check serve` makes for itself.
fn issued_by_a_responder(seen: &Seen) -> bool {
    let chain: Option<serde_json::Value> = seen.observation.facts.get(&metric::CERT_CHAIN);
    let issuer = chain.as_ref().and_then(|c| c.get(0)?.get("issuer")?.as_str());
    issuer.is_some_and(|i| i.contains("rtc-check throw-away authority"))
}

fn remedy_above_transport(item: &Item, kind: FailureKind) -> String {
    let host = &item.host;
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

fn service_words(service: Service) -> &'static str {
    match service {
        Service::Http => "HTTP",
        Service::Https => "HTTPS",
        Service::HttpRedirect => "HTTP",
        Service::Ws => "WebSocket",
        Service::Wss => "Secure WebSocket",
        Service::Rtmp => "RTMP",
        Service::Rtmps => "RTMP over TLS",
        Service::Rtsp => "RTSP",
        Service::Ssh => "SSH",
        Service::Sip => "SIP",
        Service::Stun => "STUN",
        Service::Turn => "TURN",
        Service::Turns => "TURN over TLS",
        Service::Rtp => "RTP media",
        Service::Ike => "IKE",
        Service::Gre => "GRE",
        Service::Dns => "DNS",
    }
}

/// The words for what went through.
pub fn measured(item: &Item, seen: &Seen, status: Status, days_left: Option<f64>) -> String {
    let facts = &seen.observation.facts;
    let place = place_words(item, seen.address);
    let service = match (item.rule.service, facts.has(&metric::TLS_VERSION)) {
        // The document says HTTP/HTTPS, and TLS is what answered.
        (Service::Http, true) => "HTTPS",
        (Service::Https, false) => "HTTP",
        (service, _) => service_words(service),
    };
    let what = match port_words(item) {
        port if item.rule.ports.is_some() => format!("{service} on {port} at {place}"),
        _ => format!("{service} to {place}"),
    };
    let mut text = format!("{what} {}", answer_words(item, facts));
    if let Some(fallback) = facts.get::<String>(&metric::FALLBACK) {
        text.push_str(&format!(" ({fallback})"));
    }
    match days_left {
        Some(days) if status == Status::Warn && days < CERT_WARN_DAYS => {
            text.push_str(&format!("; its certificate ends in {days:.0} days: renew it now"));
        }
        Some(days) => text.push_str(&format!("; its certificate is valid for {days:.0} more days")),
        None => {}
    }
    text + "."
}

fn answer_words(item: &Item, facts: &Facts) -> String {
    let code: Option<u16> = facts.get(&metric::HTTP_STATUS);
    let number = |m| facts.get::<f64>(m);
    match item.rule.service {
        Service::HttpRedirect => match (facts.get::<String>(&metric::REDIRECT), code) {
            (Some(to), _) => format!("redirects to {to}"),
            (None, code) => format!(
                "answered {} and does not forward to HTTPS: configure the redirect",
                code.map_or_else(String::new, |c| c.to_string())
            ),
        },
        Service::Http | Service::Https => match code {
            Some(c) if c >= 500 => format!("answered {c}: the server itself is in trouble, look at its log"),
            Some(c) => format!("answered {c}"),
            None => "answered".to_owned(),
        },
        Service::Ws | Service::Wss => {
            let chosen = facts.get::<String>(&metric::SUBPROTOCOL).map_or_else(String::new, |s| format!(" as {s}"));
            let ping = match number(&metric::PING_RTT_MS) {
                Some(ms) => format!(", ping answered in {ms:.1} ms"),
                None => ", though it answered no ping".to_owned(),
            };
            let held = number(&metric::HELD_S).map_or_else(String::new, |s| format!(", held open {s:.0} s in silence"));
            format!("upgraded{chosen}{ping}{held}")
        }
        Service::Ssh => facts.get::<String>(&metric::BANNER).map_or("answered".to_owned(), |b| match is_old_ssh(&b) {
            true => format!("answered {b}, a version that current clients refuse: update the server"),
            false => format!("answered {b}"),
        }),
        Service::Dns => facts.get::<Vec<IpAddr>>(&metric::ADDRESSES).map_or("resolved".to_owned(), |a| {
            let differ = facts.get(&metric::DNS_DIFFER) == Some(true);
            let note = if differ { ", though its resolvers do not agree (see observed.dns_servers)" } else { "" };
            format!("resolved to {}{note}", list(&a))
        }),
        Service::Stun => {
            let mapped = facts
                .get::<String>(&metric::MAPPED)
                .map_or_else(String::new, |m| format!(" and sees this machine as {m}"));
            let rtt = number(&metric::STUN_RTT_MS).map_or_else(String::new, |ms| format!(" in {ms:.1} ms"));
            format!("answered{rtt}{mapped}")
        }
        Service::Gre => "was not probed".to_owned(),
        _ => "is open".to_owned(),
    }
}

/// Only 2.0 and 1.99, which speaks 2.0 too, are current (RFC 4253 section 5.1).
pub fn is_old_ssh(banner: &str) -> bool {
    !banner.starts_with("SSH-2.0-") && !banner.starts_with("SSH-1.99-")
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
            "UDP {} to {to} stayed silent while {reached} other ports answered{astray}, which the loss on this path explains too: it decides nothing; ask again more slowly with --pace 50, or look for what limits UDP ({coverage}).",
            short(&range.silent),
        ),
        _ => format!(
            "UDP {} to {to} stayed silent while {}{astray}, which decides nothing; run `rtc-check serve` at the far end to prove each port ({coverage}).",
            short(&range.silent),
            others(reached, range),
        ),
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
            let s = if more == 1 { "" } else { "s" };
            format!("{} and {more} more range{s} ({} ports in all)", text.join(", "), set.count())
        }
    }
}
