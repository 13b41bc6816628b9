//! Reports with all that is drawn: a train in time, its histogram, a port range, a way that ends somewhere, ways for media.

use rtc_check::model::{
    Check, LimitResult, PortSet, ProbeKind, Report, RttHistogram, Status, Timeline, Transport, metric,
};

use super::{RTC4, check, empty, fallback, finish, judged, measured, with};

/// Ten seconds of audio: a slow swell, a peak far beyond it, and a burst of losses on the way there.
fn in_time() -> (Timeline, RttHistogram) {
    let slots = 200u32;
    let mean = |n: u32| 40.0 + 4.0 * (f64::from(n) / 25.0).sin() + f64::from(n * 7919 % 13) / 10.0;
    let most = |n: u32| if n == 150 { 612.0 } else { mean(n) + 2.0 + f64::from(n * 31 % 7) };
    let list = |value: &dyn Fn(u32) -> f64| (0..slots).map(|n| (n != 77).then(|| value(n))).collect();
    let timeline = Timeline {
        slot_ms: 50.0,
        rtt_min_ms: list(&|n| mean(n) - 1.5),
        rtt_mean_ms: list(&mean),
        rtt_max_ms: list(&most),
        lost_up: (0..slots).map(|n| if (70..80).contains(&n) { 1 + n % 3 } else { 0 }).collect(),
        lost_down: (0..slots).map(|n| u32::from(n == 20 || n == 180)).collect(),
        lost_unknown: Vec::new(),
    };
    let bounds: Vec<f64> = (34..=50).map(f64::from).chain([612.0]).collect();
    let counts = vec![3, 9, 21, 44, 62, 70, 66, 58, 50, 41, 30, 20, 11, 7, 3, 2, 1];
    (timeline, RttHistogram { bounds_ms: bounds, counts })
}

/// A quality check that fails, with a train in time; a way for media; a port that is dropped after the second router.
pub fn pictured() -> Report {
    let mut report = measured();
    let (timeline, histogram) = in_time();
    report.checks[0].observed.set(&metric::TIMELINE, timeline);
    report.checks[0].observed.set(&metric::RTT_HISTOGRAM, histogram);
    let fallback = fallback();
    report.ways = fallback.ways;
    report.findings = fallback.findings;
    report.checks.extend(fallback.checks);
    report.checks.push(traced());
    report.findings[0].checks.push(traced().id);
    report.findings[0].ask = vec!["allow UDP 19099-20099 outbound to 203.0.113.10".to_owned(); 2];
    report.findings[0].evidence =
        vec!["5 of 5 ports were silent".to_owned(), "TCP 443 of the same host answers".to_owned()];
    report.summary = Default::default();
    finish(report, Status::Fail)
}

fn traced() -> Check {
    let gateway = check("rtc.gateway", RTC4, Transport::Tcp, "8989", "RTC | TCP | 8989 | Websocket - Video Gateway");
    let hops = ["192.0.2.1", "198.51.100.1", "198.51.100.9", "203.0.113.1"];
    let hops: Vec<_> = (1..).zip(hops).map(|(n, a)| serde_json::json!({ "distance": n, "address": a })).collect();
    let trace = serde_json::json!({
        "flow": { "carrier": "tcp", "port": 8989 }, "control": { "carrier": "tcp", "port": 443 },
        "source": "192.0.2.77", "host_distance": 5, "hops": hops, "end": "silent",
        "after": { "distance": 2, "address": "198.51.100.1" }, "before": { "distance": 3, "address": "198.51.100.9" }, "rounds": 3,
    });
    let reason = "TCP 8989 on 203.0.113.10 is dropped after hop 2 (198.51.100.1): allow it outbound";
    judged(with(gateway, ProbeKind::Ws, reason, &[(&metric::TRACE, trace)]), Status::Fail)
}

/// A range of 22,000 ports of which every second answered and no two that follow each other are alike.
pub fn many_ports() -> Report {
    let ports = |odd: u16| (10_000..32_000u16).filter(|p| p % 2 == odd).collect::<PortSet>();
    let mut media = check("rtc.media", RTC4, Transport::Udp, "10000-31999", "RTC | UDP | RTP Media");
    media.observed.set(&metric::ANSWERED, ports(0));
    media.observed.set(&metric::SILENT, ports(1));
    media.observed.set(&metric::PROBED, 22_000);
    media.observed.set(&metric::TOTAL, 22_000);
    let reason = "11000 of 22000 ports did not answer while the others did";
    let mut report = empty();
    report.checks = vec![judged(with(media, ProbeKind::UdpRange, reason, &[]), Status::Fail)];
    finish(report, Status::Fail)
}

/// A rule for each of 11,000 ports, every tenth of which fails in words of its own.
pub fn many_checks() -> Report {
    let one = |port: u16| {
        let mut one = check(&format!("rtc.p{port}"), RTC4, Transport::Tcp, &port.to_string(), "RTC | TCP");
        one.limits = Vec::<LimitResult>::new();
        let status = if port.is_multiple_of(10) { Status::Fail } else { Status::Pass };
        judged(with(one, ProbeKind::Tcp, &format!("TCP {port} on 203.0.113.10 answered or not"), &[]), status)
    };
    let mut report = empty();
    report.checks = (20_000..31_000).map(one).collect();
    finish(report, Status::Fail)
}
