//! Whole traces over a network of routers in virtual time: loss, mute hops, routers that send few errors.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use proptest::prelude::*;

use super::super::chance::Chance;
use super::super::lossy::{Bucket, zero};
use super::*;
use crate::model::trace::TraceEnd;

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10));
const OPEN: u16 = 443;

/// What the filter of a router does to a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Filter {
    Drop,
    Reject,
    Reset,
}

/// A row of routers; a packet's time to live is looked at before the filter.
struct World {
    routers: u8,
    mute: Vec<u8>,
    /// Router 0 is this machine.
    blocks: Vec<(u16, u8, Filter)>,
    /// What the host does with ports other than the open one.
    serves: bool,
    dead: bool,
    loss: f64,
    one_way: Duration,
    budgets: Vec<Bucket>,
    chance: Chance,
}

impl World {
    fn new(routers: u8, blocks: &[(u16, u8, Filter)]) -> Self {
        Self {
            routers,
            mute: Vec::new(),
            blocks: blocks.to_vec(),
            serves: true,
            dead: false,
            loss: 0.0,
            one_way: Duration::from_millis(10),
            budgets: (0..=routers).map(|_| Bucket::new(zero(), 6.0, 1.0)).collect(),
            chance: Chance::new(7),
        }
    }

    fn address(distance: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, distance))
    }

    fn icmp(&mut self, at: Instant, router: u8) -> bool {
        !self.mute.contains(&router) && self.budgets[usize::from(router)].take(at)
    }

    /// What comes back for one packet, and how far it came.
    fn answer(&mut self, at: Instant, port: u16, ttl: u8) -> Option<(Answer, u8)> {
        let block = self.blocks.iter().find(|(p, ..)| *p == port).copied();
        if let Some((_, 0, _)) = block {
            return None;
        }
        for router in 1..=self.routers {
            if ttl == router {
                return self.icmp(at, router).then(|| (Answer::Expired(Some(Self::address(router))), router));
            }
            match block.filter(|(_, by, _)| *by == router).map(|(.., filter)| filter) {
                Some(Filter::Drop) => return None,
                Some(Filter::Reset) => return Some((Answer::Refused, router)),
                Some(Filter::Reject) => {
                    let from = Some(Self::address(router));
                    let error = IcmpError { kind: 3, code: 13, from, to: SocketAddr::new(HOST, port) };
                    return self.icmp(at, router).then_some((Answer::Rejected(error), router));
                }
                None => {}
            }
        }
        if self.dead {
            return None;
        }
        let answer = if port == OPEN || self.serves { Answer::Reached } else { Answer::Refused };
        Some((answer, self.routers + 1))
    }

    fn trace(&mut self, flows: &[u16], control: Flow) -> (Vec<Trace>, Duration) {
        let start = zero();
        let wanted = |port: &u16| Wanted { flow: flow(*port), other_name: None };
        let aim = Aim { address: HOST, source: None, control, flows: flows.iter().map(wanted).collect() };
        let ports: Vec<u16> = flows.to_vec();
        let control = aim.control.port;
        let mut tracer = Tracer::new(start, vec![aim], start + Duration::from_secs(3));
        let (mut now, mut coming) = (start, Vec::<(Instant, u32, Answer)>::new());
        loop {
            while let Some(ask) = tracer.poll(now) {
                let port = match ask.line {
                    Line::Control => control,
                    Line::Flow(n) | Line::OtherName(n) => ports[n],
                };
                let lost = self.chance.below(10_000) < (self.loss * 10_000.0) as usize;
                if let Some((answer, distance)) = self.answer(now, port, ask.ttl).filter(|_| !lost) {
                    let back = self.one_way * 2 * u32::from(distance) / u32::from(self.routers + 1);
                    coming.push((now + back, ask.number, answer));
                }
            }
            let Some(wake) = tracer.wake() else { break };
            coming.sort_by_key(|(at, ..)| *at);
            if coming.first().is_some_and(|(at, ..)| *at <= wake) {
                let (at, number, answer) = coming.remove(0);
                now = now.max(at);
                tracer.on_answer(now, number, answer);
            } else {
                now = now.max(wake);
            }
        }
        (tracer.outcome().remove(0), now - start)
    }
}

fn flow(port: u16) -> Flow {
    Flow { carrier: Carrier::Tcp, port, name: None }
}

/// Distances of the last hop before, and the first behind.
fn place(trace: &Trace) -> (TraceEnd, Option<u8>, Option<u8>) {
    (trace.end, trace.after.map(|h| h.distance), trace.before.map(|h| h.distance))
}

#[test]
fn the_router_that_drops_is_between_the_last_hop_seen_and_the_next() {
    for routers in 1..=12 {
        for by in 1..=routers {
            let mut world = World::new(routers, &[(8989, by, Filter::Drop)]);
            let (found, took) = world.trace(&[8989], flow(OPEN));
            assert_eq!(place(&found[0]), (TraceEnd::Silent, Some(by), Some(by + 1)), "{by} of {routers}: {found:?}");
            assert_eq!((found[0].rounds, found[0].host_distance), (3, Some(routers + 1)));
            assert_eq!(found[0].ends_at_host(), by == routers);
            assert!(took < Duration::from_secs(3), "{took:?}");
        }
    }
}

#[test]
fn a_router_that_rejects_names_itself_and_one_that_resets_is_nearer_than_the_host() {
    for by in 1..=5 {
        let (found, _) = World::new(5, &[(8989, by, Filter::Reject)]).trace(&[8989], flow(OPEN));
        assert_eq!((found[0].end, found[0].from), (TraceEnd::Rejected, Some(World::address(by))), "{found:?}");
        assert_eq!(found[0].icmp.as_deref(), Some("administratively prohibited"));
        let (found, _) = World::new(5, &[(8089, by, Filter::Reset)]).trace(&[8089], flow(OPEN));
        assert_eq!(place(&found[0]), (TraceEnd::Refused, Some(by), Some(by + 1)), "{found:?}");
    }
}

#[test]
fn a_port_that_the_host_refuses_ends_at_the_host() {
    let mut world = World { serves: false, ..World::new(3, &[]) };
    let (found, took) = world.trace(&[8989, 8089], flow(OPEN));
    assert!(found.iter().all(|t| t.end == TraceEnd::Refused && t.ends_at_host() && t.rounds == 3), "{found:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn what_this_machine_drops_comes_to_no_hop() {
    let (found, _) = World::new(4, &[(8989, 0, Filter::Drop)]).trace(&[8989], flow(OPEN));
    assert_eq!(place(&found[0]), (TraceEnd::Silent, None, Some(1)), "{found:?}");
}

#[test]
fn mute_hops_are_not_blamed() {
    let mut world = World { mute: vec![2, 3], ..World::new(5, &[(8989, 2, Filter::Drop), (8089, 4, Filter::Drop)]) };
    let (found, _) = world.trace(&[8989, 8089], flow(OPEN));
    assert_eq!(place(&found[0]), (TraceEnd::Silent, Some(1), Some(4)), "{found:?}");
    assert_eq!(place(&found[1]), (TraceEnd::Silent, Some(4), Some(5)), "{found:?}");
    let hops: Vec<u8> = found[0].hops.iter().map(|h| h.distance).collect();
    assert_eq!(hops, [1, 4, 5]);
}

#[test]
fn where_no_router_answers_the_host_alone_is_a_place() {
    let mut world = World { mute: (1..=5).collect(), ..World::new(5, &[(8989, 2, Filter::Drop)]) };
    let (found, _) = world.trace(&[8989], flow(OPEN));
    assert_eq!(place(&found[0]), (TraceEnd::Silent, None, Some(6)), "{found:?}");
    assert!(found[0].hops.is_empty() && found[0].ends_at_host());
}

#[test]
fn a_dead_host_is_before_nothing() {
    let mut world = World { dead: true, ..World::new(3, &[]) };
    let (found, took) = world.trace(&[8989, 8089], Flow { carrier: Carrier::Udp, port: 33434, name: None });
    assert!(found.iter().all(|t| place(t) == (TraceEnd::Silent, t.after.map(|h| h.distance), None)), "{found:?}");
    assert_eq!((found[0].after.map(|h| h.distance), found[0].host_distance), (Some(3), None));
    assert!(took <= Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_flow_that_works_again_is_told_so() {
    let (found, _) = World::new(3, &[]).trace(&[8989], flow(OPEN));
    assert_eq!(found[0].end, TraceEnd::Answered);
}

#[test]
fn twenty_flows_share_what_errors_a_router_may_send() {
    let ports: Vec<u16> = (7000..7020).collect();
    let blocks: Vec<_> = ports.iter().map(|p| (*p, 2, Filter::Drop)).collect();
    let (found, took) = World::new(4, &blocks).trace(&ports, flow(OPEN));
    for trace in &found {
        assert_eq!((trace.end, trace.before.map(|h| h.distance), trace.rounds), (TraceEnd::Silent, Some(3), 3));
        assert!(trace.after.is_none_or(|h| h.distance <= 2));
    }
    assert!(found.iter().filter(|t| t.after.map(|h| h.distance) == Some(2)).count() >= 4, "{found:?}");
    assert!(took <= Duration::from_secs(3), "{took:?}");
}

#[test]
fn flows_of_one_kind_that_end_at_different_places_are_told_apart() {
    let blocks = [(7001, 4, Filter::Reset), (7002, 1, Filter::Drop), (7003, 3, Filter::Drop), (7004, 2, Filter::Drop)];
    let (found, took) = World::new(5, &blocks).trace(&[7001, 7002, 7003, 7004], flow(OPEN));
    for (trace, (port, by, _)) in found.iter().zip(blocks) {
        assert_eq!((trace.flow.port, trace.before.map(|h| h.distance)), (port, Some(by + 1)), "{trace:?}");
    }
    assert!(took < Duration::from_secs(3), "{took:?}");
    // After one that the host itself refuses, one that is reset on the way.
    let mut world = World { serves: false, ..World::new(3, &[(7002, 1, Filter::Reset)]) };
    let (found, _) = world.trace(&[7001, 7002], flow(OPEN));
    assert!(found[0].ends_at_host() && !found[1].ends_at_host(), "{found:?}");
}

#[test]
fn a_router_whose_budget_is_used_up_makes_no_false_place() {
    for used in 0..6 {
        let mut world = World::new(3, &[(8989, 2, Filter::Drop)]);
        for router in 1..=3u8 {
            (0..used).for_each(|_| assert!(world.icmp(zero(), router)));
        }
        let (found, _) = world.trace(&[8989], flow(OPEN));
        never_wrong(&found[0], 2, 3);
    }
}

/// Whatever is claimed holds the filter between its ends.
fn never_wrong(trace: &Trace, by: u8, routers: u8) {
    if let (TraceEnd::Silent, Some(before)) = (trace.end, trace.before) {
        assert!(before.distance > by && before.distance <= routers + 1, "{trace:?}");
        assert_eq!(trace.rounds, 3);
    }
    assert!(trace.after.is_none_or(|a| a.distance <= by), "{trace:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_place_is_beyond_the_filter_whatever_is_lost(
        routers in 1u8..20, by in 0u8..20, mute in proptest::collection::vec(1u8..20, 0..6), loss in 0u8..6, seed: u64,
        flows in 1usize..8,
    ) {
        let by = by % (routers + 1);
        let ports: Vec<u16> = (0..flows).map(|n| 7000 + n as u16).collect();
        let blocks: Vec<_> = ports.iter().map(|p| (*p, by, Filter::Drop)).collect();
        let mut world = World::new(routers, &blocks);
        (world.mute, world.loss, world.chance) = (mute, f64::from(loss) / 100.0, Chance::new(seed));
        let (found, took) = world.trace(&ports, flow(OPEN));
        prop_assert!(took <= Duration::from_secs(3));
        for trace in &found {
            // A packet that is seen was there; what silence places may be too near by a loss in each of three rounds.
            prop_assert!(trace.after.is_none_or(|a| a.distance <= by));
            prop_assert!(trace.end != TraceEnd::Silent || trace.rounds == 3);
            prop_assert!(!matches!(trace.end, TraceEnd::Rejected | TraceEnd::Refused | TraceEnd::Cut | TraceEnd::Local));
            if loss == 0 {
                never_wrong(trace, by, routers);
            }
        }
    }
}

#[test]
fn rounds_add_up_over_a_pause_in_which_a_router_sends_no_errors() {
    let mut world = World::new(2, &[(8989, 1, Filter::Drop)]);
    world.budgets[2] = Bucket::new(zero(), 3.0, 1.0);
    let (found, took) = world.trace(&[8989], flow(OPEN));
    assert_eq!(place(&found[0]), (TraceEnd::Silent, Some(1), Some(2)), "{found:?}");
    assert!(found[0].rounds == 3 && took < Duration::from_secs(3), "{took:?}");
}
