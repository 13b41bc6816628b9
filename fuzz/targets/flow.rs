//! Any datagram as one of a flow: nothing panics, and what is read is written back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::flow::{LONGEST, is_flow, read, write};

fuzz_target!(|bytes: &[u8]| {
    let Some((head, body)) = read(bytes) else { return };
    assert!(is_flow(bytes));
    let mut buf = [0; LONGEST];
    let Some(len) = write(&mut buf, &head, &body, bytes.len().min(LONGEST)) else { panic!("it was read") };
    assert_eq!(read(&buf[..len]), Some((head, body)));
});
