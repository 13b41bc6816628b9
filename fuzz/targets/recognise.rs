//! Any answer as what a web server sends: recognised or not, and never by what only a longer body would show.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::recognise::{LOOKED_AT, Page, recognise};

fuzz_target!(|input: (u16, Vec<(String, String)>, &[u8])| {
    let (status, headers, body) = input;
    let seen = recognise(Page { status, headers: &headers, body });
    let bounded = body.get(..LOOKED_AT).unwrap_or(body);
    assert_eq!(seen, recognise(Page { status, headers: &headers, body: bounded }));
});
