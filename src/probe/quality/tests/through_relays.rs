//! Trains through a real TURN server on loopback, where nothing answers directly.

use super::*;
use crate::model::{RelayTransport, Secret};
use crate::net::loopback::{Pki, relay as server};
use crate::probe::RelayLogin;
use crate::probe::trial::RelayServer;

/// A media range that nothing answered in, although somebody is there.
fn silent_range(port: u16) -> Way {
    let seen = Observation::failed(ProbeKind::UdpRange, Failure::new(Step::Sweep, FailureKind::TimedOut, "silence"));
    way(Service::Rtp, Transport::Udp, Spec::Range, port, Some(seen))
}

fn through(address: SocketAddr, transport: RelayTransport) -> RelayServer {
    RelayServer { host: "relay.example".to_owned(), address, transport, proxy: None, seen: None }
}

fn logged_in(settings: Settings) -> Settings {
    let login =
        RelayLogin::LongTerm { username: server::USER.to_owned(), password: Secret::new(server::PASSWORD.to_owned()) };
    Settings { relay_login: Some(Arc::new(login)), ..settings }
}

#[tokio::test]
async fn a_responder_behind_a_relay_is_measured_through_it_over_every_transport() {
    let (pki, relay, far) = (Pki::test(), server::udp(V4).await.unwrap(), Far::at(V4, RESPONDER));
    let (tcp, tls) = (server::tcp(&relay).await, server::tls(&relay, pki.leaf("relay.example")).await);
    let door = page(V4, 200, GRANT).await.port();
    let settings = logged_in(Settings {
        page_ports: Arc::new(vec![door]),
        ..crate::probe::layers::fixture::settings(pki.trust())
    });
    for (at, transport, way, carrier) in [
        (relay.at, RelayTransport::Udp, "turn-udp", "udp"),
        (tcp, RelayTransport::Tcp, "turn-tcp", "tcp"),
        (tls, RelayTransport::Tls, "turn-tls", "tcp"),
    ] {
        let mut task = task(V4, vec![silent_range(far.port)], 600);
        task.relays = vec![through(at, transport)];
        let seen = measured(&task, &settings).await;
        assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
        assert_eq!((via(&seen, "method"), via(&seen, "way")), (json!("turn"), json!(way)));
        assert_eq!((via(&seen, "server"), via(&seen, "peer")), (json!(at), json!(format!("{V4}:{}", far.port))));
        assert_eq!((via(&seen, "session"), via(&seen, "transport")), (json!("granted"), json!(carrier)));
        assert!(via(&seen, "why").as_str().is_some_and(|why| why.contains(":862")));
        // It tells each direction, as it does directly.
        let losses = [&metric::LOSS_PCT, &metric::LOSS_UP_PCT, &metric::LOSS_DOWN_PCT];
        assert_eq!(losses.map(|m| fact::<f64>(&seen, m)), [0.0; 3]);
        assert!(fact::<u32>(&seen, &metric::SENT) >= 28 && fact::<f64>(&seen, &metric::MOS) > 4.0);
        assert_eq!(loads(&seen)[0]["standing"], json!("holds"));
        assert_eq!(caveats(&seen).contains("sent again by TCP"), carrier == "tcp");
        assert!(!format!("{seen:?}").contains(server::PASSWORD));
    }
}

#[tokio::test]
async fn without_a_responder_the_way_to_the_relay_and_back_is_measured_and_said_to_be_no_more() {
    let relay = server::udp(V4).await.unwrap();
    let closed = closed_port().await.port();
    let mut task = task(V4, vec![silent_range(closed)], 600);
    task.relays = vec![through(relay.at, RelayTransport::Udp)];
    let seen = measured(&task, &logged_in(settings(&[closed]))).await;
    assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
    assert_eq!((via(&seen, "method"), via(&seen, "peer")), (json!("turn"), json!("itself")));
    let all: Value = serde_json::to_value(&seen.facts).unwrap();
    assert_eq!((&all["loss_pct"], &all["loss_up_pct"], &all["jitter_ms"]), (&json!(0.0), &json!(null), &json!(null)));
    assert!(all["rtt_variation_ms"].is_number() && all["mos"].is_number() && all["rtt_ms"]["p99"].is_number(), "{all}");
    assert!(caveats(&seen).contains("from there to 127.0.0.1 nothing is known"), "{}", caveats(&seen));
    assert_eq!((loads(&seen).len(), all.get("load")), (0, None));
}

#[tokio::test]
async fn what_works_directly_comes_first_and_a_load_that_needs_flows_is_not_relayed() {
    let (relay, far) = (server::udp(V4).await.unwrap(), Far::at(V4, RESPONDER));
    let door = page(V4, 200, GRANT).await.port();
    let mut task = task(V4, vec![range(far.port, true)], 400);
    task.relays = vec![through(relay.at, RelayTransport::Udp)];
    let settings = logged_in(settings(&[door]));
    assert_eq!(via(&measured(&task, &settings).await, "method"), json!("stamp"));
    (task.ways, task.loads) = (vec![silent_range(far.port)], vec![load(40.0, 400.0)]);
    let seen = measured(&task, &settings).await;
    assert_eq!((via(&seen, "method"), seen.outcome.clone()), (json!("turn"), Ended::Measured));
    let all = loads(&seen);
    assert!(
        all.iter().any(|l| l["failure"].as_str().is_some_and(|why| why.contains("not through a relay"))),
        "{all:?}"
    );
    assert!(all.iter().any(|l| l["sent"].as_u64().is_some_and(|sent| sent > 10)), "audio is sent for round trips");
}

#[tokio::test]
async fn a_relay_that_is_gone_or_turns_us_away_is_passed_over_and_said_so() {
    let relay = server::udp(V4).await.unwrap();
    let gone = std::net::UdpSocket::bind((V4, 0)).unwrap().local_addr().unwrap();
    let mut task = task(V4, vec![silent_range(closed_port().await.port())], 300);
    task.relays = vec![through(gone, RelayTransport::Udp), through(relay.at, RelayTransport::Udp)];
    let wrong = RelayLogin::LongTerm { username: server::USER.to_owned(), password: Secret::new("wrong") };
    let settings = Settings { relay_login: Some(Arc::new(wrong)), ..settings(&[]) };
    let seen = measured(&task, &settings).await;
    let failure = seen.failure().unwrap();
    assert!(failure.detail.contains(&format!("TURN/UDP at {gone}")), "{failure}");
    assert!(failure.detail.contains("port unreachable") && failure.detail.contains("400"), "{failure}");
}
