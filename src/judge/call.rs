//! A real call through the target's media server: it passes when its media came back. How good they were is the quality
//! check's to judge.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Estimates, Facts, Failure, FailureKind, Need, Outcome, PortRange, Seen, Status, Step, metric};
use crate::plan::{Plan, Trial};
use crate::profile::Spec;

use super::aim::Aim;
use super::check::Judgement;
use super::pair::Pair;
use super::{figures, limits, reason, remedy};

/// What a probe says of the call.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Call {
    setup_ms: Option<f64>,
    remote_port: Option<u16>,
    audio_codec: Option<String>,
    video_codec: Option<String>,
    sent_kbps: Option<f64>,
    received_kbps: Option<f64>,
}

/// The media range of the same host, which the call's far port must be in.
pub fn media_range(plan: &Plan, trial: &Trial) -> Option<PortRange> {
    let of_role = plan.items.iter().filter(|i| i.host == trial.host && i.rule.to == trial.role);
    let mut ranges = of_role.filter(|i| i.rule.spec == Spec::Range && i.rule.need != Need::Optional);
    ranges.find_map(|i| i.rule.ports)
}

/// Judges one call.
pub fn judge(aim: &Aim<'_>, range: Option<PortRange>, seen: &Seen) -> Judgement {
    match &seen.observation.outcome {
        Outcome::Skipped(because) => Judgement { status: Status::Skip, reason: reason::skipped(because) },
        Outcome::Failed(failure) if failure.step == Step::Name => {
            Judgement { status: Status::Fail, reason: remedy::name(aim, failure) }
        }
        Outcome::Failed(failure) => failed(aim, range, seen, failure),
        Outcome::Measured => measured(aim, range, &seen.observation.facts),
    }
}

fn failed(aim: &Aim<'_>, range: Option<PortRange>, seen: &Seen, failure: &Failure) -> Judgement {
    let status = match failure.kind {
        FailureKind::OutOfTime | FailureKind::Internal => Status::Unknown,
        // The server's policy and codecs, which say nothing of the network: a call is made also where nobody asked for one.
        FailureKind::NoCredentials | FailureKind::BadAnswer => Status::Unknown,
        _ => Status::Fail,
    };
    let facts = &seen.observation.facts;
    let open = format!("allow {} outbound to {}, or {}", udp(range), aim.to(), by_relay(facts));
    let change = match (failure.kind, failure.step) {
        (FailureKind::NoPlugin, _) => {
            "enable its EchoTest plugin, or leave the call out with --no-call".to_owned()
        }
        (FailureKind::ServerError, _) => {
            "look at the media server's log; where it asks for a token or an API secret, set RTC_CHECK_JANUS_TOKEN or RTC_CHECK_JANUS_APISECRET".to_owned()
        }
        (FailureKind::NoCredentials, _) => {
            "so no media were sent, which decides nothing: set RTC_CHECK_JANUS_TOKEN or RTC_CHECK_JANUS_APISECRET, or leave the call out with --no-call".to_owned()
        }
        (FailureKind::BadAnswer, _) => {
            "so no media were sent, which decides nothing: look at the media server's version, log and codecs".to_owned()
        }
        (FailureKind::IceFailed, _) => open,
        (FailureKind::NoMedia, _) => format!(
            "the path carries the connection and not the media: look for an inspection of UDP or a limit on its rate, and {open}"
        ),
        (FailureKind::OutOfTime | FailureKind::Internal, _) => remedy::of(aim, seen, failure, status),
        (_, Step::Dtls) => format!(
            "the pair answers and DTLS does not complete: look for a firewall that drops large or DTLS datagrams (the handshake's are full-sized), and {open}"
        ),
        (_, Step::Gather | Step::Checks | Step::Media) => open,
        _ => remedy::of(aim, seen, failure, status),
    };
    // A call that ended half way has figures up to its end.
    let figures: String = streams(facts).into_iter().map(|words| format!("; {words}")).collect();
    let reason = format!("Call to {}{}: {}{figures}; {change}.", aim.place(), server(facts), failure.detail);
    Judgement { status, reason }
}

fn measured(aim: &Aim<'_>, range: Option<PortRange>, facts: &Facts) -> Judgement {
    let call: Call = facts.get(&metric::CALL).unwrap_or_default();
    let head = format!("Call to {}{}", aim.place(), server(facts));
    let setup = call.setup_ms.map(|ms| format!(" set up in {} ms", figures::number(ms))).unwrap_or_default();
    if facts.get::<u64>(&metric::RECEIVED).unwrap_or(0) == 0 {
        let sent = facts.get::<u64>(&metric::SENT).map(|n| format!("none of {n} packets"));
        let sent = sent.unwrap_or_else(|| "no media".to_owned());
        let reason = format!(
            "{head}{setup}, and {sent} came back: allow {} outbound to {}, and look at the media server's log.",
            udp(range),
            aim.to()
        );
        return Judgement { status: Status::Fail, reason };
    }
    let (inside, port) = port(&call, range);
    let video: Facts = facts.get(&metric::CALL_VIDEO).unwrap_or_default();
    let no_video = video.get::<u64>(&metric::SENT).filter(|n| *n > 0 && video.get(&metric::RECEIVED) == Some(0_u64));
    let lossy = [("audio", facts), ("video", &video)].into_iter().find(|(_, figures)| is_lossy(figures));
    let clauses = [
        no_video.map(video_silent),
        path(facts),
        port,
        audio(facts, &call),
        self::video(facts, &call),
        lossy.filter(|_| no_video.is_none()).map(|(stream, _)| {
            let stream = if call.audio_codec.is_none() { "video" } else { stream };
            format!("{stream} loses more than a call bears: look for what loads or limits the path")
        }),
        facts.get::<f64>(&metric::RTCP_RTT_MS).map(|ms| format!("round trip by RTCP {} ms", figures::number(ms))),
        rates(&call),
    ];
    let clauses: Vec<String> = clauses.into_iter().flatten().collect();
    let status = match no_video {
        Some(_) => Status::Fail,
        None if inside && lossy.is_none() => Status::Pass,
        None => Status::Warn,
    };
    let caveats = figures::caveats_of_way(facts);
    Judgement { status, reason: format!("{head}{setup}; {}.{caveats}", clauses.join("; ")) }
}

/// `UDP 19099-20099`.
fn udp(range: Option<PortRange>) -> String {
    range.map_or_else(|| "UDP".to_owned(), |r| format!("UDP {r}"))
}

/// A video packet as the test sends it, in bytes of UDP payload.
const VIDEO_BYTES: u16 = 1200;

fn video_silent(sent: u64) -> String {
    format!(
        "video did not come back, none of {sent} packets, though the connection stands: look for what drops {VIDEO_BYTES}-byte datagrams (a smaller MTU, an inspection of UDP, a limit on its rate), and at the media server's log"
    )
}

fn is_lossy(figures: &Facts) -> bool {
    limits::loses_too_much(&figures.get::<Estimates>(&metric::ESTIMATES).unwrap_or_default())
}

/// What to do about relays, as far as the facts tell whether the call had one.
fn by_relay(facts: &Facts) -> &'static str {
    let call: Value = facts.get(&metric::CALL).unwrap_or_default();
    let notes: Vec<String> = facts.get(&metric::CAVEATS).unwrap_or_default();
    let tried = Pair::read(&call).is_some_and(|p| p.is_relayed()) || notes.iter().any(|n| n.starts_with("the relay "));
    match tried {
        true => "mend the relay that was tried: its own check says how",
        false => "give a relay that works with --turn (where one was tried, its own check says how it did)",
    }
}

/// The figures of the streams that there were.
fn streams(facts: &Facts) -> Vec<String> {
    let call: Call = facts.get(&metric::CALL).unwrap_or_default();
    [audio(facts, &call), video(facts, &call)].into_iter().flatten().collect()
}

/// ` through Janus 1.2.3`.
fn server(facts: &Facts) -> String {
    let janus: Value = facts.get(&metric::JANUS).unwrap_or_default();
    let text = |key: &str| janus.get(key).and_then(Value::as_str);
    match text("version_string").or_else(|| text("version")) {
        Some(version) => format!(" through Janus {version}"),
        None => String::new(),
    }
}

/// Whether the far port is within the document's range, and the words for it.
fn port(call: &Call, range: Option<PortRange>) -> (bool, Option<String>) {
    match (call.remote_port, range) {
        (Some(port), Some(range)) if range.contains(port) => {
            (true, Some(format!("the server's UDP port {port} is within {range}")))
        }
        (Some(port), Some(range)) => (
            false,
            Some(format!(
                "the server's UDP port {port} is outside {range}, which the document names and firewalls allow: set the media server's RTP range to {range}"
            )),
        ),
        (Some(port), None) => (true, Some(format!("the server's UDP port was {port}"))),
        (None, _) => (true, None),
    }
}

/// Which pair carried it.
fn path(facts: &Facts) -> Option<String> {
    let call: Value = facts.get(&metric::CALL)?;
    let pair = Pair::read(&call)?;
    let how = match (pair.is_direct(), pair.is_relayed()) {
        (true, _) => " directly",
        (_, true) => " through a relay",
        _ => "",
    };
    Some(format!("media went{how}, {}", pair.words()))
}

fn codec(name: &Option<String>) -> String {
    name.as_ref().map(|n| format!(" ({n})")).unwrap_or_default()
}

/// The figures at the top, which are video's where there was no audio.
fn audio(facts: &Facts, call: &Call) -> Option<String> {
    let words = Some(figures::train(facts)).filter(|f| !f.is_empty())?;
    call.audio_codec.is_some().then(|| format!("audio{}: {words}", codec(&call.audio_codec)))
}

fn video(facts: &Facts, call: &Call) -> Option<String> {
    let video: Facts = facts.get(&metric::CALL_VIDEO)?;
    let words = Some(figures::train(&video)).filter(|f| !f.is_empty())?;
    Some(format!("video{}: {words}", codec(&call.video_codec)))
}

fn rates(call: &Call) -> Option<String> {
    let (sent, received) = call.sent_kbps.zip(call.received_kbps)?;
    let number = figures::number;
    Some(format!("{} kbit/s sent and {} received", number(sent), number(received)))
}

#[cfg(test)]
mod tests;
