//! Which ways there are, which one is used, and what the findings say of it.

use serde_json::json;

use crate::judge::bench::{Bench, failed, figures, range, relayed, seen, silence};
use crate::model::{
    Estimate, Estimates, Finding, Observation, PortSet, ProbeKind, Report, Status, Step, Way, Who, metric,
};

fn open() -> Observation {
    range(&[19099, 19500, 20099], &[])
}

fn blocked() -> Observation {
    range(&[19099, 20099], &[19500])
}

/// Every port is stopped.
fn rejected() -> Observation {
    let mut whole = range(&[], &[]);
    whole.facts.set(&metric::PROHIBITED, [19099, 19500, 20099].into_iter().collect::<PortSet>());
    whole
}

fn dropped() -> Observation {
    range(&[], &[19099, 19500, 20099])
}

/// Way, status and mark of each row.
fn rows(report: &Report) -> Vec<(Way, Status, bool)> {
    report.ways.iter().map(|r| (r.way, r.status, r.used)).collect()
}

fn finding<'a>(report: &'a Report, id: &str) -> &'a Finding {
    let ids: Vec<&str> = report.findings.iter().map(|f| f.id.as_str()).collect();
    report.findings.iter().find(|f| f.id == id).unwrap_or_else(|| panic!("{id}: {ids:?}"))
}

/// Relays over UDP are silent, and those over TCP and TLS work.
fn udp_dropped(profile: &str, direct: Observation) -> Bench {
    Bench::new(profile, &[])
        .rule("rtc.media", direct)
        .rule("ice.turn-udp-80", silence(ProbeKind::Turn))
        .rule(
            "ice.turn-tcp-80",
            failed(
                ProbeKind::Turn,
                Step::Connect,
                crate::model::FailureKind::TimedOut,
                "no answer to 3 SYNs in 5.0 s",
                &[],
            ),
        )
        .rule("ice.turns-tcp-443", relayed("turn-tls", 52.3))
}

#[test]
fn an_agents_media_fall_back_with_a_warning_and_a_users_without() {
    for (profile, direct, verdict) in [
        ("agent", blocked(), Status::Warn),
        ("agent", dropped(), Status::Warn),
        ("user", blocked(), Status::Pass),
        ("user", dropped(), Status::Pass),
    ] {
        let report = udp_dropped(profile, direct).report();
        assert_eq!(report.verdict, verdict, "{profile}");
        let found = finding(&report, "media.fallback");
        assert_eq!(found.status, verdict);
        assert!(found.title.starts_with("Media fall back to TURN/TLS"), "{}", found.title);
        assert!(!report.findings.iter().any(|f| f.id == "group.only-alternative"), "said once");
        let used: Vec<Way> = report.ways.iter().filter(|r| r.used).map(|r| r.way).collect();
        assert_eq!(used, [Way::TurnTls]);
    }
}

#[test]
fn a_fallback_is_told_with_its_figures_and_with_what_to_open() {
    let report = udp_dropped("agent", dropped()).report();
    let found = finding(&report, "media.fallback");
    assert_eq!(found.title, "Media fall back to TURN/TLS");
    insta::assert_snapshot!(found.detail, @"Direct UDP to 203.0.113.10 was not shown to work (rtc.media/203.0.113.10). A call from here would take TURN/TLS at 203.0.113.30:443: ready in 52.3 ms, round trip 40.1 ms, loss 0 %, MOS 4.4. The others: TURN/UDP at 203.0.113.30:80 (unknown), TURN/TCP at 203.0.113.30:80 (fail).");
    insta::assert_snapshot!(found.remedy, @"For direct UDP: allow UDP 19099-20099 outbound to 203.0.113.10. Where it is open already, `rtc-check serve` at the far end proves it.");
    let report = udp_dropped("agent", blocked()).report();
    let found = finding(&report, "media.fallback");
    assert_eq!(found.title, "Media fall back to TURN/TLS where their port is blocked");
    insta::assert_snapshot!(found.detail, @"Direct UDP to 203.0.113.10 works on a part of its ports (rtc.media/203.0.113.10). A call that gets another one would take TURN/TLS at 203.0.113.30:443: ready in 52.3 ms, round trip 40.1 ms, loss 0 %, MOS 4.4. The others: TURN/UDP at 203.0.113.30:80 (unknown), TURN/TCP at 203.0.113.30:80 (fail).");
    insta::assert_snapshot!(found.remedy, @"For direct UDP: allow UDP 19099-20099 outbound to 203.0.113.10.");
}

#[test]
fn direct_udp_is_used_before_any_relay_and_has_the_figures_of_its_train() {
    let mut train = seen(ProbeKind::Quality, &figures(39.0));
    let via = json!({ "method": "stamp", "transport": "udp", "address": "203.0.113.10", "port": 19599 });
    train.facts.set(&metric::VIA, via);
    let rtt = Estimate { value: 39.0, low: 38.0, high: 40.0 };
    let loss = Estimate { value: 0.0, low: 0.0, high: 1.0 };
    let all = [("rtt_ms".to_owned(), rtt), ("loss_pct".to_owned(), loss)].into_iter().collect();
    train.facts.set(&metric::ESTIMATES, Estimates(all));
    let nat = seen(ProbeKind::Nat, &[(&metric::MAPPING, json!("none")), (&metric::MAPPED, json!("192.0.2.7:41000"))]);
    let bench = Bench::new("user", &["turn:203.0.113.40"])
        .rule("rtc.media", open())
        .rule("ice.turns-tcp-443", relayed("turn-tls", 52.3))
        .trial("turn.udp-3478", relayed("turn-udp", 43.0))
        .trial("nat.turn", nat)
        .measure("rtc", train);
    let report = bench.report();
    assert_eq!(
        rows(&report),
        [
            (Way::DirectUdp, Status::Pass, true),
            (Way::TurnUdp, Status::Pass, false),
            (Way::TurnTls, Status::Pass, false)
        ]
    );
    let (direct, relay) = (&report.ways[0], &report.ways[2]);
    assert_eq!((direct.rtt_ms, direct.mos, direct.connect_ms), (Some(39.0), Some(4.4), None));
    assert_eq!(direct.seen_as.as_deref(), Some("192.0.2.7:41000"));
    assert_eq!(
        (relay.rtt_ms, relay.jitter_ms, relay.connect_ms, relay.port),
        (Some(40.1), None, Some(52.3), Some(443))
    );
    assert_eq!(report.ways[1].check, "turn.udp-3478/203.0.113.40");
    assert!(!report.findings.iter().any(|f| f.id.starts_with("media.")), "{:?}", report.findings);
}

#[test]
fn the_faster_order_of_relays_is_that_of_a_call() {
    let bench = Bench::new("user", &["turn:203.0.113.40"])
        .rule("rtc.media", blocked())
        .rule("ice.turns-tcp-443", relayed("turn-tls", 10.0))
        .rule("ice.turns-udp-443", relayed("turn-dtls", 90.0))
        .trial("turn.udp-3478", relayed("turn-udp", 100.0));
    let used = |b: &Bench| b.report().ways.iter().find(|r| r.used).map(|r| r.way);
    assert_eq!(used(&bench), Some(Way::TurnUdp));
}

#[test]
fn a_relay_that_asks_for_credentials_is_not_used_and_is_told_once() {
    let asks = || seen(ProbeKind::Turn, &[(&metric::FALLBACK, json!("it asks for credentials and none were given"))]);
    let report = Bench::new("user", &[]).rule("rtc.media", blocked()).rule("ice.turns-tcp-443", asks()).report();
    assert_eq!(report.verdict, Status::Unknown);
    assert!(report.ways.iter().all(|r| !r.used));
    let ids: Vec<&str> = report.findings.iter().map(|f| f.id.as_str()).collect();
    assert_eq!(ids, ["group.alternative-unproven"]);
    assert!(report.findings[0].remedy.contains("RTC_CHECK_TURN_USERNAME"));
    insta::assert_snapshot!(report.findings[0].detail, @"rtc.media/203.0.113.10 does not work; ice.turns-tcp-443/203.0.113.30 answers and asks for credentials; what it relays was not tested.");
    let open = Bench::new("user", &[]).rule("rtc.media", dropped()).rule("ice.turns-tcp-443", asks()).report();
    assert!(
        open.findings[0].detail.starts_with("rtc.media/203.0.113.10 was not shown to work;"),
        "{:?}",
        open.findings
    );
}

#[test]
fn no_way_lists_each_way_and_why() {
    let refused =
        || failed(ProbeKind::Turn, Step::Connect, crate::model::FailureKind::Refused, "the host refused it", &[]);
    let report = Bench::new("agent", &[]).rule("rtc.media", rejected()).rule("ice.turns-tcp-443", refused()).report();
    assert_eq!(report.verdict, Status::Fail);
    let found = finding(&report, "media.no-way");
    assert_eq!((found.status, found.title.as_str()), (Status::Fail, "No way for media to 203.0.113.10"));
    assert_eq!(found.detail, "Direct UDP and a relay were tried; neither was shown to carry media.");
    assert_eq!(
        (found.who, &found.ask[..]),
        (Some(Who::Firewall), &["allow UDP 19099-20099 to 203.0.113.10, and replies".to_owned()][..])
    );
    assert!(
        found.evidence[0].starts_with("direct UDP at 203.0.113.10 (fail): UDP 19099-20099 to 203.0.113.10"),
        "{found:?}"
    );
    assert_eq!(found.evidence[1], "TURN/TLS at 203.0.113.30:443 (fail): the host refused it");
    let partly = Bench::new("agent", &[]).rule("rtc.media", blocked()).report();
    assert!(finding(&partly, "media.range-open").title.starts_with("Media reach only a part of the range"));
    let alone = Bench::new("agent", &[]).rule("rtc.media", rejected()).report();
    assert!(finding(&alone, "media.no-way").remedy.contains("with --turn"));
    let silent_relay = Bench::new("agent", &[])
        .rule("rtc.media", rejected())
        .rule("ice.turn-udp-80", silence(ProbeKind::Turn))
        .report();
    assert_eq!(silent_relay.verdict, Status::Fail, "nothing came through it, whose fault that ever is");
    let cut = failed(ProbeKind::Turn, Step::Allocate, crate::model::FailureKind::OutOfTime, "the time was up", &[]);
    let cut = Bench::new("agent", &[]).rule("rtc.media", rejected()).rule("ice.turn-udp-80", cut).report();
    assert_eq!(cut.verdict, Status::Unknown, "it may have answered yet");
    let undecided = Bench::new("agent", &[])
        .rule("rtc.media", dropped())
        .rule("ice.turn-udp-80", silence(ProbeKind::Turn))
        .report();
    assert_eq!((undecided.verdict, finding(&undecided, "media.no-way").status), (Status::Unknown, Status::Unknown));
    let silent = Bench::new("agent", &[]).rule("rtc.media", dropped()).report();
    assert!(silent.findings.is_empty(), "its own reason says it");
}

#[test]
fn a_call_that_went_direct_shows_the_way_where_silence_left_it_open() {
    let pair = json!({ "local": { "type": "host", "address": "192.0.2.7:4" }, "remote": { "type": "host", "address": "203.0.113.10:19504" } });
    let call = |local: &str, port: u16| {
        let mut facts = figures(40.1);
        let mut pair = pair.clone();
        pair["local"]["type"] = json!(local);
        pair["remote"]["address"] = json!(format!("203.0.113.10:{port}"));
        facts.push((&metric::CALL, json!({ "remote_port": port, "pair": pair, "ice_ms": 20.0, "dtls_ms": 15.5 })));
        seen(ProbeKind::JanusCall, &facts)
    };
    let bench =
        |local, direct| Bench::new("agent", &[]).rule("rtc.media", direct).trial("call.rtc", call(local, 19504));
    let at = |local, port| Bench::new("agent", &[]).rule("rtc.media", dropped()).trial("call.rtc", call(local, port));
    let report = bench("host", dropped()).report();
    assert_eq!(rows(&report), [(Way::DirectUdp, Status::Pass, true)]);
    let row = &report.ways[0];
    assert_eq!((row.connect_ms, row.check.as_str()), (Some(35.5), "call.rtc/203.0.113.10"));
    assert_eq!(finding(&report, "media.range-open").status, Status::Unknown);
    assert_eq!(report.verdict, Status::Unknown, "the range itself stays undecided");
    assert_eq!(rows(&at("host", 30000).report()), [(Way::DirectUdp, Status::Unknown, false)], "no port of the range");
    assert_eq!(rows(&bench("", dropped()).report()), [(Way::DirectUdp, Status::Unknown, false)], "an unknown pair");
    let lossy = json!({ "loss_pct": { "value": 6.0, "low": 5.0, "high": 7.0 } });
    let mut loses = call("host", 19504);
    loses.facts.set(&metric::ESTIMATES, lossy);
    let report = Bench::new("agent", &[]).rule("rtc.media", dropped()).trial("call.rtc", loses).report();
    assert_eq!(rows(&report), [(Way::DirectUdp, Status::Warn, true)], "as good as its proof");
    assert_eq!(rows(&bench("relay", dropped()).report()), [(Way::DirectUdp, Status::Unknown, false)]);
    assert_eq!(rows(&bench("host", blocked()).report()), [(Way::DirectUdp, Status::Fail, false)]);
}

#[test]
fn the_ports_that_a_relay_gave_stand_in_for_a_range_on_which_nothing_listens() {
    let told = |answered: &[u16], silent: &[u16]| {
        let mut direct = dropped();
        let asked = json!({ "asked": [50123, 60001], "answered": answered, "silent": silent, "coverage_pct": 0.012 });
        direct.facts.set(&metric::RELAYED_PORTS, asked);
        Bench::new("dlegate", &[]).rule("dlegate.media", direct).told("dlegate.media")
    };
    let (status, reason) = told(&[50123, 60001], &[]);
    assert_eq!(status, Status::Pass);
    insta::assert_snapshot!(reason, @"UDP 49152-65535 to 203.0.113.10: of the ports that the relay there gave, all 2 that were asked directly answered (50123, 60001, 0.012 % of 49152-65535). Of the ports of the range itself, 0 were reached (3 of 1001 ports asked, 0.3 %).");
    let (status, reason) = told(&[50123], &[60001]);
    assert_eq!(status, Status::Unknown, "loss would look the same");
    let words = "60001 stayed silent when asked directly while 1 answered (50123, 0.012 % of 49152-65535), which decides nothing";
    assert!(reason.contains(words), "{reason}");
    let (status, reason) = told(&[], &[50123, 60001]);
    assert_eq!(status, Status::Unknown, "a NAT would look the same");
    assert!(reason.contains("stayed silent, which decides nothing"), "{reason}");
}

#[test]
fn ports_that_a_document_names_without_number_block_the_direct_way_and_fail_nothing() {
    let stun = || seen(ProbeKind::Stun, &[(&metric::MAPPED, json!("192.0.2.7:41000"))]);
    let bench = |direct| {
        Bench::new("dlegate", &[])
            .rule("dlegate.stun", stun())
            .rule("dlegate.media", direct)
            .rule("dlegate.fallback", relayed("turn-tls", 52.3))
    };
    let report = bench(blocked()).report();
    assert_eq!(rows(&report), [(Way::DirectUdp, Status::Fail, false), (Way::TurnTls, Status::Pass, true)]);
    assert_eq!(report.verdict, Status::Pass);
    let found = finding(&report, "media.fallback");
    assert_eq!(found.status, Status::Warn);
    assert!(found.remedy.contains("allow UDP 49152-65535 outbound to 203.0.113.10."), "{}", found.remedy);
    let report = bench(dropped()).report();
    assert_eq!(report.verdict, Status::Pass, "the rule asks for no more than the answer");
    assert_eq!(rows(&report), [(Way::DirectUdp, Status::Unknown, false), (Way::TurnTls, Status::Pass, true)]);
    assert!(!report.findings.iter().any(|f| f.id.starts_with("media.")), "{:?}", report.findings);
    let given = |silent: &[u16]| {
        let mut direct = dropped();
        let asked = json!({ "asked": [50123, 60001], "answered": [50123], "silent": silent, "coverage_pct": 0.01 });
        direct.facts.set(&metric::RELAYED_PORTS, asked);
        rows(&bench(direct).report())[0]
    };
    assert_eq!(given(&[]), (Way::DirectUdp, Status::Pass, true));
    assert_eq!(given(&[60001]), (Way::DirectUdp, Status::Unknown, false), "one silent port is no block");
    let mut train = seen(ProbeKind::Quality, &figures(39.0));
    train
        .facts
        .set(&metric::VIA, json!({ "method": "stun", "transport": "udp", "address": "203.0.113.10", "port": 3478 }));
    let report = bench(dropped()).measure("dlegate", train).report();
    assert_eq!(rows(&report)[0], (Way::DirectUdp, Status::Pass, true));
    let silent = Bench::new("dlegate", &[])
        .rule("dlegate.stun", silence(ProbeKind::Stun))
        .rule("dlegate.fallback", relayed("turn-tls", 52.3))
        .report();
    assert_eq!((silent.verdict, finding(&silent, "media.fallback").status), (Status::Warn, Status::Warn));
}
