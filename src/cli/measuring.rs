//! How quality and bandwidth are measured, by flags and configuration file; a flag wins over the file.

use std::fmt::Display;

use crate::model::Length;
use crate::plan::Measuring;

use super::Unusable;
use super::args::{self, MeasureArgs};
use super::config::{Config, Words};

/// What all searches for capacity may use together, unless it is said otherwise.
const MAX_DATA: u64 = 100_000_000;

/// Merges flags and configuration.
///
/// # Errors
/// A value of the file that its flag would not take.
pub fn measuring(flags: &MeasureArgs, config: &Config) -> Result<Measuring, Unusable> {
    let defaults = Measuring::default();
    let exact = either(flags.duration, "duration", &config.duration, args::train)?;
    let most = either(flags.max_duration, "max-duration", &config.max_duration, args::longest_train)?;
    let length = match (exact, most, defaults.length) {
        (Some(time), ..) => Length::Exact(time),
        (None, Some(most), Length::Decided { least, .. }) => Length::Decided { least, most },
        (None, _, length) => length,
    };
    let capacity = flags.capacity || config.capacity == Some(true);
    let data = either(flags.max_data, "max-data", &config.max_data, args::bytes)?;
    Ok(Measuring {
        length,
        sessions: either(flags.sessions, "sessions", &config.sessions, within(1, 1000))?.unwrap_or(1),
        down_streams: either(flags.down_streams, "down-streams", &config.down_streams, within(1, 100))?.unwrap_or(1),
        dscp: either(flags.dscp, "dscp", &config.dscp, within(0, 63))?.unwrap_or(0),
        capacity: capacity.then(|| data.unwrap_or(MAX_DATA)),
    })
}

/// The flag's value, else the file's as the flag would take it.
fn either<T>(
    flag: Option<T>,
    key: &str,
    file: &Option<Words>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Unusable> {
    let Some(words) = file.as_ref().filter(|_| flag.is_none()) else { return Ok(flag) };
    read(&words.to_string()).map(Some).map_err(|e| Unusable(format!("{key} = {words} in the configuration file: {e}")))
}

/// A whole number between bounds.
fn within<T: TryFrom<u64> + Display>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let number = text.parse().ok().filter(|n: &u64| (least..=most).contains(n));
        number.and_then(|n| T::try_from(n).ok()).ok_or_else(|| format!("give a whole number from {least} to {most}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let read = |flags: MeasureArgs, file: &str| measuring(&flags, &toml::from_str(file).unwrap());
        let file = "duration = 2.5\nsessions = 3\nmax-data = \"5M\"\ncapacity = true\ndscp = \"46\"\n";
        let all = read(MeasureArgs::default(), file).unwrap();
        assert_eq!(all.length, Length::Exact(Duration::from_millis(2500)));
        assert_eq!((all.sessions, all.down_streams, all.dscp, all.capacity), (3, 1, 46, Some(5_000_000)));
        let flags = MeasureArgs { sessions: Some(7), max_data: Some(9), ..MeasureArgs::default() };
        let all = read(flags, file).unwrap();
        assert_eq!((all.sessions, all.capacity), (7, Some(9)));
        let flags = MeasureArgs { max_duration: Some(Duration::from_secs(60)), ..MeasureArgs::default() };
        let Length::Decided { least, most } = read(flags, "").unwrap().length else { panic!("exact") };
        assert_eq!((least.as_secs(), most.as_secs()), (4, 60));
        for (file, words) in [
            ("max-duration = 3", "at least 4"),
            ("sessions = 0", "from 1 to 1000"),
            ("dscp = 64", "from 0 to 63"),
            ("max-data = \"x\"", "such as 100M"),
        ] {
            let error = read(MeasureArgs::default(), file).unwrap_err().0;
            assert!(error.contains(words) && error.contains("configuration file"), "{error}");
        }
    }
}
