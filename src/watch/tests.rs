//! The watching in virtual time.

use proptest::prelude::*;

use super::*;
use crate::model::{Check, Facts, Need, ProbeKind, RunInfo, SCHEMA, Summary, ToolInfo};

fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A machine whose clocks tests move.
#[derive(Clone, Copy)]
struct World(Reading);

impl World {
    fn new() -> Self {
        Self(Reading { monotonic: s(500), boot: s(900), wall: s(1_800_000_000) })
    }

    fn passes(&mut self, time: Duration) -> Reading {
        self.0.monotonic += time;
        self.sleeps(time)
    }

    fn sleeps(&mut self, time: Duration) -> Reading {
        self.0.boot += time;
        self.0.wall += time;
        self.0
    }
}

fn check(id: &str, status: Status) -> Check {
    Check {
        id: id.to_owned(),
        rule: Some(id.split('/').next().unwrap().into()),
        probe: ProbeKind::Tcp,
        role: "rtc".into(),
        target: "rtc.example".to_owned(),
        address: id.split('/').nth(2).and_then(|a| a.parse().ok()),
        transport: Some(crate::model::Transport::Tcp),
        port: Some(443),
        ports: None,
        need: Need::Required,
        status,
        reason: format!("it is {status}"),
        observed: Facts::new(),
        limits: Vec::new(),
        source: None,
        group: None,
        waived: None,
        started_ms: 0,
        duration_ms: 1,
    }
}

fn report(checks: &[(&str, Status)]) -> Report {
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: ToolInfo { name: "rtc-check".to_owned(), version: "0".to_owned() },
        run: RunInfo {
            id: "r".to_owned(),
            started: "2026-11-22T01:00:00Z".to_owned(),
            finished: "2026-11-22T01:00:03Z".to_owned(),
            duration_ms: 3000,
            profile: "agent".to_owned(),
            from: "client".to_owned(),
            options: Default::default(),
            targets: Default::default(),
            seed: 1,
            ended: None,
        },
        verdict: checks.iter().map(|c| c.1).max().unwrap_or_default(),
        summary: Summary::default(),
        findings: Vec::new(),
        checks: checks.iter().map(|(id, status)| check(id, *status)).collect(),
        ways: Vec::new(),
        comparison: None,
        redacted: Vec::new(),
    };
    report.checks.iter().for_each(|c| report.summary.count(c.status));
    report
}

const A: &str = "rtc.https/rtc.example/203.0.113.10";
const B: &str = "rtc.gateway/rtc.example/203.0.113.10";

fn good() -> Report {
    report(&[(A, Status::Pass), (B, Status::Pass)])
}

fn begun(watch: &mut Watch, now: Reading) -> u64 {
    match watch.tick(now) {
        (_, Do::Begin(number)) => number,
        (said, other) => panic!("{other:?} {said:?}"),
    }
}

#[test]
fn runs_follow_the_interval_and_say_what_changed() {
    let mut world = World::new();
    let mut watch = Watch::new(s(60), End { runs: Some(2), until: None, strict: false }, world.0);
    assert_eq!(begun(&mut watch, world.0), 1);
    assert_eq!(watch.tick(world.passes(s(2))), (vec![], Do::Go));
    let said = watch.finished(good(), world.passes(s(1)));
    assert!(matches!(&said[..], [Said::Ran(run)] if run.number == Some(1)), "{said:?}");
    assert_eq!(watch.tick(world.0), (vec![], Do::Wait(Some(s(57)))));
    assert_eq!(begun(&mut watch, world.passes(s(57))), 2);
    let said = watch.finished(report(&[(A, Status::Pass), (B, Status::Fail)]), world.passes(s(3)));
    let told = lines(&said, "T");
    assert!(told.contains("change=worse about=verdict was=pass is=fail\n"), "{told}");
    assert!(told.contains(&format!("about=check name=rtc.gateway check={B} at=203.0.113.10:443/tcp was=pass is=fail")));
    assert_eq!(watch.tick(world.0).1, Do::Over);
    let standing = watch.history().standing().unwrap();
    assert_eq!((standing.verdict, standing.runs), (Status::Fail, 1));
}

#[test]
fn the_first_run_says_what_fails_and_why() {
    let mut world = World::new();
    let bad = || report(&[(A, Status::Unknown), (B, Status::Fail), ("x/rtc.example/::1", Status::Pass)]);
    let first = |watch: &mut Watch, world: &mut World| {
        begun(watch, world.0);
        lines(&watch.finished(bad(), world.passes(s(1))), "T").lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let found = |id: &str, status: &str| {
        let name = id.split('/').next().unwrap();
        format!(
            "T event=found about=check name={name} check={id} at=203.0.113.10:443/tcp is={status} says=\"it is {status}\""
        )
    };
    let mut watch = Watch::new(s(60), End::default(), world.0);
    assert_eq!(first(&mut watch, &mut world), [found(B, "fail"), found(A, "unknown")]);
    begun(&mut watch, world.passes(s(59)));
    assert!(matches!(&watch.finished(bad(), world.passes(s(1)))[..], [Said::Ran(_)]), "once");
    // After a log that had the same in part: what is a change is told as one.
    let mut watch = Watch::new(s(60), End::default(), world.0);
    watch.remember(report(&[(A, Status::Unknown), (B, Status::Pass), ("x/rtc.example/::1", Status::Pass)]));
    let told = first(&mut watch, &mut world);
    assert!(
        told.iter()
            .any(|line| line.contains(&format!("event=change change=worse about=check name=rtc.gateway check={B} ")))
    );
    assert_eq!(told.iter().filter(|line| line.contains("event=found")).collect::<Vec<_>>(), [&found(A, "unknown")]);
}

#[test]
fn a_suspend_while_waiting_is_a_gap_with_one_run_behind_it() {
    let mut world = World::new();
    let mut watch = Watch::new(s(60), End::default(), world.0);
    begun(&mut watch, world.0);
    watch.finished(good(), world.passes(s(3)));
    world.sleeps(s(2100));
    let (said, next) = watch.tick(world.passes(s(1)));
    assert_eq!(said, [Said::Jump(Jump::Suspended(s(2100)))]);
    assert_eq!(next, Do::Wait(Some(SETTLE)), "the network comes back first");
    let (said, next) = watch.tick(world.passes(SETTLE));
    assert_eq!((said, next), (vec![Said::Missed(34)], Do::Begin(2)));
    watch.finished(good(), world.passes(s(3)));
    assert!(matches!(watch.tick(world.0).1, Do::Wait(Some(_))), "no burst");
    let words: Vec<_> =
        watch.history().columns().map(|c| matches!(c, Column::Gap(w) if w == "suspended 35 min")).collect();
    assert_eq!(words, [false, true, false]);
    assert_eq!(watch.missed(), 34);
}

#[test]
fn a_run_that_slept_is_not_judged_and_done_again() {
    for seen_in_time in [true, false] {
        let mut world = World::new();
        let mut watch = Watch::new(s(60), End { runs: Some(1), until: None, strict: false }, world.0);
        begun(&mut watch, world.0);
        world.sleeps(s(600));
        let broken = report(&[(A, Status::Fail)]);
        let said = if seen_in_time {
            assert_eq!(watch.tick(world.passes(s(1))), (vec![Said::Jump(Jump::Suspended(s(600)))], Do::Break));
            watch.dropped()
        } else {
            watch.finished(broken, world.passes(s(1)))
        };
        assert_eq!(said.last(), Some(&Said::Cut { run: 1 }), "{said:?}");
        assert!(watch.last().is_none() && watch.history().last().is_none(), "nothing is judged");
        assert_eq!(watch.tick(world.0).1, Do::Wait(Some(SETTLE)));
        assert_eq!(begun(&mut watch, world.passes(SETTLE)), 1, "the same number again");
        watch.finished(good(), world.passes(s(1)));
        assert_eq!(watch.tick(world.0).1, Do::Over, "it counts once");
    }
}

#[test]
fn a_clock_that_is_set_moves_no_run() {
    let mut world = World::new();
    let mut watch = Watch::new(s(60), End::default(), world.0);
    begun(&mut watch, world.0);
    watch.finished(good(), world.passes(s(3)));
    world.0.wall += s(10_800);
    let (said, next) = watch.tick(world.passes(s(1)));
    assert_eq!((said, next), (vec![Said::Jump(Jump::Forward(s(10_800)))], Do::Wait(Some(s(56)))));
    world.0.wall = s(0);
    assert_eq!(watch.tick(world.0).1, Do::Wait(Some(s(56))));
}

#[test]
fn pause_and_run_now() {
    let mut world = World::new();
    let mut watch = Watch::new(s(60), End::default(), world.0);
    begun(&mut watch, world.0);
    watch.finished(good(), world.passes(s(10)));
    watch.pause(world.0.boot);
    assert_eq!(watch.tick(world.passes(s(300))), (vec![], Do::Wait(None)));
    watch.run_now();
    assert_eq!(begun(&mut watch, world.0), 2, "by hand also while paused");
    watch.finished(good(), world.passes(s(5)));
    watch.pause(world.0.boot);
    let (said, next) = watch.tick(world.0);
    assert_eq!((said, next), (vec![], Do::Wait(Some(s(45)))), "back on the grid, nothing made up for");
}

#[test]
fn it_ends_at_the_verdict_that_is_waited_for() {
    let mut world = World::new();
    let mut watch = Watch::new(s(60), End { runs: Some(9), until: Some(true), strict: false }, world.0);
    for (status, over) in [(Status::Fail, false), (Status::Unknown, false), (Status::Warn, true)] {
        begun(&mut watch, world.0);
        watch.finished(report(&[(A, status)]), world.passes(s(60)));
        assert_eq!(watch.over, over);
    }
}

#[test]
fn the_first_run_is_held_against_the_last_of_an_earlier_watching() {
    let world = World::new();
    let mut watch = Watch::new(s(60), End::default(), world.0);
    watch.remember(good());
    watch.remember(good());
    watch.resume("not watched for 2 h");
    assert_eq!(begun(&mut watch, world.0), 1);
    let said = watch.finished(report(&[(A, Status::Fail), (B, Status::Pass)]), world.0);
    assert!(said.iter().any(|s| matches!(s, Said::Changed(d) if d.id == A)), "{said:?}");
    let row = watch.history().rows().iter().find(|r| r.id == A).unwrap();
    let tried = |status| Cell::Tried(status, None);
    assert_eq!(row.cells, [tried(Status::Pass), tried(Status::Pass), Cell::Gap, tried(Status::Fail)]);
}

#[test]
fn a_check_that_moves_to_another_address_goes_on_in_its_row() {
    let world = World::new();
    let mut watch = Watch::new(s(60), End::default(), world.0);
    watch.remember(good());
    watch.remember(report(&[("rtc.https/rtc.example/203.0.113.99", Status::Pass), (B, Status::Pass)]));
    let row = &watch.history().rows()[0];
    assert_eq!((row.id.as_str(), row.cells.len()), ("rtc.https/rtc.example/203.0.113.99", 2));
    assert_eq!(row.place, "203.0.113.99 443/tcp");
    assert_eq!(watch.history().rows().len(), 2);
}

/// What the history holds, in cells.
fn held(watch: &Watch) -> (usize, usize) {
    let history = watch.history();
    (history.rows().len(), history.rows().iter().map(|r| r.cells.len()).max().unwrap_or(0))
}

/// Runs of two checks, one of which has a new address after every `steady` runs.
fn wandering(runs: u32, steady: u32) -> History {
    let mut history = History::default();
    for n in 0..runs {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + n / steady);
        let id = format!("rtc.https/rtc.example/{address}");
        history.push(Some(u64::from(n)), &report(&[(B, Status::Pass), (&id, Status::Pass)]), None);
        if n % 3 == 0 {
            history.gap("suspended 1 min");
        }
        assert!(history.rows().len() <= KEPT + 1 && history.columns().len() <= KEPT);
    }
    history
}

#[test]
fn memory_is_bounded_over_a_hundred_thousand_runs() {
    for mut history in [wandering(100_000, 60), wandering(800, 1)] {
        assert!(history.rows().iter().all(|r| r.cells.len() <= KEPT));
        assert_eq!(history.rows()[0].id, B, "what every run has comes first");
        (0..100_000).for_each(|_| history.gap("the clock was set back by 1 h"));
        let gaps = history.columns().map(|c| if let Column::Gap(words) = c { words.len() } else { 0 });
        assert!(gaps.max().unwrap() < 300, "one gap, however often it is told");
    }
}

#[derive(Clone, Debug)]
enum Happens {
    Time(u16),
    Sleep(u16),
    Set(u32),
    Pause,
    RunNow,
    Ends(bool),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => any::<u16>().prop_map(|n| Happens::Time(n % 200)),
        1 => any::<u16>().prop_map(Happens::Sleep),
        1 => any::<u32>().prop_map(Happens::Set),
        1 => Just(Happens::Pause),
        1 => Just(Happens::RunNow),
        6 => any::<bool>().prop_map(Happens::Ends),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn runs_never_overlap_and_never_burst(interval in 5u64..120, events in prop::collection::vec(happens(), 1..150)) {
        let mut world = World::new();
        let mut watch = Watch::new(s(interval), End::default(), world.0);
        let (start, mut running, mut by_grid, mut asked) = (world.0.boot, false, 0u64, 0u64);
        for event in events {
            match event {
                Happens::Time(secs) => { world.passes(s(secs.into())); }
                Happens::Sleep(secs) => { world.sleeps(s(secs.into())); }
                Happens::Set(wall) => world.0.wall = s(wall.into()),
                Happens::Pause => watch.pause(world.0.boot),
                Happens::RunNow => { watch.run_now(); asked += 1; }
                Happens::Ends(good_one) if running => {
                    let status = if good_one { Status::Pass } else { Status::Fail };
                    let said = watch.finished(report(&[(A, status)]), world.0);
                    running = false;
                    if said.iter().any(|s| matches!(s, Said::Cut { .. })) { asked += 1; }
                }
                Happens::Ends(_) => {}
            }
            match watch.tick(world.0).1 {
                Do::Begin(_) => {
                    prop_assert!(!running, "no two at once");
                    running = true;
                    by_grid += 1;
                }
                Do::Break => {
                    prop_assert!(running);
                    watch.dropped();
                    asked += 1;
                    running = false;
                }
                Do::Go => prop_assert!(running),
                Do::Wait(Some(wait)) => prop_assert!(!running && !wait.is_zero() && wait <= s(interval).max(SETTLE)),
                Do::Wait(None) => prop_assert!(watch.is_paused()),
                Do::Over => prop_assert!(false, "nothing ends it"),
            }
        }
        let steps = (world.0.boot - start).as_secs() / interval + 1;
        prop_assert!(by_grid <= steps + asked, "{by_grid} runs in {steps} steps and {asked} by hand");
        prop_assert!(held(&watch).0 <= 1 && held(&watch).1 <= KEPT);
    }
}

#[test]
fn a_warning_ends_the_watching_as_strict_judges_it() {
    for (strict, until, over) in [(false, true, true), (false, false, false), (true, true, false), (true, false, true)]
    {
        let mut world = World::new();
        let mut watch = Watch::new(s(60), End { runs: None, until: Some(until), strict }, world.0);
        begun(&mut watch, world.0);
        watch.finished(report(&[(A, Status::Warn)]), world.passes(s(3)));
        assert_eq!(watch.tick(world.0).1 == Do::Over, over, "strict {strict}, until pass {until}");
    }
}
