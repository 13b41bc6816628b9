//! Any datagrams at a running train, raw or as replies to what it sent with fields of the fuzzer's choice: no panic, it
//! ends in time, what is kept is bounded, and no more is answered than was sent.
#![no_main]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use rtc_check::model::{Load, Media};
use rtc_check::session::Session;
use rtc_check::session::train::{Decision, Looks, Outcome, Plan, Stamp, Train, Via};
use rtc_check::stats;
use rtc_check::wire::stamp::{self, ClassOfService, Reply, Report, Timestamp};

/// When, whether raw, numbers and times for a reply, bytes for a raw datagram or to be laid over the reply.
type Event<'a> = (u16, bool, [u32; 8], [u64; 4], &'a [u8]);

const KEY: &[u8] = b"key";

fn target() -> SocketAddr {
    "192.0.2.7:19500".parse().expect("an address")
}

fn begin(start: Instant, mode: u8) -> Train {
    let length = Duration::from_secs(u64::from(mode >> 4) % 4 + 1);
    let next = move |after: Duration| {
        let at = after + Duration::from_millis(700);
        (after < length).then(|| (at.min(length), 2.5))
    };
    let decided = mode & 8 != 0;
    let decide = move |s: &stats::Summary| match decided && s.received % 3 == 1 {
        true => Decision::Decided,
        false => Decision::Undecided,
    };
    let via = match mode & 3 {
        0 => Via::Stun { credential: None, secret: [7; 32] },
        n => Via::Stamp(Stamp { ssid: 1, token: 2, key: (n == 2).then(|| KEY.to_vec()), report: n != 3 }),
    };
    let media = if mode & 4 == 0 { Media::Audio } else { Media::AudioVideo };
    let load = Load { media, up_kbps: 80.0, down_kbps: 80.0, sessions: 1, down_streams: 1 };
    let looks = Looks { next: Box::new(next), decide: Box::new(decide) };
    Train::new(Plan { target: target(), load, via, dscp: 46, looks }, start, Duration::from_secs(1 << 30))
}

/// A reply to `request`, its fields changed where the fuzzer's are not 0.
fn reply(request: &[u8], key: Option<&[u8]>, event: &Event<'_>) -> Option<Vec<u8>> {
    let (_, _, n, t, over) = event;
    let (read, _) = stamp::read_request(request, key).ok()?;
    let report = Report {
        token: t[3],
        query: n[7] & 1 == 1,
        unique: n[1],
        duplicates: n[2],
        reordered: n[3],
        overflow: n[4],
        highest: n[5],
        window: u128::from(t[2]) << 64 | u128::from(t[3]),
    };
    let reply = Reply {
        seq: n[0],
        sent: Timestamp(t[0]),
        error: read.error,
        ssid: read.ssid,
        received: Timestamp(t[1]),
        request_seq: if n[6] % 16 == 0 { n[6] } else { read.seq },
        request_sent: read.sent,
        request_error: read.error,
        ttl: n[7] as u8,
    };
    let mut out = vec![0; request.len()];
    stamp::write_reply(&mut out, &reply, request, Some(ClassOfService::default()), Some(&report), key)?;
    out.iter_mut().rev().zip(over.iter()).for_each(|(to, from)| *to ^= from);
    Some(out)
}

fn run(mode: u8, events: &[Event<'_>]) -> Outcome {
    let start = Instant::now();
    let mut train = begin(start, mode);
    let key = (mode & 3 == 2).then_some(KEY);
    let (mut now, mut events) = (start, events.iter());
    let (mut buf, mut last) = ([0; 2048], Vec::new());
    for _ in 0..100_000 {
        while let Some(transmit) = train.poll_transmit(now, &mut buf) {
            assert_eq!(transmit.to, target());
            last = buf[..transmit.len].to_vec();
        }
        let Some(wake) = train.wake() else { return train.finish(now) };
        match events.next() {
            Some(event) => {
                now += Duration::from_micros(u64::from(event.0));
                let bytes = if event.1 { Some(event.4.to_vec()) } else { reply(&last, key, event) };
                train.on_datagram(now, target(), &bytes.unwrap_or_default());
            }
            None => now = now.max(wake),
        }
    }
    panic!("the train never ends");
}

fuzz_target!(|input: (u8, Vec<Event<'_>>)| {
    let outcome = run(input.0, &input.1);
    let record = &outcome.record;
    assert!(outcome.took < Duration::from_secs(60), "{outcome:?}");
    assert!(record.replies.len() <= record.sent.len() * 4);
    assert!(record.replies.iter().all(|r| (r.request as usize) < record.sent.len()));
    assert!(
        record.far.as_ref().is_none_or(|f| f.unique as usize <= record.sent.len() && f.came.len() == record.sent.len())
    );
    let summary = stats::summarise(record, outcome.z);
    assert!(summary.received <= summary.sent);
});
