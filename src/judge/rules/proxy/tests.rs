use serde_json::json;

use super::*;
use crate::judge::bench::{Bench, failed, seen};
use crate::model::{Failure, Observation, PortSet, ProbeKind, StepTiming, WayStatus, Who};

const VIA: &str = "http://192.0.2.3:3128";

fn step(step: Step) -> StepTiming {
    StepTiming { step, ms: 3.0, result: "ok".to_owned() }
}

fn ok() -> WayTaken {
    WayTaken {
        status: WayStatus::Ok,
        via: None,
        failure: None,
        steps: vec![step(Step::Connect)],
        facts: Default::default(),
    }
}

fn not(at: Step, kind: FailureKind, detail: &str) -> WayTaken {
    WayTaken { status: WayStatus::Failed, failure: Some(Failure::new(at, kind, detail)), steps: Vec::new(), ..ok() }
}

fn tunnel(way: WayTaken) -> WayTaken {
    WayTaken { steps: vec![step(Step::Proxy)], ..way }
}

fn said(way: WayTaken, answer: ProxyAnswer) -> WayTaken {
    let mut facts = way.facts.clone();
    facts.set(&metric::PROXY_ANSWER, answer);
    WayTaken { facts, ..way }
}

fn status(code: u16) -> ProxyAnswer {
    ProxyAnswer { status: Some(code), ..ProxyAnswer::default() }
}

/// What was seen where these were the ways.
fn ways(probe: ProbeKind, direct: WayTaken, proxy: WayTaken) -> Observation {
    let mut observation = match &proxy.failure {
        Some(f) => failed(probe, f.step, f.kind, &f.detail, &[]),
        None => seen(probe, &[(&metric::HTTP_STATUS, json!(200)), (&metric::SUBPROTOCOL, json!("janus-protocol"))]),
    };
    observation.facts.set(&metric::DIRECT, direct);
    observation.facts.set(&metric::PROXY, WayTaken { via: Some(VIA.to_owned()), ..proxy });
    observation
}

/// The findings of these two rules of the profile `rtc-server`.
fn found(gateway: Observation, api: Observation) -> Vec<Finding> {
    let bench = Bench::new("agent", &[]).rule("rtc.gateway", gateway).rule("rtc.api", api);
    bench.report().findings.into_iter().filter(|f| f.id.starts_with("proxy.")).collect()
}

fn one(id: &str, gateway: Observation, api: Observation) -> Finding {
    let all = found(gateway, api);
    all.iter().find(|f| f.id == id).cloned().unwrap_or_else(|| panic!("{id}: {all:?}"))
}

fn timeout() -> WayTaken {
    not(Step::Connect, FailureKind::TimedOut, "no answer to the SYN in 5.0 s")
}

fn forbidden() -> WayTaken {
    said(not(Step::Proxy, FailureKind::ProxyRefused, "the proxy: does not allow CONNECT (HTTP 403)"), status(403))
}

use ProbeKind::{Http, Ws};

#[test]
fn what_works_both_ways_has_one_note_at_the_most() {
    let all = found(ways(Ws, ok(), tunnel(ok())), ways(Http, ok(), tunnel(ok())));
    assert!(all.iter().all(|f| f.id == "proxy.no-udp" && f.status == Status::Pass), "{all:?}");
}

#[test]
fn a_proxy_that_is_not_there_is_told_once() {
    let gone = || not(Step::Proxy, FailureKind::TimedOut, "the proxy 192.0.2.3:3128: no answer to the SYN");
    let finding = one("proxy.unreachable", ways(Ws, ok(), gone()), ways(Http, timeout(), gone()));
    assert_eq!((finding.status, finding.who, finding.checks.len()), (Status::Fail, Some(Who::Firewall), 2));
    assert!(finding.detail.contains("1 of these 2 checks work"), "{}", finding.detail);
    assert!(finding.ask[0].starts_with("allow TCP 3128 from this machine to 192.0.2.3, and replies"), "{finding:?}");
    let closed = || not(Step::Proxy, FailureKind::Refused, "the proxy 192.0.2.3:3128: refused");
    let finding = one("proxy.unreachable", ways(Ws, ok(), closed()), ways(Http, ok(), closed()));
    assert_eq!((finding.who, finding.evidence.len()), (Some(Who::ThisMachine), 1), "{finding:?}");
    assert!(finding.title.contains("refuses connections") && finding.ask[0].starts_with("take "), "{finding:?}");
}

#[test]
fn a_login_is_asked_of_who_can_give_it() {
    let refused = |schemes: &[&str], login| {
        let schemes = schemes.iter().map(|s| (*s).to_owned()).collect();
        let answer = ProxyAnswer { schemes, login, ..status(407) };
        said(not(Step::Proxy, FailureKind::ProxyLogin, "the proxy: 407"), answer)
    };
    for (schemes, login, who, title) in [
        (&["Basic"][..], false, Who::Proxy, "asks for a login"),
        (&["Basic"], true, Who::ThisMachine, "does not accept the login"),
        (&["Negotiate", "NTLM"], false, Who::Proxy, "only logins of a domain (Negotiate, NTLM)"),
    ] {
        let way = || refused(schemes, login);
        let finding = one("proxy.login", ways(Ws, ok(), way()), ways(Http, ok(), way()));
        assert!(finding.who == Some(who) && finding.title.contains(title), "{finding:?}");
    }
}

#[test]
fn a_policy_on_ports_is_told_from_one_on_everything() {
    let finding = one("proxy.port-policy", ways(Ws, timeout(), forbidden()), ways(Http, timeout(), tunnel(ok())));
    assert_eq!(finding.who, Some(Who::Proxy));
    assert_eq!(finding.ask.len(), 1);
    assert!(finding.ask[0].starts_with("allow CONNECT to 203.0.113.10:"), "{:?}", finding.ask);
    let all = found(ways(Ws, timeout(), forbidden()), ways(Http, timeout(), forbidden()));
    let ids: Vec<&str> = all.iter().map(|f| f.id.as_str()).filter(|id| *id != "proxy.no-udp").collect();
    assert_eq!(ids, ["proxy.refused"]);
    let lost = || said(not(Step::Proxy, FailureKind::ProxyRefused, "could not reach (HTTP 503)"), status(503));
    let finding = one("proxy.refused", ways(Ws, ok(), lost()), ways(Http, timeout(), lost()));
    assert!(finding.title.contains("cannot reach") && finding.checks.len() == 1, "{finding:?}");
    // The target may be down.
    assert!(!found(ways(Ws, timeout(), lost()), ways(Http, timeout(), lost())).iter().any(|f| f.id == "proxy.refused"));
}

#[test]
fn what_passes_to_another_host_is_no_evidence_of_a_policy_on_ports() {
    let found = |acd: Observation, gateway: Observation, api: Observation| {
        let bench = Bench::new("agent", &[]).rule("rtc.gateway", gateway).rule("rtc.api", api);
        let all = bench.rule("acd.websocket", acd).report().findings;
        let policy = |f: &Finding| f.id == "proxy.port-policy" || f.id == "proxy.refused";
        all.into_iter().filter(policy).map(|f| (f.id, f.checks.len())).collect::<Vec<_>>()
    };
    let (no, passes) = (|| ways(Ws, timeout(), forbidden()), || ways(Http, timeout(), tunnel(ok())));
    assert_eq!(found(passes(), no(), no()), [("proxy.refused".to_owned(), 2)]);
    // One port is shown by its own host; what is refused on the other host may be refused for the host.
    let both = [("proxy.refused".to_owned(), 1), ("proxy.port-policy".to_owned(), 1)];
    assert_eq!(found(no(), no(), passes()), both);
}

#[test]
fn a_stripped_upgrade_needs_one_that_is_not() {
    let refused = || tunnel(not(Step::Upgrade, FailureKind::UpgradeRefused, "status 400 in place of 101"));
    let finding = one("proxy.upgrade-stripped", ways(Ws, ok(), refused()), ways(Http, ok(), tunnel(ok())));
    assert_eq!((finding.status, finding.who), (Status::Fail, Some(Who::Proxy)));
    let alone = found(ways(Ws, timeout(), refused()), ways(Http, timeout(), tunnel(ok())));
    assert!(!alone.iter().any(|f| f.id == "proxy.upgrade-stripped"), "{alone:?}");
    // The server's own front sends a Via too.
    let mut fronted = ways(Ws, timeout(), refused());
    fronted.facts.set(&metric::HTTP_HEADERS, json!({ "via": ["1.1 cdn.example.com"] }));
    let fronted = found(fronted, ways(Http, timeout(), tunnel(ok())));
    assert!(!fronted.iter().any(|f| f.id == "proxy.upgrade-stripped"), "{fronted:?}");
}

#[test]
fn an_idle_cut_is_the_proxys_where_the_server_did_not_say_goodbye() {
    let cut = |words: &str| {
        let mut way = tunnel(not(Step::Hold, FailureKind::HoldCut, words));
        way.facts.set(&metric::HELD_S, 20.1);
        way
    };
    let fin = || cut("the WebSocket was closed (FIN) without a close frame after 20.1 s of silence");
    let finding = one("proxy.idle-cut", ways(Ws, ok(), fin()), ways(Http, ok(), tunnel(ok())));
    assert!(finding.title.contains("after 20.1 s") && finding.detail.contains("directly it stays open"), "{finding:?}");
    for (direct, proxied) in [
        (ok(), cut("the WebSocket was closed by a close frame (1001) after 20.1 s")),
        (fin(), fin()),
        (timeout(), fin()),
    ] {
        let all = found(ways(Ws, direct, proxied), ways(Http, ok(), tunnel(ok())));
        assert!(!all.iter().any(|f| f.id == "proxy.idle-cut"), "{all:?}");
    }
}

#[test]
fn a_page_of_the_proxys_own_is_told() {
    let page = || said(not(Step::Proxy, FailureKind::ProxyAnswered, "it sent \"<html>\""), status(200));
    let finding = one("proxy.answers-itself", ways(Ws, timeout(), page()), ways(Http, timeout(), page()));
    assert_eq!(finding.checks.len(), 2);
    let plain = || tunnel(not(Step::Tls, FailureKind::NotTls, "it sent \"HTTP/1.1 200\""));
    assert_eq!(one("proxy.answers-itself", ways(Ws, ok(), plain()), ways(Http, ok(), tunnel(ok()))).checks.len(), 1);
    let unclear = found(ways(Ws, timeout(), plain()), ways(Http, ok(), tunnel(ok())));
    assert!(!unclear.iter().any(|f| f.id == "proxy.answers-itself"), "the server itself may speak no TLS");
    let strange = || not(Step::Tls, FailureKind::NotTls, "it sent \"HTTP/1.1 200\"");
    let servers = found(ways(Ws, strange(), page()), ways(Http, ok(), tunnel(ok())));
    assert!(!servers.iter().any(|f| f.id == "proxy.answers-itself"), "the server says so directly too: {servers:?}");
    let sent_away = || said(not(Step::Proxy, FailureKind::ProxyAnswered, "a page of its own"), status(302));
    one("proxy.answers-itself", ways(Ws, strange(), sent_away()), ways(Http, ok(), tunnel(ok())));
}

#[test]
fn the_only_way_is_a_note_and_failing_udp_a_warning() {
    let finding = one("proxy.only-way", ways(Ws, timeout(), tunnel(ok())), ways(Http, timeout(), tunnel(ok())));
    assert_eq!((finding.status, finding.checks.len()), (Status::Pass, 2));
    assert!(finding.title.starts_with("TCP leaves this network only"), "{}", finding.title);
    let refused = || not(Step::Connect, FailureKind::Refused, "refused");
    for (gateway, api) in [(timeout(), ok()), (refused(), refused()), (refused(), timeout())] {
        let finding = one("proxy.only-way", ways(Ws, gateway, tunnel(ok())), ways(Http, api, tunnel(ok())));
        assert!(finding.title.starts_with("203.0.113.10:8") && finding.title.contains("answers only"), "{finding:?}");
    }
    let silent = PortSet::from_iter(19100..=19200u16);
    let range = seen(
        ProbeKind::UdpRange,
        &[
            (&metric::RESPONDER_PAGE, json!(true)),
            (&metric::PROBED, json!(1001)),
            (&metric::TOTAL, json!(1001)),
            (&metric::SILENT, serde_json::to_value(silent).unwrap()),
        ],
    );
    let bench = Bench::new("agent", &[]).rule("rtc.gateway", ways(Ws, ok(), tunnel(ok()))).rule("rtc.media", range);
    let report = bench.report();
    let no_udp = report.findings.iter().find(|f| f.id == "proxy.no-udp").unwrap();
    let media = report.checks.iter().find(|c| c.id.starts_with("rtc.media")).unwrap();
    assert_eq!(no_udp.status == Status::Warn, media.status == Status::Fail, "{no_udp:?} {media:?}");
}
