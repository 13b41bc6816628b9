//! What a call saw, as named facts: the call's own, and the figures of its streams as those of any train.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::dial::Connected;
use super::media::Played;
use crate::model::{Facts, Observation, Standing, Way, metric, millis};
use crate::net::engine::{Accepted, End, Figures};
use crate::probe::figures::of_train;
use crate::session::train::Outcome;

/// The facts `call`, `ready_ms` and `rtcp_rtt_ms`. A pair that goes through a relay goes through that of `way`.
pub fn call(
    obs: &mut Observation,
    (connected, figures, way): (&Connected, &Figures, Option<Way>),
    played: Option<&Played>,
) {
    let times = &connected.times;
    let between = |from: std::time::Instant, to: std::time::Instant| to.saturating_duration_since(from);
    let (ice, dtls) = (between(times.answered, times.ice), between(times.ice, times.connected));
    let pair = figures.pair.as_ref();
    let fact = json!({
        "setup_ms": millis(between(times.start, times.connected)),
        "signalling_ms": millis(between(times.start, times.answered)),
        "ice_ms": millis(ice),
        "dtls_ms": millis(dtls),
        "pair": pair.map(|(local, remote)| json!({ "local": local_end(local, way), "remote": end(remote) })),
        "remote_port": pair.map(|(_, remote)| remote.port),
        "audio_codec": connected.accepted.audio,
        "video_codec": connected.accepted.video,
        "sent_kbps": played.map(|p| tenths(p.sent_kbps)),
        "received_kbps": played.map(|p| tenths(p.received_kbps)),
    });
    obs.facts.set(&metric::CALL, fact);
    obs.facts.set(&metric::READY_MS, millis(ice + dtls));
    obs.facts.set(&metric::RTCP_RTT_MS, figures.rtcp_rtt.map(|rtt: Duration| millis(rtt)));
    let via = pair.map(|(_, remote)| json!({ "method": "janus-echotest", "transport": "udp", "address": remote.address, "port": remote.port }));
    obs.facts.set(&metric::VIA, via);
}

fn local_end(local: &End, way: Option<Way>) -> Value {
    let way = if local.kind == "relay" { way } else { Some(Way::DirectUdp) };
    json!({ "type": local.kind, "address": address(local), "via": way })
}

fn end(end: &End) -> Value {
    json!({ "type": end.kind, "address": address(end) })
}

/// Address and port; an IPv6 address in brackets.
fn address(end: &End) -> String {
    match end.address.parse::<IpAddr>() {
        Ok(ip) => std::net::SocketAddr::new(ip, end.port).to_string(),
        Err(_) => format!("{}:{}", end.address, end.port),
    }
}

/// The figures: of audio at the top, of video in `call_video`; where there is no audio, video's are at the top too.
pub fn media(obs: &mut Observation, accepted: &Accepted, played: Played) {
    let audio = accepted.audio.is_some().then(|| figures(&played.audio));
    let video = accepted.video.is_some().then(|| figures(&played.video));
    obs.facts.set(&metric::CALL_VIDEO, &video);
    let mut notes = played.notes;
    if audio.is_none() {
        notes.push("Janus took no audio: the figures are those of video".to_owned());
    }
    if let Some(top) = audio.or(video) {
        let earlier: Vec<String> = obs.facts.get(&metric::CAVEATS).unwrap_or_default();
        obs.facts.extend(top);
        note(obs, earlier);
    }
    note(obs, notes);
}

fn figures(outcome: &Outcome) -> Facts {
    of_train(outcome, None, false, |_| Standing::Holds).0.facts
}

/// Adds sentences to the caveats.
pub fn note(obs: &mut Observation, notes: Vec<String>) {
    if !notes.is_empty() {
        let mut all: Vec<String> = obs.facts.get(&metric::CAVEATS).unwrap_or_default();
        all.extend(notes);
        obs.facts.set(&metric::CAVEATS, all);
    }
}

fn tenths(kbps: f64) -> f64 {
    (kbps * 10.0).round() / 10.0
}
