use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::AsyncReadExt;

use super::*;
use crate::model::{Facts, FailureKind, Secret, Step, metric};
use crate::net::loopback::{LONG, blurt, reset, serve, silence};
use crate::net::tls::Trust;
use crate::probe::RelayLogin;
use crate::probe::layers::fixture;

const USER: &str = "alice";
const PASSWORD: &str = "wonderland-of-relays";

fn settings(trust: Trust, password: &str) -> Settings {
    let login = RelayLogin::LongTerm { username: USER.to_owned(), password: Secret::new(password) };
    Settings { relay_login: Some(Arc::new(login)), ..fixture::settings(trust) }
}

async fn tried(at: SocketAddr, transport: RelayTransport, settings: &Settings, deadline: Duration) -> Observation {
    let server = RelayServer { host: "relay.example".to_owned(), address: at, transport, proxy: None, seen: None };
    let observation = attempt(&server, deadline, settings, &CancellationToken::new()).await;
    assert!(!format!("{observation:?}").contains(PASSWORD));
    observation
}

async fn failed(at: SocketAddr, transport: RelayTransport, deadline: Duration) -> (Step, FailureKind, String) {
    let observation = tried(at, transport, &settings(Trust::only([]), PASSWORD), deadline).await;
    let failure = observation.failure().unwrap().clone();
    (failure.step, failure.kind, failure.detail)
}

fn relay(facts: &Facts, key: &str) -> Option<String> {
    let fact: serde_json::Value = facts.get(&metric::RELAY).unwrap();
    fact.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[tokio::test]
async fn a_connection_that_breaks_and_a_port_that_is_none_are_told_apart() {
    let closing = serve(|mut stream| async move { drop(stream.read(&mut [0; 4096]).await) }).await;
    let closed = failed(closing, RelayTransport::Tcp, LONG).await;
    assert!(closed.0 == Step::Allocate && closed.2.contains("before it allocated anything"), "{closed:?}");
    let reset = failed(serve(reset).await, RelayTransport::Tcp, LONG).await;
    assert_eq!((reset.0, reset.1), (Step::Allocate, FailureKind::Reset));
    let http = failed(serve(blurt).await, RelayTransport::Tcp, LONG).await;
    assert!(http.1 == FailureKind::Garbage && http.2.contains("HTTP"), "{http:?}");
    let not_tls = failed(serve(blurt).await, RelayTransport::Tls, LONG).await;
    assert_eq!((not_tls.0, not_tls.1), (Step::Tls, FailureKind::NotTls));
    let silent = failed(serve(silence).await, RelayTransport::Tcp, Duration::from_millis(300)).await;
    assert_eq!((silent.0, silent.1), (Step::Allocate, FailureKind::OutOfTime));
}

#[tokio::test]
async fn a_closed_udp_port_is_refused_and_what_is_no_turn_is_told() {
    let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = failed(closed, RelayTransport::Udp, LONG).await;
    assert_eq!((refused.0, refused.1), (Step::Allocate, FailureKind::Refused));
}

/// Answers every Allocate with 486 (RFC 8656 section 19), `times` often, and forwards to `then` after that.
async fn with_quota(times: u32, then: SocketAddr) -> (SocketAddr, Arc<AtomicU32>) {
    let front = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let back = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (at, refused) = (front.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&refused);
    tokio::spawn(async move {
        let (mut there, mut here, mut client) = ([0; 2048], [0; 2048], at);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut there) => {
                    client = from;
                    if there[..2] == [0, 3] && count.load(Ordering::SeqCst) < times {
                        count.fetch_add(1, Ordering::SeqCst);
                        let mut error = vec![1, 0x13, 0, 12];
                        error.extend_from_slice(&there[4..20]);
                        error.extend_from_slice(&[0, 9, 0, 8, 0, 0, 4, 86, b'f', b'u', b'l', b'l']);
                        front.send_to(&error, client).await.unwrap();
                    } else {
                        back.send_to(&there[..length], then).await.unwrap();
                    }
                }
                Ok((length, _)) = back.recv_from(&mut here) => {
                    front.send_to(&here[..length], client).await.unwrap();
                }
            }
        }
    });
    (at, refused)
}

async fn against_quota(at: SocketAddr, freed: Duration) -> Observation {
    let server = RelayServer {
        host: "relay.example".to_owned(),
        address: at,
        transport: RelayTransport::Udp,
        proxy: None,
        seen: None,
    };
    let (settings, cancel) = (settings(Trust::only([]), PASSWORD), CancellationToken::new());
    let mut way = Loop::new(&server, &settings, &cancel, clock::now() + LONG);
    way.freed = freed;
    through(way).await
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_asked_once_more_and_told_where_it_still_is() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let retried = |seen: &Observation| {
        assert_eq!(seen.failure().unwrap().kind, FailureKind::TurnError);
        let fact: serde_json::Value = seen.facts.get(&metric::TURN_ERROR).unwrap();
        assert_eq!(fact["code"], 486);
        fact["retried"].as_bool().unwrap()
    };
    let (at, refused) = with_quota(u32::MAX, nobody).await;
    assert!(retried(&against_quota(at, Duration::from_millis(1)).await));
    assert_eq!(refused.load(Ordering::SeqCst), 2);
    let (at, refused) = with_quota(u32::MAX, nobody).await;
    assert!(!retried(&against_quota(at, LONG * 2).await), "no time for it");
    assert_eq!(refused.load(Ordering::SeqCst), 1);
}

#[cfg(feature = "media")]
mod relayed {
    use super::*;
    use crate::net::loopback::{Pki, relay as server};

    fn proven(observation: &Observation) {
        assert_eq!(observation.failure(), None, "{observation:?}");
        let facts = &observation.facts;
        let count = |metric| facts.get::<u64>(metric);
        let sent = count(&metric::SENT);
        // A machine that is busy leaves packets out and sends as much longer.
        assert!(sent == count(&metric::RECEIVED) && sent.is_some_and(|n| (45..=60).contains(&n)), "{sent:?}");
        assert!(facts.get::<f64>(&metric::READY_MS).is_some_and(|ms| ms > 0.0));
        assert!(facts.has(&metric::RTT_MS) && facts.has(&metric::MOS) && !facts.has(&metric::FALLBACK));
        let steps: Vec<Step> = observation.steps.iter().map(|s| s.step).collect();
        assert!(steps.ends_with(&[Step::Relay, Step::Release]), "{steps:?}");
        assert_eq!(relay(facts, "realm").as_deref(), Some(server::REALM));
        assert_eq!(relay(facts, "login").as_deref(), Some("long-term"));
        assert_eq!(relay(facts, "peer").as_deref(), Some("itself"));
    }

    #[tokio::test]
    async fn data_go_through_a_relay_over_every_transport() {
        let pki = Pki::test();
        let relay = server::udp("127.0.0.1").await.unwrap();
        let (tcp, tls) = (server::tcp(&relay).await, server::tls(&relay, pki.leaf("relay.example")).await);
        let settings = settings(pki.trust(), PASSWORD);
        let (udp, tcp, tls) = tokio::join!(
            tried(relay.at, RelayTransport::Udp, &settings, LONG),
            tried(tcp, RelayTransport::Tcp, &settings, LONG),
            tried(tls, RelayTransport::Tls, &settings, LONG),
        );
        for (observation, first) in [(&udp, Step::Allocate), (&tcp, Step::Connect), (&tls, Step::Connect)] {
            proven(observation);
            assert_eq!(observation.steps[0].step, first);
        }
        assert!(tls.steps.iter().any(|s| s.step == Step::Tls) && tls.facts.has(&metric::CERT_CHAIN));
    }

    #[tokio::test]
    async fn a_wrong_password_is_an_error_and_no_password_proves_nothing() {
        let server = server::udp("127.0.0.1").await.unwrap();
        let wrong = tried(server.at, RelayTransport::Udp, &settings(Trust::only([]), "wrong"), LONG).await;
        assert_eq!(wrong.failure().unwrap().kind, FailureKind::TurnError);
        let none = Settings { relay_login: None, ..settings(Trust::only([]), "") };
        let none = tried(server.at, RelayTransport::Udp, &none, LONG).await;
        assert_eq!(none.failure(), None);
        let words: String = none.facts.get(&metric::FALLBACK).unwrap();
        assert!(words.contains("realm relay.example") && words.contains("RTC_CHECK_TURN_USERNAME"), "{words}");
        assert_eq!(relay(&none.facts, "login").as_deref(), Some("none"));
    }

    #[tokio::test]
    async fn a_quota_that_is_free_again_costs_nothing() {
        let server = server::udp("127.0.0.1").await.unwrap();
        let (at, refused) = with_quota(1, server.at).await;
        proven(&against_quota(at, Duration::from_millis(1)).await);
        assert_eq!(refused.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn ports_that_a_relay_gives_are_heard_through_it() {
        let server = server::udp("127.0.0.1").await.unwrap();
        let address = server.at;
        let server = RelayServer {
            host: "relay.example".to_owned(),
            address,
            transport: RelayTransport::Udp,
            proxy: None,
            seen: None,
        };
        let settings = settings(Trust::only([]), PASSWORD);
        let fact = relayed_ports(&server, &settings, &CancellationToken::new(), LONG).await;
        let count = |key: &str| fact[key].as_array().unwrap().len();
        assert_eq!((count("asked"), count("answered"), count("silent")), (6, 6, 0), "{fact}");
    }
}
