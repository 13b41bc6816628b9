//! Any datagrams at a relayed session, raw or as answers to what it asked last, and the same bytes as a stream: no panic,
//! it ends in time, sends to its server alone and asks for no more than it should; frames are never more than what came.
#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use rtc_check::model::schedule::Schedule;
use rtc_check::model::{Load, Media, Secret};
use rtc_check::session::Session;
use rtc_check::session::train::{Decision, Looks, Plan, Train, Via};
use rtc_check::session::turn::{Login, Outcome, Peer, Relay, Relayed, TurnPlan};
use rtc_check::wire::stun::Message;
use rtc_check::wire::turn::frames::{Framer, LONGEST, padding, read_channel_data};
use rtc_check::wire::turn::{Key, read, read_data};

/// When, whether as an answer to what was sent last (and which class), and the bytes, or what is laid over the answer.
type Event<'a> = (u16, u8, &'a [u8]);

fn server() -> SocketAddr {
    "192.0.2.7:3478".parse().expect("an address")
}

fn begin(start: Instant, mode: u8) -> Relayed<Train> {
    let login = Login { username: "alice".to_owned(), password: Secret::new("secret"), rest: false };
    let plan = TurnPlan {
        server: server(),
        stream: mode & 1 == 1,
        login: (mode & 2 == 0).then_some(login),
        peer: if mode & 4 == 0 { Peer::Itself } else { Peer::Address(server()) },
        relay_v6: mode & 8 != 0,
        schedule: Schedule::QUICK,
        secret: [7; 32],
    };
    let make = |relay: &Relay, now| {
        let looks = Looks {
            next: Box::new(|after| (after < Duration::from_secs(1)).then_some((Duration::from_secs(1), 1.96))),
            decide: Box::new(|_| Decision::Undecided),
        };
        let load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
        let via = Via::Echo { secret: [9; 32] };
        Train::new(Plan { target: relay.peer, load, via, dscp: 0, looks }, now, Duration::from_secs(1 << 30))
    };
    Relayed::new(plan, make, start)
}

/// What was sent last as a response of the class, bytes laid over its attributes, or data sent back.
fn answer(last: &[u8], how: u8, over: &[u8]) -> Vec<u8> {
    let mut bytes = last.to_vec();
    if let [first, second, ..] = bytes.as_mut_slice() {
        if *first & 0xC0 == 0 {
            (*first, *second) = (*first | 1, *second & !0x10 | (how & 0x10));
        }
    }
    // The length may be shorter than the request, the attributes any.
    if how & 0x20 != 0 && bytes.len() > 20 {
        bytes.truncate(20);
        bytes.extend_from_slice(over);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let length = u16::try_from(bytes.len() - 20).unwrap_or(0);
        if let Some(field) = bytes.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        return bytes;
    }
    bytes.iter_mut().skip(20).zip(over).for_each(|(to, from)| *to ^= from);
    bytes
}

fn run(mode: u8, events: &[Event<'_>]) -> (Outcome, Duration) {
    let start = Instant::now();
    let mut relayed = begin(start, mode);
    let (mut now, mut events) = (start, events.iter());
    let (mut buf, mut last) = ([0; 2048], Vec::new());
    for _ in 0..100_000 {
        while let Some(transmit) = relayed.poll_transmit(now, &mut buf) {
            assert_eq!(transmit.to, server());
            last = buf[..transmit.len].to_vec();
        }
        let Some(wake) = relayed.wake() else { return (relayed.finish(now).0, now - start) };
        match events.next() {
            Some((wait, how, bytes)) => {
                now += Duration::from_millis(u64::from(*wait) % 1000);
                let datagram = if how & 1 == 1 { answer(&last, *how, bytes) } else { bytes.to_vec() };
                relayed.on_datagram(now, server(), &datagram);
            }
            None => now = now.max(wake),
        }
    }
    panic!("the session never ends");
}

/// The bytes as a stream, cut into pieces.
fn frames(stream: &[u8], cut: usize) {
    let (mut framer, mut whole) = (Framer::new(), 0);
    for piece in stream.chunks(cut.max(1)) {
        framer.push(piece);
        while let Ok(Some(frame)) = framer.next_frame() {
            whole += frame.len() + padding(frame).len();
            let _ = read_channel_data(frame);
        }
        assert!(framer.pending() <= LONGEST + cut.max(1));
    }
    assert!(whole <= stream.len());
}

fuzz_target!(|input: (u8, Vec<Event<'_>>)| {
    let (mode, events) = &input;
    let (outcome, took) = run(*mode, events);
    assert!(outcome.requests < 400 && outcome.steps.len() < 12, "{outcome:?}");
    assert!(took < Duration::from_secs(60 + events.len() as u64), "{took:?}");
    let key = Key::long_term("alice", b"example.org", "secret").expect("a key");
    for (_, _, bytes) in events {
        let _ = read(bytes, Some(&key));
        let _ = Message::read(bytes).map(|message| read_data(&message).is_some());
        frames(bytes, usize::from(*mode));
    }
});
