use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::loopback::{self, LONG, SHORT, read_head, serve};
use crate::net::tls::Trust;
use crate::probe::layers::fixture;

const PUBLIC: &str = "Public: OPTIONS, DESCRIBE, PLAY\r\nServer: cam/1\r\n";
const SDP: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
const DIGEST: &str = "WWW-Authenticate: Digest realm=\"cam\", nonce=\"abc\", algorithm=SHA-256, qop=\"auth\"\r\n";
const BASIC: &str = "WWW-Authenticate: Basic realm=\"cam\"\r\n";

fn answer(cseq: &str, status: u16, more: &str, body: &str) -> String {
    let length = body.len();
    format!("RTSP/1.0 {status} Any\r\nCSeq: {cseq}\r\nContent-Length: {length}\r\n{more}\r\n{body}")
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("").trim()
}

/// A camera that answers OPTIONS, and DESCRIBE as `described` has it of the Authorization header.
async fn camera(described: impl Fn(&str) -> (u16, &'static str, &'static str) + Send + Sync + 'static) -> SocketAddr {
    let described = Arc::new(described);
    serve(move |mut s| {
        let described = described.clone();
        async move {
            loop {
                let head = read_head(&mut s).await;
                let cseq = header(&head, "CSeq:");
                let reply = match head.split(' ').next() {
                    Some("OPTIONS") => answer(cseq, 200, PUBLIC, ""),
                    Some("DESCRIBE") => {
                        let (status, more, body) = described(header(&head, "Authorization:"));
                        answer(cseq, status, more, body)
                    }
                    _ => return,
                };
                if s.write_all(reply.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

use std::net::SocketAddr;

fn login() -> Option<RtspLogin> {
    Some(RtspLogin { username: "admin".to_owned(), password: Secret::new("hunter2") })
}

/// Asks for a login, and answers it with what was sent, in `back` for `{}`.
async fn parrot(back: &'static str) -> SocketAddr {
    serve(move |mut s| async move {
        loop {
            let head = read_head(&mut s).await;
            let authorization = header(&head, "Authorization: Basic");
            let reply = match (head.starts_with("OPTIONS"), authorization) {
                (true, _) => answer(header(&head, "CSeq:"), 200, PUBLIC, ""),
                (false, "") => answer(header(&head, "CSeq:"), 401, BASIC, ""),
                (false, told) => back.replace("{}", told),
            };
            if head.is_empty() || s.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

async fn asked(at: SocketAddr, path: Option<&str>, login: Option<RtspLogin>) -> Observation {
    with(at, &Arc::new(RtspAsk { path: path.map(str::to_owned), login }), &LoginTries::default(), LONG).await
}

async fn with(at: SocketAddr, ask: &Arc<RtspAsk>, tries: &LoginTries, deadline: Duration) -> Observation {
    let settings = Settings { rtsp: ask.clone(), ..fixture::settings(Trust::only([])) };
    let task = Task { deadline, ..fixture::task("cam.example", at) };
    probe(&task, &settings, tries, &RtspSpec { path: None }).await
}

fn described(obs: &Observation) -> Value {
    obs.facts.get(&metric::RTSP_DESCRIBE).unwrap_or_default()
}

#[tokio::test]
async fn options_tell_status_server_and_methods() {
    let obs = asked(camera(|_| (500, "", "")).await, None, login()).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(obs.facts.get::<u16>(&metric::RTSP_STATUS), Some(200));
    assert_eq!(obs.facts.get::<String>(&metric::RTSP_SERVER).as_deref(), Some("cam/1"));
    assert_eq!(obs.facts.get::<Vec<String>>(&metric::RTSP_METHODS).unwrap().len(), 3);
    assert!(obs.facts.get::<f64>(&metric::RTSP_RTT_MS).is_some() && !obs.facts.has(&metric::RTSP_DESCRIBE));
}

#[tokio::test]
async fn a_description_tells_its_media() {
    let obs = asked(camera(|_| (200, "", SDP)).await, Some("live?key=1"), None).await;
    let expected = serde_json::json!({
        "path": "live", "status": 200, "login": "none", "media": [{ "kind": "video", "codecs": ["H264"] }]
    });
    assert_eq!(described(&obs), expected);
    assert_eq!(obs.steps.iter().map(|s| s.step).collect::<Vec<_>>(), [Step::Connect, Step::Options, Step::Describe]);
}

#[tokio::test]
async fn a_login_is_asked_for_given_and_refused() {
    for (challenge, scheme, begins) in [(DIGEST, "digest", "Digest username=\"admin\""), (BASIC, "basic", "Basic ")] {
        let at = camera(move |a| if a.starts_with(begins) { (200, "", SDP) } else { (401, challenge, "") }).await;
        let told = described(&asked(at, Some("/live"), None).await);
        assert_eq!((&told["login"], &told["scheme"], &told["realm"]), (&"asked".into(), &scheme.into(), &"cam".into()));
        let told = described(&asked(at, Some("/live"), login()).await);
        assert_eq!((&told["login"], &told["status"]), (&scheme.into(), &200.into()));
        let wrong = camera(move |_| (401, challenge, "")).await;
        let told = described(&asked(wrong, Some("/live"), login()).await);
        assert_eq!((&told["login"], &told["status"]), (&"refused".into(), &401.into()));
    }
    let strange = camera(|_| (401, "WWW-Authenticate: Bearer realm=\"cam\"\r\n", "")).await;
    assert_eq!(described(&asked(strange, Some("/live"), login()).await)["login"], "unsupported");
}

#[tokio::test]
async fn a_camera_gets_one_try_at_a_login_in_a_run() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let at = camera(move |authorization| {
        count.fetch_add(usize::from(!authorization.is_empty()), Ordering::Relaxed);
        (401, DIGEST, "")
    })
    .await;
    let ask = Arc::new(RtspAsk { path: Some("/live".to_owned()), login: login() });
    let tries = LoginTries::default();
    let all = futures_util::future::join_all((0..5).map(|_| with(at, &ask, &tries, LONG))).await;
    let count = |word: &str| all.iter().filter(|obs| described(obs)["login"] == word).count();
    assert_eq!((count("refused"), count("spared"), sent.load(Ordering::Relaxed)), (1, 4, 1));
    // By another name it is the same camera still.
    let settings = Settings { rtsp: ask.clone(), ..fixture::settings(Trust::only([])) };
    let other = probe(&fixture::task("other.example", at), &settings, &tries, &RtspSpec { path: None }).await;
    assert_eq!(described(&other)["login"], "spared");
    let next_run = with(at, &ask, &LoginTries::default(), LONG).await;
    assert_eq!(described(&next_run)["login"], "refused");
}

#[tokio::test]
async fn the_password_is_nowhere_in_what_is_told() {
    let at = camera(|_| (401, "WWW-Authenticate: Basic realm=\"hunter2\"\r\n", "")).await;
    let obs = asked(at, Some("/user=admin_password=hunter2"), login()).await;
    assert!(!format!("{obs:?}").contains("hunter2"), "{obs:?}");
    // "admin:hunter2" in Base64.
    let secrets = ["admin", "hunter2", "YWRtaW46aHVudGVyMg==", "YWRtaW46aHVu"];
    let sdp = "m=hunter2 0 RTP/AVP 96\r\na=rtpmap:96 YWRtaW46aHVudGVyMg==/90000\r\n";
    let teller = camera(move |a| if a.is_empty() { (401, BASIC, "") } else { (200, "", sdp) }).await;
    let mut all = vec![asked(teller, Some("/live"), login()).await];
    for back in ["Authorization: Basic {}\r\n", "I was told by somebody: Authorization: Basic {}\r\n", "\u{1}{}"] {
        all.push(asked(parrot(back).await, Some("/live"), login()).await);
    }
    for obs in all {
        let told = format!("{obs:?}");
        assert!(obs.steps.len() > 2 && !secrets.iter().any(|s| told.contains(s)), "{told}");
    }
}

#[tokio::test]
async fn an_answer_to_something_else_is_told() {
    for cseq in ["7", "", "x\x1b[2J"] {
        let at =
            serve(move |s| async move { loopback::answer(s, answer(cseq, 200, PUBLIC, "").as_bytes()).await }).await;
        let obs = asked(at, Some("/live"), None).await;
        assert_eq!(obs.failure(), None);
        assert!(!obs.facts.has(&metric::RTSP_STATUS) && !obs.facts.has(&metric::RTSP_DESCRIBE));
        let step = obs.steps.last().unwrap();
        assert!(step.result.contains("answers something else") && !step.result.contains('\x1b'), "{step:?}");
    }
}

#[tokio::test]
async fn a_provisional_answer_is_passed_over_and_a_description_may_fail() {
    let at = serve(|s| async move {
        let both = format!("{}{}", answer("1", 100, "", ""), answer("1", 454, "", ""));
        loopback::answer(s, both.as_bytes()).await;
    })
    .await;
    let obs = asked(at, Some("/live"), None).await;
    assert_eq!((obs.failure(), obs.facts.get::<u16>(&metric::RTSP_STATUS)), (None, Some(454)));
    assert!(obs.steps.last().unwrap().result.contains("closed"), "{:?}", obs.steps);
    let never =
        serve(|s| async move { loopback::answer(s, answer("1", 100, "", "").repeat(9).as_bytes()).await }).await;
    let obs = asked(never, None, None).await;
    let failure = obs.failure().unwrap();
    assert!(failure.kind == FailureKind::Garbage && failure.detail.contains("5 provisional answers"), "{failure}");
    let huge = camera(|_| (200, "", "")).await;
    assert_eq!(described(&asked(huge, Some("/x"), None).await)["media"], serde_json::json!([]));
}

#[tokio::test]
async fn strangers_are_told_by_their_name() {
    let cases: [(&'static [u8], &str); 6] = [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"\x15\x03\x01\x00\x02\x02\x0a", "TLS"),
        (b"220 mail.example ESMTP\r\n", "SMTP"),
        (b"220 ProFTPD\r\n", "FTP"),
        (b"SIP/2.0 400 Bad\r\n", "SIP"),
    ];
    for (bytes, name) in cases {
        let at = serve(move |s| loopback::answer(s, bytes)).await;
        let obs = asked(at, None, None).await;
        let failure = obs.failure().unwrap();
        assert_eq!((failure.kind, failure.step), (FailureKind::Garbage, Step::Options));
        assert_eq!(obs.facts.get::<String>(&metric::MET).as_deref(), Some(name));
        assert!(failure.detail.contains(name), "{failure}");
    }
}

#[tokio::test]
async fn silence_halves_noise_and_floods_are_bounded() {
    let kind = async |at| with(at, &Arc::default(), &LoginTries::default(), SHORT).await.failure().unwrap().kind;
    assert_eq!(kind(serve(loopback::silence).await).await, FailureKind::TimedOut);
    assert_eq!(kind(serve(|s| loopback::answer(s, b"")).await).await, FailureKind::Closed);
    assert_eq!(kind(serve(|s| loopback::answer(s, b"RTSP/1.0 200 O")).await).await, FailureKind::Closed);
    assert_eq!(kind(serve(|s| loopback::answer(s, b"$\x00\x00\x10\xff")).await).await, FailureKind::Garbage);
    assert_eq!(kind(serve(|s| loopback::answer(s, b"RTSP/1.0 0 x\r\n\r\n")).await).await, FailureKind::Garbage);
    let slow = serve(|mut s| async move {
        for byte in b"RTSP/1.0 200 OK\r\n".iter().cycle() {
            if s.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(SHORT / 4).await;
        }
    });
    assert_eq!(kind(slow.await).await, FailureKind::TimedOut);
    let flood = serve(|mut s| async move {
        let _ = s.read(&mut [0; 512]).await;
        let _ = s.write_all(b"RTSP/1.0 200 OK\r\n").await;
        while s.write_all(&[b'x'; 65_536]).await.is_ok() {}
    });
    let obs = asked(flood.await, None, None).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::TooLarge);
    assert_eq!(kind(loopback::closed_port().await).await, FailureKind::Refused);
}
