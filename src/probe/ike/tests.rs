//! Gateways over loopback, and what stands there instead.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::layers;
use super::*;
use crate::model::Outcome;
use crate::net::tls::Trust;
use crate::wire::ike::{asked, write_refusal};

/// What the probe saw of one that answers each datagram with what `answer` makes of it.
async fn seen(marker: bool, answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Observation {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let there = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buf = [0; 2048];
        while let Ok((len, from)) = socket.recv_from(&mut buf) {
            socket.send_to(&answer(&buf[..len]), from).unwrap();
        }
    });
    let task = Task { deadline: Duration::from_secs(8), ..layers::fixture::task("localhost", there) };
    let settings = layers::fixture::settings(Trust::only([]));
    probe(&task, IkeSpec { marker }, &settings, &CancellationToken::new()).await
}

fn refusal(message: &[u8]) -> Vec<u8> {
    write_refusal(asked(message, b"").expect("a whole request").0)
}

#[tokio::test]
async fn a_refusal_is_an_answer_with_and_without_the_marker() {
    let plain = seen(false, refusal).await;
    let marked = seen(true, |bytes| [&MARKER, &refusal(bytes.strip_prefix(&MARKER).unwrap())[..]].concat()).await;
    for seen in [plain, marked] {
        assert_eq!(seen.outcome, Outcome::Measured, "{seen:?}");
        let told: Value = seen.facts.get(&metric::IKE).unwrap();
        assert_eq!(told, json!({ "kind": "notify", "notify": ["NO_PROPOSAL_CHOSEN"], "vendor_ids": ["rtc-check"] }));
        assert_eq!(seen.facts.get::<Value>(&metric::IKE_NAT), Some(json!({ "here": null, "there": null })));
        assert!(seen.facts.get::<f64>(&metric::IKE_RTT_MS).is_some_and(|ms| ms > 0.0));
    }
}

#[tokio::test]
async fn what_stands_there_instead_is_named_and_is_never_an_answer() {
    let stun = [&[1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42][..], &[0; 12]].concat();
    for (marker, answer, met, words) in [
        (false, stun, Some("STUN"), "STUN in place of IKE"),
        (false, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Some("HTTP"), "HTTP in place"),
        (true, b"noise".to_vec(), None, "5 bytes that are not IKE"),
    ] {
        let seen = seen(marker, move |_| answer.clone()).await;
        let failure = seen.failure().unwrap();
        assert_eq!((failure.step, failure.kind), (Step::IkeInit, FailureKind::Garbage), "{failure}");
        assert!(failure.detail.contains(words), "{failure}");
        assert_eq!(seen.facts.get::<String>(&metric::MET).as_deref(), met);
    }
}

#[tokio::test]
async fn ike_that_answers_another_request_is_told_and_is_no_answer() {
    let strange = seen(false, |bytes| {
        let mut answer = refusal(bytes);
        answer[0] ^= 0x10;
        answer
    });
    let failure = strange.await.failure().cloned().unwrap();
    assert_eq!(failure.kind, FailureKind::TimedOut);
    assert!(failure.detail.contains("4 carried IKE that does not answer this request"), "{failure}");
}

#[tokio::test]
async fn an_echo_and_an_answer_without_its_marker_are_none() {
    let echo = seen(false, <[u8]>::to_vec).await;
    assert!(echo.failure().is_some_and(|f| f.detail.contains("echo service")), "{echo:?}");
    let bare = seen(true, |bytes| refusal(bytes.strip_prefix(&MARKER).unwrap())).await;
    assert!(bare.failure().is_some_and(|f| f.detail.contains("without the non-ESP marker")), "{bare:?}");
}
