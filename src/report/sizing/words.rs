//! Figures as people write them: rates and sizes in the unit that suits them, ranges, models. Knows no format.

use crate::model::sizing::{About, Asked, Machines, ModelRow, ServerNeed, Sizes};

/// A unit of rates, and how many kbit/s it has.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub name: &'static str,
    kbps: f64,
}

/// The unit in which rates of up to `most` kbit/s read best.
pub(super) fn unit(most: f64) -> Unit {
    match most {
        m if m < 1000.0 => Unit { name: "kbit/s", kbps: 1.0 },
        m if m < 10_000_000.0 => Unit { name: "Mbit/s", kbps: 1e3 },
        _ => Unit { name: "Gbit/s", kbps: 1e6 },
    }
}

impl Unit {
    /// `15.36`
    pub(super) fn of(self, kbps: f64) -> String {
        short(kbps / self.kbps)
    }
}

/// With no more decimals than such a figure deserves.
fn short(number: f64) -> String {
    let decimals = match number {
        n if n < 10.0 => 2,
        n if n < 1000.0 => 1,
        _ => 0,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `6.48 TB`, from gigabytes.
pub(super) fn storage(gigabytes: f64) -> String {
    match gigabytes {
        g if g < 1.0 => format!("{} MB", short(g * 1000.0)),
        g if g < 1000.0 => format!("{} GB", short(g)),
        g if g < 1e6 => format!("{} TB", short(g / 1000.0)),
        g => format!("{} PB", short(g / 1e6)),
    }
}

/// `1-2`, or `4`.
pub(super) fn cores(least: u32, most: u32) -> String {
    if least == most { least.to_string() } else { format!("{least}-{most}") }
}

/// `S-M`.
pub(super) fn models(machines: &Machines) -> String {
    joined(&machines.models, "-", |m| m.name.clone())
}

/// `AWS t2.small or t2.medium`.
pub(super) fn references(machines: &Machines) -> String {
    let clouds: Vec<&str> = machines.models.iter().map(|m| m.cloud.as_str()).collect();
    match clouds.first() {
        Some(cloud) if clouds.iter().all(|c| c == cloud) => {
            format!("{cloud} {}", joined(&machines.models, " or ", |m| m.reference.clone()))
        }
        _ => joined(&machines.models, " or ", |m| format!("{} {}", m.cloud, m.reference)),
    }
}

fn joined(models: &[ModelRow], between: &str, word: fn(&ModelRow) -> String) -> String {
    models.iter().map(word).collect::<Vec<_>>().join(between)
}

/// `60 channels`.
pub(super) fn channels(number: u32) -> String {
    if number == 1 { "1 channel".to_owned() } else { format!("{number} channels") }
}

/// `30 days`.
pub(super) fn days(number: u32) -> String {
    if number == 1 { "1 day".to_owned() } else { format!("{number} days") }
}

/// `24 h a day for 30 days`.
pub(super) fn span(asked: &Asked) -> String {
    format!("{} h a day for {}", asked.hours_per_day, days(asked.days))
}

/// What all servers of several have together.
pub(super) fn together(server: &ServerNeed) -> String {
    format!(
        "{} servers together: {} channels, {} cores, {} GB of memory.",
        server.servers,
        server.channels,
        cores(server.cores_least, server.cores_most),
        server.memory_gb
    )
}

/// `distribution debian 9-11; kernel x86_64`; empty where the document asks for nothing.
pub(super) fn platform(sizes: &Sizes) -> String {
    let needs: Vec<String> = sizes.platform.iter().map(|row| format!("{} {}", row.name, row.need)).collect();
    needs.join("; ")
}

/// Whether the mode's stream has the very rate that is recommended.
pub(super) fn mode_is_recommended(sizes: &Sizes) -> bool {
    let mode = &sizes.bandwidth.mode;
    let recommended = sizes.bandwidth.recommended.as_ref();
    recommended.is_some_and(|r| (r.op, r.stream_kbps) == (mode.op, mode.stream_kbps))
}

/// What stands below the table of bandwidth.
pub(super) fn assumptions(sizes: &Sizes) -> Vec<String> {
    let mut lines = sizes.bandwidth.assumptions.clone();
    if mode_is_recommended(sizes) {
        lines.push(format!(
            "{} kbit/s is also the least that the document recommends for every stream, at {}.",
            sizes.bandwidth.mode.stream_kbps,
            sizes.bandwidth.recommended.as_ref().map_or("", |r| r.resolution.as_str())
        ));
    }
    lines
}

/// The heading of a part.
pub(super) fn heading(about: About) -> &'static str {
    match about {
        About::Platform => "Platform",
        About::Server => "Server",
        About::Bandwidth => "Bandwidth",
        About::Recording => "Recording",
    }
}
