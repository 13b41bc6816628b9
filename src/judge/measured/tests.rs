//! Figures in, checks out: what is carried, shown, undecided, not measured, waived.

mod undecided;

use std::collections::BTreeMap;

use serde_json::json;

use crate::judge::tests::meta;
use crate::judge::{judge, stands};
use crate::model::measure::names;
use crate::model::{
    Check, Estimate, Estimates, Failure, FailureKind, Load, Need, Observation, Planned, ProbeKind, Report, Seen,
    Standing, Status, Step, Timeline, metric,
};
use crate::plan::{Measuring, Plan, Request};

fn plan_with(profile: &str, change: impl FnOnce(&mut Request)) -> Plan {
    let profile = crate::profile::built_in(profile).unwrap();
    let host = |role: &str| (role.into(), vec!["192.0.2.1".parse().unwrap()]);
    let role = if profile.name == "dlegate" { "dlegate" } else { "rtc" };
    let mut request = Request { targets: BTreeMap::from([host(role)]), ..Request::default() };
    change(&mut request);
    Plan::new(&profile, &request).unwrap()
}

fn plan(profile: &str) -> Plan {
    plan_with(profile, |_| {})
}

fn e(low: f64, value: f64, high: f64) -> Estimate {
    Estimate { value, low, high }
}

fn estimates(list: &[(&str, Estimate)]) -> Estimates {
    Estimates(list.iter().map(|(name, estimate)| ((*name).to_owned(), *estimate)).collect())
}

/// A train that nothing is wrong with, at `kbps` each way.
fn good(kbps: f64) -> Vec<(&'static str, Estimate)> {
    let rate = e(kbps * 1.001, kbps * 1.01, kbps * 1.016);
    vec![
        (names::RTT_MS, e(39.9, 40.1, 40.3)),
        (names::JITTER_UP_MS, e(1.9, 2.0, 2.1)),
        (names::JITTER_DOWN_MS, e(0.9, 1.0, 1.1)),
        (names::LOSS_PCT, e(0.0, 0.0, 1.2)),
        (names::LOSS_UP_PCT, e(0.0, 0.0, 1.2)),
        (names::LOSS_DOWN_PCT, e(0.0, 0.0, 1.2)),
        (names::UP_KBPS, rate),
        (names::DOWN_KBPS, rate),
        (names::DELAY_RISE_UP_MS, e(-0.5, 0.1, 0.6)),
        (names::DELAY_RISE_DOWN_MS, e(-0.5, 0.1, 0.6)),
    ]
}

fn with(
    mut list: Vec<(&'static str, Estimate)>,
    changes: &[(&'static str, Estimate)],
) -> Vec<(&'static str, Estimate)> {
    list.retain(|(name, _)| !changes.iter().any(|(n, _)| n == name));
    list.extend_from_slice(changes);
    list
}

fn load(kbps: f64) -> Load {
    Load { media: Default::default(), up_kbps: kbps, down_kbps: kbps, sessions: 1, down_streams: 1 }
}

/// An observation of trains under these loads, with the figures of the first that is named at its top.
fn trains(tried: &[(f64, Vec<(&'static str, Estimate)>)]) -> Observation {
    let mut observation = Observation::new(ProbeKind::Quality);
    let entry = |(kbps, list): &(f64, Vec<(&'static str, Estimate)>)| {
        json!({
            "load": load(*kbps).offered(false), "estimates": estimates(list), "sent": 500, "duration_s": 6.2,
            "rtt_ms": { "mean": 40.1 },
            "timeline": { "slot_ms": kbps, "rtt_min_ms": [], "rtt_mean_ms": [], "rtt_max_ms": [] },
            "rtt_histogram": { "bounds_ms": [], "counts": [] },
        })
    };
    let entries: Vec<serde_json::Value> = tried.iter().map(entry).collect();
    let via = json!({ "method": "stamp", "transport": "udp", "address": "192.0.2.1", "port": 19599 });
    observation.facts.set(&metric::VIA, via);
    for (name, value) in entries[0].as_object().unwrap() {
        let m = metric::TABLE.iter().find(|m| m.name == name).unwrap();
        observation.facts.set(m, value);
    }
    observation.facts.set(&metric::LOADS, entries);
    observation
}

fn report(plan: &Plan, observation: Observation) -> Report {
    let address = Some("192.0.2.1".parse().unwrap());
    let of = Planned::Measure(0);
    let seen = Seen { of, address, observation, started_ms: 0, duration_ms: 6200 };
    judge(plan, &[seen], &meta(false))
}

#[track_caller]
fn check<'a>(report: &'a Report, begins: &str) -> &'a Check {
    let found = report.checks.iter().find(|c| c.id == format!("{begins}/192.0.2.1"));
    found.unwrap_or_else(|| panic!("no {begins} in {:?}", report.checks.iter().map(|c| &c.id).collect::<Vec<_>>()))
}

#[track_caller]
fn statuses(report: &Report) -> Vec<Status> {
    report.checks.iter().map(|c| c.status).collect()
}

#[test]
fn a_report_tells_one_train_in_time_that_of_its_figures() {
    let late = e(890.0, 900.0, 910.0);
    let queue = with(good(80.0), &[(names::DELAY_RISE_UP_MS, late), (names::DELAY_RISE_DOWN_MS, late)]);
    let report = report(&plan("user"), trains(&[(80.0, queue), (40.0, good(40.0))]));
    let quality = check(&report, "quality.rtc");
    assert_eq!(quality.observed.get::<Timeline>(&metric::TIMELINE).map(|t| t.slot_ms), Some(40.0));
    let told = serde_json::to_string(&report).unwrap();
    assert_eq!((told.matches("\"timeline\"").count(), told.matches("\"rtt_histogram\"").count()), (1, 1));
}

#[test]
fn a_clean_train_passes_and_shows_the_lower_rates_too() {
    let report = report(&plan("user"), trains(&[(80.0, good(80.0))]));
    assert_eq!(report.verdict, Status::Pass);
    let quality = check(&report, "quality.rtc");
    assert_eq!((quality.probe, quality.need, quality.rule.as_ref()), (ProbeKind::Quality, Need::Required, None));
    assert_eq!(quality.limits.len(), 3);
    assert!(quality.limits.iter().all(|l| l.status == Status::Pass && l.ci95.is_some()));
    for words in ["the loss each way is 0 % (95 %: 0–1.2)", "stamp over UDP 19599", "107 at the IP level"] {
        assert!(quality.reason.contains(words), "{words}: {}", quality.reason);
    }
    let audio = check(&report, "bandwidth.rtc.audio");
    assert_eq!(audio.status, Status::Pass);
    let implied: Load = audio.observed.get(&metric::IMPLIED_BY).unwrap();
    assert_eq!(implied.up_kbps, 80.0);
    assert!(audio.reason.contains("shown by the load of audio and video of 80 kbit/s"), "{}", audio.reason);
    assert!(audio.reason.contains("the delay up stayed flat"), "{}", audio.reason);
    let both = check(&report, "bandwidth.rtc.audio-video");
    assert!(!both.observed.has(&metric::IMPLIED_BY) && both.status == Status::Pass);
}

#[test]
fn loss_towards_the_target_fails_as_that_and_its_other_way_is_named() {
    let lossy = [(names::LOSS_UP_PCT, e(2.2, 3.1, 4.3)), (names::LOSS_PCT, e(2.2, 3.1, 4.3))];
    let report = report(&plan("user"), trains(&[(80.0, with(good(80.0), &lossy))]));
    let quality = check(&report, "quality.rtc");
    assert_eq!((quality.status, report.verdict), (Status::Fail, Status::Fail));
    let words = "the loss towards the target is 3.1 % (95 %: 2.2–4.3), beyond its limit: the limit is 1.5 %";
    assert!(quality.reason.contains(words), "{}", quality.reason);
    assert!(quality.reason.contains("nothing was lost on the way back"), "{}", quality.reason);
    let loss = quality.limits.iter().find(|l| l.metric == "loss_pct").unwrap();
    assert_eq!((loss.observed, loss.status, loss.unit.as_str()), (Some(3.1), Status::Fail, "pct"));
}

#[test]
fn a_line_of_75_kbit_carries_40_and_not_80() {
    let queue = [(names::UP_KBPS, e(55.0, 56.0, 57.0)), (names::DELAY_RISE_UP_MS, e(160.0, 180.0, 200.0))];
    let tried = [(80.0, with(good(80.0), &queue)), (40.0, good(40.0))];
    let report = report(&plan("user"), trains(&tried));
    let both = check(&report, "bandwidth.rtc.audio-video");
    assert_eq!(both.status, Status::Fail);
    assert!(both.reason.contains("the delay up rose by 180 ms (95 %: 160–200): the queue fills"), "{}", both.reason);
    let rise = both.limits.iter().find(|l| l.metric == "delay_rise_up_ms").unwrap();
    assert_eq!(rise.status, Status::Warn, "a limit of rtc-check's own can only warn");
    let audio = check(&report, "bandwidth.rtc.audio");
    assert_eq!((audio.status, audio.observed.has(&metric::IMPLIED_BY)), (Status::Pass, false));
    assert_eq!(check(&report, "quality.rtc").status, Status::Pass, "judged under what the line carries");
    let judged: Load = check(&report, "quality.rtc").observed.get(&metric::LOAD).unwrap();
    assert_eq!(judged.up_kbps, 40.0);
}

#[test]
fn a_rate_that_arrives_late_and_later_does_not_flow() {
    let rises = [(names::DELAY_RISE_DOWN_MS, e(60.0, 80.0, 99.0))];
    let report = report(&plan("user"), trains(&[(80.0, with(good(80.0), &rises))]));
    let both = check(&report, "bandwidth.rtc.audio-video");
    let limit = |m: &str| both.limits.iter().find(|l| l.metric == m).map(|l| l.status);
    assert_eq!((limit("up_kbps"), limit("down_kbps")), (Some(Status::Pass), Some(Status::Fail)));
    assert_eq!(both.status, Status::Fail);
}

#[test]
fn what_spans_its_limit_is_unknown_and_says_how_much_longer() {
    let spans = [(names::LOSS_UP_PCT, e(0.6, 1.2, 2.1))];
    let mut observation = trains(&[(80.0, with(good(80.0), &spans))]);
    observation.facts.remove(&metric::LOADS);
    observation.facts.set(&metric::PACKETS_TO_DECIDE, 1200);
    let report = report(&plan("user"), observation);
    let quality = check(&report, "quality.rtc");
    assert_eq!((quality.status, report.verdict), (Status::Unknown, Status::Unknown));
    assert!(
        quality.reason.contains("about 1200 more packets (14.9 s)") || quality.reason.contains("--duration 30"),
        "{}",
        quality.reason
    );
}

#[test]
fn between_required_and_recommended_is_a_warning() {
    let slow = with(good(700.0), &[(names::UP_KBPS, e(640.0, 650.0, 660.0))]);
    let alone = report(&plan("dlegate"), trains(&[(700.0, slow.clone())]));
    let video = check(&alone, "bandwidth.dlegate.video");
    assert_eq!(video.status, Status::Unknown, "a load that did not flow shows nothing of lower ones: {}", video.reason);
    let report = report(&plan("dlegate"), trains(&[(700.0, slow), (600.0, good(600.0))]));
    let video = check(&report, "bandwidth.dlegate.video");
    assert_eq!(video.status, Status::Warn, "{}", video.reason);
    let limit = |m: &str| video.limits.iter().find(|l| l.metric == m).map(|l| l.status);
    assert_eq!((limit("up_kbps"), limit("recommended_up_kbps")), (Some(Status::Pass), Some(Status::Warn)));
    assert_eq!(check(&report, "bandwidth.dlegate.audio").status, Status::Pass);
}

#[test]
fn limits_of_our_own_can_only_warn() {
    let slow = with(good(700.0), &[(names::RTT_MS, e(390.0, 400.0, 410.0))]);
    let told = report(&plan("dlegate"), trains(&[(700.0, slow)]));
    let quality = check(&told, "quality.dlegate");
    assert_eq!((quality.status, quality.need, quality.source.as_ref()), (Status::Warn, Need::Recommended, None));
    assert!(quality.reason.contains("(rtc-check default)"), "{}", quality.reason);
    assert_eq!(told.verdict, Status::Warn);
    // Over TCP there is no loss to see; what can be seen is judged.
    let mut pings = Observation::new(ProbeKind::Quality);
    let seen = [(names::RTT_MS, e(1.0, 2.0, 3.0)), (names::RTT_VARIATION_MS, e(0.1, 0.2, 0.3))];
    pings.facts.set(&metric::ESTIMATES, estimates(&seen));
    let told = report(&plan("dlegate"), pings.clone());
    assert_eq!(check(&told, "quality.dlegate").status, Status::Pass);
    assert_eq!(check(&report(&plan("user"), pings), "quality.rtc").status, Status::Unknown, "a document asks for it");
}

#[test]
fn a_measurement_stands_by_the_same_limits() {
    let plan = plan("user");
    let stand =
        |changes: &[(&'static str, Estimate)]| stands(&plan, 0, &load(80.0), &estimates(&with(good(80.0), changes)));
    assert_eq!(stand(&[]), Standing::Holds);
    assert_eq!(stand(&[(names::LOSS_UP_PCT, e(0.9, 1.2, 2.0))]), Standing::Undecided);
    assert_eq!(stand(&[(names::LOSS_UP_PCT, e(2.2, 3.1, 4.3))]), Standing::Fails);
    let undecided_too = [(names::LOSS_UP_PCT, e(2.2, 3.1, 4.3)), (names::RTT_MS, e(290.0, 300.0, 310.0))];
    assert_eq!(stand(&undecided_too), Standing::Undecided);
    assert_eq!(stand(&[(names::UP_KBPS, e(70.0, 75.0, 79.0))]), Standing::Fails);
    assert_eq!(stand(&[(names::DELAY_RISE_UP_MS, e(80.0, 99.0, 120.0))]), Standing::Fails);
    assert_eq!(stands(&plan, 0, &load(80.0), &Estimates::default()), Standing::Undecided);
    assert_eq!(stands(&plan, 9, &load(80.0), &Estimates::default()), Standing::Undecided);
}

#[test]
fn capacity_informs_and_counts_what_fits_with_a_fifth_kept_free() {
    let searching = |r: &mut Request| r.measuring = Measuring { capacity: Some(1_000_000), ..Measuring::default() };
    let mut observation = trains(&[(80.0, good(80.0))]);
    let up = json!({ "ip_kbps": 1000.0, "low_kbps": 980.0, "high_kbps": 1020.0, "at_least": false });
    observation.facts.set(&metric::CAPACITY, json!({ "up": up, "down": { "ip_kbps": 5000.0, "at_least": true } }));
    observation.facts.set(&metric::LOADED_LATENCY, json!({ "idle_rtt_ms": 12.0, "up": { "rise_ms": 140.5 } }));
    let mode = |kbps: f64, sessions: u32| json!({ "up_kbps": kbps, "down_kbps": kbps, "sessions": sessions });
    observation.facts.set(&metric::MODES, json!([mode(80.0, 7), mode(40.0, 14)]));
    let told = report(&plan_with("user", searching), observation);
    let capacity = check(&told, "capacity.rtc");
    assert_eq!((capacity.status, capacity.need), (Status::Pass, Need::Optional));
    for words in [
        "1000 kbit/s up (980–1020 from second to second) and at least 5000 kbit/s down at the IP level",
        "a full line adds 140 ms up to the round trip",
        "with 20 % kept free it has room side by side for 7 of audio-video (80 kbit/s), 14 of audio (40 kbit/s)",
    ] {
        assert!(capacity.reason.contains(words), "{words}: {}", capacity.reason);
    }
    let none = report(&plan_with("user", searching), trains(&[(80.0, good(80.0))]));
    assert_eq!(check(&none, "capacity.rtc").status, Status::Unknown);
    assert_eq!(none.verdict, Status::Pass);
}

#[test]
fn a_search_that_ended_itself_below_the_lowest_load_decides_nothing() {
    let searching = |r: &mut Request| r.measuring = Measuring { capacity: Some(1000), ..Measuring::default() };
    let mut observation = trains(&[(80.0, good(80.0))]);
    let up = json!({ "ip_kbps": 41.0, "at_least": true });
    observation.facts.set(&metric::CAPACITY, json!({ "up": up, "down": { "ip_kbps": 5000.0, "at_least": true } }));
    observation.facts.set(&metric::BYTES_USED, 990);
    observation.facts.set(&metric::MODES, json!([{ "up_kbps": 80.0, "down_kbps": 80.0, "sessions": 0 }]));
    let told = report(&plan_with("user", searching), observation);
    let capacity = check(&told, "capacity.rtc");
    assert_eq!((capacity.status, capacity.observed.has(&metric::MODES)), (Status::Unknown, false));
    assert!(capacity.reason.ends_with("raise --max-data."), "{}", capacity.reason);
}

#[test]
fn a_flat_delay_names_the_loss() {
    let lossy = [(names::UP_KBPS, e(70.0, 72.0, 74.0)), (names::LOSS_UP_PCT, e(8.0, 10.0, 12.0))];
    let told = report(&plan("user"), trains(&[(80.0, with(good(80.0), &lossy))]));
    let both = check(&told, "bandwidth.rtc.audio-video");
    assert!(both.reason.contains("the loss is not a matter of the rate: look for a bad link"), "{}", both.reason);
    assert!(!both.reason.contains("faster line"), "{}", both.reason);
}

#[test]
fn a_far_end_that_died_half_way_has_no_mos_and_is_started_again() {
    let mut observation = trains(&[(80.0, vec![(names::RTT_MS, e(39.0, 40.0, 41.0))])]);
    observation.facts.set(&metric::MOS, 1.2);
    let mut loads: Vec<serde_json::Value> = observation.facts.get(&metric::LOADS).unwrap();
    loads[0]["mos"] = json!(1.2);
    loads[0]["caveats"] = json!(["nothing came back after 2.0 s of 6.2 s: the far end died"]);
    observation.facts.set(&metric::LOADS, loads);
    let told = report(&plan("user"), observation);
    for begins in ["quality.rtc", "bandwidth.rtc.audio-video"] {
        let check = check(&told, begins);
        assert!(check.reason.contains("start the responder again and measure again"), "{}", check.reason);
        assert!(!check.observed.has(&metric::MOS) && !check.reason.contains("measure longer"), "{}", check.reason);
    }
}

#[test]
fn what_is_required_is_told_as_such_at_the_ip_level() {
    let told = report(&plan("user"), trains(&[(40.0, good(40.0))]));
    let audio = check(&told, "bandwidth.rtc.audio");
    let required: serde_json::Value = audio.observed.get(&metric::REQUIRED).unwrap();
    assert_eq!((&required["ip_up_kbps"], &required["up_kbps"]), (&json!(56.0), &json!(40.0)));
}

#[test]
fn one_check_of_a_measure_is_waived_by_the_name_that_the_table_gives_it() {
    let allow = |r: &mut Request| r.allow_unknown = vec!["bandwidth.rtc.audio-video".into()];
    let failure = Failure::new(Step::Connect, FailureKind::TimedOut, "no answer");
    let told = report(&plan_with("user", allow), Observation::failed(ProbeKind::Quality, failure));
    let waived: Vec<&str> = told.checks.iter().filter(|c| c.waived.is_some()).map(|c| c.id.as_str()).collect();
    assert_eq!(waived, ["bandwidth.rtc.audio-video/192.0.2.1"]);
}
