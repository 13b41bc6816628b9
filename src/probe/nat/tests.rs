//! Against responders over loopback: with a second address, without, and silent.

use std::net::UdpSocket;
use std::sync::Arc;

use super::super::layers::fixture;
use super::super::trial::What;
use super::*;
use crate::model::{Outcome as Ended, metric};
use crate::net::tls::Trust;
use crate::session::limits::AnswerLimits;
use crate::session::reflector::{Alternate, Incoming, LONGEST, OwnSockets, Reflector};

/// A responder's logic on four loopback sockets, or the first of them; until `count` datagrams were answered or nothing came
/// for long. A port is free on both addresses where it and the next are.
fn responder(addresses: [&str; 2], second: bool) -> SocketAddr {
    let sockets = (0..200).find_map(|_| four(addresses)).unwrap();
    let locals: Vec<SocketAddr> = sockets.iter().map(|s| s.local_addr().unwrap()).collect();
    let first = locals[0];
    let mut own = OwnSockets::default();
    locals.iter().for_each(|l| own.insert(*l));
    let ip = |text: &str| text.parse().unwrap();
    let second = if second { vec![ip(addresses[1])] } else { vec![] };
    let alternate = Alternate { second, first: vec![ip(addresses[0])], ports: vec![first.port()] };
    let reflector = Reflector::new(AnswerLimits::default(), own, None, 7, clock::now()).with_alternate(alternate);
    let shared = Arc::new((std::sync::Mutex::new(reflector), sockets));
    for number in 0..locals.len() {
        let (shared, locals) = (shared.clone(), locals.clone());
        std::thread::spawn(move || {
            let (reflector, sockets) = &*shared;
            let (mut buf, mut answer) = ([0; LONGEST], [0; LONGEST]);
            sockets[number].set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            while let Ok((len, from)) = sockets[number].recv_from(&mut buf) {
                let incoming = Incoming::plain(clock::now(), from, locals[number], &buf[..len]);
                let Ok(written) = reflector.lock().unwrap().handle(&incoming, &mut answer) else { continue };
                let (source, to) = written.ends.map_or((locals[number], from), |e| (e.from, e.to));
                let place = locals.iter().position(|l| *l == source).unwrap();
                sockets[place].send_to(&answer[..written.len], to).unwrap();
            }
        });
    }
    first
}

fn four(addresses: [&str; 2]) -> Option<Vec<UdpSocket>> {
    let first = UdpSocket::bind((addresses[0], 0)).ok()?;
    let port = first.local_addr().ok()?.port();
    let next = port.checked_add(1)?;
    let bind = |address: &str, port: u16| UdpSocket::bind((address, port)).ok();
    Some(vec![first, bind(addresses[0], next)?, bind(addresses[1], port)?, bind(addresses[1], next)?])
}

async fn probed(servers: &[SocketAddr], lifetime: Option<Duration>) -> (Observation, Duration) {
    probed_within(servers, lifetime, Duration::from_secs(30)).await
}

async fn probed_within(
    servers: &[SocketAddr],
    lifetime: Option<Duration>,
    deadline: Duration,
) -> (Observation, Duration) {
    let servers: Vec<(String, SocketAddr)> = servers.iter().map(|s| ("stun.example".to_owned(), *s)).collect();
    let task = TrialTask {
        check: "nat".to_owned(),
        what: What::Nat(servers.clone()),
        host: "stun.example".to_owned(),
        address: servers.first().map_or(IpAddr::from([127, 0, 0, 1]), |(_, s)| s.ip()),
        ways: vec![],
        relays: vec![],
        length: Duration::from_secs(4),
        deadline,
    };
    let settings = Settings { nat_lifetime: lifetime, ..fixture::settings(Trust::only([])) };
    let begun = clock::now();
    let seen = probe(&task, &servers, &settings, &CancellationToken::new(), Arc::new(|_, _| {})).await;
    (seen, clock::now() - begun)
}

fn word(seen: &Observation, metric: &metric::Metric) -> Option<String> {
    seen.facts.get(metric)
}

#[tokio::test]
async fn a_responder_with_two_addresses_shows_that_there_is_no_nat() {
    let server = responder(["127.0.0.1", "127.0.0.2"], true);
    let (seen, took) = probed(&[server], Some(Duration::from_secs(1))).await;
    assert_eq!(seen.outcome, Ended::Measured, "{:?}", seen.facts);
    assert_eq!(word(&seen, &metric::MAPPING).as_deref(), Some("none"), "{:?}", seen.facts);
    assert_eq!(word(&seen, &metric::FILTERING).as_deref(), Some("none"), "{:?}", seen.facts);
    assert_eq!(word(&seen, &metric::MAPPED), word(&seen, &metric::LOCAL));
    let via: serde_json::Value = seen.facts.get(&metric::VIA).unwrap();
    assert_eq!((via["method"].as_str(), via["varies"].as_bool()), (Some("rfc5780"), Some(false)));
    assert_eq!(via["servers"].as_array().map(Vec::len), Some(4));
    let lifetime: serde_json::Value = seen.facts.get(&metric::NAT_LIFETIME).unwrap();
    let right = serde_json::json!({"tested": [{"silence_s": 1, "alive": true}], "alive_s": 1, "gone_s": null});
    assert_eq!(lifetime, right);
    assert!(seen.facts.get::<serde_json::Value>(&metric::NAT_SIGNS).is_some_and(|s| s == serde_json::json!([])));
    assert!(!seen.facts.has(&metric::NAT_WHY_UNKNOWN));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_server_with_one_address_tells_the_mapping_where_there_is_none_and_no_filtering() {
    let server = responder(["127.0.0.1", "127.0.0.3"], false);
    let (seen, _) = probed(&[server], None).await;
    assert_eq!(word(&seen, &metric::MAPPING).as_deref(), Some("none"));
    assert_eq!(word(&seen, &metric::FILTERING).as_deref(), Some("unknown"));
    let why = word(&seen, &metric::NAT_WHY_UNKNOWN).unwrap();
    assert!(why.starts_with("the filtering cannot be told") && why.contains("names no OTHER-ADDRESS"), "{why}");
    assert!(!seen.facts.has(&metric::NAT_LIFETIME));
}

#[tokio::test]
async fn nobody_answers() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (seen, took) = probed(&[at, closed], None).await;
    let failure = seen.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Mapping, FailureKind::TimedOut));
    assert!(failure.detail.contains("stun.example (") && failure.detail.contains("port unreachable"), "{failure}");
    assert!(took >= Duration::from_millis(4900) && took < Duration::from_secs(12), "{took:?}");
    let (seen, _) = probed(&[closed], None).await;
    assert_eq!(seen.failure().unwrap().kind, FailureKind::Refused);
    let (seen, _) = probed_within(&[at], None, Duration::from_millis(50)).await;
    assert_eq!(seen.failure().unwrap().kind, FailureKind::OutOfTime);
    let (seen, _) = probed(&[], None).await;
    assert!(matches!(seen.outcome, Ended::Skipped(_)));
}
