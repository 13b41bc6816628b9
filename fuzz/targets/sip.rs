//! Any bytes as a SIP message: read or refused; what is read keeps its bounds, and its answer is SIP again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::sip::{LONGEST, Options, Start, decode, ok};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = decode(bytes) else { return };
    assert!(bytes.len() <= LONGEST);
    for name in ["via", "to", "from", "call-id", "cseq"] {
        assert!(message.header(name).is_some_and(|value| value.len() <= 256));
    }
    let ours = Options { host: "acd.example", random: "k3b9", agent: "fuzz" };
    let _ = message.answers(&ours);
    if let Some(answer) = ok(&message, "t", "fuzz") {
        assert!(matches!(message.start, Start::Request { .. }));
        let read = decode(answer.as_bytes()).expect("an answer is SIP");
        assert!(matches!(read.start, Start::Response { status: 200, .. }));
    }
});
