//! SIP OPTIONS, by themselves and behind a WebSocket.

use serde_json::Value;

use crate::model::{Facts, Seen, Status, Step, metric};

pub fn status(facts: &Facts) -> Status {
    match facts.get(&metric::SIP_STATUS) {
        Some(code) if is_in_trouble(code) || rewritten(facts).is_some() => Status::Warn,
        Some(_) => Status::Pass,
        None => Status::Unknown,
    }
}

pub fn words(facts: &Facts) -> String {
    let Some(code) = facts.get::<u16>(&metric::SIP_STATUS) else {
        return "is open, and its answer to OPTIONS was not told".to_owned();
    };
    let alg = rewritten(facts)
        .map(|why| {
            format!(
                "; a SIP ALG in between rewrites the messages ({why}): switch it off on the router (SIP ALG, SIP helper or session-helper)"
            )
        })
        .unwrap_or_default();
    format!("answered OPTIONS with {}{alg}", answer(code, facts))
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
    format!(", SIP OPTIONS answered {}", answer(code, facts))
}

/// Code, time and server of an answer.
fn answer(code: u16, facts: &Facts) -> String {
    let time = facts.get::<f64>(&metric::SIP_RTT_MS).map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    let server = facts.get::<String>(&metric::SIP_SERVER).map(|s| format!(" by {s}")).unwrap_or_default();
    let trouble = if is_in_trouble(code) { ": the server itself is in trouble, look at its log" } else { "" };
    format!("{code}{time}{server}{trouble}")
}

/// What became of SIP OPTIONS that no answer came to.
pub fn failure(seen: &Seen) -> Option<&str> {
    seen.observation.trouble_at(Step::Options)
}

/// Any answer but these is a living server's, 4xx and 501 to OPTIONS included (RFC 3261 section 21.5).
pub fn is_in_trouble(sip: u16) -> bool {
    (500..600).contains(&sip) && sip != 501
}

/// What shows that the request was rewritten on the way, where something does.
pub fn rewritten(facts: &Facts) -> Option<String> {
    let alg: Value = facts.get(&metric::SIP_ALG)?;
    let why = alg.get("why")?.as_str()?.to_owned();
    (alg.get("verdict")?.as_str() == Some("rewritten")).then_some(why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(code: u16, verdict: &str) -> Facts {
        let mut facts = Facts::default();
        facts.set(&metric::SIP_STATUS, code);
        facts.set(&metric::SIP_SERVER, "kamailio");
        facts.set(&metric::SIP_ALG, json!({ "verdict": verdict, "why": "seen" }));
        facts
    }

    #[test]
    fn any_answer_passes_but_trouble_and_rewriting_warn() {
        for (code, verdict, status) in [
            (200, "none", Status::Pass),
            (404, "cannot-tell", Status::Pass),
            (501, "none", Status::Pass),
            (503, "none", Status::Warn),
            (200, "rewritten", Status::Warn),
        ] {
            assert_eq!(super::status(&facts(code, verdict)), status, "{code} {verdict}");
        }
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        assert_eq!(status(&Facts::new()), Status::Unknown);
        assert!(words(&Facts::new()).contains("was not told"));
    }

    #[test]
    fn the_words_say_what_to_do_about_an_alg() {
        assert_eq!(words(&facts(404, "none")), "answered OPTIONS with 404 by kamailio");
        let alg = words(&facts(200, "rewritten"));
        assert!(
            alg.contains("a SIP ALG in between rewrites the messages (seen): switch it off on the router"),
            "{alg}"
        );
    }
}
