//! Names to addresses: the operating system's resolver, whose answer is used because a browser uses it too, and beside it
//! every configured DNS server by itself, whose answers are evidence.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::config::ProtocolConfig;
use serde::Serialize;

use super::classify::{clean, seconds};
use super::clock;
use super::dns::{self, Kind, ServerAnswer};
use crate::model::schedule::NAME_GRACE;
use crate::model::{Failure, FailureKind, Step, is_local_name, millis};

/// Servers asked by themselves.
const MAX_SERVERS: usize = 8;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NameReport {
    /// The system's answer, each address once, in its order.
    pub addresses: Vec<IpAddr>,
    /// Time of the system's answer in milliseconds.
    pub ms: f64,
    /// Why there is no address; step `name`.
    #[serde(skip)]
    pub failure: Option<Failure>,
    /// What each server said by itself, A before AAAA.
    pub servers: Vec<ServerAnswer>,
    /// Two servers gave different addresses, or one denies the name that another knows.
    pub differ: bool,
}

/// Looks `name` up by the system's resolver and by every server of its configuration and of `extra_servers`, side by
/// side. An address literal is its own answer.
pub async fn look_up(name: &str, extra_servers: &[SocketAddr], timeout: Duration) -> NameReport {
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return NameReport {
            addresses: vec![address.to_canonical()],
            ms: 0.0,
            failure: None,
            servers: Vec::new(),
            differ: false,
        };
    }
    let mut servers = if is_local_name(name) { Vec::new() } else { system_servers() };
    for server in extra_servers {
        if !servers.contains(server) {
            servers.push(*server);
        }
    }
    servers.truncate(MAX_SERVERS.max(extra_servers.len()));
    // The usual libraries try the next server after 5 s: a moment more than that is one look-up, slow and good.
    gather(system(name, timeout + NAME_GRACE), name, &servers, timeout).await
}

/// The DNS servers of the system's configuration, in its order; none where it cannot be read.
pub fn system_servers() -> Vec<SocketAddr> {
    let Ok((config, _)) = hickory_resolver::system_conf::read_system_conf() else { return Vec::new() };
    let mut servers = Vec::new();
    for server in config.name_servers() {
        let udp = server.connections.iter().find(|c| matches!(c.protocol, ProtocolConfig::Udp));
        let address = SocketAddr::new(server.ip, udp.map_or(53, |c| c.port));
        if !servers.contains(&address) {
            servers.push(address);
        }
    }
    servers
}

/// The addresses of `name` by getaddrinfo, each once, in its order.
///
/// # Errors
/// Step `name`: `NxDomain`, `NoAddress`, `ResolverError` or `ResolverTimeout`, as far as getaddrinfo tells them apart.
pub(super) async fn system(name: &str, timeout: Duration) -> Result<Vec<IpAddr>, Failure> {
    let fail = |kind, detail| Err(Failure::new(Step::Name, kind, detail));
    let found = match tokio::time::timeout(timeout, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => found,
        Ok(Err(e)) => {
            let words = e.to_string();
            return fail(
                getaddrinfo_kind(&words),
                format!("{} does not resolve: {}", clean(name, 80), clean(&words, 120)),
            );
        }
        Err(_) => {
            let detail =
                format!("the system's resolver did not answer for {} in {}", clean(name, 80), seconds(timeout));
            return fail(FailureKind::ResolverTimeout, detail);
        }
    };
    let addresses = distinct(found.map(|a| a.ip()));
    if addresses.is_empty() {
        return fail(FailureKind::NoAddress, format!("{} has no address", clean(name, 80)));
    }
    Ok(addresses)
}

/// Each address once, in their order; IPv4-mapped ones as the IPv4 addresses that they stand for.
fn distinct(found: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for address in found.map(|a| a.to_canonical()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// getaddrinfo's own words for its codes, in glibc and musl, which is all that the standard library hands on. `EAI_AGAIN`
/// covers SERVFAIL and silence alike; the servers' own answers tell them apart.
fn getaddrinfo_kind(words: &str) -> FailureKind {
    let says = |texts: &[&str]| texts.iter().any(|t| words.contains(t));
    if says(&["No address associated with hostname", "Name has no usable address"]) {
        FailureKind::NoAddress
    } else if says(&["Name or service not known", "Name does not resolve", "nodename nor servname"]) {
        FailureKind::NxDomain
    } else {
        FailureKind::ResolverError
    }
}

/// The system's answer with the servers' beside it. Once the system has answered well, the servers get no more than
/// [`NAME_GRACE`]; where it failed, they get the whole time, because they tell why.
async fn gather(
    system: impl Future<Output = Result<Vec<IpAddr>, Failure>>,
    name: &str,
    servers: &[SocketAddr],
    timeout: Duration,
) -> NameReport {
    let start = clock::now();
    let questions: Vec<_> = servers.iter().flat_map(|s| [(*s, Kind::A), (*s, Kind::Aaaa)]).collect();
    let mut pending: FuturesUnordered<_> =
        questions.iter().map(|(s, kind)| dns::ask(*s, name, *kind, timeout)).collect();
    let mut answers: Vec<ServerAnswer> = Vec::new();
    let mut used = None;
    let mut cutoff = start + timeout + NAME_GRACE;
    tokio::pin!(system);
    while used.is_none() || !pending.is_empty() {
        tokio::select! {
            found = &mut system, if used.is_none() => {
                let now = clock::now();
                cutoff = if found.is_ok() { cutoff.min(now + NAME_GRACE) } else { cutoff };
                used = Some((found, now.duration_since(start)));
            }
            Some(answer) = pending.next(), if !pending.is_empty() => answers.push(answer),
            () = tokio::time::sleep_until(cutoff.into()) => break,
        }
    }
    drop(pending);
    let waited = clock::now().duration_since(start);
    let servers = in_order(&questions, answers, waited);
    let late = || Failure::new(Step::Name, FailureKind::ResolverTimeout, format!("no answer in {}", seconds(waited)));
    let (found, took) = used.unwrap_or_else(|| (Err(late()), waited));
    let differ = differ(&servers);
    let (addresses, failure) = match found {
        Ok(addresses) => (addresses, None),
        Err(failure) => (Vec::new(), Some(refine(failure, name, &servers))),
    };
    NameReport { addresses, ms: millis(took), failure, servers, differ }
}

/// The answers in the order of the questions; a question without one was not waited for any longer.
fn in_order(questions: &[(SocketAddr, Kind)], mut answers: Vec<ServerAnswer>, waited: Duration) -> Vec<ServerAnswer> {
    let take =
        |(server, kind): &(SocketAddr, Kind)| match answers.iter().position(|a| a.server == *server && a.kind == *kind)
        {
            Some(at) => answers.swap_remove(at),
            None => {
                let detail = format!("no answer in {}, not waited for any longer", seconds(waited));
                ServerAnswer::none(*server, *kind, FailureKind::ResolverTimeout, detail)
            }
        };
    questions.iter().map(take).collect()
}

/// Two servers that answered disagree, in either kind. Where one gives an address of the other kind, NXDOMAIN denies this
/// kind alone, as some forwarders do it.
fn differ(answers: &[ServerAnswer]) -> bool {
    let knows = |server: SocketAddr| answers.iter().any(|a| a.server == server && !a.addresses.is_empty());
    let view = |a: &ServerAnswer| {
        let denied = a.rcode.as_deref() == Some("NXDOMAIN") && !knows(a.server);
        (denied, a.addresses.iter().copied().collect::<BTreeSet<IpAddr>>())
    };
    [Kind::A, Kind::Aaaa].iter().any(|kind| {
        let decided = answers.iter().filter(|a| a.kind == *kind && is_decided(a));
        decided.map(view).collect::<BTreeSet<_>>().len() > 1
    })
}

fn is_decided(answer: &ServerAnswer) -> bool {
    matches!(answer.rcode.as_deref(), Some("NOERROR" | "NXDOMAIN"))
}

/// Makes the system's failure exact by what the servers said themselves: getaddrinfo calls SERVFAIL and silence the same.
fn refine(failure: Failure, name: &str, servers: &[ServerAnswer]) -> Failure {
    let said = |code: &str| servers.iter().find(|a| a.rcode.as_deref() == Some(code));
    let name = clean(name, 80);
    let (kind, detail) = if let Some(a) = said("NXDOMAIN") {
        (FailureKind::NxDomain, format!("{name} does not exist: {} answers NXDOMAIN", a.server.ip()))
    } else if servers.iter().any(|a| !a.addresses.is_empty()) {
        return knows_better(failure, servers);
    } else if let Some(a) = said("NOERROR") {
        (FailureKind::NoAddress, format!("{name} exists and has no address, says {}", a.server.ip()))
    } else if let Some(a) = servers.iter().find(|a| a.rcode.is_some()) {
        let code = a.rcode.as_deref().unwrap_or_default();
        (FailureKind::ResolverError, format!("{} answers {code} for {name}", a.server.ip()))
    } else if servers.iter().any(|a| a.error == Some(FailureKind::ResolverTimeout)) {
        (FailureKind::ResolverTimeout, format!("no DNS server answered for {name}: {}", silence(servers)))
    } else if servers.is_empty() {
        return failure;
    } else {
        (FailureKind::ResolverError, format!("no DNS server answered for {name}: {}", silence(servers)))
    };
    Failure::new(Step::Name, kind, detail)
}

/// The system failed where a server knows addresses: both are said, the system's word stands.
fn knows_better(mut failure: Failure, servers: &[ServerAnswer]) -> Failure {
    if let Some(a) = servers.iter().find(|a| !a.addresses.is_empty()) {
        failure.detail.push_str(&format!(", although {} answers with an address", a.server.ip()));
    }
    failure
}

/// Why each server gave no answer, once a server.
fn silence(servers: &[ServerAnswer]) -> String {
    let words: BTreeSet<String> =
        servers.iter().filter_map(|a| Some(format!("{} {}", a.server.ip(), a.detail.as_deref()?))).collect();
    clean(&words.into_iter().collect::<Vec<_>>().join("; "), 300)
}

#[cfg(test)]
mod tests;
