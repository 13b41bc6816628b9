//! Limits on measured quantities and rows of bandwidth, as a file gives them. Knows which quantities there are; knows
//! nothing of how they are measured.

use std::collections::BTreeMap;

use crate::model::Media;

use super::layer::{Documents, NAME, read_source};
use super::read::{Problems, Table, one_of};
use super::row::{When, read_when};
use super::syntax::is_name;
use super::{Bandwidth, Limit};

/// The quantities that a limit may bound, and the largest value that means anything.
const METRICS: [(&str, f64, &str); 3] = [
    ("rtt_ms", 60_000.0, "milliseconds as a number, such as 300"),
    ("jitter_ms", 60_000.0, "milliseconds as a number, such as 50"),
    ("loss_pct", 100.0, "per cent from 0 to 100 as a number, such as 1.5"),
];

/// Reads a table of `[[limits]]`.
pub(super) fn read_limit(table: &Table<'_>, documents: &Documents, p: &mut Problems) -> Option<Limit> {
    const FIELDS: [&str; 4] = ["metric", "op", "value", "source"];
    p.unknown_keys(table, "a limit", &FIELDS);
    missing(table, "limit", &FIELDS, p);
    let words = METRICS.map(|metric| (metric.0, metric));
    let metric = table.get("metric").and_then(|v| p.word(v, "metric", &words));
    let op = table.get("op").and_then(|v| p.word(v, "op", &[("<", "<"), ("<=", "<="), (">=", ">=")]));
    let (_, most, unit) = metric.as_ref().map_or(("", f64::MAX, "a number"), |m| m.value);
    let value = table.get("value").and_then(|v| {
        let value = p.quantity(v, "value", unit)?;
        if value > most {
            p.add(&v.span(), format!("{value} is beyond what can be measured"), unit);
        }
        Some(value)
    });
    let source = table.get("source").and_then(|v| read_source(v, documents, p));
    Some(Limit { metric: metric?.value.0.to_owned(), op: op?.value.to_owned(), value: value?, source: source? })
}

/// A row of bandwidth whose options are not yet held against those declared.
pub(super) struct Amount {
    pub row: Bandwidth,
    pub when: When,
}

const RATES: [&str; 4] = ["up_kbps", "down_kbps", "recommended_up_kbps", "recommended_down_kbps"];

/// Reads a table of `[[bandwidth]]`.
pub(super) fn read_bandwidth(table: &Table<'_>, documents: &Documents, p: &mut Problems) -> Option<Amount> {
    p.unknown_keys(table, "a bandwidth row", &[&["name"][..], &RATES, &["media", "when", "source"]].concat());
    missing(table, "bandwidth row", &["name", "source"], p);
    let name = table.get("name").and_then(|v| p.text_that(v, "name", is_name, NAME));
    if RATES.iter().all(|rate| table.get(rate).is_none()) {
        p.add(&table.at, "the bandwidth row asks for nothing", one_of(&RATES));
    }
    let rates = RATES.map(|rate| table.get(rate).and_then(|v| p.quantity(v, rate, "kbit/s as a number, such as 80")));
    let [up, down, recommended_up, recommended_down] = rates;
    for (rate, least, best) in
        [("recommended_up_kbps", up, recommended_up), ("recommended_down_kbps", down, recommended_down)]
    {
        if let (Some(least), Some(best), Some(value)) = (least, best, table.get(rate))
            && best < least
        {
            p.add(&value.span(), format!("`{rate}` is less than what is required"), format!("at least {least}"));
        }
    }
    let words = [("audio", Media::Audio), ("audio-video", Media::AudioVideo)];
    let media = table.get("media").and_then(|v| p.word(v, "media", &words)).map(|w| w.value);
    let when = table.get("when").map(|v| read_when(v, p)).unwrap_or_default();
    let source = table.get("source").and_then(|v| read_source(v, documents, p));
    let row = Bandwidth {
        name: name?.value,
        up_kbps: up,
        down_kbps: down,
        recommended_up_kbps: recommended_up,
        recommended_down_kbps: recommended_down,
        when: BTreeMap::new(),
        source: source?,
        media: media.unwrap_or_default(),
    };
    Some(Amount { row, when })
}

/// Reports those of `fields` that `table` lacks.
fn missing(table: &Table<'_>, what: &str, fields: &[&str], p: &mut Problems) {
    for field in fields {
        if table.get(field).is_none() {
            p.add(&table.at, format!("the {what} has no `{field}`"), fields.join(", "));
        }
    }
}
