//! SOCKS5's answers: whatever comes, the next read is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::socks::{self, Read};

fuzz_target!(|data: &[u8]| {
    let _ = (socks::method(data), socks::login_answer(data));
    let mut taken = 0;
    while let Read::More(missing) = socks::reply(data.get(..taken).unwrap_or(data)) {
        taken += missing;
        assert!(missing > 0 && taken <= socks::LONGEST);
        if taken > data.len() {
            break;
        }
    }
    let _ = socks::reply(data);
});
