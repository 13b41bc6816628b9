//! Alternatives, waivers and what counts in a verdict.

use super::*;

#[test]
fn alternatives_count_once() {
    let b = |gateway, api| Bench::new(&["gateway", "api"]).saw("gateway", gateway).saw("api", api).verdict();
    let no = || failed(FailureKind::Refused);
    assert_eq!(b(ok(), no()), Status::Pass);
    assert_eq!(b(no(), ok()), Status::Warn);
    assert_eq!(b(no(), no()), Status::Fail);
    assert_eq!(b(no(), failed(FailureKind::OutOfTime)), Status::Unknown);
}

#[test]
fn the_alternative_alone_is_told_as_a_finding() {
    let b = Bench::new(&["gateway", "api"]).saw("gateway", failed(FailureKind::Refused)).saw("api", ok());
    let findings = b.report().findings;
    assert_eq!(findings[0].id, "group.only-alternative");
    assert_eq!(findings[0].status, Status::Warn);
}

#[test]
fn a_relay_that_is_only_an_open_port_does_not_carry_media() {
    let mut open = ok();
    open.facts.set(&metric::FALLBACK, "TCP connect stood in for TURN");
    for only_alternative in ["warn", "pass"] {
        let b = Bench::with(only_alternative, &["media", "relay"])
            .saw("media", range(&[], &[1000], &[1050], &[]))
            .saw("relay", open.clone());
        assert_eq!(b.verdict(), Status::Unknown, "{only_alternative}");
    }
    let proven = |only| {
        let blocked = range(&[], &[1000], &[1050], &[]);
        Bench::with(only, &["media", "relay"]).saw("media", blocked).saw("relay", ok()).verdict()
    };
    assert_eq!(proven("warn"), Status::Warn);
    assert_eq!(proven("pass"), Status::Pass);
}

#[test]
fn optional_checks_do_not_count_and_skips_change_nothing() {
    let b = Bench::new(&["ssh", "gateway"]).saw("ssh", failed(FailureKind::TimedOut)).saw("gateway", ok());
    assert_eq!(b.verdict(), Status::Pass);
    let all_skipped = Bench::new(&["stun"]).saw("stun", Observation::skipped(ProbeKind::Stun, "no route"));
    assert_eq!(all_skipped.verdict(), Status::Unknown, "nothing was tried, so nothing was shown");
}

#[test]
fn a_waived_check_keeps_its_status_and_does_not_count() {
    let mut b = Bench::new(&["stun", "gateway"]).saw("stun", failed(FailureKind::Refused)).saw("gateway", ok());
    for item in b.plan.items.iter_mut().filter(|i| i.rule.id == RuleId::from("stun")) {
        item.waived = Some(crate::model::Waived { reason: "later".into(), until: Some("2027-01-01".into()) });
    }
    let report = b.report();
    assert_eq!((report.verdict, report.summary.fail), (Status::Pass, 0));
    let check = report.checks.iter().find(|c| c.waived.is_some()).unwrap();
    assert_eq!(check.status, Status::Fail);
}

#[test]
fn a_waiver_of_what_a_group_prefers_does_not_make_its_alternatives_required() {
    let judged = |gateway: Observation, api: Observation, waive: &str| {
        let mut b = Bench::new(&["gateway", "api", "ssh"]).saw("gateway", gateway).saw("api", api).saw("ssh", ok());
        for item in b.plan.items.iter_mut().filter(|i| i.rule.id == RuleId::from(waive)) {
            item.waived = Some(crate::model::Waived { reason: "later".into(), until: None });
        }
        b.verdict()
    };
    let no = || failed(FailureKind::Refused);
    assert_eq!(judged(no(), no(), "gateway"), Status::Pass);
    assert_eq!(judged(no(), ok(), "gateway"), Status::Pass);
    assert_eq!(judged(no(), no(), "api"), Status::Fail);
}

#[test]
fn an_unproven_alternative_is_told_as_a_finding() {
    let mut open = ok();
    open.facts.set(&metric::FALLBACK, "TCP connect stood in for TURN");
    let b = Bench::new(&["media", "relay"]).saw("media", range(&[], &[1000], &[1050], &[])).saw("relay", open);
    let report = b.report();
    assert_eq!(report.findings[0].id, "group.alternative-unproven");
    assert!(report.findings[0].checks.contains(&"relay/192.0.2.1".to_owned()));
}

#[test]
fn a_run_of_waived_and_unselected_rules_alone_is_green() {
    let skipped = Observation::skipped(ProbeKind::Ws, "not selected by --only stun");
    let mut b = Bench::new(&["stun", "gateway"]).saw("stun", failed(FailureKind::TimedOut)).saw("gateway", skipped);
    b.plan.items.iter_mut().for_each(|i| i.allow_unknown = i.rule.id == RuleId::from("stun"));
    assert_eq!(b.verdict(), Status::Pass);
}

#[test]
fn may_stay_unknown_means_unknown_alone() {
    let judged = |observation| {
        let mut b = Bench::new(&["stun", "gateway"]).saw("stun", observation).saw("gateway", ok());
        b.plan.items.iter_mut().for_each(|i| i.allow_unknown = i.rule.id == RuleId::from("stun"));
        b.verdict()
    };
    assert_eq!(judged(failed(FailureKind::TimedOut)), Status::Pass);
    assert_eq!(judged(failed(FailureKind::OutOfTime)), Status::Unknown, "it was not asked to the end");
    assert_eq!(judged(failed(FailureKind::Refused)), Status::Fail);
}
