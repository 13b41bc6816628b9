use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::loopback::{SHORT, serve, silence};
use crate::probe::layers::fixture::task;

/// Says `bytes` and, when it was answered, `then`; silent after that, or gone.
async fn server(bytes: &'static [u8], then: Vec<u8>, close: bool) -> SocketAddr {
    serve(move |mut s| {
        let then = then.clone();
        async move {
            let _ = s.write_all(bytes).await;
            if !then.is_empty() {
                let _ = s.read(&mut [0; 100]).await;
                let _ = s.write_all(&then).await;
            }
            if close {
                let _ = s.shutdown().await;
                let _ = s.read_to_end(&mut Vec::new()).await;
            } else {
                silence(s).await;
            }
        }
    })
    .await
}

async fn greeted(bytes: &'static [u8]) -> Observation {
    probe(&task("rtc.example", server(bytes, Vec::new(), true).await)).await
}

const OPENSSH: &[u8] = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";

fn offered() -> kexinit::Offer {
    let names = |name: &str| vec![name.to_owned()];
    let (kex, host_keys) = (names("curve25519-sha256"), names("ssh-ed25519"));
    kexinit::Offer { kex, host_keys, ciphers: names("aes128-ctr"), macs: names("hmac-sha2-256") }
}

#[tokio::test]
async fn banner_and_offer_are_read() {
    // SSH_MSG_IGNORE before it, and a stranger's goodbye after it.
    let ignored = [0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let then = [&ignored[..], &offered().encode([3; 16])].concat();
    let obs = probe(&task("rtc.example", server(OPENSSH, then, false).await)).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(obs.facts.get::<String>(&metric::BANNER).as_deref(), Some("SSH-2.0-OpenSSH_9.2p1 Debian-2"));
    let steps: Vec<_> = obs.steps.iter().map(|s| (s.step, s.result.as_str())).collect();
    assert_eq!(steps, [(Step::Connect, "ok"), (Step::Banner, "ok"), (Step::KeyExchange, "ok")]);
    let offer: serde_json::Value = obs.facts.get(&metric::SSH_OFFER).unwrap();
    assert_eq!((&offer["kex"][0], &offer["macs"][0]), (&"curve25519-sha256".into(), &"hmac-sha2-256".into()));
}

#[tokio::test]
async fn a_server_that_identifies_itself_and_offers_nothing_is_there_all_the_same() {
    let hurried = |at| Task { deadline: SHORT, ..task("rtc.example", at) };
    let goodbye = kexinit::disconnect("Too many\u{1b} connections");
    for (at, words) in [
        (server(OPENSSH, Vec::new(), true).await, "closed"),
        (server(OPENSSH, Vec::new(), false).await, "timed-out"),
        (server(OPENSSH, b"Exceeded MaxStartups\r\n".to_vec(), true).await, "Exceeded MaxStartups"),
        (server(OPENSSH, goodbye, true).await, "Too many  connections"),
        (server(OPENSSH, vec![0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(9), false).await, "8 packets"),
        (server(OPENSSH, vec![0, 0, 0x80, 0, 4, 20], false).await, "timed-out"),
    ] {
        let obs = probe(&hurried(at)).await;
        assert_eq!(obs.failure(), None);
        let last = obs.steps.last().unwrap();
        assert!(last.step == Step::KeyExchange && last.result.contains(words), "{words}: {last:?}");
        assert!(obs.facts.has(&metric::BANNER) && !obs.facts.has(&metric::SSH_OFFER));
    }
    let old = greeted(b"SSH-1.5-OpenSSH_1.2\r\n").await;
    assert_eq!(old.steps.last().map(|s| s.step), Some(Step::Banner), "version 1 has no such offer");
}

/// Reads to the end of a line.
async fn heard(s: &mut tokio::net::TcpStream) -> String {
    let mut said = Vec::new();
    while !said.ends_with(b"\n") && s.read_buf(&mut said).await.is_ok_and(|n| n > 0) {}
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn our_own_line_sent_back_is_no_server() {
    let echo = serve(|s| async move {
        let (mut read, mut write) = s.into_split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let obs = probe(&task("rtc.example", echo.await)).await;
    let failure = obs.failure().unwrap();
    assert_eq!((failure.kind, failure.step), (FailureKind::Garbage, Step::Banner));
    assert!(failure.detail.contains("sends back what it is sent") && !obs.facts.has(&metric::MET), "{obs:?}");
    // The responder's line is almost the same.
    let responder = concat!("SSH-2.0-rtc-check_", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();
    assert_eq!(greeted(responder).await.failure(), None);
}

#[tokio::test]
async fn who_turns_strangers_away_is_heard_and_who_waits_for_words_gets_them() {
    // What it is sent it never reads: with words of ours in the way, its own would be cut off by a reset.
    let full = serve(|mut s| async move {
        let _ = s.write_all(b"Exceeded MaxStartups\r\n").await;
    });
    let obs = probe(&task("rtc.example", full.await)).await;
    let failure = obs.failure().unwrap();
    assert!(failure.kind == FailureKind::Closed && failure.detail.contains("Exceeded MaxStartups"), "{failure}");
    let patient = serve(|mut s| async move {
        let bytes = if heard(&mut s).await.starts_with("SSH-2.0-") { OPENSSH } else { b"what?\r\n" };
        let _ = s.write_all(bytes).await;
    });
    assert!(probe(&task("rtc.example", patient.await)).await.facts.has(&metric::BANNER));
}

#[tokio::test]
async fn what_is_no_banner_is_classified() {
    let kind = |obs: Observation| obs.failure().unwrap().kind;
    let http = greeted(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(http.facts.get::<String>(&metric::MET).as_deref(), Some("HTTP"));
    assert_eq!(kind(http), FailureKind::Garbage);
    assert_eq!(kind(greeted(b"").await), FailureKind::Closed);
    assert_eq!(kind(greeted(b"Not allowed at this time\r\n").await), FailureKind::Closed);
    assert_eq!(kind(greeted(&[b'a'; 10_000]).await), FailureKind::TooLarge);
    let quiet = serve(|mut s| async move {
        let _ = s.write_all(b"SSH-2.0").await;
        silence(s).await;
    })
    .await;
    let hurried = Task { deadline: Duration::from_millis(300), ..task("rtc.example", quiet) };
    assert_eq!(kind(probe(&hurried).await), FailureKind::TimedOut);
    let resets = serve(|s| async move {
        socket2::SockRef::from(&s).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert_eq!(kind(probe(&task("rtc.example", resets)).await), FailureKind::Reset);
}
