//! What a check saw, in a few words: its layers and their times, the ports of a sweep, values beside their limits. Reads
//! facts by their names and units, so that a new probe needs nothing here.

use serde_json::Value;

use crate::model::metric::Metric;
use crate::model::offered::Offered;
use crate::model::{Check, Facts, Load, PortRange, PortSet, ProbeKind, Status, StepTiming, Way, metric};

/// More ranges than these are counted rather than listed; the JSON report has them all.
const RANGES_LISTED: usize = 6;

/// What was seen, a clause each; empty where the probe recorded nothing that is short.
pub(super) fn clauses(check: &Check) -> Vec<String> {
    // What a NAT does is a word each, as is what a machine says of itself, and the reason has them all.
    if matches!(check.probe, ProbeKind::Nat | ProbeKind::Host) {
        return Vec::new();
    }
    let mut clauses = sweep(check);
    // A train's own length says more than its step, and a rate's check is of a train that the quality's tells.
    let is_train = check.observed.has(&metric::SENT) || check.probe == ProbeKind::Bandwidth;
    clauses.extend(steps(check).filter(|_| !is_train));
    clauses.extend(round_trips(check));
    match check.observed.has(&metric::REQUIRED) {
        // Nothing was sent where the load was refused or did not start.
        true if !was_offered(&check.observed) => {}
        true => clauses.extend([rate(&check.observed), via(&check.observed)].into_iter().flatten()),
        false => clauses.extend(train(&check.observed)),
    }
    if let Some(days) = check.observed.get::<f64>(&metric::CERT_DAYS_LEFT) {
        clauses.push(format!("cert {days:.0} d"));
    }
    clauses
}

/// Why a relay was not tried to the end; of older reports, the plainer probe that stood in.
pub(super) fn fallback(check: &Check) -> Option<String> {
    check.observed.get::<String>(&metric::FALLBACK)
}

/// Which ports the document has for the rule, where others were tested: `the document says TCP 443; TCP 8443 was tested
/// instead`.
pub(super) fn moved(check: &Check) -> Option<String> {
    let documented = documented(check)?;
    let transport = check.transport?.as_str().to_uppercase();
    let tested = check.port.map(|p| p.to_string()).or(check.ports.map(|p| p.to_string()))?;
    Some(format!("the document says {transport} {documented}; {transport} {tested} was tested instead"))
}

/// The document's ports of a check that tested others; a skipped one tested none.
pub(super) fn documented(check: &Check) -> Option<PortRange> {
    check.observed.get(&metric::DOCUMENTED_PORTS).filter(|_| check.status != Status::Skip)
}

/// The layers in the order climbed: `connect 4.1, tls 18 ms`, or one by one where one failed:
/// `connect 4.1 ms, tls cert-expired (18 ms)`.
fn steps(check: &Check) -> Option<String> {
    climbed(&check.observed.get::<Vec<StepTiming>>(&metric::STEPS)?)
}

/// The same of one way of several.
pub(super) fn climbed(steps: &[StepTiming]) -> Option<String> {
    let smooth = steps.iter().all(|s| s.result == "ok" && s.ms < 1000.0);
    let told = |s: &StepTiming| match s.result.split(':').next() {
        Some("ok") if smooth => format!("{} {}", s.step.as_str(), ms(s.ms).trim_end_matches(" ms")),
        Some("ok") | None => format!("{} {}", s.step.as_str(), ms(s.ms)),
        Some(kind) => format!("{} {kind} ({})", s.step.as_str(), ms(s.ms)),
    };
    let told: Vec<String> = steps.iter().map(told).collect();
    (!told.is_empty()).then(|| told.join(", ") + if smooth { " ms" } else { "" })
}

/// Ports asked, and what came of them.
fn sweep(check: &Check) -> Vec<String> {
    let facts = &check.observed;
    let number = |m| facts.get::<u64>(m);
    let mut clauses = Vec::new();
    if let (Some(probed), Some(total)) = (number(&metric::PROBED), number(&metric::TOTAL)) {
        let how = if probed < total { "sampled" } else { "asked" };
        clauses.push(format!("{probed} of {total} ports {how}"));
    }
    let (good, bad) = ([&metric::ANSWERED, &metric::REFUSED], [&metric::SILENT, &metric::PROHIBITED]);
    for m in good {
        let count = facts.get::<PortSet>(m).map_or(0, |set| set.count());
        if count > 0 {
            clauses.push(format!("{count} {}", m.name));
        }
    }
    for m in bad {
        if let Some(set) = facts.get::<PortSet>(m).filter(|set| !set.is_empty()) {
            clauses.push(format!("{} {}: {}", set.count(), m.name, listed(&set)));
        }
    }
    clauses
}

/// The first ranges, and how many more there are.
fn listed(set: &PortSet) -> String {
    let shown: Vec<String> = set.ranges().iter().take(RANGES_LISTED).map(ToString::to_string).collect();
    let more = set.ranges().len().saturating_sub(RANGES_LISTED);
    let shown = shown.join(", ");
    let what = if set.ranges().iter().all(|r| r.count() == 1) { "ports" } else { "parts" };
    match more {
        0 => shown,
        1 => format!("{shown} and 1 more"),
        _ => format!("{shown} and {more} more {what}"),
    }
}

/// Every `…rtt_ms` that is a number and whose step does not tell it already.
fn round_trips(check: &Check) -> Vec<String> {
    let steps: Vec<StepTiming> = check.observed.get(&metric::STEPS).unwrap_or_default();
    let number = |(name, value): (&str, &serde_json::Value)| {
        let what = name.strip_suffix("_ms").filter(|n| n.ends_with("rtt"))?;
        let told = steps.iter().any(|s| what.strip_prefix(s.step.as_str()).is_some_and(|rest| rest == "_rtt"));
        if told {
            return None;
        }
        Some(format!("{} {}", what.replace('_', " "), ms(value.as_f64()?)))
    };
    check.observed.iter().filter_map(number).collect()
}

/// A train: `508 packets in 10.2 s, STAMP over udp 19099, MOS 4.4`.
fn train(facts: &Facts) -> Vec<String> {
    let mut clauses = Vec::new();
    if let Some(sent) = facts.get::<u64>(&metric::SENT) {
        let time = facts.get::<f64>(&metric::DURATION_S).map(|s| format!(" in {} s", short(s))).unwrap_or_default();
        clauses.push(format!("{sent} packets{time}"));
    }
    clauses.extend(via(facts));
    clauses.extend(way(facts));
    clauses.extend(facts.get::<f64>(&metric::MOS).map(|mos| format!("MOS {}", short(mos))));
    clauses
}

/// What a way for media took to be ready, and what no table of limits beside it tells: round trip and loss.
fn way(facts: &Facts) -> Vec<String> {
    let Some(ready) = facts.get::<f64>(&metric::READY_MS) else { return Vec::new() };
    let rtt = facts.get::<Value>(&metric::RTT_MS).and_then(|r| r.get("mean")?.as_f64());
    let loss = facts.get::<f64>(&metric::LOSS_PCT);
    let clauses = [
        pair(facts, &metric::CALL).or_else(|| pair(facts, &metric::ICE)),
        Some(format!("ready in {}", ms(ready))),
        pair(facts, &metric::ICE_RELAY_ONLY).map(|way| format!("with relays alone {way}")),
        rtt.map(|rtt| format!("round trip {} ms", significant(rtt))),
        loss.map(|loss| format!("loss {} %", significant(loss))),
    ];
    clauses.into_iter().flatten().collect()
}

/// The way that a pair of ICE candidates took: `direct`, `through TURN/TLS`.
fn pair(facts: &Facts, fact: &Metric) -> Option<String> {
    let local: Value = facts.get::<Value>(fact)?.pointer("/pair/local")?.clone();
    if local.get("type")?.as_str()? != "relay" {
        return Some("direct".to_owned());
    }
    let way: Option<Way> = local.get("via").and_then(|via| serde_json::from_value(via.clone()).ok());
    Some(format!("through {}", way.map_or("a relay", Way::words)))
}

/// What was measured with: `stamp over udp 19099`.
fn via(facts: &Facts) -> Option<String> {
    let via: Value = facts.get(&metric::VIA).filter(|via: &Value| !via.is_null())?;
    let text = |key: &str| via.get(key).and_then(Value::as_str).unwrap_or_default();
    let port = via.get("port").and_then(Value::as_u64).map(|p| p.to_string()).unwrap_or_default();
    let words = match via.as_str() {
        Some(words) => words.to_owned(),
        None if text("transport").is_empty() => text("method").to_owned(),
        None => format!("{} over {} {port}", text("method"), text("transport")),
    };
    Some(words.trim().to_owned())
}

/// A load of the rate's check was on the wire.
fn was_offered(facts: &Facts) -> bool {
    let carried = facts.get::<Value>(&metric::CARRIED).unwrap_or_default();
    let told = |key: &str| carried.get(key).is_some_and(|v| !v.is_null());
    facts.has(&metric::SENT) || told("up_kbps") || told("down_kbps")
}

/// What was sent: `offered 107 kbit/s up and 107 kbit/s down at the IP level`.
fn rate(facts: &Facts) -> Option<String> {
    let offered: Offered = facts.get(&metric::LOAD)?;
    let way = |kbps: f64, way: &str| (kbps > 0.0).then(|| format!("{kbps:.0} kbit/s {way}"));
    let ways = [way(offered.up.ip_kbps, "up"), way(offered.down.ip_kbps, "down")];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    let shown = facts.get::<Load>(&metric::IMPLIED_BY).map(|load| {
        let kbps = short(load.total_up_kbps().max(load.total_down_kbps()));
        format!(", for {kbps} kbit/s of media, which shows the lower rate too")
    });
    (!ways.is_empty()).then(|| format!("offered {} at the IP level{}", ways.join(" and "), shown.unwrap_or_default()))
}

/// Milliseconds as people read them: `0.4 ms`, `12 ms`, `6.2 s`.
pub(super) fn ms(ms: f64) -> String {
    match ms {
        _ if ms >= 1000.0 => format!("{:.1} s", ms / 1000.0),
        _ if ms >= 10.0 => format!("{ms:.0} ms"),
        _ => format!("{ms:.1} ms"),
    }
}

/// A number with three digits that say something, or all of a larger one.
pub(super) fn significant(number: f64) -> String {
    match number.abs() {
        n if n >= 99.95 => format!("{number:.0}"),
        n if n >= 9.995 => short((number * 10.0).round() / 10.0),
        _ => short(number),
    }
}

/// A number with at most two decimals.
fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        // Less than nothing by less than is shown.
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.04, 9.96, 12.4, 999.6, 6200.0].map(ms), ["0.0 ms", "10.0 ms", "12 ms", "1000 ms", "6.2 s"]);
        assert_eq!([300.0, 1.5, 0.333].map(short), ["300", "1.5", "0.33"]);
        assert_eq!([1234.56, 40.12, 2.024, 0.0].map(significant), ["1235", "40.1", "2.02", "0"]);
        assert_eq!([-0.001, -0.5].map(significant), ["0", "-0.5"]);
    }

    #[test]
    fn many_ranges_are_counted() {
        let set: PortSet = (1..=9).map(|n| n * 10).collect();
        assert_eq!(listed(&set), "10, 20, 30, 40, 50, 60 and 3 more ports");
    }
}
