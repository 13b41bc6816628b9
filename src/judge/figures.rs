//! Numbers in words, as the reasons of quality and bandwidth have them. Judges nothing.

use serde_json::Value;

use crate::model::{Facts, LimitResult, LimitSource, Load, Way, metric};
use crate::plan::load_words;

/// A number with as many digits as anyone reads.
pub fn number(n: f64) -> String {
    let text = match n.abs() {
        a if a >= 100.0 => return format!("{n:.0}"),
        a if a >= 10.0 => format!("{n:.1}"),
        _ => format!("{n:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A unit as people write it.
pub fn unit(unit: &str) -> &str {
    match unit {
        "pct" => "%",
        "kbps" => "kbit/s",
        other => other,
    }
}

/// `3.1 % (95 %: 2.2–4.3)`; `None` where nothing was measured.
pub fn value(limit: &LimitResult) -> Option<String> {
    let interval = limit.ci95.map(|[low, high]| format!(" (95 %: {}–{})", number(low), number(high)));
    Some(format!("{} {}{}", number(limit.observed?), unit(&limit.unit), interval.unwrap_or_default()))
}

/// `the limit is 1.5 % (Network Bandwidth Requirements)`.
pub fn bound(limit: &LimitResult) -> String {
    let source = match &limit.source {
        LimitSource::Document(source) => &source.section,
        LimitSource::Own(words) => words,
    };
    format!("the limit is {} {} ({source})", number(limit.limit), unit(&limit.unit))
}

/// What was measured with: `STAMP on UDP 19099`; empty where the probe does not say.
pub fn via(facts: &Facts) -> String {
    let Some(via) = facts.get::<Value>(&metric::VIA) else { return String::new() };
    if let Some(words) = via.as_str() {
        return words.to_owned();
    }
    let text = |key: &str| via.get(key).and_then(Value::as_str).map(str::to_owned);
    let method = text("method").unwrap_or_else(|| "an unnamed method".to_owned());
    let port = via.get("port").and_then(Value::as_u64).map(|p| format!(" {p}")).unwrap_or_default();
    match text("transport") {
        Some(transport) if method == "turn" => {
            let at = text("server").map(|server| format!(" at {server}")).unwrap_or_default();
            // The transport of a relay over TLS is TCP; its way says more.
            let way: Option<Way> = via.get("way").and_then(|way| serde_json::from_value(way.clone()).ok());
            let over = way.and_then(|way| way.words().strip_prefix("TURN/")).map(str::to_owned);
            let over = over.unwrap_or_else(|| transport.to_uppercase());
            format!("media through the relay{at} over {over}, not over direct UDP")
        }
        Some(transport) => format!("{method} over {}{port}", transport.to_uppercase()),
        None => method,
    }
}

/// `audio and video of 80 kbit/s each way (81.2 offered, 107 at the IP level)`.
pub fn load(load: &Load, v6: bool) -> String {
    let offered = load.offered(v6);
    let levels = |way: &crate::model::offered::OneWay| {
        format!("{} offered, {} at the IP level", number(way.payload_kbps), number(way.ip_kbps))
    };
    let levels = match (load.up_kbps > 0.0, load.down_kbps > 0.0) {
        (true, true) if offered.up != offered.down => {
            format!("{} up; {} down", levels(&offered.up), levels(&offered.down))
        }
        (false, _) => levels(&offered.down),
        _ => levels(&offered.up),
    };
    format!("{} of codec payload ({levels})", load_words(load))
}

/// `, 253 packets in 4.1 s`.
pub fn extent(facts: &Facts) -> String {
    let sent: Option<u64> = facts.get(&metric::SENT);
    let seconds: Option<f64> = facts.get(&metric::DURATION_S);
    match (sent, seconds) {
        (Some(sent), Some(seconds)) => format!(", {sent} packets in {} s", number(seconds)),
        (Some(sent), None) => format!(", {sent} packets"),
        _ => String::new(),
    }
}

/// Mean round trip of a train, in milliseconds.
pub fn rtt_mean(facts: &Facts) -> Option<f64> {
    facts.get::<Value>(&metric::RTT_MS)?.get("mean")?.as_f64()
}

/// `50 of 50 packets came back, round trip 40.1 ms, which varies by 0.4 ms, loss 0 %, MOS 4.4`; empty where nothing was
/// measured.
pub fn train(facts: &Facts) -> String {
    let value = |m| facts.get::<f64>(m);
    let counts = facts.get::<u64>(&metric::SENT).zip(facts.get::<u64>(&metric::RECEIVED));
    let jitter = match (value(&metric::JITTER_MS), value(&metric::RTT_VARIATION_MS)) {
        (Some(jitter), _) => Some(format!("jitter {} ms", number(jitter))),
        (None, Some(varies)) => Some(format!("which varies by {} ms", number(varies))),
        (None, None) => None,
    };
    let clauses = [
        counts.map(|(sent, received)| format!("{received} of {sent} packets came back")),
        rtt_mean(facts).map(|ms| format!("round trip {} ms", number(ms))),
        jitter,
        value(&metric::LOSS_PCT).map(|pct| format!("loss {} %", number(pct))),
        value(&metric::MOS).map(|mos| format!("MOS {}", number(mos))),
    ];
    clauses.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What to do about a responder's refusal, by its words; `None` where they tell of neither a bound nor a key.
pub fn unlike_refusal(why: &str) -> Option<String> {
    let lower = why.to_lowercase();
    if lower.contains("key") {
        return Some("give the responder's own RTC_CHECK_RESPONDER_KEY here".to_owned());
    }
    let flag = why.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find(|w| w.starts_with("--max-"))?;
    // `at most 20000 kbit/s …, and 32065 were asked for`.
    let digits = |w: &str| w.trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let words: Vec<&str> = why.split_whitespace().collect();
    let asked = words.iter().rposition(|w| *w == "asked").and_then(|n| words.get(n.checked_sub(2)?)).map(|w| digits(w));
    let needed = || flag.ends_with("-bytes").then(|| words.last().map(|w| digits(w))).flatten();
    let value = asked.or_else(needed).filter(|n| !n.is_empty());
    Some(match value {
        // What others use of a common bound comes on top.
        _ if lower.contains("are free") || lower.contains("in use") || lower.contains("holds") => {
            format!("measure again when others have ended, or ask its operator to start it with a larger {flag}")
        }
        Some(value) => format!("ask its operator to start it with {flag} {value}"),
        None => format!("ask its operator to start it with a larger {flag}"),
    })
}

/// The far end fell silent half way, by the caveat that the probe adds: neither loss nor rate is judged then.
pub fn died(facts: &Facts) -> bool {
    let list: Vec<String> = facts.get(&metric::CAVEATS).unwrap_or_default();
    list.iter().any(|c| c.starts_with("nothing came back after"))
}

/// The caveats as sentences of their own; empty where there are none.
pub fn caveats(facts: &Facts) -> String {
    let list: Vec<String> = facts.get(&metric::CAVEATS).unwrap_or_default();
    list.iter().map(|c| format!(" Caveat: {}.", c.trim_end_matches('.'))).collect()
}

/// The same for a way through a relay or a call, of which everyone knows that it tells nothing by direction.
pub fn caveats_of_way(facts: &Facts) -> String {
    let list: Vec<String> = facts.get(&metric::CAVEATS).unwrap_or_default();
    let mut facts = Facts::new();
    let told: Vec<String> =
        list.into_iter().filter(|c| !c.starts_with("the far end tells nothing by direction")).collect();
    facts.set(&metric::CAVEATS, told);
    caveats(&facts)
}

/// How much longer to measure for what is undecided.
pub fn more(facts: &Facts) -> String {
    let packets: Option<f64> = facts.get(&metric::PACKETS_TO_DECIDE);
    let (sent, seconds): (Option<f64>, Option<f64>) = (facts.get(&metric::SENT), facts.get(&metric::DURATION_S));
    let Some(packets) = packets.filter(|p| *p > 0.0 && p.is_finite()) else {
        return "measure longer with --duration".to_owned();
    };
    let longer = sent.zip(seconds).filter(|(sent, s)| *sent > 0.0 && *s > 0.0).map(|(sent, s)| s * packets / sent);
    match longer.zip(seconds) {
        Some((longer, seconds)) => {
            // Room for what a longer train may still change, in round figures.
            let most = ((seconds + longer) * 1.1 / 10.0).ceil() * 10.0;
            format!("about {packets:.0} more packets ({longer:.0} s) would decide it: --duration {most:.0}")
        }
        None => format!("about {packets:.0} more packets would decide it: a longer --duration"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_are_read() {
        assert_eq!([0.0, 1.5, 12.34, 300.0, 0.333, 81.25].map(number), ["0", "1.5", "12.3", "300", "0.33", "81.2"]);
    }

    #[test]
    fn what_went_through_a_relay_is_told_as_such() {
        let mut facts = Facts::new();
        let relay = serde_json::json!({ "method": "turn", "transport": "tcp", "server": "192.0.2.3:443" });
        facts.set(&metric::VIA, &relay);
        assert_eq!(via(&facts), "media through the relay at 192.0.2.3:443 over TCP, not over direct UDP");
        let relay =
            serde_json::json!({ "way": "turn-tls", "method": "turn", "transport": "tcp", "server": "192.0.2.3:443" });
        facts.set(&metric::VIA, &relay);
        assert_eq!(via(&facts), "media through the relay at 192.0.2.3:443 over TLS, not over direct UDP");
    }

    #[test]
    fn what_is_undecided_says_how_much_longer() {
        let mut facts = Facts::new();
        assert_eq!(more(&facts), "measure longer with --duration");
        facts.set(&metric::PACKETS_TO_DECIDE, 1000);
        facts.set(&metric::SENT, 1500);
        facts.set(&metric::DURATION_S, 30.0);
        assert_eq!(more(&facts), "about 1000 more packets (20 s) would decide it: --duration 60");
    }

    #[test]
    fn both_numbers_of_a_rate_are_told() {
        let of = Load { media: Default::default(), up_kbps: 80.0, down_kbps: 80.0, sessions: 1, down_streams: 1 };
        assert_eq!(
            load(&of, false),
            "audio and video of 80 kbit/s each way of codec payload (81.3 offered, 107 at the IP level)"
        );
    }
}
