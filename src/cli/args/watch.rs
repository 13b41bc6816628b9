//! The flags of `watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::CheckArgs;

/// The same test again and again.
#[derive(Args, Debug, Default)]
pub struct WatchArgs {
    /// From the beginning of one run to that of the next; one that takes longer is followed at once
    #[arg(short, long, value_name = "TIME", env = "RTC_CHECK_INTERVAL", default_value = "60s", value_parser = interval)]
    pub interval: Duration,
    /// End after so many runs
    #[arg(long, value_name = "N", env = "RTC_CHECK_RUNS", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// End at the first run that passes (warnings allowed), or fails
    #[arg(long, value_enum, env = "RTC_CHECK_UNTIL")]
    pub until: Option<Until>,
    /// Append the JSON report of each run to this file, a line each; what it has already is shown
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_LOG")]
    pub log: Option<PathBuf>,
    /// Move the log aside as FILE.1 when it grows larger
    #[arg(long, value_name = "BYTES[k|M|G]", env = "RTC_CHECK_LOG_SIZE", default_value = "10M", value_parser = log_size)]
    pub log_size: u64,
    /// Keep so many logs that were moved aside
    #[arg(long, value_name = "N", env = "RTC_CHECK_LOG_FILES", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub log_files: u32,
    /// Print lines, as where stdout is no terminal, and draw nothing
    #[arg(long, env = "RTC_CHECK_PLAIN", value_parser = BoolishValueParser::new())]
    pub plain: bool,
    #[command(flatten)]
    pub check: CheckArgs,
}

/// What ends the watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Until {
    Pass,
    Fail,
}

/// `30`, `60s`, `5m`, `1h`, `500ms`: from a tenth of a second to a week.
fn interval(text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("min", 60.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];
    let found = units.iter().find_map(|(unit, secs)| text.strip_suffix(unit).map(|number| (number, *secs)));
    let (number, secs) = found.unwrap_or((text, 1.0));
    match number.trim().parse::<f64>().map(|n| n * secs) {
        Ok(secs) if (0.1..=604_800.0).contains(&secs) => Ok(Duration::from_secs_f64(secs)),
        _ => Err("give a time from 100ms to 7d, such as 60s, 5m or 1h".to_owned()),
    }
}

/// At least a thousand bytes.
fn log_size(text: &str) -> Result<u64, String> {
    let units = [('k', 1_000u64), ('K', 1_000), ('M', 1_000_000), ('G', 1_000_000_000)];
    let found = units.iter().find_map(|(unit, n)| text.strip_suffix(*unit).map(|digits| (digits, *n)));
    let (digits, unit) = found.unwrap_or((text, 1));
    let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    bytes.filter(|n| *n >= 1000).ok_or_else(|| "give at least 1k, such as 10M or 1G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        let times = ["30", "60s", "5m", "5min", "1h", "7d", "500ms", "1.5s"].map(|t| interval(t).unwrap().as_millis());
        assert_eq!(times, [30_000, 60_000, 300_000, 300_000, 3_600_000, 604_800_000, 500, 1500]);
        assert!(["", "0", "s", "99ms", "8d", "-1s", "NaN", "1e99", "60 x"].iter().all(|t| interval(t).is_err()));
        assert_eq!(["10M", "1k", "5000", "2G"].map(|t| log_size(t).unwrap()), [10_000_000, 1000, 5000, 2_000_000_000]);
        assert!(["", "999", "M", "99999999999999999999G"].iter().all(|t| log_size(t).is_err()));
    }
}
