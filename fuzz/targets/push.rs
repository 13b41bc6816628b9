//! Any bytes as what a receiver of reports answers: `Retry-After`, and a partial success of OTLP; words stay short
//! and obey nothing.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use rtc_check::net::push::{Destination, retry_after};
use rtc_check::report::otlp::{Parent, rejected};

fuzz_target!(|bytes: &[u8]| {
    let fits = |text: &str| text.chars().count() <= 1001 && !text.chars().any(char::is_control);
    assert!(rejected(bytes).is_none_or(|r| fits(&r.message)));
    let text = String::from_utf8_lossy(bytes);
    let now = Duration::from_secs(1_700_000_000);
    assert!(retry_after(&text, now).is_none_or(|wait| wait.as_secs() <= 10 * 86_400));
    if let Ok(there) = Destination::read(&text) {
        assert!(there.path().starts_with('/') && !there.below("v1/traces").path().is_empty());
    }
    let _ = Parent::read(&text, &text);
});
