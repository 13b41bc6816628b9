use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, frame::coding::CloseCode};

use super::*;
use crate::net::loopback::{Pki, answer, read_head, serve, serve_tls, silence};
use crate::net::ws::tests::{accept, echo};
use crate::probe::layers::fixture::{settings, task};
use crate::profile::RefusedUpgrade;

fn spec(tls: bool) -> WsSpec {
    WsSpec { tls, path: "/".to_owned(), subprotocol: Some("janus-protocol".to_owned()), refused: RefusedUpgrade::Fail }
}

async fn probed(at: SocketAddr, hold: Option<Duration>, deadline: Duration) -> Observation {
    let settings = Settings { hold, ..settings(Pki::test().trust()) };
    let task = Task { deadline, ..task("rtc.example", at) };
    probe(&task, &settings, &spec(false)).await
}

/// A server that has upgraded and then does `then`.
async fn upgraded<F, R>(then: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    serve(move |mut s| {
        let then = then.clone();
        async move {
            accept(&mut s, Some("janus-protocol")).await;
            then(s).await;
        }
    })
    .await
}

fn steps(obs: &Observation) -> Vec<(Step, bool)> {
    obs.steps.iter().map(|s| (s.step, s.result == "ok")).collect()
}

const LONG: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn upgrade_ping_hold_and_close() {
    let obs = probed(echo("janus-protocol").await, Some(MOMENT), LONG).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(steps(&obs), [Step::Connect, Step::Upgrade, Step::Ping, Step::Hold].map(|s| (s, true)));
    assert_eq!(obs.facts.get::<String>(&metric::SUBPROTOCOL).as_deref(), Some("janus-protocol"));
    assert!(obs.facts.has(&metric::PING_RTT_MS) && obs.facts.has(&metric::HELD_S));
}

#[tokio::test]
async fn wss_never_offers_h2() {
    let pki = Pki::test();
    let at = serve_tls(pki.leaf("rtc.example"), &[b"h2", b"http/1.1"], |mut s| async move {
        read_head(&mut s).await;
    })
    .await;
    let obs = probe(&task("rtc.example", at), &settings(pki.trust()), &spec(true)).await;
    assert_eq!(obs.facts.get::<String>(&metric::TLS_ALPN).as_deref(), Some("http/1.1"));
    let failure = obs.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Upgrade, FailureKind::Closed), "hung up without an answer");
}

#[tokio::test]
async fn a_refused_upgrade_keeps_the_proof_that_http_answered() {
    let at = serve(|s| answer(s, b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")).await;
    let obs = probed(at, None, LONG).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::UpgradeRefused);
    assert_eq!(obs.facts.get::<u16>(&metric::HTTP_STATUS), Some(404));
}

#[tokio::test]
async fn no_pong_is_noted_and_decides_nothing() {
    // The deadline ends the wait for the pong.
    let obs = probed(upgraded(silence).await, None, Duration::from_millis(1500)).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(steps(&obs), [(Step::Connect, true), (Step::Upgrade, true), (Step::Ping, false)]);
    assert!(!obs.facts.has(&metric::PING_RTT_MS));
}

#[tokio::test]
async fn a_close_by_the_book_is_noted_and_a_cut_is_a_failure() {
    let polite = upgraded(|s| async move {
        let mut ws = WebSocketStream::from_raw_socket(s, Role::Server, None).await;
        let _ = ws.close(Some(CloseFrame { code: CloseCode::Policy, reason: "log in".into() })).await;
        while ws.next().await.is_some() {}
    });
    let at = polite.await;
    let obs = probed(at, None, LONG).await;
    assert_eq!(obs.failure(), None);
    assert!(obs.steps.last().unwrap().result.contains("1008 log in"), "{:?}", obs.steps);
    let obs = probed(at, Some(LONG / 2), LONG).await;
    let failure = obs.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Hold, FailureKind::HoldCut), "nothing was held open");
    assert!(failure.detail.contains("1008 log in") && failure.detail.contains("held open for 10.0 s"), "{failure}");
    let cut = upgraded(|s| async move { drop(s) }).await;
    let obs = probed(cut, None, LONG).await;
    let failure = obs.failure().unwrap();
    assert!(
        failure.step == Step::Ping && matches!(failure.kind, FailureKind::Closed | FailureKind::Reset),
        "{failure}"
    );
}

#[tokio::test]
async fn a_held_connection_that_is_cut_says_when_and_how() {
    let after_ping = upgraded(|s| async move {
        let mut ws = WebSocketStream::from_raw_socket(s, Role::Server, None).await;
        // Reading the ping queues its pong, flushing sends it.
        let _ = ws.next().await;
        let _ = ws.flush().await;
        let _ = ws.close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() })).await;
        while ws.next().await.is_some() {}
    });
    let obs = probed(after_ping.await, Some(LONG / 2), LONG).await;
    let failure = obs.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Hold, FailureKind::HoldCut));
    assert!(failure.detail.contains("close frame (1001)"), "{failure}");
    assert!(obs.facts.get::<f64>(&metric::HELD_S).unwrap() < 10.0);
}

#[tokio::test]
async fn the_time_held_comes_on_top_of_the_deadline() {
    let hold = Duration::from_millis(2500);
    let obs = probed(echo("janus-protocol").await, Some(hold), Duration::from_secs(2)).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(obs.facts.get::<f64>(&metric::HELD_S), Some(2.5));
}

/// A server of SIP that answers whatever comes with what `say` makes of it.
async fn sip(say: fn(&str) -> Option<Message>, deadline: Duration) -> Observation {
    let at = serve(move |mut s| async move {
        accept(&mut s, Some("sip")).await;
        let mut ws = WebSocketStream::from_raw_socket(s, Role::Server, None).await;
        while let Some(Ok(message)) = ws.next().await {
            let Message::Text(text) = message else { continue };
            match say(&text) {
                Some(answer) => drop(ws.send(answer).await),
                None => break,
            }
        }
    })
    .await;
    let spec = WsSpec { subprotocol: Some("sip".to_owned()), ..spec(false) };
    probe(&Task { deadline, ..task("acd.example", at) }, &settings(Pki::test().trust()), &spec).await
}

fn answered(text: &str) -> String {
    crate::wire::sip::ok(&crate::wire::sip::decode(text.as_bytes()).unwrap(), "t", "Asterisk").unwrap()
}

fn noted(obs: &Observation, step: Step) -> &str {
    obs.steps.iter().find(|s| s.step == step).map_or("", |s| &s.result)
}

#[tokio::test]
async fn sip_options_is_answered_by_whatever_is_sip() {
    let obs = sip(|text| Some(Message::text(answered(text))), LONG).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(steps(&obs), [Step::Connect, Step::Upgrade, Step::Options, Step::Ping].map(|s| (s, true)));
    assert_eq!(obs.facts.get::<u16>(&metric::SIP_STATUS), Some(200));
    assert_eq!(obs.facts.get::<String>(&metric::SIP_SERVER).as_deref(), Some("Asterisk"));
    assert!(obs.facts.get::<f64>(&metric::SIP_RTT_MS).unwrap() > 0.0);
    let refused = sip(|text| Some(Message::text(answered(text).replace("200 OK", "404 Not Found"))), LONG).await;
    assert_eq!(refused.facts.get::<u16>(&metric::SIP_STATUS), Some(404));
}

#[tokio::test]
async fn what_is_not_sip_is_noted_and_fails_no_upgrade() {
    let obs = sip(|_| Some(Message::text("hello")), LONG).await;
    assert_eq!(obs.failure(), None);
    assert!(noted(&obs, Step::Options).starts_with("garbage: the server answered SIP OPTIONS with what is not SIP"));
    let obs = sip(|_| None, LONG).await;
    assert_eq!(obs.failure(), None);
    assert!(noted(&obs, Step::Options).starts_with("closed: the WebSocket was closed"), "{:?}", obs.steps);
    assert!(!obs.facts.has(&metric::SIP_STATUS));
}

#[tokio::test]
async fn silence_after_sip_options_is_noted() {
    // What it is asked, sent back, is a request and no answer.
    let obs = sip(|text| Some(Message::text(text.to_owned())), crate::net::loopback::SHORT).await;
    assert_eq!(obs.failure(), None);
    assert!(noted(&obs, Step::Options).starts_with("timed-out: no answer to SIP OPTIONS in 0."), "{:?}", obs.steps);
}
