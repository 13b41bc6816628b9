use super::*;
use crate::model::{FailureKind, Step};
use crate::net::loopback::{Pki, blurt, closed_port, serve, serve_tls, silence};
use crate::probe::layers::fixture::{settings, task};

#[tokio::test]
async fn the_fallback_says_what_stood_in_and_what_it_leaves_open() {
    let settings = settings(Pki::test().trust());
    let obs = probe(&task("media.example", serve(silence).await), &settings, Service::Rtmp).await;
    assert_eq!((obs.probe, obs.failure()), (ProbeKind::Tcp, None));
    assert_eq!(
        obs.facts.get::<String>(&metric::FALLBACK).as_deref(),
        Some("TCP connect stood in for RTMP: the port is open, what listens was not asked")
    );
    let obs = probe(&task("cam.example", closed_port().await), &settings, Service::Rtmp).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::Refused);
    assert_eq!(obs.facts.get::<String>(&metric::FALLBACK).as_deref(), Some("TCP connect stood in for RTMP"));
}

#[tokio::test]
async fn services_over_tls_shake_hands_and_offer_no_protocol() {
    let pki = Pki::test();
    let at = serve_tls(pki.leaf("turn.example"), &[], |s| async move { drop(s) }).await;
    let obs = probe(&task("turn.example", at), &settings(pki.trust()), Service::Turns).await;
    assert_eq!((obs.probe, obs.failure()), (ProbeKind::Tls, None));
    assert!(obs.facts.has(&metric::CERT_CHAIN) && !obs.facts.has(&metric::TLS_ALPN));
    assert_eq!(obs.steps.last().map(|s| s.step), Some(Step::Tls));
    let words = "a TLS handshake stood in for TURN over TLS: the port speaks TLS, what listens was not asked";
    assert_eq!(obs.facts.get::<String>(&metric::FALLBACK).as_deref(), Some(words));
    let obs = probe(&task("turn.example", serve(blurt).await), &settings(pki.trust()), Service::Rtmps).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::NotTls);
    let words = "a TLS handshake stood in for RTMP over TLS";
    assert_eq!(obs.facts.get::<String>(&metric::FALLBACK).as_deref(), Some(words));
}
