//! Generated reports of every shape: text is anything, an escape sequence and a very long word among it.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rtc_check::model::{
    Check, Facts, Failure, FailureKind, Finding, LimitResult, LimitSource, Need, PortRange, PortSet, ProbeKind, Report,
    RttHistogram, Source, Status, Step, StepTiming, Timeline, Transport, Waived, Way, WayRow, Who, default_source,
    metric,
};

use super::{empty, finish};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9 .:/-]{0,200}",
        "[^ ]{0,150}",
        Just("\x1b[31mred\x07\u{9b}2J\u{202e}".to_owned()),
        Just("日本語のとても長い名前、改行なし".repeat(6)),
        Just("x".repeat(400)),
        Just(
            "'\"></title></style></svg><script>alert(1)</script><img src=x onerror='a'><!-- &lt; javascript:"
                .to_owned()
        ),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    proptest::sample::select(vec![Status::Skip, Status::Pass, Status::Warn, Status::Unknown, Status::Fail])
}

fn a_source() -> impl Strategy<Value = Source> {
    (text(), text(), text()).prop_map(|(document, section, row)| Source { document, section, row })
}

/// What pictures are drawn from: a train in time, its histogram, and where a flow ends, as a file may have them.
fn drawn() -> impl Strategy<Value = Facts> {
    let times = || vec(option::of(-1e9..1e9f64), 0..30);
    let timeline = (any::<f64>(), times(), times(), times(), vec(any::<u32>(), 0..30), vec(any::<u32>(), 0..30));
    let bars = (vec(-1e9..1e9f64, 0..9), vec(any::<u32>(), 0..9));
    let ends = ["silent", "rejected", "refused", "cut", "local", "answered", "unknown"];
    let hop = || (any::<u8>(), any::<IpAddr>()).prop_map(|(n, a)| serde_json::json!({ "distance": n, "address": a }));
    let trace =
        (proptest::sample::select(ends.to_vec()), vec(hop(), 0..20), option::of(hop()), option::of(hop()), text());
    (option::of(timeline), option::of(bars), option::of(trace)).prop_map(|(timeline, bars, trace)| {
        let mut facts = Facts::new();
        if let Some((slot_ms, rtt_min_ms, rtt_mean_ms, rtt_max_ms, lost_up, lost_unknown)) = timeline {
            let slot_ms = if slot_ms.is_finite() { slot_ms } else { 1.0 };
            let lost_down = Vec::new();
            let series = Timeline { slot_ms, rtt_min_ms, rtt_mean_ms, rtt_max_ms, lost_up, lost_down, lost_unknown };
            facts.set(&metric::TIMELINE, series);
        }
        if let Some((bounds_ms, counts)) = bars {
            facts.set(&metric::RTT_HISTOGRAM, RttHistogram { bounds_ms, counts });
        }
        if let Some((end, hops, after, before, words)) = trace {
            let flow = serde_json::json!({ "carrier": "udp", "port": 19099, "name": words });
            facts.set(&metric::TRACE, serde_json::json!({
                "flow": flow, "control": flow, "source": null, "host_distance": 9, "hops": hops, "end": end, "after": after,
                "before": before, "rounds": 3, "icmp": words, "why_unknown": words,
            }));
        }
        facts
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let steps = vec((proptest::sample::select(vec![Step::Connect, Step::Tls, Step::Banner]), 0.0..1e7, text()), 0..4);
    let ports = vec(1u16.., 0..40).prop_map(|p| p.into_iter().collect::<PortSet>());
    (steps, option::of((ports.clone(), ports, any::<u16>())), text(), option::of(-1e9..1e9f64), drawn()).prop_map(
        |(climbed, ports, words, days, mut facts)| {
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
    let whos = [Who::ThisMachine, Who::Firewall, Who::Proxy, Who::Resolver, Who::Provider, Who::Server];
    let who = option::of(proptest::sample::select(whos.to_vec()));
    let lists = (vec(text(), 0..3), vec(text(), 0..3), vec(text(), 0..8));
    (text(), status(), text(), text(), text(), who, lists).prop_map(
        |(id, status, title, detail, remedy, who, (checks, ask, evidence))| Finding {
            id,
            status,
            title,
            detail,
            remedy,
            who,
            ask,
            evidence,
            checks,
            ..Finding::default()
        },
    )
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
