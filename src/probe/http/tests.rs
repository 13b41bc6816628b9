use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::net::loopback::{OK, Pki, answer, blurt, serve, serve_tls, silence};
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
