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

/// Monotonic time as a number, which stands still while the machine sleeps.
pub fn monotonic() -> Duration {
    #[cfg(target_os = "linux")]
    if let Some(time) = counted(nix::time::ClockId::CLOCK_MONOTONIC) {
        return time;
    }
    since_first()
}

/// Monotonic time as a number, which counts sleep too where the system has such a clock.
pub fn boot() -> Duration {
    #[cfg(target_os = "linux")]
    if let Some(time) = counted(nix::time::ClockId::CLOCK_BOOTTIME) {
        return time;
    }
    since_first()
}

#[cfg(target_os = "linux")]
fn counted(clock: nix::time::ClockId) -> Option<Duration> {
    nix::time::clock_gettime(clock).ok().map(Duration::from)
}

/// Where a clock cannot be read as a number: since somebody first asked.
fn since_first() -> Duration {
    static FIRST: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    now().saturating_duration_since(*FIRST.get_or_init(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_counts_sleep_is_never_behind() {
        let (first, boot, later) = (monotonic(), boot(), monotonic());
        assert!(first <= boot && first <= later, "{first:?} {boot:?} {later:?}");
    }
}
