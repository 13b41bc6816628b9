//! Any bytes as what an FTP server says; what was decided stays decided when more arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::ftp::{Reading, read};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let early = read(&bytes[..usize::from(cut).min(bytes.len())]);
    let whole = read(bytes);
    if let Reading::Reply(reply, used) = &whole {
        assert!((100..600).contains(&reply.code) && *used <= bytes.len());
    }
    if matches!(early, Reading::Reply(..)) {
        assert_eq!(early, whole);
    }
});
