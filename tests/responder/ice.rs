//! ICE with the responder's lite agent, as a run tries it: direct, through a relay, with a key, and where there is none.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rtc_check::model::{
    CallMode, FailureKind, Observation, Outcome, PortsMode, RelayTransport, Secret, Service, Step, Transport, metric,
};
use rtc_check::net::tls::Trust;
use rtc_check::net::{ResponderKey, chance};
use rtc_check::probe::measure::Way;
use rtc_check::probe::trial::{RelayServer, TrialTask, What, attempt};
use rtc_check::probe::{RelayLogin, Settings};
use rtc_check::profile::Spec;
use rtc_check::serve::{Limits, Ports, Responder};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use turn::auth::{AuthHandler, generate_auth_key};
use turn::relay::relay_static::RelayAddressGeneratorStatic;
use turn::server::Server;
use turn::server::config::{ConnConfig, ServerConfig};
use webrtc_util::vnet::net::Net;

use super::{place, rule, start_with, udp};

const MEDIA: &str = "media";
const PAGE: &str = "page";

fn settings(doors: &[u16]) -> Settings {
    Settings {
        tls: Arc::new(Trust::only([])),
        thorough: false,
        hold: None,
        ports: PortsMode::Sample(12),
        pace: 4000,
        seed: 1,
        responder_key: None,
        relay_login: None,
        janus: Arc::default(),
        rtsp: Arc::default(),
        proxies: Arc::default(),
        nat_lifetime: None,
        call: CallMode::IfOffered,
        page_ports: Arc::new(doors.to_vec()),
    }
}

fn task(address: IpAddr, relays: Vec<RelayServer>) -> TrialTask {
    TrialTask {
        check: "test".to_owned(),
        what: What::Ice,
        host: address.to_string(),
        address,
        ways: Vec::new(),
        relays,
        length: Duration::from_secs(1),
        deadline: Duration::from_secs(60),
    }
}

async fn tried(task: &TrialTask, settings: &Settings) -> Observation {
    attempt(task, settings, &CancellationToken::new(), Arc::new(|_, _| {})).await
}

fn fact(observation: &Observation, metric: &metric::Metric) -> Value {
    observation.facts.get(metric).unwrap_or(Value::Null)
}

/// Every packet of a train came back; 50 of them, but where this machine was too busy to send.
fn all_came(ice: &Value) -> bool {
    ice["sent"].as_u64().is_some_and(|sent| sent >= 5) && ice["sent"] == ice["received"]
}

async fn responder(address: &str, key: Option<&str>) -> (Responder, Settings) {
    let page = rule(PAGE, Service::Https, Transport::Tcp, address, Ports::Free);
    let (responder, _) = start_with(vec![udp(MEDIA, address, Ports::Free), page], key, Limits::default()).await;
    let settings = settings(&[place(&responder, PAGE).port()]);
    (responder, settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_pair_wins_and_its_train_is_measured_in_both_families() {
    for address in ["127.0.6.1", "::1"] {
        let (responder, settings) = responder(address, None).await;
        let media = place(&responder, MEDIA);
        // Its own STUN port tells the address that it sees.
        let mut told = Observation::new(rtc_check::model::ProbeKind::Stun);
        told.facts.set(&metric::RESPONDER, "1");
        let (service, transport) = (Service::Stun, Transport::Udp);
        let ports = rtc_check::model::PortRange::single(media.port());
        let stun = Way { rule: "stun".into(), spec: Spec::Stun, service, transport, ports, seen: Some(told) };
        let task = TrialTask { ways: vec![stun], ..task(media.ip(), Vec::new()) };
        let seen = tried(&task, &settings).await;
        assert_eq!(seen.outcome, Outcome::Measured, "{seen:?}");
        let ice = fact(&seen, &metric::ICE);
        assert_eq!((&ice["pair"]["local"]["type"], &ice["pair"]["remote"]["type"]), (&json!("host"), &json!("host")));
        assert_eq!(ice["pair"]["remote"]["address"], json!(media));
        assert!(ice["connected_ms"].is_f64() && ice["gathered_ms"].is_f64(), "{ice}");
        let kinds: Vec<_> = ice["candidates"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
        assert!(kinds.contains(&json!("host")) && kinds.contains(&json!("srflx")), "{ice}");
        assert_eq!((ice["loss_pct"].clone(), all_came(&ice)), (json!(0.0), true), "{ice}");
        assert!(ice["rtt_ms"]["p50"].as_f64().unwrap() > 0.0, "{ice}");
        for (same, metric) in [("rtt_ms", &metric::RTT_MS), ("loss_pct", &metric::LOSS_PCT), ("sent", &metric::SENT)] {
            assert_eq!(ice[same], fact(&seen, metric));
        }
        assert_eq!(fact(&seen, &metric::READY_MS), ice["connected_ms"]);
        assert!(fact(&seen, &metric::MOS).is_f64() && fact(&seen, &metric::LOSS_UP_PCT) == json!(0.0));
        assert!(!seen.facts.has(&metric::ICE_RELAY_ONLY));
        let steps: Vec<_> = seen.steps.iter().map(|s| (s.step, s.result.as_str())).collect();
        let all = [Step::Session, Step::Gather, Step::Checks, Step::Train];
        assert_eq!(steps, all.map(|step| (step, "ok")));
        responder.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responder_with_a_key_opens_sessions_for_its_holders_alone() {
    let (responder, settings) = responder("127.0.6.1", Some("a shared key")).await;
    let task = task(place(&responder, MEDIA).ip(), Vec::new());
    let refused = tried(&task, &settings).await;
    let failure = refused.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Session, FailureKind::SessionRefused));
    assert!(failure.detail.contains("RTC_CHECK_RESPONDER_KEY"), "{failure}");
    let key = Some(Arc::new(ResponderKey::new(b"a shared key".to_vec())));
    let seen = tried(&task, &Settings { responder_key: key, ..settings }).await;
    assert_eq!(seen.outcome, Outcome::Measured, "{seen:?}");
    assert_eq!(fact(&seen, &metric::LOSS_PCT), json!(0.0));
    responder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_responder_does_not_have_is_left_out_of_the_train() {
    let (responder, settings) = responder("127.0.6.1", None).await;
    let key = Some(Arc::new(ResponderKey::new(b"another's".to_vec())));
    let seen =
        tried(&task(place(&responder, MEDIA).ip(), Vec::new()), &Settings { responder_key: key, ..settings }).await;
    assert_eq!((seen.outcome.clone(), all_came(&fact(&seen, &metric::ICE))), (Outcome::Measured, true), "{seen:?}");
    responder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_responder_is_not_tried() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (doors, word) in [(vec![closed], "refused"), (Vec::new(), "no HTTPS or WSS port")] {
        let seen = tried(&task("127.0.0.1".parse().unwrap(), Vec::new()), &settings(&doors)).await;
        let Outcome::Skipped(why) = &seen.outcome else { panic!("{seen:?}") };
        assert!(why.contains("no rtc-check responder at 127.0.0.1") && why.contains(word), "{why}");
    }
}

struct Login;

impl AuthHandler for Login {
    fn auth_handle(&self, username: &str, realm: &str, _from: SocketAddr) -> Result<Vec<u8>, turn::Error> {
        match username {
            "north" => Ok(generate_auth_key(username, realm, "wind")),
            _ => Err(turn::Error::Other("nobody".to_owned())),
        }
    }
}

/// A relay on 127.0.6.9 that knows the user `north`.
async fn relay() -> (Server, RelayServer) {
    let socket = tokio::net::UdpSocket::bind("127.0.6.9:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let relay_addr_generator = Box::new(RelayAddressGeneratorStatic {
        relay_address: address.ip(),
        address: "127.0.6.9".to_owned(),
        net: Arc::new(Net::new(None)),
    });
    let config = ServerConfig {
        conn_configs: vec![ConnConfig { conn: Arc::new(socket), relay_addr_generator }],
        realm: "example.test".to_owned(),
        auth_handler: Arc::new(Login),
        channel_bind_timeout: Duration::ZERO,
        alloc_close_notify: None,
    };
    let host = address.ip().to_string();
    let transport = RelayTransport::Udp;
    (Server::new(config).await.unwrap(), RelayServer { host, address, transport, proxy: None, seen: None })
}

fn login(password: &str) -> Option<Arc<RelayLogin>> {
    let (username, password) = ("north".to_owned(), Secret::new(password));
    Some(Arc::new(RelayLogin::LongTerm { username, password }))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_relay_the_direct_pair_still_wins_and_the_relay_alone_works_too() {
    let (responder, settings) = responder("127.0.6.1", None).await;
    let (server, relay) = relay().await;
    let task = task(place(&responder, MEDIA).ip(), vec![relay.clone()]);
    let seen = tried(&task, &Settings { relay_login: login("wind"), ..settings }).await;
    assert_eq!(seen.outcome, Outcome::Measured, "{seen:?}");
    let (ice, alone) = (fact(&seen, &metric::ICE), fact(&seen, &metric::ICE_RELAY_ONLY));
    assert_eq!(ice["pair"]["local"]["type"], json!("host"));
    let relayed = ice["candidates"].as_array().unwrap().iter().find(|c| c["type"] == json!("relay")).unwrap();
    assert_eq!(relayed["via"], json!("turn-udp"), "{ice}");
    assert_eq!(alone["pair"]["local"]["via"], json!("turn-udp"), "{alone}");
    assert_eq!((alone["candidates"].as_array().unwrap().len(), all_came(&alone)), (1, true), "{alone}");
    assert_eq!((&alone["relay_errors"], alone.get("failed")), (&json!([]), None));
    let held = server.get_allocations_info(None).await.unwrap();
    assert!(held.is_empty(), "allocations were not given back");
    server.close().await.unwrap();
    responder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_relays_say_is_told_and_relays_that_cannot_serve_are_left_out_with_a_reason() {
    let (responder, settings) = responder("127.0.6.1", None).await;
    let (server, relay) = relay().await;
    let here = place(&responder, MEDIA).ip();
    let wrong = Settings { relay_login: login("another"), ..settings.clone() };
    let seen = tried(&task(here, vec![relay.clone()]), &wrong).await;
    let alone = fact(&seen, &metric::ICE_RELAY_ONLY);
    let errors = alone["relay_errors"].to_string();
    assert_eq!(seen.outcome, Outcome::Measured, "the direct pair works: {seen:?}");
    assert!(errors.contains(&format!("TURN/UDP {}", relay.address)) && errors.contains("Allocate"), "{alone}");
    assert!(alone["failed"].as_str().unwrap().contains("this machine had no candidate"), "{alone}");
    assert!(!serde_json::to_string(&seen.facts).unwrap().contains("another"));

    let seen = tried(&task(here, vec![relay.clone()]), &settings).await;
    let left_out = fact(&seen, &metric::ICE)["left_out"].to_string();
    assert!(left_out.contains(&relay.address.to_string()) && left_out.contains("credentials"), "{left_out}");
    assert!(!seen.facts.has(&metric::ICE_RELAY_ONLY));
    server.close().await.unwrap();
    responder.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_granted_ports_are_silent_no_pair_works_and_it_is_said_what_was_tried() {
    // A page that grants a port where nobody answers.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (_, tls) = rtc_check::serve::self_signed(&["localhost".to_owned()]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap().port();
    let pwd = chance::bytes::<16>().map(|b| format!("{b:02x}")).concat();
    let grant = json!({ "ufrag": "abcdefgh", "pwd": pwd, "ports": [port], "seconds": 60 }).to_string();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio_rustls::TlsAcceptor::from(tls).accept(stream).await.unwrap();
        let mut buf = [0; 4096];
        let _ = stream.read(&mut buf).await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", grant.len());
        let _ = stream.write_all((head + &grant).as_bytes()).await;
        let _ = stream.read(&mut buf).await;
    });
    let short = TrialTask { deadline: Duration::from_secs(2), ..task("127.0.0.1".parse().unwrap(), Vec::new()) };
    let seen = tried(&short, &settings(&[door])).await;
    let failure = seen.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Checks, FailureKind::IceFailed));
    for word in ["tried host 127.0.0.1:", &format!("against UDP {port} of 127.0.0.1")] {
        assert!(failure.detail.contains(word), "{failure}");
    }
    assert_eq!(fact(&seen, &metric::ICE)["failed"], json!(failure.detail));
}
