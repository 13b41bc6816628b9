//! Times as a person says them.

use std::time::Duration;

/// `800 ms`, `42 s`, `1 min 30 s`, `35 min`, `3 h`, `2 h 5 min`, `4 d 1 h`: two units at the most, the second only where
/// it says something.
pub fn span(time: Duration) -> String {
    let secs = time.as_secs();
    let two = |big: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{big} {unit}"),
        _ => format!("{big} {unit} {small} {smaller}"),
    };
    match secs {
        0 if time.is_zero() => "0 s".to_owned(),
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{secs} s"),
        60..600 => two(secs / 60, "min", secs % 60, "s"),
        600..3600 => format!("{} min", secs / 60),
        3600..86_400 => two(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_the_most() {
        let said = |secs| span(Duration::from_secs(secs));
        let times = [0, 42, 60, 90, 2100, 10_800, 7500, 350_000].map(said);
        assert_eq!(times, ["0 s", "42 s", "1 min", "1 min 30 s", "35 min", "3 h", "2 h 5 min", "4 d 1 h"]);
        assert_eq!(span(Duration::from_millis(800)), "800 ms");
    }
}
