//! Bindings over loopback, and what a failure says.

use std::net::UdpSocket;
use std::sync::Arc;

use super::super::layers;
use super::*;
use crate::model::Outcome as Ended;
use crate::net::ResponderKey;
use crate::net::tls::Trust;
use crate::wire::stun::{MAX_WRITTEN, Message, write_binding_error, write_binding_success};

fn settings(key: Option<&[u8]>) -> Settings {
    let responder_key = key.map(|k| Arc::new(ResponderKey::new(k.to_vec())));
    Settings { responder_key, ..layers::fixture::settings(Trust::only([])) }
}

fn task(port: u16, deadline_ms: u64) -> Task {
    let task = layers::fixture::task("localhost", (std::net::Ipv4Addr::LOCALHOST, port).into());
    Task { deadline: Duration::from_millis(deadline_ms), ..task }
}

fn server() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// Answers each request with what `answer` writes, until nothing comes any more.
fn serve(socket: UdpSocket, count: usize, answer: impl Fn(&mut [u8], &Message<'_>) -> usize + Send + 'static) {
    std::thread::spawn(move || {
        let (mut buf, mut out) = ([0; 2048], [0; MAX_WRITTEN]);
        for _ in 0..count {
            let Ok((len, from)) = socket.recv_from(&mut buf) else { return };
            let n = answer(&mut out, &Message::read(&buf[..len]).unwrap());
            socket.send_to(&out[..n], from).unwrap();
        }
    });
}

fn mapped() -> std::net::SocketAddr {
    "203.0.113.9:50000".parse().unwrap()
}

#[tokio::test]
async fn an_answer_gives_the_mapped_address_and_a_round_trip() {
    let (socket, port) = server();
    serve(socket, 4, |out, m| write_binding_success(out, m.id(), mapped(), true, None).unwrap());
    let seen = probe(&task(port, 6000), &settings(None), &CancellationToken::new()).await;
    assert_eq!(seen.outcome, Ended::Measured);
    assert_eq!(seen.facts.get::<String>(&metric::MAPPED).as_deref(), Some("203.0.113.9:50000"));
    assert_eq!(seen.facts.get::<String>(&metric::RESPONDER).as_deref(), Some("1"));
    assert!(seen.facts.get::<f64>(&metric::STUN_RTT_MS).is_some_and(|ms| ms > 0.0 && ms < 1000.0));
    assert_eq!((seen.facts.get::<u8>(&metric::STUN_SENT), seen.steps.len()), (Some(1), 1));
}

#[tokio::test]
async fn a_server_that_does_not_know_our_key_is_asked_without_it() {
    let (socket, port) = server();
    serve(socket, 5, |out, m| match m.username() {
        Some(_) => write_binding_error(out, m.id(), 420, "Unknown Attribute").unwrap(),
        None => write_binding_success(out, m.id(), mapped(), false, None).unwrap(),
    });
    let seen = probe(&task(port, 6000), &settings(Some(b"key")), &CancellationToken::new()).await;
    assert_eq!(seen.outcome, Ended::Measured);
    assert!(!seen.facts.has(&metric::RESPONDER));
}

#[tokio::test]
async fn a_closed_port_is_refused_with_its_icmp_error() {
    let (socket, port) = server();
    drop(socket);
    let seen = probe(&task(port, 6000), &settings(None), &CancellationToken::new()).await;
    let failure = seen.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert_eq!(failure.detail, "ICMP port unreachable (type 3 code 3) from the target 127.0.0.1 itself");
    assert_eq!(seen.facts.get::<String>(&metric::ICMP_FROM).as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn out_of_time_is_neither_silence_nor_refusal() {
    let (_socket, port) = server();
    let seen = probe(&task(port, 30), &settings(None), &CancellationToken::new()).await;
    let failure = seen.failure().unwrap();
    assert_eq!(
        (failure.kind, failure.detail.as_str()),
        (FailureKind::OutOfTime, "out of time with 1 request unanswered")
    );
}

#[test]
fn an_error_and_strange_transactions_are_told() {
    let seen = BindingOutcome {
        ending: Some(Ending::Silence),
        sent: 4,
        rtts: Vec::new(),
        took: Duration::from_millis(5500),
        icmp: None,
        garbage: None,
        strays: crate::session::Strays { wrong_id: 2, ..Default::default() },
    };
    let failure = |seen| {
        let mut observation = Observation::new(ProbeKind::Stun);
        record(&mut observation, seen, Stop::Finished, "192.0.2.1".parse().unwrap());
        observation.failure().cloned().unwrap()
    };
    let silence = "no answer to 4 requests in 5.5 s (2 carried a transaction that was not asked for)";
    assert_eq!(failure(seen.clone()).detail, silence);
    let refused = failure(BindingOutcome { ending: Some(Ending::Error(403, "Forbidden".to_owned())), ..seen.clone() });
    assert_eq!(
        (refused.kind, refused.detail.as_str()),
        (FailureKind::StunError, "answered with STUN error 403 Forbidden")
    );
    let mapped = Ending::Answered(Answer { mapped: None, software: None, responder: None });
    assert_eq!(failure(BindingOutcome { ending: Some(mapped), ..seen }).kind, FailureKind::Garbage);
}

#[test]
fn a_median_of_nothing_is_nothing() {
    let ms = Duration::from_millis;
    assert_eq!((median(&[]), median(&[ms(3)]), median(&[ms(1), ms(9)])), (None, Some(3.0), Some(1.0)));
}
