//! What a dry run promises holds: no session asks more often or longer than the plan says, whatever the far end does.
//! Sessions run in virtual time against a far end that loses, delays, refuses and answers as a case has it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails may panic")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rtc_check::model::schedule::{self, Most, Schedule};
use rtc_check::model::{PortRange, PortsMode};
use rtc_check::plan::{Cost, Plan, Request, Tuning, describe};
use rtc_check::session::binding::Binding;
use rtc_check::session::sample::{Sample, SampleConfig};
use rtc_check::session::sweep::{Sweep, SweepConfig};
use rtc_check::session::{IcmpError, Session};
use rtc_check::wire::stun::{MAX_WRITTEN, Message, write_binding_success};

const TARGET: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

#[derive(Clone, Copy, Debug)]
enum Reply {
    Nothing,
    Answer(Duration),
    Refusal,
}

/// Drives a session to its end; `far` says what becomes of the datagram to a port, by how often that port was asked.
fn drive(session: &mut impl Session, start: Instant, mut far: impl FnMut(u16, u32) -> Reply) -> Most {
    let (mut now, mut datagrams, mut asked) = (start, 0, std::collections::BTreeMap::new());
    let (mut buf, mut out) = ([0; MAX_WRITTEN], [0; MAX_WRITTEN]);
    let mut air: BinaryHeap<Reverse<(Instant, SocketAddr, Vec<u8>)>> = BinaryHeap::new();
    loop {
        while let Some(transmit) = session.poll_transmit(now, &mut buf) {
            datagrams += 1;
            let times = asked.entry(transmit.to.port()).or_insert(0);
            match far(transmit.to.port(), *times) {
                Reply::Nothing => {}
                Reply::Refusal => {
                    session.on_icmp(now, &IcmpError { kind: 3, code: 3, from: Some(TARGET), to: transmit.to });
                }
                Reply::Answer(after) => {
                    let id = Message::read(buf.get(..transmit.len).unwrap()).unwrap().id();
                    let len = write_binding_success(&mut out, id, transmit.to, true, None).unwrap();
                    air.push(Reverse((now + after, transmit.to, out.get(..len).unwrap().to_vec())));
                }
            }
            *times += 1;
        }
        let Some(wake) = session.wake() else { return Most { datagrams, time: now - start } };
        match air.peek() {
            Some(Reverse((at, ..))) if *at <= wake => {
                let Reverse((at, from, bytes)) = air.pop().unwrap();
                now = now.max(at);
                session.on_datagram(now, from, &bytes);
            }
            _ => now = now.max(wake),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "an Instant can be made in no other way")]
fn zero() -> Instant {
    Instant::now()
}

fn range(ports: u16) -> PortRange {
    PortRange::new(10_000, 10_000 + ports - 1).unwrap()
}

fn sampled(ports: u16, count: u16, seed: u64, far: impl FnMut(u16, u32) -> Reply) -> Most {
    let start = zero();
    let config = SampleConfig { target: TARGET, range: range(ports), count, seed, secret: [7; 32], credential: None };
    drive(&mut Sample::new(start, config), start, far)
}

fn swept(ports: u16, pace: u32, seed: u64, patient: bool, far: impl FnMut(u16, u32) -> Reply) -> Most {
    let start = zero();
    let config =
        SweepConfig { target: TARGET, range: range(ports), pace, seed, secret: [7; 32], credential: None, patient };
    drive(&mut Sweep::new(start, config), start, far)
}

/// Chance by a seed, a port and an attempt: 0 to 1.
fn dice(seed: u64, port: u16, attempt: u32) -> f64 {
    let mut z = seed ^ (u64::from(port) << 32) ^ u64::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..3 {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^= z >> 27;
    }
    (z >> 11) as f64 / (1u64 << 53) as f64
}

fn tuning(ports: PortsMode, pace: u32, thorough: bool) -> Tuning {
    Tuning {
        timeout: Duration::from_secs(5),
        thorough,
        hold: None,
        pace,
        ports,
        nat_lifetime: None,
        call_length: std::time::Duration::from_secs(4),
        trace: false,
        budget: None,
    }
}

/// A plan of one media range of so many ports on each of `hosts`, and what else is written in `more`.
fn plan(ports: u16, hosts: &[&str], more: &str) -> Plan {
    let source = r#"source = { document = "D", section = "S", row = "R" }"#;
    let text = format!(
        "name = \"p\"\ntitle = \"P\"\nvantages = [\"client\"]\n[roles.media]\ndescription = \"m\"\n\
         [rtp.\"media.rtp\"]\nfrom = [\"client\"]\nto = \"media\"\nports = \"{}\"\nneed = \"required\"\n{source}\n{}",
        range(ports),
        more.replace("SOURCE", source)
    );
    let profile = rtc_check::profile::load("p.toml", &text).unwrap();
    let hosts = hosts.iter().map(|h| h.parse().unwrap()).collect();
    let request = Request { targets: [("media".into(), hosts)].into_iter().collect(), ..Request::default() };
    Plan::new(&profile, &request).unwrap()
}

fn cost(tuning: &Tuning, ports: u16) -> Cost {
    tuning.cost(plan(ports, &["192.0.2.1"], "").items.first().unwrap())
}

#[track_caller]
fn within(seen: Most, most: Most) {
    assert!(seen.datagrams <= most.datagrams && seen.time <= most.time, "{seen:?} beyond {most:?}");
}

#[test]
fn a_sample_reaches_its_most_and_never_more() {
    for count in [1u16, 2, 4, 5, 6, 7, 12, 20, 60] {
        // One port is refused at once, else the sample gives up; four stay silent to the end.
        let mut settled = 0;
        let seen = sampled(500, count, 3, |_, times| match times {
            0 | 2 if settled + 4 < count && (settled == 0 || times == 2) => {
                settled += 1;
                Reply::Refusal
            }
            _ => Reply::Nothing,
        });
        let most = schedule::sample::most(count);
        within(seen, most);
        if count > 5 {
            assert!(most.datagrams - seen.datagrams <= 2, "{count}: {seen:?} {most:?}");
            assert!(most.time - seen.time <= schedule::sample::GAP * 2, "{count}: {seen:?} {most:?}");
        }
    }
    let twenty = sampled(500, 20, 3, |port, _| if port == 10_000 { Reply::Refusal } else { Reply::Nothing });
    assert!(twenty.time > Duration::from_secs(50), "{twenty:?}");
    assert!(cost(&tuning(PortsMode::Sample(20), 4000, false), 500).longest > twenty.time);
}

#[test]
fn a_sweep_that_loses_much_stays_within_its_most() {
    // Every third port tells of loss, with late answers, round after round; all others stay silent.
    for (ports, pace) in [(200, 1), (1001, 100), (1001, 4000), (3000, 25_000), (64, 7)] {
        let far = |port: u16, times: u32| match u32::from(port - 10_000) {
            n if n % 3 == 0 && times >= n / 3 % 10 => Reply::Answer(Duration::from_millis(400)),
            _ => Reply::Nothing,
        };
        let seen = swept(ports, pace, 1, true, far);
        within(seen, schedule::sweep::most(ports.into(), pace, true));
        assert!(seen.datagrams > u32::from(ports) * 5, "{ports}: {seen:?}");
    }
}

#[test]
fn a_binding_stays_within_its_most_and_its_cost_has_room_for_a_key() {
    for (schedule, thorough) in [(Schedule::QUICK, false), (Schedule::THOROUGH, true)] {
        let start = zero();
        let mut session = Binding::new(start, SocketAddr::new(TARGET, 3478), schedule, &[5; 32], None);
        let last = u32::from(schedule.requests) - 1;
        let late = schedule.rto * schedule.last_wait - Duration::from_millis(1);
        let seen = drive(&mut session, start, |_, times| match times {
            n if n < last => Reply::Nothing,
            n if n == last => Reply::Answer(late),
            _ => Reply::Answer(Duration::from_millis(499)),
        });
        within(seen, schedule.most());
        assert_eq!(seen.datagrams, schedule.most().datagrams);
        let more = "[roles.ice]\ndescription = \"i\"\nhosts = [\"192.0.2.9\"]\n[stun.\"ice.stun\"]\nfrom = [\"client\"]\n\
                    to = \"ice\"\nport = 3478\nneed = \"required\"\nSOURCE\n";
        let plan = plan(2, &["192.0.2.1"], more);
        let cost = tuning(PortsMode::All, 4000, thorough).cost(plan.items.last().unwrap());
        assert_eq!(cost.datagrams, schedule.transaction().datagrams + schedule.most().datagrams);
        assert!(cost.longest > schedule.transaction().time + schedule.most().time);
    }
}

#[test]
fn ranges_that_may_share_an_address_follow_one_another_and_checks_beyond_the_cap_wait() {
    let tuning = tuning(PortsMode::Sample(12), 4000, false);
    let one = cost(&tuning, 100).longest;
    let longest = |hosts: &[&str]| tuning.longest(&plan(100, hosts, ""), 2);
    assert!(longest(&["192.0.2.1", "192.0.2.2"]) >= one * 2, "two addresses may be one host");
    assert!(longest(&["a.example"]) >= one * 2, "a name has two addresses here");
    let many: Vec<String> = (0..300).map(|n| format!("10.0.{}.{}", n / 250, 1 + n % 250)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(longest(&many) >= one * 300);
}

#[test]
fn a_dry_run_tells_both_connections_and_the_responders_page() {
    let more = "[roles.web]\ndescription = \"w\"\nhosts = [\"192.0.2.9\"]\n[https.\"web.https\"]\nfrom = [\"client\"]\n\
                to = \"web\"\nport = 8443\nneed = \"required\"\neither = true\nSOURCE\n";
    let plan = plan(100, &["m.example"], more);
    let text = describe(&plan, &tuning(PortsMode::Sample(12), 4000, false));
    assert!(text.contains("at most 12 connections"), "{text}");
    assert!(text.contains("asks for a responder's page, one connection to each of TCP 8443"), "{text}");
    assert!(text.contains("for names of up to 16 addresses"), "{text}");
    assert_eq!(plan.page_ports(), [8443]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sample_and_sweep_exceed_what_the_plan_says(
        ports in 1u16..600, count in 1u16..40, pace in 1u32..25_000, seed: u64, thorough: bool,
        answered in 0.0f64..1.0, blocked in 0.0f64..1.0, late_ms in 0u64..3000,
    ) {
        let far = |refuses: bool| move |port: u16, times: u32| {
            if dice(seed, port, 999) < blocked || dice(seed, port, times) > answered {
                Reply::Nothing
            } else if refuses {
                Reply::Refusal
            } else {
                Reply::Answer(Duration::from_millis((late_ms as f64 * dice(!seed, port, times)) as u64))
            }
        };
        let sample = sampled(ports, count, seed, far(true));
        let sweep = swept(ports, pace, seed, thorough, far(false));
        within(sample, schedule::sample::most(count.min(ports)));
        within(sweep, schedule::sweep::most(ports.into(), pace, thorough));
        let told = cost(&tuning(PortsMode::Sample(count), pace, thorough), ports);
        prop_assert!(told.longest >= sample.time + sweep.time + schedule::PAGE_PATIENCE);
        prop_assert!(told.datagrams >= sample.datagrams + sweep.datagrams);
        let all = cost(&tuning(PortsMode::All, pace, thorough), ports);
        prop_assert!(all.longest >= sweep.time + schedule::PAGE_PATIENCE && all.datagrams >= sweep.datagrams);
    }
}
