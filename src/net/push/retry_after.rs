//! `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date.

use std::time::Duration;

/// No longer wish is told apart from this one.
const LONGEST: u64 = 10 * 86_400;

/// How long the receiver asks to be left alone; `now` is the time since 1970. `None` for what is neither a number nor a date.
pub fn retry_after(text: &str, now: Duration) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse::<u64>().unwrap_or(LONGEST).min(LONGEST)));
    }
    // As long as a date can be.
    let date = Some(text).filter(|text| text.len() <= 64).and_then(|text| jiff::fmt::rfc2822::parse(text).ok())?;
    let at = u64::try_from(date.timestamp().as_second()).ok()?;
    Some(Duration::from_secs(at.min(now.as_secs() + LONGEST)).saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_not() {
        let now = Duration::from_secs(784_111_777);
        for (text, want) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(LONGEST)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(text, now).map(|d| d.as_secs()), want, "{text}");
        }
    }
}
