//! Any datagram as a STUN message: no accessor panics, and what is read is printable and within the datagram.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::stun::Message;

fuzz_target!(|datagram: &[u8]| {
    let Ok(message) = Message::read(datagram) else { return };
    let printable =
        |text: &str| assert!(text.len() <= datagram.len() * 3 && !text.chars().any(char::is_control), "{text:?}");
    assert!(message.size() <= datagram.len());
    let _ = (message.class(), message.method(), message.id(), message.well_formed(), message.has_unknown_required(&[]));
    let _ = (message.change_request(), message.response_port(), message.other_address(), message.response_origin());
    let _ = (message.mapped_address(), message.username(), message.responder(), message.fingerprint_ok());
    let _ = message.integrity_sha256_ok(b"key");
    message.software().inspect(|s| printable(s));
    message.error_code().inspect(|(_, reason)| printable(reason));
});
