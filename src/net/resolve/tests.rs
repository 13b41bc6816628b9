use hickory_resolver::proto::op::ResponseCode;

use super::*;
use crate::net::dns::tests::{fake, respond};
use crate::net::loopback::{LONG, SHORT};

async fn server(code: ResponseCode, addresses: &'static [&'static str]) -> SocketAddr {
    fake(move |q| vec![respond(&q, code, addresses)]).await
}

async fn silent() -> SocketAddr {
    fake(|_| vec![]).await
}

fn found() -> Result<Vec<IpAddr>, Failure> {
    Ok(vec!["192.0.2.1".parse().unwrap()])
}

/// What getaddrinfo says of SERVFAIL and silence alike.
fn try_again() -> Result<Vec<IpAddr>, Failure> {
    let words = "Temporary failure in name resolution";
    Err(Failure::new(Step::Name, getaddrinfo_kind(words), words))
}

async fn report(system: Result<Vec<IpAddr>, Failure>, servers: &[SocketAddr], timeout: Duration) -> NameReport {
    gather(std::future::ready(system), "rtc.example", servers, timeout).await
}

#[tokio::test]
async fn an_address_needs_no_resolver() {
    for literal in ["192.0.2.7", "2001:db8::7", "[2001:db8::7]"] {
        let report = look_up(literal, &[], LONG).await;
        assert_eq!(report.addresses, [literal.trim_matches(['[', ']']).parse::<IpAddr>().unwrap()]);
        assert!(report.failure.is_none() && report.servers.is_empty());
    }
}

#[tokio::test]
async fn an_ipv4_mapped_address_is_the_ipv4_address_and_counts_once() {
    let v4: IpAddr = "192.0.2.7".parse().unwrap();
    for literal in ["::ffff:192.0.2.7", "[::ffff:192.0.2.7]"] {
        assert_eq!(look_up(literal, &[], LONG).await.addresses, [v4]);
    }
    let v6: IpAddr = "2001:db8::7".parse().unwrap();
    let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
    assert_eq!(distinct([mapped, v6, v4, v6].into_iter()), [v4, v6]);
}

#[tokio::test]
async fn localhost_is_the_systems_alone() {
    let report = look_up("localhost", &[], LONG).await;
    assert!(report.failure.is_none() && report.addresses.iter().all(IpAddr::is_loopback), "{report:?}");
    assert!(report.servers.is_empty());
}

#[tokio::test]
async fn the_servers_are_asked_beside_the_system() {
    let servers =
        [server(ResponseCode::NoError, &["192.0.2.1"]).await, server(ResponseCode::NoError, &["192.0.2.1"]).await];
    let report = report(found(), &servers, LONG).await;
    assert_eq!(report.addresses, found().unwrap());
    assert!(!report.differ && report.failure.is_none());
    let order: Vec<_> = report.servers.iter().map(|a| (a.server, a.kind)).collect();
    assert_eq!(
        order,
        [(servers[0], Kind::A), (servers[0], Kind::Aaaa), (servers[1], Kind::A), (servers[1], Kind::Aaaa)]
    );
}

#[tokio::test]
async fn disagreement_is_seen_and_order_is_not() {
    let one = server(ResponseCode::NoError, &["192.0.2.1", "192.0.2.2"]).await;
    let turned = server(ResponseCode::NoError, &["192.0.2.2", "192.0.2.1"]).await;
    let other = server(ResponseCode::NoError, &["198.51.100.1"]).await;
    let denies = server(ResponseCode::NXDomain, &[]).await;
    let broken = server(ResponseCode::ServFail, &[]).await;
    assert!(!report(found(), &[one, turned, broken], LONG).await.differ);
    assert!(report(found(), &[one, other], LONG).await.differ);
    assert!(report(found(), &[one, denies], LONG).await.differ);
}

#[tokio::test]
async fn a_dead_server_does_not_hold_up_a_good_answer() {
    let start = clock::now();
    let good = server(ResponseCode::NoError, &["192.0.2.1"]).await;
    let report = report(found(), &[silent().await, good], LONG).await;
    assert!(clock::now().duration_since(start) < LONG / 2);
    let errors: Vec<_> = report.servers.iter().map(|a| a.error).collect();
    assert_eq!(errors, [Some(FailureKind::ResolverTimeout), Some(FailureKind::ResolverTimeout), None, None]);
    assert!(report.failure.is_none() && !report.differ);
}

#[tokio::test]
async fn the_servers_tell_why_the_system_failed() {
    let cases = [
        (server(ResponseCode::NXDomain, &[]).await, FailureKind::NxDomain),
        (server(ResponseCode::NoError, &[]).await, FailureKind::NoAddress),
        (server(ResponseCode::ServFail, &[]).await, FailureKind::ResolverError),
        (server(ResponseCode::Refused, &[]).await, FailureKind::ResolverError),
        (silent().await, FailureKind::ResolverTimeout),
    ];
    for (server, kind) in cases {
        let timeout = if kind == FailureKind::ResolverTimeout { SHORT } else { LONG };
        let report = report(try_again(), &[server], timeout).await;
        let failure = report.failure.unwrap();
        assert_eq!((failure.step, failure.kind), (Step::Name, kind), "{}", failure.detail);
        assert!(report.addresses.is_empty());
    }
}

#[tokio::test]
async fn the_systems_failure_stands_beside_a_server_that_knows() {
    let failure = Failure::new(Step::Name, FailureKind::NxDomain, "unknown");
    let knows = server(ResponseCode::NoError, &["192.0.2.1"]).await;
    let failure = report(Err(failure), &[knows], LONG).await.failure.unwrap();
    assert_eq!(failure.kind, FailureKind::NxDomain);
    assert!(failure.detail.contains("although 127.0.0.1 answers with an address"), "{}", failure.detail);
}

#[tokio::test]
async fn a_resolver_that_hangs_is_not_waited_for() {
    let hangs = std::future::pending::<Result<Vec<IpAddr>, Failure>>();
    let report = gather(hangs, "rtc.example", &[], SHORT).await;
    assert_eq!(report.failure.unwrap().kind, FailureKind::ResolverTimeout);
}

#[test]
fn getaddrinfos_words_are_known() {
    for (words, kind) in [
        ("failed to lookup address information: Name or service not known", FailureKind::NxDomain),
        ("failed to lookup address information: Name does not resolve", FailureKind::NxDomain),
        ("failed to lookup address information: No address associated with hostname", FailureKind::NoAddress),
        ("failed to lookup address information: Temporary failure in name resolution", FailureKind::ResolverError),
        ("failed to lookup address information: Try again", FailureKind::ResolverError),
    ] {
        assert_eq!(getaddrinfo_kind(words), kind, "{words}");
    }
}
