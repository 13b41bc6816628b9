use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::net::loopback::{serve, silence};
use crate::probe::layers::fixture::task;

async fn greeted(bytes: &'static [u8]) -> Observation {
    let at = serve(move |mut s| async move {
        let _ = s.write_all(bytes).await;
        let _ = s.shutdown().await;
    })
    .await;
    probe(&task("rtc.example", at)).await
}

#[tokio::test]
async fn the_banner_is_read() {
    let obs = greeted(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").await;
    assert_eq!(obs.failure(), None);
    assert_eq!(obs.facts.get::<String>(&metric::BANNER).as_deref(), Some("SSH-2.0-OpenSSH_9.2p1 Debian-2"));
    assert_eq!(obs.steps.iter().map(|s| s.step).collect::<Vec<_>>(), [Step::Connect, Step::Banner]);
}

#[tokio::test]
async fn what_is_no_banner_is_classified() {
    let kind = |obs: Observation| obs.failure().unwrap().kind;
    assert_eq!(kind(greeted(b"HTTP/1.1 400 Bad Request\r\n\r\n").await), FailureKind::Garbage);
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
