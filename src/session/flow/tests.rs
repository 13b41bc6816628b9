//! Both ends in virtual time over a line with a rate, a queue, a delay and losses.

mod liars;
mod searches;

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::client::{Client, Ending, Part, Work};
use super::cookie::Baker;
use super::search::found;
use super::server::{Datagram, Granted, Outgoing, Server, Shared};
use super::shape::{headers, of_rate};
use super::{MS, S};
use crate::wire::flow::{Body, Head, Kind, LONGEST, Shape, read};

const TOKEN: u64 = 0xfeed;

/// One way: packets leave a queue at a rate, then take a while.
struct Way {
    kbps: f64,
    /// Bytes that wait at most.
    queue: u64,
    delay: u64,
    /// One of so many is lost, by chance; 0: none.
    lose: u64,
    free_at: u64,
    under_way: VecDeque<(u64, Vec<u8>)>,
    chance: u64,
}

impl Way {
    fn new(kbps: f64, queue: u64, delay: u64) -> Self {
        Self { kbps, queue, delay, lose: 0, free_at: 0, under_way: VecDeque::new(), chance: 88_172_645_463_325_252 }
    }

    fn random(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }

    fn put(&mut self, now: u64, bytes: &[u8]) {
        if self.lose > 0 && self.random().is_multiple_of(self.lose) {
            return;
        }
        let wait = self.free_at.saturating_sub(now);
        if wait as f64 * self.kbps / 8e6 > self.queue as f64 {
            return;
        }
        let takes = (bytes.len() as f64 + 28.0) * 8e6 / self.kbps;
        self.free_at = self.free_at.max(now) + takes as u64;
        self.under_way.push_back((self.free_at + self.delay, bytes.to_vec()));
    }

    fn take(&mut self, now: u64) -> Option<Vec<u8>> {
        self.under_way.front().is_some_and(|(at, _)| *at <= now).then(|| self.under_way.pop_front().unwrap().1)
    }
}

/// The whole line, the responder at its other end.
struct Line {
    up: Way,
    down: Way,
    server: Server,
    baker: Baker,
    shared: Shared,
    outgoing: Option<Outgoing>,
    granted: Granted,
    /// From then on the responder is not there.
    dies_at: u64,
    /// Bytes of data that it sent, and when the last left.
    data: u64,
    last_data: u64,
}

fn datagram((head, body): (Head, Body), len: usize, arrived: u64) -> Datagram {
    Datagram { head, body, len, arrived }
}

/// The two clocks differ by so much.
const SKEW: u64 = 5_000 * S;

impl Line {
    fn new(up: Way, down: Way, granted: Granted) -> Self {
        Self {
            up,
            down,
            server: Server::new(granted, SKEW),
            baker: Baker::new(1),
            shared: Shared::default(),
            outgoing: None,
            granted,
            dies_at: u64::MAX,
            data: 0,
            last_data: 0,
        }
    }

    fn serve(&mut self, now: u64) {
        let from: SocketAddr = "192.0.2.2:5000".parse().unwrap();
        let mut buf = [0; LONGEST];
        while let Some(bytes) = self.up.take(now) {
            if now >= self.dies_at {
                continue;
            }
            let here = now + SKEW;
            let message = read(&bytes).unwrap();
            let reply = self.server.on_datagram(
                here,
                from,
                datagram(message, bytes.len(), here),
                &self.baker,
                &self.shared,
                &mut buf,
            );
            assert!(reply.len <= bytes.len() || message.0.kind == Kind::Data);
            if reply.len > 0 {
                self.down.put(now, &buf[..reply.len]);
            }
            if let Some(order) = reply.order {
                let (_, cookie) = self.server.source().unwrap();
                self.outgoing.get_or_insert_with(|| Outgoing::new(&self.granted, from, cookie)).on_order(&order, here);
            }
        }
        let Some(outgoing) = self.outgoing.as_mut().filter(|_| now < self.dies_at) else { return };
        while let Some(len) = outgoing.poll_transmit(now + SKEW, &self.shared, &mut buf) {
            self.down.put(now, &buf[..len]);
            self.data += len as u64;
            self.last_data = now;
        }
    }
}

/// Runs until the client is over, or vanishes at `until`; answers when that was.
fn run(line: &mut Line, client: &mut Client, until: u64) -> u64 {
    let mut buf = [0; LONGEST];
    let mut now = 0;
    while now < until {
        while let Some(bytes) = line.down.take(now) {
            client.on_datagram(now, &bytes);
        }
        while let Some(len) = client.poll_transmit(now, &mut buf) {
            line.up.put(now, &buf[..len]);
        }
        if client.wake().is_none() {
            break;
        }
        line.serve(now);
        now += MS / 20;
    }
    now
}

fn grant(down_kbps: u32, seconds: u32) -> Granted {
    Granted { token: TOKEN, down_kbps, packets_per_second: 200_000, seconds, bytes: 1 << 40 }
}

fn offer(up: f64, down: f64, seconds: u64) -> Work {
    let shape = |kbps: f64| if kbps > 0.0 { of_rate(kbps, 300, false) } else { Shape::default() };
    Work::Offer { up: shape(up), down: shape(down), time: seconds * S }
}

fn measured(mut line: Line, works: Vec<Work>) -> (Vec<Part>, Ending, Line) {
    let mut client = Client::new(TOKEN, false, works, 0);
    run(&mut line, &mut client, 60 * S);
    let (parts, ending, _) = client.finish();
    (parts, ending, line)
}

fn wide(delay: u64) -> Way {
    Way::new(1e6, 1 << 20, delay)
}

#[test]
fn a_wide_line_carries_every_packet_both_ways() {
    let line = Line::new(wide(20 * MS), wide(20 * MS), grant(10_000, 60));
    let (parts, ending, _) = measured(line, vec![offer(2000.0, 1000.0, 4)]);
    assert_eq!(ending, Ending::Done);
    let part = &parts[0];
    let least = 4.0 * 2e6 / 8.0 / 328.0;
    assert!((0.96..1.0).contains(&(part.went_up.sent as f64 / least)), "{:?}", part.went_up);
    assert_eq!(part.went_up.received, part.went_up.sent);
    assert_eq!((part.went_down.received, part.went_down.duplicates), (part.went_down.sent, 0));
    assert!(part.went_down.sent.abs_diff(part.went_up.sent / 2) < 50, "{:?}", part.went_down);
    assert_eq!(part.idle.median_rtt().map(|ns| ns / MS), Some(40));
    assert_eq!((part.skipped, part.known), (0, true));
}

#[test]
fn losses_are_counted_exactly_and_in_their_direction() {
    let mut up = wide(10 * MS);
    up.lose = 30;
    let line = Line::new(up, wide(10 * MS), grant(10_000, 60));
    let (parts, _, _) = measured(line, vec![offer(2000.0, 2000.0, 4)]);
    let (up, down) = (parts[0].went_up, parts[0].went_down);
    let loss = f64::from(up.sent - up.received) / f64::from(up.sent);
    assert!((0.02..0.05).contains(&loss), "{up:?}");
    assert_eq!(down.received, down.sent, "{down:?}");
}

#[test]
fn a_queue_that_fills_shows_as_delay_and_loss_of_its_direction() {
    let narrow = Way::new(1000.0, 20_000, 10 * MS);
    let line = Line::new(wide(10 * MS), narrow, grant(10_000, 60));
    let (parts, _, _) = measured(line, vec![offer(500.0, 1500.0, 4)]);
    let part = &parts[0];
    assert_eq!(part.went_up.received, part.went_up.sent);
    let loss = 1.0 - f64::from(part.went_down.received) / f64::from(part.went_down.sent);
    assert!((0.25..0.40).contains(&loss), "{:?}", part.went_down);
    let last = part.down.intervals.iter().rev().find_map(|i| i.delay).unwrap();
    let rise = (last - part.idle.base_down().unwrap()) as f64 / 1e6;
    assert!((100.0..180.0).contains(&rise), "{rise}");
}

#[test]
fn what_was_told_before_the_load_was_over_is_not_known_to_be_all() {
    // It dies in the midst of the load, just before its end, and when all was told.
    for (dies_at, known) in [(2 * S, false), (4 * S + 500 * MS, false), (5 * S, true)] {
        let mut line = Line::new(wide(20 * MS), wide(20 * MS), grant(10_000, 60));
        line.dies_at = dies_at;
        let (parts, ..) = measured(line, vec![offer(2000.0, 1000.0, 4)]);
        assert_eq!(parts[0].known, known, "{}", dies_at / MS);
    }
}

#[test]
fn nothing_is_sent_to_a_source_that_has_not_shown_its_cookie() {
    let mut server = Server::new(grant(1000, 60), 0);
    let (baker, shared) = (Baker::new(3), Shared::default());
    let mut buf = [0; LONGEST];
    let mut bytes = [0; LONGEST];
    let from: SocketAddr = "192.0.2.9:7000".parse().unwrap();
    for kind in [Kind::Data, Kind::Ping, Kind::Feedback] {
        for cookie in [0, 77] {
            let head = crate::wire::flow::Head { kind, stage: 1, token: TOKEN, cookie, time: 1 };
            let body = match kind {
                Kind::Data => Body::Data { seq: 0 },
                Kind::Ping => Body::Ping { number: 0 },
                _ => Body::Feedback(crate::wire::flow::Feedback {
                    asked: of_rate(500.0, 1200, false),
                    asked_ms: 1000,
                    asked_stage: 1,
                    ..Default::default()
                }),
            };
            let len = crate::wire::flow::write(&mut bytes, &head, &body, 0).unwrap();
            let message = read(&bytes[..len]).unwrap();
            let reply = server.on_datagram(1, from, datagram(message, len, 1), &baker, &shared, &mut buf);
            assert_eq!((reply.len, reply.order), (0, None), "{kind:?}");
        }
    }
    assert_eq!(server.source(), None);
}

#[test]
fn another_source_with_the_token_gets_nothing_once_the_session_has_one() {
    let mut line = Line::new(wide(MS), wide(MS), grant(1000, 60));
    let mut client = Client::new(TOKEN, false, vec![offer(100.0, 100.0, 1)], 0);
    run(&mut line, &mut client, S);
    assert!(line.server.source().is_some());
    let (baker, shared) = (Baker::new(1), Shared::default());
    let stranger: SocketAddr = "192.0.2.66:7000".parse().unwrap();
    let mut buf = [0; LONGEST];
    for cookie in [0, baker.cookie(TOKEN, stranger), line.server.source().unwrap().1] {
        for kind in [Kind::Hello, Kind::Ping] {
            let head = crate::wire::flow::Head { kind, stage: 0, token: TOKEN, cookie, time: 0 };
            let body = if kind == Kind::Hello { Body::Hello } else { Body::Ping { number: 1 } };
            let reply = line.server.on_datagram(
                SKEW + S,
                stranger,
                datagram((head, body), 64, SKEW),
                &baker,
                &shared,
                &mut buf,
            );
            assert_eq!(reply.len, 0);
        }
    }
}

#[test]
fn a_client_that_vanishes_gets_nothing_after_a_second_and_is_forgotten_after_two() {
    let mut line = Line::new(wide(MS), wide(MS), grant(10_000, 60));
    let mut client = Client::new(TOKEN, false, vec![offer(100.0, 5000.0, 30)], 0);
    let gone = run(&mut line, &mut client, 3 * S);
    drop(client);
    for ms in 0..3000 {
        line.serve(gone + ms * MS);
    }
    assert!(line.last_data > gone, "it was under way");
    assert!(line.last_data < gone + S + 60 * MS, "{}", (line.last_data - gone) / MS);
    assert!(!line.server.is_over(gone + S + SKEW));
    assert!(line.server.is_over(gone + 2 * S + 60 * MS + SKEW));
}

#[test]
fn a_grant_is_never_exceeded() {
    let granted = Granted { bytes: 300_000, ..grant(1000, 60) };
    let line = Line::new(wide(MS), wide(MS), granted);
    let (parts, ending, line) = measured(line, vec![offer(0.0, 50_000.0, 6)]);
    assert!(line.data <= 300_000, "{}", line.data);
    assert_eq!(ending, Ending::Stopped);
    let list = &parts[0].down.intervals;
    let (first, last) = (list[2], list[list.len() - 3]);
    let (kbps, _) = super::record::Record::ip_rate(&first, &last, headers(false)).unwrap();
    assert!(kbps < 1080.0, "data, and the answers to feedback and pings: {kbps}");
    // By time likewise.
    let line = Line::new(wide(MS), wide(MS), grant(1000, 2));
    let (_, ending, line) = measured(line, vec![offer(0.0, 500.0, 6)]);
    assert!(line.last_data < 2 * S + 600 * MS && ending != Ending::Done, "{} {ending:?}", line.last_data / MS);
}

/// Data that goes out in a second when an order for `shape` comes every so many nanoseconds: packets, bytes at the IP
/// level, and the highest number.
fn ordered(granted: &Granted, shared: &Shared, shape: Shape, every: u64, from: u64) -> (u32, u64, Option<u32>) {
    let mut outgoing = Outgoing::new(granted, "192.0.2.2:5000".parse().unwrap(), 5);
    let (mut buf, mut packets, mut bytes, mut highest) = ([0; LONGEST], 0, 0, None);
    for now in (from..from + S).step_by((MS / 10) as usize) {
        shared.heard_at.store(now, std::sync::atomic::Ordering::Relaxed);
        if (now - from).is_multiple_of(every) {
            let stage = (now / every) as u16;
            outgoing.on_order(&super::server::Order { stage, shape, time: S, stop: false }, now);
        }
        while let Some(len) = outgoing.poll_transmit(now, shared, &mut buf) {
            (packets, bytes) = (packets + 1, bytes + len as u64 + 28);
            let Some((_, Body::Data { seq })) = read(&buf[..len]) else { panic!("no data") };
            highest = highest.max(Some(seq));
        }
    }
    (packets, bytes, highest)
}

#[test]
fn no_series_of_orders_gets_more_than_was_granted() {
    let burst = crate::wire::flow::Series { interval_ns: 1000, len: 1472, burst: u16::MAX };
    let granted = grant(1000, 60);
    let tiny = crate::wire::flow::Series { interval_ns: 1000, len: 1, burst: 1 };
    for (shape, every) in [([burst; 2], S), (of_rate(1000.0, 1472, false), MS), ([tiny; 2], MS), ([tiny, burst], MS)] {
        let (_, bytes, _) = ordered(&granted, &Shared::default(), shape, every, 0);
        assert!((100_000..=127_500 + 12_500).contains(&bytes), "{bytes} {every}");
    }
    let few = Granted { packets_per_second: 100, ..grant(1000, 60) };
    let (packets, ..) = ordered(&few, &Shared::default(), [tiny; 2], S, 0);
    assert!((100..=165).contains(&packets), "{packets}");
}

#[test]
fn another_thread_of_a_session_goes_on_where_the_last_one_ended() {
    let granted = Granted { bytes: 150_000, ..grant(1000, 60) };
    let (shared, shape) = (Shared::default(), of_rate(1000.0, 1000, false));
    let (first, _, highest) = ordered(&granted, &shared, shape, S, 0);
    assert_eq!(highest, Some(first - 1));
    let (second, _, highest) = ordered(&granted, &shared, shape, S, S);
    assert_eq!((first + second, highest), (150, Some(149)));
    assert!(shared.stopped.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(ordered(&granted, &shared, shape, S, 2 * S).0, 0);
}
