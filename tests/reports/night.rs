//! An agent's bad night, the same network in health, and the night when the name does not resolve.

use rtc_check::model::metric::Metric;
use rtc_check::model::{
    Check, Facts, Failure, FailureKind, Finding, Need, PortSet, ProbeKind, Report, Status, Step, Transport, Waived,
    metric,
};

use super::{ACD4, ACD6, RTC4, RTC6, check, empty, finish, good_tls, judged, steps, with};

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
    report.findings =
        vec![
        Finding {
            id: "udp.range-cut".to_owned(),
            status: Status::Fail,
            title: "A firewall drops a part of the media range".to_owned(),
            detail:
                "100 of 1001 UDP ports to 203.0.113.10 stay silent, in one piece (19500-19599), and all others answer."
                    .to_owned(),
            remedy: "allow UDP 19099-20099 outbound to 203.0.113.10, as one rule".to_owned(),
            checks: vec![format!("rtc.media/rtc.example.com/{RTC4}")], ..Finding::default() },
        Finding {
            id: "nat.none".to_owned(),
            status: Status::Pass,
            title: "No address translation".to_owned(),
            detail: "The servers see this machine's own address.".to_owned(),
            remedy: String::new(),
            checks: Vec::new(), ..Finding::default() },
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
