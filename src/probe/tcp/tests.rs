use crate::model::{FailureKind, ProbeKind, Step, metric};
use crate::net::loopback::{closed_port, serve_on, silence};
use crate::probe::layers::fixture::task;

use super::*;

#[tokio::test]
async fn an_open_port_is_measured_in_either_family() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let at = serve_on(bind, silence).await;
        let obs = probe(&task("rtc.example", at)).await;
        assert_eq!((obs.probe, obs.failure()), (ProbeKind::Tcp, None));
        assert_eq!(obs.steps.iter().map(|s| (s.step, s.result.as_str())).collect::<Vec<_>>(), [(Step::Connect, "ok")]);
        assert!(obs.facts.get::<f64>(&metric::RTT_CONNECT_MS).unwrap() > 0.0);
    }
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let obs = probe(&task("rtc.example", closed_port().await)).await;
    let failure = obs.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Connect, FailureKind::Refused));
    assert!(failure.detail.contains("RST"), "{}", failure.detail);
}

#[tokio::test]
async fn an_address_without_a_route_is_told_from_a_silent_one() {
    // Loopback cannot be the source towards anywhere else than loopback; multicast is no TCP peer.
    let obs = probe(&task("rtc.example", "[ff02::1]:9".parse().unwrap())).await;
    let kind = obs.failure().unwrap().kind;
    assert!(matches!(kind, FailureKind::NoRoute | FailureKind::Unreachable), "{kind:?}");
}
