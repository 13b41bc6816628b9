//! Hours and days to storage: the document's table of recordings, interpolated between its durations; beside it what the
//! streams' rates make. Knows the table; knows nothing of disks.

use crate::model::sizing::{Asked, Origin, RateOp, RecordingNeed, Stored};
use crate::model::{Source, sizing::ModeRow};
use crate::profile::{Mode, Recording, Sizing};

use super::bandwidth::PEERS;
use super::{counted, rounded, row};

/// What the recordings of all channels fill.
pub(super) fn need(sizing: &Sizing, mode: &Mode, asked: &Asked) -> RecordingNeed {
    RecordingNeed { documented: documented(sizing, &mode.name, asked), by_rate: by_rate(&row(mode), asked) }
}

/// From the column of `mode`; `None` where the table has none.
pub(super) fn documented(sizing: &Sizing, mode: &str, asked: &Asked) -> Option<Stored> {
    let column: Vec<&Recording> = sizing.recordings.iter().filter(|r| r.mode == mode).collect();
    let head = column.first()?;
    let day = read_off(&column, asked.hours_per_day * 60.0);
    Some(Stored {
        origin: Origin::Document,
        sources: day.sources,
        ..stored(head.rate.op, head.rate.kbps, day.megabytes, day.step, asked)
    })
}

/// What two peers' streams at the mode's rate fill.
fn by_rate(mode: &ModeRow, asked: &Asked) -> Stored {
    let seconds = asked.hours_per_day * 3600.0;
    let megabytes = rounded(f64::from(PEERS) * mode.stream_kbps * seconds / 8000.0);
    let (hours, kbps) = (asked.hours_per_day, mode.stream_kbps);
    let step = format!("{PEERS} peers x {kbps} kbit/s x {hours} h x 3600 s / 8000 = {megabytes} MB a channel a day");
    Stored {
        origin: Origin::OwnReckoning,
        sources: vec![mode.source.clone()],
        ..stored(mode.op, kbps, megabytes, step, asked)
    }
}

/// The sums of so many megabytes a channel a day.
fn stored(op: RateOp, stream_kbps: f64, megabytes: f64, step: String, asked: &Asked) -> Stored {
    let (channels, days) = (asked.channels, asked.days);
    let day = rounded(megabytes * f64::from(channels) / 1000.0);
    let total = rounded(megabytes * f64::from(channels) * f64::from(days) / 1000.0);
    let (channels, days) = (counted(channels, "channel"), counted(days, "day"));
    let sum = format!("{megabytes} MB x {channels} x {days} = {total} GB");
    Stored {
        origin: Origin::Document,
        op,
        stream_kbps,
        channel_day_megabytes: megabytes,
        day_gigabytes: day,
        total_gigabytes: total,
        steps: vec![step, sum],
        sources: Vec::new(),
    }
}

/// A figure read off the table, and how.
struct ReadOff {
    megabytes: f64,
    step: String,
    sources: Vec<Source>,
}

/// What a recording of `minutes` fills, on the straight line between the two durations beside it; below the shortest
/// and beyond the longest in proportion to that one. `column` is in the order of duration.
fn read_off(column: &[&Recording], minutes: f64) -> ReadOff {
    let after = column.iter().find(|r| f64::from(r.minutes) >= minutes);
    let before = column.iter().rev().find(|r| f64::from(r.minutes) <= minutes);
    let (x, sources) = (rounded(minutes), [before, after].into_iter().flatten().map(|r| r.source.clone()));
    let mut sources: Vec<Source> = sources.collect();
    sources.dedup();
    let (megabytes, step) = match (before, after) {
        (Some(row), Some(same)) if row.minutes == same.minutes => {
            (row.megabytes, format!("{x} min a day is a row of the table: {} MB a channel a day", row.megabytes))
        }
        (Some(a), Some(b)) => {
            let (a_min, b_min) = (f64::from(a.minutes), f64::from(b.minutes));
            let megabytes = rounded(a.megabytes + (b.megabytes - a.megabytes) * (minutes - a_min) / (b_min - a_min));
            let line =
                format!("{a} + ({b} - {a}) x ({x} - {a_min}) / ({b_min} - {a_min})", a = a.megabytes, b = b.megabytes);
            (megabytes, format!("between {a_min} min and {b_min} min: {line} = {megabytes} MB a channel a day"))
        }
        (Some(row), None) | (None, Some(row)) => {
            let megabytes = rounded(row.megabytes * minutes / f64::from(row.minutes));
            let side = if before.is_some() { "beyond the longest row" } else { "below the shortest row" };
            let line = format!("{} x {x} / {}", row.megabytes, row.minutes);
            (megabytes, format!("{side}, in proportion: {line} = {megabytes} MB a channel a day"))
        }
        (None, None) => (0.0, "the table is empty".to_owned()),
    };
    ReadOff { megabytes, step, sources }
}
