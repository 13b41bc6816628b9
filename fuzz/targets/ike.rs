//! Any datagram as an answer to IKE_SA_INIT and as a request of it: never both, and names stay short.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::ike::{Reading, asked, is_ike, notify_name, read, vendor_name};

fuzz_target!(|bytes: &[u8]| {
    let ours = bytes.first_chunk().copied().unwrap_or_default();
    let request = asked(bytes, b"key");
    match read(ours, bytes) {
        Reading::Answer(answer) => {
            assert!(request.is_none(), "a request was taken for an answer");
            let here = "192.0.2.1:500".parse().expect("an address");
            let _ = answer.nat(ours, here, here);
            assert!(answer.vendor_ids.iter().all(|id| vendor_name(id).len() <= 40));
            assert!(answer.notifications.iter().all(|kind| notify_name(*kind).len() <= 40));
        }
        Reading::Other | Reading::Foreign(_) => {}
    }
    assert!(request.is_none() || is_ike(bytes));
});
