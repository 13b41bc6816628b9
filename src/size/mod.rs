//! For how many: the documents' tables of sizes, held against what somebody plans. Pure: tables in, figures out. Knows
//! profiles and their rows; knows no terminal, no network and no machine.

mod bandwidth;
mod notes;
mod recording;
mod server;
#[cfg(test)]
mod tests;

use crate::model::ToolInfo;
use crate::model::sizing::{Asked, ModeRow, PlatformRow, SIZING_SCHEMA, Sizes};
use crate::profile::{Mode, PlatformKind, PlatformNeed, Profile, Rate, Sizing};

/// More channels than this are a slip of the keyboard.
pub const MOST_CHANNELS: u32 = 1_000_000;
/// Ten years.
pub const MOST_DAYS: u32 = 3660;

/// Why there is no answer: a sentence each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    #[error("--channels {0}: give a number of calls at the same time from 1 to {MOST_CHANNELS}")]
    Channels(u32),
    #[error("--hours {0}: give the hours that each channel records on a day, from 0 to 24")]
    Hours(String),
    #[error("--days {0}: give the days that recordings are kept, from 1 to {MOST_DAYS}")]
    Days(u32),
    #[error("profile `{profile}` has no table of {table}: its document says nothing on sizes")]
    NoTable { profile: String, table: &'static str },
    #[error("no mode `{mode}` in profile `{profile}`: give one of {}", known.join(", "))]
    Mode { profile: String, mode: String, known: Vec<String> },
}

/// Machines, bandwidth and storage for what is `asked`.
///
/// # Errors
/// A number beyond its bounds, a mode that the profile has not, or a profile without tables of sizes.
pub fn size(profile: &Profile, asked: Asked, version: &str) -> Result<Sizes, Unanswerable> {
    bounded(&asked)?;
    let none = |table| Unanswerable::NoTable { profile: profile.name.clone(), table };
    // What a platform asks of any machine is no table of sizes.
    let has_sizes = |s: &&Sizing| !(s.modes.is_empty() && s.servers.is_empty());
    let sizing = profile.sizing.as_ref().filter(has_sizes).ok_or_else(|| none("sizes"))?;
    if sizing.modes.is_empty() {
        return Err(none("modes"));
    }
    let mode = sizing.mode(&asked.mode).ok_or_else(|| Unanswerable::Mode {
        profile: profile.name.clone(),
        mode: asked.mode.clone(),
        known: sizing.modes.iter().map(|m| m.name.clone()).collect(),
    })?;
    let server = server::need(sizing, asked.channels).ok_or_else(|| none("servers"))?;
    let recording = recording::need(sizing, mode, &asked);
    let notes = notes::all(sizing, mode, &asked, &server, &recording);
    Ok(Sizes {
        schema: SIZING_SCHEMA.to_owned(),
        tool: ToolInfo { name: "rtc-check".to_owned(), version: version.to_owned() },
        profile: profile.name.clone(),
        mode: row(mode),
        bandwidth: bandwidth::need(sizing, mode, asked.channels),
        platform: sizing.platform.iter().map(platform).collect(),
        server,
        recording,
        notes,
        asked,
    })
}

fn bounded(asked: &Asked) -> Result<(), Unanswerable> {
    if !(1..=MOST_CHANNELS).contains(&asked.channels) {
        return Err(Unanswerable::Channels(asked.channels));
    }
    if !(0.0..=24.0).contains(&asked.hours_per_day) {
        return Err(Unanswerable::Hours(asked.hours_per_day.to_string()));
    }
    if !(1..=MOST_DAYS).contains(&asked.days) {
        return Err(Unanswerable::Days(asked.days));
    }
    Ok(())
}

fn row(mode: &Mode) -> ModeRow {
    let Rate { op, kbps } = mode.rate;
    ModeRow {
        name: mode.name.clone(),
        op,
        stream_kbps: kbps,
        resolution: mode.resolution.to_string(),
        fps: mode.fps,
        quality: mode.quality.clone(),
        source: mode.source.clone(),
    }
}

fn platform(need: &PlatformNeed) -> PlatformRow {
    let words = match &need.kind {
        PlatformKind::Distribution { id, releases } => format!("{id} {releases}"),
        PlatformKind::Architecture(name) | PlatformKind::Words(name) => name.clone(),
        PlatformKind::LatestLts(id) => format!("the latest LTS version of {id}"),
        PlatformKind::Wired => "a wired connection".to_owned(),
    };
    PlatformRow { name: need.name.clone(), need: words, source: need.source.clone() }
}

/// `1 channel`, `60 channels`.
fn counted(number: u32, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Without the dust of binary fractions.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}
