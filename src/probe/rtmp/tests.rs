use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::loopback::{Pki, SHORT, answer, blurt, closed_port, serve, serve_tls, silence};
use crate::net::tcp::Duplex;
use crate::probe::layers::fixture::{settings, task};
use crate::wire::rtmp::amf0::{self, Value};

fn spec(tls: bool) -> RtmpSpec {
    RtmpSpec { tls, app: "live".to_owned() }
}

async fn probed(at: SocketAddr) -> Observation {
    probe(&task("media.example", at), &settings(Pki::test().trust()), &spec(false)).await
}

async fn hurried(at: SocketAddr, deadline: Duration) -> Observation {
    let task = Task { deadline, ..task("media.example", at) };
    probe(&task, &settings(Pki::test().trust()), &spec(false)).await
}

/// Takes C0 and C1, sends S0 to S2 and takes C2 and the first of `connect`.
async fn shake(s: &mut impl Duplex, echo: bool) {
    let mut c1 = [0; 1537];
    if s.read_exact(&mut c1).await.is_err() {
        return;
    }
    let s2 = if echo { c1[1..].to_vec() } else { vec![9; PACKET] };
    let _ = s.write_all(&[&[3, 0, 0, 1, 7, 0, 0, 0, 0][..], &[5; 1528], &s2].concat()).await;
    let _ = s.read_exact(&mut [0; PACKET + 12]).await;
}

/// A command about `connect`, as a server sends it after three messages that come before.
fn command(name: &str, code: &str) -> Vec<u8> {
    let text = |text: &str| Value::String(text.to_owned());
    let object = |members: [(&str, Value); 2]| Value::Object(members.map(|(n, v)| (n.to_owned(), v)).into());
    let server = object([("fmsVer", text("FMS/3,0,1,123")), ("capabilities", Value::Number(31.0))]);
    let info = object([("code", text(code)), ("description", text("in\u{1b} words"))]);
    let before = [
        &[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 38, 37, 160][..],
        &[2, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0, 38, 37, 160, 2],
        &[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0],
    ];
    let payload = amf0::encode(&[text(name), Value::Number(1.0), server, info]);
    // The size of chunks is 4096 from here on.
    let mut header = vec![3, 0, 0, 0, 0, 0, payload.len() as u8, 20, 0, 0, 0, 0];
    assert!(payload.len() < 256);
    header.extend(payload);
    [before.concat(), header].concat()
}

async fn answering(echo: bool, said: Vec<u8>, close: bool) -> SocketAddr {
    serve(move |mut s| {
        let said = said.clone();
        async move {
            shake(&mut s, echo).await;
            let _ = s.write_all(&said).await;
            if !close {
                silence(s).await;
            }
        }
    })
    .await
}

fn said(obs: &Observation) -> serde_json::Value {
    obs.facts.get(&metric::RTMP).unwrap_or_default()
}

fn met(obs: &Observation) -> Option<String> {
    obs.facts.get(&metric::MET)
}

fn kind(obs: &Observation) -> (Step, FailureKind) {
    let failure = obs.failure().unwrap_or_else(|| panic!("{obs:?}"));
    (failure.step, failure.kind)
}

#[tokio::test]
async fn a_server_that_takes_connect_and_one_that_refuses_the_application() {
    let obs = probed(answering(true, command("_result", "NetConnection.Connect.Success"), false).await).await;
    assert_eq!((obs.probe, obs.failure()), (ProbeKind::Rtmp, None));
    let steps: Vec<_> = obs.steps.iter().map(|s| (s.step, s.result.as_str())).collect();
    assert_eq!(steps, [(Step::Connect, "ok"), (Step::Handshake, "ok"), (Step::Command, "ok")]);
    let facts = said(&obs);
    assert_eq!((&facts["accepted"], &facts["echoed"], &facts["version"]), (&true.into(), &true.into(), &3.into()));
    assert_eq!((&facts["server"], &facts["capabilities"]), (&"FMS/3,0,1,123".into(), &31.0.into()));
    assert_eq!(facts["description"], "in  words", "a peer's text is made fit to print");
    let obs = probed(answering(false, command("_error", "NetConnection.Connect.Rejected"), true).await).await;
    assert_eq!(obs.failure(), None);
    let facts = said(&obs);
    assert_eq!((&facts["accepted"], &facts["echoed"]), (&false.into(), &false.into()));
    assert_eq!(facts["code"], "NetConnection.Connect.Rejected");
}

#[tokio::test]
async fn hands_shaken_and_no_answer_to_connect_is_noted() {
    let hung_up = probed(answering(true, Vec::new(), true).await).await;
    let silent = hurried(answering(true, Vec::new(), false).await, SHORT).await;
    let noise = probed(answering(true, vec![0xFF; 500], false).await).await;
    for obs in [&hung_up, &silent, &noise] {
        assert_eq!(obs.failure(), None);
        assert_eq!((said(obs)["version"].as_u64(), &said(obs)["accepted"]), (Some(3), &serde_json::Value::Null));
        assert!(obs.steps.last().is_some_and(|s| s.step == Step::Command && s.result != "ok"), "{obs:?}");
    }
    let flood = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0].repeat(5000);
    let obs = probed(answering(true, flood, false).await).await;
    assert!(obs.steps.last().unwrap().result.contains("more than 65536 bytes"), "{obs:?}");
}

#[tokio::test]
async fn noise_after_a_3_is_no_rtmp() {
    let obs = probed(answering(false, vec![0xFF; 500], false).await).await;
    assert_eq!(kind(&obs), (Step::Command, FailureKind::Garbage));
}

#[tokio::test]
async fn half_a_handshake_and_a_byte_at_a_time_are_no_handshake() {
    let half = serve(|mut s| async move {
        let _ = s.read_exact(&mut [0; 1537]).await;
        let _ = s.write_all(&[3; 1537]).await;
        let _ = s.read_exact(&mut [0; PACKET]).await;
    });
    let obs = probed(half.await).await;
    assert_eq!(kind(&obs), (Step::Handshake, FailureKind::Closed));
    assert!(obs.failure().unwrap().detail.starts_with("half of RTMP's handshake came"), "{obs:?}");
    let slow = serve(|mut s| async move {
        while s.write_all(&[3]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let obs = hurried(slow.await, SHORT).await;
    assert_eq!(kind(&obs), (Step::Handshake, FailureKind::TimedOut));
}

#[tokio::test]
async fn other_versions_echoes_and_floods_are_garbage() {
    for (bytes, words) in [(vec![6; 4000], "version 6"), (vec![0xFF; 1 << 20], "does not speak RTMP")] {
        let at = serve(move |mut s| {
            let bytes = bytes.clone();
            async move {
                let _ = s.write_all(&bytes).await;
                silence(s).await;
            }
        });
        let obs = probed(at.await).await;
        assert_eq!(kind(&obs), (Step::Handshake, FailureKind::Garbage));
        assert!(obs.failure().unwrap().detail.contains(words), "{obs:?}");
    }
    let echo = serve(|s| async move {
        let (mut read, mut write) = s.into_split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    });
    let obs = probed(echo.await).await;
    assert!(obs.failure().unwrap().detail.contains("sends back what it is sent"), "{obs:?}");
}

#[tokio::test]
async fn other_services_are_met_by_name() {
    let greets = |bytes: &'static [u8]| {
        serve(move |mut s| async move {
            let _ = s.write_all(bytes).await;
            silence(s).await;
        })
    };
    for (at, name) in [
        (greets(b"SSH-2.0-OpenSSH_9.2\r\n").await, "SSH"),
        (greets(b"220 ready\r\n").await, "FTP"),
        (greets(b"\x15\x03\x01\x00\x02\x02\x46").await, "TLS"),
        (serve(blurt).await, "HTTP"),
    ] {
        let obs = probed(at).await;
        assert_eq!((kind(&obs), met(&obs).as_deref()), ((Step::Handshake, FailureKind::Garbage), Some(name)));
    }
    assert_eq!(kind(&probed(closed_port().await).await), (Step::Connect, FailureKind::Refused));
}

/// Hangs up on whatever does not begin as `first`, and lets `then` answer the rest.
async fn choosy(first: u8, said: &'static [u8]) -> SocketAddr {
    serve(move |s| async move {
        let mut begun = [0];
        if s.peek(&mut begun).await.is_ok() && begun == [first] {
            answer(s, said).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_port_that_hangs_up_without_a_word_is_asked_in_other_words() {
    let obs = probed(choosy(b'G', b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await).await;
    assert_eq!((kind(&obs), met(&obs).as_deref()), ((Step::Handshake, FailureKind::Garbage), Some("HTTP")));
    let detail = &obs.failure().unwrap().detail;
    assert!(detail.contains("HTTP/1.1 404 Not Found"), "{detail}");
    let pki = Pki::test();
    let obs = probed(serve_tls(pki.leaf("media.example"), &[], |s| async move { drop(s) }).await).await;
    assert_eq!(met(&obs).as_deref(), Some("TLS"));
    let nothing = probed(serve(|s| async move { drop(s) }).await).await;
    assert!(matches!(kind(&nothing).1, FailureKind::Closed | FailureKind::Reset), "{nothing:?}");
    assert_eq!(met(&nothing), None);
}

#[tokio::test]
async fn rtmp_over_tls_and_what_stands_in_its_place() {
    let pki = Pki::test();
    let over_tls = async |at| {
        // The HTTP server below waits for the end of a header that never comes.
        let task = Task { deadline: Duration::from_secs(2), ..task("media.example", at) };
        probe(&task, &settings(pki.trust()), &spec(true)).await
    };
    let result = command("_result", "NetConnection.Connect.Success");
    let at = serve_tls(pki.leaf("media.example"), &[], move |mut s| {
        let result = result.clone();
        async move {
            shake(&mut s, true).await;
            let _ = s.write_all(&result).await;
            let _ = s.shutdown().await;
        }
    });
    let obs = over_tls(at.await).await;
    assert_eq!((obs.failure(), &said(&obs)["accepted"]), (None, &true.into()));
    assert!(obs.facts.has(&metric::CERT_CHAIN) && !obs.facts.has(&metric::TLS_ALPN));

    let obs =
        over_tls(serve_tls(pki.leaf("media.example"), &[], |s| answer(s, b"HTTP/1.1 400 No\r\n\r\n")).await).await;
    assert_eq!((kind(&obs).0, met(&obs).as_deref()), (Step::Handshake, Some("HTTP")));

    let plain = serve(|mut s| async move {
        let mut first = [0];
        if s.peek(&mut first).await.is_ok() && first == [3] {
            shake(&mut s, true).await;
        }
    });
    let obs = over_tls(plain.await).await;
    assert_eq!((kind(&obs), met(&obs).as_deref()), ((Step::Tls, FailureKind::NotTls), Some("RTMP")));
    assert!(obs.failure().unwrap().detail.contains("speaks RTMP without TLS"), "{obs:?}");
    let obs = over_tls(serve(blurt).await).await;
    assert_eq!((kind(&obs), met(&obs).as_deref()), ((Step::Tls, FailureKind::NotTls), Some("HTTP")));
}
