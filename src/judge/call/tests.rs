//! A real call in sentences.

use serde_json::{Value, json};

use crate::judge::bench::{Bench, failed, figures, seen};
use crate::model::{FailureKind, Need, Observation, ProbeKind, Status, Step, metric};

fn told(observation: Observation) -> (Status, String) {
    Bench::new("user", &[]).trial("call.rtc", observation).told("call.rtc")
}

fn call(port: u16) -> Observation {
    let mut facts = figures(40.1);
    let video: Value = json!({ "sent": 300, "received": 299, "loss_pct": 0.33, "rtt_ms": { "mean": 41.0 } });
    let pair = json!({
        "local": { "type": "host", "address": "192.0.2.7:40001" },
        "remote": { "type": "host", "address": format!("203.0.113.10:{port}") },
    });
    facts.push((&metric::JANUS, json!({ "version": 1204, "version_string": "1.2.4", "plugins": ["EchoTest"] })));
    facts.push((
        &metric::CALL,
        json!({
            "setup_ms": 87.4, "signalling_ms": 30.0, "ice_ms": 25.0, "dtls_ms": 20.0, "remote_port": port, "pair": pair,
            "audio_codec": "opus", "video_codec": "vp8", "sent_kbps": 81.0, "received_kbps": 80.6,
        }),
    ));
    facts.push((&metric::CALL_VIDEO, video));
    facts.push((&metric::RTCP_RTT_MS, json!(40.4)));
    seen(ProbeKind::JanusCall, &facts)
}

#[test]
fn a_call_whose_media_came_back_passes_and_names_the_port() {
    let (status, reason) = told(call(19504));
    assert_eq!(status, Status::Pass);
    insta::assert_snapshot!(reason, @"Call to 203.0.113.10 through Janus 1.2.4 set up in 87.4 ms; media went directly, host 192.0.2.7:40001 to host 203.0.113.10:19504; the server's UDP port 19504 is within 19099-20099; audio (opus): 50 of 50 packets came back, round trip 40.1 ms, which varies by 0.42 ms, loss 0 %, MOS 4.4; video (vp8): 299 of 300 packets came back, round trip 41 ms, loss 0.33 %; round trip by RTCP 40.4 ms; 81 kbit/s sent and 80.6 received.");
    assert_eq!(Bench::new("user", &[]).trial("call.rtc", call(19504)).check("call.rtc").need, Need::Required);
}

#[test]
fn a_port_outside_the_documents_range_is_a_warning() {
    let (status, reason) = told(call(30000));
    assert_eq!(status, Status::Warn);
    assert!(reason.contains("UDP port 30000 is outside 19099-20099, which the document names"), "{reason}");
}

#[test]
fn a_call_without_media_fails() {
    let mut silent = call(19504);
    silent.facts.set(&metric::RECEIVED, 0);
    let (status, reason) = told(silent);
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("set up in 87.4 ms, and none of 50 packets came back: allow UDP 19099-20099"), "{reason}");
}

#[test]
fn a_call_whose_video_is_lost_fails() {
    let mut silent = call(19504);
    silent.facts.set(&metric::CALL_VIDEO, json!({ "sent": 300, "received": 0, "loss_pct": 100.0 }));
    let (status, reason) = told(silent);
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("video did not come back, none of 300 packets"), "{reason}");
    assert!(reason.contains("1200-byte datagrams"), "{reason}");
}

#[test]
fn loss_beyond_doubt_in_either_stream_is_a_warning() {
    let estimates = |low: f64| json!({ "loss_pct": { "value": low + 0.5, "low": low, "high": low + 1.0 } });
    let with = |low: f64, video: bool| {
        let mut lossy = call(19504);
        match video {
            true => {
                let figures = json!({ "sent": 300, "received": 280, "loss_pct": 6.7, "estimates": estimates(low) });
                lossy.facts.set(&metric::CALL_VIDEO, figures);
            }
            false => lossy.facts.set(&metric::ESTIMATES, estimates(low)),
        }
        told(lossy)
    };
    for (video, words) in [(false, "audio loses more than a call bears"), (true, "video loses more than a call bears")]
    {
        assert_eq!(with(0.1, video).0, Status::Pass);
        let (status, reason) = with(5.0, video);
        assert_eq!(status, Status::Warn, "{reason}");
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn a_call_that_ended_half_way_shows_its_figures() {
    let mut facts = figures(40.1);
    facts.push((&metric::CALL, json!({ "audio_codec": "opus" })));
    let (status, reason) =
        told(failed(ProbeKind::JanusCall, Step::Media, FailureKind::NoMedia, "media stopped after 2 s", &facts));
    assert_eq!(status, Status::Fail);
    assert!(reason.contains("media stopped after 2 s; audio (opus): 50 of 50 packets came back"), "{reason}");
    facts.push((&metric::CAVEATS, json!(["the relay 203.0.113.30 could not be used: refused"])));
    let (_, reason) = told(failed(ProbeKind::JanusCall, Step::Media, FailureKind::NoMedia, "so", &facts));
    assert!(reason.contains("mend the relay that was tried") && !reason.contains("--turn"), "{reason}");
}

#[test]
fn each_way_to_fail_has_its_remedy() {
    for (step, kind, status, words) in [
        (Step::Info, FailureKind::NoPlugin, Status::Fail, "enable its EchoTest plugin"),
        (Step::Offer, FailureKind::ServerError, Status::Fail, "RTC_CHECK_JANUS_TOKEN"),
        (Step::Offer, FailureKind::BadAnswer, Status::Unknown, "version, log and codecs"),
        (Step::Info, FailureKind::NoCredentials, Status::Unknown, "RTC_CHECK_JANUS_APISECRET"),
        (Step::Checks, FailureKind::IceFailed, Status::Fail, "allow UDP 19099-20099 outbound to 203.0.113.10"),
        (Step::Dtls, FailureKind::TimedOut, Status::Fail, "DTLS does not complete"),
        (Step::Media, FailureKind::NoMedia, Status::Fail, "carries the connection and not the media"),
        (Step::Connect, FailureKind::Refused, Status::Fail, "start the service"),
        (Step::Media, FailureKind::OutOfTime, Status::Unknown, "longer --budget"),
    ] {
        let (seen, reason) = told(failed(ProbeKind::JanusCall, step, kind, "it was so", &[]));
        assert_eq!(seen, status, "{kind:?}");
        assert!(reason.contains(words), "{reason}");
    }
    let (status, reason) = told(Observation::skipped(ProbeKind::JanusCall, "the gateway has no EchoTest plugin"));
    assert_eq!((status, reason.as_str()), (Status::Skip, "Not tried: the gateway has no EchoTest plugin."));
}
