//! What could not be measured, was refused or went another way, and what is said of it.

use super::*;

#[test]
fn what_was_not_measured_is_unknown_or_skipped_and_can_be_waived() {
    let failure = Failure::new(Step::Connect, FailureKind::TimedOut, "no answer to 3 SYNs in 5.0 s");
    let failed = report(&plan("user"), Observation::failed(ProbeKind::Quality, failure.clone()));
    assert_eq!(statuses(&failed), [Status::Unknown; 3]);
    assert!(failed.checks[0].reason.contains("no answer to 3 SYNs"), "{}", failed.checks[0].reason);
    let skipped = report(&plan("user"), Observation::skipped(ProbeKind::Quality, "no route"));
    assert_eq!(statuses(&skipped), [Status::Skip; 3]);
    let allow = |r: &mut Request| r.allow_unknown = vec!["quality".into(), "bandwidth".into()];
    let allowed = report(&plan_with("user", allow), Observation::failed(ProbeKind::Quality, failure));
    assert_eq!((allowed.verdict, allowed.summary.unknown), (Status::Pass, 0));
}

#[test]
fn without_a_responder_bandwidth_is_unknown_and_says_what_to_do() {
    let mut observation = Observation::new(ProbeKind::Quality);
    let by_round_trip = [
        (names::RTT_MS, e(39.0, 40.0, 41.0)),
        (names::RTT_VARIATION_MS, e(1.0, 2.0, 3.0)),
        (names::LOSS_PCT, e(0.0, 0.0, 1.2)),
    ];
    observation.facts.set(&metric::ESTIMATES, estimates(&by_round_trip));
    observation.facts.set(&metric::LOADS, json!([]));
    observation.facts.set(&metric::SENT, 300);
    let report = report(&plan("user"), observation);
    assert_eq!(statuses(&report), [Status::Pass, Status::Unknown, Status::Unknown]);
    assert_eq!(report.verdict, Status::Unknown);
    let audio = check(&report, "bandwidth.rtc.audio");
    assert!(audio.reason.contains("run `rtc-check serve --profile user`"), "{}", audio.reason);
    assert!(audio.limits.iter().all(|l| l.observed.is_none() && l.status == Status::Unknown));
    assert_eq!(report.findings[0].id, "quality.without-responder");
    let quality = check(&report, "quality.rtc");
    assert!(quality.reason.contains("the loss of the round trip is 0 %"), "{}", quality.reason);
}

#[test]
fn a_refusal_of_the_load_is_told_in_its_words() {
    let mut observation = trains(&[(80.0, good(80.0))]);
    let refused = json!([{ "load": load(80.0).offered(false), "responder_refused": "this source has too much" }]);
    observation.facts.set(&metric::LOADS, refused);
    let report = report(&plan("user"), observation);
    let both = check(&report, "bandwidth.rtc.audio-video");
    assert_eq!(both.status, Status::Unknown);
    assert!(both.reason.contains("refused to take the load (this source has too much)"), "{}", both.reason);
}

#[test]
fn what_flows_over_tcp_is_a_warning_and_says_why() {
    let mut observation = trains(&[(80.0, good(80.0))]);
    let mut loads: Vec<serde_json::Value> = observation.facts.get(&metric::LOADS).unwrap();
    let via = json!({ "method": "flow", "transport": "tcp", "port": 443, "session": "granted" });
    loads[0]["via"] = via;
    observation.facts.set(&metric::LOADS, loads);
    let told = report(&plan("user"), observation);
    let both = check(&told, "bandwidth.rtc.audio-video");
    assert_eq!(both.status, Status::Warn);
    let words = "over TCP, because nothing came back over UDP, which media needs: open UDP";
    assert!(both.reason.contains(words), "{}", both.reason);
    assert!(both.reason.contains("Measured with flow over TCP 443"), "{}", both.reason);
}

#[test]
fn udp_that_is_silent_in_a_granted_session_is_not_the_want_of_a_responder() {
    let mut observation = Observation::new(ProbeKind::Quality);
    observation.facts.set(&metric::ESTIMATES, estimates(&[(names::RTT_MS, e(39.0, 40.0, 41.0))]));
    observation.facts.set(&metric::LOADS, json!([]));
    observation.facts.set(&metric::VIA, json!({ "method": "ws", "transport": "tcp", "session": "granted" }));
    let told = report(&plan("user"), observation);
    assert_eq!(told.findings[0].id, "quality.udp-silent");
    let audio = check(&told, "bandwidth.rtc.audio");
    assert!(audio.reason.contains("UDP answered nothing although the session was granted"), "{}", audio.reason);
}

#[test]
fn a_responder_that_ended_in_the_middle_of_a_train_was_not_silent() {
    let mut observation = Observation::new(ProbeKind::Quality);
    observation.facts.set(&metric::ESTIMATES, estimates(&[(names::RTT_MS, e(39.0, 40.0, 41.0))]));
    observation.facts.set(&metric::VIA, json!({ "method": "stamp", "transport": "udp", "session": "granted" }));
    let told = report(&plan("user"), observation);
    assert!(told.findings.iter().all(|f| !f.id.starts_with("quality.")), "{:?}", told.findings);
}

#[test]
fn a_refusal_tells_its_own_remedy() {
    let told = |why: &str| {
        let mut observation = trains(&[(80.0, good(80.0))]);
        let refused = json!([{ "load": load(80.0).offered(false), "responder_refused": why }]);
        observation.facts.set(&metric::LOADS, refused);
        check(&report(&plan("user"), observation), "bandwidth.rtc.audio-video").reason.clone()
    };
    let bound = told(
        "a session may use at most 20000 kbit/s each way here (--max-session-kbps of serve), and 32065 were asked for",
    );
    assert!(bound.contains("ask its operator to start it with --max-session-kbps 32065"), "{bound}");
    assert!(!bound.contains("run `rtc-check serve"), "{bound}");
    let bytes = told(
        "a session may be sent at most 9 bytes here (--max-session-bytes of serve), and 80 kbit/s for 5 s are 50000",
    );
    assert!(bytes.contains("--max-session-bytes 50000"), "{bytes}");
    let key = told("the key given is not the responder's (RTC_CHECK_RESPONDER_KEY)");
    assert!(key.contains("the key given is not the responder's") && !key.contains("rtc-check serve"), "{key}");
}
