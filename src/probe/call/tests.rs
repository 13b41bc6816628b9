//! Calls on loopback to a Janus Gateway that is none: it speaks the API as told, and its media are a second engine's.

mod gateway;

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use futures_util::{SinkExt, StreamExt};

use gateway::{Manner, janus};

use super::*;
use crate::model::{PortRange, Secret, Service, Transport, metric};
use crate::net::loopback::{LONG, Pki, SHORT, closed_port, serve};
use crate::net::ws::tests::{accept, echo};
use crate::probe::JanusSecrets;
use crate::probe::layers::fixture::settings;
use crate::probe::measure::Way;
use crate::probe::trial::What;
use crate::profile::{RefusedUpgrade, Spec, WsSpec};

fn way(at: SocketAddr) -> Way {
    let spec = WsSpec {
        tls: false,
        path: "/".to_owned(),
        subprotocol: Some("janus-protocol".to_owned()),
        refused: RefusedUpgrade::Fail,
    };
    Way {
        rule: "rtc.gateway".into(),
        spec: Spec::Ws(spec),
        service: Service::Ws,
        transport: Transport::Tcp,
        ports: PortRange::single(at.port()),
        seen: None,
    }
}

async fn attempted(ways: Vec<Way>, call: CallMode, deadline: Duration) -> Observation {
    attempted_for(Duration::from_millis(400), ways, call, deadline).await
}

async fn attempted_for(length: Duration, ways: Vec<Way>, call: CallMode, deadline: Duration) -> Observation {
    let janus = JanusSecrets { token: Some(Secret::new("hush-hush")), api_secret: None };
    let settings = Settings { call, janus: Arc::new(janus), ..settings(Pki::test().trust()) };
    let task = TrialTask {
        check: "test".to_owned(),
        what: What::Call,
        host: "rtc.example".to_owned(),
        address: [127, 0, 0, 1].into(),
        ways,
        relays: Vec::new(),
        length,
        deadline,
    };
    let obs = attempt(&task, &settings, &CancellationToken::new(), Arc::new(|_, _| {})).await;
    assert!(!format!("{obs:?}").contains("hush"), "a secret: {obs:?}");
    obs
}

async fn called(manner: Manner) -> Observation {
    attempted(vec![way(janus(manner).await)], CallMode::IfOffered, LONG).await
}

fn skipped(obs: &Observation) -> &str {
    match &obs.outcome {
        Outcome::Skipped(why) => why,
        other => panic!("{other:?}"),
    }
}

#[cfg(feature = "media")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_set_up_and_its_media_are_measured() {
    use crate::model::Step::{Checks, Connect, Dtls, Info, Media, Offer, Upgrade};
    let obs = called(Manner::Echo).await;
    assert_eq!(obs.outcome, Outcome::Measured, "{obs:?}");
    let steps: Vec<Step> = obs.steps.iter().map(|s| s.step).collect();
    assert_eq!(steps, [Connect, Upgrade, Info, Offer, Checks, Dtls, Media]);
    assert!(obs.steps.iter().all(|s| s.result == "ok"));
    let fact = |m| obs.facts.get::<Value>(m).unwrap_or_default();
    let call = fact(&metric::CALL);
    assert_eq!((&call["audio_codec"], &call["video_codec"]), (&json!("opus"), &json!("VP8")));
    assert_eq!(call["pair"]["local"]["via"], "direct-udp");
    assert!(call["pair"]["remote"]["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{call}");
    assert!(call["remote_port"].as_u64().unwrap() > 0);
    let parts: f64 = ["signalling_ms", "ice_ms", "dtls_ms"].iter().map(|p| call[p].as_f64().unwrap()).sum();
    assert!((call["setup_ms"].as_f64().unwrap() - parts).abs() < 0.01, "{call}");
    let video = fact(&metric::CALL_VIDEO);
    for (figures, planned) in [(json!(obs.facts), 20), (video, 24)] {
        // A machine that is too busy leaves packets out.
        assert!((1..=planned).contains(&figures["sent"].as_u64().unwrap()), "{figures}");
        assert_eq!(figures["received"], figures["sent"], "{figures}");
        assert!(figures["rtt_ms"]["mean"].as_f64().unwrap() > 0.0);
        assert_eq!((&figures["loss_up_pct"], &figures["jitter_ms"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(fact(&metric::JANUS)["version_string"], "1.1.2");
}

#[cfg(feature = "media")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cut_off_half_way_fails_and_keeps_its_figures() {
    let ways = vec![way(janus(Manner::Cut).await)];
    let obs = attempted_for(Duration::from_secs(10), ways, CallMode::IfOffered, 2 * LONG).await;
    let failure = obs.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Media, FailureKind::NoMedia), "{failure}");
    assert!(failure.detail.starts_with("media flowed, and Janus hung up (… it ends) after "), "{failure}");
    assert!(failure.detail.ends_with(" packets still to send"), "{failure}");
    let last = obs.steps.last().unwrap();
    assert!(last.step == Step::Media && last.ms > 0.0 && last.result.starts_with("no-media"), "{last:?}");
    let count = |m| obs.facts.get::<u64>(m).unwrap();
    let (sent, received) = (count(&metric::SENT), count(&metric::RECEIVED));
    assert!((1..500).contains(&sent) && (1..=sent).contains(&received), "{sent} and {received}");
}

#[tokio::test]
async fn our_own_responder_is_not_called_unless_it_was_asked_for() {
    for (fact, value, called) in [
        (&metric::RESPONDER, json!("1"), false),
        (&metric::RESPONDER_PAGE, json!(true), false),
        (&metric::RESPONDER_PAGE, json!(false), true),
    ] {
        let mut seen = Observation::new(ProbeKind::UdpRange);
        seen.facts.set(fact, value);
        let ways = vec![Way { seen: Some(seen), ..way(closed_port().await) }];
        let obs = attempted(ways.clone(), CallMode::IfOffered, LONG).await;
        let responder = skipped(&obs) == "an rtc-check responder stands in for the platform, so no call was made";
        assert_eq!((responder, obs.steps.is_empty()), (!called, !called), "{obs:?}");
        let obs = attempted(ways, CallMode::Always, LONG).await;
        assert_eq!(obs.failure().unwrap().kind, FailureKind::Refused);
    }
}

#[cfg(feature = "media")]
#[tokio::test]
async fn an_answer_that_cannot_be_used_is_told_as_such() {
    for sdp in ["", "<html>", "v=0\r\n", "v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/SAVPF 0\r\n"] {
        let obs = called(Manner::Sdp(sdp)).await;
        let failure = obs.failure().unwrap();
        assert_eq!((failure.step, failure.kind), (Step::Offer, FailureKind::BadAnswer), "{sdp}: {failure}");
    }
}

#[cfg(feature = "media")]
#[tokio::test]
async fn a_server_that_hangs_up_or_refuses_is_heard() {
    let obs = called(Manner::HangUp).await;
    let failure = obs.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::ServerError);
    assert_eq!(failure.detail, "Janus hung up before media could flow: No  [2J codec");
    let obs = called(Manner::Refuse).await;
    let failure = obs.failure().unwrap();
    assert!(failure.detail.starts_with("Janus answers error 403 (Unauthorized: …) to create"), "{failure}");
    assert!(failure.kind == FailureKind::NoCredentials && failure.detail.contains("not sent without TLS"), "{failure}");
}

#[cfg(feature = "media")]
#[tokio::test]
async fn a_server_that_falls_silent_costs_no_more_than_the_deadline() {
    let obs = attempted(vec![way(janus(Manner::Silent).await)], CallMode::IfOffered, SHORT).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::OutOfTime, "{obs:?}");
    assert!(obs.facts.has(&metric::JANUS), "what was seen before is kept");
}

#[tokio::test]
async fn where_no_call_is_possible_none_is_made_unless_it_was_asked_for() {
    let at = janus(Manner::NoPlugin).await;
    let words = "the Janus Gateway (version 1.1.2) has no EchoTest plugin to send media back: it has janus.plugin.sip";
    let obs = attempted(vec![way(at)], CallMode::IfOffered, LONG).await;
    assert_eq!(skipped(&obs), words);
    assert!(obs.facts.has(&metric::JANUS));
    let obs = attempted(vec![way(at)], CallMode::Always, LONG).await;
    assert_eq!((obs.failure().unwrap().kind, &*obs.failure().unwrap().detail), (FailureKind::NoPlugin, words));
    let obs = attempted(vec![way(janus(Manner::Silent).await)], CallMode::Never, LONG).await;
    assert_eq!(skipped(&obs), "calls are switched off");
}

#[tokio::test]
async fn what_is_no_janus_is_known_at_once_and_no_failure() {
    let obs = attempted(vec![way(echo("janus-protocol").await)], CallMode::IfOffered, LONG).await;
    assert!(skipped(&obs).contains("it is no Janus Gateway"), "{obs:?}");
    let obs = attempted(vec![way(closed_port().await)], CallMode::IfOffered, LONG).await;
    assert!(skipped(&obs).contains("connection refused"), "{obs:?}");
    let obs = attempted(Vec::new(), CallMode::IfOffered, LONG).await;
    assert_eq!(skipped(&obs), "no rule of the target leads to a Janus Gateway's API, so no call was made");
    let obs = attempted(vec![way(closed_port().await)], CallMode::Always, LONG).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::Refused);
}

#[tokio::test]
async fn a_run_that_ends_ends_the_call() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let settings = settings(Pki::test().trust());
    let task = TrialTask {
        check: "test".to_owned(),
        what: What::Call,
        host: "rtc.example".to_owned(),
        address: [127, 0, 0, 1].into(),
        ways: vec![way(janus(Manner::Silent).await)],
        relays: Vec::new(),
        length: LONG,
        deadline: LONG,
    };
    let obs = attempt(&task, &settings, &cancel, Arc::new(|_, _| {})).await;
    assert_eq!(obs.failure().unwrap().kind, FailureKind::OutOfTime);
}
