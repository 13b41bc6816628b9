//! How long the run of a scrape may take: what Prometheus says that it will wait, less what the answer needs. Knows no
//! clock.

use std::time::Duration;

/// The header in which Prometheus says how long it waits, in seconds.
pub const HEADER: &str = "x-prometheus-scrape-timeout-seconds";

/// Kept back of what the scraper waits, for judging, drawing and sending.
const KEPT_BACK: Duration = Duration::from_millis(500);

/// Where nobody says how long.
const OTHERWISE: Duration = Duration::from_secs(30);

/// Nobody may ask for longer.
pub const LONGEST: Duration = Duration::from_secs(300);

/// The budget of a run: the shorter of what the header leaves and what the query asks for.
///
/// # Errors
/// A header that is no time.
pub fn budget(header: Option<&str>, asked: Option<Duration>) -> Result<Duration, String> {
    let waits = header.map(|text| seconds(text).map_err(|e| format!("{HEADER}: {e}"))).transpose()?;
    // Where almost nothing is left, half of it is as good as any part.
    let left = waits.map(|waits| waits.saturating_sub(KEPT_BACK).max(waits / 2));
    Ok(left.into_iter().chain(asked).min().unwrap_or(OTHERWISE).min(LONGEST))
}

/// What is left of a budget when the run begins: the scraper has been waiting since its request came, through the login and
/// the planning, which take their time where many come at once.
pub fn left(budget: Duration, waited: Duration) -> Duration {
    budget.saturating_sub(waited)
}

/// Seconds with a fraction, more than 0.
///
/// # Errors
/// What is none, in a sentence.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let number: Option<f64> =
        Some(text.strip_suffix('s').unwrap_or(text)).filter(|t| t.len() <= 20).and_then(|t| t.parse().ok());
    match number {
        Some(s) if (0.001..=86_400.0).contains(&s) => Ok(Duration::from_secs_f64(s)),
        _ => Err("give seconds, more than 0, such as 10 or 2.5".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scraper_has_been_waiting_since_it_asked() {
        let ms = |budget, waited| left(Duration::from_millis(budget), Duration::from_millis(waited)).as_millis();
        assert_eq!([ms(9_500, 0), ms(9_500, 1_200), ms(1_000, 1_200)], [9_500, 8_300, 0]);
    }

    #[test]
    fn the_shorter_of_scraper_and_query_counts_and_something_is_kept_back() {
        let ms = |header, asked: Option<u64>| budget(header, asked.map(Duration::from_millis)).map(|d| d.as_millis());
        assert_eq!(ms(None, None), Ok(30_000));
        assert_eq!(ms(Some("10"), None), Ok(9_500));
        assert_eq!(ms(Some("10.000000"), Some(4_000)), Ok(4_000));
        assert_eq!(ms(Some("10"), Some(60_000)), Ok(9_500));
        assert_eq!(ms(None, Some(60_000)), Ok(60_000));
        assert_eq!(ms(Some("0.5"), None), Ok(250));
        assert_eq!(ms(Some("86400"), None), Ok(300_000));
        for wrong in ["", "-1", "0", "inf", "NaN", "1e9", "ten", "1 2", "000000000000000000000001"] {
            assert!(ms(Some(wrong), None).is_err_and(|e| e.starts_with(HEADER)), "{wrong}");
        }
    }
}
