//! Any datagram at the responder: at most one answer, no longer than the request or the bare answer, and an answer sent
//! back gets none.
#![no_main]

use std::net::SocketAddr;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rtc_check::session::limits::AnswerLimits;
use rtc_check::session::reflector::{Incoming, LONGEST, OwnSockets, Reflector};

fuzz_target!(|input: (bool, bool, u16, &[u8])| {
    let (v6, restricted, port, datagram) = input;
    let (host, here) = if v6 { ("[2001:db8::7]", "[2001:db8::1]:19099") } else { ("192.0.2.7", "198.51.100.1:19099") };
    let from: SocketAddr = format!("{host}:{port}").parse().expect("an address");
    let here: SocketAddr = here.parse().expect("an address");
    let now = Instant::now();
    let key: Option<&[u8]> = restricted.then_some(b"key");
    let mut own = OwnSockets::default();
    own.insert(here);
    let mut reflector = Reflector::new(AnswerLimits::default(), own, key, 1, now);
    let mut answer = [0; LONGEST];
    let Ok(written) = reflector.handle(&Incoming::plain(now, from, here, datagram), &mut answer) else { return };
    let length = written.len;
    let bare = if v6 { 44 } else { 32 };
    assert!(length <= datagram.len() || (!restricted && length == bare), "{length} for {}", datagram.len());
    let answered = answer;
    let again = reflector.handle(&Incoming::plain(now, from, here, &answered[..length]), &mut answer);
    assert!(again.is_err(), "an answer was answered");
});
