//! The check of capacity: what there is beyond what is required, and what uses of the documents it makes room for. It
//! informs.

use serde_json::{Value, json};

use crate::model::{Facts, Outcome, Seen, Status, metric};
use crate::plan::Measure;
use crate::profile::Bandwidth;

use super::bandwidth::Judged;
use super::figures;

/// Judges what a search found.
pub fn judge(measure: &Measure, seen: &Seen, place: &str) -> Judged {
    let all = &seen.observation.facts;
    let mut facts = Facts::new();
    let copied = [&metric::VIA, &metric::CAPACITY, &metric::LOADED_LATENCY, &metric::BYTES_USED, &metric::CAVEATS];
    for m in copied.into_iter().filter(|m| all.has(m)) {
        facts.set(m, all.get::<Value>(m));
    }
    let found: Value = all.get(&metric::CAPACITY).unwrap_or_default();
    let ways: Vec<String> = ["up", "down"].iter().filter_map(|way| way_words(found.get(way)?, way)).collect();
    if ways.is_empty() || seen.observation.outcome != Outcome::Measured {
        let text = |key| found.get(key).and_then(Value::as_str).map(|w| w.trim_end_matches('.').to_owned());
        let why = text("failure").or_else(|| text("responder_refused"));
        let granted = all.get::<Value>(&metric::VIA).is_some_and(|via| via.get("session") == Some(&json!("granted")));
        let silent = "UDP answered nothing although the session was granted";
        let (why, change) = match why {
            Some(why) => {
                let change = figures::unlike_refusal(&why).unwrap_or_else(|| {
                    "it needs `rtc-check serve` on that address, with limits that leave room for it".to_owned()
                });
                (why, change)
            }
            None if granted => (silent.to_owned(), "open UDP both ways between this machine and it".to_owned()),
            None => (
                "no responder there took the search".to_owned(),
                "it needs `rtc-check serve` on that address".to_owned(),
            ),
        };
        let reason = format!("How much the line to {place} carries was not measured: {why}; {change}.");
        return Judged { facts, limits: Vec::new(), status: Status::Unknown, reason };
    }
    let modes: Vec<Value> = all.get(&metric::MODES).unwrap_or_default();
    let modes: Vec<Value> = modes.into_iter().map(|mode| named(mode, &measure.rows)).collect();
    let uses: Vec<String> = modes.iter().filter_map(use_words).collect();
    let uses = match uses.is_empty() {
        true => String::new(),
        false => format!("; with 20 % kept free it has room side by side for {}", uses.join(", ")),
    };
    facts.set(&metric::MODES, modes);
    let latency = latency_words(all);
    let v6 = seen.address.is_some_and(|a| a.is_ipv6());
    if let Some((way, least)) = cut_short(&found, measure, v6) {
        let used = all.get::<u64>(&metric::BYTES_USED).map(|b| format!(" after {b} bytes")).unwrap_or_default();
        let reason = format!(
            "How much the line to {place} carries is not known: the search ended{used} before the line was full {way}, at {}, below the lowest load's {} kbit/s; raise --max-data.",
            ways.join(" and "),
            figures::number(least),
        );
        // Numbers of sessions that follow from too short a search are no findings.
        facts.remove(&metric::MODES);
        return Judged { facts, limits: Vec::new(), status: Status::Unknown, reason };
    }
    let reason = format!("The line to {place} carries {} at the IP level{latency}{uses}.", ways.join(" and "));
    Judged { facts, limits: Vec::new(), status: Status::Pass, reason }
}

/// The first direction whose search ended by itself below what the lowest load needs of it, and that rate.
fn cut_short(found: &Value, measure: &Measure, v6: bool) -> Option<(&'static str, f64)> {
    let lowest = |kbps: &dyn Fn(&crate::model::offered::Offered) -> f64| {
        let all = measure.loads.iter().map(|l| kbps(&l.offered(v6))).filter(|kbps| *kbps > 0.0);
        all.reduce(f64::min)
    };
    let ways = [("up", lowest(&|o| o.up.ip_kbps)), ("down", lowest(&|o| o.down.ip_kbps))];
    ways.into_iter().find_map(|(name, least)| {
        let way = found.get(name)?;
        let by_itself = way.get("at_least").and_then(Value::as_bool) == Some(true);
        let below = way.get("ip_kbps")?.as_f64()? < least?;
        (by_itself && below).then_some((name, least?))
    })
}

/// `at least 95 kbit/s up (93–97 from second to second)`.
fn way_words(way: &Value, name: &str) -> Option<String> {
    let number = |key: &str| way.get(key).and_then(Value::as_f64);
    let least = if way.get("at_least").and_then(Value::as_bool) == Some(true) { "at least " } else { "" };
    let interval = number("low_kbps").zip(number("high_kbps"));
    let interval = interval
        .map(|(low, high)| format!(" ({}–{} from second to second)", figures::number(low), figures::number(high)));
    Some(format!("{least}{} kbit/s {name}{}", figures::number(number("ip_kbps")?), interval.unwrap_or_default()))
}

/// A mode with the names of the document's rows that ask for its rates.
fn named(mut mode: Value, rows: &[Bandwidth]) -> Value {
    let rate = |key: &str| mode.get(key).and_then(Value::as_f64).filter(|kbps| *kbps > 0.0);
    let rates = (rate("up_kbps"), rate("down_kbps"));
    let asks = |row: &&Bandwidth| {
        [(row.up_kbps, row.down_kbps), (row.recommended_up_kbps, row.recommended_down_kbps)].contains(&rates)
    };
    let uses: Vec<&str> = rows.iter().filter(asks).map(|row| row.name.as_str()).collect();
    if let Some(mode) = mode.as_object_mut() {
        mode.insert("uses".to_owned(), json!(uses));
    }
    mode
}

/// `14 of audio (40 kbit/s)`; `None` where the number is not known.
fn use_words(mode: &Value) -> Option<String> {
    let sessions = mode.get("sessions")?.as_u64()?;
    let names: Vec<&str> = mode.get("uses")?.as_array()?.iter().filter_map(Value::as_str).collect();
    let rate = |key: &str| mode.get(key).and_then(Value::as_f64).unwrap_or_default();
    let kbps = figures::number(rate("up_kbps").max(rate("down_kbps")));
    let names = if names.is_empty() { "sessions".to_owned() } else { names.join(" or ") };
    Some(format!("{sessions} of {names} ({kbps} kbit/s)"))
}

/// Round trips that differ by less do so by chance, in milliseconds.
const NO_RISE_MS: f64 = 0.5;

/// How much longer round trips take under load, and how many there are in a minute.
fn latency_words(facts: &Facts) -> String {
    let Some(latency) = facts.get::<Value>(&metric::LOADED_LATENCY) else { return String::new() };
    let of = |key: &'static str| {
        let latency = &latency;
        ["up", "down"].into_iter().filter_map(move |way| Some((way, latency.get(way)?.get(key)?.as_f64()?)))
    };
    let rises: Vec<(&str, f64)> = of("rise_ms").collect();
    let told = |(way, rise): &(&str, f64)| match *rise < NO_RISE_MS {
        true => format!("nothing measurable {way}"),
        false => format!("{} ms {way}", figures::number(*rise)),
    };
    let adds = match rises.iter().all(|(_, rise)| *rise < NO_RISE_MS) {
        true => "nothing measurable".to_owned(),
        false => rises.iter().map(told).collect::<Vec<_>>().join(" and "),
    };
    let rpm: Vec<String> = of("rpm").map(|(way, rpm)| format!("{rpm:.0} {way}")).collect();
    let rpm = match rpm.is_empty() {
        true => String::new(),
        false => format!(" (round trips a minute under load, RPM: {})", rpm.join(", ")),
    };
    if rises.is_empty() { rpm } else { format!(", and a full line adds {adds} to the round trip{rpm}") }
}
