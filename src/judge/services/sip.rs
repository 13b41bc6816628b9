//! SIP OPTIONS, by themselves and behind a WebSocket.

use crate::model::{Facts, Seen, Status, Step, metric};

pub fn status(facts: &Facts) -> Status {
    if facts.get(&metric::SIP_STATUS).is_some_and(is_in_trouble) { Status::Warn } else { Status::Pass }
}

pub fn words(_facts: &Facts) -> String {
    "is open".to_owned()
}

/// What SIP OPTIONS over a WebSocket told; empty where they were not sent.
pub fn behind_a_websocket(seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    let Some(code) = facts.get::<u16>(&metric::SIP_STATUS) else {
        return match failure(seen) {
            Some(words) => {
                format!("; SIP OPTIONS got no answer ({words}): the WebSocket works, look at the SIP service behind it")
            }
            None => String::new(),
        };
    };
    let time = facts.get::<f64>(&metric::SIP_RTT_MS).map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    let server = facts.get::<String>(&metric::SIP_SERVER).map(|s| format!(" by {s}")).unwrap_or_default();
    let trouble = if is_in_trouble(code) { ": the server itself is in trouble, look at its log" } else { "" };
    format!(", SIP OPTIONS answered {code}{time}{server}{trouble}")
}

/// What became of SIP OPTIONS that no answer came to.
pub fn failure(seen: &Seen) -> Option<&str> {
    let steps = &seen.observation.steps;
    steps.iter().find(|s| s.step == Step::Options && s.result != "ok").map(|s| s.result.as_str())
}

/// Any answer but these is a living server's, 4xx and 501 to OPTIONS included (RFC 3261 section 21.5).
pub fn is_in_trouble(sip: u16) -> bool {
    (500..600).contains(&sip) && sip != 501
}
