use tokio::io::AsyncWriteExt;

use super::*;
use crate::net::loopback::{SHORT, serve, silence};
use crate::probe::layers::fixture::task;

/// A stand-in for an FTP server: greets, and answers every command with the next of `answers`.
async fn greeted(greeting: &'static str, answers: &'static [&'static str]) -> Observation {
    let at = serve(move |mut s| async move {
        let _ = s.write_all(greeting.as_bytes()).await;
        let mut lines = tokio::io::BufReader::new(s);
        for answer in answers {
            let mut line = String::new();
            let _ = tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line).await;
            let _ = lines.get_mut().write_all(answer.as_bytes()).await;
        }
        let _ = lines.get_mut().shutdown().await;
    })
    .await;
    probe(&Task { deadline: SHORT * 4, ..task("ftp.example", at) }).await
}

fn banner(obs: &Observation) -> String {
    obs.facts.get(&metric::BANNER).unwrap_or_default()
}

#[tokio::test]
async fn a_greeting_is_read() {
    let obs = greeted("220-Welcome to FTP\r\n220 now\r\n", &["200 Yes\r\n", "221 Bye\r\n"]).await;
    assert_eq!((obs.failure(), banner(&obs).as_str()), (None, "220 Welcome to FTP"));
    assert_eq!(obs.steps.len(), 3);
    for greeting in ["421 Too many users\r\n", "120 Ready in 5 minutes\r\n", "530 Not you\r\n"] {
        let obs = greeted(greeting, &[]).await;
        assert_eq!((obs.failure(), banner(&obs).as_str()), (None, greeting.trim()));
    }
}

#[tokio::test]
async fn a_mail_server_is_told_from_it() {
    let met = |obs: &Observation| obs.facts.get::<String>(&metric::MET);
    for obs in [
        greeted("220 mx ESMTP\r\n", &[]).await,
        greeted("220 mx.example\r\n", &["250 OK\r\n"]).await,
        greeted("220 ftp.example.com ready\r\n", &["250 OK\r\n"]).await,
        greeted("220 mx.example\r\n", &["503 5.5.1 Say HELO\r\n"]).await,
    ] {
        assert_eq!((obs.failure().unwrap().kind, met(&obs).as_deref()), (FailureKind::Garbage, Some("SMTP")));
    }
    for answer in [["200 OK\r\n"].as_slice(), &["530 Log in\r\n"]] {
        let obs = greeted("220 ready\r\n", answer).await;
        assert_eq!((obs.failure(), obs.steps.len()), (None, 3), "{obs:?}");
    }
    for greeting in ["220 smtp.example.com FTP server ready\r\n", "220 smtp.example.com ready\r\n"] {
        let obs = greeted(greeting, &["200 OK\r\n"]).await;
        assert_eq!((obs.failure(), met(&obs)), (None, None), "{obs:?}");
    }
    for answers in [[].as_slice(), &["421 Bye\r\n"], &["354 Go on\r\n"]] {
        let unclear = greeted("220 ready\r\n", answers).await;
        assert!(unclear.failure().is_none() && unclear.trouble_at(Step::Command).is_some(), "{unclear:?}");
    }
}

#[tokio::test]
async fn what_is_no_greeting_is_classified() {
    let kind = |obs: Observation| obs.failure().unwrap().kind;
    for (bytes, name) in [("SSH-2.0-x\r\n", Some("SSH")), ("\u{1}\u{2}", None), ("HTTP/1.1 400 x\r\n", Some("HTTP"))] {
        let obs = greeted(bytes, &[]).await;
        assert_eq!(obs.facts.get::<String>(&metric::MET).as_deref(), name);
        assert_eq!(kind(obs), FailureKind::Garbage);
    }
    assert_eq!(kind(greeted("", &[]).await), FailureKind::Closed);
    assert_eq!(kind(greeted("220-half", &[]).await), FailureKind::Closed);
    let quiet = serve(silence).await;
    assert_eq!(kind(probe(&Task { deadline: SHORT, ..task("ftp.example", quiet) }).await), FailureKind::TimedOut);
    let flood = serve(|mut s| async move {
        let _ = s.write_all(b"220-").await;
        while s.write_all(&[b'x'; 65_536]).await.is_ok() {}
    });
    assert_eq!(kind(probe(&task("ftp.example", flood.await)).await), FailureKind::TooLarge);
}
