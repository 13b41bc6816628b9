//! The clocks. Everyone else is given the time.

use std::time::{Duration, Instant, SystemTime};

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "the one place where the monotonic clock is read")]
pub fn now() -> Instant {
    Instant::now()
}

/// Wall-clock time; its display is RFC 3339 in UTC.
#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub fn utc() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Wall-clock time since 1970, for time stamps on the wire and the kernel's of datagrams; zero before.
#[expect(clippy::disallowed_methods, reason = "the one place where it is read as a number")]
pub fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A time as RFC 3339 in UTC, to the second.
pub fn rfc3339(time: &jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as `20261121T083000`, for ids and file names.
pub fn compact(time: &jiff::Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%S").to_string()
}
