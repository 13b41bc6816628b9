//! Any bytes as a captured packet: what is read lies inside them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::packet::{Packet, read};

fuzz_target!(|bytes: &[u8]| {
    if let Some(Packet::Flow { payload, ends }) = read(bytes) {
        assert!(payload <= bytes.len());
        assert_eq!(ends.from.is_ipv4(), ends.to.is_ipv4());
    }
});
