use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::loopback::{OK, Pki, answer, blurt, read_head, serve, serve_tls, silence};
use crate::probe::layers::fixture::{settings, task};

fn spec(tls: bool, either: bool) -> HttpSpec {
    HttpSpec { tls, either, path: "/".to_owned(), expect: None }
}

async fn https(pki: &Pki, name: &str) -> SocketAddr {
    serve_tls(pki.leaf(name), &[b"http/1.1"], |s| answer(s, OK)).await
}

fn steps(obs: &Observation) -> Vec<(Step, bool)> {
    obs.steps.iter().map(|s| (s.step, s.result == "ok")).collect()
}

#[tokio::test]
async fn https_climbs_connect_tls_and_request() {
    let pki = Pki::test();
    let at = https(&pki, "rtc.example").await;
    let obs = probe(&task("rtc.example", at), &settings(pki.trust()), &spec(true, false)).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(steps(&obs), [(Step::Connect, true), (Step::Tls, true), (Step::Request, true)]);
    assert_eq!(obs.facts.get::<u16>(&metric::HTTP_STATUS), Some(200));
    assert_eq!(obs.facts.get::<String>(&metric::TLS_ALPN).as_deref(), Some("http/1.1"));
}

#[tokio::test]
async fn an_untrusted_certificate_fails_at_tls_with_its_facts() {
    let pki = Pki::test();
    let at = https(&pki, "other.example").await;
    let obs = probe(&task("rtc.example", at), &settings(pki.trust()), &spec(true, false)).await;
    let failure = obs.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Tls, FailureKind::CertWrongName));
    assert!(obs.facts.has(&metric::CERT_CHAIN) && obs.facts.has(&metric::TLS_VERSION));
}

#[tokio::test]
async fn either_takes_the_protocol_that_is_spoken() {
    let pki = Pki::test();
    let settings = settings(pki.trust());
    // A server that answers what it does not understand in plain text, and TLS behind "plain HTTP sent to HTTPS port".
    let plain = serve(blurt).await;
    let obs = probe(&task("rtc.example", plain), &settings, &spec(true, true)).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(obs.facts.get::<u16>(&metric::HTTP_STATUS), Some(400));
    assert_eq!(steps(&obs), [(Step::Connect, true), (Step::Tls, false), (Step::Connect, true), (Step::Request, true)]);
    let secure = https(&pki, "rtc.example").await;
    let obs = probe(&task("rtc.example", secure), &settings, &spec(false, true)).await;
    assert_eq!(obs.failure(), None, "{:?}", obs.steps);
    assert_eq!(obs.facts.get::<u16>(&metric::HTTP_STATUS), Some(200));
    let wrong = https(&pki, "other.example").await;
    let obs = probe(&task("rtc.example", wrong), &settings, &spec(false, true)).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::CertWrongName, "TLS is what the port speaks");
    let obs = probe(&task("rtc.example", plain), &settings, &spec(false, true)).await;
    assert_eq!(obs.facts.get::<u16>(&metric::HTTP_STATUS), Some(400), "no TLS there: the 400 is the answer");
}

#[tokio::test]
async fn a_hung_service_ends_with_the_deadline() {
    let hung = crate::probe::Task { deadline: Duration::from_millis(400), ..task("rtc.example", serve(silence).await) };
    let settings = settings(Pki::test().trust());
    for spec in [spec(true, false), spec(false, false), spec(true, true)] {
        let start = clock::now();
        let obs = probe(&hung, &settings, &spec).await;
        assert_eq!(obs.failure().unwrap().kind, FailureKind::TimedOut);
        assert!(clock::now().duration_since(start) < Duration::from_secs(10));
    }
}

/// Answers each path with the answer that the list has for it, 404 for others.
async fn site(pages: &'static [(&'static str, &'static str)]) -> SocketAddr {
    serve(move |mut s| async move {
        let head = read_head(&mut s).await;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let page = pages.iter().find(|(p, _)| *p == path).map_or("404 X\r\n\r\n", |(_, page)| page);
        let _ = s.write_all(format!("HTTP/1.1 {page}").as_bytes()).await;
        let _ = s.shutdown().await;
    })
    .await
}

async fn seen(pages: &'static [(&'static str, &'static str)]) -> Observation {
    probe(&task("rtc.example", site(pages).await), &settings(Pki::test().trust()), &spec(false, false)).await
}

/// A port that speaks HTTP, says nothing on its first connection until there is a second, and nothing on that one.
#[tokio::test]
async fn either_waits_for_a_slow_server_and_asks_in_the_other_protocol_beside_it() {
    let (second, came) = tokio::sync::watch::channel(0);
    let second = std::sync::Arc::new(second);
    let slow = serve(move |mut s| {
        let (second, mut came) = (second.clone(), came.clone());
        async move {
            let mut number = 0;
            second.send_modify(|n| {
                *n += 1;
                number = *n;
            });
            if number > 1 {
                return silence(s).await;
            }
            read_head(&mut s).await;
            let _ = came.wait_for(|n| *n > 1).await;
            let _ = s.write_all(OK).await;
            let _ = s.shutdown().await;
        }
    })
    .await;
    let task = crate::probe::Task { deadline: Duration::from_secs(4), ..task("rtc.example", slow) };
    let obs = probe(&task, &settings(Pki::test().trust()), &spec(false, true)).await;
    assert_eq!((obs.failure(), obs.facts.get::<u16>(&metric::HTTP_STATUS)), (None, Some(200)));
    assert_eq!(steps(&obs), [(Step::Connect, true), (Step::Request, true)]);
}

#[tokio::test]
async fn redirects_on_the_port_are_followed_to_what_shows_the_product() {
    let obs = seen(&[
        ("/", "302 X\r\nLocation: /enginemanager/\r\nContent-Length: 0\r\n\r\n"),
        ("/enginemanager/", "302 X\r\nLocation: login.htm\r\nContent-Length: 0\r\n\r\n"),
        ("/enginemanager/login.htm", "200 X\r\nServer: Jetty\r\n\r\n<title>Log in</title>"),
    ])
    .await;
    assert_eq!((obs.failure(), obs.facts.get::<u16>(&metric::HTTP_STATUS)), (None, Some(200)));
    let product: Product = obs.facts.get(&metric::SERVICE).unwrap();
    assert_eq!((product.kind, product.name.as_str()), (ProductKind::Wowza, "Wowza Streaming Engine Manager"));
    let redirects: Redirects = obs.facts.get(&metric::REDIRECTS).unwrap();
    assert_eq!(redirects.followed, ["/enginemanager/", "/enginemanager/login.htm"]);
    assert!(!obs.facts.has(&metric::REDIRECT));
    assert_eq!(steps(&obs).len(), 6);
}

#[tokio::test]
async fn circles_other_hosts_and_dead_ends_are_told() {
    let left = |obs: &Observation| obs.facts.get::<Redirects>(&metric::REDIRECTS).and_then(|r| r.left);
    let circle = seen(&[("/", "302 X\r\nLocation: /a\r\n\r\n"), ("/a", "302 X\r\nLocation: /\r\n\r\n")]).await;
    assert_eq!((circle.failure(), left(&circle)), (None, Some(Left::Circle)));
    let away = seen(&[("/", "302 X\r\nLocation: http://portal.example/\x1b[2J\r\n\r\n")]).await;
    assert_eq!(away.failure().unwrap().kind, FailureKind::Garbage, "no control characters in HTTP");
    let away = seen(&[("/", "302 X\r\nLocation: http://portal.example/login\r\n\r\n")]).await;
    assert_eq!((away.failure(), left(&away)), (None, Some(Left::AnotherHost)));
    assert_eq!(away.facts.get::<String>(&metric::REDIRECT).as_deref(), Some("http://portal.example/login"));
    let dead = seen(&[("/", "302 X\r\nLocation: /a\r\n\r\n"), ("/a", "")]).await;
    assert_eq!((dead.failure(), left(&dead)), (None, Some(Left::Broken)));
    assert_eq!(dead.facts.get::<u16>(&metric::HTTP_STATUS), Some(302));
}

#[tokio::test]
async fn a_stranger_and_tls_on_the_port_are_met() {
    let met = |obs: &Observation| obs.facts.get::<String>(&metric::MET);
    let ssh = |mut s: tokio::net::TcpStream| async move {
        let _ = s.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        let _ = s.read(&mut [0; 4096]).await;
        let _ = s.shutdown().await;
    };
    let pki = Pki::test();
    let settings = settings(pki.trust());
    for spec in [spec(false, false), spec(true, false), spec(true, true)] {
        let obs = probe(&task("rtc.example", serve(ssh).await), &settings, &spec).await;
        let failure = obs.failure().unwrap();
        let kind = if failure.step == Step::Tls { FailureKind::NotTls } else { FailureKind::Garbage };
        assert_eq!((failure.kind, met(&obs).as_deref()), (kind, Some("SSH")), "{failure}");
        assert!(failure.detail.contains("speaks SSH"), "{failure}");
    }
    let nginx = seen(&[("/", "400 X\r\nServer: nginx\r\n\r\nThe plain HTTP request was sent to HTTPS port")]).await;
    assert_eq!((nginx.failure().unwrap().kind, met(&nginx).as_deref()), (FailureKind::Garbage, Some("TLS")));
    let plain = serve(blurt).await;
    let obs = probe(&task("rtc.example", plain), &settings, &spec(true, false)).await;
    assert_eq!((obs.failure().unwrap().kind, met(&obs).as_deref()), (FailureKind::NotTls, Some("HTTP")));
}
