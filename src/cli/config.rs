//! `rtc-check.toml`: what a flag does not say. Found in the working directory, then in the user's configuration
//! directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::RuleId;
use crate::plan::Waiver;

/// The longest configuration file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The file's content; absent keys leave the flag's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    pub profile: Option<String>,
    #[serde(default)]
    pub from: Vec<String>,
    #[serde(default)]
    pub targets: BTreeMap<String, Hosts>,
    #[serde(default)]
    pub options: BTreeMap<String, bool>,
    #[serde(default)]
    pub ports: BTreeMap<String, Port>,
    #[serde(default)]
    pub only: Vec<String>,
    #[serde(default)]
    pub skip: Vec<String>,
    #[serde(default)]
    pub allow_unknown: Vec<String>,
    #[serde(default)]
    pub ca: Vec<PathBuf>,
    #[serde(default)]
    pub dns: Vec<String>,
    #[serde(default)]
    pub portal: Vec<String>,
    #[serde(default)]
    pub waive: Vec<Waive>,
    pub strict: Option<bool>,
    pub duration: Option<Words>,
    pub max_duration: Option<Words>,
    pub sessions: Option<Words>,
    pub down_streams: Option<Words>,
    pub dscp: Option<Words>,
    pub capacity: Option<bool>,
    pub max_data: Option<Words>,
    #[serde(default)]
    pub stun: Vec<String>,
    #[serde(default)]
    pub turn: Vec<String>,
    pub proxy: Option<String>,
    #[serde(default)]
    pub pin: Vec<String>,
    #[serde(default)]
    pub control: Vec<String>,
    pub no_proxy: Option<String>,
    pub nat_lifetime: Option<Words>,
    pub call: Option<bool>,
    pub upload: Option<String>,
    pub upload_method: Option<String>,
    pub otlp: Option<String>,
    /// Where it was read from.
    #[serde(skip)]
    pub path: Option<PathBuf>,
}

/// One host or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a host such as \"rtc.example.com\" or a list of hosts; other keys belong above the table"
)]
pub enum Hosts {
    One(String),
    Many(Vec<String>),
}

/// A port, or a range as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "a port or a range; write the rule in quotes: \"rtc.gateway\" = 8990 or \"rtc.media\" = \"20000-20499\""
)]
pub enum Port {
    One(u16),
    Text(String),
}

/// A number, or text as its flag takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or text as the flag of this name takes it")]
pub enum Words {
    Whole(u64),
    Number(f64),
    Text(String),
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Words::Whole(n) => n.fmt(f),
            Words::Number(n) => n.fmt(f),
            Words::Text(text) => text.fmt(f),
        }
    }
}

/// One `[[waive]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waive {
    pub rule: String,
    pub reason: String,
    pub until: Until,
}

/// A day, as a TOML date or as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a day such as 2026-12-31")]
pub enum Until {
    Date(toml::value::Datetime),
    Text(String),
}

impl Waive {
    /// # Errors
    /// An empty reason, or an `until` that is no day.
    pub fn waiver(&self, file: &str) -> Result<Waiver, String> {
        let text = match &self.until {
            Until::Date(date) => date.to_string(),
            Until::Text(text) => text.clone(),
        };
        if self.reason.trim().is_empty() {
            return Err(format!("{file}: the waiver of `{}` gives no reason", self.rule));
        }
        let until = text.parse().map_err(|e| format!("{file}: the waiver of `{}`: until: {e}", self.rule))?;
        let (rule, reason) = (RuleId::from(self.rule.as_str()), self.reason.clone());
        Ok(Waiver { rule, reason, until, file: file.to_owned() })
    }
}

/// Reads the file that was named, or the first that is found; none is an empty configuration.
///
/// # Errors
/// A file that cannot be read or is wrong, with its place.
pub fn read(named: Option<&Path>, home: &[PathBuf]) -> Result<Config, String> {
    let found = match named {
        Some(path) => Some(path.to_path_buf()),
        None => home.iter().map(|d| d.join("rtc-check.toml")).find(|p| p.is_file()),
    };
    let Some(path) = found else { return Ok(Config::default()) };
    let text = super::files::read_text(&path, MAX_BYTES)?;
    let mut config: Config = toml::from_str(&text).map_err(|e| wrong(&path, &text, &e))?;
    let base = path.parent().unwrap_or(Path::new(""));
    config.ca.iter_mut().for_each(|ca| *ca = base.join(&*ca));
    config.path = Some(path);
    Ok(config)
}

/// Words in keys of what is a secret.
const SECRET: [&str; 4] = ["password", "secret", "token", "username"];

/// What is wrong and where, with the line that it is in unless that may be a secret.
fn wrong(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let place = place(path, text, error);
    if SECRET.iter().any(|word| text.to_ascii_lowercase().contains(word)) {
        return format!(
            "{place}{}\nsecrets are not read from here but from the environment, such as RTC_CHECK_TURN_PASSWORD; `rtc-check --help` names them all",
            error.message()
        );
    }
    format!("{place}{}", error.to_string().trim_end())
}

/// `FILE:LINE:COLUMN: `, counted from 1.
fn place(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|s| text.get(..s.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    format!("{}:{line}:{column}: ", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_needs_a_day_and_a_reason() {
        let config: Config = toml::from_str(
            "[[waive]]\nrule = \"rtc.media\"\nreason = \"IPv4-only runner\"\nuntil = 2027-01-31\n\
             [[waive]]\nrule = \"rtc.http\"\nreason = \" \"\nuntil = \"2027-01-31\"\n\
             [[waive]]\nrule = \"rtc.https\"\nreason = \"x\"\nuntil = \"soon\"\n",
        )
        .unwrap();
        let waivers: Vec<_> = config.waive.iter().map(|w| w.waiver("c.toml")).collect();
        assert_eq!(waivers[0].as_ref().unwrap().until.to_string(), "2027-01-31");
        assert!(waivers[1].as_ref().unwrap_err().contains("no reason"));
        assert!(waivers[2].as_ref().unwrap_err().contains("soon"));
    }
}
