//! The parts of an answer as rows and columns, for every format that has tables. Knows no format.

use crate::model::sizing::{Line, Origin, Rates, Sizes, Stored};

use super::words::{cores, models, rate, references, storage};

/// Rows under their head; every row is as long as it.
pub(super) struct Grid {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

fn grid<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> Grid {
    Grid { head: head.map(str::to_owned).to_vec(), rows: rows.into_iter().map(|r| r.to_vec()).collect() }
}

/// Servers by size.
pub(super) fn servers(sizes: &Sizes) -> Grid {
    let rows = sizes.server.machines.iter().map(|m| {
        [
            m.count.to_string(),
            m.channels.to_string(),
            cores(m.cores_least, m.cores_most),
            format!("{} GB", m.memory_gb),
            models(m),
            references(m),
        ]
    });
    grid(["servers", "channels each", "cores each", "memory each", "model", "to rent"], rows.collect())
}

/// The two lines at the mode's rate and at the recommended one.
pub(super) fn bandwidth(sizes: &Sizes) -> Grid {
    let (mode, name) = (&sizes.bandwidth.mode, sizes.mode.name.as_str());
    let other = sizes.bandwidth.recommended.as_ref();
    let mut rows = Vec::new();
    let mut add = |at: &str, rates: &Rates| {
        rows.push(line("server", at, rates, &rates.server));
        rows.push(line("site", at, rates, &rates.site));
    };
    match other {
        Some(same) if (same.op, same.stream_kbps) == (mode.op, mode.stream_kbps) => {
            add(&format!("{name}, recommended"), mode);
        }
        Some(other) => {
            add(name, mode);
            add("recommended", other);
        }
        None => add(name, mode),
    }
    grid(["at the", "mode", "a stream", "streams", "up", "down", "with headers"], rows)
}

fn line(place: &str, at: &str, rates: &Rates, line: &Line) -> [String; 7] {
    let streams = match line.up_streams == line.down_streams {
        true => format!("2 x {}", line.up_streams),
        false => format!("{} + {}", line.up_streams, line.down_streams),
    };
    [
        place.to_owned(),
        at.to_owned(),
        rate(rates.op, rates.stream_kbps),
        streams,
        rate(rates.op, line.up_kbps),
        rate(rates.op, line.down_kbps),
        rate(rates.op, line.up_ip_kbps_v4.max(line.down_ip_kbps_v4)),
    ]
}

/// What recordings fill by the document's table, and by the rates.
pub(super) fn recordings(sizes: &Sizes) -> Grid {
    let all = sizes.recording.documented.iter().chain([&sizes.recording.by_rate]);
    let rows = all.map(stored_row).collect();
    let days = sizes.asked.days;
    let days = if days == 1 { "all, 1 day".to_owned() } else { format!("all, {days} days") };
    let mut grid = grid(["by", "a channel a day", "all a day", ""], rows);
    if let Some(last) = grid.head.last_mut() {
        *last = days;
    }
    grid
}

fn stored_row(stored: &Stored) -> [String; 4] {
    let at = rate(stored.op, stored.stream_kbps);
    let by = match stored.origin {
        Origin::Document => format!("the document's table, {at}"),
        Origin::OwnReckoning => format!("two streams of {at} (rtc-check's own)"),
    };
    [by, storage(stored.channel_day_megabytes / 1000.0), storage(stored.day_gigabytes), storage(stored.total_gigabytes)]
}
