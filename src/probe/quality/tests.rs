//! One measurement over loopback for each method, and what becomes of refusals, silence and far ends that die.

mod far;
#[cfg(feature = "media")]
mod through_relays;

use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::model::measure::names;
use crate::model::{Estimates, Media, Outcome as Ended, PortRange, PortSet, RuleId, Service, Transport};
use crate::net::ResponderKey;
use crate::net::loopback::{closed_port, serve, silence as accepts};
use crate::net::tls::Trust;
use crate::net::ws::tests::echo;
use crate::probe::layers::fixture;
use crate::probe::measure::{Way, measure};
use crate::probe::session::tests::{GRANT, page};
use crate::profile::{RefusedUpgrade, Spec, WsSpec};
use far::{Answers, Far, REFLECTOR, RESPONDER, SILENT, STUN};

const V4: &str = "127.0.0.1";

fn load(up_kbps: f64, down_kbps: f64) -> Load {
    Load { media: Media::Audio, up_kbps, down_kbps, sessions: 1, down_streams: 1 }
}

fn task(address: &str, ways: Vec<Way>, millis: u64) -> MeasureTask {
    MeasureTask {
        check: "test".to_owned(),
        host: "localhost".to_owned(),
        address: address.parse().unwrap(),
        ways,
        relays: Vec::new(),
        loads: vec![load(40.0, 40.0)],
        length: Length::Exact(Duration::from_millis(millis)),
        dscp: 46,
        capacity: None,
        deadline: Duration::from_secs(30),
    }
}

fn way(service: Service, transport: Transport, spec: Spec, port: u16, seen: Option<Observation>) -> Way {
    Way { rule: RuleId::from("test.way"), spec, service, transport, ports: PortRange::single(port), seen }
}

/// A media range whose check saw this port answer, with the mark of a responder or without.
fn range(port: u16, responder: bool) -> Way {
    let mut seen = Observation::new(ProbeKind::UdpRange);
    seen.facts.set(&metric::ANSWERED, [port].into_iter().collect::<PortSet>());
    if responder {
        seen.facts.set(&metric::RESPONDER, "1");
    }
    way(Service::Rtp, Transport::Udp, Spec::Range, port, Some(seen))
}

fn stun(port: u16) -> Way {
    way(Service::Stun, Transport::Udp, Spec::Stun, port, None)
}

fn settings(doors: &[u16]) -> Settings {
    Settings { page_ports: Arc::new(doors.to_vec()), ..fixture::settings(Trust::only([])) }
}

/// A load holds when all of it arrives, figures without a load when there are any.
fn all_arrives(load: &Load, estimates: &Estimates) -> Standing {
    // A machine that is busy sends late, which opens the interval below and not above.
    let arrives = |name, kbps: f64| estimates.get(name).map(|e| e.high >= kbps);
    match (arrives(names::UP_KBPS, load.up_kbps), arrives(names::DOWN_KBPS, load.down_kbps)) {
        _ if load.is_none() => Standing::Holds,
        (Some(true), Some(true)) => Standing::Holds,
        (Some(_), Some(_)) => Standing::Fails,
        _ => Standing::Undecided,
    }
}

async fn measured_by(task: &MeasureTask, settings: &Settings, stands: Stands) -> Observation {
    measure(task, settings, stands, &CancellationToken::new(), Arc::new(|_, _| {})).await
}

async fn measured(task: &MeasureTask, settings: &Settings) -> Observation {
    measured_by(task, settings, Arc::new(all_arrives)).await
}

fn fact<T: serde::de::DeserializeOwned>(seen: &Observation, metric: &crate::model::metric::Metric) -> T {
    seen.facts.get(metric).unwrap_or_else(|| panic!("{} in {seen:?}", metric.name))
}

fn via(seen: &Observation, key: &str) -> Value {
    fact::<Value>(seen, &metric::VIA)[key].clone()
}

fn loads(seen: &Observation) -> Vec<Value> {
    fact(seen, &metric::LOADS)
}

fn caveats(seen: &Observation) -> String {
    fact::<Vec<String>>(seen, &metric::CAVEATS).join("; ")
}

#[tokio::test]
async fn a_responder_grants_a_session_and_tells_each_direction_in_both_families() {
    for address in [V4, "::1"] {
        if UDP_IS_MISSING(address) {
            continue;
        }
        let far = Far::at(address, RESPONDER);
        let door = page(address, 200, GRANT).await.port();
        let seen = measured(&task(address, vec![range(far.port, true)], 800), &settings(&[door])).await;
        assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
        let (method, session, why) = (via(&seen, "method"), via(&seen, "session"), via(&seen, "why"));
        assert_eq!((method, session, why), (json!("stamp"), json!("granted"), Value::Null));
        assert_eq!((via(&seen, "port"), via(&seen, "responder")), (json!(far.port), json!("1")));
        assert_eq!(via(&seen, "address").as_str().unwrap().parse::<IpAddr>().unwrap(), far_address(address));
        let sent: u32 = fact(&seen, &metric::SENT);
        assert!(sent >= 38 && sent == fact::<u32>(&seen, &metric::RECEIVED), "{sent}");
        let losses = [&metric::LOSS_PCT, &metric::LOSS_UP_PCT, &metric::LOSS_DOWN_PCT];
        assert_eq!(losses.map(|m| fact::<f64>(&seen, m)), [0.0; 3]);
        assert!(fact::<f64>(&seen, &metric::JITTER_MS) < 20.0 && fact::<f64>(&seen, &metric::MOS) > 4.0);
        assert_eq!((fact::<u32>(&seen, &metric::REORDERED), fact::<u32>(&seen, &metric::DUPLICATED)), (0, 0));
        let [one] = loads(&seen).try_into().unwrap();
        assert_eq!((&one["standing"], &one["load"]["up_kbps"]), (&json!("holds"), &json!(40.0)));
        assert!(one["estimates"]["up_kbps"]["high"].as_f64().is_some_and(|kbps| kbps >= 40.0), "{one}");
        let bounds = |name| fact::<Estimates>(&seen, &metric::ESTIMATES).get(name).unwrap();
        assert!(bounds(names::LOSS_UP_PCT).high > 0.0 && bounds(names::RTT_MS).low < bounds(names::RTT_MS).high);
    }
}

/// A machine without IPv6 cannot show that it is measured likewise.
#[expect(non_snake_case, reason = "stands out where a part of a test is left out")]
fn UDP_IS_MISSING(address: &str) -> bool {
    std::net::UdpSocket::bind((address, 0)).is_err()
}

fn far_address(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[tokio::test]
async fn a_responder_without_a_page_is_measured_without_a_session() {
    let far = Far::at(V4, RESPONDER);
    let closed = closed_port().await.port();
    let seen = measured(&task(V4, vec![range(far.port, true)], 600), &settings(&[closed])).await;
    assert_eq!((seen.outcome.clone(), via(&seen, "session")), (Ended::Measured, json!("plain")), "{seen:?}");
    assert_eq!(fact::<f64>(&seen, &metric::LOSS_UP_PCT), 0.0);
}

#[tokio::test]
async fn a_refused_session_is_no_measurement_and_says_why() {
    let far = Far::at(V4, RESPONDER);
    let door = page(V4, 400, b"{\"refused\":\"no train of more than 10 kbit/s\"}").await.port();
    let seen = measured(&task(V4, vec![range(far.port, true)], 600), &settings(&[door])).await;
    let failure = seen.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Session, FailureKind::SessionRefused));
    assert!(failure.detail.contains("no train of more than 10 kbit/s"), "{failure}");
    assert_eq!(fact::<String>(&seen, &metric::RESPONDER_REFUSED), "no train of more than 10 kbit/s");
    assert!(!seen.facts.has(&metric::ESTIMATES) && !seen.facts.has(&metric::SENT));
    assert_eq!(loads(&seen)[0]["responder_refused"], json!("no train of more than 10 kbit/s"));
}

#[tokio::test]
async fn any_reflector_is_tried_with_a_few_packets_and_measured() {
    let far = Far::at(V4, Answers { loses: 10, ..REFLECTOR });
    let seen = measured(&task(V4, vec![range(far.port, false)], 600), &settings(&[])).await;
    assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
    assert_eq!((via(&seen, "method"), via(&seen, "session")), (json!("stamp"), json!("plain")));
    assert_eq!(via(&seen, "responder"), Value::Null);
    // It keeps no numbers of its own, so the ways cannot be told apart: an explicit null.
    let all: Value = serde_json::to_value(&seen.facts).unwrap();
    assert!(all["loss_pct"].as_f64().is_some_and(|loss| loss > 5.0 && loss < 20.0), "{all}");
    assert_eq!((&all["loss_up_pct"], &all["loss_down_pct"]), (&json!(null), &json!(null)));
    assert!(caveats(&seen).contains("tells nothing by direction"), "{}", caveats(&seen));
    // Any of what was lost may have been lost on either way.
    let up = loads(&seen)[0]["estimates"]["up_kbps"].clone();
    assert!(up["high"] == json!(40.8) && up["low"].as_f64().is_some_and(|low| low < 38.0), "{up}");
}

#[tokio::test]
async fn a_far_end_that_knows_stun_only_is_measured_with_bindings_and_carries_no_load() {
    let far = Far::at(V4, Answers { loses: 10, ..STUN });
    let seen = measured(&task(V4, vec![range(far.port, false)], 600), &settings(&[])).await;
    assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
    assert_eq!((via(&seen, "method"), via(&seen, "transport")), (json!("stun"), json!("udp")));
    let why = via(&seen, "why");
    let why = why.as_str().unwrap();
    assert!(why.contains(&format!("STAMP to {V4}:{}: no reply", far.port)), "{why}");
    assert!(why.contains(":862"), "{why}");
    let all: Value = serde_json::to_value(&seen.facts).unwrap();
    assert!(all["loss_pct"].as_f64().is_some_and(|loss| loss > 2.0), "{all}");
    assert_eq!((&all["loss_up_pct"], &all["jitter_ms"]), (&json!(null), &json!(null)));
    assert!(all["rtt_variation_ms"].is_number() && all["rtt_ms"]["p99"].is_number(), "{all}");
    assert_eq!((loads(&seen).len(), all.get("load")), (0, None));
}

#[tokio::test]
async fn where_nothing_answers_over_udp_websocket_pings_tell_the_round_trip_alone() {
    let at = echo("janus-protocol").await;
    let mut seen = Observation::new(ProbeKind::Ws);
    seen.facts.set(&metric::PING_RTT_MS, 0.1);
    let spec = WsSpec {
        tls: false,
        path: "/".to_owned(),
        subprotocol: Some("janus-protocol".to_owned()),
        refused: RefusedUpgrade::Fail,
    };
    let ways = vec![way(Service::Ws, Transport::Tcp, Spec::Ws(spec), at.port(), Some(seen))];
    let seen = measured(&task(V4, ways, 300), &settings(&[])).await;
    assert_eq!((seen.outcome.clone(), via(&seen, "method")), (Ended::Measured, json!("ws")), "{seen:?}");
    let all: Value = serde_json::to_value(&seen.facts).unwrap();
    assert_eq!(
        (&all["sent"], &all["received"], &all["loss_pct"], &all["mos"]),
        (&json!(2), &json!(2), &json!(null), &json!(null))
    );
    assert!(all["rtt_ms"]["min"].is_number() && caveats(&seen).contains("over TCP"), "{all}");
}

#[tokio::test]
async fn a_responder_without_udp_takes_loads_over_its_websocket_and_nobody_else_does() {
    let at = echo("janus-protocol").await;
    let mut ponged = Observation::new(ProbeKind::Ws);
    ponged.facts.set(&metric::PING_RTT_MS, 0.1);
    let (path, subprotocol) = ("/".to_owned(), Some("janus-protocol".to_owned()));
    let spec = WsSpec { tls: false, path, subprotocol, refused: RefusedUpgrade::Fail };
    let ws = || vec![way(Service::Ws, Transport::Tcp, Spec::Ws(spec.clone()), at.port(), Some(ponged.clone()))];
    let door = page(V4, 200, GRANT).await.port();
    let holds: Stands = Arc::new(|_, _| Standing::Holds);
    let seen = measured_by(&task(V4, ws(), 700), &settings(&[door]), holds).await;
    assert_eq!((seen.outcome.clone(), via(&seen, "method")), (Ended::Measured, json!("ws")), "{seen:?}");
    let [one] = loads(&seen).try_into().unwrap();
    assert_eq!((&one["via"]["transport"], &one["standing"]), (&json!("tcp"), &json!("holds")), "{one}");
    assert!(one["estimates"]["up_kbps"]["value"].is_number() && one["loss_up_pct"].is_null(), "{one}");
    assert!(seen.facts.has(&metric::RTT_MS) && !seen.facts.has(&metric::LOAD));
    let unasked = measured(&task(V4, ws(), 300), &settings(&[])).await;
    assert_eq!(loads(&unasked).len(), 0, "a server that grants nothing is sent nothing");
}

#[tokio::test]
async fn tcp_handshakes_are_the_last_resort() {
    let at = serve(accepts).await;
    let ssh = way(Service::Ssh, Transport::Tcp, Spec::Ssh, at.port(), Some(Observation::new(ProbeKind::Ssh)));
    let seen = measured(&task(V4, vec![ssh], 300), &settings(&[])).await;
    assert_eq!((seen.outcome.clone(), via(&seen, "method")), (Ended::Measured, json!("tcp")), "{seen:?}");
    assert_eq!(fact::<u32>(&seen, &metric::SENT), series::CONNECTS);
    let estimates: Estimates = fact(&seen, &metric::ESTIMATES);
    assert!(estimates.get(names::RTT_MS).is_some() && estimates.get(names::RTT_VARIATION_MS).is_some());
    assert_eq!(estimates.get(names::LOSS_PCT), None);
}

#[tokio::test]
async fn silence_is_a_time_out_that_tells_what_was_tried() {
    let far = Far::at(V4, SILENT);
    let seen = measured(&task(V4, vec![range(far.port, false), stun(far.port)], 600), &settings(&[])).await;
    let failure = seen.failure().unwrap();
    assert_eq!((failure.step, failure.kind), (Step::Train, FailureKind::TimedOut));
    for tried in ["STAMP to", "STUN to", "no reply to"] {
        assert!(failure.detail.contains(tried), "{failure}");
    }
    assert!(!seen.facts.has(&metric::ESTIMATES));
}

#[tokio::test]
async fn a_far_end_that_dies_half_way_is_judged_by_neither_loss_nor_rate() {
    let far = Far::at(V4, Answers { most: 30, ..RESPONDER });
    let door = page(V4, 200, GRANT).await.port();
    let seen = measured(&task(V4, vec![range(far.port, true)], 2600), &settings(&[door])).await;
    assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
    assert!(caveats(&seen).contains("nothing came back after"), "{}", caveats(&seen));
    let estimates: Estimates = fact(&seen, &metric::ESTIMATES);
    let told = |name| estimates.get(name).is_some();
    assert!(told(names::RTT_MS) && ![names::LOSS_PCT, names::LOSS_UP_PCT, names::UP_KBPS].into_iter().any(told));
    assert_eq!(loads(&seen)[0]["standing"], json!("undecided"));
    assert_eq!(fact::<u32>(&seen, &metric::RECEIVED), 30);
}

#[tokio::test]
async fn the_next_load_is_offered_where_the_one_above_does_not_hold() {
    let far = Far::at(V4, RESPONDER);
    let loads_of = [load(80.0, 80.0), load(40.0, 40.0), load(20.0, 20.0)].to_vec();
    let task = MeasureTask { loads: loads_of, ..task(V4, vec![range(far.port, true)], 500) };
    let stands: Stands = Arc::new(|load, estimates| match load.up_kbps > 50.0 {
        true => Standing::Fails,
        false => all_arrives(load, estimates),
    });
    let seen = measured_by(&task, &settings(&[]), stands).await;
    let tried: Vec<(Value, Value)> =
        loads(&seen).into_iter().map(|l| (l["load"]["up_kbps"].clone(), l["standing"].clone())).collect();
    assert_eq!(tried, [(json!(80.0), json!("fails")), (json!(40.0), json!("holds"))]);
    assert_eq!(fact::<Load>(&seen, &metric::LOAD), load(40.0, 40.0));
}

#[tokio::test]
async fn an_asymmetric_load_needs_a_session_and_quality_is_measured_all_the_same() {
    let far = Far::at(V4, RESPONDER);
    let task = MeasureTask { loads: vec![load(300.0, 1200.0)], ..task(V4, vec![range(far.port, true)], 500) };
    let seen = measured(&task, &settings(&[])).await;
    assert_eq!(seen.outcome, Ended::Measured, "{seen:?}");
    let [audio, asked] = loads(&seen).try_into().unwrap();
    assert_eq!((&audio["standing"], &audio["load"]["up_kbps"]), (&json!("holds"), &json!(40.0)));
    assert_eq!((&asked["standing"], &asked["load"]["down_kbps"]), (&json!(null), &json!(1200.0)));
    assert!(asked["failure"].as_str().unwrap().contains("needs flows"), "{asked}");
    assert_eq!(fact::<Load>(&seen, &metric::LOAD), figures::AUDIO);
}

#[tokio::test]
async fn a_responder_that_knows_no_key_is_asked_without_it() {
    let far = Far::at(V4, RESPONDER);
    let key = Some(Arc::new(ResponderKey::new(b"key".to_vec())));
    let settings = Settings { responder_key: key, ..settings(&[]) };
    let seen = measured(&task(V4, vec![range(far.port, true)], 600), &settings).await;
    assert_eq!((seen.outcome.clone(), via(&seen, "method")), (Ended::Measured, json!("stamp")), "{seen:?}");
    assert_eq!(fact::<f64>(&seen, &metric::LOSS_PCT), 0.0);
}

#[tokio::test]
async fn an_interrupted_measurement_is_none_and_keeps_what_was_seen() {
    let far = Far::at(V4, RESPONDER);
    let task = task(V4, vec![range(far.port, true)], 20_000);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let progress: Progress = Arc::new(move |_, _| stop.cancel());
    let seen = measure(&task, &settings(&[]), Arc::new(all_arrives), &cancel, progress).await;
    let failure = seen.failure().unwrap();
    assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::OutOfTime, "interrupted"));
}
