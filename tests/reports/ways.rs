//! The ways that media can take, side by side.

use rtc_check::model::{Finding, Need, ProbeKind, Report, Status, Step, Transport, Way, WayRow, metric};

use super::{ACD4, RTC4, check, empty, finish, judged, steps, with};

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
        checks: vec![media.id.clone(), tls.id.clone()], ..Finding::default() }];
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
