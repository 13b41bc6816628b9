//! Any messages, in any order and at any time, as what a Janus Gateway says: the codec takes or refuses them, and the
//! signalling machine stays bounded, answers an offer once at most, and can always leave.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use rtc_check::session::janus::{Credentials, Happening, PATIENCE, Signalling};
use rtc_check::wire::janus::{Candidate, LONGEST, MOST_MESSAGES, decode};

/// Transactions of the machine that is driven here are known to whoever feeds it: `000000000000abcd1` and up.
const SECRET: u64 = 0xabcd;

fuzz_target!(|input: (u16, &[u8])| {
    let (pace, bytes) = input;
    let whole = decode(bytes);
    assert!(bytes.len() <= LONGEST || whole.is_err());
    assert!(whole.map_or(0, |messages| messages.len()) <= MOST_MESSAGES);
    let mut now = Instant::now();
    let mut machine = Signalling::new(Credentials::default(), SECRET, now);
    let (mut answers, mut sent) = (0, 0);
    for line in bytes.split(|b| *b == b'\n') {
        machine.on_message(now, line);
        now += Duration::from_millis(u64::from(pace) % 4000);
        machine.on_time(now);
        machine.call(now);
        machine.offer("v=0\r\n", now);
        machine.candidate(Some(&Candidate::default()));
        while let Some(happening) = machine.poll_happening() {
            answers += usize::from(matches!(happening, Happening::Answer(_)));
        }
        while let Some(request) = machine.poll_transmit() {
            assert_eq!(decode(request.text.as_bytes()).map(|m| m.len()), Ok(1));
            sent += 1;
        }
    }
    assert!(answers <= 1);
    assert!(sent <= 4 + 2 * bytes.len(), "{sent} requests to {} bytes", bytes.len());
    machine.leave(now);
    machine.on_time(now + PATIENCE);
    assert_eq!(machine.wake(), None, "it has left");
});
