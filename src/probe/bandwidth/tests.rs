//! Against a responder's echo over TCP, and what the estimates are named.

use super::*;
use crate::model::Media;
use crate::net::loopback::LONG;
use crate::net::ws;
use crate::net::{http::Authority, tcp};

fn offer(kbps: f64) -> Offer {
    let load = Load { media: Media::Audio, up_kbps: kbps, down_kbps: kbps, sessions: 1, down_streams: 1 };
    Offer { load, directions: Directions::Both, length: Duration::from_secs(1), dscp: 0, z: 1.96 }
}

#[tokio::test]
async fn a_websocket_that_sends_back_carries_a_load_both_ways() {
    let at = ws::tests::echo("sip").await;
    let stream = tcp::connect(at, LONG).await.unwrap();
    let to = Authority { host: "localhost", port: at.port(), tls: false };
    let (socket, _) = ws::upgrade(stream, to, "/", Some("sip"), LONG).await.unwrap();
    let flowed = flow_over_tcp(socket, &offer(400.0), &CancellationToken::new()).await.unwrap();
    assert_eq!((flowed.carrier, flowed.up.unwrap().loss_pct), (Carrier::Tcp, None));
    assert!(flowed.idle_rtt_ms.is_some() && flowed.loaded_rtt_ms.is_some() && flowed.bytes > 80_000, "{flowed:?}");
    assert!(flowed.estimates().get(names::UP_KBPS).unwrap().value > 200.0, "{flowed:?}");
}

#[test]
fn a_session_is_asked_for_as_much_as_will_be_sent() {
    let load = Load { media: Media::AudioVideo, up_kbps: 300.0, down_kbps: 1200.0, sessions: 2, down_streams: 3 };
    let both = Offer { load, length: Duration::from_secs(4), ..offer(0.0) };
    let asked = ask(&both, false);
    assert!(asked.up_kbps > 600 && asked.up_kbps < 800, "{asked:?}");
    assert!(asked.down_kbps > 7200 && asked.down_kbps < 8000, "{asked:?}");
    let down = ask(&Offer { directions: Directions::Down, ..both }, false);
    assert!(down.up_kbps < 100 && down.down_kbps == asked.down_kbps, "{down:?}");
}

#[test]
fn estimates_are_those_of_what_was_measured() {
    let interval = |value| Some(Interval { value, low: value - 1.0, high: value + 1.0 });
    let way = OneWay {
        offered_kbps: 80.0,
        offered_ip_kbps: 100.0,
        sent: 100,
        received: 100,
        overflow: 0,
        carried_kbps: interval(80.0),
        loss_pct: None,
        delay_rise_ms: interval(3.0),
    };
    let flowed = Flowed {
        carrier: Carrier::Udp,
        up: None,
        down: Some(way),
        idle_rtt_ms: None,
        loaded_rtt_ms: None,
        bytes: 0,
        seconds: 1.0,
        caveats: vec![],
    };
    let estimates = flowed.estimates();
    let names: Vec<&str> = estimates.0.keys().map(String::as_str).collect();
    assert_eq!(names, [names::DELAY_RISE_DOWN_MS, names::DOWN_KBPS]);
}
