//! The one reading of the monotonic clock; everything else is told the time.

use std::time::Instant;

/// This moment.
#[expect(clippy::disallowed_methods, reason = "the one place in net that reads the monotonic clock")]
pub fn now() -> Instant {
    Instant::now()
}
