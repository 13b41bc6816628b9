//! This machine's clock against that of an HTTP server.

use hyper::header::{AGE, DATE};

use super::Answer;
use crate::model::ClockError;
use crate::net::clock;

/// The difference as the Date header tells it (RFC 9110 section 6.6.1); `None` without one, and for what a cache kept.
pub(super) fn clock_error(answer: &Answer) -> Option<ClockError> {
    if answer.headers.get(&AGE).is_some_and(|age| age.as_bytes() != b"0") {
        return None;
    }
    let date = jiff::fmt::rfc2822::parse(answer.headers.get(&DATE)?.to_str().ok()?).ok()?.timestamp();
    // Whole seconds, cut off; and it was set at some time between the request and the answer.
    let span = (answer.first_byte.as_secs_f64() + 1.0) / 2.0;
    let round = |seconds: f64| (seconds * 10.0).round() / 10.0;
    let error_s = round(answer.wall.as_secs_f64() - date.as_second() as f64 - span);
    Some(ClockError { error_s, within_s: round(span), server_time: clock::rfc3339(&date) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::header::{HeaderMap, HeaderValue};

    use super::*;

    fn answer(date: &'static str, age: Option<&'static str>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static(date));
        if let Some(age) = age {
            headers.insert(AGE, HeaderValue::from_static(age));
        }
        // 784111777 is the time of RFC 9110's example.
        Answer { status: 200, headers, first_byte: Duration::ZERO, wall: Duration::from_secs(784_111_777 + 600) }
    }

    #[test]
    fn a_date_is_a_clock_unless_a_cache_kept_it() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let error = clock_error(&answer(date, None)).unwrap();
        assert_eq!((error.error_s, error.within_s), (599.5, 0.5));
        assert_eq!(error.server_time, "1994-11-06T08:49:37Z");
        assert!(clock_error(&answer(date, Some("0"))).is_some());
        assert!(clock_error(&answer(date, Some("3600"))).is_none());
        assert!(clock_error(&answer("yesterday", None)).is_none());
    }
}
