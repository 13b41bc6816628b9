//! Figures as people write them: rates and sizes in the unit that suits them, ranges, models. Knows no format.

use crate::model::sizing::{About, Asked, Machines, ModelRow, RateOp, ServerNeed};

/// `15.36 Mbit/s`, with the document's sign where it has one.
pub(super) fn rate(op: RateOp, kbps: f64) -> String {
    format!("{}{}", op.as_str(), scaled(kbps, &["kbit/s", "Mbit/s", "Gbit/s"]))
}

/// `6.48 TB`, from gigabytes.
pub(super) fn storage(gigabytes: f64) -> String {
    scaled(gigabytes * 1000.0, &["MB", "GB", "TB", "PB"])
}

/// In the largest unit of which there is one at least, each a thousand of the one before, to four digits.
fn scaled(number: f64, units: &[&str]) -> String {
    let mut number = number;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for larger in units {
        if number < 999.95 {
            break;
        }
        (number, unit) = (number / 1000.0, larger);
    }
    let decimals = if number < 10.0 { 2 } else { 1 };
    let text = format!("{number:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
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

/// `24 h a day for 30 days`.
pub(super) fn span(asked: &Asked) -> String {
    let days = if asked.days == 1 { "1 day".to_owned() } else { format!("{} days", asked.days) };
    format!("{} h a day for {days}", asked.hours_per_day)
}

/// What all servers of several have together.
pub(super) fn together(server: &ServerNeed) -> String {
    format!(
        "{} servers together: {} channels, {} cores, {} GB of memory",
        server.servers,
        server.channels,
        cores(server.cores_least, server.cores_most),
        server.memory_gb
    )
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
