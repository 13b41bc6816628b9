//! The parts of an answer as rows and columns, for every format that has tables. Knows no format.

use crate::model::sizing::{Line, Origin, Rates, Sizes, Stored};

use super::words::{Unit, cores, days, mode_is_recommended, models, references, storage, unit};

/// Rows under their head; every row is as long as it.
pub(super) struct Grid {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Servers by size.
pub(super) fn servers(sizes: &Sizes) -> Grid {
    let rows = sizes.server.machines.iter().map(|m| {
        vec![
            m.count.to_string(),
            m.channels.to_string(),
            cores(m.cores_least, m.cores_most),
            format!("{} GB", m.memory_gb),
            models(m),
            references(m),
        ]
    });
    let head = ["servers", "each: channels", "cores", "memory", "model", "to rent"];
    Grid { head: head.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// The two lines at the mode's rate and, where that is another, at the recommended one.
pub(super) fn bandwidth(sizes: &Sizes) -> Grid {
    let need = &sizes.bandwidth;
    let other = need.recommended.as_ref().filter(|_| !mode_is_recommended(sizes));
    let shown = [Some((sizes.mode.name.as_str(), &need.mode)), other.map(|r| ("recommended", r))];
    let shown: Vec<(&str, &Rates)> = shown.into_iter().flatten().collect();
    let unit = unit(shown.iter().map(|(_, rates)| rates.server.up_ip_kbps_v4).fold(0.0, f64::max));
    let rows = shown.iter().flat_map(|(at, rates)| {
        [("server", &rates.server), ("site", &rates.site)].map(|(place, l)| line(place, at, rates, l, unit))
    });
    let head = ["at the".to_owned(), "mode".to_owned(), "stream".to_owned(), "streams".to_owned()];
    let rates = ["up", "down", "IP"].map(|way| format!("{way} {}", unit.name));
    Grid { head: head.into_iter().chain(rates).collect(), rows: rows.collect() }
}

fn line(place: &str, at: &str, rates: &Rates, line: &Line, unit: Unit) -> Vec<String> {
    let op = rates.op.as_str();
    let ip = line.up_ip_kbps_v4.max(line.down_ip_kbps_v4);
    let [up, down, ip] = [line.up_kbps, line.down_kbps, ip].map(|kbps| format!("{op}{}", unit.of(kbps)));
    let streams = format!("{}+{}", line.up_streams, line.down_streams);
    vec![place.to_owned(), at.to_owned(), format!("{op}{} kbit/s", rates.stream_kbps), streams, up, down, ip]
}

/// What recordings fill by the document's table, and by the rates.
pub(super) fn recordings(sizes: &Sizes) -> Grid {
    let all = sizes.recording.documented.iter().chain([&sizes.recording.by_rate]);
    let (number, total) = (sizes.asked.channels, days(sizes.asked.days));
    let head = match number {
        1 => ["by".to_owned(), "a day".to_owned(), total].to_vec(),
        _ => ["by".to_owned(), "a channel a day".to_owned(), "all a day".to_owned(), format!("all {total}")].to_vec(),
    };
    Grid { rows: all.map(|stored| stored_row(stored, number)).collect(), head }
}

fn stored_row(stored: &Stored, channels: u32) -> Vec<String> {
    let at = format!("{}{} kbit/s", stored.op.as_str(), stored.stream_kbps);
    let by = match stored.origin {
        Origin::Document => format!("the document's table, {at}"),
        Origin::OwnReckoning => format!("rtc-check: 2 streams of {at}"),
    };
    let sign = if stored.origin == Origin::OwnReckoning { stored.op.as_str() } else { "" };
    let mut row = vec![by, storage(stored.channel_day_megabytes / 1000.0)];
    if channels > 1 {
        row.push(storage(stored.day_gigabytes));
    }
    row.push(storage(stored.total_gigabytes));
    for cell in row.iter_mut().skip(1) {
        cell.insert_str(0, sign);
    }
    row
}
