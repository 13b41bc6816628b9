//! Ways of several kinds in virtual time: a link that drops, one that speaks, one that loses now and then.

use super::*;
use crate::session::chance::Chance;
use crate::session::lossy::{ROUTER, zero};
use crate::wire::stamp::{Reply, write_reply};
use crate::wire::stun::write_binding_success;

/// What the way does with packets.
struct Way {
    /// Longest packet that passes, there and back.
    up: usize,
    down: usize,
    /// The router says so.
    speaks: bool,
    /// Whoever answers is a responder.
    ours: bool,
    /// The server answers no longer request.
    longest: usize,
    loss: f64,
    local: usize,
}

const CLEAN: Way = Way { up: 9000, down: 9000, speaks: false, ours: true, longest: 9000, loss: 0.0, local: 9000 };

fn target() -> SocketAddr {
    "192.0.2.1:19099".parse().unwrap()
}

/// The answer of the far end.
fn answer(way: &Way, request: &[u8]) -> Option<Vec<u8>> {
    let mut buf = [0; LONGEST];
    if request.len() > way.longest {
        return None;
    }
    let len = match Message::read(request) {
        Ok(message) => {
            write_binding_success(&mut buf, message.id(), "203.0.113.5:4000".parse().unwrap(), way.ours, None)?
        }
        Err(_) if !way.ours => return None,
        Err(_) => {
            let (asked, _) = crate::wire::stamp::read_request(request, None).ok()?;
            let reply = Reply {
                seq: 1,
                sent: Timestamp(1),
                error: ErrorEstimate(1),
                ssid: asked.ssid,
                received: Timestamp(1),
                request_seq: asked.seq,
                request_sent: asked.sent,
                request_error: asked.error,
                ttl: 60,
            };
            write_reply(&mut buf, &reply, request, None, None, None)?
        }
    };
    Some(buf[..len].to_vec())
}

/// An answer, or what a router quotes.
type Came = Result<Vec<u8>, Vec<u8>>;

/// Runs it; what was seen, how long it took, and how many datagrams left.
fn over(way: &Way, seed: u64) -> (Option<Mtu>, Duration, usize) {
    let start = zero();
    let config = Config { target: target().ip(), ports: vec![19_099], secret: [3; 32], credential: None };
    let (mut session, mut chance) = (PathMtu::new(start, config), Chance::new(seed));
    let mut lost = || (chance.next() as f64) < way.loss * u64::MAX as f64;
    let (mut now, mut sent, mut buf) = (start, 0, [0; LONGEST]);
    let mut air: Vec<(Instant, Came)> = Vec::new();
    for _ in 0..10_000 {
        while let Some(transmit) = session.poll_transmit(now, &mut buf) {
            let (bytes, packet) = (&buf[..transmit.len], transmit.len + 28);
            if packet > way.local {
                session.on_send_error(now, transmit.len, SendError::TooBig);
                continue;
            }
            sent += 1;
            let back = now + Duration::from_millis(30);
            if packet > way.up {
                if way.speaks {
                    air.push((back, Err(bytes[..bytes.len().min(64)].to_vec())));
                }
            } else if let Some(reply) = answer(way, bytes).filter(|r| r.len() + 28 <= way.down && !lost() && !lost()) {
                air.push((back, Ok(reply)));
            }
        }
        let Some(wake) = session.wake() else { return (session.outcome(), now - start, sent) };
        let first = air.iter().map(|(at, _)| *at).min().filter(|at| *at <= wake);
        now = now.max(first.unwrap_or(wake));
        let due: Vec<_> = air.extract_if(.., |(at, _)| *at <= now).collect();
        for (at, came) in due {
            match came {
                Ok(reply) => session.on_datagram(at, target(), &reply),
                Err(quoted) => session.on_too_big(at, Some(ROUTER), way.up as u32, &quoted),
            }
        }
    }
    panic!("it never ends");
}

fn fates(way: &Way) -> (Vec<SizeFate>, Vec<SizeFate>) {
    let mtu = over(way, 1).0.unwrap();
    (mtu.sizes.iter().map(|s| s.up).collect(), mtu.sizes.iter().map(|s| s.down).collect())
}

use SizeFate::{Local, Passed, Silent, TooBig as Big, Untried};

#[test]
fn a_clean_way_takes_two_round_trips_and_one_packet_a_size() {
    let (mtu, took, sent) = over(&CLEAN, 1);
    let mtu = mtu.unwrap();
    assert!(mtu.sizes.iter().all(|s| (s.up, s.down) == (Passed, Passed)), "{mtu:?}");
    assert_eq!((mtu.answerer, mtu.port, sent), (MtuAnswerer::Responder, 19_099, 7));
    assert!(took < Duration::from_millis(200), "{took:?}");
    let stun = Way { ours: false, ..CLEAN };
    assert_eq!(fates(&stun), (vec![Passed; 5], vec![Untried; 5]));
}

#[test]
fn a_hole_is_silent_in_its_direction() {
    let up = Way { up: 1280, ..CLEAN };
    assert_eq!(
        fates(&up),
        (vec![Passed, Silent, Silent, Silent, Silent], vec![Passed, Untried, Untried, Untried, Untried])
    );
    let down = Way { down: 1400, ..CLEAN };
    assert_eq!(fates(&down), (vec![Passed; 5], vec![Passed, Passed, Passed, Silent, Silent]));
    let (mtu, took, sent) = over(&Way { up: 100, ..CLEAN }, 1);
    assert!(mtu.unwrap().sizes.iter().all(|s| s.up == Silent));
    assert!(took < Duration::from_secs(2) && sent <= 40, "{took:?} {sent}");
}

#[test]
fn what_a_router_says_ends_the_asking() {
    let (mtu, took, _) = over(&Way { up: 1400, speaks: true, ..CLEAN }, 1);
    let mtu = mtu.unwrap();
    assert_eq!(mtu.sizes.iter().map(|s| s.up).collect::<Vec<_>>(), [Passed, Passed, Passed, Big, Big]);
    assert_eq!(mtu.too_big, Some(TooBig { from: Some(ROUTER), mtu: Some(1400) }));
    assert!(took < Duration::from_millis(300), "{took:?}");
}

#[test]
fn this_machines_own_link_is_told_apart() {
    assert_eq!(fates(&Way { local: 1420, ..CLEAN }).0, [Passed, Passed, Passed, Local, Local]);
}

#[test]
fn nobody_there_is_no_black_hole() {
    let (mtu, took, sent) = over(&Way { up: 20, ..CLEAN }, 1);
    assert_eq!((mtu, sent), (None, 3));
    assert_eq!(took, NOBODY);
}

#[test]
fn loss_is_rarely_taken_for_a_hole() {
    let holes = (0..400).filter(|seed| {
        let mtu = over(&Way { loss: 0.1, ..CLEAN }, *seed).0;
        // A size that larger ones outdo is no hole.
        mtu.is_some_and(|m| m.sizes.last().is_some_and(|s| s.up == Silent || s.down == Silent))
    });
    assert!(holes.count() <= 4);
}

#[test]
fn answers_of_others_and_forged_ones_count_for_nothing() {
    let start = zero();
    let config = Config { target: target().ip(), ports: vec![19_099], secret: [3; 32], credential: None };
    let mut session = PathMtu::new(start, config);
    let mut buf = [0; LONGEST];
    let transmit = session.poll_transmit(start, &mut buf).unwrap();
    let reply = answer(&CLEAN, &buf[..transmit.len]).unwrap();
    session.on_datagram(start, "192.0.2.9:19099".parse().unwrap(), &reply);
    let mut forged = reply.clone();
    forged[10] ^= 1;
    session.on_datagram(start, target(), &forged);
    assert_eq!(session.outcome(), None);
    session.on_datagram(start, target(), &reply);
    assert!(session.outcome().is_some());
}
