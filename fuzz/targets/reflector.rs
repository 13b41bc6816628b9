//! Any datagram at the responder: at most one answer, no longer than the request or the bare answer, to nobody but the one
//! that asked and from nowhere but its own sockets, and an answer sent back gets none.
#![no_main]

use std::net::SocketAddr;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rtc_check::session::limits::AnswerLimits;
use rtc_check::session::reflector::{Alternate, Incoming, LONGEST, OwnSockets, Reflector};
use rtc_check::wire::ice::Ask;

fuzz_target!(|input: (bool, bool, bool, u16, &[u8])| {
    let (v6, restricted, discovery, port, datagram) = input;
    let (host, first, second) = match v6 {
        true => ("[2001:db8::7]", "[2001:db8::1]", "[2001:db8::2]"),
        false => ("192.0.2.7", "198.51.100.1", "198.51.100.2"),
    };
    let at = |host: &str, port: u16| format!("{host}:{port}").parse::<SocketAddr>().expect("an address");
    let (from, here) = (at(host, port), at(first, 19099));
    let sockets = [here, at(first, 19100), at(second, 19099), at(second, 19100)];
    let now = Instant::now();
    let key: Option<&[u8]> = restricted.then_some(b"key");
    let mut own = OwnSockets::default();
    sockets.iter().take(if discovery { 4 } else { 1 }).for_each(|s| own.insert(*s));
    let alternate = Alternate { second: vec![sockets[2].ip()], first: vec![here.ip()], ports: vec![19099] };
    let reflector =
        Reflector::new(AnswerLimits::default(), own, key, 1, now).with_alternate(alternate).with_ike([19099]);
    // Seeds have SIP's OPTIONS.
    let mut reflector = reflector.with_sip([19099]);
    // Seeds have checks of this session, rightly signed.
    let ask = Ask { ufrag: "them".to_owned() };
    reflector.ice.grant(&ask, &[19099], from.ip(), (1, 2), now).expect("a session");
    let mut answer = [0; LONGEST];
    let Ok(written) = reflector.handle(&Incoming::plain(now, from, here, datagram), &mut answer) else { return };
    let length = written.len;
    let bare: &[usize] = if v6 { &[44] } else { &[32, 44] };
    assert!(length <= datagram.len() || (!restricted && bare.contains(&length)), "{length} for {}", datagram.len());
    let (source, to) = written.ends.map_or((here, from), |e| (e.from, e.to));
    assert!(sockets.contains(&source) && to.ip() == from.ip() && to.port() >= 862, "{source} to {to}");
    let answered = answer;
    let again = reflector.handle(&Incoming::plain(now, to, source, &answered[..length]), &mut answer);
    assert!(again.is_err(), "an answer was answered");
    let mirrored = reflector.handle(&Incoming::plain(now, source, to, &answered[..length]), &mut answer);
    assert!(mirrored.is_err(), "an answer was answered");
});
