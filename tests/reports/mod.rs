//! Reports for tests: one of an agent's bad night, and generated ones of every shape.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rtc_check::model::metric::Metric;
use rtc_check::model::{
    Check, Facts, Failure, FailureKind, Finding, LimitResult, LimitSource, Need, PortRange, PortSet, ProbeKind, Report,
    RunInfo, SCHEMA, Source, Status, Step, StepTiming, Summary, ToolInfo, Transport, Waived, Way, WayRow,
    default_source, metric,
};

const RTC4: &str = "203.0.113.10";
const RTC6: &str = "2001:db8:85a3:8d3:1319:8a2e:370:7348";
const ACD4: &str = "203.0.113.20";
const ACD6: &str = "2001:db8:85a3:8d3:1319:8a2e:370:7350";

fn source(row: &str) -> Option<Source> {
    Some(Source {
        document: "Interactive Powers, Network Connectivity Requirements (2020-11-17)".to_owned(),
        section: "Agents: RTC and ACD".to_owned(),
        row: row.to_owned(),
    })
}

fn check(rule: &str, address: &str, transport: Transport, ports: &str, row: &str) -> Check {
    let role = rule.split('.').next().unwrap();
    let range: PortRange = ports.parse().unwrap();
    Check {
        id: format!("{rule}/{role}.example.com/{address}"),
        rule: Some(rule.into()),
        probe: ProbeKind::Tcp,
        role: role.into(),
        target: format!("{role}.example.com"),
        address: Some(address.parse().unwrap()),
        transport: Some(transport),
        port: range.is_single().then(|| range.first()),
        ports: (!range.is_single()).then_some(range),
        need: Need::Required,
        status: Status::Pass,
        reason: String::new(),
        observed: Facts::new(),
        limits: Vec::new(),
        source: source(row),
        group: None,
        waived: None,
        started_ms: 3,
        duration_ms: 40,
    }
}

fn steps(steps: &[(Step, f64, &str)]) -> Vec<StepTiming> {
    steps.iter().map(|(step, ms, result)| StepTiming { step: *step, ms: *ms, result: (*result).to_owned() }).collect()
}

fn with(mut check: Check, probe: ProbeKind, reason: &str, facts: &[(&Metric, serde_json::Value)]) -> Check {
    check.probe = probe;
    check.reason = reason.to_owned();
    for (metric, value) in facts {
        check.observed.set(metric, value);
    }
    check
}

fn judged(mut check: Check, status: Status) -> Check {
    check.status = status;
    check
}

fn good_tls(mut check: Check, probe: ProbeKind, last: Step, reason: &str) -> Check {
    let climbed = steps(&[(Step::Connect, 12.31, "ok"), (Step::Tls, 25.9, "ok"), (last, 14.02, "ok")]);
    check.observed.set(&metric::STEPS, climbed);
    check.observed.set(&metric::CERT_DAYS_LEFT, 61);
    with(check, probe, reason, &[])
}

/// The checks of `rtc` on IPv4: a firewall drops a part of the media range, and the recommended port is closed.
fn rtc_on_ipv4() -> Vec<Check> {
    let tcp = Transport::Tcp;
    let set = |ports: std::ops::RangeInclusive<u16>| serde_json::to_value(ports.collect::<PortSet>()).unwrap();
    let mut http = check("rtc.http", RTC4, tcp, "80", "RTC | TCP | 80 | HTTP (Forwarded)");
    http.observed.set(&metric::STEPS, steps(&[(Step::Connect, 12.0, "ok"), (Step::Request, 13.4, "ok")]));
    let mut gateway =
        check("rtc.gateway", RTC4, tcp, "8989", "RTC | TCP | 8989 | Websocket - Video Gateway (Recommended)");
    let refused = Failure::new(Step::Connect, FailureKind::Refused, "the host refused the connection after 11 ms");
    gateway.observed.set(&metric::STEPS, steps(&[(Step::Connect, 11.2, "refused: the host refused the connection")]));
    gateway.observed.set(&metric::FAILURE, refused);
    gateway.need = Need::Recommended;
    gateway.group = Some("rtc.signalling".to_owned());
    let mut api = check("rtc.api", RTC4, tcp, "8089", "RTC | TCP | 8089 | HTTPS-API - Video Gateway (Alternative)");
    api.need = Need::Alternative;
    api.group = Some("rtc.signalling".to_owned());
    let media =
        check("rtc.media", RTC4, Transport::Udp, "19099-20099", "RTC | UDP | 19099 … 20099 | RTP Media (Video) (1)");
    vec![
        with(http, ProbeKind::Http, "TCP 80 redirects to https://rtc.example.com/", &[]),
        good_tls(
            check("rtc.https", RTC4, tcp, "443", "RTC | TCP | 443 | HTTPS"),
            ProbeKind::Http,
            Step::Request,
            "HTTPS answers 200",
        ),
        judged(
            with(
                gateway,
                ProbeKind::Ws,
                "TCP 8989 on 203.0.113.10 refuses connections: nothing listens there, or a firewall rejects in its name; start the gateway's WebSocket or allow TCP 8989 outbound",
                &[],
            ),
            Status::Fail,
        ),
        good_tls(api, ProbeKind::Http, Step::Request, "HTTPS answers 200"),
        judged(
            with(
                media,
                ProbeKind::UdpRange,
                "UDP 19500-19599 to 203.0.113.10 did not answer while the other 901 ports did: a firewall between here and there drops them; allow UDP 19099-20099 outbound",
                &[
                    (&metric::ANSWERED, serde_json::json!(["19099-19499", "19600-20099"])),
                    (&metric::REFUSED, serde_json::json!([])),
                    (&metric::SILENT, set(19500..=19599)),
                    (&metric::PROHIBITED, serde_json::json!([])),
                    (&metric::PROBED, 1001.into()),
                    (&metric::TOTAL, 1001.into()),
                    (&metric::COVERAGE_PCT, 100.0.into()),
                ],
            ),
            Status::Fail,
        ),
    ]
}

/// The checks of `acd`: a certificate that ends soon, a sampled range, one undecided, one that the operator waived.
fn acd() -> Vec<Check> {
    let ws = |a| check("acd.gateway", a, Transport::Tcp, "8089", "ACD | TCP | 8089 | Websocket - VoIP");
    let media =
        |a| check("acd.media", a, Transport::Udp, "10000-20000", "ACD | UDP | 10000 … 20000 | RTP Media (Audio) (2)");
    let sampled: &[(&Metric, serde_json::Value)] = &[
        (&metric::ANSWERED, serde_json::json!([])),
        (&metric::REFUSED, serde_json::json!(["10000-10005", "12345", "15000", "17171", "18000", "19444", "20000"])),
        (&metric::PROBED, 12.into()),
        (&metric::TOTAL, 10001.into()),
        (&metric::SAMPLED, true.into()),
    ];
    let silent: &[(&Metric, serde_json::Value)] = &[
        (&metric::SILENT, serde_json::json!(["10000", "11111", "12222", "13333", "14444", "15000", "16666", "20000"])),
        (&metric::PROBED, 8.into()),
        (&metric::TOTAL, 10001.into()),
    ];
    let mut https = check("acd.https", ACD4, Transport::Tcp, "443", "ACD | TCP | 443 | HTTPS");
    https = judged(good_tls(https, ProbeKind::Http, Step::Request, ""), Status::Warn);
    https.reason = "the certificate of acd.example.com ends in 9 days (2026-11-30): renew it now".to_owned();
    https.observed.set(&metric::CERT_DAYS_LEFT, 9);
    let mut waived = judged(ws(ACD6), Status::Fail);
    waived.reason = format!("no answer from {ACD6} to 3 SYNs in 5.0 s");
    waived.waived = Some(Waived { reason: "IPv6 comes in January".to_owned(), until: Some("2026-12-31".to_owned()) });
    vec![
        https,
        good_tls(ws(ACD4), ProbeKind::Ws, Step::Upgrade, "the server selected sip"),
        with(media(ACD4), ProbeKind::UdpRange, "every sampled port answered or was refused by the target", sampled),
        waived,
        judged(
            with(
                media(ACD6),
                ProbeKind::UdpRange,
                "UDP 10000-20000: silence, and nothing proves that the far end would answer; run `rtc-check serve` there to decide it",
                silent,
            ),
            Status::Unknown,
        ),
    ]
}

fn skipped(rule: &str, ports: &str, transport: Transport) -> Check {
    let mut check = judged(check(rule, RTC6, transport, ports, "RTC"), Status::Skip);
    check.reason = "this machine has no IPv6 route".to_owned();
    check
}

/// A report of an agent's network with most things that can be in one.
pub fn agent() -> Report {
    let mut checks = rtc_on_ipv4();
    checks.push(skipped("rtc.https", "443", Transport::Tcp));
    checks.push(skipped("rtc.media", "19099-20099", Transport::Udp));
    checks.extend(acd());
    let mut report = empty();
    report.findings = vec![
        Finding {
            id: "udp.range-cut".to_owned(),
            status: Status::Fail,
            title: "A firewall drops a part of the media range".to_owned(),
            detail:
                "100 of 1001 UDP ports to 203.0.113.10 stay silent, in one piece (19500-19599), and all others answer."
                    .to_owned(),
            remedy: "allow UDP 19099-20099 outbound to 203.0.113.10, as one rule".to_owned(),
            checks: vec![format!("rtc.media/rtc.example.com/{RTC4}")],
        },
        Finding {
            id: "nat.none".to_owned(),
            status: Status::Pass,
            title: "No address translation".to_owned(),
            detail: "The servers see this machine's own address.".to_owned(),
            remedy: String::new(),
            checks: Vec::new(),
        },
    ];
    report.checks = checks;
    finish(report, Status::Fail)
}

/// Everything passes.
pub fn healthy() -> Report {
    let mut report = empty();
    report.checks = rtc_on_ipv4().into_iter().chain(acd()).filter(|c| c.status == Status::Pass).collect();
    finish(report, Status::Pass)
}

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

/// One way, its place, status and figures (connect, round trip, jitter, loss, MOS).
fn way(way: Way, place: (&str, &str, Option<u16>), status: Status, figures: [Option<f64>; 5]) -> WayRow {
    let (role, address, port) = place;
    let [connect_ms, rtt_ms, jitter_ms, loss_pct, mos] = figures;
    WayRow {
        role: role.into(),
        target: format!("{role}.example.com"),
        address: Some(address.parse().unwrap()),
        port,
        way,
        status,
        used: way == Way::TurnTls && port == Some(443),
        connect_ms,
        rtt_ms,
        jitter_ms,
        loss_pct,
        mos,
        seen_as: (status == Status::Pass).then(|| "198.51.100.77:41000".to_owned()),
        check: format!("ice.turns-tcp-443/{role}.example.com/{address}"),
    }
}

/// UDP is dropped: media fall back to TURN over TLS, with every way beside it; `relay` is the relay's address.
pub fn fallback_to(relay: &str) -> Report {
    let mut media =
        check("rtc.media", RTC4, Transport::Udp, "19099-20099", "RTC | UDP | 19099 … 20099 | RTP Media (Video) (1)");
    media.group = Some("media".to_owned());
    let silent = serde_json::json!(["19099", "19333", "19500", "19666", "20099"]);
    let facts = [(&metric::SILENT, silent), (&metric::PROBED, 5.into()), (&metric::TOTAL, 1001.into())];
    let reason =
        "UDP 19099-20099 to 203.0.113.10 stayed silent, which decides nothing: no port answered or was refused";
    let media = judged(with(media, ProbeKind::UdpRange, reason, &facts), Status::Unknown);
    let mut tls = check("ice.turns-tcp-443", relay, Transport::Tcp, "443", "ICE | TCP UDP | 443 | STUN/TURN (TLS)");
    (tls.need, tls.group) = (Need::Alternative, Some("media".to_owned()));
    let climbed = steps(&[(Step::Connect, 12.31, "ok"), (Step::Tls, 25.9, "ok"), (Step::Allocate, 14.02, "ok")]);
    tls.observed.set(&metric::STEPS, climbed);
    let facts = [
        (&metric::SENT, 50.into()),
        (&metric::READY_MS, 52.3.into()),
        (&metric::RTT_MS, serde_json::json!({ "mean": 40.1 })),
        (&metric::LOSS_PCT, 0.0.into()),
        (&metric::MOS, 4.4.into()),
    ];
    let tls = with(tls, ProbeKind::Turn, "TURN/TLS on TCP 443 relays media", &facts);
    let mut nat = check("rtc.nat", RTC4, Transport::Udp, "3478", "");
    nat.id = format!("nat.rtc/rtc.example.com/{RTC4}");
    (nat.rule, nat.transport, nat.port, nat.source, nat.need) = (None, None, None, None, Need::Optional);
    let via = serde_json::json!({ "method": "rfc5780", "servers": ["203.0.113.30:3478"] });
    let nat = with(nat, ProbeKind::Nat, "Endpoint-independent mapping", &[(&metric::VIA, via)]);
    let mut report = empty();
    report.findings = vec![Finding {
        id: "media.fallback".to_owned(),
        status: Status::Warn,
        title: "Media fall back to TURN/TLS".to_owned(),
        detail: "Direct UDP to rtc.example.com (203.0.113.10) was not shown to work (rtc.media). A call from here would take TURN/TLS at ice.example.com:443: ready in 52.3 ms, round trip 40.1 ms, loss 0 %, MOS 4.4.".to_owned(),
        remedy: "For direct UDP: allow UDP 19099-20099 outbound to 203.0.113.10.".to_owned(),
        checks: vec![media.id.clone(), tls.id.clone()],
    }];
    let none = [None; 5];
    report.ways = vec![
        way(Way::DirectUdp, ("rtc", RTC4, None), Status::Unknown, none),
        way(Way::DirectUdp, ("acd", ACD4, None), Status::Pass, [None, Some(39.04), Some(0.312), Some(0.0), Some(4.39)]),
        way(Way::TurnUdp, ("ice", relay, Some(80)), Status::Unknown, none),
        way(Way::TurnTcp, ("ice", relay, Some(80)), Status::Fail, none),
        way(
            Way::TurnTls,
            ("ice", relay, Some(443)),
            Status::Pass,
            [Some(52.3), Some(40.1), None, Some(0.0), Some(4.4)],
        ),
        way(
            Way::TurnTls,
            ("turn", relay, Some(5349)),
            Status::Warn,
            [Some(1210.4), Some(212.7), None, Some(12.4), Some(2.31)],
        ),
    ];
    report.checks = vec![media, tls, nat];
    finish(report, Status::Warn)
}

/// As above, with a relay on IPv4.
pub fn fallback() -> Report {
    fallback_to("203.0.113.30")
}

/// A name that does not resolve: all its rules fail for one reason, and the run was cut short.
pub fn unresolved() -> Report {
    let mut report = empty();
    report.complete = false;
    report.checks = rtc_on_ipv4();
    for check in &mut report.checks {
        check.address = None;
        check.status = Status::Fail;
        check.observed = Facts::new();
        check.reason = "the name rtc.example.com does not exist (NXDOMAIN from 192.0.2.53 in 12 ms): check its spelling, or add it to DNS".to_owned();
    }
    finish(report, Status::Fail)
}

/// A run of the profile `agent` without a check.
pub fn empty() -> Report {
    let targets = [("rtc", "rtc.example.com"), ("acd", "acd.example.com")];
    Report {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: ToolInfo { name: "rtc-check".to_owned(), version: "0.1.0".to_owned() },
        run: RunInfo {
            id: "2026-11-21T03-12-07Z-4f1c".to_owned(),
            started: "2026-11-21T03:12:07Z".to_owned(),
            finished: "2026-11-21T03:12:13Z".to_owned(),
            duration_ms: 6213,
            profile: "agent".to_owned(),
            from: "client".to_owned(),
            options: Default::default(),
            targets: targets.map(|(role, host)| (role.into(), vec![host.to_owned()])).into(),
            seed: 7,
            ended: None,
        },
        verdict: Status::Skip,
        summary: Summary::default(),
        findings: Vec::new(),
        checks: Vec::new(),
        ways: Vec::new(),
    }
}

fn finish(mut report: Report, verdict: Status) -> Report {
    report.verdict = verdict;
    for check in report.checks.iter().filter(|c| c.waived.is_none()) {
        report.summary.count(check.status);
    }
    report
}

// Generated reports: text is anything, an escape sequence and a very long word among it.

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9 .:/-]{0,200}",
        "[^ ]{0,150}",
        Just("\x1b[31mred\x07\u{9b}2J\u{202e}".to_owned()),
        Just("日本語のとても長い名前、改行なし".repeat(6)),
        Just("x".repeat(400)),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(vec![Status::Skip, Status::Pass, Status::Warn, Status::Unknown, Status::Fail])
}

fn a_source() -> impl Strategy<Value = Source> {
    (text(), text(), text()).prop_map(|(document, section, row)| Source { document, section, row })
}

fn facts() -> impl Strategy<Value = Facts> {
    let steps = vec((proptest::sample::select(vec![Step::Connect, Step::Tls, Step::Banner]), 0.0..1e7, text()), 0..4);
    let ports = vec(1u16.., 0..40).prop_map(|p| p.into_iter().collect::<PortSet>());
    (steps, option::of((ports.clone(), ports, any::<u16>())), text(), option::of(-1e9..1e9f64)).prop_map(
        |(climbed, ports, words, days)| {
            let mut facts = Facts::new();
            let timing = |(step, ms, result)| StepTiming { step, ms, result };
            facts.set(&metric::STEPS, climbed.into_iter().map(timing).collect::<Vec<_>>());
            facts.set(&metric::BANNER, &words);
            if let Some((answered, silent, total)) = ports {
                facts.set(&metric::ANSWERED, answered);
                facts.set(&metric::SILENT, silent);
                facts.set(&metric::PROBED, 12);
                facts.set(&metric::TOTAL, total);
            }
            if let Some(days) = days {
                facts.set(&metric::CERT_DAYS_LEFT, days);
                facts.set(&metric::STUN_RTT_MS, days.abs());
                facts.set(&metric::FALLBACK, words);
                facts.set(&metric::FAILURE, Failure::new(Step::Banner, FailureKind::Garbage, "no SSH banner"));
            }
            facts
        },
    )
}

fn limit() -> impl Strategy<Value = LimitResult> {
    let from = prop_oneof![Just(default_source()), a_source().prop_map(LimitSource::Document)];
    (text(), -1e9..1e9, option::of(-1e9..1e9), option::of([-1e9..1e9, -1e9..1e9]), status(), from).prop_map(
        |(metric, limit, observed, ci95, status, source)| LimitResult {
            unit: "ms".to_owned(),
            op: "<".to_owned(),
            metric,
            limit,
            observed,
            ci95,
            status,
            source,
        },
    )
}

/// A rule's transport and ports, as the contract ties them together; `None` for a check without a rule.
fn rule() -> impl Strategy<Value = Option<(String, Transport, Option<PortRange>)>> {
    let ports = (1u16.., 0u16..500).prop_map(|(first, more)| PortRange::new(first, first.saturating_add(more)));
    let numbered = proptest::sample::select(vec![Transport::Tcp, Transport::Udp]);
    option::of(prop_oneof![
        (text(), numbered, ports).prop_map(|(id, transport, ports)| (id, transport, ports)),
        (text(), proptest::sample::select(vec![Transport::Gre, Transport::Dns])).prop_map(|(id, t)| (id, t, None)),
    ])
}

fn a_check() -> impl Strategy<Value = Check> {
    let names = (text(), text(), text(), option::of(text()));
    let kinds = (
        proptest::sample::select(ProbeKind::ALL.to_vec()),
        proptest::sample::select(Need::ALL.to_vec()),
        status(),
        option::of(any::<IpAddr>()),
    );
    let waived = option::of((text(), option::of(text())).prop_map(|(reason, until)| Waived { reason, until }));
    (names, kinds, rule(), facts(), vec(limit(), 0..3), option::of(a_source()), waived).prop_map(
        |((id, target, reason, group), (probe, need, status, address), rule, observed, limits, source, waived)| {
            let ports = rule.as_ref().and_then(|(_, _, ports)| *ports);
            Check {
                role: target.as_str().into(),
                rule: rule.as_ref().map(|(id, _, _)| id.as_str().into()),
                transport: rule.as_ref().map(|(_, transport, _)| *transport),
                port: ports.filter(|p| p.is_single()).map(PortRange::first),
                ports: ports.filter(|p| !p.is_single()),
                started_ms: 0,
                duration_ms: 1,
                id,
                probe,
                target,
                address,
                need,
                status,
                reason,
                observed,
                limits,
                source,
                group,
                waived,
            }
        },
    )
}

fn finding() -> impl Strategy<Value = Finding> {
    (text(), status(), text(), text(), text(), vec(text(), 0..3))
        .prop_map(|(id, status, title, detail, remedy, checks)| Finding { id, status, title, detail, remedy, checks })
}

fn a_way() -> impl Strategy<Value = WayRow> {
    let ways = vec![Way::DirectUdp, Way::TurnUdp, Way::TurnDtls, Way::TurnTcp, Way::TurnTls];
    let figures = proptest::array::uniform5(option::of(-1e9..1e9f64));
    let place = (text(), text(), option::of(any::<IpAddr>()), option::of(1u16..));
    (place, proptest::sample::select(ways), status(), any::<bool>(), figures, option::of(text())).prop_map(
        |((role, target, address, port), way, status, used, figures, seen_as)| {
            let [connect_ms, rtt_ms, jitter_ms, loss_pct, mos] = figures;
            WayRow {
                check: target.clone(),
                role: role.into(),
                target,
                address,
                port,
                way,
                status,
                used,
                connect_ms,
                rtt_ms,
                jitter_ms,
                loss_pct,
                mos,
                seen_as,
            }
        },
    )
}

/// Reports of every shape.
pub fn reports() -> impl Strategy<Value = Report> {
    let lists = (vec(a_check(), 0..6), vec(finding(), 0..3), vec(a_way(), 0..4));
    (lists, status(), any::<bool>(), text(), vec(text(), 0..3)).prop_map(
        |((checks, findings, ways), verdict, complete, words, hosts)| {
            let mut report = empty();
            report.run.profile.clone_from(&words);
            report.run.from.clone_from(&words);
            report.run.options.insert(words.clone(), complete);
            report.run.targets.insert(words.into(), hosts);
            finish(Report { checks, findings, ways, complete, ..report }, verdict)
        },
    )
}
