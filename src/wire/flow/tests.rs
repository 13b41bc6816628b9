use proptest::prelude::*;

use super::*;

fn series() -> impl Strategy<Value = Series> {
    any::<(u32, u16, u16)>().prop_map(|(interval_ns, len, burst)| Series { interval_ns, len, burst })
}

fn feedback() -> impl Strategy<Value = Feedback> {
    let counts = any::<(u32, u32, u32, u32, u32, u16, bool, u64, u64)>();
    let delays = any::<(i64, i64, i64, u32, u16, u16, u32, u32, u64)>();
    (counts, delays, [series(), series()]).prop_map(|(c, d, asked)| Feedback {
        number: c.0,
        sent: d.6,
        aside: d.7,
        aside_bytes: d.8,
        expected: c.1,
        received: c.2,
        duplicates: c.3,
        overflow: c.4,
        last_stage: c.5,
        stop: c.6,
        bytes: c.7,
        last_at: c.8,
        least_delay: d.0,
        mean_delay: d.1,
        last_delay: d.2,
        delays: d.3,
        asked_stage: d.4,
        asked_ms: d.5,
        asked,
    })
}

fn body() -> impl Strategy<Value = (Kind, Body)> {
    prop_oneof![
        Just((Kind::Hello, Body::Hello)),
        Just((Kind::Welcome, Body::Welcome)),
        any::<u32>().prop_map(|seq| (Kind::Data, Body::Data { seq })),
        feedback().prop_map(|f| (Kind::Feedback, Body::Feedback(f))),
        any::<u32>().prop_map(|number| (Kind::Ping, Body::Ping { number })),
        any::<(u32, u64)>().prop_map(|(number, echoed)| (Kind::Pong, Body::Pong { number, echoed })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        (kind, body) in body(),
        (stage, token, cookie, time) in any::<(u16, u64, u64, u64)>(),
        len in 0..=LONGEST,
    ) {
        let mut buf = [0xaa; LONGEST];
        let head = Head { kind, stage, token, cookie, time };
        let written = write(&mut buf, &head, &body, len).unwrap();
        prop_assert!(written >= len && written <= LONGEST);
        prop_assert_eq!(read(&buf[..written]), Some((head, body)));
        prop_assert!(is_flow(&buf));
        // A shorter one than its kind needs is nothing.
        let least = write(&mut buf, &head, &body, 0).unwrap();
        prop_assert_eq!(read(&buf[..least - 1]).filter(|_| kind != Kind::Welcome || least > HEAD_LEN), None);
        prop_assert_eq!(write(&mut buf[..least - 1], &head, &body, 0), None);
    }

    #[test]
    fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let mut ours = [&MAGIC[..], &[VERSION]].concat();
        ours.extend(&bytes);
        let _ = read(&ours);
    }
}

#[test]
fn lengths_are_what_their_names_say() {
    let mut buf = [0; LONGEST];
    let mut len =
        |kind, body| write(&mut buf, &Head { kind, stage: 0, token: 1, cookie: 2, time: 3 }, &body, 0).unwrap();
    assert_eq!(len(Kind::Hello, Body::Hello), HELLO_LEN);
    assert!(len(Kind::Welcome, Body::Welcome) < HELLO_LEN);
    assert_eq!(len(Kind::Data, Body::Data { seq: 1 }), DATA_LEN);
    assert_eq!(len(Kind::Ping, Body::Ping { number: 1 }), PING_LEN);
    assert_eq!(len(Kind::Pong, Body::Pong { number: 1, echoed: 1 }), PING_LEN);
    assert_eq!(len(Kind::Feedback, Body::Feedback(Feedback::default())), FEEDBACK_LEN);
}

#[test]
fn it_is_no_stun_message() {
    assert_eq!(MAGIC[0] & 0xc0, 0xc0);
}
