use proptest::prelude::*;

use super::chunk::{Broken, MOST_BYTES, Message, Reader};
use super::handshake::{Hello, PACKET, RANDOM, Reading};
use super::*;

/// Every message in `bytes`, which are handed over `step` more at a time.
fn messages(bytes: &[u8], step: usize) -> Result<Vec<Message>, Broken> {
    let (mut reader, mut found, mut at, mut end) = (Reader::default(), Vec::new(), 0, 0);
    loop {
        match reader.next(&bytes[at..end])? {
            Some((message, used)) => {
                found.extend(message);
                at += used;
            }
            None if end == bytes.len() => return Ok(found),
            None => end = (end + step).min(bytes.len()),
        }
    }
}

fn hello() -> Hello {
    Hello::new(std::array::from_fn(|n| (n % 251) as u8))
}

#[test]
fn a_server_that_echoes_and_one_that_does_not() {
    let hello = hello();
    let sent = hello.encode();
    assert_eq!((sent.len(), sent[0], &sent[1..9]), (1537, 3, &[0; 8][..]));
    let said = [&[3, 0, 0, 1, 2, 13, 14, 10, 13][..], &[7; RANDOM], b"more"].concat();
    assert_eq!(hello.read(&said[..1536]), Reading::More);
    let Reading::Greeting(greeting, used) = hello.read(&said) else { panic!("no greeting") };
    assert_eq!((used, greeting.answer().len()), (1537, PACKET));
    assert!(!hello.is_repeated_by(&greeting));
    assert_eq!(greeting.answer()[..10], [0, 0, 1, 2, 0, 0, 0, 0, 7, 7]);
    let mut s2 = sent[1..].to_vec();
    assert_eq!(hello.echoed(&s2[..1535]), None);
    s2[5] = 9;
    assert_eq!(hello.echoed(&s2), Some(true), "the time at which C1 was read is the server's");
    s2[100] ^= 1;
    assert_eq!(hello.echoed(&s2), Some(false));
}

#[test]
fn another_version_and_our_own_words_are_told_apart() {
    let hello = hello();
    assert_eq!(hello.read(b""), Reading::More);
    assert_eq!(hello.read(&[6]), Reading::Version(6));
    let Reading::Greeting(echo, _) = hello.read(&hello.encode()) else { panic!("no greeting") };
    assert!(hello.is_repeated_by(&echo));
}

#[test]
fn connect_is_an_amf0_command_in_chunks_of_128_bytes() {
    let sent = Connect { app: "live", url: "rtmp://media.example/live", agent: "rtc-check/0" }.encode();
    assert_eq!(sent[..4], [3, 0, 0, 0]);
    assert_eq!((sent[7], sent[12 + 128]), (COMMAND_AMF0, 0xC3));
    assert_eq!(sent[12..22], [&[2, 0, 7][..], b"connect"].concat());
    let values = amf0::decode(&messages(&sent, 1000).unwrap()[0].payload).unwrap();
    assert_eq!((values[0].text(), values[1].number()), (Some("connect"), Some(1.0)));
    assert_eq!(values[2].member("app").and_then(Value::text), Some("live"));
    assert_eq!(values[2].member("tcUrl").and_then(Value::text), Some("rtmp://media.example/live"));
    assert_eq!(values[2].member("flashVer").and_then(Value::text), Some("LNX rtc-check/0"));
    assert_eq!(values[2].member("objectEncoding").and_then(Value::number), Some(0.0));
}

/// A command as a server sends it.
fn command(kind: u8, name: &str, transaction: f64, objects: &[&[(&str, Value)]]) -> Message {
    let object = |members: &&[(&str, Value)]| {
        Value::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let mut values = vec![Value::String(name.to_owned()), Value::Number(transaction)];
    values.extend(objects.iter().map(object));
    let mut payload = amf0::encode(&values);
    if kind == COMMAND_AMF3 {
        payload.insert(0, 0);
    }
    Message { kind, timestamp: 0, payload }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[test]
fn answers_to_connect_are_read() {
    let server = [("fmsVer", text("FMS/3,0,1,123")), ("capabilities", Value::Number(31.0))];
    let success = [("code", text("NetConnection.Connect.Success")), ("description", text("Connection succeeded."))];
    let rejected = [("code", text("NetConnection.Connect.Rejected")), ("description", text("no application"))];
    for kind in [COMMAND_AMF0, COMMAND_AMF3] {
        let answer = Answer::read(&command(kind, "_result", 1.0, &[&server, &success])).unwrap();
        assert!(answer.accepted);
        assert_eq!((answer.server.as_deref(), answer.capabilities), (Some("FMS/3,0,1,123"), Some(31.0)));
        assert_eq!(answer.code.as_deref(), Some("NetConnection.Connect.Success"));
    }
    let answer = Answer::read(&command(COMMAND_AMF0, "_error", 1.0, &[&[], &rejected])).unwrap();
    assert!(!answer.accepted && answer.description.as_deref() == Some("no application"));
    let answer = Answer::read(&command(COMMAND_AMF0, "onStatus", 0.0, &[&rejected])).unwrap();
    assert!(!answer.accepted && answer.code.as_deref() == Some("NetConnection.Connect.Rejected"));
}

#[test]
fn what_a_responder_says_is_an_answer() {
    let connect = Connect { app: "live", url: "rtmp://media.example/live", agent: "rtc-check/0" }.encode();
    assert!(asks_to_connect(&messages(&connect, 100).unwrap()[0]));
    let said = messages(&accept("rtc-check/1"), 100).unwrap();
    assert!(!asks_to_connect(&said[0]));
    let answer = Answer::read(&said[0]).unwrap();
    assert_eq!((answer.accepted, answer.server.as_deref()), (true, Some("rtc-check/1")));
}

#[test]
fn messages_about_something_else_are_no_answer() {
    let started = [("code", text("NetStream.Play.Start"))];
    assert_eq!(Answer::read(&command(COMMAND_AMF0, "onStatus", 0.0, &[&started])), None);
    assert_eq!(Answer::read(&command(COMMAND_AMF0, "_result", 2.0, &[])), None);
    assert_eq!(Answer::read(&command(COMMAND_AMF0, "onBWDone", 0.0, &[])), None);
    assert_eq!(Answer::read(&Message { kind: 5, timestamp: 0, payload: vec![0, 38, 37, 160] }), None);
    assert_eq!(Answer::read(&Message { kind: COMMAND_AMF0, timestamp: 0, payload: vec![2, 0, 9] }), None);
}

#[test]
fn every_form_of_header_is_read() {
    let bytes = [
        // Control on stream 2: chunks of 4 bytes from here on.
        &[0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 4][..],
        // Stream 64+5 in the form of two bytes, time beyond three bytes, a message of six bytes.
        &[0x00, 5, 0xFF, 0xFF, 0xFF, 0, 0, 6, 9, 1, 0, 0, 0, 1, 0, 0, 0, b'a', b'b', b'c', b'd'],
        // Stream 64+1+256 in the form of three bytes, between the two halves of the other.
        &[0x01, 1, 1, 0, 0, 7, 0, 0, 2, 8, 0, 0, 0, 0, b'x', b'y'],
        &[0xC0, 5, 1, 0, 0, 0, b'e', b'f'],
        // The same length and kind with a delta, then the same again.
        &[0x81, 1, 1, 0, 0, 3, b'z', b'w', 0xC1, 1, 1, b'u', b'v'],
        // A delta, a length and a kind.
        &[0x41, 1, 1, 0, 0, 1, 0, 0, 1, 9, b'q'],
    ]
    .concat();
    let found = messages(&bytes, 1).unwrap();
    let said: Vec<_> = found.iter().map(|m| (m.kind, m.timestamp, m.payload.as_slice())).collect();
    let first = (1, 0, &[0, 0, 0, 4][..]);
    let long = (9, 0x0100_0000, &b"abcdef"[..]);
    let rest = [(8, 7, &b"xy"[..]), long, (8, 10, b"zw"), (8, 13, b"uv"), (9, 14, b"q")];
    assert_eq!(said, [&[first][..], &rest].concat());
}

#[test]
fn an_abort_ends_a_message_that_has_begun() {
    let bytes = [
        &[0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 4][..],
        &[0x03, 0, 0, 0, 0, 0, 5, 20, 0, 0, 0, 0, b'l', b'o', b's', b't'],
        &[0x02, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 3],
        &[0xC3, b'k', b'e', b'p', b't', 0xC3, b'!'],
    ]
    .concat();
    let found = messages(&bytes, 5).unwrap();
    assert_eq!(found.last().map(|m| m.payload.as_slice()), Some(&b"kept!"[..]));
}

#[test]
fn what_is_no_chunk_stream_or_too_much_of_one_is_refused() {
    assert_eq!(messages(b"HTTP/1.1 400 Bad Request\r\n", 100), Err(Broken::Malformed));
    assert_eq!(messages(&[0xC3, 1], 100), Err(Broken::Malformed), "refers to a header that was not sent");
    assert_eq!(messages(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0], 100), Err(Broken::Malformed), "size 0");
    let huge = [3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 20, 0, 0, 0, 0];
    assert_eq!(messages(&huge, 100), Err(Broken::TooLarge));
    let flood: Vec<u8> = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0].repeat(MOST_BYTES / 16 + 1);
    assert_eq!(messages(&flood, 4096), Err(Broken::TooLarge));
    let streams: Vec<u8> = (0..=64).flat_map(|n| [0, n, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]).collect();
    assert_eq!(messages(&streams, 4096), Err(Broken::Malformed));
}

#[test]
fn every_kind_of_value_is_read_and_its_bounds_hold() {
    let bytes = [
        &[0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 1, b's', 5, 6, 7, 0, 0][..],
        // An array with names whose count is wrong, a date, a long string, an object with a class.
        &[8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, b'n', 5, 0, 0, 9],
        &[10, 0, 0, 0, 1, 5, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 1, b'l', 16, 0, 1, b'c', 0, 0, 9],
    ]
    .concat();
    let (null, object) = (Value::Null, |members| Value::Object(members));
    let expected = [
        Value::Number(1.0),
        Value::Boolean(true),
        text("s"),
        null.clone(),
        null.clone(),
        null.clone(),
        object(vec![("n".to_owned(), null.clone())]),
        Value::Array(vec![null]),
        Value::Number(0.0),
        text("l"),
        object(vec![]),
    ];
    assert_eq!(amf0::decode(&bytes).as_deref(), Ok(&expected[..]));
    let deep = [10, 0, 0, 0, 1].repeat(5000);
    let endless = [&[10, 0xFF, 0xFF, 0xFF, 0xFF][..], &[5; 5000]].concat();
    for bytes in [&deep[..], &endless, &[2, 0, 9, b'x'], &[12, 0xFF, 0xFF, 0xFF, 0xFF], &[3, 0, 1, b'n'], &[99]] {
        assert_eq!(amf0::decode(bytes), Err(amf0::Malformed));
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<u32>().prop_map(|n| Value::Number(n.into())),
        any::<bool>().prop_map(Value::Boolean),
        ".{0,20}".prop_map(Value::String),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(("[a-z]{1,8}", inner.clone()), 0..4).prop_map(Value::Object),
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
        ]
    })
}

proptest! {
    #[test]
    fn values_are_read_back(values in proptest::collection::vec(values(), 0..6)) {
        prop_assert_eq!(amf0::decode(&amf0::encode(&values)), Ok(values));
    }

    #[test]
    fn messages_are_read_back_however_they_are_cut(payload in proptest::collection::vec(any::<u8>(), 1..900), step in 1usize..700) {
        let found = messages(&chunk::encode(COMMAND_AMF0, &payload), step).unwrap();
        prop_assert_eq!(found, [Message { kind: COMMAND_AMF0, timestamp: 0, payload }]);
    }

    #[test]
    fn no_bytes_panic_and_how_they_are_cut_makes_no_difference(bytes in proptest::collection::vec(any::<u8>(), 0..600), step in 1usize..50) {
        prop_assert_eq!(messages(&bytes, step), messages(&bytes, bytes.len().max(1)));
        let _ = amf0::decode(&bytes);
        let _ = hello().read(&bytes);
    }
}
