//! Any bytes as what an SSH server sends first; what was decided stays decided when more arrives.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::ssh::{MAX_IDENTIFICATION, Reading, read_identification};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let early = read_identification(&bytes[..usize::from(cut).min(bytes.len())]);
    let whole = read_identification(bytes);
    if let Reading::Identification(line) = &whole {
        assert!(line.starts_with("SSH-") && line.chars().count() <= MAX_IDENTIFICATION);
    }
    if matches!(early, Reading::Identification(_)) {
        assert_eq!(early, whole);
    }
});
