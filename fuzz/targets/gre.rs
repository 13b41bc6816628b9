//! Any packet at one who knocks with GRE: it ends at the most once, and only what bears our token is our keepalive.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rtc_check::model::schedule::Schedule;
use rtc_check::session::Session;
use rtc_check::session::gre::{Ending, Knock};
use rtc_check::wire::gre;

const TOKEN: u32 = u32::from_be_bytes(*b"tokn");

fuzz_target!(|bytes: &[u8]| {
    let now = Instant::now();
    let peer = "198.51.100.10:0".parse::<std::net::SocketAddr>().expect("an address");
    let us = "192.0.2.2".parse().expect("an address");
    let mut knock = Knock::new(now, peer.ip(), us, TOKEN, Schedule::QUICK);
    let mut buf = [0; 128];
    while knock.poll_transmit(now, &mut buf).is_some() {}
    let _ = knock.is_ours(bytes);
    let payload = gre::behind_ipv4(bytes).unwrap_or(bytes);
    let header = gre::read(payload);
    knock.on_datagram(now, peer, payload);
    let seen = knock.finish();
    match seen.ending {
        Some(Ending::Keepalive(_)) => assert_eq!(header.and_then(|h| h.key), Some(TOKEN)),
        ending => assert!(ending.is_none() && seen.heard + seen.returned == u32::from(header.is_some())),
    }
});
