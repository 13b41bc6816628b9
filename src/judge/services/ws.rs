//! WebSockets, and SIP behind them.

use crate::model::{Seen, Status, metric};

use super::sip;

pub fn status(seen: &Seen) -> Status {
    let facts = &seen.observation.facts;
    // The answer to the upgrade.
    if !facts.has(&metric::HTTP_STATUS) {
        return Status::Unknown;
    }
    // It was held in silence and then answered no ping, so it is not shown to have been alive.
    let dead = facts.has(&metric::HELD_S) && !facts.has(&metric::PING_RTT_MS);
    // The WebSocket is there, and the SIP service behind it is not well.
    let no_sip = sip::failure(seen).is_some() && !facts.has(&metric::SIP_STATUS);
    let trouble = facts.get(&metric::SIP_STATUS).is_some_and(sip::is_in_trouble);
    if dead || no_sip || trouble { Status::Warn } else { Status::Pass }
}

pub fn words(seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    if !facts.has(&metric::HTTP_STATUS) {
        return "gave no answer to the upgrade that could be read, so nothing is known of what listens there"
            .to_owned();
    }
    let number = |m| facts.get::<f64>(m);
    let chosen = facts.get::<String>(&metric::SUBPROTOCOL).map_or_else(String::new, |s| format!(" as {s}"));
    let ping = match number(&metric::PING_RTT_MS) {
        Some(ms) => format!(", ping answered in {ms:.1} ms"),
        // A page cannot send pings; an echo is as good.
        None if facts.has(&metric::BROWSER) => {
            number(&metric::ECHO_MS).map_or_else(String::new, |ms| format!(", a message came back in {ms:.1} ms"))
        }
        None => ", though it answered no ping".to_owned(),
    };
    let held = number(&metric::HELD_S).map_or_else(String::new, |s| format!(", held open {s:.0} s in silence"));
    format!("upgraded{chosen}{ping}{held}{}", sip::behind_a_websocket(seen))
}
