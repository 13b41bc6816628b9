//! Any bytes as a SIP message, by itself or in a stream: read or refused; what is read keeps its bounds, and its answer is
//! SIP again and tells where it came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::sip::{Framed, LONGEST, Options, Start, Via, decode, framed, ok, reply};

fuzz_target!(|bytes: &[u8]| {
    if let Framed::Message(_, used) = framed(bytes) {
        assert!(used > 0 && used <= bytes.len());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Via::read(text);
    }
    let Ok(message) = decode(bytes) else { return };
    assert!(bytes.len() <= LONGEST);
    for name in ["via", "to", "from", "call-id", "cseq"] {
        assert!(message.header(name).is_some_and(|value| value.len() <= 256));
    }
    let ours = Options { host: "acd.example", random: "k3b9", agent: "fuzz" };
    let _ = message.answers(&ours);
    let source = "192.0.2.7:40000".parse().expect("an address");
    if let Some(answer) = reply(&message, source, "t", None) {
        let read = decode(answer.as_bytes()).expect("an answer is SIP");
        let via = read.via().expect("a Via that was read");
        assert!(
            via.received.is_none_or(|seen| seen == source.ip()) && via.rport.is_none_or(|port| port == source.port())
        );
    }
    if let Some(answer) = ok(&message, "t", "fuzz") {
        assert!(matches!(message.start, Start::Request { .. }));
        let read = decode(answer.as_bytes()).expect("an answer is SIP");
        assert!(matches!(read.start, Start::Response { status: 200, .. }));
    }
});
