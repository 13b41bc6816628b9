//! Any bytes as what an RTMP server sends: its handshake, then chunks, whose cutting makes no difference, then values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::rtmp::Answer;
use rtc_check::wire::rtmp::amf0;
use rtc_check::wire::rtmp::chunk::{Broken, MOST_BYTES, Message, Reader};
use rtc_check::wire::rtmp::handshake::{Hello, RANDOM};

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

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let _ = Hello::new([1; RANDOM]).read(bytes);
    if let Ok(values) = amf0::decode(bytes) {
        // What was read, but for a NaN, is written and read alike.
        let again = amf0::decode(&amf0::encode(&values)).expect("what is written is read");
        assert_eq!(again.len(), values.len());
    }
    let read = messages(bytes, usize::from(step) + 1);
    assert_eq!(read, messages(bytes, bytes.len().max(1)));
    let found = read.unwrap_or_default();
    assert!(found.iter().map(|m| m.payload.len()).sum::<usize>() <= MOST_BYTES);
    for message in &found {
        let _ = Answer::read(message);
    }
});
