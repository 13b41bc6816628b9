//! What was measured: quality and rates, with their limits.

use rtc_check::model::{
    Check, LimitResult, LimitSource, ProbeKind, Report, Source, Status, Transport, default_source, metric,
};

use super::{RTC4, check, empty, finish, judged, with};

fn limit_of(metric: &str, op: &str, limit: f64, seen: (f64, f64, f64), status: Status, row: &str) -> LimitResult {
    let source = match row {
        "" => default_source(),
        row => LimitSource::Document(Source {
            document: "Interactive Powers, Network Connectivity Requirements (2020-11-17)".to_owned(),
            section: "Network Bandwidth Requirements".to_owned(),
            row: row.to_owned(),
        }),
    };
    LimitResult {
        metric: metric.to_owned(),
        op: op.to_owned(),
        limit,
        observed: Some(seen.1),
        ci95: Some([seen.0, seen.2]),
        unit: metric.rsplit('_').next().unwrap().to_owned(),
        status,
        source,
    }
}

/// A check of a train: no rule, no transport, no port.
fn train(id: &str, probe: ProbeKind, status: Status, reason: &str, limits: Vec<LimitResult>) -> Check {
    let mut check = check("rtc.media", RTC4, Transport::Udp, "19099-20099", "");
    check.id = format!("{id}/rtc.example.com/{RTC4}");
    (check.rule, check.transport, check.ports, check.source) = (None, None, None, None);
    let via = serde_json::json!({ "method": "stamp", "transport": "udp", "address": RTC4, "port": 19599 });
    let mut check = judged(with(check, probe, reason, &[(&metric::VIA, via), (&metric::SENT, 508.into())]), status);
    check.observed.set(&metric::DURATION_S, 6.31);
    check.limits = limits;
    check
}

/// Loss towards the target alone, a rate that flows, one that a higher one shows, and one that only fills a queue.
pub fn measured() -> Report {
    let (rtt, jitter, loss) = ("Latency (RTT) | < 300ms", "Jitter | < 50ms", "Packet Loss | < 1,5 %");
    let of_audio = "Audio Bandwidth (Uplink/Downlink) | 40 kbps / 40 kbps (Opus) (4)";
    let of_both = "Audio & Video Bandwidth (Uplink/Downlink) | 80 kbps / 80 kbps (Opus/VP8*) (5)";
    let mut quality = train(
        "quality.rtc",
        ProbeKind::Quality,
        Status::Fail,
        "Quality to rtc.example.com (203.0.113.10): the loss towards the target is 3.1 % (95 %: 2.2–4.3), beyond its limit: the limit is 1.5 % (Network Bandwidth Requirements), and nothing was lost on the way back; look for what loads, limits or lengthens the path.",
        vec![
            limit_of("rtt_ms", "<", 300.0, (39.91, 40.12, 40.33), Status::Pass, rtt),
            limit_of("jitter_ms", "<", 50.0, (1.91, 2.02, 2.13), Status::Pass, jitter),
            limit_of("loss_pct", "<", 1.5, (2.2, 3.1, 4.3), Status::Fail, loss),
        ],
    );
    let distribution =
        serde_json::json!({ "min": 39.0, "mean": 40.12, "p50": 40.0, "p95": 42.0, "p99": 43.0, "max": 44.1 });
    quality.observed.set(&metric::RTT_MS, distribution);
    quality.observed.set(&metric::LOSS_UP_PCT, 3.1);
    quality.observed.set(&metric::REORDERED, Option::<u32>::None);
    quality.observed.set(&metric::MOS, 4.12);
    let rates = |need: f64, up: (f64, f64, f64), status, row: &str| {
        vec![
            limit_of("up_kbps", ">=", need, up, status, row),
            limit_of("delay_rise_up_ms", "<", 50.0, (0.0, 0.4, 1.2), Status::Pass, ""),
            limit_of("down_kbps", ">=", need, (80.4, 81.2, 81.3), Status::Pass, row),
        ]
    };
    let mut audio = train(
        "bandwidth.rtc.audio",
        ProbeKind::Bandwidth,
        Status::Pass,
        "audio of 40 kbit/s each way flows",
        rates(40.0, (80.4, 81.2, 81.3), Status::Pass, of_audio),
    );
    audio.observed.set(&metric::REQUIRED, serde_json::json!({ "ip_up_kbps": 56.0, "ip_down_kbps": 56.0 }));
    let load = rtc_check::model::Load {
        media: Default::default(),
        up_kbps: 80.0,
        down_kbps: 80.0,
        sessions: 1,
        down_streams: 1,
    };
    audio.observed.set(&metric::LOAD, load.offered(false));
    audio.observed.set(&metric::IMPLIED_BY, serde_json::json!({ "media": "audio-video", "up_kbps": 80.0, "down_kbps": 80.0, "sessions": 1, "down_streams": 1 }));
    let both = train(
        "bandwidth.rtc.audio-video",
        ProbeKind::Bandwidth,
        Status::Unknown,
        "audio and video of 80 kbit/s each way is undecided",
        rates(80.0, (78.9, 80.3, 81.3), Status::Unknown, of_both),
    );
    let mut report = empty();
    report.checks = vec![quality, audio, both];
    finish(report, Status::Fail)
}
