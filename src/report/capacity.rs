//! What a search for a line's capacity found, a line each: the rates, the round trips under load, the uses it has room
//! for. Reads facts by their names; judges nothing.

use serde_json::Value;

use super::evidence::{ms, significant};
use super::page::{Page, Tone, span};
use crate::model::{Check, metric};

/// Draws what a search found; nothing for a check without one.
pub(super) fn draw(page: &mut Page, indent: usize, check: &Check) {
    for line in lines(check) {
        page.flow(indent, indent + 2, &[span(Tone::Plain, line)]);
    }
}

/// What a search found, a sentence each; nothing for a check without one.
pub(super) fn lines(check: &Check) -> Vec<String> {
    let facts = &check.observed;
    let Some(capacity) = facts.get::<Value>(&metric::CAPACITY) else { return Vec::new() };
    let latency: Value = facts.get(&metric::LOADED_LATENCY).unwrap_or_default();
    let modes: Vec<Value> = facts.get(&metric::MODES).unwrap_or_default();
    let found: Vec<(&str, &Value)> = ["up", "down"]
        .into_iter()
        .filter_map(|way| Some((way, capacity.get(way)?)))
        .filter(|(_, v)| !v.is_null())
        .collect();
    if found.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<String> = found.iter().filter_map(|(way, v)| rate(way, v)).collect();
    lines.extend(number(&latency, "idle_rtt_ms").map(|idle| format!("round trip on the idle line: {}", ms(idle))));
    lines.extend(found.iter().filter_map(|(way, _)| loaded(way, latency.get(way)?)));
    let least = found.iter().any(|(_, v)| is_least(v));
    lines.extend(modes.iter().filter_map(|mode| room(mode, least)));
    lines
}

fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(Value::as_f64)
}

fn is_least(way: &Value) -> bool {
    way.get("at_least").and_then(Value::as_bool) == Some(true)
}

/// `up: at least 950 kbit/s at the IP level (940-950 from second to second); …`.
fn rate(name: &str, way: &Value) -> Option<String> {
    let kbps = number(way, "ip_kbps")?;
    let seconds = number(way, "low_kbps").zip(number(way, "high_kbps"));
    let seconds = seconds.map(|(low, high)| format!(" ({low:.0}-{high:.0} from second to second)"));
    let (least, ended) = match is_least(way) {
        true => ("at least ", "ended by the search's own bounds (ceiling, bytes, time) or a machine, not by the line"),
        false => ("", "ended by the line: it was full"),
    };
    Some(format!("{name}: {least}{kbps:.0} kbit/s at the IP level{}; {ended}", seconds.unwrap_or_default()))
}

/// `round trip on a full line up: 152 ms, 140 ms more than idle; 390 round trips a minute (RPM, high confidence)`.
fn loaded(name: &str, way: &Value) -> Option<String> {
    let trip = match (number(way, "loaded_rtt_ms"), number(way, "rise_ms")) {
        (Some(loaded), Some(rise)) if rise.abs() < 0.5 => format!("{}, as on the idle line", ms(loaded)),
        (Some(loaded), Some(rise)) if rise < 0.0 => format!("{}, {} less than idle", ms(loaded), ms(-rise)),
        (Some(loaded), Some(rise)) => format!("{}, {} more than idle", ms(loaded), ms(rise)),
        (Some(loaded), None) => ms(loaded),
        (None, Some(rise)) => format!("{} more than idle", ms(rise)),
        (None, None) => return None,
    };
    let sure = way.get("rpm_confidence").and_then(Value::as_str);
    let sure = sure.map(|word| format!(", {word} confidence")).unwrap_or_default();
    let rpm = match number(way, "rpm") {
        Some(rpm) => format!("{rpm:.0} round trips a minute (RPM{sure})"),
        None => "no RPM: no new HTTPS connection was opened and answered under the load".to_owned(),
    };
    Some(format!("round trip under load {name}: {trip}; {rpm}"))
}

/// `room for 7 of audio-video (80 kbit/s each): floor(0.8 x min(1000 / 107, 5000 / 107))`.
fn room(mode: &Value, least: bool) -> Option<String> {
    let sessions = mode.get("sessions")?.as_u64()?;
    let uses: Vec<&str> =
        mode.get("uses").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let uses = if uses.is_empty() { "sessions".to_owned() } else { uses.join(" or ") };
    let rates = match (number(mode, "up_kbps").unwrap_or(0.0), number(mode, "down_kbps").unwrap_or(0.0)) {
        (up, down) if up == down => format!("{} kbit/s each way", significant(up)),
        (up, down) => format!("{} kbit/s up, {} down", significant(up), significant(down)),
    };
    let formula = mode.get("formula").and_then(Value::as_str).map(|f| format!(" = {f}")).unwrap_or_default();
    let least = if least { "at least " } else { "" };
    Some(format!("room for {least}{sessions} of {uses} ({rates}){formula}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rate_says_what_ended_it_and_a_load_why_there_is_no_rpm() {
        let words = rate("up", &json!({ "ip_kbps": 950.0, "low_kbps": 940.0, "high_kbps": 950.0, "at_least": true }));
        assert!(words.unwrap().starts_with(
            "up: at least 950 kbit/s at the IP level (940-950 from second to second); ended by the search's"
        ));
        assert!(rate("up", &json!({ "ip_kbps": 950.0, "at_least": false })).unwrap().ends_with("it was full"));
        let none = loaded("down", &json!({ "loaded_rtt_ms": 12.0, "rise_ms": -0.05, "rpm": null })).unwrap();
        assert!(none.contains("12 ms, as on the idle line; no RPM: "), "{none}");
        let some =
            loaded("up", &json!({ "loaded_rtt_ms": 152.0, "rise_ms": 140.0, "rpm": 390, "rpm_confidence": "high" }));
        assert_eq!(
            some.unwrap(),
            "round trip under load up: 152 ms, 140 ms more than idle; 390 round trips a minute (RPM, high confidence)"
        );
    }

    #[test]
    fn room_is_told_with_its_formula() {
        let mode = json!({ "up_kbps": 80.0, "down_kbps": 80.0, "sessions": 7, "uses": ["audio-video"], "formula": "floor(7.4)" });
        assert_eq!(room(&mode, true).unwrap(), "room for at least 7 of audio-video (80 kbit/s each way) = floor(7.4)");
    }
}
