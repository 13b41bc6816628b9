//! What a page tells, judged: what works passes, and nothing that was not shown does.

use serde_json::{Value, json};

use super::*;
use crate::model::{Check, Status};
use crate::profile::built_in;

fn scope() -> Scope {
    Scope { served: vec!["rtc".into(), "acd".into()], ..Scope::default() }
}

fn around() -> Around {
    let here: Host = "192.0.2.1".parse().unwrap();
    Around { here, address: Some("192.0.2.1".parse().unwrap()), certain: true, peer: true }
}

fn meta() -> Meta {
    Meta {
        version: "0".to_owned(),
        id: "20261122T010203Z-00000001".to_owned(),
        started: "2026-11-22T01:02:03Z".to_owned(),
        finished: "2026-11-22T01:02:33Z".to_owned(),
        duration_ms: 30_000,
        seed: 1,
        ended: None,
        strict: false,
    }
}

fn agent() -> Plan {
    plan(&built_in("agent").unwrap(), &scope(), &around().here).unwrap()
}

fn item(plan: &Plan, rule: &str) -> usize {
    plan.items.iter().position(|i| i.rule.id.as_str() == rule).unwrap()
}

const SPAN: &str = r#"{ "at_ms": 1, "took_ms": 20 }"#;

fn span() -> Value {
    serde_json::from_str(SPAN).unwrap()
}

/// A train of 640 messages of which every one of `lost` was lost on the way there.
fn train(measure: usize, lost: impl Fn(u32) -> bool) -> Value {
    let sent: Vec<Value> = (0..640).map(|n| json!([f64::from(n) * 12.5, 0.2, 102])).collect();
    let came: Vec<u32> = (0..640).filter(|n| !lost(*n)).collect();
    let replies: Vec<Value> = came
        .iter()
        .enumerate()
        .map(|(count, n)| {
            json!([n, count, f64::from(*n) * 12.5 + 20.0 + f64::from(n % 7) * 0.1, f64::from(*n) * 12.5 + 510.0])
        })
        .collect();
    let peer = json!({ "port": 19_599, "connected_ms": 40.0, "candidates": [], "errors": [], "pair": {
        "local": { "type": "host", "address": "192.0.2.7:40000", "protocol": "udp" },
        "remote": { "type": "host", "address": "192.0.2.1:19599", "protocol": "udp" } } });
    json!({ "measure": measure, "span": span(), "peer": peer, "skipped": 0, "hidden": false, "sent": sent, "replies": replies,
        "audio": { "sent": 400, "received": 400, "lost": 0, "jitter_ms": 1.0, "rtt_ms": 20.0 } })
}

/// A run in which all is well.
fn well(plan: &Plan) -> Value {
    let answered = |rule: &str| json!({ "item": item(plan, rule), "span": span(), "end": "answered", "status": 200, "server": "rtc-check/0.1.0" });
    let open = |rule: &str, protocol: &str| json!({ "item": item(plan, rule), "span": span(), "end": "open", "protocol": protocol, "echo_ms": 3.0 });
    let ports = |rule: &str, ports: &[u16]| json!({ "item": item(plan, rule), "span": span(), "answered": ports, "silent": [] });
    json!({
        "version": 1, "duration_ms": 30_000.0, "interrupted": false,
        "browser": { "agent": "Test/1", "webrtc": true, "secure": true, "codecs": ["audio/opus"], "devices": "not-asked" },
        "pages": [answered("rtc.https"), answered("rtc.api"), answered("acd.https")],
        "sockets": [open("rtc.gateway", "janus-protocol"), open("acd.websocket", "sip")],
        "ports": [ports("rtc.media", &[19_099, 19_599, 20_099]), ports("acd.media", &[10_000, 15_000, 20_000])],
        "trains": [train(0, |_| false), train(1, |_| false)],
        "relays": [],
    })
}

fn report(told: &Value, around: &Around) -> Report {
    let told = read(told.to_string().as_bytes()).unwrap();
    judge(&agent(), &told, around, &meta())
}

fn check<'a>(report: &'a Report, id: &str) -> &'a Check {
    report.checks.iter().find(|c| c.id.starts_with(id)).unwrap_or_else(|| panic!("{id}"))
}

#[test]
fn what_works_passes_and_what_no_browser_can_do_is_skipped() {
    let report = report(&well(&agent()), &around());
    assert_eq!(
        report.verdict,
        Status::Pass,
        "{:#?}",
        report.checks.iter().map(|c| (&c.id, c.status, &c.reason)).collect::<Vec<_>>()
    );
    let http = check(&report, "rtc.http/");
    assert!(http.status == Status::Skip && http.reason.contains("a browser cannot"), "{}", http.reason);
    assert_eq!(check(&report, "bandwidth.rtc.audio-video").status, Status::Pass);
    assert!(
        check(&report, "rtc.media").reason.contains("3 of 1001 ports asked"),
        "{}",
        check(&report, "rtc.media").reason
    );
}

#[test]
fn a_page_that_tells_nothing_passes_nothing() {
    let told = json!({ "version": 1, "duration_ms": 0, "browser": { "agent": "", "webrtc": false, "secure": false } });
    let report = report(&told, &around());
    assert_eq!(report.verdict, Status::Unknown);
    assert!(report.checks.iter().all(|c| matches!(c.status, Status::Unknown | Status::Skip)));
}

#[test]
fn silent_ports_fail_where_the_responder_serves_them_and_decide_nothing_where_its_address_is_in_doubt() {
    let plan = agent();
    let mut told = well(&plan);
    told["ports"][0]["answered"] = json!([]);
    told["ports"][0]["silent"] = json!([19_099, 19_599, 20_099]);
    assert_eq!(check(&report(&told, &around()), "rtc.media").status, Status::Fail);
    let doubt = Around { certain: false, ..around() };
    assert_eq!(check(&report(&told, &doubt), "rtc.media").status, Status::Unknown);
    told["ports"][0]["answered"] = json!([19_099]);
    assert_eq!(check(&report(&told, &around()), "rtc.media").status, Status::Fail);
    told["ports"][0] = json!({ "item": item(&plan, "rtc.media"), "span": span(), "no_candidates": true });
    let report = report(&told, &around());
    assert_eq!((check(&report, "rtc.media").status, report.verdict), (Status::Unknown, Status::Unknown));
}

#[test]
fn ports_outside_the_range_and_answers_of_nobody_count_for_nothing() {
    let plan = agent();
    let mut told = well(&plan);
    told["ports"][0]["answered"] = json!([80, 443]);
    told["pages"][0]["item"] = json!(9_999);
    told["trains"][0]["replies"] = json!([[4_000_000_000_u32, 1, 5.0, 5.0]]);
    let report = report(&told, &around());
    for id in ["rtc.media", "rtc.https", "quality.rtc"] {
        assert_eq!(check(&report, id).status, Status::Unknown, "{}", check(&report, id).reason);
    }
}

#[test]
fn what_a_browser_does_not_explain_is_told_as_that() {
    let plan = agent();
    let mut told = well(&plan);
    told["sockets"][1] = json!({ "item": item(&plan, "acd.websocket"), "span": span(), "end": "failed" });
    told["pages"][1] = json!({ "item": item(&plan, "rtc.api"), "span": span(), "end": "opaque" });
    let report = report(&told, &around());
    let socket = check(&report, "acd.websocket");
    assert!(
        socket.status == Status::Fail && socket.reason.contains("open https://192.0.2.1:8089 in a tab"),
        "{}",
        socket.reason
    );
    let api = check(&report, "rtc.api");
    assert!(
        api.status == Status::Unknown && api.reason.contains("does not show whether it is Janus"),
        "{}",
        api.reason
    );
    let end = |end: &str, rest: Value| {
        let mut told = well(&plan);
        told["sockets"][0] = json!({ "item": item(&plan, "rtc.gateway"), "span": span(), "end": end });
        told["sockets"][0].as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        check(&self::report(&told, &around()), "rtc.gateway").status
    };
    assert_eq!(end("no-upgrade", json!({})), Status::Fail);
    assert_eq!(end("timed-out", json!({})), Status::Fail);
    assert_eq!(end("open", json!({ "protocol": "" })), Status::Fail, "without the subprotocol");
}

#[test]
fn an_answer_that_is_kept_back_passes_only_where_a_websocket_showed_who_gives_it() {
    let targets = [("rtc".into(), vec!["platform.example".parse().unwrap()])].into_iter().collect();
    let mut plan = plan(&built_in("agent").unwrap(), &Scope { targets, ..scope() }, &around().here).unwrap();
    let status = |plan: &Plan, protocol: &str| {
        let mut told = well(plan);
        told["pages"][0]["end"] = json!("opaque");
        told["pages"][0].as_object_mut().unwrap().remove("status");
        told["sockets"][0]["protocol"] = json!(protocol);
        let told = read(told.to_string().as_bytes()).unwrap();
        check(&judge(plan, &told, &around(), &meta()), "rtc.https").clone()
    };
    let other_port = status(&plan, "janus-protocol");
    assert_eq!(other_port.status, Status::Unknown, "{}", other_port.reason);
    assert!(other_port.reason.contains("a filter may have answered in its place"), "{}", other_port.reason);
    let (page, socket) = (item(&plan, "rtc.https"), item(&plan, "rtc.gateway"));
    plan.items[page].rule.ports = plan.items[socket].rule.ports;
    assert_eq!(status(&plan, "janus-protocol").status, Status::Pass);
    assert_eq!(status(&plan, "").status, Status::Unknown);
}

#[test]
fn ports_that_the_responder_refused_are_no_sample() {
    let mut told = well(&agent());
    told["ports"][0]["refused"] = json!("too many");
    let few = report(&told, &around());
    let few = check(&few, "rtc.media");
    assert!(few.status == Status::Unknown && few.reason.contains("only 3 of 8 ports"), "{}", few.reason);
    told["ports"][0]["silent"] = json!([20_000]);
    assert_eq!(check(&report(&told, &around()), "rtc.media").status, Status::Fail);
}

#[test]
fn relays_need_media_of_the_responder_and_no_train() {
    let turn = vec!["turn:192.0.2.3?transport=tcp".parse().unwrap()];
    let asked = |scope: &Scope| {
        let plan = plan(&built_in("agent").unwrap(), scope, &around().here).unwrap();
        let asked: Value = serde_json::from_str(&ask(&plan, &around(), None, true)).unwrap();
        let told =
            json!({ "version": 1, "duration_ms": 0, "browser": { "agent": "", "webrtc": true, "secure": true } });
        let told = read(told.to_string().as_bytes()).unwrap();
        (asked["media"].clone(), check(&judge(&plan, &told, &around(), &meta()), "turn.tcp-3478").clone())
    };
    let (media, relay) = asked(&Scope { turn: turn.clone(), ..scope() });
    assert_eq!((media, relay.status), (json!("rtc.media"), Status::Unknown));
    let away = |role: &str| (role.into(), vec!["platform.example".parse().unwrap()]);
    let targets = [away("rtc"), away("acd")].into_iter().collect();
    let (media, relay) = asked(&Scope { turn, targets, ..scope() });
    assert_eq!((media, relay.status), (Value::Null, Status::Skip), "{}", relay.reason);
}

#[test]
fn loss_beyond_the_limit_fails_in_its_direction() {
    let mut told = well(&agent());
    told["trains"][0] = train(0, |n| n % 10 == 3);
    let report = report(&told, &around());
    let quality = check(&report, "quality.rtc");
    assert!(quality.status == Status::Fail && quality.reason.contains("towards the target"), "{}", quality.reason);
    assert_eq!((report.verdict, check(&report, "quality.acd").status), (Status::Fail, Status::Pass));
}

#[test]
fn a_responder_without_media_skips_what_it_cannot_measure() {
    let plan = agent();
    let mut told = well(&plan);
    told["trains"] = json!([]);
    let report = report(&told, &Around { peer: false, ..around() });
    let quality = check(&report, "quality.rtc");
    assert!(quality.status == Status::Skip && quality.reason.contains("feature `media`"), "{}", quality.reason);
    let asked: Value = serde_json::from_str(&ask(&plan, &Around { peer: false, ..around() }, None, false)).unwrap();
    assert_eq!(asked["trains"], json!([]));
}

#[test]
fn relays_carry_or_say_why_not() {
    let scope = Scope { turn: vec!["turn:192.0.2.3?transport=tcp".parse().unwrap()], ..scope() };
    let plan = plan(&built_in("agent").unwrap(), &scope, &around().here).unwrap();
    let trial = plan.trials.iter().position(|t| t.name().starts_with("turn.")).unwrap();
    let status = |relay: Value| {
        let mut told = well(&plan);
        told["relays"] = json!([relay]);
        let told = read(told.to_string().as_bytes()).unwrap();
        check(&judge(&plan, &told, &around(), &meta()), "turn.tcp-3478").clone()
    };
    let with = |peer: Value, received: u32| json!({ "trial": trial, "span": span(), "peer": peer, "sent": 50, "received": received, "rtt_ms": [3.0, 4.0] });
    assert_eq!(status(with(json!({ "connected_ms": 9.0 }), 50)).status, Status::Pass);
    assert_eq!(status(with(json!({}), 0)).status, Status::Fail);
    let silent = status(with(json!({ "failed": "no-relay" }), 0));
    assert_eq!(silent.status, Status::Fail, "over TCP: {}", silent.reason);
    let login = status(with(json!({ "failed": "no-relay", "errors": [{ "code": 401, "text": "Unauthorized" }] }), 0));
    assert_eq!(login.status, Status::Unknown, "{}", login.reason);
}

/// A plan with one relay, and a run in which no media goes directly to one role and its train went through that relay.
fn through_a_relay(uri: &str) -> (Plan, Value) {
    let scope = Scope { turn: vec![uri.parse().unwrap()], ..scope() };
    let plan = plan(&built_in("agent").unwrap(), &scope, &around().here).unwrap();
    let trial = plan.trials.iter().position(|t| t.name().starts_with("turn.")).unwrap();
    let mut told = well(&plan);
    (told["ports"][0]["answered"], told["ports"][0]["silent"]) = (json!([]), json!([19_099, 19_599, 20_099]));
    let mut peer = told["trains"][0]["peer"].take();
    peer["pair"]["local"]["type"] = json!("relay");
    told["relays"] =
        json!([{ "trial": trial, "span": span(), "peer": peer, "sent": 50, "received": 50, "rtt_ms": [3.0] }]);
    told["trains"][0]["peer"] = json!({ "failed": "not-connected" });
    told["trains"][0]["relayed"] = json!({ "trial": trial, "peer": peer });
    (plan, told)
}

fn of(plan: &Plan, told: &Value) -> Report {
    judge(plan, &read(told.to_string().as_bytes()).unwrap(), &around(), &meta())
}

#[test]
fn what_only_a_relay_carries_is_measured_through_it_and_never_told_as_direct() {
    let (plan, mut told) = through_a_relay("turn:192.0.2.3?transport=udp");
    let report = of(&plan, &told);
    let quality = check(&report, "quality.rtc");
    assert_eq!((quality.status, check(&report, "bandwidth.rtc.audio-video").status), (Status::Pass, Status::Pass));
    let via: Value = quality.observed.get(&crate::model::metric::VIA).unwrap();
    assert_eq!((&via["method"], &via["server"]), (&json!("turn"), &json!("192.0.2.3:3478")), "{via}");
    assert_eq!((&via["transport"], &via["port"]), (&json!("udp"), &json!(3478)), "the relay's: {via}");
    assert_eq!((&via["way"], &via["peer"]), (&json!("turn-udp"), &json!("192.0.2.1:19599")), "{via}");
    let words = "through the relay at 192.0.2.3:3478 over UDP, not over direct UDP";
    assert!(quality.reason.contains(words), "{}", quality.reason);
    let direct =
        report.ways.iter().find(|w| w.way == crate::model::Way::DirectUdp && w.role.as_str() == "rtc").unwrap();
    assert!(direct.rtt_ms.is_none() && direct.loss_pct.is_none() && !direct.used, "{direct:?}");
    assert!(!check(&report, "ice.rtc").status.holds());
    told["trains"][0]["replies"] = train(0, |n| n % 10 == 3)["replies"].take();
    assert_eq!(check(&of(&plan, &told), "quality.rtc").status, Status::Fail, "the limits are the same");
}

#[test]
fn a_relay_over_a_stream_shows_no_bandwidth_for_udp_whether_encrypted_or_not() {
    for (uri, words, way, port) in [
        ("turn:192.0.2.3?transport=tcp", "TCP", "turn-tcp", 3478),
        ("turns:192.0.2.3", "TLS", "turn-tls", 5349),
        ("turns:relay.example", "TLS", "turn-tls", 5349),
    ] {
        let (plan, told) = through_a_relay(uri);
        let report = of(&plan, &told);
        let (quality, rate) = (check(&report, "quality.rtc"), check(&report, "bandwidth.rtc.audio-video"));
        let reason = &quality.reason;
        let over = format!("over {words}, not over direct UDP");
        assert!(reason.contains(&over) && reason.contains("sent again by TCP"), "{reason}");
        assert_eq!(rate.status, Status::Warn, "{uri}: {}", rate.reason);
        assert!(rate.reason.contains("open UDP") && rate.reason.contains(&over), "{uri}: {}", rate.reason);
        let via: Value = quality.observed.get(&crate::model::metric::VIA).unwrap();
        let host = if uri.contains("example") { "relay.example" } else { "192.0.2.3" };
        let wanted = json!({
            "method": "turn", "transport": "tcp", "address": "192.0.2.1", "port": port, "way": way,
            "server": format!("{host}:{port}"), "peer": "192.0.2.1:19599",
        });
        assert_eq!(via, wanted, "{uri}");
    }
}

#[test]
fn a_tale_that_contradicts_itself_is_not_believed() {
    let (plan, told) = through_a_relay("turn:192.0.2.3?transport=udp");
    let statuses = |change: &dyn Fn(&mut Value)| {
        let mut told = told.clone();
        change(&mut told);
        let report = of(&plan, &told);
        ["quality.rtc", "bandwidth.rtc.audio-video", "ice.rtc"].map(|id| check(&report, id).status)
    };
    let [quality, bandwidth, ice] = statuses(&|_| ());
    assert!(quality == Status::Pass && bandwidth == Status::Pass && !ice.holds());
    // Its direct connection worked, and it measured through a relay.
    let direct = train(0, |_| false)["peer"].take();
    assert_eq!(statuses(&|told| told["trains"][0]["peer"] = direct.clone()), [Status::Unknown; 3]);
    let through: [&dyn Fn(&mut Value); 6] = [
        &|told| told["relays"][0]["received"] = json!(0),
        &|told| told["relays"][0]["peer"]["failed"] = json!("no-relay"),
        &|told| told["relays"][0]["trial"] = json!(9_999),
        &|told| told["relays"] = json!([]),
        &|told| told["trains"][0]["relayed"]["peer"]["pair"] = Value::Null,
        &|told| told["trains"][0]["relayed"]["peer"]["pair"]["local"]["type"] = json!("srflx"),
    ];
    for (n, change) in through.into_iter().enumerate() {
        let [quality, bandwidth, _] = statuses(change);
        assert_eq!((quality, bandwidth), (Status::Unknown, Status::Unknown), "{n}");
    }
    // A direct way that leaves by a relay.
    let [quality, bandwidth, ice] = statuses(&|told| {
        let train = told["trains"][0].as_object_mut().unwrap();
        train["peer"] = train["relayed"]["peer"].take();
        train.remove("relayed");
    });
    assert_eq!([quality, bandwidth, ice], [Status::Unknown; 3]);
}

#[test]
fn a_relay_that_did_not_carry_the_train_or_that_nobody_named_decides_nothing() {
    let (plan, told) = through_a_relay("turn:192.0.2.3?transport=tcp");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut told = told.clone();
        change(&mut told["trains"][0]);
        let quality = check(&of(&plan, &told), "quality.rtc").clone();
        assert_eq!(quality.status, Status::Unknown, "{}", quality.reason);
        quality.reason
    };
    let both = with(&|train| train["relayed"]["peer"]["failed"] = json!("no-channel"));
    assert!(
        both.contains("no pair of") && both.contains("through the relay turn:192.0.2.3:3478?transport=tcp"),
        "{both}"
    );
    with(&|train| train["relayed"]["trial"] = json!(9_999));
    with(&|train| train["relayed"]["peer"]["pair"]["local"]["type"] = json!("host"));
    with(&|train| train["peer"] = train.as_object_mut().unwrap().remove("relayed").unwrap()["peer"].take());
}

#[test]
fn the_page_may_connect_to_what_it_tests_and_nothing_else() {
    assert_eq!(
        sources(&agent(), &around()),
        "https://192.0.2.1:443 https://192.0.2.1:8989 wss://192.0.2.1:8989 https://192.0.2.1:8089 wss://192.0.2.1:8089"
    );
    let v6 = Around { here: "2001:db8::1".parse().unwrap(), ..around() };
    assert_eq!(sources(&plan(&built_in("agent").unwrap(), &scope(), &v6.here).unwrap(), &v6), "https: wss:");
}

#[test]
fn the_platform_itself_is_reached_over_tls_alone() {
    let targets = [("rtc".into(), vec!["platform.example".parse().unwrap()])].into_iter().collect();
    let scope = Scope { targets, ..scope() };
    let plan = plan(&built_in("agent").unwrap(), &scope, &around().here).unwrap();
    let asked: Value = serde_json::from_str(&ask(&plan, &around(), None, true)).unwrap();
    let of = |rule: &str| asked["items"].as_array().unwrap().iter().find(|i| i["rule"] == rule).unwrap().clone();
    assert_eq!(of("rtc.gateway")["url"], "wss://platform.example:8989/");
    assert_eq!((of("rtc.media")["how"].as_str(), of("acd.media")["how"].as_str()), (Some("not"), Some("ports")));
    assert_eq!(asked["trains"].as_array().unwrap().len(), 1);
    let told = read(well(&plan).to_string().as_bytes()).unwrap();
    let report = judge(&plan, &told, &around(), &meta());
    assert_eq!(
        (check(&report, "rtc.media").status, check(&report, "quality.rtc").status),
        (Status::Skip, Status::Skip)
    );
}

#[test]
fn what_is_told_is_bounded_and_clean() {
    let long = "x\u{1b}[31m".repeat(5_000);
    let told = json!({ "version": 1, "duration_ms": 1e300, "browser": { "agent": long, "webrtc": true, "secure": true },
        "pages": (0..1000).map(|n| json!({ "item": n, "span": { "at_ms": -5.0, "took_ms": 1e9 }, "end": "failed" })).collect::<Vec<_>>() });
    let told = read(told.to_string().as_bytes()).unwrap();
    assert!(told.browser.agent.len() <= 300 && !told.browser.agent.contains('\u{1b}') && told.pages.len() == 256);
    assert_eq!((told.duration_ms, told.pages[0].span.at_ms, told.pages[0].span.took_ms), (600_000.0, 0.0, 600_000.0));
    for bad in [
        "",
        "{}",
        "[]",
        r#"{ "version": 2, "duration_ms": 1, "browser": { "agent": "", "webrtc": true, "secure": true } }"#,
    ] {
        assert!(read(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(read(&vec![b' '; MOST_BYTES + 1]).is_err());
}
